//! Causes that the text alone tells: what failed is not on this machine any more, or is no endpoint at all.

mod cookie_not_sent;
mod cors_blocked;
mod debug_port_probed;
mod debug_session_ended;
mod port_out_of_range;
mod private_network_access;
mod tls_untrusted_cert;
mod windows_excluded_range;

use super::Check;

/// The causes of this group, more specific ones first.
pub(super) const CHECKS: &[Check] = &[
    port_out_of_range::CHECK,
    debug_session_ended::CHECK,
    debug_port_probed::CHECK,
    private_network_access::CHECK,
    cors_blocked::CHECK,
    cookie_not_sent::CHECK,
    tls_untrusted_cert::CHECK,
    windows_excluded_range::CHECK,
];
