//! A case: everything that is known about one endpoint, and the questions that checks ask of it.

mod asked;
pub(crate) mod debuggee;
pub(crate) mod edits;
pub(crate) mod forwarder;
pub(crate) mod held;
#[cfg(feature = "scenes")]
pub(crate) mod hostile;
pub(crate) mod kin;
pub(crate) mod place;
pub(crate) mod refusal;
pub(crate) mod request;
pub(crate) mod sameness;
#[cfg(any(test, feature = "scenes"))]
pub(crate) mod scene;
pub(crate) mod serving;
pub(crate) mod subject;
pub(crate) mod talk;
mod unix;
pub(crate) mod waits;
pub(crate) mod words;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use portward_model::{
    Attempt, DialTarget, Examination, Family, FirewallRule, Lack, Met, Own, Process, ProcessState, RuleVerdict, Seen, Snapshot,
    Socket, SocketState, Transport, Vitals, unmap,
};

pub use asked::{Asked, Asking};

use crate::{
    BindAnswer, Paste, Symptom, bind,
    errno::{EADDRNOTAVAIL, EAFNOSUPPORT, ECONNREFUSED, ENETUNREACH},
};

/// Everything that is known about one endpoint.
pub struct Case<'a> {
    /// The machine: sockets with this port on either side in every namespace that could be read, their holders, and
    /// where the doctor asked for it every process.
    pub snapshot: &'a Snapshot,
    /// How it behaves.
    pub exam: &'a Examination,
    /// What was asked.
    pub asked: &'a Asked,
    /// What a program printed.
    pub paste: Option<&'a Paste>,
    /// Whether the bind would succeed, where the question is to listen.
    pub bind: Option<&'a BindAnswer>,
}

