//! Causes that the text alone tells: what failed is not on this machine any more, or is no endpoint at all.

mod cookie_not_sent;
mod cors_blocked;
mod debug_port_probed;
mod debug_session_ended;
mod port_out_of_range;
mod private_network_access;
mod tls_untrusted_cert;
mod windows_excluded_range;

use super::Cause;

/// The causes of this group, more specific ones first.
pub(super) const CAUSES: &[Cause] = &[
    port_out_of_range::CAUSE,
    debug_session_ended::CAUSE,
    debug_port_probed::CAUSE,
    private_network_access::CAUSE,
    cors_blocked::CAUSE,
    cookie_not_sent::CAUSE,
    tls_untrusted_cert::CAUSE,
    windows_excluded_range::CAUSE,
];
