//! Causes that show only after the handshake: the wrong words, the wrong listener, a refusal in words.

mod auth_not_connection;
mod forwarder;
mod host_header_blocked;
mod http2_only_server;
mod http_error_status;
mod https_forced;
mod plaintext_server_tls_client;
mod proxy_upstream_down;
mod reuseport_split;
mod sameness;
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

use super::Check;

/// The causes of this group, more specific ones first.
pub(super) const CHECKS: &[Check] = &[
    too_many_connections::CHECK,
    websocket_upgrade_missing::CHECK,
    auth_not_connection::CHECK,
    host_header_blocked::CHECK,
    https_forced::CHECK,
    tls_handshake_refused::CHECK,
    plaintext_server_tls_client::CHECK,
    tls_server_plain_client::CHECK,
    http2_only_server::CHECK,
    wrong_protocol::CHECK,
    proxy_upstream_down::CHECK,
    reuseport_split::CHECK,
    shadowed_by_specific::CHECK,
    split_by_family::CHECK,
    stale_instance::CHECK,
    http_error_status::CHECK,
    server_resets::CHECK,
    server_closes_immediately::CHECK,
];
