//! Causes of "address already in use" beside those of the kernel's own rules in [`crate::bind`].

mod orphan_holds_port;

use super::Check;

/// The causes of this group, more specific ones first.
pub(super) const CHECKS: &[Check] = &[orphan_holds_port::CHECK];
