//! Causes that the text alone tells: what failed is not on this machine any more, or is no endpoint at all.

mod debug_port_probed;
mod debug_session_ended;

use super::Check;

/// The causes of this group, more specific ones first.
pub(super) const CHECKS: &[Check] = &[debug_session_ended::CHECK, debug_port_probed::CHECK];
