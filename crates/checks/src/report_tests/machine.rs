//! The machine of a report, from a few lines, and its answers to an inquiry: a kernel of some sockets, files and processes.
//!
//! | line | what it says |
//! |---|---|
//! | `listens ADDRESS:PORT COMMAND \| ANSWER` | a TCP listener and its process; or the pid of a `process` line for the command |
//! | `unix PATH COMMAND \| ANSWER` | the same at a path |
//! | `udp ADDRESS:PORT COMMAND` | a UDP socket |
//! | `process PID COMMAND` | a process without a socket of its own; `PID@UID` for one of another user |
//! | `path PATH MODE UID` | rights and owner of a Unix socket, or of a folder on the way to one |
//! | `stale PATH` | the file of a Unix socket that nobody holds |
//! | `file PATH PID` | a pid or lock file with this number in it |
//! | `interface NAME ADDRESS/LENGTH` | an interface beside `lo` and `eth0` |
//! | `name NAME ADDRESS...` | what a name means here, beside `localhost` |
//! | `open ADDRESS:PORT \\| ANSWER` | another machine or container takes connections there |
//! | `refuses ADDRESS:PORT` | another machine or container refuses them |
//! | `without ipv6` | IPv6 is switched off |
//!
//! An answer is `http 200`, `tls`, `closes`, `silence`, a protocol by its name, or `full` where no connection is taken any more.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use portward_model::{
    CommandLine, Counters, DialTarget, Ended, Endpoint, Exchange, FileKind, FolderFacts, Learnt, Met, Need, NetworkSettings,
    PathFacts, Route, Said, Seen, Snapshot, Socket, SocketName, SocketState, Text, Topic, Transport, Vitals,
};
use portward_wire::protocol::{self, First};

use crate::{
    BindQuestion, bind,
    case::scene::well,
    doctor::{Called, Fact, Names, Sampled, Step, Unread, Wanted},
    fixture::{holding, interface, listener, machine, process, socket, unix},
};

/// A machine.
pub(super) struct Machine {
    snapshot: Snapshot,
    names: Vec<(String, Vec<IpAddr>)>,
    /// How each listener answers, by the inode of its socket.
    answers: Vec<(u64, String)>,
    /// Mode and owner of sockets and folders.
    rights: Vec<(Text, u32, u32)>,
    /// Files of Unix sockets that nobody holds.
    stale: Vec<Text>,
    /// Files that hold the number of a process.
    files: Vec<(Text, u32)>,
    /// What takes connections beyond this machine, and how it answers.
    open: Vec<(SocketAddr, String)>,
    ipv6: bool,
}

impl Machine {
    pub(super) fn of(facts: &[&str], place: &str) -> Self {
        let mut made = Self {
            snapshot: machine(),
            names: Vec::new(),
            answers: Vec::new(),
            rights: Vec::new(),
            stale: Vec::new(),
            files: Vec::new(),
            open: Vec::new(),
            ipv6: true,
        };
        made.snapshot.processes.push(process(SHELL, 1, &["zsh"], 90_000));
        for fact in facts {
            let (kind, rest) = fact.split_once(' ').unwrap_or_else(|| panic!("{place}: {fact}"));
            let (rest, answer) = rest.split_once(" | ").unwrap_or((rest, "silence"));
            let (first, command) = rest.split_once(' ').unwrap_or((rest, ""));
            match kind {
                "listens" | "udp" => {
                    let at: SocketAddr = first.parse().unwrap_or_else(|_| panic!("{place}: {first}"));
                    let ip = at.ip().to_string();
                    let mut made_socket = listener(&ip, at.port());
                    if kind == "udp" {
                        made_socket = socket(Transport::Udp, SocketState::Bound, &ip, at.port());
                    }
                    made.hold(made_socket, command, answer);
                }
                "unix" => made.hold(unix(Some(first), SocketState::Listen), command, answer),
                "process" => {
                    let (pid, uid) = first.split_once('@').unwrap_or((first, "1000"));
                    let pid = pid.parse().unwrap_or_else(|_| panic!("{place}: {first}"));
                    let mut own = process(pid, SHELL, &words(command), 3600);
                    own.uid = uid.parse().unwrap_or_else(|_| panic!("{place}: {first}"));
                    made.snapshot.processes.push(own);
                }
                "path" => {
                    let (bits, uid) = command.split_once(' ').unwrap_or_else(|| panic!("{place}: {command}"));
                    let bits = u32::from_str_radix(bits, 8).unwrap_or_else(|_| panic!("{place}: {bits}"));
                    made.rights.push((Text::from(first), bits, uid.parse().unwrap_or_else(|_| panic!("{place}: {uid}"))));
                }
                "stale" => made.stale.push(Text::from(first)),
                "file" => {
                    let pid = command.parse().unwrap_or_else(|_| panic!("{place}: {command}"));
                    made.files.push((Text::from(first), pid));
                }
                "interface" => {
                    let (address, length) = command.split_once('/').unwrap_or_else(|| panic!("{place}: {command}"));
                    let index = u32::try_from(made.snapshot.interfaces.len()).unwrap() + 1;
                    let kind = first.starts_with("docker").then_some("bridge");
                    made.snapshot.interfaces.push(interface(index, first, kind, &[(address, length.parse().unwrap())]));
                }
                "name" => {
                    let addresses = command.split(' ').map(|address| address.parse().unwrap()).collect();
                    made.names.push((first.to_owned(), addresses));
                }
                "open" | "refuses" => {
                    let at = first.parse().unwrap_or_else(|_| panic!("{place}: {first}"));
                    let answer = if kind == "open" { answer } else { "refused" };
                    made.open.push((at, answer.to_owned()));
                }
                "without" => {
                    made.ipv6 = false;
                    for interface in &mut made.snapshot.interfaces {
                        interface.addresses.retain(|held| held.address.is_ipv4());
                    }
                }
                _ => panic!("{place}: what is `{kind}`?"),
            }
        }
        made.snapshot.sort();
        made
    }

