//! Snapshots for tests, built a fact at a time.

use std::net::IpAddr;

use portward_model::{
    CommandLine, Family, Holding, HostFacts, Interface, InterfaceAddress, Moment, Namespace, Need, PortRange, PortRules, Process,
    ProcessId, ProcessState, Queue, Seen, Snapshot, Socket, SocketName, SocketState, Text, Transport,
};

/// A privileged reader's view of a machine with `lo` and `eth0`, and nothing else.
pub(crate) fn machine() -> Snapshot {
    Snapshot {
        host: HostFacts {
            name: Text::from("box"),
            kernel: Text::from("6.18.0"),
            uid: 1000,
            pid: 999_999,
            netns: 4_026_531_840,
            privileged: true,
            sees_all_pids: true,
            now: Moment(1_800_000_000_000),
        },
        namespaces: vec![Namespace { inode: 4_026_531_840, name: None, pid: Some(1), own: true }],
        sockets: Vec::new(),
        holdings: Vec::new(),
        processes: Vec::new(),
        interfaces: vec![
            interface(1, "lo", None, &[("127.0.0.1", 8), ("::1", 128)]),
            interface(2, "eth0", None, &[("192.168.1.20", 24), ("fe80::20", 64)]),
        ],
        rules: Some(PortRules {
            ephemeral: PortRange { first: 32768, last: 60999 },
            reserved: Vec::new(),
            unprivileged_start: 1024,
            bind_v6_only: false,
            nonlocal_bind: false,
            may_bind_privileged: false,
        }),
        users: [(0, Text::from("root")), (1000, Text::from("ana")), (33, Text::from("www-data"))].into(),
        projects: Vec::new(),
        containers: Vec::new(),
        cgroups: Vec::new(),
        resolutions: Vec::new(),
        routes: Vec::new(),
        gaps: Vec::new(),
    }
}

pub(crate) fn interface(index: u32, name: &str, kind: Option<&str>, addresses: &[(&str, u8)]) -> Interface {
    Interface {
        index,
        name: Text::from(name),
        loopback: name == "lo",
        up: true,
        kind: kind.map(Text::from),
        mtu: None,
        addresses: addresses
            .iter()
            .map(|(address, prefix)| InterfaceAddress { address: address.parse().unwrap(), prefix: *prefix })
            .collect(),
    }
}

/// A socket by transport, state and local address; uid 1000, own namespace.
pub(crate) fn socket(transport: Transport, state: SocketState, local: &str, port: u16) -> Socket {
    let local: IpAddr = local.parse().unwrap();
    let family = if local.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
    Socket {
        transport,
        state,
        family,
        v6_only: (family == Family::Ipv6).then_some(false),
        netns: 0,
        interface: 0,
        uid: 1000,
        queue: Queue::default(),
        inode: 1000 + u64::from(port),
        cookie: 1,
        cgroup: 0,
        traffic: None,
        name: SocketName::Inet { local, port, remote: unspecified(local), remote_port: 0 },
    }
}

pub(crate) fn listener(local: &str, port: u16) -> Socket {
    socket(Transport::Tcp, SocketState::Listen, local, port)
}

pub(crate) fn connection(local: &str, port: u16, peer: &str, peer_port: u16) -> Socket {
    let mut socket = socket(Transport::Tcp, SocketState::Established, local, port);
    socket.name = SocketName::Inet { local: local.parse().unwrap(), port, remote: peer.parse().unwrap(), remote_port: peer_port };
    socket
}

pub(crate) fn unix(path: Option<&str>, state: SocketState) -> Socket {
    Socket {
        family: Family::Unix,
        name: SocketName::Unix { path: path.map(|path| Box::new(Text::from(path))), peer: 0, file: None },
        ..socket(Transport::Unix, state, "0.0.0.0", 0)
    }
}

fn unspecified(like: IpAddr) -> IpAddr {
    if like.is_ipv4() { IpAddr::from([0, 0, 0, 0]) } else { IpAddr::from([0u16; 8]) }
}

/// A process of uid 1000, started `age` seconds before the reading, without terminal.
pub(crate) fn process(pid: u32, parent: u32, argv: &[&str], age: i64) -> Process {
    let program = argv.first().copied().unwrap_or("kernel");
    // A program that rewrote its title has no path to cut.
    let base = if program.contains(' ') { program } else { program.rsplit('/').next().unwrap_or(program) };
    Process {
        id: ProcessId { pid, started_ticks: u64::try_from(10_000_000 - age * 100).unwrap() },
        parent,
        state: ProcessState::Alive,
        name: Text::new(base.bytes().take(15).collect::<Vec<u8>>()),
        started_at: Moment(1_800_000_000_000 - age * 1000),
        uid: 1000,
        session: pid,
        terminal: 0,
        forked: false,
        threads: 1,
        cpu_ms: 0,
        memory_bytes: 0,
        argv: Seen::Known(CommandLine::from_kernel(argv.join("\0").as_bytes())),
        exe: Seen::Known(Text::new(format!("/usr/bin/{base}"))),
        exe_deleted: false,
        cwd: Seen::Known(Text::from("/home/ana/shop")),
        cgroup: Seen::Known(Text::from("/user.slice/user-1000.slice/session-2.scope")),
        netns: Seen::Hidden(Need::Root),
        inner_pid: None,
    }
}

pub(crate) fn holding(socket: usize, pid: u32, fd: u32) -> Holding {
    Holding { socket: u32::try_from(socket).unwrap(), pid, tid: None, fd, ring: false }
}

/// A machine with these sockets, processes and holdings, in the order that look-ups need.
pub(crate) fn world(sockets: Vec<Socket>, processes: Vec<Process>, holdings: Vec<Holding>) -> Snapshot {
    let mut snapshot = Snapshot { sockets, processes, holdings, ..machine() };
    snapshot.sort();
    snapshot
}

/// A machine where `vite` (pid 4121) of user ana holds the only socket.
pub(crate) fn held(socket: Socket) -> Snapshot {
    world(
        vec![socket],
        vec![process(4121, 4000, &["node", "/w/node_modules/.bin/vite"], 3 * 3600), process(4000, 1, &["zsh"], 90_000)],
        vec![holding(0, 4121, 21)],
    )
}
