//! Causes of hangs and timeouts: somebody is there, and does not answer.

mod accept_queue_full;
mod accept_stalled;
mod app_hang_after_accept;
mod backend_dns_hang;
mod close_wait_leak;
mod conntrack_full;
mod deadlock_self_call;
mod fd_limit;
mod firewall_drop;
mod half_open;
mod mtu_blackhole;
mod one_shot_server;
mod proc_frozen;
mod proc_stopped;
mod proc_traced_stop;
mod server_busy;
mod serving;
mod swapping_or_oom;
mod syn_backlog;
mod waits;

use super::Check;

/// The causes of this group, more specific ones first.
pub(super) const CHECKS: &[Check] = &[
    proc_frozen::CHECK,
    proc_traced_stop::CHECK,
    proc_stopped::CHECK,
    fd_limit::CHECK,
    deadlock_self_call::CHECK,
    swapping_or_oom::CHECK,
    server_busy::CHECK,
    accept_queue_full::CHECK,
    backend_dns_hang::CHECK,
    accept_stalled::CHECK,
    syn_backlog::CHECK,
    conntrack_full::CHECK,
    firewall_drop::CHECK,
    mtu_blackhole::CHECK,
    app_hang_after_accept::CHECK,
    close_wait_leak::CHECK,
    half_open::CHECK,
    one_shot_server::CHECK,
];
