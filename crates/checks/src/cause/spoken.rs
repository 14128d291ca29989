//! Causes that the text alone tells: what failed is not on this machine any more, or is no endpoint at all.

causes! {
    port_out_of_range,
    debug_session_ended,
    debug_port_probed,
    private_network_access,
    cors_blocked,
    cookie_not_sent,
    tls_untrusted_cert,
    windows_excluded_range,
}
