//! One consistent reading of a machine.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    Container, Gap, Holding, HostFacts, Interface, Lack, Moment, Namespace, PortRules, Process, Project, Route, Socket, SocketId,
    Text, Users,
};

/// One reading of sockets, owners, interfaces and rules, with the gaps it could not see.
///
/// A face never holds more than this: explain, list and graph are pure functions of it, so that a file
/// with a snapshot in it can be examined as if it were here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The machine and the reader.
    pub host: HostFacts,
    /// Network namespaces; the reader's own is first.
    pub namespaces: Vec<Namespace>,
    /// The sockets.
    pub sockets: Vec<Socket>,
    /// Who holds them.
    pub holdings: Vec<Holding>,
    /// Processes that hold a socket, and their ancestors.
    pub processes: Vec<Process>,
    /// Interfaces of the reader's namespace.
    pub interfaces: Vec<Interface>,
    /// The kernel's port rules in the reader's namespace; `None` when unreadable.
    pub rules: Option<PortRules>,
    /// User names.
    pub users: Users,
    /// Projects by current directory.
    pub projects: Vec<(Text, Project)>,
    /// Containers known to this machine's runtimes.
    pub containers: Vec<Container>,
    /// Paths of control groups by id.
    pub cgroups: Vec<(u64, Text)>,
    /// Names that were resolved.
    pub resolutions: Vec<Resolution>,
    /// Routes that were asked for.
    pub routes: Vec<(IpAddr, Route)>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// What a name meant on this machine, in the order that a program gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// The name.
    pub name: String,
    /// Its addresses, first choice first (`getaddrinfo(3)`).
    pub addresses: Vec<IpAddr>,
}

impl Snapshot {
    /// What is known of a machine before anything was read.
    pub fn unread() -> Self {
        let host = HostFacts {
            name: Text::default(),
            kernel: Text::default(),
            uid: u32::MAX,
            pid: 0,
            netns: 0,
            privileged: false,
            sees_all_pids: false,
            now: Moment::default(),
        };
        Self {
            host,
            namespaces: Vec::new(),
            sockets: Vec::new(),
            holdings: Vec::new(),
            processes: Vec::new(),
            interfaces: Vec::new(),
            rules: None,
            users: Users::new(),
            projects: Vec::new(),
            containers: Vec::new(),
            cgroups: Vec::new(),
            resolutions: Vec::new(),
            routes: Vec::new(),
            gaps: Vec::new(),
        }
    }

    /// Index of the loopback interface; 1 where interfaces were not read, as the kernel always numbers it.
    pub fn loopback_index(&self) -> u32 {
        self.interfaces.iter().find(|interface| interface.loopback).map_or(1, |interface| interface.index)
    }

    /// The process with this pid, if it was read.
    pub fn process(&self, pid: u32) -> Option<&Process> {
        self.processes.binary_search_by_key(&pid, |process| process.id.pid).ok().and_then(|at| self.processes.get(at))
    }

    /// Who holds the socket at this position.
    pub fn holders(&self, socket: usize) -> &[Holding] {
        let Ok(wanted) = u32::try_from(socket) else { return &[] };
        let start = self.holdings.partition_point(|holding| holding.socket < wanted);
        let rest = self.holdings.get(start..).unwrap_or_default();
        let length = rest.iter().take_while(|holding| holding.socket == wanted).count();
        rest.get(..length).unwrap_or_default()
    }

    /// The identity of a socket of this snapshot.
    pub fn id(&self, socket: &Socket) -> SocketId {
        let netns = self.namespaces.get(usize::from(socket.netns)).map_or(0, |namespace| namespace.inode);
        SocketId { netns, inode: socket.inode, cookie: socket.cookie }
    }

    /// The interface with this index.
    pub fn interface(&self, index: u32) -> Option<&Interface> {
        self.interfaces.iter().find(|interface| interface.index == index)
    }

    /// True when this could not be read.
    pub fn lacks(&self, lack: &Lack) -> bool {
        self.gaps.iter().any(|gap| gap.lack == *lack)
    }

    /// Puts processes and holdings into the order that look-ups rely on. Whoever fills a snapshot calls it last.
    pub fn sort(&mut self) {
        self.processes.sort_unstable_by_key(|process| process.id.pid);
        self.holdings.sort_unstable_by_key(|holding| (holding.socket, holding.pid, holding.tid, holding.fd));
    }
}
