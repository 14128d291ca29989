//! Causes that are a rule, an address or a name: nobody is asked at all.

mod addr_not_local;
mod browser_unsafe_port;
mod cgroup_bpf_denied;
mod dot_dev_hsts;
mod ephemeral_exhausted;
mod hosts_localhost_missing;
mod hosts_localhost_wrong;
mod ipv6_disabled;
mod landlock_denied;
mod link_local_without_zone;
mod lo_mtu;
mod localhost_subdomain_unresolved;
mod loopback_addr_missing;
mod loopback_down;
mod lsm_denied;
mod multicast_over_tcp;
mod policy_route;
mod privileged_port;
mod proxy_env_captures_localhost;
mod reserved_port;
mod sandbox_denied;
mod seccomp_denied;

use super::Cause;

pub(crate) use proxy_env_captures_localhost::local_proxy;

/// The causes of this group, more specific ones first.
pub(super) const CAUSES: &[Cause] = &[
    hosts_localhost_missing::CAUSE,
    hosts_localhost_wrong::CAUSE,
    localhost_subdomain_unresolved::CAUSE,
    proxy_env_captures_localhost::CAUSE,
    browser_unsafe_port::CAUSE,
    dot_dev_hsts::CAUSE,
    loopback_down::CAUSE,
    lo_mtu::CAUSE,
    ipv6_disabled::CAUSE,
    loopback_addr_missing::CAUSE,
    policy_route::CAUSE,
    ephemeral_exhausted::CAUSE,
    link_local_without_zone::CAUSE,
    multicast_over_tcp::CAUSE,
    addr_not_local::CAUSE,
    reserved_port::CAUSE,
    privileged_port::CAUSE,
    landlock_denied::CAUSE,
    lsm_denied::CAUSE,
    seccomp_denied::CAUSE,
    cgroup_bpf_denied::CAUSE,
    sandbox_denied::CAUSE,
];
