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

use super::Cause;

/// The causes of this group, more specific ones first.
pub(super) const CAUSES: &[Cause] = &[
    container_binds_loopback::CAUSE,
    firewall_reject::CAUSE,
    nat_redirect::CAUSE,
    listen_v6only_wildcard::CAUSE,
    listen_other_family::CAUSE,
    jdwp_loopback_only::CAUSE,
    listen_loopback_only::CAUSE,
    listen_other_address::CAUSE,
    bound_not_listening::CAUSE,
    listener_in_other_netns::CAUSE,
    another_machine::CAUSE,
    unix_socket_only::CAUSE,
    jdwp_busy::CAUSE,
    jdwp_role_swapped::CAUSE,
    waiting_for_debugger::CAUSE,
    crash_loop::CAUSE,
    not_ready_yet::CAUSE,
    tunnel_down::CAUSE,
    served_in_session::CAUSE,
    wrong_client_config::CAUSE,
    stale_pidfile::CAUSE,
    service_disabled::CAUSE,
    listener_exited::CAUSE,
    port_mismatch::CAUSE,
    udp_not_tcp::CAUSE,
    tcp_not_udp::CAUSE,
    unix_socket_expected::CAUSE,
    localhost_means_another_host::CAUSE,
    unix_socket_permission::CAUSE,
    stale_unix_socket::CAUSE,
    unix_socket_missing::CAUSE,
    no_listener::CAUSE,
];
