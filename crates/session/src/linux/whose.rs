//! Whose a server is: this session's, one of the same project's outside of it, or a stranger's.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::{Duration, Instant},
};

use portward_model::{Socket, SocketState, Transport};
use portward_sys::{Act, Ask, LO, Lookup, StateSet, Transports, Which};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::Ports;

/// Who answers at a place.
pub(super) enum Answers {
    /// Nobody, as far as the kernel says.
    Nobody,
    /// The session, or another one of its project.
    Own(Socket),
    /// Somebody who has nothing to do with it.
    Stranger,
}

/// Who has a port that is to be bound.
pub(super) enum Holder {
    /// Nobody who can be named: connections that are left over.
    Nobody,
    /// A program of this session.
    Session,
    /// One of the same project, outside of this session.
    Project(Socket),
    /// A stranger.
    Stranger(Socket),
}

/// What is known of servers. Cookies are never given twice.
#[derive(Default)]
pub(super) struct Whose {
    lookup: Option<Lookup>,
    machine: Option<Box<dyn Act>>,
    /// Cookies of the session's own sockets that serve.
    own: FxHashSet<u64>,
    /// What others were found to be, and when.
    judged: FxHashMap<u64, (bool, Instant)>,
}

impl Whose {
    pub(super) fn open() -> Self {
        Self { lookup: Lookup::open().ok(), ..Self::default() }
    }

    /// Notes a socket of the session's own. Of one among very many it is forgotten, and found out when it is asked for.
    pub(super) fn add(&mut self, cookie: u64) {
        if self.own.len() >= MOST_REMEMBERED {
            self.own.clear();
        }
        self.own.insert(cookie);
    }

    /// True where anybody serves a port of the loopback, of either family.
    pub(super) fn is_served(&mut self, transport: Transport, port: u16) -> bool {
        let places = [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()];
        places.into_iter().any(|ip| self.server(transport, SocketAddr::new(ip, port)).is_some())
    }

    /// Who answers what is sent to a place of the loopback device. Where the kernel does not say, nobody does, and a connection
    /// goes where it was dialled.
    pub(super) fn answers(&mut self, transport: Transport, at: SocketAddr, ports: &mut dyn Ports) -> Answers {
        match self.server(transport, at) {
            None => Answers::Nobody,
            Some(server) if self.is_own(&server, ports) => Answers::Own(server),
            Some(_) => Answers::Stranger,
        }
    }

    fn server(&mut self, transport: Transport, at: SocketAddr) -> Option<Socket> {
        self.lookup.as_mut()?.server(transport, at, LO)
    }

    fn is_own(&mut self, server: &Socket, ports: &mut dyn Ports) -> bool {
        if self.own.contains(&server.cookie) {
            return true;
        }
        let known = self.judged.get(&server.cookie).copied();
        if let Some((is_own, at)) = known.filter(|(is_own, at)| *is_own || at.elapsed() < FRESH) {
            let _ = at;
            return is_own;
        }
        let is_own = ports.is_own(server);
        if self.judged.len() >= MOST_REMEMBERED {
            self.judged.clear();
        }
        self.judged.insert(server.cookie, (is_own, Instant::now()));
        is_own
    }

    /// Who keeps a place from being bound. `is_asked` tells a socket of the session that is bound and does not serve yet.
    pub(super) fn holder(
        &mut self,
        (transport, at): (Transport, SocketAddr),
        is_asked: &dyn Fn(u64) -> bool,
        ports: &mut dyn Ports,
    ) -> Holder {
        let wildcard = at.ip().is_unspecified();
        let mut found = self.at_port(transport, at.port());
        found.retain(|socket| (wildcard || socket.takes(at.ip())) && !is_kept(socket));
        if found.iter().any(|socket| self.own.contains(&socket.cookie) || is_asked(socket.cookie)) {
            return Holder::Session;
        }
        match found.iter().find(|socket| self.is_own(socket, ports)) {
            Some(own) => Holder::Project(own.clone()),
            None => found.into_iter().next().map_or(Holder::Nobody, Holder::Stranger),
        }
    }

