//! Causes of "connection refused": nobody who would accept is there.

mod another_machine;
mod bound_not_listening;
mod container_binds_loopback;
mod crash_loop;
mod firewall_reject;
mod jdwp_busy;
mod jdwp_loopback_only;
mod jdwp_role_swapped;
mod listen_loopback_only;
mod listen_other_address;
mod listen_other_family;
mod listen_v6only_wildcard;
mod listener_exited;
mod listener_in_other_netns;
mod localhost_means_another_host;
mod nat_redirect;
mod no_listener;
mod not_ready_yet;
mod port_mismatch;
mod served_in_session;
mod service_disabled;
mod stale_pidfile;
mod stale_unix_socket;
mod tcp_not_udp;
mod tunnel_down;
mod udp_not_tcp;
mod unix_socket_expected;
mod unix_socket_missing;
mod unix_socket_only;
mod unix_socket_permission;
mod waiting_for_debugger;
mod wrong_client_config;

use super::Check;

/// The causes of this group, more specific ones first.
pub(super) const CHECKS: &[Check] = &[
    container_binds_loopback::CHECK,
    firewall_reject::CHECK,
    nat_redirect::CHECK,
    listen_v6only_wildcard::CHECK,
    listen_other_family::CHECK,
    jdwp_loopback_only::CHECK,
    listen_loopback_only::CHECK,
    listen_other_address::CHECK,
    bound_not_listening::CHECK,
    listener_in_other_netns::CHECK,
    another_machine::CHECK,
    jdwp_busy::CHECK,
    jdwp_role_swapped::CHECK,
    waiting_for_debugger::CHECK,
    crash_loop::CHECK,
    not_ready_yet::CHECK,
    tunnel_down::CHECK,
    served_in_session::CHECK,
    wrong_client_config::CHECK,
    localhost_means_another_host::CHECK,
    stale_pidfile::CHECK,
    service_disabled::CHECK,
    listener_exited::CHECK,
    unix_socket_only::CHECK,
    port_mismatch::CHECK,
    udp_not_tcp::CHECK,
    tcp_not_udp::CHECK,
    unix_socket_expected::CHECK,
    unix_socket_permission::CHECK,
    stale_unix_socket::CHECK,
    unix_socket_missing::CHECK,
    no_listener::CHECK,
];
