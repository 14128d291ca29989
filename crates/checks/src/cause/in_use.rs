//! Causes of "address already in use": whose it is, and what the kernel's own rules say of it.

causes! {
    docker_duplicate_publish,
    docker_ghost_allocation,
    respawned_by_supervisor,
    system_service_holds,
    orphan_holds_port,
    double_start,
    session_serves,
    wsl_host_holds,
    port_held_by_process,
    port_held_dualstack,
    held_by_other_user,
    socket_activation,
    kernel_holds,
    reuseport_mismatch,
    self_connect,
    port_held_by_outgoing,
    port_held_by_connection,
    time_wait,
    unix_path_held,
}
