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
mod swapping_or_oom;
mod syn_backlog;

use super::Cause;

/// The causes of this group, more specific ones first.
pub(super) const CAUSES: &[Cause] = &[
    proc_frozen::CAUSE,
    proc_traced_stop::CAUSE,
    proc_stopped::CAUSE,
    fd_limit::CAUSE,
    deadlock_self_call::CAUSE,
    swapping_or_oom::CAUSE,
    server_busy::CAUSE,
    accept_queue_full::CAUSE,
    backend_dns_hang::CAUSE,
    accept_stalled::CAUSE,
    syn_backlog::CAUSE,
    conntrack_full::CAUSE,
    firewall_drop::CAUSE,
    mtu_blackhole::CAUSE,
    app_hang_after_accept::CAUSE,
    close_wait_leak::CAUSE,
    half_open::CAUSE,
    one_shot_server::CAUSE,
];
