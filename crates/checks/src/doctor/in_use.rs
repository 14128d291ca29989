//! Causes of "address already in use" beside those of the kernel's own rules in [`crate::bind`].

mod docker_duplicate_publish;
mod docker_ghost_allocation;
mod double_start;
mod held;
mod orphan_holds_port;
mod respawned_by_supervisor;
mod system_service_holds;
mod wsl_host_holds;

use super::Check;

/// The causes of this group, more specific ones first.
pub(super) const CHECKS: &[Check] = &[
    docker_duplicate_publish::CHECK,
    docker_ghost_allocation::CHECK,
    respawned_by_supervisor::CHECK,
    system_service_holds::CHECK,
    orphan_holds_port::CHECK,
    double_start::CHECK,
    wsl_host_holds::CHECK,
];
