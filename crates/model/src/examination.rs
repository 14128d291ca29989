//! What is read beyond the tables when one endpoint is examined: how processes fare, what the network is set
//! to, what connections met, what project files say.
//!
//! A snapshot tells what is there; an examination tells how it behaves. Each part is plain data with its
//! source, so that a diagnosis is a pure function of both.

mod attempts;
mod programs;
mod standing;
#[macro_use]
mod topics;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Removal, Seen, Sentence, Text};

pub use attempts::{Attempt, DialTarget, Ended, Exchange, Met, Said};
pub use programs::{Errand, Moved, Observed, ObservedConnect, Sample, Told};
pub use standing::{FileKind, FolderFacts, PathFacts};

crate::topics! { examination! {
    /// How the processes that matter fare.
    pub vitals: Vec<Vitals>,
    /// Proxies that the reader's own environment names.
    pub proxies: Vec<ProxySetting>,
    /// What stands at the Unix paths that matter.
    pub paths: Vec<PathFacts>,
    /// What stands at the asked Unix path for processes that serve by its name, by their pids: below their own roots.
    #[serde(default)]
    pub below: Vec<(u32, PathFacts)>,
    /// Lines of project and service files that name the port.
    pub mentions: Vec<Mention>,
    /// Connections that were tried, in order.
    pub attempts: Vec<Attempt>,
    /// Binds that were tried on throw-away sockets, in order.
    pub tries: Vec<BindTry>,
    /// Probes that were not made, and why.
    pub declined: Vec<Declined>,
    /// The endpoint over time, where it was watched.
    pub samples: Vec<Sample>,
    /// Which processes were told to serve the asked port, as their environments and scripts say.
    #[serde(default)]
    pub told: Vec<Told>,
    /// The processes that the text names by number and that were looked for; those that are not in the snapshot are gone.
    #[serde(default)]
    pub named: Vec<u32>,
    /// Which holders serve one client and end, as their scripts say.
    #[serde(default)]
    pub errands: Vec<Errand>,
    /// Programs in projects' own localhosts that asked for the port, and serve another one outside.
    #[serde(default)]
    pub moved: Vec<Moved>,
    /// What the user's own client did, where it was run under observation.
    pub observed: Option<Observed>,
    /// True when every process that the reader may see is in the snapshot, not only holders.
    pub every_process: bool,
    /// True when the sockets of every port are in the snapshot, not only those of the asked one.
    #[serde(default)]
    pub every_port: bool,
} }

impl Examination {
    /// How a process fares, if it was read.
    pub fn vitals(&self, pid: u32) -> Option<&Vitals> {
        self.vitals.iter().find(|vitals| vitals.pid == pid)
    }

    /// What stands at a path, if it was read.
    pub fn path(&self, path: &Text) -> Option<&PathFacts> {
        self.paths.iter().find(|facts| facts.path == *path)
    }
}

/// How a process fares (`proc_pid_status(5)`, `proc_pid_stat(5)`, `cgroups(7)`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vitals {
    /// The process.
    pub pid: u32,
    /// Its threads, at most the first 256.
    pub threads: Vec<Thread>,
    /// Pid of the process that traces it; 0 for none.
    pub tracer: u32,
    /// Open descriptors.
    pub descriptors: Seen<u32>,
    /// The soft limit of `RLIMIT_NOFILE`.
    pub descriptor_limit: Seen<u32>,
    /// True when its control group is frozen, by itself or from above (`cgroup.events`, or the freezer of version 1).
    pub frozen: Option<bool>,
    /// Path of the control group that is frozen, where one is.
    pub frozen_group: Option<Text>,
    /// `NoNewPrivs` of its status.
    pub no_new_privileges: bool,
    /// `Seccomp` of its status: 0 none, 1 strict, 2 filter.
    pub seccomp: u8,
    /// True when it holds `CAP_NET_BIND_SERVICE`.
    pub binds_low_ports: bool,
    /// Its groups, the effective one and the supplementary ones (`Gid`, `Groups` of its status); empty where unread.
    #[serde(default)]
    pub groups: Vec<u32>,
    /// Its security label (`/proc/PID/attr/current`), where a module gives one that confines.
    pub label: Option<Text>,
    /// Processor time it used during `over_ms`, in milliseconds.
    pub busy_ms: u64,
    /// The time between the two readings that `busy_ms` compares; 0 where there was one reading.
    pub over_ms: u64,
    /// The most that one of its threads ran, or waited for a processor, during `over_ms`, in milliseconds
    /// (`/proc/PID/task/TID/schedstat`): on a crowded machine a thread that never rests gets a part of it.
    #[serde(default)]
    pub wanted_ms: u64,
    /// Memory pressure and kills of its control group, where they are readable.
    pub memory: Option<MemoryPressure>,
}

/// One thread (`/proc/PID/task/TID`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// Its id.
    pub tid: u32,
    /// The state letter of its stat file: R, S, D, T, t, Z, I.
    pub state: char,
    /// The kernel function that it sleeps in (`wchan`); hidden without the right to trace it.
    pub waits_in: Seen<Text>,
    /// The system call that it is in (`/proc/PID/task/TID/syscall`), by the number of this machine's table; -1 outside any.
    pub syscall: Seen<i64>,
    /// First argument of that call: for reads, accepts and connects the descriptor.
    pub argument: Option<u64>,
}

