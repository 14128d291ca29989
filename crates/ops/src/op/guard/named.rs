//! An endpoint that the guard was named, and what serves it here.

use std::net::IpAddr;

use portward_checks::guard::Closing;
use portward_model::{Endpoint, EndpointHost, Lack, Namespace, Socket, SocketState, Transport, hint, unmap};
use portward_sys::{self as sys, Depth, Which};

use crate::{Failure, Look, View, target::Target};

/// An endpoint with its name resolved; a bare port means TCP and UDP.
pub(super) struct Named {
    targets: Vec<Target>,
    port: u16,
    name: String,
}

impl Named {
    /// Refuses what no network reaches, and ports that were only implied.
    pub(super) fn of(host: &dyn sys::Look, endpoint: &Endpoint) -> Result<Self, Failure> {
        if let EndpointHost::Path(_) = endpoint.host {
            return Err(Failure::usage(format!("{endpoint} is a Unix socket, and no network reaches it."))
                .hint("the permissions of its file decide who may connect"));
        }
        Target::exact(endpoint)?;
        let (port, name) = (endpoint.port, endpoint.to_string());
        let first = Target::of(endpoint.clone(), host)?;
        let mut targets = vec![first.clone()];
        if !endpoint.transport_given {
            let endpoint = Endpoint { transport: Transport::Udp, ..endpoint.clone() };
            targets.push(Target { endpoint, ..first });
        }
        Ok(Self { targets, port, name })
    }

    /// As it was typed.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// One look at its port in this namespace, with every holder and connection.
    pub(super) fn look(&self, host: &dyn sys::Look) -> Result<View, Failure> {
        let view = self.look_in(host, Which::Own);
        if view.snapshot.lacks(&Lack::Sockets) {
            return Err(Failure::system("Sockets cannot be read here, so nothing was done."));
        }
        self.is_here(&view)?;
        Ok(view)
    }

    /// The same with every namespace that can be entered.
    pub(super) fn look_everywhere(&self, host: &dyn sys::Look) -> View {
        self.look_in(host, Which::All)
    }

    fn look_in(&self, host: &dyn sys::Look, which: Which) -> View {
        let look = self.targets.first().map_or_else(Look::serving, Target::look);
        Look { owners: Some(Depth::Threads), clients: false, rules: false, all_interfaces: true, which, ..look }.take(host)
    }

    /// Refuses an address of another machine.
    fn is_here(&self, view: &View) -> Result<(), Failure> {
        let addresses = self.targets.first().map(|target| target.addresses.as_slice()).unwrap_or_default();
        let unknown = view.snapshot.interfaces.is_empty();
        if addresses.is_empty() || unknown || addresses.iter().any(|address| is_own(view, *address)) {
            return Ok(());
        }
        let listed: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        Err(Failure::usage(format!("{} is no address of this machine; the guard closes what listens here.", listed.join(", ")))
            .hint(hint!("portward guard status {}", self.port)))
    }

    /// Positions of the sockets that serve it in this namespace.
    pub(super) fn serving(&self, view: &View) -> Vec<usize> {
        let mut found: Vec<usize> = self.targets.iter().flat_map(|target| target.serving(view)).collect();
        found.retain(|index| view.snapshot.sockets.get(*index).is_some_and(listens));
        found.sort_unstable();
        found
    }

    /// Positions of the sockets that serve its port in other namespaces, with the namespace.
    pub(super) fn elsewhere<'a>(&self, view: &'a View) -> Vec<(usize, &'a Namespace)> {
        let transports: Vec<Transport> = self.transports();
        let sockets = view.snapshot.sockets.iter().enumerate();
        sockets
            .filter(|(_, socket)| listens(socket) && socket.port() == Some(self.port) && transports.contains(&socket.transport))
            .filter_map(|(index, socket)| Some((index, view.snapshot.namespaces.get(usize::from(socket.netns))?)))
            .filter(|(_, namespace)| !namespace.own)
            .collect()
    }

    /// Connections of its port whose other end is on another machine, or in a container.
    pub(super) fn connections<'a>(&'a self, view: &'a View) -> impl Iterator<Item = (usize, &'a Socket)> {
        let transports = self.transports();
        view.snapshot.sockets.iter().enumerate().filter(move |(_, socket)| {
            let far = socket.remote().is_some_and(|(address, _)| !is_own(view, address));
            far && socket.state == SocketState::Established
                && socket.port() == Some(self.port)
                && transports.contains(&socket.transport)
        })
    }

    /// What would close it at the packet filter: for a bare port TCP, and UDP where the view has a socket of that.
    pub(super) fn closings(&self, view: &View) -> Vec<Closing> {
        let serving = self.serving(view);
        let serves = |transport: Transport| {
            serving.iter().any(|index| view.snapshot.sockets.get(*index).is_some_and(|socket| socket.transport == transport))
        };
        let transports = self.transports();
        let only_one = transports.len() == 1;
        let wanted = |transport: &Transport| only_one || *transport == Transport::Tcp || serves(*transport);
        transports.into_iter().filter(wanted).map(|transport| Closing { transport, port: self.port }).collect()
    }

    /// Every table that could be about it.
    pub(super) fn possible_closings(&self) -> Vec<Closing> {
        self.transports().into_iter().map(|transport| Closing { transport, port: self.port }).collect()
    }

    fn transports(&self) -> Vec<Transport> {
        self.targets.iter().map(|target| target.endpoint.transport).collect()
    }
}

/// True for a socket that takes what strangers send.
pub(super) fn listens(socket: &Socket) -> bool {
    match socket.transport {
        Transport::Tcp => socket.state == SocketState::Listen,
        Transport::Udp => socket.state == SocketState::Bound,
        Transport::Unix | Transport::UnixDatagram | Transport::UnixPacket => false,
    }
}

/// True for an address of this machine, or one that stands for all of them.
fn is_own(view: &View, address: IpAddr) -> bool {
    let address = unmap(address);
    let has = |interface: &portward_model::Interface| interface.addresses.iter().any(|own| own.address == address);
    address.is_loopback() || address.is_unspecified() || view.snapshot.interfaces.iter().any(has)
}
