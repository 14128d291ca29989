//! Causes that are a rule, an address or a name: nobody is asked at all.

pub(crate) use proxy_env_captures_localhost::local_proxy;

causes! {
    hosts_localhost_missing,
    name_unknown,
    hosts_localhost_wrong,
    localhost_subdomain_unresolved,
    proxy_env_captures_localhost,
    browser_unsafe_port,
    dot_dev_hsts,
    loopback_down,
    lo_mtu,
    ipv6_disabled,
    family_denied,
    loopback_addr_missing,
    policy_route,
    ephemeral_exhausted,
    link_local_without_zone,
    multicast_over_tcp,
    addr_not_local,
    reserved_port,
    privileged_port,
    folder_closed,
    landlock_denied,
    lsm_denied,
    seccomp_denied,
    cgroup_bpf_denied,
    sandbox_denied,
}
