//! Causes of hangs and timeouts: somebody is there, and does not answer.

mod proc_stopped;

use super::Check;

/// The causes of this group, more specific ones first.
pub(super) const CHECKS: &[Check] = &[proc_stopped::CHECK];
