//! Who can reach a socket, and the interface and address that make it so.
//!
//! Reasoned from the bind and the interfaces alone. A firewall may stop what the addresses allow; rules are
//! not read here, so the answer is the widest that is possible, and says "a firewall may still stop them"
//! where that matters.

use std::net::IpAddr;

use portward_model::{
    AddressClass, Interface, Namespace, Reach, Scope, Shared, Snapshot, Socket, SocketState, Text, Transport, Way, Who, unmap,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::browser_blocks;

/// Who can reach a socket, nearest first. Empty where nobody new can: a connection, or a TCP socket that
/// does not listen.
///
/// The rules are the kernel's: a wildcard takes every interface, a specific address the interface that has
/// it, a socket pinned to a device only what arrives there (`SO_BINDTODEVICE`, `socket(7)`; a client on this
/// machine still reaches it by that device's own addresses).
pub fn reach(snapshot: &Snapshot, socket: &Socket) -> Vec<Reach> {
    if socket.transport.is_unix() {
        return unix(socket);
    }
    if !accepts(socket) {
        return Vec::new();
    }
    if let Some(namespace) = other_namespace(snapshot, socket) {
        return elsewhere(socket, namespace);
    }
    match socket.scope(snapshot.loopback_index()) {
        Scope::Loopback => loopback(snapshot, socket),
        Scope::Interface | Scope::Every => networks(snapshot, socket),
    }
}

portward_model::worded! {
    /// The widest circle of clients that can reach a socket, as a table's column says it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
    pub named enum Circle {
        /// This machine alone.
        Host = "this host",
        /// Containers on it, too.
        Containers = "containers",
        /// A private overlay network.
        Vpn = "VPN",
        /// The local network.
        Lan = "LAN",
        /// Everybody.
        Internet = "internet",
        /// Those of another network namespace.
        OtherNamespace = "other namespace",
        /// The other end of a connection.
        Peer = "its peer",
        /// Nobody: it does not listen.
        Nobody = "nobody",
        /// The interfaces could not be read.
        Unknown = "not known",
    }
    /// The words of the column.
    fn words
}

/// The widest circle that can reach a socket.
pub fn circle(snapshot: &Snapshot, socket: &Socket) -> Circle {
    if socket.transport.is_unix() {
        return Circle::Host;
    }
    if other_namespace(snapshot, socket).is_some() {
        return Circle::OtherNamespace;
    }
    if !accepts(socket) {
        return if socket.remote().is_some() { Circle::Peer } else { Circle::Nobody };
    }
    if socket.scope(snapshot.loopback_index()) == Scope::Loopback {
        return Circle::Host;
    }
    if socket.address().is_some_and(is_group) {
        return Circle::Lan;
    }
    if snapshot.interfaces.is_empty() {
        return Circle::Unknown;
    }
    // Without the sentences of `reach`: a table asks for thousands of rows.
    let widest = doors(snapshot, socket)
        .flat_map(|interface| interface.addresses.iter().map(move |found| (interface, found.address)))
        .filter(|(_, address)| leads_to(socket, *address))
        .filter_map(|(interface, address)| who(interface, address))
        .max_by_key(|who| reach_width(*who));
    match widest {
        None | Some(Who::SameUser | Who::OtherUser | Who::WebPage) => Circle::Host,
        Some(Who::Container) => Circle::Containers,
        Some(Who::Vpn) => Circle::Vpn,
        Some(Who::Lan) => Circle::Lan,
        Some(Who::Internet) => Circle::Internet,
    }
}

/// The interfaces through which other machines and containers could come.
fn doors<'a>(snapshot: &'a Snapshot, socket: &Socket) -> impl Iterator<Item = &'a Interface> {
    let pin = socket.interface;
    snapshot
        .interfaces
        .iter()
        .filter(move |interface| interface.up && !interface.loopback && (pin == 0 || pin == interface.index))
}

