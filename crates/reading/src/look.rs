//! One look at a machine: which facts a capability wants, read in the cheapest order.

mod carried;
mod clients;
mod fences;
mod story;

use std::thread;

use portward_model::{
    Container, Gap, Lack, Moment, Need, Scope, Seen, Sentence, Snapshot, Socket, SocketOptions, SocketState, Text, Traffic,
    Transport, Via,
};
use portward_sys::{self as sys, Ask, Beyond, Depth, Holders, Partial, PortFilter, StateSet, SysError, Transports, Which};
use rustc_hash::{FxHashMap, FxHashSet};

use clients::Clients;
pub use story::Story;

/// Which facts a capability wants.
#[derive(Clone, Debug)]
pub struct Look {
    /// Transports to read.
    pub transports: Transports,
    /// States to read.
    pub states: StateSet,
    /// Ports to read; the kernel filters.
    pub ports: Option<PortFilter>,
    /// Namespaces to read.
    pub which: Which,
    /// How far to look for holders; `None` for not at all.
    pub owners: Option<Depth>,
    /// Count the clients of listeners.
    pub clients: bool,
    /// Read traffic counters.
    pub traffic: bool,
    /// Read interfaces and their addresses, where some socket is not on loopback.
    pub interfaces: bool,
    /// Read them whatever the sockets are.
    pub all_interfaces: bool,
    /// Read the kernel's port rules.
    pub rules: bool,
}

impl Look {
    /// Everything that serves, with owners and clients: what `list` shows.
    pub fn serving() -> Self {
        Self {
            transports: Transports::ALL,
            states: StateSet::Serving,
            ports: None,
            which: Which::Own,
            owners: Some(Depth::Processes),
            clients: true,
            traffic: false,
            interfaces: true,
            all_interfaces: false,
            rules: false,
        }
    }

    /// Reads what was asked for. A call that fails leaves a gap, never an error: the view holds the rest.
    pub fn take(&self, host: &dyn sys::Look) -> View {
        let mut gaps = Vec::new();
        let facts = host.facts().unwrap_or_else(|error| {
            gaps.push(error.gap(Lack::Reader));
            Snapshot::unread().host
        });
        let namespaces = self.namespaces(host, &mut gaps);
        let mut sockets = Vec::new();
        let states = if self.has_second_dump() { StateSet::Listening } else { self.states };
        let ask = Ask { transports: self.transports, states, ports: self.ports, traffic: self.traffic };
        match host.sockets(&ask, &namespaces, &mut |socket| sockets.push(socket)) {
            Ok(seen) => gaps.extend(seen),
            Err(error) => gaps.push(error.gap(Lack::Sockets)),
        }
        let mut view = View {
            snapshot: Snapshot { host: facts, namespaces, sockets, gaps, ..Snapshot::unread() },
            clients: None,
            stories: FxHashMap::default(),
            options: FxHashMap::default(),
            kept: FxHashMap::default(),
            served: std::sync::OnceLock::new(),
            first_owners: std::sync::OnceLock::new(),
            hidden_processes: 0,
            other_namespaces: 0,
            in_flight: Vec::new(),
        };
        if self.has_second_dump() {
            self.owners_beside_second_dump(host, &mut view);
        } else {
            if self.clients {
                view.clients = Some(clients::count(&view.snapshot.sockets));
            }
            self.find_owners(host, &mut view);
        }
        // Loopback is loopback whatever interfaces there are, and asking for them costs as much as for the sockets.
        let beyond_loopback = |socket: &Socket| socket.interface != 0 || socket.scope(1) != Scope::Loopback;
        if self.all_interfaces || (self.interfaces && view.snapshot.sockets.iter().any(beyond_loopback)) {
            match host.interfaces() {
                Ok(interfaces) => view.snapshot.interfaces = interfaces,
                Err(error) => view.gap(Lack::Interfaces, &error),
            }
        }
        if self.rules {
            match host.port_rules() {
                Ok(rules) => view.snapshot.rules = Some(rules),
                Err(error) => view.gap(Lack::PortRules, &error),
            }
        }
        view
    }

    fn namespaces(&self, host: &dyn sys::Look, gaps: &mut Vec<Gap>) -> Vec<portward_model::Namespace> {
        let Partial { value, gaps: seen } = host.namespaces(&self.which).unwrap_or_else(|error| {
            let own = portward_model::Namespace { inode: 0, name: None, pid: None, own: true };
            Partial { value: vec![own], gaps: vec![error.gap(Lack::Namespaces)] }
        });
        gaps.extend(seen);
        value
    }

