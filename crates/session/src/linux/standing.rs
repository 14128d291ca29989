//! Where what a program asks for stands in the session, and where what it dials is served.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use portward_model::{Socket, Transport, unmap};
use portward_sys::unotify::Call;
use rustix::fd::OwnedFd;

use super::{
    calls, sockets,
    supervisor::Supervisor,
    whose::{Answers, Holder},
};
use crate::{
    Event,
    place::{self, Kind},
};

/// Where a dialled address is served by the session.
pub(super) struct Served {
    /// The place to dial instead.
    pub(super) at: SocketAddr,
    /// True where its queue is full.
    pub(super) is_full: bool,
    /// True where the server has every address.
    is_everywhere: bool,
}

impl Served {
    fn by(server: &Socket, at: SocketAddr) -> Self {
        Self { at, is_full: server.queue.used > server.queue.limit, is_everywhere: server.is_wildcard() }
    }
}

/// An asked port, with the address of IPv6 that it was asked at where that is one of the machine's: `::1` stands for all of them.
type AskedPlace = (Option<Ipv6Addr>, u16);

/// Where programs of the session stand, where that is not what is leased to the project.
#[derive(Default)]
pub(super) struct Placed(rustc_hash::FxHashMap<AskedPlace, u16>);

impl Placed {
    fn at(&self, place: AskedPlace) -> Option<u16> {
        self.0.get(&place).copied()
    }

    fn set(&mut self, place: AskedPlace, port: u16) {
        if self.0.len() < MOST_PLACED {
            self.0.insert(place, port);
        }
    }
}