/// How wide a circle of clients is, from this machine (0) to the internet (4).
pub fn reach_width(who: Who) -> usize {
    match who {
        Who::SameUser | Who::OtherUser | Who::WebPage => 0,
        Who::Container => 1,
        Who::Vpn => 2,
        Who::Lan => 3,
        Who::Internet => 4,
    }
}

/// True for a socket that takes what strangers send: a TCP listener, or a UDP socket without a fixed peer.
fn accepts(socket: &Socket) -> bool {
    match socket.state {
        SocketState::Listen => true,
        SocketState::Bound => socket.transport == Transport::Udp,
        SocketState::Established
        | SocketState::SynSent
        | SocketState::SynRecv
        | SocketState::FinWait1
        | SocketState::FinWait2
        | SocketState::CloseWait
        | SocketState::LastAck
        | SocketState::Closing
        | SocketState::TimeWait
        | SocketState::Closed => false,
    }
}

fn other_namespace<'a>(snapshot: &'a Snapshot, socket: &Socket) -> Option<&'a Namespace> {
    snapshot.namespaces.get(usize::from(socket.netns)).filter(|namespace| !namespace.own)
}

fn unix(socket: &Socket) -> Vec<Reach> {
    let Some(path) = socket.path() else { return vec![entry(Who::SameUser, Way::Unnamed)] };
    let (own, of) = if path.raw().starts_with(b"@") {
        (Way::Abstract { name: path.clone() }, Shared::Abstract)
    } else {
        (Way::File { path: path.clone() }, Shared::File)
    };
    vec![entry(Who::SameUser, own), entry(Who::OtherUser, Way::EveryUser { of })]
}

fn elsewhere(socket: &Socket, namespace: &Namespace) -> Vec<Reach> {
    let netns = namespace.name.clone().unwrap_or_else(|| Text::new(namespace.inode.to_string()));
    let address = socket.address().filter(|_| !socket.is_wildcard());
    let loopback = address.is_some_and(|address| AddressClass::of(address) == AddressClass::Loopback);
    vec![entry(Who::Container, Way::Elsewhere { netns, address, loopback })]
}

fn loopback(snapshot: &Snapshot, socket: &Socket) -> Vec<Reach> {
    let device = snapshot.interface(snapshot.loopback_index()).map_or_else(|| Text::from("lo"), |lo| lo.name.clone());
    let same = match socket.address() {
        Some(address) if AddressClass::of(address) == AddressClass::Loopback => Way::Loopback { address: unmap(address), device },
        Some(_) | None => Way::Pinned { device },
    };
    let mut out = vec![entry(Who::SameUser, same), entry(Who::OtherUser, Way::EveryUser { of: Shared::Loopback })];
    out.extend(web_page(socket));
    out
}

fn networks(snapshot: &Snapshot, socket: &Socket) -> Vec<Reach> {
    let here = match socket.address() {
        Some(address) if !socket.is_wildcard() => Way::Address { address: unmap(address) },
        Some(_) | None if socket.interface != 0 => Way::Device { device: device(snapshot, socket.interface) },
        Some(_) | None => Way::EveryAddress,
    };
    let mut out = vec![entry(Who::SameUser, here), entry(Who::OtherUser, Way::EveryUser { of: Shared::Machine })];
    out.extend(web_page(socket));
    if let Some(group) = socket.address().filter(|address| is_group(*address)) {
        out.push(entry(Who::Lan, Way::Group { address: unmap(group) }));
        return out;
    }
    if snapshot.interfaces.is_empty() {
        out.push(entry(Who::Lan, Way::Unread));
        return out;
    }
    let mut seen_any = false;
    for interface in doors(snapshot, socket) {
        for (who, addresses) in groups(socket, interface) {
            seen_any = true;
            let if_dual = may_be_dual(socket) && addresses.iter().all(IpAddr::is_ipv4);
            out.push(entry(who, Way::Interface { interface: interface.name.clone(), addresses, if_dual }));
        }
    }
    if !seen_any && !socket.is_wildcard() {
        out.push(entry(Who::Lan, Way::Down));
    }
    out
}

