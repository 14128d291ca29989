//! Causes that are a rule, an address or a name: nobody is asked at all.

mod browser_unsafe_port;
mod cgroup_bpf_denied;
mod dot_dev_hsts;
mod ephemeral_exhausted;
mod hosts_localhost_missing;
mod hosts_localhost_wrong;
mod ipv6_disabled;
mod landlock_denied;
mod lo_mtu;
mod localhost_subdomain_unresolved;
mod loopback_addr_missing;
mod loopback_down;
mod lsm_denied;
mod place;
mod policy_route;
mod privileged_port;
mod proxy_env_captures_localhost;
mod refusal;
mod reserved_port;
mod sandbox_denied;
mod seccomp_denied;

use super::Check;

pub(super) use proxy_env_captures_localhost::local_proxy;

/// The causes of this group, more specific ones first.
pub(super) const CHECKS: &[Check] = &[
    hosts_localhost_missing::CHECK,
    hosts_localhost_wrong::CHECK,
    localhost_subdomain_unresolved::CHECK,
    proxy_env_captures_localhost::CHECK,
    browser_unsafe_port::CHECK,
    dot_dev_hsts::CHECK,
    loopback_down::CHECK,
    lo_mtu::CHECK,
    ipv6_disabled::CHECK,
    loopback_addr_missing::CHECK,
    policy_route::CHECK,
    ephemeral_exhausted::CHECK,
    reserved_port::CHECK,
    privileged_port::CHECK,
    landlock_denied::CHECK,
    lsm_denied::CHECK,
    seccomp_denied::CHECK,
    cgroup_bpf_denied::CHECK,
    sandbox_denied::CHECK,
];
