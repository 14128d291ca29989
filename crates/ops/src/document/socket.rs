//! One socket as scripts read it.

use std::net::IpAddr;

use portward_model::{
    AddressClass, Endpoint, EndpointHost, Family, Need, Queue, Scope, Sentence, Snapshot, Socket, SocketState, Text, Traffic,
    Transport,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Absence, OwnerDocument, owner::Processes};
use crate::View;

/// One socket, with everything that is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Socket")]
pub struct SocketDocument {
    /// What it carries.
    pub transport: Transport,
    /// Its state.
    pub state: SocketState,
    /// Its address family, as the kernel sees the socket.
    pub family: Family,
    /// Its own end; `null` for a Unix socket.
    pub local: Option<End>,
    /// The other end of a connection.
    pub remote: Option<End>,
    /// The path of a Unix socket, `@name` for an abstract one.
    pub path: Option<Text>,
    /// `IPV6_V6ONLY` of an IPv6 socket that serves; `null` elsewhere.
    pub v6_only: Option<bool>,
    /// True when IPv4 clients can reach it.
    pub serves_ipv4: bool,
    /// The device it is pinned to (`SO_BINDTODEVICE`).
    pub device: Option<String>,
    /// Who its bind is for.
    pub scope: Scope,
    /// `SO_REUSEADDR`; `null` where it was not read.
    pub reuse_address: Option<bool>,
    /// `SO_REUSEPORT`; `null` where it was not read.
    pub reuse_port: Option<bool>,
    /// Why `reuse_port` is `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reuse_port_gap: Option<Absence>,
    /// Its network namespace.
    pub netns: Netns,
    /// Its inode; 0 for a socket that no descriptor can hold.
    pub inode: u64,
    /// Its cookie.
    pub cookie: u64,
    /// The user that opened it.
    pub uid: u32,
    /// That user's name, or the number.
    pub user: Text,
    /// The control group it was opened in; `null` where it could not be resolved.
    pub cgroup: Option<Text>,
    /// The systemd unit of the control group it was opened in, where its owner cannot be named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Text>,
    /// Its queue.
    pub queue: Queue,
    /// Bytes in and out, of a listener those of its present connections; where they were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
    /// The pid to name first; `null` where none can be named.
    pub pid: Option<u32>,
    /// Every process that holds it, the one that opened it marked; `null` where none can be named.
    pub owners: Option<Vec<OwnerDocument>>,
    /// Why `owners` is `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owners_gap: Option<Absence>,
    /// Clients of a listener; `null` elsewhere and where they were not counted.
    pub clients: Option<u32>,
    /// Of a tunnel or forwarder, where what comes to it goes on to, by its process's own arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leads: Option<Text>,
    /// Of a port that a session keeps free for its project: what for, such as `held for shop's 3000`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_for: Option<Sentence>,
}

/// One end of a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct End {
    /// The address, without brackets or zone.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// The zone of a link-local address: its interface.
    pub zone: Option<String>,
}

/// A network namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Netns {
    /// Its inode.
    pub inode: u64,
    /// Its name, where it has one.
    pub name: Option<Text>,
    /// True for the reader's own.
    pub own: bool,
}

impl SocketDocument {
    /// The socket at this position of a view.
    pub fn of(view: &View, index: usize) -> Option<Self> {
        Self::among(view, &Processes::default(), index, false)
    }

    /// The same, one of many; for a table without what none of its columns says.
    pub(super) fn among(view: &View, processes: &Processes, index: usize, for_table: bool) -> Option<Self> {
        let snapshot = &view.snapshot;
        let socket = snapshot.sockets.get(index)?;
        let namespace = snapshot.namespaces.get(usize::from(socket.netns));
        let owners = processes.owners(view, index, for_table);
        let owners_gap = owners.is_empty().then(|| absence_of_owners(view, socket));
        let options = view.options(index);
        let pid = view.first_owner(index);
        let own = view.cgroup(socket);
        let unit = own.filter(|_| pid.is_none_or(|pid| view.story(pid).is_none())).and_then(portward_checks::unit_of_cgroup);
        let first = || pid.and_then(|pid| snapshot.process(pid)).and_then(|process| process.cgroup.known());
        Some(Self {
            transport: socket.transport,
            state: socket.state,
            family: socket.family,
            local: end(snapshot, socket, socket.address().zip(socket.port())),
            remote: end(snapshot, socket, socket.remote()),
            path: socket.path().cloned(),
            v6_only: socket.v6_only,
            serves_ipv4: socket.serves_ipv4(),
            device: device(snapshot, socket),
            scope: socket.scope(snapshot.loopback_index()),
            reuse_address: options.map(|options| options.reuse_address),
            reuse_port: options.map(|options| options.reuse_port),
            reuse_port_gap: if for_table { None } else { reuse_port_gap(socket, options.map(|options| options.reuse_port)) },
            netns: Netns {
                inode: namespace.map_or(0, |namespace| namespace.inode),
                name: namespace.and_then(|namespace| namespace.name.clone()),
                own: namespace.is_none_or(|namespace| namespace.own),
            },
            inode: socket.inode,
            cookie: socket.cookie,
            uid: socket.uid,
            user: view.user(socket.uid),
            cgroup: own.or_else(first).cloned(),
            unit: unit.map(|unit| unit.name),
            queue: socket.queue,
            traffic: view.traffic(index),
            pid,
            owners: (!owners.is_empty()).then_some(owners),
            owners_gap,
            clients: view.clients(index),
            leads: leads(view, index),
            held_for: view.kept(index).cloned(),
        })
    }

