//! Everything that Portward may ask of a machine, or do to it.

use std::{
    any::Any,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use portward_model::{
    Container, Edit, Gap, Holding, HostFacts, Interface, Namespace, PortRules, Process, ProcessId, Project, ProjectIdentity,
    Route, Seen, Socket, SocketOptions, Text, Transport, Users,
};
use portward_wire::netlink::{PortFilter, StateSet};

use crate::{Examine, SysError};

/// A value, and what could not be seen while it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading<T> {
    /// What was seen.
    pub value: T,
    /// What was not.
    pub gaps: Vec<Gap>,
}

/// Which transports to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transports {
    /// TCP
    pub tcp: bool,
    /// UDP
    pub udp: bool,
    /// Unix sockets of every type
    pub unix: bool,
}

impl Transports {
    /// All of them.
    pub const ALL: Self = Self { tcp: true, udp: true, unix: true };
}

/// Which network namespaces to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The reader's own.
    Own,
    /// Every one that can be entered.
    All,
    /// The one with this name or inode.
    Named(String),
}

/// Which sockets to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Of which transports.
    pub transports: Transports,
    /// In which states.
    pub states: StateSet,
    /// With which ports; Unix sockets have none and are not filtered.
    pub ports: Option<PortFilter>,
    /// With their traffic counters.
    pub traffic: bool,
}

/// TCP sockets that do not listen, as far as counters tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beyond {
    /// False when none can be connected.
    pub connected: bool,
    /// False when none can be bound without listening.
    pub bound: bool,
    /// True when there are so many that reading them is a processor's work for milliseconds.
    pub many: bool,
}

impl Beyond {
    /// When nothing is known.
    pub const UNKNOWN: Self = Self { connected: true, bound: true, many: false };

    /// The states that can hold any; `None` when no table need be walked.
    pub fn states(self) -> Option<StateSet> {
        match (self.connected, self.bound) {
            (false, false) => None,
            (true, false) => Some(StateSet::Connected),
            (_, true) => Some(StateSet::BoundOrConnected),
        }
    }
}

/// How far to look for holders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Every process's descriptors; threads with tables of their own only for sockets that stay without a holder.
    Processes,
    /// Every thread with a descriptor table of its own, whatever was found already.
    Threads,
}

/// Who holds which socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders {
    /// The descriptors that refer to the sockets asked for.
    pub holdings: Vec<Holding>,
    /// Processes whose descriptors this reader may not see.
    pub hidden_processes: u32,
    /// Unix sockets with descriptors waiting in their queues, as (holder's pid, descriptor, number waiting).
    pub in_flight: Vec<(u32, u32, u32)>,
    /// Other network namespaces that live processes are in.
    pub other_namespaces: u32,
}

/// A signal that ends a process, or lets it go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// `SIGCONT`: go on.
    Continue,
    /// `SIGTERM`: please end.
    Term,
    /// `SIGKILL`: ended by the kernel.
    Kill,
}

impl Signal {
    /// The name by `signal(7)`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Continue => "SIGCONT",
            Self::Term => "SIGTERM",
            Self::Kill => "SIGKILL",
        }
    }
}

/// A connection attempt for `wait`: connect, send, and read what comes back.
#[derive(Clone, Debug)]
pub enum Probe {
    /// To an address.
    Inet(SocketAddr),
    /// To a path, or an `@abstract` name.
    Unix(Text),
}

/// What a probe met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeAnswer {
    /// Nothing accepts there.
    Refused,
    /// No answer in time.
    Silent,
    /// The connection was made, and these bytes came before it closed, fell silent or was judged.
    Answered(Vec<u8>),
    /// Another error of the system.
    Failed(String),
}

/// What became of a socket that was to be pinned to the loopback device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pinned {
    /// It is, from now on.
    Now,
    /// It was before.
    Already,
    /// The kernel gives no copy of the descriptor: it is another user's, or of a process that may not be looked into.
    Denied {
        /// What Yama allows (`kernel.yama.ptrace_scope`), where it forbids anything.
        ptrace_scope: Option<u8>,
    },
    /// It is pinned to another device, and only `CAP_NET_RAW` may change that.
    Elsewhere {
        /// That device.
        device: Text,
    },
    /// The process has let go of it.
    Gone,
}

/// A table of the packet filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterTable {
    /// Its name.
    pub name: Text,
    /// True when it ends with the program that made it.
    pub has_owner: bool,
}

/// A packet filter table that ends with this, or with this process, however it ends.
pub struct FilterHold {
    pub(crate) held: Box<dyn HeldFilter>,
}

/// What keeps a table.
pub(crate) trait HeldFilter: Send {
    /// Waits for a signal that asks this process to end, or for the end of what keeps the table.
    fn wait(&mut self) -> Released;
}

/// Why a table is no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Released {
    /// A signal asked for it.
    Asked,
    /// What kept it has ended; with what it said.
    Lost(String),
}

impl FilterHold {
    /// Keeps the table until a signal asks this process to end, and gives it up.
    pub fn until_signal(mut self) -> Released {
        self.held.wait()
    }
}

/// A port that nobody else can bind until this is dropped.
pub struct Hold {
    /// The sockets, whatever they are here.
    pub(crate) _sockets: Box<dyn Any + Send>,
}

/// A machine. Every reading is one call, so that a test can make the n-th fail; an action that a recorded
/// machine cannot do answers [`SysError::Unsupported`].
pub trait Host: Examine + Send + Sync {
    /// The machine and the reader.
    fn facts(&self) -> Result<HostFacts, SysError>;