    /// Adds a socket of a process that is new, or that was named by its pid.
    fn hold(&mut self, mut held: Socket, command: &str, answer: &str) {
        let index = self.snapshot.sockets.len();
        held.inode = 5000 + 100 * index as u64;
        held.cookie = held.inode;
        held.queue.limit = 128;
        held.queue.used = if answer == "full" { 129 } else { 0 };
        self.answers.push((held.inode, answer.to_owned()));
        self.snapshot.sockets.push(held);
        let pid = command.parse().unwrap_or_else(|_| {
            let argv = Seen::Known(CommandLine::from_kernel(words(command).join("\0").as_bytes()));
            let same = self.snapshot.processes.iter().find(|known| known.argv == argv);
            same.map_or(4000 + u32::try_from(index).unwrap(), |known| known.id.pid)
        });
        if self.snapshot.processes.iter().all(|known| known.id.pid != pid) {
            self.snapshot.processes.push(process(pid, SHELL, &words(command), 3600));
        }
        self.snapshot.holdings.push(holding(index, pid, 7));
    }

    /// What a machine like this would answer.
    pub(super) fn answer(&self, step: &Step) -> Result<Fact, Unread> {
        let unread = || Unread { need: Need::Platform, why: "the report does not say it".into() };
        Ok(match step {
            Step::Read(Wanted::Look(_)) => Fact::Look(Box::new(self.snapshot.clone())),
            Step::Read(Wanted::Topic(topic)) => Fact::Learnt(self.learnt(*topic).ok_or_else(unread)?),
            Step::Read(Wanted::Path(path) | Wanted::PathBelow { path, .. }) => Fact::Path(self.stands(path)),
            Step::Read(Wanted::Vitals { pids, .. }) => {
                let groups = |pid: u32| self.snapshot.process(pid).map(|process| process.uid).into_iter().collect();
                Fact::Vitals(pids.iter().map(|pid| Vitals { groups: groups(*pid), ..well(*pid) }).collect())
            }
            Step::Read(Wanted::EveryProcess) => Fact::Processes(self.snapshot.processes.clone()),
            Step::Read(Wanted::Processes(pids) | Wanted::Named(pids)) => {
                let asked = self.snapshot.processes.iter().filter(|known| pids.contains(&known.id.pid));
                Fact::Processes(asked.cloned().collect())
            }
            Step::Read(Wanted::Route(address)) => Fact::Route(self.route(*address)),
            Step::Read(Wanted::Errands(_)) => Fact::Errands(Vec::new()),
            Step::Read(Wanted::Told(_)) => Fact::Told(Vec::new()),
            Step::Read(Wanted::Moved) => Fact::Moved(Vec::new()),
            Step::Read(Wanted::Mentions(_)) => Fact::Mentions(Vec::new()),
            Step::Read(Wanted::Projects(_)) => Fact::Projects(Vec::new()),
            Step::Read(Wanted::Sample) => {
                Fact::Sample(Sampled { processes: self.snapshot.processes.clone(), ..Sampled::default() })
            }
            Step::Read(Wanted::Bind { transport, at, reuse }) => {
                let mut question = BindQuestion::new(*transport, at.ip(), at.port());
                question.options.reuse_address = *reuse;
                let answer = bind(&self.snapshot, &question);
                let denied = answer.causes.first().is_some_and(|cause| cause.code == "privileged-port");
                let met = if denied { (13, "Permission denied") } else { (98, "Address already in use") };
                Fact::Bind((answer.possible() == Some(false)).then(|| (met.0, met.1.to_owned())))
            }
            Step::Read(Wanted::PathExists(path)) => Fact::Is(Seen::Known(self.stands(path).kind.is_some())),
            Step::Read(Wanted::MayCreate(_)) => Fact::Is(Seen::Known(true)),
            Step::Dial(call) => {
                let (met, exchange) = self.dialled(&call.dial.at, call.dial.speech.map(|speech| (speech.said, speech.protocol)));
                let refused = met == Met::Failed(111);
                let rose = ["Tcp.ActiveOpens", "Tcp.OutRsts", "Tcp.AttemptFails"].map(|name| (name.to_owned(), 1));
                let after: Counters = rose.into_iter().take(if refused { 3 } else { 1 }).collect();
                let sockets = self.snapshot.sockets.clone();
                let (before, meanwhile) = (Counters::default(), Vec::new());
                Fact::Called(Box::new(Called { met, took_us: 90, exchange, from: None, before, after, meanwhile, sockets }))
            }
            Step::Watch { .. } => Fact::Waited,
            Step::Done(_) => return Err(unread()),
        })
    }