/// The addresses of an interface that lead to the socket, by who they let in.
fn groups(socket: &Socket, interface: &Interface) -> Vec<(Who, Vec<IpAddr>)> {
    let mut groups: Vec<(Who, Vec<IpAddr>)> = Vec::new();
    for address in interface.addresses.iter().map(|found| found.address) {
        if !leads_to(socket, address) {
            continue;
        }
        let Some(who) = who(interface, address) else { continue };
        match groups.iter_mut().find(|(known, _)| *known == who) {
            Some((_, addresses)) => addresses.push(address),
            None => groups.push((who, vec![address])),
        }
    }
    groups
}

/// [`Socket::takes`], and yes for an IPv6 wildcard of which the kernel did not say whether it takes IPv4.
fn leads_to(socket: &Socket, address: IpAddr) -> bool {
    socket.takes(address) || (may_be_dual(socket) && address.is_ipv4())
}

fn may_be_dual(socket: &Socket) -> bool {
    socket.v6_only.is_none() && socket.address() == Some(IpAddr::from([0u16; 8]))
}

fn who(interface: &Interface, address: IpAddr) -> Option<Who> {
    match link(interface) {
        Link::Containers => return Some(Who::Container),
        Link::Overlay => return Some(Who::Vpn),
        Link::Network => {}
    }
    match AddressClass::of(address) {
        AddressClass::Private | AddressClass::LinkLocal | AddressClass::Shared | AddressClass::Documentation => Some(Who::Lan),
        AddressClass::Global => Some(Who::Internet),
        AddressClass::Wildcard
        | AddressClass::Loopback
        | AddressClass::Multicast
        | AddressClass::Broadcast
        | AddressClass::Unix => None,
    }
}

enum Link {
    Containers,
    Overlay,
    Network,
}

/// What is behind an interface, by its driver and by the names that container and overlay programs give.
fn link(interface: &Interface) -> Link {
    let name = interface.name.raw();
    let kind = interface.kind.as_ref().map(Text::raw).unwrap_or_default();
    let docker_network = name.strip_prefix(b"br-").is_some_and(|id| id.len() == 12 && id.iter().all(u8::is_ascii_hexdigit));
    // The end of a pair that a container runtime makes here is named so; one named otherwise is a container's own card.
    let veth = kind == b"veth" && name.starts_with(b"veth");
    if veth || docker_network || CONTAINER_NAMES.iter().any(|known| name.starts_with(known)) {
        Link::Containers
    } else if OVERLAY_KINDS.contains(&kind) || OVERLAY_NAMES.iter().any(|known| name.starts_with(known)) {
        Link::Overlay
    } else {
        Link::Network
    }
}

const CONTAINER_NAMES: &[&[u8]] =
    &[b"docker", b"podman", b"cni", b"cbr", b"lxcbr", b"lxdbr", b"incusbr", b"virbr", b"veth", b"cali", b"flannel", b"kube"];
const OVERLAY_KINDS: &[&[u8]] = &[b"wireguard", b"tun", b"ovpn", b"ppp"];
const OVERLAY_NAMES: &[&[u8]] = &[b"tailscale", b"zt", b"wg", b"tun", b"nordlynx", b"utun", b"netbird", b"nebula"];

fn is_group(address: IpAddr) -> bool {
    matches!(AddressClass::of(address), AddressClass::Multicast | AddressClass::Broadcast)
}

fn device(snapshot: &Snapshot, index: u32) -> Text {
    snapshot.interface(index).map_or_else(|| Text::new(format!("interface {index}")), |interface| interface.name.clone())
}

/// Browsers speak TCP only, and refuse the Fetch standard's bad ports.
fn web_page(socket: &Socket) -> Option<Reach> {
    let blocked = socket.port().is_none_or(browser_blocks);
    (socket.transport == Transport::Tcp && !blocked).then(|| entry(Who::WebPage, Way::Browser))
}

fn entry(who: Who, way: Way) -> Reach {
    Reach { who, way }
}

#[cfg(test)]
#[path = "reach_tests.rs"]
mod tests;
