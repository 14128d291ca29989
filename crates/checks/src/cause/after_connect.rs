//! Causes that show only after the handshake: the wrong words, the wrong listener, a refusal in words.

mod auth_not_connection;
mod host_header_blocked;
mod http2_only_server;
mod http_error_status;
mod https_forced;
mod plaintext_server_tls_client;
mod proxy_upstream_down;
mod reuseport_split;
mod server_closes_immediately;
mod server_resets;
mod shadowed_by_specific;
mod split_by_family;
mod stale_instance;
mod tls_handshake_refused;
mod tls_server_plain_client;
mod too_many_connections;
mod websocket_upgrade_missing;
mod wrong_protocol;

use super::Cause;

/// The causes of this group, more specific ones first.
pub(super) const CAUSES: &[Cause] = &[
    too_many_connections::CAUSE,
    websocket_upgrade_missing::CAUSE,
    auth_not_connection::CAUSE,
    host_header_blocked::CAUSE,
    https_forced::CAUSE,
    tls_handshake_refused::CAUSE,
    plaintext_server_tls_client::CAUSE,
    tls_server_plain_client::CAUSE,
    http2_only_server::CAUSE,
    wrong_protocol::CAUSE,
    proxy_upstream_down::CAUSE,
    reuseport_split::CAUSE,
    shadowed_by_specific::CAUSE,
    split_by_family::CAUSE,
    stale_instance::CAUSE,
    http_error_status::CAUSE,
    server_resets::CAUSE,
    server_closes_immediately::CAUSE,
];
