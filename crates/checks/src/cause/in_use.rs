//! Causes of "address already in use": whose it is, and what the kernel's own rules say of it.

mod docker_duplicate_publish;
mod docker_ghost_allocation;
mod double_start;
mod held_by_other_user;
mod kernel_holds;
mod orphan_holds_port;
mod port_held_by_connection;
mod port_held_by_outgoing;
mod port_held_by_process;
mod port_held_dualstack;
mod respawned_by_supervisor;
mod reuseport_mismatch;
mod self_connect;
mod socket_activation;
mod system_service_holds;
mod time_wait;
mod unix_path_held;
mod wsl_host_holds;

use super::Cause;

/// The causes of this group, more specific ones first.
pub(super) const CAUSES: &[Cause] = &[
    docker_duplicate_publish::CAUSE,
    docker_ghost_allocation::CAUSE,
    respawned_by_supervisor::CAUSE,
    system_service_holds::CAUSE,
    orphan_holds_port::CAUSE,
    double_start::CAUSE,
    wsl_host_holds::CAUSE,
    port_held_by_process::CAUSE,
    port_held_dualstack::CAUSE,
    held_by_other_user::CAUSE,
    socket_activation::CAUSE,
    kernel_holds::CAUSE,
    reuseport_mismatch::CAUSE,
    self_connect::CAUSE,
    port_held_by_outgoing::CAUSE,
    port_held_by_connection::CAUSE,
    time_wait::CAUSE,
    unix_path_held::CAUSE,
];