    /// The kernel keeps listeners apart and finds them at once; for TCP sockets that are connected, or bound
    /// without listening, it walks tables of a fixed, large size. That is done beside the search for owners.
    fn has_second_dump(&self) -> bool {
        self.states == StateSet::Serving && self.transports.tcp && self.owners.is_some()
    }

    fn owners_beside_second_dump(&self, host: &dyn sys::Look, view: &mut View) {
        let whole = self.ports.is_none() && view.snapshot.namespaces.len() == 1;
        let listeners = view.snapshot.sockets.iter().filter(|socket| socket.transport == Transport::Tcp).count();
        let beyond = if whole { host.beyond_listeners(listeners) } else { Beyond::UNKNOWN };
        let mut counter = clients::Counter::new(&view.snapshot.sockets);
        let namespaces = view.snapshot.namespaces.clone();
        let dump = || {
            let mut bound = Vec::new();
            if let Some(states) = beyond.states() {
                let transports = Transports { tcp: true, udp: false, unix: false };
                let ask = Ask { transports, states, ports: self.ports, traffic: self.traffic };
                let mut each = |socket: Socket| if socket.state.serves() { bound.push(socket) } else { counter.add(&socket) };
                host.sockets(&ask, &namespaces, &mut each)?;
            }
            Ok((bound, counter.counts))
        };
        let known_gaps = view.snapshot.gaps.len();
        let dumped = if beyond.many {
            let dumped = thread::scope(|scope| {
                let dumping = scope.spawn(dump);
                self.find_owners(host, view);
                dumping.join()
            });
            dumped.unwrap_or_else(|_| Err(SysError::Unsupported { what: "a second dump".to_owned() }))
        } else {
            dump()
        };
        match dumped {
            Ok((bound, counts)) => {
                view.clients = self.clients.then_some(counts);
                if beyond.many && bound.is_empty() {
                    return;
                }
                // Found after the search for owners: rare, and a second search is simpler than two answers made one.
                view.snapshot.gaps.truncate(known_gaps);
                view.snapshot.sockets.extend(bound);
            }
            Err(error) => {
                view.gap(Lack::Connections, &error);
                if beyond.many {
                    return;
                }
            }
        }
        self.find_owners(host, view);
    }

    fn find_owners(&self, host: &dyn sys::Look, view: &mut View) {
        let held = self.owners.map(|depth| holders(host, &view.snapshot.sockets, depth));
        view.held(host, held);
    }
}

fn holders(host: &dyn sys::Look, sockets: &[Socket], depth: Depth) -> Result<Holders, SysError> {
    // Nothing to find a holder for: the walk over all processes is the dearest part of a look.
    if sockets.iter().all(|socket| socket.inode == 0) { Ok(Holders::default()) } else { host.holders(sockets, depth) }
}

/// What one look saw, with what follows from it for each process.
pub struct View {
    /// The facts.
    pub snapshot: Snapshot,
    clients: Option<Vec<Clients>>,
    stories: FxHashMap<u32, Story>,
    options: FxHashMap<usize, SocketOptions>,
    kept: FxHashMap<usize, Sentence>,
    served: std::sync::OnceLock<FxHashSet<(Transport, u16)>>,
    first_owners: std::sync::OnceLock<Vec<Option<u32>>>,
    /// Processes whose descriptors the reader may not see.
    pub hidden_processes: u32,
    /// Other network namespaces that processes live in.
    pub other_namespaces: u32,
    /// Unix sockets with descriptors in flight, as (pid, descriptor, number).
    pub in_flight: Vec<(u32, u32, u32)>,
}

impl View {
    /// Clients connected to the listener at this position; `None` where they were not counted.
    pub fn clients(&self, socket: usize) -> Option<u32> {
        self.served(socket).map(|clients| clients.number)
    }

    /// Bytes in and out of the listener's present connections together; of a connection, its own.
    pub fn traffic(&self, socket: usize) -> Option<Traffic> {
        let own = self.snapshot.sockets.get(socket)?.traffic.as_deref().copied();
        own.or_else(|| self.served(socket).and_then(|clients| clients.traffic))
    }

    fn served(&self, socket: usize) -> Option<Clients> {
        let listens = self.snapshot.sockets.get(socket)?.state == SocketState::Listen;
        self.clients.as_ref().filter(|_| listens)?.get(socket).copied()
    }