    /// The owner to name first, where its facts were read.
    pub fn owner(&self) -> Option<&OwnerDocument> {
        let pid = self.pid?;
        self.owners.iter().flatten().find(|owner| owner.pid == pid && owner.process.started_at.is_some())
    }

    /// True when its owner may not be looked into.
    pub fn is_hidden(&self) -> bool {
        self.owners_gap.as_ref().is_some_and(|gap| gap.needs == Some(Need::Root))
    }

    /// True when it takes every address of its families.
    pub fn is_wildcard(&self) -> bool {
        self.local.as_ref().is_some_and(|end| AddressClass::of(end.address) == AddressClass::Wildcard)
    }

    /// `127.0.0.1:3000`, `[::1]:3000`, `udp/0.0.0.0:53`, `unix:/run/x.sock`.
    pub fn endpoint(&self) -> String {
        let endpoint = match (&self.local, &self.path) {
            (Some(end), _) => Endpoint::at(self.transport, EndpointHost::Ip(end.address, None), end.port),
            (None, path) => Endpoint::unix(path.clone().unwrap_or_else(|| Text::from(""))),
        };
        endpoint.to_string()
    }

    /// `vite (pid 4121)`, or what can be said where no pid can be named.
    pub fn holder(&self) -> String {
        match self.owner() {
            Some(owner) => format!("{} (pid {})", owner.process.title, owner.pid),
            None if self.is_hidden() => format!("a process of user {}", self.user),
            None => "a socket without a process".to_owned(),
        }
    }
}

/// Where what comes to the socket at this position goes on to: `to db:5432 by way of box`.
pub(crate) fn leads(view: &View, index: usize) -> Option<Text> {
    let socket = view.snapshot.sockets.get(index).filter(|socket| socket.state.serves())?;
    let process = view.snapshot.process(view.first_owner(index)?)?;
    portward_checks::tunnel(process, socket.port()?, view.snapshot.host.uid)
}

fn end(snapshot: &Snapshot, socket: &Socket, end: Option<(IpAddr, u16)>) -> Option<End> {
    let (address, port) = end?;
    let zone = (AddressClass::of(address) == AddressClass::LinkLocal).then(|| name_of(snapshot, socket.interface)).flatten();
    Some(End { address, port, zone })
}

/// The device a socket is pinned to. The interface of a link-local address is its zone, not a pin.
pub(crate) fn device(snapshot: &Snapshot, socket: &Socket) -> Option<String> {
    let is_zone =
        socket.address().is_some_and(|address| address.is_ipv6() && AddressClass::of(address) == AddressClass::LinkLocal);
    if is_zone { None } else { name_of(snapshot, socket.interface) }
}

fn name_of(snapshot: &Snapshot, interface: u32) -> Option<String> {
    if interface == 0 {
        return None;
    }
    Some(snapshot.interface(interface).map_or_else(|| format!("#{interface}"), |interface| interface.name.shown()))
}

fn reuse_port_gap(socket: &Socket, known: Option<bool>) -> Option<Absence> {
    match known {
        Some(_) => None,
        None if socket.transport.is_unix() => Some(Absence::none("a Unix socket has no port")),
        None => {
            let need = Need::Command("portward explain ENDPOINT".into());
            Some(Absence::hidden(&need, "only a holder's descriptor tells; list does not copy descriptors, explain does"))
        }
    }
}

/// Why no process can be named for a socket.
pub(crate) fn absence_of_owners(view: &View, socket: &Socket) -> Absence {
    let user = view.user(socket.uid);
    let unit = view
        .cgroup(socket)
        .and_then(portward_checks::unit_of_cgroup)
        .map(|unit| format!(", unit {}", unit.name))
        .unwrap_or_default();
    let in_flight = view.in_flight.first();
    if socket.inode == 0 {
        return Absence::none(format!(
            "the kernel keeps this {} socket; no descriptor can hold it",
            socket.state.name().replace('_', " ")
        ));
    }
    if view.hidden_processes > 0 {
        return Absence::hidden(&Need::Root, format!("held by a process of user {user}{unit} that this user may not look into"));
    }
    if let Some((pid, fd, number)) = in_flight {
        let many = if *number == 1 { "1 descriptor".to_owned() } else { format!("{number} descriptors") };
        return Absence::none(format!(
            "no process holds it; {many} wait in the queue of the Unix socket that pid {pid} has as {fd}, and it may be among them"
        ));
    }
    if !view.snapshot.host.sees_all_pids {
        let need = Need::Setting("a reader in the machine's first pid namespace".to_owned());
        return Absence::hidden(&need, "no process of this pid namespace holds it; one outside may");
    }
    let own = view.snapshot.namespaces.get(usize::from(socket.netns)).is_none_or(|namespace| namespace.own);
    let place = if own { "" } else { " in its namespace or here" };
    Absence::none(format!(
        "no process{place} holds it: the kernel itself does, as for NFS or WireGuard, or its process has just ended"
    ))
}
