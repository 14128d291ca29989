//! Facts about the machine and the kernel's port rules.

use portward_model::{HostFacts, Moment, PortRange, PortRules, Text};
use portward_wire::procfs;
use rustix::{
    process::{geteuid, getpid},
    thread::{CapabilitySet, capabilities},
    time::{ClockId, clock_gettime},
};

use super::{kernel, namespace_inode};
use crate::{Beyond, SysError};

pub(super) fn facts() -> HostFacts {
    let system = rustix::system::uname();
    let now = clock_gettime(ClockId::Realtime);
    HostFacts {
        name: Text::new(system.nodename().to_bytes()),
        kernel: Text::new(system.release().to_bytes()),
        uid: geteuid().as_raw(),
        pid: getpid().as_raw_nonzero().get().unsigned_abs(),
        netns: namespace_inode("/proc/self/ns/net", "net").unwrap_or(0),
        privileged: holds(CapabilitySet::SYS_PTRACE),
        sees_all_pids: namespace_inode("/proc/self/ns/pid", "pid") == Some(FIRST_PID_NAMESPACE),
        now: Moment(now.tv_sec * 1000 + now.tv_nsec / 1_000_000),
    }
}

/// The inode of this process's pid namespace; `None` where that is the machine's first (`pid_namespaces(7)`).
pub(super) fn own_pid_namespace() -> Option<u64> {
    namespace_inode("/proc/self/ns/pid", "pid").filter(|inode| *inode != FIRST_PID_NAMESPACE)
}

fn holds(wanted: CapabilitySet) -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(wanted))
}

/// A setting of the reader's network namespace; `None` where it is absent.
fn setting(name: &str) -> Option<Vec<u8>> {
    kernel::file(&format!("/proc/sys/net/{name}")).ok()
}

fn switch(name: &str) -> bool {
    setting(name).is_some_and(|bytes| bytes.trim_ascii() == b"1")
}

pub(super) fn port_rules() -> Result<PortRules, SysError> {
    let path = "/proc/sys/net/ipv4/ip_local_port_range";
    let bytes = kernel::file(path)?;
    let ephemeral = procfs::port_range(&bytes).unwrap_or(PortRange { first: 32768, last: 60999 });
    let start = setting("ipv4/ip_unprivileged_port_start");
    let start = start.and_then(|bytes| std::str::from_utf8(bytes.trim_ascii()).ok().and_then(|text| text.parse::<u32>().ok()));
    Ok(PortRules {
        ephemeral,
        reserved: setting("ipv4/ip_local_reserved_ports").map(|bytes| procfs::port_ranges(&bytes)).unwrap_or_default(),
        // 65536 would refuse every port; the number does not fit the type and means the same as the highest.
        unprivileged_start: u16::try_from(start.unwrap_or(1024)).unwrap_or(u16::MAX),
        bind_v6_only: switch("ipv6/bindv6only"),
        nonlocal_bind: switch("ipv4/ip_nonlocal_bind"),
        may_bind_privileged: holds(CapabilitySet::NET_BIND_SERVICE),
    })
}

/// Compares the kernel's counters (`/proc/net/sockstat`) with the number of listeners.
///
/// `inuse` counts the hashed sockets of this namespace, listeners and connections; `alloc` counts every TCP
/// socket of the machine. When `inuse` is the number of listeners there is no connection, and when `alloc` is
/// `inuse` there is no socket that is merely bound, here or anywhere.
pub(super) fn beyond_listeners(listeners: usize) -> Beyond {
    let (Some(v4), Some(v6)) = (start_of("/proc/self/net/sockstat"), start_of("/proc/self/net/sockstat6")) else {
        return Beyond::UNKNOWN;
    };
    let number = |bytes: &[u8], protocol, name| procfs::socket_statistic(bytes, protocol, name);
    let (Some(v4_used), Some(v6_used), Some(allocated)) =
        (number(&v4, "TCP", "inuse"), number(&v6, "TCP6", "inuse"), number(&v4, "TCP", "alloc"))
    else {
        return Beyond::UNKNOWN;
    };
    let used = v4_used + v6_used;
    Beyond { connected: used != listeners, bound: allocated > used, many: used > MANY }
}

/// The first kilobyte of a file of statistics.
fn start_of(path: &str) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 1024];
    let read = std::io::Read::read(&mut kernel::open(path).ok()?, &mut bytes).ok()?;
    bytes.truncate(read);
    Some(bytes)
}

/// TCP sockets above which a thread of its own reads them in less time than it takes to start.
const MANY: usize = 1_000;
/// `PROC_PID_INIT_INO` of `linux/proc_ns.h`: the machine's first pid namespace always has this inode.
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;