    /// What is known about why a process runs; `None` for a process that holds no socket of this view.
    pub fn story(&self, pid: u32) -> Option<&Story> {
        self.stories.get(&pid)
    }

    /// Options that were read from the holder's descriptor.
    pub fn options(&self, socket: usize) -> Option<SocketOptions> {
        self.options.get(&socket).copied()
    }

    /// Reads the options of a socket from its first readable holder.
    pub fn read_options(&mut self, host: &dyn sys::Look, socket: usize) -> Seen<SocketOptions> {
        let mut last = Seen::Unsupported;
        for holding in self.snapshot.holders(socket) {
            last = host.options(holding);
            if let Seen::Known(options) = &last {
                self.options.insert(socket, *options);
                break;
            }
        }
        last
    }

    /// Shows the arguments of this user's processes as they are; those of all where the user is root. What was concluded from them
    /// stays, and a reader who may see less shows less.
    pub fn open_arguments(&mut self, host: &dyn sys::Look, uid: u32) {
        let own = self.snapshot.processes.iter().filter(|process| uid == 0 || process.uid == uid).map(|process| process.id);
        let own: Vec<_> = own.collect();
        match host.arguments(&own) {
            Ok(opened) => {
                let mut opened: FxHashMap<_, _> = opened.into_iter().collect();
                for process in &mut self.snapshot.processes {
                    if let Some(line) = opened.remove(&process.id) {
                        process.argv = Seen::Known(line);
                    }
                }
            }
            Err(error) => self.gap(Lack::Arguments, &error),
        }
    }

    /// The user's name, or its number.
    pub fn user(&self, uid: u32) -> Text {
        self.snapshot.users.get(&uid).cloned().unwrap_or_else(|| Text::from(uid.to_string().as_str()))
    }

    /// The path of the control group a socket was opened in, where it could be resolved.
    pub fn cgroup(&self, socket: &Socket) -> Option<&Text> {
        self.snapshot.cgroups.iter().find(|(id, _)| *id == socket.cgroup).map(|(_, path)| path)
    }

    /// The holder to name first: the one that opened the socket, otherwise the oldest; `None` without a readable holder.
    pub fn first_owner(&self, socket: usize) -> Option<u32> {
        let find_all = || (0..self.snapshot.sockets.len()).map(|socket| self.find_first_owner(socket)).collect();
        self.first_owners.get_or_init(find_all).get(socket).copied().flatten()
    }

    fn find_first_owner(&self, socket: usize) -> Option<u32> {
        let via = match self.snapshot.holders(socket) {
            [] => return None,
            [only] => return Some(only.pid),
            _ => portward_checks::via(&self.snapshot, socket),
        };
        // A supervisor that keeps the listener for its service is not who serves.
        let served = via.iter().find(|(_, how)| *how == Seen::Known(Via::Activated));
        let opened = via.iter().find(|(_, how)| *how == Seen::Known(Via::Opened));
        let oldest =
            || via.iter().min_by_key(|(holding, _)| self.snapshot.process(holding.pid).map(|process| process.id.started_ticks));
        served.or(opened).or_else(oldest).map(|(holding, _)| holding.pid)
    }

    /// Notes a call that failed.
    pub fn gap(&mut self, lack: Lack, error: &SysError) {
        self.snapshot.gaps.push(error.gap(lack));
    }

    /// Age of something that started at `moment`, in seconds.
    pub fn age_s(&self, moment: Moment) -> u64 {
        moment.seconds_until(self.snapshot.host.now)
    }

    fn held(&mut self, host: &dyn sys::Look, held: Option<Result<Holders, SysError>>) {
        let Some(held) = held else { return };
        match held {
            Ok(holders) => {
                self.hidden_processes = holders.hidden_processes;
                self.other_namespaces = holders.other_namespaces;
                self.in_flight = holders.in_flight;
                self.snapshot.holdings = holders.holdings;
            }
            Err(error) => self.gap(Lack::AllOwners, &error),
        }
        self.read_processes(host);
        carried::read(host, &mut self.snapshot);
        self.snapshot.sort();
        self.first_owners.take();
        fences::read(host, &mut self.snapshot);
        self.read_surroundings(host);
        self.tell_stories();
    }

