//! Causes that are a rule, an address or a name: nobody is asked at all.

mod loopback_down;

use super::Check;

/// The causes of this group, more specific ones first.
pub(super) const CHECKS: &[Check] = &[loopback_down::CHECK];
