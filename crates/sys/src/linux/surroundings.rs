//! What surrounds a connection: settings of the network namespace that the calling thread is in, the hosts file,
//! proxies of the environment.

use std::{env, os::unix::ffi::OsStrExt};

use portward_model::{Family, NetworkSettings, ProxySetting, Text, Topic};
use portward_wire::{
    netlink::{read_rule, rule_before_local, rule_request},
    procfs,
};

use super::{firewall, interfaces, kernel, netlink::Connection};
use crate::{Answer, SysError};

/// What concerns the machine as a whole.
pub(super) fn read(topic: Topic) -> Result<Answer, SysError> {
    Ok(match topic {
        Topic::Firewall => Answer::Firewall(firewall::rules()),
        Topic::Hosts => Answer::Hosts(procfs::hosts_lines(&kernel::file("/etc/hosts")?)),
        Topic::Network => Answer::Network(network()?),
    })
}

fn network() -> Result<NetworkSettings, SysError> {
    let interfaces = interfaces::read()?;
    let v6_off = ["all", "lo"].map(|name| setting(&format!("ipv6/conf/{name}/disable_ipv6")));
    let tracked = setting("netfilter/nf_conntrack_count").zip(setting("netfilter/nf_conntrack_max"));
    let kernel = rustix::system::uname().release().to_bytes().to_ascii_lowercase();
    Ok(NetworkSettings {
        max_backlog: setting("core/somaxconn"),
        max_half_open: setting("ipv4/tcp_max_syn_backlog"),
        syn_cookies: setting("ipv4/tcp_syncookies"),
        // A kernel without IPv6 has no such settings at all.
        ipv6_disabled: if kernel::metadata("/proc/sys/net/core").is_ok() {
            Some(v6_off.contains(&Some(1)) || kernel::metadata("/proc/sys/net/ipv6").is_err())
        } else {
            None
        },
        loopback_mtu: interfaces.iter().find(|interface| interface.loopback).and_then(|interface| interface.mtu),
        tracked_connections: tracked,
        gateway: kernel::file("/proc/thread-self/net/route").ok().and_then(|bytes| procfs::default_gateway(&bytes)),
        container: container(),
        wsl: [&b"microsoft"[..], b"wsl"].iter().any(|mark| kernel.windows(mark.len()).any(|part| part == *mark)),
        rule_before_local: before_local(),
    })
}

fn setting(name: &str) -> Option<u32> {
    let bytes = kernel::file(&format!("/proc/sys/net/{name}")).ok()?;
    std::str::from_utf8(&bytes).ok()?.trim().parse().ok()
}

/// The runtime whose container this is, by the files that runtimes leave and the group of the first process.
fn container() -> Option<String> {
    for (file, runtime) in [("/.dockerenv", "docker"), ("/run/.containerenv", "podman")] {
        if rustix::fs::stat(file).is_ok() {
            return Some(runtime.to_owned());
        }
    }
    // systemd keeps here what its own container told it (`systemd-detect-virt(1)`).
    let named = kernel::file("/run/systemd/container").ok().map(|bytes| Text::new(bytes.trim_ascii()).shown());
    named.filter(|name| !name.is_empty()).or_else(|| {
        let group = kernel::file("/proc/1/cgroup").ok()?;
        procfs::runtime_of_cgroup(&group).map(str::to_owned)
    })
}

/// True when a rule of either family comes before the table `local`; `None` where the kernel does not tell.
fn before_local() -> Option<bool> {
    let mut connection = Connection::to(interfaces::NETLINK_ROUTE, "rule").ok()?;
    let mut known = None;
    for family in [Family::Ipv4, Family::Ipv6] {
        let mut rules = Vec::new();
        let asked = interfaces::collect(&mut connection, &rule_request(family), "rule", &mut |kind, body| {
            rules.extend(read_rule(kind, body)?);
            Ok(())
        });
        // A kernel without policy routing refuses, and has no rules.
        if asked.is_ok() && !rules.is_empty() {
            known = Some(known.unwrap_or(false) || rule_before_local(&rules));
        }
    }
    known
}

/// Proxies that this process's environment names. An upper-case `HTTP_PROXY` is listed too, though some clients
/// do not obey it (`CGI` programs get request headers by such names).
pub(super) fn proxies() -> Vec<ProxySetting> {
    let variables = VARIABLES.iter().filter_map(|name| Some((name, env::var_os(name)?)));
    variables
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| {
            let value = value.as_bytes();
            let listed = name.eq_ignore_ascii_case("no_proxy");
            let value = if listed { Text::new(value) } else { procfs::proxy_endpoint(value) };
            ProxySetting { variable: (*name).to_owned(), value }
        })
        .collect()
}

const VARIABLES: &[&str] =
    &["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"];
