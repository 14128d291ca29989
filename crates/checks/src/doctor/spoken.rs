//! Causes that the text alone tells: what failed is not on this machine any more, or is no endpoint at all.

mod cookie_not_sent;
mod cors_blocked;
mod debug_port_probed;
mod debug_session_ended;
mod private_network_access;
mod tls_untrusted_cert;

use super::Check;

/// The causes of this group, more specific ones first.
pub(super) const CHECKS: &[Check] = &[
    debug_session_ended::CHECK,
    debug_port_probed::CHECK,
    private_network_access::CHECK,
    cors_blocked::CHECK,
    cookie_not_sent::CHECK,
    tls_untrusted_cert::CHECK,
];
