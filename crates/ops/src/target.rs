//! What an endpoint that somebody typed means on this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use portward_checks::{Behind, BindQuestion, UnixPath};
use portward_model::{
    Endpoint, EndpointHost, PathFacts, PortRange, Sentence, Socket, SocketState, Text, Transport, hint, is_localhost,
};
use portward_sys::{self as sys, PortFilter, StateSet, Transports, Which};

use crate::{Failure, Look, View};
pub(crate) use portward_reading::{endpoint_words, holder_words};

/// An endpoint with its name resolved.
#[derive(Clone)]
pub(crate) struct Target {
    /// As it was typed.
    pub(crate) endpoint: Endpoint,
    /// The addresses it stands for, first choice first; empty for "any address with this port" and for Unix sockets.
    pub(crate) addresses: Vec<IpAddr>,
    /// A note on how the name was resolved.
    pub(crate) note: Option<Sentence>,
    /// What stood at a Unix socket's path when somebody looked last; `None` where that is not known.
    pub(crate) facts: Option<PathFacts>,
}

impl Target {
    /// Resolves the endpoint's name, if it has one.
    pub(crate) fn of(endpoint: Endpoint, host: &dyn sys::Look) -> Result<Self, Failure> {
        let mut note = None;
        let addresses = match &endpoint.host {
            EndpointHost::Any | EndpointHost::Path(_) => Vec::new(),
            EndpointHost::Ip(address, _) => vec![*address],
            EndpointHost::Name(name) => match host.resolve(name) {
                Ok(addresses) => addresses,
                Err(error) if is_localhost(name) => {
                    let words = "browsers take every *.localhost name for loopback (RFC 6761)";
                    note = Some(format!("{name} does not resolve here ({error}); {words}").into());
                    vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]
                }
                Err(error) => {
                    return Err(Failure::from(error).hint("give an address, or a name that this machine knows"));
                }
            },
        };
        Ok(Self { endpoint, addresses, note, facts: None }.afresh(host))
    }

    /// The same, with what stands at its path now.
    pub(crate) fn afresh(&self, host: &dyn sys::Look) -> Self {
        let path = self.path().filter(|path| !path.raw().starts_with(b"@"));
        let facts = path.and_then(|path| host.path(path).ok());
        Self { facts, ..self.clone() }
    }

    /// Takes a look at what serves it now. A socket that is bound to its file and is not in sight is in another network namespace.
    pub(crate) fn looked(&self, host: &dyn sys::Look, look: &Look) -> (Self, View) {
        let target = self.afresh(host);
        let view = look.take(host);
        let hidden = |path: UnixPath<'_>| path.is_bound() == Some(true) && !path.behind(&view.snapshot).sure;
        if look.which == Which::Own && target.unix().is_some_and(hidden) {
            let wide = Look { which: Which::All, ..look.clone() }.take(host);
            return (target, wide);
        }
        (target, view)
    }

    /// The Unix path, with what stands there.
    pub(crate) fn unix(&self) -> Option<UnixPath<'_>> {
        Some(UnixPath { path: self.path()?, facts: self.facts.as_ref() })
    }

    /// The sockets behind a Unix path.
    pub(crate) fn behind(&self, view: &View) -> Option<Behind> {
        self.unix().map(|path| path.behind(&view.snapshot))
    }

    /// Refuses an endpoint whose port was only implied: what acts must be told exactly on what.
    pub(crate) fn exact(endpoint: &Endpoint) -> Result<(), Failure> {
        if endpoint.port_given {
            return Ok(());
        }
        Err(Failure::usage(format!("`{endpoint}` names no port of its own; {} is only what its scheme implies.", endpoint.port))
            .hint(hint!("write the port: {}", endpoint.to_string())))
    }

    /// A look at this endpoint: every socket that has its port on either side, in every state.
    pub(crate) fn look(&self) -> Look {
        let unix = self.endpoint.transport.is_unix();
        let ports = PortRange { first: self.endpoint.port, last: self.endpoint.port };
        Look {
            transports: Transports { tcp: !unix, udp: !unix, unix },
            states: StateSet::All,
            ports: (!unix).then_some(PortFilter::Either(ports)),
            which: Which::Own,
            clients: true,
            all_interfaces: !unix && !self.is_loopback(),
            rules: true,
            ..Look::serving()
        }
    }

    /// True when only loopback was named.
    fn is_loopback(&self) -> bool {
        !self.addresses.is_empty() && self.addresses.iter().all(|address| portward_model::unmap(*address).is_loopback())
    }

    /// Sockets that serve this very endpoint: in the reader's namespace, where transport, port and address fit; of a Unix path
    /// those that are bound to its file.
    pub(crate) fn serving(&self, view: &View) -> Vec<usize> {
        let snapshot = &view.snapshot;
        if let Some(behind) = self.behind(view) {
            let serves = |index: &usize| snapshot.sockets.get(*index).is_some_and(|socket| socket.state.serves());
            return behind.sockets.into_iter().filter(serves).collect();
        }
        let own = |socket: &Socket| snapshot.namespaces.get(usize::from(socket.netns)).is_none_or(|namespace| namespace.own);
        let fits = |socket: &Socket| socket.state.serves() && own(socket) && self.fits(socket);
        snapshot.sockets.iter().enumerate().filter(|(_, socket)| fits(socket)).map(|(index, _)| index).collect()
    }

    fn fits(&self, socket: &Socket) -> bool {
        let transport = socket.transport == self.endpoint.transport;
        let address = self.addresses.is_empty() || self.addresses.iter().any(|address| asks_for(socket, *address));
        transport && socket.port() == Some(self.endpoint.port) && address
    }

    /// A bind to this endpoint, as most programs ask for it.
    pub(crate) fn question(&self) -> BindQuestion {
        let Endpoint { transport, port, .. } = self.endpoint;
        match (self.path(), self.addresses.first()) {
            (Some(path), _) => BindQuestion { standing: self.facts.clone(), ..BindQuestion::path(path.clone(), None) },
            (None, Some(address)) => BindQuestion::new(transport, *address, port),
            (None, None) => BindQuestion::any(transport, port),
        }
    }

    /// The path of a Unix endpoint.
    pub(crate) fn path(&self) -> Option<&Text> {
        match &self.endpoint.host {
            EndpointHost::Path(path) => Some(path),
            EndpointHost::Any | EndpointHost::Ip(..) | EndpointHost::Name(_) => None,
        }
    }

    /// Addresses that a server would bind: for "any", every address of each family.
    pub(crate) fn bound(&self) -> Vec<SocketAddr> {
        let any = [IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::UNSPECIFIED)];
        let addresses = if self.addresses.is_empty() { &any[..] } else { &self.addresses };
        addresses.iter().map(|address| SocketAddr::new(*address, self.endpoint.port)).collect()
    }

    /// Addresses that a client would dial, first choice first: for "any", both loopbacks.
    pub(crate) fn dialled(&self) -> Vec<SocketAddr> {
        let any = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let addresses = if self.addresses.is_empty() { &any[..] } else { &self.addresses };
        addresses.iter().map(|address| SocketAddr::new(*address, self.endpoint.port)).collect()
    }
}

/// True when a server at this socket answers for the address. A wildcard that is asked for means every
/// socket of that port, since each of them stands in its way.
fn asks_for(socket: &Socket, address: IpAddr) -> bool {
    if address.is_unspecified() {
        return if address.is_ipv4() { socket.serves_ipv4() } else { true };
    }
    socket.takes(address)
}

/// `listens on`, or `holds` for a socket that is bound without listening.
pub(crate) fn verb(socket: &Socket) -> &'static str {
    match (socket.state, socket.transport) {
        (SocketState::Listen, _) => "listens on",
        (_, Transport::Udp | Transport::UnixDatagram) => "receives on",
        _ => "holds",
    }
}