/// How the endpoint stands, by the connections that were tried.
#[derive(Clone, Copy, Debug)]
pub enum Standing<'a> {
    /// A handshake was completed at the first address that answers at all: a client goes on from one that fails at once.
    Connected(&'a Attempt),
    /// The first address was refused (ECONNREFUSED), and none connected.
    Refused(&'a Attempt),
    /// An address did not answer, and none before it connected: a client waits for it.
    Silent(&'a Attempt),
    /// The first address failed with another error number, and none connected.
    Failed(i32, &'a Attempt),
    /// No connection was tried, or the one that would tell was not.
    Untried,
}

impl<'a> Case<'a> {
    /// True when the question is why a client fails.
    pub fn connects(&self) -> bool {
        self.asked.asking == Asking::Connect
    }

    /// True when the question is why a client of TCP fails.
    pub fn connects_by_tcp(&self) -> bool {
        self.connects() && self.asked.transport == Transport::Tcp
    }

    /// True when a client dials this machine and nothing listens on the port, whatever the address.
    pub fn is_deserted(&self) -> bool {
        self.unserved().is_some() && self.listeners().next().is_none()
    }

    /// True when the question is why a server cannot listen.
    pub fn listens(&self) -> bool {
        self.asked.asking == Asking::Listen
    }

    /// What the text says went wrong.
    pub fn symptom(&self) -> Option<Symptom> {
        self.paste.map(|paste| paste.symptom)
    }

    /// True when the text names this code.
    pub fn says(&self, code: &str) -> bool {
        self.paste.is_some_and(|paste| paste.says == Some(code))
    }

    /// How the endpoint stands.
    pub fn standing(&self) -> Standing<'a> {
        let mut dialled: Vec<&Attempt> = self.exam.attempts.iter().filter(|attempt| self.is_target(&attempt.at)).collect();
        // What the text's client met at its own address is the question, whatever its neighbours do.
        let own = self.texts_address();
        if dialled.iter().any(|attempt| is_at(attempt, own)) {
            dialled.retain(|attempt| is_at(attempt, own));
        }
        // A client waits for the first of its addresses that keeps silent, and goes on from one that fails.
        let first = dialled.iter().find(|attempt| matches!(attempt.met, Met::Connected | Met::Silence));
        match first {
            Some(first) if first.met == Met::Connected => {
                let same = dialled.iter().filter(|attempt| attempt.at == first.at && attempt.met == Met::Connected);
                let spoken = same.max_by_key(|attempt| attempt.exchange.is_some());
                return Standing::Connected(spoken.unwrap_or(first));
            }
            Some(first) => return Standing::Silent(first),
            None => {}
        }
        let unusable = |attempt: &&&Attempt| matches!(attempt.met, Met::Failed(EAFNOSUPPORT | EADDRNOTAVAIL | ENETUNREACH));
        let first = dialled.iter().find(|attempt| !unusable(attempt)).or_else(|| dialled.first());
        match first {
            None => Standing::Untried,
            Some(first) => match first.met {
                // A client of a name goes on to its next address, and that one was spared a connection.
                Met::Failed(ECONNREFUSED) if self.spared() => Standing::Untried,
                Met::Failed(ECONNREFUSED) => Standing::Refused(first),
                Met::Failed(errno) => Standing::Failed(errno, first),
                Met::Silence => Standing::Silent(first),
                Met::Connected => Standing::Connected(first),
            },
        }
    }

    /// The address at which the text's client could not connect, where the text names one of those that were asked about.
    fn texts_address(&self) -> Option<IpAddr> {
        let paste = self.paste.filter(|paste| matches!(paste.symptom, Symptom::Refused | Symptom::NoHandshake))?;
        let port = paste.port.is_some_and(|port| port == u32::from(self.asked.port));
        // A client that met it at each of several addresses leaves the question to all of them.
        let [address] = paste.addresses.as_slice() else { return None };
        let address = port.then_some(*address)?;
        let asked = self.asked.addresses.iter().copied();
        asked.into_iter().find(|known| dialled(*known) == dialled(address))
    }

    /// True when the sockets of this machine could not be read and the question is about it: an empty table says nothing.
    pub fn is_blind(&self) -> bool {
        let far = !self.asked.addresses.is_empty() && self.asked.addresses.iter().all(|address| !self.is_own_address(*address));
        !far && self.snapshot.lacks(&Lack::Sockets)
    }

    /// True when who holds a socket could not be read, which is not the same as that it may not be seen.
    pub fn is_owner_unread(&self, socket: usize) -> bool {
        let lacks = |lack| self.snapshot.lacks(lack);
        let unread = || lacks(&Lack::Processes) || lacks(&Lack::OtherProcesses);
        lacks(&Lack::AllOwners) || (unread() && self.holders(socket).is_empty())
    }

    /// True when one of several addresses has a listener that was left alone on purpose.
    fn spared(&self) -> bool {
        let tried = |address: IpAddr| {
            let at = DialTarget::Inet(SocketAddr::new(address, self.asked.port));
            self.exam.attempts.iter().any(|attempt| attempt.at == at)
        };
        let mut addresses = self.asked.addresses.iter();
        !self.exam.declined.is_empty() && addresses.any(|address| !tried(*address) && !self.takers(*address).is_empty())
    }

    /// True when a client could not connect: it was refused, met silence or failed; or nothing was tried and the
    /// text says so.
    pub fn fails_to_connect(&self) -> bool {
        match self.standing() {
            Standing::Connected(_) => false,
            Standing::Refused(_) | Standing::Silent(_) | Standing::Failed(..) => true,
            Standing::Untried => self.connects() && self.served().is_empty(),
        }
    }

    /// True when a connection went to an address that was asked about, not to a neighbour for comparison.
    pub fn is_target(&self, at: &DialTarget) -> bool {
        match at {
            DialTarget::Inet(address) => address.port() == self.asked.port && self.asked.addresses.contains(&address.ip()),
            DialTarget::Unix(path) => self.asked.path.as_ref() == Some(path),
        }
    }

    /// True when the socket is in the reader's own network namespace.
    pub fn is_own(&self, socket: &Socket) -> bool {
        self.snapshot.namespaces.get(usize::from(socket.netns)).is_none_or(|namespace| namespace.own)
    }

    /// Processes that can have to do with the endpoint: those of the reader's network namespace, and those whose namespace is
    /// hidden. What runs in another one cannot open a port of this one, and what is Portward's own means to serve none, whatever
    /// stands in its arguments.
    pub fn processes(&self) -> impl Iterator<Item = &'a Process> {
        let wanted = |process: &&Process| self.shares_network(process) != Some(false) && Own::of(process).is_none();
        self.snapshot.processes.iter().filter(wanted)
    }

    /// Whether a process is in the reader's network namespace; `None` where its namespace is hidden.
    pub fn shares_network(&self, process: &Process) -> Option<bool> {
        let own = self.snapshot.namespaces.iter().find(|namespace| namespace.own)?;
        process.netns.known().map(|inode| *inode == own.inode)
    }

    /// True for either end of a connection that the doctor made itself: what it left in the tables is its own doing.
    pub fn is_doctors(&self, socket: &Socket) -> bool {
        let own = |attempt: &Attempt| {
            attempt.from.is_some_and(|from| {
                let ends = [socket.remote(), socket.address().zip(socket.port())];
                socket.remote().is_some()
                    && ends.into_iter().flatten().any(|(address, port)| port == from.port() && unmap(address) == unmap(from.ip()))
            })
        };
        socket.transport == Transport::Tcp && self.exam.attempts.iter().any(own)
    }

    /// Sockets of the asked transport with the asked port as their own, in the reader's namespace, whatever their
    /// address, but for the ends of the doctor's own connections and the ports that a session keeps for its project; for a Unix path
    /// those that are bound to what stands there, in whatever namespace.
    pub fn here(&self) -> impl Iterator<Item = (usize, &'a Socket)> {
        let asked = self.asked;
        let behind = self.unix().map(|path| path.behind(self.snapshot).sockets);
        let fits = |socket: &Socket| {
            self.is_own(socket)
                && socket.transport == asked.transport
                && socket.port() == Some(asked.port)
                && !self.is_doctors(socket)
        };
        self.snapshot.sockets.iter().enumerate().filter(move |(index, socket)| match &behind {
            Some(behind) => behind.binary_search(index).is_ok(),
            None => fits(socket) && !self.is_kept(*index, socket),
        })
    }

    /// True for a port that a session keeps free for its project: its supervisor has bound it, and serves nothing.
    fn is_kept(&self, index: usize, socket: &Socket) -> bool {
        let own = |pid: u32| self.snapshot.process(pid).and_then(Own::of) == Some(Own::Session);
        let holders = self.snapshot.holders(index);
        socket.state == SocketState::Bound && !holders.is_empty() && holders.iter().all(|holding| own(holding.pid))
    }

    /// Listeners (or, for datagrams, bound sockets) of the asked port in the reader's namespace, whatever their address.
    pub fn listeners(&self) -> impl Iterator<Item = (usize, &'a Socket)> {
        self.here().filter(|(_, socket)| match socket.transport {
            Transport::Tcp | Transport::Unix | Transport::UnixPacket => socket.state == SocketState::Listen,
            Transport::Udp | Transport::UnixDatagram => socket.state.serves(),
        })
    }

    /// Listeners of the asked port in other network namespaces.
    pub fn elsewhere(&self) -> impl Iterator<Item = (usize, &'a Socket)> {
        let asked = self.asked;
        self.snapshot.sockets.iter().enumerate().filter(move |(_, socket)| {
            !self.is_own(socket)
                && socket.transport == asked.transport
                && socket.port() == Some(asked.port)
                && socket.state == SocketState::Listen
        })
    }

    /// The listeners that the kernel gives a connection to `address` to: those with exactly this address before
    /// wildcards, an IPv4 wildcard before a dual-stack one (`inet_lookup_listener`, `compute_score`); several where they
    /// share by `SO_REUSEPORT`.
    pub fn takers(&self, address: IpAddr) -> Vec<(usize, &'a Socket)> {
        let address = dialled(address);
        let device = self.device_of(address);
        let score = |socket: &Socket| {
            let pinned = socket.interface != 0 && !is_scoped(socket);
            let exact = !socket.is_wildcard();
            let same_family = (socket.family == Family::Ipv4) == unmap(address).is_ipv4();
            (exact, pinned, same_family)
        };
        let takes = |socket: &Socket| {
            socket.takes(address) && (socket.interface == 0 || is_scoped(socket) || device == Some(socket.interface))
        };
        let mut fit: Vec<(usize, &Socket)> = self.listeners().filter(|(_, socket)| takes(socket)).collect();
        let best = fit.iter().map(|(_, socket)| score(socket)).max();
        fit.retain(|(_, socket)| Some(score(socket)) == best);
        fit
    }

    /// The interface that packets to one of this machine's own addresses arrive on: `lo`.
    fn device_of(&self, address: IpAddr) -> Option<u32> {
        let own = self.is_own_address(address);
        own.then(|| self.snapshot.loopback_index())
    }

    /// True when the address belongs to this machine.
    pub fn is_own_address(&self, address: IpAddr) -> bool {
        let address = unmap(address);
        address.is_loopback()
            || address.is_unspecified()
            || self.snapshot.interfaces.iter().flat_map(|interface| &interface.addresses).any(|own| own.address == address)
    }

    /// The listeners that take a connection to any of the asked addresses, each once; by path for Unix sockets.
    pub fn served(&self) -> Vec<(usize, &'a Socket)> {
        if self.asked.path.is_some() {
            return self.listeners().collect();
        }
        let mut all: Vec<(usize, &Socket)> = Vec::new();
        for address in &self.asked.addresses {
            for taker in self.takers(*address) {
                if !all.iter().any(|(index, _)| *index == taker.0) {
                    all.push(taker);
                }
            }
        }
        all
    }

    /// The process to name for a socket: the one that opened it, or the first holder that is known.
    pub fn holder(&self, socket: usize) -> Option<&'a Process> {
        bind::words::holder(self.snapshot, socket)
    }

    /// Every process that holds a socket.
    pub fn holders(&self, socket: usize) -> Vec<&'a Process> {
        let mut pids: Vec<u32> = self.snapshot.holders(socket).iter().map(|holding| holding.pid).collect();
        pids.dedup();
        pids.iter().filter_map(|pid| self.snapshot.process(*pid)).collect()
    }

    /// How a process fares.
    pub fn vitals(&self, pid: u32) -> Option<&'a Vitals> {
        self.exam.vitals(pid)
    }

    /// Every holder of a listener that serves the target, with how it fares.
    pub fn serving_processes(&self) -> Vec<(&'a Process, Option<&'a Vitals>)> {
        let mut all: Vec<(&Process, Option<&Vitals>)> = Vec::new();
        for (index, _) in self.served() {
            for process in self.holders(index) {
                if !all.iter().any(|(known, _)| known.id == process.id) {
                    all.push((process, self.vitals(process.id.pid)));
                }
            }
        }
        all
    }

    /// Connections of the asked port with a state, in the reader's namespace: the server's ends.
    pub fn in_state(&self, state: SocketState) -> impl Iterator<Item = (usize, &'a Socket)> {
        self.here().filter(move |(_, socket)| socket.state == state)
    }

    /// True when a process was stopped, by a signal or a debugger, when it was read.
    pub fn is_halted(process: &Process) -> bool {
        matches!(process.state, ProcessState::Stopped | ProcessState::Traced)
    }

    /// The address of this machine that a TCP client dials and that no listener takes, as the tables say and nothing that
    /// was tried denies: the question of every cause of "connection refused". `None` where something serves it, where
    /// it belongs to another machine, and where the connection failed in another way.
    pub fn unserved(&self) -> Option<IpAddr> {
        if !self.connects() || self.asked.transport != Transport::Tcp || self.asked.port == 0 || !self.fails_to_connect() {
            return None;
        }
        if !matches!(self.standing(), Standing::Refused(_) | Standing::Untried) {
            return None;
        }
        let first = *self.asked.addresses.first()?;
        (self.is_own_address(first) && self.takers(first).is_empty()).then(|| dialled(first))
    }

    /// The packet filter rules that can meet a packet to the asked port at an address of this machine, the most telling
    /// first: such packets go by `lo`, whichever address it is, and are not forwarded.
    pub fn rules_for(&self, verdicts: &[RuleVerdict]) -> Vec<&'a FirewallRule> {
        self.rules_to(None, verdicts)
    }

    /// The same at this address, which may be another machine's; `None` for this machine's own.
    pub fn rules_to(&self, address: Option<IpAddr>, verdicts: &[RuleVerdict]) -> Vec<&'a FirewallRule> {
        let Some(Seen::Known(rules)) = &self.exam.firewall else { return Vec::new() };
        let port = self.asked.port;
        let away = address.is_some_and(|address| !self.is_own_address(address));
        let loopback = self.snapshot.interfaces.iter().find(|interface| interface.loopback).map(|interface| &interface.name);
        let meets = |rule: &&FirewallRule| {
            let named = rule.port.is_none_or(|first| (first..=rule.last_port.unwrap_or(first)).contains(&port));
            let way = rule.interface.as_ref().is_none_or(|name| loopback.is_none_or(|lo| lo == name));
            verdicts.contains(&rule.verdict) && named && (away || way && rule.hook.raw() != b"forward")
        };
        let mut found: Vec<&FirewallRule> = rules.iter().filter(meets).collect();
        found.sort_by_key(|rule| (rule.port.is_none(), rule.packets == Some(0), rule.narrowed));
        found
    }

    /// The first address that a client dials, with the port.
    pub fn first_address(&self) -> Option<SocketAddr> {
        self.asked.addresses.first().map(|address| SocketAddr::new(*address, self.asked.port))
    }
}

