//! Causes of "connection refused": nobody who would accept is there.

mod another_machine;
mod bound_not_listening;
mod listen_loopback_only;
mod listen_other_address;
mod listen_other_family;
mod listen_v6only_wildcard;
mod listener_in_other_netns;
mod no_listener;
mod tcp_not_udp;
mod udp_not_tcp;

use super::Check;

/// The causes of this group, more specific ones first.
pub(super) const CHECKS: &[Check] = &[
    listen_v6only_wildcard::CHECK,
    listen_other_family::CHECK,
    listen_loopback_only::CHECK,
    listen_other_address::CHECK,
    bound_not_listening::CHECK,
    listener_in_other_netns::CHECK,
    another_machine::CHECK,
    udp_not_tcp::CHECK,
    tcp_not_udp::CHECK,
    no_listener::CHECK,
];