    fn read_processes(&mut self, host: &dyn sys::Look) {
        let pids: FxHashSet<u32> = self.snapshot.holdings.iter().map(|holding| holding.pid).collect();
        if pids.is_empty() {
            return;
        }
        let pids: Vec<u32> = pids.into_iter().collect();
        match host.processes(&pids) {
            Ok(processes) => self.snapshot.processes = processes,
            Err(error) => self.gap(Lack::Processes, &error),
        }
    }

    fn read_surroundings(&mut self, host: &dyn sys::Look) {
        if self.snapshot.sockets.is_empty() {
            return;
        }
        match host.users() {
            Ok(users) => self.snapshot.users = users,
            Err(error) => self.gap(Lack::UserNames, &error),
        }
        let directories = story::directories(&self.snapshot);
        if !directories.is_empty() {
            match host.projects(&directories) {
                Ok(Partial { value, gaps }) => {
                    self.snapshot.projects = value;
                    self.snapshot.gaps.extend(gaps);
                }
                Err(error) => self.gap(Lack::Projects, &error),
            }
        }
        let runtimes = story::runtimes(&self.snapshot);
        if !runtimes.is_empty() {
            match host.containers(&runtimes) {
                Ok(Partial { value, gaps }) => {
                    self.snapshot.containers = value;
                    self.snapshot.gaps.extend(gaps);
                }
                Err(error) => self.gap(Lack::Containers, &error),
            }
        }
        self.read_cgroups(host);
    }

    /// Paths of the groups of sockets that no visible process holds: all that can be said of their owners.
    fn read_cgroups(&mut self, host: &dyn sys::Look) {
        let mut ids = FxHashSet::default();
        let mut hidden = 0u32;
        for (index, socket) in self.snapshot.sockets.iter().enumerate() {
            if socket.inode != 0 && self.snapshot.holders(index).is_empty() {
                ids.insert(socket.cgroup);
                hidden += 1;
            }
        }
        ids.remove(&0);
        if ids.remove(&ROOT_CGROUP) {
            self.snapshot.cgroups.push((ROOT_CGROUP, Text::from("/")));
        }
        if !ids.is_empty() {
            let ids: Vec<u64> = ids.into_iter().collect();
            match host.cgroups(&ids) {
                Ok(paths) => self.snapshot.cgroups.extend(paths),
                Err(error) => self.gap(Lack::ControlGroups, &error),
            }
        }
        if hidden > 0 && self.hidden_processes > 0 {
            // Root that may not look is inside a container or a sandbox, where more of root does not help.
            let outside = || Need::Setting("the same command outside this container or sandbox".to_owned());
            self.snapshot.gaps.push(Gap {
                lack: Lack::Owners { sockets: hidden, processes: self.hidden_processes },
                need: if self.snapshot.host.uid == 0 { outside() } else { Need::Root },
                error: None,
            });
        }
    }

    fn tell_stories(&mut self) {
        let holders: FxHashSet<u32> = self.snapshot.holdings.iter().map(|holding| holding.pid).collect();
        let projects: FxHashMap<&[u8], &portward_model::Project> =
            self.snapshot.projects.iter().map(|(directory, project)| (directory.raw(), project)).collect();
        let stories = holders
            .into_iter()
            .filter_map(|pid| Some((pid, Story::of(&self.snapshot, &projects, self.snapshot.process(pid)?))))
            .collect();
        self.stories = stories;
    }

    /// A container known to this machine's runtimes, by the beginning of its id.
    pub fn container(&self, id: &str) -> Option<&Container> {
        self.snapshot.containers.iter().find(|container| container.id.starts_with(id))
    }

    /// True when some socket of the view serves on this port.
    pub fn serves_port(&self, transport: Transport, port: u16) -> bool {
        let ports = self.served.get_or_init(|| {
            let serving = self.snapshot.sockets.iter().filter(|socket| socket.state.serves());
            serving.filter_map(|socket| Some((socket.transport, socket.port()?))).collect()
        });
        ports.contains(&(transport, port))
    }

    /// Positions of sockets that serve on this port with this transport.
    pub fn serving(&self, transport: Transport, port: u16) -> impl Iterator<Item = (usize, &Socket)> {
        let fits = move |socket: &Socket| socket.transport == transport && socket.port() == Some(port) && socket.state.serves();
        self.snapshot.sockets.iter().enumerate().filter(move |(_, socket)| fits(socket))
    }
}

/// The id of the version 2 hierarchy's root.
const ROOT_CGROUP: u64 = 1;