    /// What a report says of a topic; of most nothing.
    fn learnt(&self, topic: Topic) -> Option<Learnt> {
        if topic == Topic::Network {
            return Some(Learnt::Network(NetworkSettings {
                max_backlog: Some(4096),
                ipv6_disabled: Some(!self.ipv6),
                loopback_mtu: Some(65_536),
                gateway: Some(IpAddr::from([192, 168, 1, 1])),
                rule_before_local: Some(false),
                ..NetworkSettings::default()
            }));
        }
        let firewall = (topic == Topic::Firewall).then(|| Learnt::Firewall(Seen::Known(Vec::new())));
        firewall.or_else(|| (topic == Topic::Hosts).then(|| Learnt::Hosts(Vec::new())))
    }

    fn stands(&self, path: &Text) -> PathFacts {
        let bound = self.stale.contains(path) || self.snapshot.sockets.iter().any(|held| held.path() == Some(path));
        let rights = |path: &Text| self.rights.iter().find(|(own, ..)| own == path).map(|(_, mode, uid)| (*mode, *uid));
        let pid = self.files.iter().find(|(file, _)| file == path).map(|(_, pid)| *pid);
        let kind = if bound { Some(FileKind::Socket) } else { pid.map(|_| FileKind::File) };
        let ends = path.raw().iter().enumerate().filter(|(at, byte)| **byte == b'/' && *at > 0).map(|(at, _)| at);
        let folders = ends.filter_map(|end| path.raw().get(..end)).map(Text::new);
        let folders = folders.map(|path| {
            let (mode, uid) = rights(&path).unwrap_or((0o755, 0));
            FolderFacts { path, mode, uid, gid: uid }
        });
        let folders = folders.collect();
        let (mode, uid) = rights(path).unwrap_or((0o777, 1000));
        PathFacts { path: path.clone(), kind, mode, uid, gid: uid, writable: true, folders, pid, ..PathFacts::default() }
    }

    fn is_own(&self, address: IpAddr) -> bool {
        let held = self.snapshot.interfaces.iter().flat_map(|interface| &interface.addresses);
        held.clone().any(|own| own.address == address) || (address.is_loopback() && address.is_ipv4()) || address.is_unspecified()
    }

    fn route(&self, address: IpAddr) -> Route {
        let local = self.is_own(address);
        let interface = if local { "lo" } else { "eth0" };
        let gateway = (!local).then_some(IpAddr::from([192, 168, 1, 1]));
        Route { local, interface: Some(Text::from(interface)), gateway, source: Some(address).filter(|_| local) }
    }