/// The address that a connect goes to: the kernel takes 0.0.0.0 and :: for the loopback of their family (`ip(7)`,
/// `tcp_v6_connect`), and a mapped address for the IPv4 one that it holds.
pub(crate) fn dialled(address: IpAddr) -> IpAddr {
    match unmap(address) {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}

/// True when a connection went to this address.
fn is_at(attempt: &Attempt, address: Option<IpAddr>) -> bool {
    matches!(attempt.at, DialTarget::Inet(at) if Some(at.ip()) == address)
}

/// An IPv6 link-local address carries its zone where a pin to a device would stand.
fn is_scoped(socket: &Socket) -> bool {
    matches!(socket.address(), Some(IpAddr::V6(v6)) if v6.is_unicast_link_local())
}

#[cfg(test)]
mod tests {
    use portward_model::{DialTarget, Met};

    use super::Standing;
    use crate::{
        Symptom,
        case::scene::Scene,
        fixture::{held, listener},
    };

    /// A name with two addresses, and what its connections met, in the client's order.
    fn name(first: Met, second: Met) -> Scene {
        let scene = Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000").named("localhost", &["::1", "127.0.0.1"]);
        let second_at = DialTarget::Inet("127.0.0.1:3000".parse().unwrap());
        scene.tried(first).tried(second).but(|scene| scene.exam.attempts[1].at = second_at)
    }

    #[test]
    fn a_client_goes_on_from_a_refusal_and_waits_for_silence() {
        let refused = name(Met::Failed(111), Met::Connected);
        assert!(matches!(refused.case().standing(), Standing::Connected(_)));
        assert!(matches!(name(Met::Silence, Met::Connected).case().standing(), Standing::Silent(_)));
        assert!(matches!(name(Met::Connected, Met::Silence).case().standing(), Standing::Connected(_)));
        // The text's own client did not go on.
        let mut told = refused.said(Symptom::Refused, None, "connect ECONNREFUSED ::1:3000");
        let paste = told.paste.as_mut().unwrap();
        (paste.addresses, paste.port) = (vec!["::1".parse().unwrap()], Some(3000));
        assert!(matches!(told.case().standing(), Standing::Refused(_)));
    }
}
