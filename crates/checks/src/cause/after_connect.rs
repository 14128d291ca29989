//! Causes that show only after the handshake: the wrong words, the wrong listener, a refusal in words.

causes! {
    too_many_connections,
    websocket_upgrade_missing,
    auth_not_connection,
    host_header_blocked,
    https_forced,
    tls_handshake_refused,
    plaintext_server_tls_client,
    tls_server_plain_client,
    http2_only_server,
    wrong_protocol,
    proxy_upstream_down,
    reuseport_split,
    shadowed_by_specific,
    split_by_family,
    stale_instance,
    http_error_status,
    server_resets,
    server_closes_immediately,
}
