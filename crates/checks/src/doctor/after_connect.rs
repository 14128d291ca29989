//! Causes that show only after the handshake: the wrong words, the wrong listener, a refusal in words.

mod server_closes_immediately;

use super::Check;

/// The causes of this group, more specific ones first.
pub(super) const CHECKS: &[Check] = &[server_closes_immediately::CHECK];
