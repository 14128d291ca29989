//! Causes of hangs and timeouts: somebody is there, and does not answer.

causes! {
    proc_frozen,
    proc_traced_stop,
    proc_stopped,
    fd_limit,
    deadlock_self_call,
    swapping_or_oom,
    server_busy,
    accept_queue_full,
    backend_dns_hang,
    accept_stalled,
    syn_backlog,
    conntrack_full,
    firewall_drop,
    mtu_blackhole,
    app_hang_after_accept,
    close_wait_leak,
    half_open,
    one_shot_server,
}
