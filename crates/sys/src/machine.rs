//! What may be asked of a machine, in three rights: to look, to dial, to act. Who has one has those before it.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use portward_model::{
    Container, Counters, Edit, FirewallRule, Gap, Holding, HostFacts, HostsLine, Interface, Mention, Namespace, NetworkSettings,
    Observed, PathFacts, PortRules, Process, ProcessId, Project, ProjectIdentity, ProxySetting, Route, Seen, Socket,
    SocketOptions, Text, Told, Transport, Users, Vitals,
};

use crate::{
    Ask, Beyond, Depth, Dialled, Dialling, FilterHold, FilterTable, Hold, Holders, Pinned, Probe, ProbeAnswer, Reading, Signal,
    SysError, Which,
};

/// A machine that may be read. Nothing here changes it, and nobody else can notice: to wait is to look later, and a socket
/// that is bound in order to see whether it can be never listens and is closed at once. Every reading is one call, so
/// that a test can make the n-th fail.
pub trait Look: Send + Sync {
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

    /// The packet filter's tables of the family `inet` whose names begin like this, in the network namespace that this
    /// process is in.
    fn filter_tables(&self, prefix: &str) -> Result<Vec<FilterTable>, SysError>;

    /// Waits until all these processes have ended, or the time is over. Returns those that live.
    fn wait_for_exit(&self, processes: &[ProcessId], timeout: Duration) -> Result<Vec<ProcessId>, SysError>;

    /// Waits until a socket closes, a Unix path in `directories` changes, or the time is over.
    fn wait_for_change(&self, directories: &[PathBuf], timeout: Duration) -> Result<(), SysError>;

    /// Every process that this reader can see, with command lines where they are readable.
    fn every_process(&self) -> Result<Vec<Process>, SysError>;

    /// How these processes fare; those that vanished are left out. With `over`, processor time is compared
    /// across that time.
    fn vitals(&self, pids: &[u32], over: Duration) -> Result<Vec<Vitals>, SysError>;

    /// The counters of the reader's network namespace (`/proc/net/snmp`, `snmp6`, `netstat`).
    fn counters(&self) -> Result<Counters, SysError>;

    /// The settings of the reader's network namespace.
    fn network(&self) -> Result<NetworkSettings, SysError>;

    /// The lines of the hosts file.
    fn hosts(&self) -> Result<Vec<HostsLine>, SysError>;

    /// Proxies that the reader's environment names, without their credentials.
    fn proxies(&self) -> Vec<ProxySetting>;

    /// What stands at a path.
    fn path(&self, path: &Text) -> Result<PathFacts, SysError>;

    /// Lines that name one of these ports in the well-known files of these folders and in systemd units.
    fn mentions(&self, folders: &[Text], ports: &[u16]) -> Result<Vec<Mention>, SysError>;

    /// Which of these processes were told to serve this port, by their environments and the scripts that they run. Of an
    /// environment nothing else is kept. Processes that may not be looked into are left out.
    fn told(&self, processes: &[Process], port: u16) -> Result<Vec<Told>, SysError>;

    /// Packet filter rules of the reader's network namespace that can stop or turn a packet; hidden without
    /// `CAP_NET_ADMIN`.
    fn firewall(&self) -> Result<Seen<Vec<FirewallRule>>, SysError>;

    /// Waits. A recorded machine does not.
    fn pause(&self, time: Duration);
}

/// A machine of which the endpoints may be dialled, too: connections that their servers notice, and that can end a login.
pub trait Dial: Look {
    /// Makes one connection.
    fn dial(&self, dial: Dialling<'_>) -> Result<Dialled, SysError>;

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

/// A machine to which things may be done, too. What a recorded machine cannot do answers [`SysError::Unsupported`].
pub trait Act: Dial {
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

    /// Gives the packet filter these rules, all or none of them (`nft -f`).
    fn load_filter(&self, rules: &str) -> Result<(), SysError>;

    /// Gives the packet filter tables of these names that have an owner, one command each, and keeps them as long as the
    /// answer lives. They are there when this returns.
    fn hold_filter(&self, commands: &[String], names: &[String]) -> Result<FilterHold, SysError>;

    /// Runs a command with this process's own terminal, and notes the connects that it and its children make.
    fn observe(&self, command: &[String], patience: Duration) -> Result<Observed, SysError>;
}