    /// What a connection meets, by the kernel's rules: an exact address before a wildcard.
    fn dialled(&self, at: &DialTarget, said: Option<(Said, &str)>) -> (Met, Option<Exchange>) {
        let sockets = || self.snapshot.sockets.iter().filter(|held| held.state == SocketState::Listen);
        let taker = match at {
            DialTarget::Unix(path) => sockets().find(|held| held.path() == Some(path)),
            DialTarget::Inet(at) if !self.is_own(at.ip()) => {
                let Some((_, answer)) = self.open.iter().find(|(open, _)| open == at) else { return (Met::Silence, None) };
                let exchange = |said| exchange(said, answer);
                return if answer == "refused" { (Met::Failed(111), None) } else { (Met::Connected, said.map(exchange)) };
            }
            DialTarget::Inet(at) => {
                let takes = |held: &&Socket, exactly: bool| match &held.name {
                    SocketName::Inet { local, port, .. } => {
                        let any = local.is_unspecified() && (local.is_ipv6() || at.is_ipv4());
                        *port == at.port() && if exactly { *local == at.ip() } else { any }
                    }
                    SocketName::Unix { .. } => false,
                };
                sockets().find(|held| takes(held, true)).or_else(|| sockets().find(|held| takes(held, false)))
            }
        };
        let Some(taker) = taker else {
            let absent = matches!(at, DialTarget::Unix(path) if !self.stale.contains(path));
            let errno = if absent { 2 } else { 111 };
            return (Met::Failed(errno), None);
        };
        let answer = self.answers.iter().find(|(inode, _)| *inode == taker.inode).map_or("silence", |(_, answer)| answer);
        match (answer, at) {
            // connect(2): a Unix listener without room is EAGAIN.
            ("full", DialTarget::Unix(_)) => (Met::Failed(11), None),
            ("full", DialTarget::Inet(_)) => (Met::Silence, None),
            (answer, _) => (Met::Connected, said.map(|said| exchange(said, answer))),
        }
    }
}

/// What a server of this kind says to these words.
fn exchange((said, by): (Said, &str), answer: &str) -> Exchange {
    let is_http = matches!(said, Said::Http | Said::HttpByLocalhost | Said::Upgrade);
    let (heard, ended): (Vec<u8>, Ended) = match (answer.split_once(' ').unwrap_or((answer, "")), said) {
        (("silence", _), _) | (("http" | "tls", _), Said::Nothing) => (Vec::new(), Ended::Silence),
        (("http", status), _) if is_http => {
            (format!("HTTP/1.1 {status} Status\r\nContent-Length: 0\r\n\r\n").into_bytes(), Ended::Enough)
        }
        (("http", _), _) => (b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n".to_vec(), Ended::Closed),
        (("tls", _), Said::Tls) => (b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03".to_vec(), Ended::Enough),
        (("tls" | "closes", _), _) => (Vec::new(), Ended::Closed),
        ((name, _), said) => {
            let known = protocol::named(name).unwrap_or_else(|| panic!("no protocol is called {name}"));
            // Of PostgreSQL the last sample is a welcome, of the others the first.
            let sample = if name == "postgres" { known.samples.last() } else { known.samples.first() };
            let sample = || sample.map_or(Vec::new(), |sample| sample.to_vec());
            match said {
                Said::Greeting if by == known.name => (sample(), Ended::Enough),
                Said::Greeting => (Vec::new(), Ended::Closed),
                _ if known.first == First::Server => (sample(), Ended::Enough),
                Said::Nothing => (Vec::new(), Ended::Silence),
                Said::Http | Said::HttpByLocalhost | Said::Upgrade | Said::Proxied | Said::Tls => (Vec::new(), Ended::Closed),
            }
        }
    };
    Exchange { said, line: None, heard: Text::new(heard), ended, first_ms: 1 }
}

/// The shell that everything was started from.
const SHELL: u32 = 900;

fn words(command: &str) -> Vec<&str> {
    command.split(' ').filter(|word| !word.is_empty()).collect()
}

impl Names for Machine {
    fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        if let Some((_, addresses)) = self.names.iter().find(|(known, _)| known == name) {
            return Ok(addresses.clone());
        }
        let both = [IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]), IpAddr::from(Ipv4Addr::LOCALHOST)];
        match name {
            "localhost" if self.ipv6 => Ok(both.to_vec()),
            "localhost" => Ok(vec![Ipv4Addr::LOCALHOST.into()]),
            _ => Err(format!("{name}: Name or service not known")),
        }
    }

    fn serving(&self, _: &str) -> Option<(Endpoint, String)> {
        None
    }

    fn listening(&self, pid: u32) -> Option<(Endpoint, String)> {
        let process = self.snapshot.process(pid)?;
        let held = self.snapshot.holdings.iter().find(|holding| holding.pid == pid)?;
        let socket = self.snapshot.sockets.get(usize::try_from(held.socket).ok()?)?;
        let SocketName::Inet { local, port, .. } = &socket.name else { return None };
        let endpoint = SocketAddr::new(*local, *port).to_string().parse().ok()?;
        Some((endpoint, format!("{} (pid {pid})", process.name)))
    }

    fn named_in(&self, file: &Text) -> Option<u32> {
        self.files.iter().find(|(own, _)| own == file).map(|(_, pid)| *pid)
    }

    fn outward(&self) -> Option<IpAddr> {
        let bridge = self.snapshot.interfaces.iter().find(|interface| interface.kind.is_some());
        let own = bridge.or_else(|| self.snapshot.interfaces.iter().find(|interface| !interface.loopback))?;
        own.addresses.first().map(|held| held.address)
    }

    fn is_contained(&self) -> bool {
        false
    }
}