/// Memory pressure of a control group (`memory.events`, `memory.pressure`; `cgroups(7)`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryPressure {
    /// `oom_kill` of `memory.events`.
    pub kills: u64,
    /// `full avg10` of the pressure file, in hundredths of a percent.
    pub stalled: u32,
}

/// Settings of the reader's network namespace (`/proc/sys/net`, `ip-sysctl`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSettings {
    /// `net.core.somaxconn`: the largest backlog that `listen` gets.
    pub max_backlog: Option<u32>,
    /// `net.ipv4.tcp_max_syn_backlog`
    pub max_half_open: Option<u32>,
    /// `net.ipv4.tcp_syncookies`
    pub syn_cookies: Option<u32>,
    /// True when `net.ipv6.conf.all.disable_ipv6` or the one of `lo` is set, or the kernel has no IPv6.
    pub ipv6_disabled: Option<bool>,
    /// `MTU` of `lo`, in bytes.
    pub loopback_mtu: Option<u32>,
    /// `nf_conntrack_count` and `nf_conntrack_max`.
    pub tracked_connections: Option<(u32, u32)>,
    /// Default gateway of IPv4, where there is one.
    pub gateway: Option<IpAddr>,
    /// True when the reader is inside a container, by its files and control group; the runtime's name.
    pub container: Option<String>,
    /// True when the kernel is one of the Windows Subsystem for Linux.
    pub wsl: bool,
    /// True when there is a policy rule before the table `local` (`ip-rule(8)`).
    pub rule_before_local: Option<bool>,
}

/// One line of the hosts file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostsLine {
    /// Its number, from 1.
    pub line: u32,
    /// The address.
    pub address: IpAddr,
    /// The names.
    pub names: Vec<Text>,
    /// The whole line as it stands in the file, without its end.
    pub whole: Text,
}

/// A proxy of the environment, without credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxySetting {
    /// The variable: `http_proxy`, `HTTPS_PROXY`, `ALL_PROXY`, `no_proxy`.
    pub variable: String,
    /// Host and port of the proxy, or the list of `no_proxy`.
    pub value: Text,
}

/// A line of a project's or service's file that names a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// The file.
    pub file: Text,
    /// Its line, from 1.
    pub line: u32,
    /// The line's text, secrets masked, at most 200 characters.
    pub text: Text,
    /// The whole line as it stands in the file, without its end; `None` where it holds a secret, is long or is no UTF-8.
    pub whole: Option<Text>,
    /// What kind of file says so.
    pub kind: MentionKind,
    /// The port that is named; 0 for a line that sets an address to listen on and names no port.
    pub port: u16,
}

/// A kind of file that names ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MentionKind {
    /// `.env` and its variants.
    Environment,
    /// `package.json`, `Procfile`, `Makefile`: a command that starts something.
    Script,
    /// A Compose file.
    Compose,
    /// A configuration of a development server or framework.
    Server,
    /// A systemd unit that is enabled.
    UnitEnabled,
    /// A systemd unit that is not enabled.
    UnitDisabled,
    /// A pid file, such as `postmaster.pid`.
    PidFile,
    /// A setting of a development server that names the one behind it; the port is that one's.
    Upstream,
}

/// One packet filter rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallRule {
    /// Family, table and chain: `inet filter input`.
    pub chain: Text,
    /// The hook that the chain stands at: `input`, `output`, `prerouting`; empty for a chain that is jumped to.
    pub hook: Text,
    /// The rule as the firewall's own tool writes it.
    pub text: Text,
    /// What it does to a packet.
    pub verdict: RuleVerdict,
    /// Packets that it met, where it counts them.
    pub packets: Option<u64>,
    /// The destination or source port that it names; `None` for any.
    pub port: Option<u16>,
    /// The last port, where it names a range that begins with `port`.
    #[serde(default)]
    pub last_port: Option<u16>,
    /// The one interface that it is for.
    #[serde(default)]
    pub interface: Option<Text>,
    /// True when it has conditions that are not told here, such as addresses or the state of a connection: whether it
    /// meets a packet is then not known from these fields alone.
    #[serde(default)]
    pub narrowed: bool,
    /// The arguments of the command that removes it; in snapshots of older versions none.
    #[serde(default)]
    pub removal: Removal,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleVerdict {
    /// Dropped without a word.
    Drop,
    /// Answered by a reset.
    RejectReset,
    /// Answered by an ICMP error.
    RejectIcmp,
    /// Sent elsewhere (`redirect`, `dnat`).
    Redirect,
    /// Let through, or only counted.
    Other,
}

/// Kernel counters by their names in `/proc/net/snmp` and `/proc/net/netstat`: `Tcp.OutRsts`.
pub type Counters = BTreeMap<String, u64>;

/// One bind that was tried on a throw-away socket that never listened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindTry {
    /// Where.
    pub at: SocketAddr,
    /// Whether `SO_REUSEADDR` was set.
    pub reuse: bool,
    /// The error number; `None` when it succeeded.
    pub failed: Option<i32>,
}

/// A probe that was not made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Declined {
    /// What was not done: `a connection to 127.0.0.1:62893`.
    pub what: Sentence,
    /// Why: `the listener belongs to a debugger, and a connection would end its session`.
    pub because: Sentence,
    /// True where it is made all the same when a person says so (`--connect`).
    #[serde(default)]
    pub on_demand: bool,
}
