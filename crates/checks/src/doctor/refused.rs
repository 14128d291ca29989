//! Causes of "connection refused": nobody who would accept is there.

mod listen_other_family;
mod no_listener;

use super::Check;

/// The causes of this group, more specific ones first.
pub(super) const CHECKS: &[Check] = &[listen_other_family::CHECK, no_listener::CHECK];