    /// What is bound to a port and held by somebody.
    fn at_port(&mut self, transport: Transport, port: u16) -> Vec<Socket> {
        let transports = Transports { tcp: transport == Transport::Tcp, udp: transport == Transport::Udp, unix: false };
        let ask = Ask { transports, ..Ask::tcp_at(port, StateSet::All) };
        let mut found = Vec::new();
        if self.machine.is_none() {
            self.machine = portward_sys::this_machine().ok();
        }
        let Some(machine) = &self.machine else { return found };
        let Ok(own) = machine.namespaces(&Which::Own) else { return found };
        let _ = machine.sockets(&ask, &own.value, &mut |socket| {
            // What is connected is left over of a server, or a client: neither is somebody to name.
            if matches!(socket.state, SocketState::Listen | SocketState::Bound) && socket.inode != 0 {
                found.push(socket);
            }
        });
        // Who listens is the better name of several.
        found.sort_by_key(|socket| socket.state != SocketState::Listen);
        found
    }
}

/// True for a socket by which some session keeps a port: bound, not listening, on every address and pinned to the loopback; those
/// of an earlier version stand at the loopback addresses.
pub(super) fn is_kept(socket: &Socket) -> bool {
    let is_ours = |address: IpAddr| address.is_unspecified() || address == Ipv4Addr::LOCALHOST || address == Ipv6Addr::LOCALHOST;
    socket.transport == Transport::Tcp
        && socket.state == SocketState::Bound
        && socket.interface == LO
        && socket.address().is_some_and(is_ours)
}

/// Sockets that are remembered; one takes some thirty bytes.
const MOST_REMEMBERED: usize = 10_000;
/// How long a stranger is one without being looked at again: what a project's program has may be written down late.
const FRESH: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener};

    use portward_model::{Socket, Transport::Tcp};

    use super::{Answers, Holder, Whose};
    use crate::{Given, NoPort, Ports};

    /// A project whose other programs are as this says; it counts how often it is asked.
    struct Siblings(bool, usize);

    impl Ports for Siblings {
        fn lease(&mut self, asked: u16) -> Result<Given, NoPort> {
            Ok(Given { port: asked, recorded: true })
        }
        fn find(&mut self, asked: u16) -> Option<u16> {
            Some(asked)
        }
        fn all(&mut self) -> Vec<u16> {
            Vec::new()
        }
        fn is_own(&mut self, _: &Socket) -> bool {
            self.1 += 1;
            self.0
        }
        fn listened(&mut self, _: u16) {}

        fn spare(&mut self, _: u16) -> Option<u16> {
            None
        }
        fn elsewhere(&mut self, _: SocketAddr) -> Vec<u16> {
            Vec::new()
        }
    }

    #[test]
    fn a_server_is_the_sessions_the_projects_or_a_strangers() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = server.local_addr().unwrap();
        let mut whose = Whose::open();
        let (mut strangers, mut siblings) = (Siblings(false, 0), Siblings(true, 0));
        assert!(matches!(whose.answers(Tcp, at, &mut strangers), Answers::Stranger));
        assert!(matches!(whose.answers(Tcp, at, &mut siblings), Answers::Stranger), "asked a moment ago");
        assert_eq!((strangers.1, siblings.1), (1, 0));
        let mut whose = Whose::open();
        assert!(matches!(whose.answers(Tcp, at, &mut siblings), Answers::Own(_)));
        whose.add(crate::linux::sockets::cookie(&server));
        assert!(matches!(whose.answers(Tcp, at, &mut strangers), Answers::Own(_)), "its own without a question");
        let free = SocketAddr::from(([127, 0, 0, 2], at.port()));
        assert!(matches!(whose.answers(Tcp, free, &mut strangers), Answers::Nobody), "another address is another place");
    }

    #[test]
    fn whoever_has_a_port_is_named() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = server.local_addr().unwrap();
        let wildcard = SocketAddr::from(([0, 0, 0, 0], at.port()));
        let cookie = crate::linux::sockets::cookie(&server);
        let holder = |at, is_own, is_asked: bool| {
            Whose::open().holder((Tcp, at), &|other| is_asked && other == cookie, &mut Siblings(is_own, 0))
        };
        assert!(matches!(holder(at, false, false), Holder::Stranger(by) if by.cookie == cookie));
        assert!(matches!(holder(wildcard, false, false), Holder::Stranger(_)));
        assert!(matches!(holder(at, true, false), Holder::Project(_)));
        assert!(matches!(holder(at, false, true), Holder::Session));
        drop(server);
        assert!(matches!(holder(at, false, false), Holder::Nobody));
    }
}