impl Supervisor<'_> {
    /// Writes into an address where it stands in the session; the error number for the program where there is no port for it.
    pub(super) fn place(
        &mut self,
        call: &Call,
        asked: SocketAddr,
        (moves, draws_in): (bool, bool),
        bytes: &mut [u8],
    ) -> Result<(), i32> {
        let stands = if draws_in { self.addresses.stand_in_now(asked.ip()) } else { None };
        let six = own_six(asked.ip()).filter(|_| stands.is_some());
        let port = match self.placed.at((six, asked.port())).filter(|_| moves) {
            Some(port) => port,
            None if !moves => asked.port(),
            None => match six.and_then(|_| self.ports.spare(asked.port())) {
                Some(spare) => spare,
                None => calls::leased(self, call, asked.port(), "bind")?,
            },
        };
        if six.is_some() {
            self.placed.set((six, asked.port()), port);
        }
        place::set_port(bytes, port);
        if let Some(stands) = stands {
            place::set_address(bytes, stands);
        }
        Ok(())
    }

    /// Notes that a server of an address of the machine's stands at this port of what stands for it.
    pub(super) fn stands_at(&mut self, asked: SocketAddr, port: u16) {
        if let Some(six) = own_six(asked.ip()) {
            self.placed.set((Some(six), asked.port()), port);
        }
    }

    /// Binds at another port of the project's where a stranger has the one that is leased to it; what keeps a program from its
    /// port is told. The error number is that of the first try where nothing is to be done.
    pub(super) fn bind_beside(
        &mut self,
        call: &Call,
        (transport, socket): (Transport, &OwnedFd),
        asked: SocketAddr,
        bytes: &mut [u8],
    ) -> Result<(), i32> {
        let refused = Err(libc::EADDRINUSE);
        let Some(at) = sockets::address(bytes) else { return refused };
        let asks = &self.asked;
        let (by, is_own) = match self.whose.holder((transport, at), &|cookie| asks.contains_key(&cookie), &mut *self.ports) {
            Holder::Nobody | Holder::Session => return refused,
            Holder::Project(by) => (by, true),
            Holder::Stranger(by) => (by, false),
        };
        let six = own_six(asked.ip()).filter(|_| at.ip() == Ipv6Addr::LOCALHOST);
        let spare = if is_own || self.manner.strict { None } else { self.ports.spare(asked.port()) };
        let (mut instead, mut done) = (None, refused);
        if let Some(port) = spare {
            place::set_port(bytes, port);
            done = sockets::bind(socket, bytes);
            if done.is_ok() {
                self.placed.set((six, asked.port()), port);
                instead = Some(port);
            }
        }
        let pid = self.callers.process_of(call.tid);
        self.tell_soon(Event::Taken { pid, transport, asked, port: at.port(), instead, by: Box::new(by), is_own });
        done
    }

    /// False where nothing of the session can serve an address: most of what programs dial, and nothing else is asked of it.
    pub(super) fn may_serve(&mut self, dialled: SocketAddr) -> bool {
        let ip = dialled.ip();
        match Kind::of(ip) {
            Kind::Multicast => false,
            Kind::Other => self.addresses.stand_in(ip).is_some(),
            Kind::Loopback | Kind::Any => self.given(dialled.port()).is_some_and(|given| given != dialled.port()),
        }
    }

    /// Where the session serves what is dialled at an address; `None` where it does not, and the address is dialled as it is.
    pub(super) fn served(&mut self, transport: Transport, dialled: SocketAddr) -> Option<Served> {
        let ip = unmap(dialled.ip());
        let port = dialled.port();
        match Kind::of(ip) {
            Kind::Multicast => None,
            Kind::Other => self.served_at_network(transport, ip, port),
            Kind::Loopback | Kind::Any => {
                let given = self.given(port)?;
                let found = self.accepts(transport, SocketAddr::new(ip, given));
                found.or_else(|| self.served_elsewhere(transport, SocketAddr::new(ip, port), ip, given))
            }
        }
    }

    /// The same of an address of this machine's networks.
    fn served_at_network(&mut self, transport: Transport, ip: IpAddr, port: u16) -> Option<Served> {
        let stands = self.addresses.stand_in(ip)?;
        // Who is exposed stands at the address itself.
        let stands = if self.rules.exposes { ip } else { stands };
        let given = self.given(port).filter(|_| !self.rules.keeps_ports);
        if let Some(v6) = own_six(ip).filter(|_| !self.rules.exposes) {
            let own = self.placed.at((Some(v6), port));
            let own = own.and_then(|own| self.accepts(transport, SocketAddr::new(stands, own)));
            // What stands at `::1` by its own name is not there for this address, and a wildcard is.
            let mut wide = |port| self.accepts_everywhere(transport, SocketAddr::new(stands, port));
            let found = own.or_else(|| given.and_then(&mut wide)).or_else(|| wide(port));
            return found.or_else(|| self.served_elsewhere(transport, SocketAddr::new(ip, port), stands, port));
        }
        // A port that the kernel gave, or that a program was told, is the same outside and inside.
        let mut found = given.into_iter().chain([port]).find_map(|port| self.accepts(transport, SocketAddr::new(stands, port)));
        // A datagram's answer of a server at every address comes from 127.0.0.1, whatever address of the loopback was asked.
        if let Some(served) = found.as_mut().filter(|served| served.is_everywhere && transport == Transport::Udp && stands != ip)
        {
            served.at.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        found.or_else(|| self.served_elsewhere(transport, SocketAddr::new(ip, port), stands, given.unwrap_or(port)))
    }

    /// Where another session of the project serves it, because its own port was taken there.
    fn served_elsewhere(&mut self, transport: Transport, asked: SocketAddr, stands: IpAddr, but: u16) -> Option<Served> {
        let others = self.ports.elsewhere(asked);
        let mut others = others.into_iter().filter(|port| *port != but);
        others.find_map(|port| self.accepts(transport, SocketAddr::new(stands, port)))
    }

    /// The port at which the project stands with what was asked for. One call asks for one port, and the project is asked once.
    fn given(&mut self, asked: u16) -> Option<u16> {
        if let Some((_, given)) = self.found_now.filter(|(now, _)| *now == asked) {
            return given;
        }
        let given = self.placed.at((None, asked)).or_else(|| self.ports.find(asked));
        self.found_now = Some((asked, given));
        given
    }

    /// Whether something of the session or its project accepts what is sent to a place. The two addresses of `localhost` stand for
    /// each other: a program that is refused at the one tries the other.
    fn accepts(&mut self, transport: Transport, at: SocketAddr) -> Option<Served> {
        let place = match at.ip() {
            IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        match self.whose.answers(transport, SocketAddr::new(place, at.port()), &mut *self.ports) {
            Answers::Own(server) if server.is_wildcard() && is_of_the_resolver(place) => None,
            Answers::Own(server) => Some(Served::by(&server, at)),
            Answers::Stranger => None,
            Answers::Nobody => {
                let other: IpAddr = match place {
                    IpAddr::V4(Ipv4Addr::LOCALHOST) => Ipv6Addr::LOCALHOST.into(),
                    IpAddr::V6(Ipv6Addr::LOCALHOST) => Ipv4Addr::LOCALHOST.into(),
                    _ => return None,
                };
                match self.whose.answers(transport, SocketAddr::new(other, at.port()), &mut *self.ports) {
                    Answers::Own(_) => Some(Served { at, is_full: false, is_everywhere: false }),
                    Answers::Nobody | Answers::Stranger => None,
                }
            }
        }
    }

    /// The same of what accepts at every address.
    fn accepts_everywhere(&mut self, transport: Transport, at: SocketAddr) -> Option<Served> {
        match self.whose.answers(transport, at, &mut *self.ports) {
            Answers::Own(server) if server.is_wildcard() => Some(Served::by(&server, at)),
            _ => None,
        }
    }
}

/// An address of IPv6 that is neither the loopback nor one of IPv4 in disguise.
fn own_six(ip: IpAddr) -> Option<Ipv6Addr> {
    match unmap(ip) {
        IpAddr::V6(v6) if Kind::of(v6.into()) == Kind::Other => Some(v6),
        _ => None,
    }
}

/// True for the two addresses of systemd-resolved(8). Names are resolved there whoever else serves at every address.
fn is_of_the_resolver(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(v4) if matches!(v4.octets(), [127, 0, 0, 53 | 54]))
}

/// Asked places that stand elsewhere; one takes some forty bytes.
const MOST_PLACED: usize = 4096;