    /// Network namespaces, the reader's own first. `which` limits the search to what will be read.
    fn namespaces(&self, which: &Which) -> Result<Reading<Vec<Namespace>>, SysError>;

    /// Sockets of the namespaces, each handed to `each` as it is decoded.
    fn sockets(&self, ask: &Ask, namespaces: &[Namespace], each: &mut dyn FnMut(Socket)) -> Result<Vec<Gap>, SysError>;

    /// What the kernel's own counters say of TCP sockets that do not listen, given how many do in the reader's
    /// namespace. A table that holds none need not be walked.
    fn beyond_listeners(&self, listeners: usize) -> Beyond;

    /// Who holds these sockets.
    fn holders(&self, sockets: &[Socket], depth: Depth) -> Result<Holders, SysError>;

    /// The processes with these pids and all their ancestors; those that vanished are left out.
    fn processes(&self, pids: &[u32]) -> Result<Vec<Process>, SysError>;

    /// Pids of processes whose parent, by any number of steps, is `root`, nearest first.
    fn descendants(&self, root: u32) -> Result<Vec<u32>, SysError>;

    /// Interfaces of the reader's namespace with their addresses.
    fn interfaces(&self) -> Result<Vec<Interface>, SysError>;

    /// The kernel's port rules in the reader's namespace.
    fn port_rules(&self) -> Result<PortRules, SysError>;

    /// User names.
    fn users(&self) -> Result<Users, SysError>;

    /// The project of each directory that belongs to one. Pairs are the pid that the directory was read from, and the directory.
    fn projects(&self, directories: &[(u32, Text)]) -> Result<Vec<(Text, Project)>, SysError>;

    /// The project that a directory of this machine belongs to, with what makes it the same one again.
    fn project_at(&self, directory: &Path) -> Result<Option<ProjectIdentity>, SysError>;

    /// Containers by the runtimes whose sockets are named; a runtime that does not answer in time is a gap.
    fn containers(&self, runtimes: &[Text]) -> Result<Reading<Vec<Container>>, SysError>;

    /// Paths of version 2 control groups by id.
    fn cgroups(&self, ids: &[u64]) -> Result<Vec<(u64, Text)>, SysError>;

    /// What a name means here, first choice first.
    fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, SysError>;

    /// How a packet to an address would be sent.
    fn route(&self, target: IpAddr, interface: u32) -> Result<Route, SysError>;

    /// Options of a socket, read from a copy of its holder's descriptor.
    fn options(&self, holding: &Holding) -> Seen<SocketOptions>;

    /// True when a supervisor opened the process's sockets and started it for them (`LISTEN_PID`, `LISTEN_FDS`).
    fn activated(&self, pid: u32) -> Seen<bool>;

    /// True when a file stands at this path.
    fn path_exists(&self, path: &Text) -> Seen<bool>;

    /// True when this reader could make a file at this path: its folder is there and writable.
    fn may_create(&self, path: &Text) -> Seen<bool>;

    /// Tries to bind a throw-away socket, with or without `SO_REUSEADDR`, and closes it at once; never listens.
    /// `Ok(None)` when the bind succeeded, otherwise the system's error number and words.
    fn try_bind(&self, transport: Transport, address: SocketAddr, reuse: bool) -> Result<Option<(i32, String)>, SysError>;

    /// Holds a port on every address of both families with sockets that never listen, so that nobody else can bind
    /// it. `Ok(Err(words))` when the system refuses: something has it.
    fn hold(&self, port: u16) -> Result<Result<Hold, String>, SysError>;

    /// Becomes another program, with these variables beside the environment. Returns only where it could not be
    /// started; everything that is held ends at that moment.
    fn become_program(&self, command: &[String], variables: &[(&str, String)]) -> SysError;

    /// Sends a signal through a pidfd, after its start time was checked.
    fn signal(&self, process: ProcessId, signal: Signal) -> Result<(), SysError>;

    /// Writes lines in place of one line of a file, whole or not at all; an error where the line is not what was seen.
    fn edit(&self, edit: &Edit) -> Result<(), SysError>;

    /// Pins a socket to the loopback device, on a copy of its holder's descriptor: the process is compared by its start
    /// time and the socket by its cookie (of MPTCP, by its inode), so that it is this one or none.
    fn pin(&self, process: ProcessId, holding: &Holding, socket: &Socket) -> Result<Pinned, SysError>;

    /// The packet filter's tables of the family `inet` whose names begin like this, in the network namespace that this
    /// process is in.
    fn filter_tables(&self, prefix: &str) -> Result<Vec<FilterTable>, SysError>;

    /// Gives the packet filter these rules, all or none of them (`nft -f`).
    fn load_filter(&self, rules: &str) -> Result<(), SysError>;

    /// Gives the packet filter tables of these names that have an owner, one command each, and keeps them as long as the
    /// answer lives. They are there when this returns.
    fn hold_filter(&self, commands: &[String], names: &[String]) -> Result<FilterHold, SysError>;

    /// Waits until all these processes have ended, or the time is over. Returns those that live.
    fn wait_for_exit(&self, processes: &[ProcessId], timeout: Duration) -> Result<Vec<ProcessId>, SysError>;

    /// Waits until a socket closes, a Unix path in `directories` changes, or the time is over.
    fn wait_for_change(&self, directories: &[PathBuf], timeout: Duration) -> Result<(), SysError>;

    /// Connects, sends `greeting`, and reads until `judge` is satisfied, the other side is silent for the rest
    /// of the time, or it closes.
    fn probe(
        &self,
        target: &Probe,
        greeting: &[u8],
        judge: &mut dyn FnMut(&[u8]) -> bool,
        timeout: Duration,
    ) -> Result<ProbeAnswer, SysError>;
}
