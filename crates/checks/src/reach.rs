//! Who can reach a socket, and the interface and address that make it so.
//!
//! Reasoned from the bind and the interfaces alone. A firewall may stop what the addresses allow; rules are
//! not read here, so the answer is the widest that is possible, and says "a firewall may still stop them"
//! where that matters.

use std::net::IpAddr;

use portward_model::{
    AddressClass, Interface, Namespace, Reach, Scope, Snapshot, Socket, SocketState, Text, Transport, Who, unmap,
};

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

/// The widest reach as a label for a table's column: `this host`, `containers`, `VPN`, `LAN`, `internet`,
/// `other namespace`, `its peer`, `nobody`, or `not known` where the interfaces could not be read.
pub fn reach_word(snapshot: &Snapshot, socket: &Socket) -> &'static str {
    if socket.transport.is_unix() {
        return "this host";
    }
    if other_namespace(snapshot, socket).is_some() {
        return "other namespace";
    }
    if !accepts(socket) {
        return if socket.remote().is_some() { "its peer" } else { "nobody" };
    }
    let loopback = socket.scope(snapshot.loopback_index()) == Scope::Loopback;
    if snapshot.interfaces.is_empty() && !loopback {
        return "not known";
    }
    let widest = reach(snapshot, socket).iter().map(|reach| width(reach.who)).max().unwrap_or(0);
    ["this host", "containers", "VPN", "LAN", "internet"].get(widest).copied().unwrap_or("not known")
}

fn width(who: Who) -> usize {
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
    let Some(path) = socket.path() else {
        return vec![entry(Who::SameUser, "only the processes that hold it: it has no name")];
    };
    if path.raw().starts_with(b"@") {
        return vec![
            entry(Who::SameUser, format!("by the abstract name {path}")),
            entry(Who::OtherUser, "an abstract name has no permissions: every user in the same network namespace (unix(7))"),
        ];
    }
    vec![
        entry(Who::SameUser, format!("by the file {path}")),
        entry(Who::OtherUser, "as far as the file's permissions, and those of the directories above it, allow"),
    ]
}

fn elsewhere(socket: &Socket, namespace: &Namespace) -> Vec<Reach> {
    let name = match &namespace.name {
        Some(name) => format!("network namespace {name}"),
        None => format!("network namespace {}", namespace.inode),
    };
    let address = socket.address();
    let because = if address.is_some_and(|address| AddressClass::of(address) == AddressClass::Loopback) {
        format!("{name}: its own loopback, which is not this machine's; only programs inside it")
    } else if socket.is_wildcard() {
        format!("{name}: every interface inside it; from here only by its addresses or a published port")
    } else {
        let address = address.map(|address| address.to_string()).unwrap_or_default();
        format!("{name}: {address} inside it; from here only by a route to that address or a published port")
    };
    vec![entry(Who::Container, because)]
}

fn loopback(snapshot: &Snapshot, socket: &Socket) -> Vec<Reach> {
    let name = snapshot.interface(snapshot.loopback_index()).map_or_else(|| Text::from("lo"), |lo| lo.name.clone());
    let same = match socket.address() {
        Some(address) if AddressClass::of(address) == AddressClass::Loopback => format!("{} on {name}", unmap(address)),
        Some(_) | None => format!("pinned to {name}: 127.0.0.0/8 and ::1 as far as its family goes"),
    };
    let mut out = vec![
        entry(Who::SameUser, same),
        entry(Who::OtherUser, "loopback belongs to no user: every user of this machine, and no other machine"),
    ];
    out.extend(web_page(socket));
    out
}

fn networks(snapshot: &Snapshot, socket: &Socket) -> Vec<Reach> {
    let here = match socket.address() {
        Some(address) if !socket.is_wildcard() => format!("{} is an address of this machine", unmap(address)),
        Some(_) | None if socket.interface != 0 => {
            format!("by the addresses of {}, the device it is pinned to", device(snapshot, socket.interface))
        }
        Some(_) | None => "every address of this machine, 127.0.0.1 or ::1 included".to_owned(),
    };
    let mut out = vec![entry(Who::SameUser, here), entry(Who::OtherUser, "every user of this machine")];
    out.extend(web_page(socket));
    if let Some(group) = socket.address().filter(|address| is_group(*address)) {
        out.push(entry(Who::Lan, format!("machines on the link that send to {}", unmap(group))));
        return out;
    }
    if snapshot.interfaces.is_empty() {
        out.push(entry(Who::Lan, "possible: the interfaces could not be read, so which networks reach it is not known"));
        return out;
    }
    let mut seen_any = false;
    for interface in snapshot.interfaces.iter().filter(|interface| interface.up && !interface.loopback) {
        if socket.interface != 0 && socket.interface != interface.index {
            continue;
        }
        for (who, addresses) in groups(socket, interface) {
            seen_any = true;
            out.push(entry(who, because(socket, who, interface, &addresses)));
        }
    }
    if !seen_any && !socket.is_wildcard() {
        out.push(entry(Who::Lan, "possible: no interface with this address is up, so nobody reaches it now"));
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

fn because(socket: &Socket, who: Who, interface: &Interface, addresses: &[IpAddr]) -> String {
    let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let mut text = format!("{} {}", interface.name, list.join(" and "));
    if may_be_dual(socket) && addresses.iter().all(IpAddr::is_ipv4) {
        text.push_str(", if the socket takes IPv4, which the kernel did not say");
    }
    if who == Who::Internet {
        text.push_str(", a public address; a firewall may still stop them");
    }
    text
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
    if kind == b"veth" || docker_network || CONTAINER_NAMES.iter().any(|known| name.starts_with(known)) {
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

fn device(snapshot: &Snapshot, index: u32) -> String {
    snapshot.interface(index).map_or_else(|| format!("interface {index}"), |interface| interface.name.shown())
}

/// Browsers speak TCP only, and refuse the Fetch standard's bad ports.
fn web_page(socket: &Socket) -> Option<Reach> {
    let blocked = socket.port().is_none_or(browser_blocks);
    (socket.transport == Transport::Tcp && !blocked).then(|| {
        entry(
            Who::WebPage,
            "a page in this machine's browser can send requests to it, as far as the browser's rules allow; it reads answers \
             only where the server permits (CORS)",
        )
    })
}

fn entry(who: Who, because: impl Into<String>) -> Reach {
    Reach { who, because: because.into() }
}

#[cfg(test)]
mod tests {
    use portward_model::{Namespace, Reach, Snapshot, Socket, SocketState, Text, Transport, Who};

    use super::{reach, reach_word};
    use crate::fixture::{connection, interface, listener, machine, socket, unix};

    fn who(snapshot: &Snapshot, socket: &Socket) -> Vec<Who> {
        reach(snapshot, socket).into_iter().map(|reach| reach.who).collect()
    }

    fn because(list: &[Reach], who: Who) -> String {
        list.iter().filter(|reach| reach.who == who).map(|reach| reach.because.clone()).collect::<Vec<_>>().join("; ")
    }

    fn many() -> Snapshot {
        let mut snapshot = machine();
        snapshot.interfaces.extend([
            interface(3, "docker0", Some("bridge"), &[("172.17.0.1", 16)]),
            interface(4, "tailscale0", Some("tun"), &[("100.101.1.2", 32), ("fd7a:115c::1", 128)]),
            interface(5, "eth1", None, &[("203.0.114.9", 24), ("2a01:4f8::9", 64)]),
            interface(6, "br0", Some("bridge"), &[("10.0.0.5", 24)]),
        ]);
        snapshot
    }

    const HERE: [Who; 3] = [Who::SameUser, Who::OtherUser, Who::WebPage];

    #[test]
    fn loopback_and_a_pin_to_lo_stay_on_this_machine() {
        let snapshot = many();
        let mut pinned = listener("::", 20300);
        pinned.interface = 1;
        for socket in [listener("127.0.0.1", 3000), listener("::1", 3000), listener("::ffff:127.0.0.1", 3000), pinned] {
            assert_eq!(who(&snapshot, &socket), HERE);
            assert_eq!(reach_word(&snapshot, &socket), "this host");
        }
    }

    #[test]
    fn a_dual_stack_wildcard_is_reached_by_every_network() {
        let snapshot = many();
        let list = reach(&snapshot, &listener("::", 8080));
        assert_eq!(because(&list, Who::Lan), "eth0 192.168.1.20 and fe80::20; br0 10.0.0.5");
        assert_eq!(because(&list, Who::Container), "docker0 172.17.0.1");
        assert_eq!(because(&list, Who::Vpn), "tailscale0 100.101.1.2 and fd7a:115c::1");
        assert!(because(&list, Who::Internet).starts_with("eth1 203.0.114.9 and 2a01:4f8::9, a public address"));
        assert_eq!(reach_word(&snapshot, &listener("::", 8080)), "internet");
    }

    #[test]
    fn families_are_respected() {
        let snapshot = machine();
        let v4 = reach(&snapshot, &listener("0.0.0.0", 8080));
        assert_eq!(because(&v4, Who::Lan), "eth0 192.168.1.20");
        let mut only = listener("::", 8080);
        only.v6_only = Some(true);
        assert_eq!(because(&reach(&snapshot, &only), Who::Lan), "eth0 fe80::20");
        only.v6_only = None;
        assert!(because(&reach(&snapshot, &only), Who::Lan).contains("eth0 192.168.1.20 and fe80::20"));
        let mapped = reach(&snapshot, &listener("::ffff:0.0.0.0", 8080));
        assert_eq!(because(&mapped, Who::Lan), "eth0 192.168.1.20");
    }

    #[test]
    fn one_address_is_reached_by_its_own_interface_only() {
        let snapshot = many();
        let docker = listener("172.17.0.1", 3000);
        assert_eq!(who(&snapshot, &docker), [Who::SameUser, Who::OtherUser, Who::WebPage, Who::Container]);
        assert_eq!(reach_word(&snapshot, &docker), "containers");
        assert_eq!(reach_word(&snapshot, &listener("100.101.1.2", 3000)), "VPN");
        assert_eq!(reach_word(&snapshot, &listener("192.168.1.20", 3000)), "LAN");
    }

    #[test]
    fn a_pin_to_a_device_leaves_that_device() {
        let snapshot = many();
        let mut socket = listener("0.0.0.0", 3000);
        socket.interface = 3;
        assert_eq!(because(&reach(&snapshot, &socket), Who::Container), "docker0 172.17.0.1");
        assert_eq!(reach_word(&snapshot, &socket), "containers");
        assert!(because(&reach(&snapshot, &socket), Who::SameUser).contains("docker0"));
    }

    #[test]
    fn a_down_interface_lets_nobody_in() {
        let mut snapshot = machine();
        snapshot.interfaces[1].up = false;
        assert_eq!(reach_word(&snapshot, &listener("0.0.0.0", 3000)), "this host");
    }

    #[test]
    fn another_namespace_is_named_and_its_loopback_is_not_ours() {
        let mut snapshot = machine();
        snapshot.namespaces.push(Namespace { inode: 4_026_532_211, name: Some(Text::from("web\x1b[2J")), pid: None, own: false });
        let mut socket = listener("127.0.0.1", 80);
        socket.netns = 1;
        let list = reach(&snapshot, &socket);
        assert_eq!(
            because(&list, Who::Container),
            "network namespace web\\x1b[2J: its own loopback, which is not this machine's; only programs inside it"
        );
        assert_eq!(list.len(), 1);
        assert_eq!(reach_word(&snapshot, &socket), "other namespace");
    }

    #[test]
    fn without_interfaces_it_says_what_is_not_known() {
        let mut snapshot = machine();
        snapshot.interfaces.clear();
        let socket = listener("0.0.0.0", 3000);
        assert!(because(&reach(&snapshot, &socket), Who::Lan).starts_with("possible: the interfaces could not be read"));
        assert_eq!(reach_word(&snapshot, &socket), "not known");
        assert_eq!(reach_word(&snapshot, &listener("127.0.0.1", 3000)), "this host");
    }

    #[test]
    fn browsers_neither_speak_udp_nor_dial_bad_ports() {
        let snapshot = machine();
        assert_eq!(
            who(&snapshot, &socket(Transport::Udp, SocketState::Bound, "127.0.0.1", 9000)),
            [Who::SameUser, Who::OtherUser]
        );
        assert_eq!(who(&snapshot, &listener("127.0.0.1", 6000)), [Who::SameUser, Who::OtherUser]);
    }

    #[test]
    fn connections_and_silent_sockets_take_nobody_new() {
        let snapshot = machine();
        assert!(reach(&snapshot, &connection("127.0.0.1", 40000, "127.0.0.1", 3000)).is_empty());
        assert_eq!(reach_word(&snapshot, &connection("127.0.0.1", 40000, "127.0.0.1", 3000)), "its peer");
        assert_eq!(reach_word(&snapshot, &socket(Transport::Tcp, SocketState::Bound, "0.0.0.0", 3000)), "nobody");
    }

    #[test]
    fn unix_sockets_go_by_their_file() {
        let snapshot = machine();
        let list = reach(&snapshot, &unix(Some("/run/x.sock"), SocketState::Listen));
        assert!(because(&list, Who::OtherUser).starts_with("as far as the file's permissions"));
        assert!(because(&reach(&snapshot, &unix(Some("@x"), SocketState::Listen)), Who::OtherUser).contains("no permissions"));
        assert_eq!(reach(&snapshot, &unix(None, SocketState::Bound)).len(), 1);
    }

    #[test]
    fn a_multicast_group_is_for_the_link() {
        let list = reach(&machine(), &socket(Transport::Udp, SocketState::Bound, "224.0.0.251", 5353));
        assert_eq!(because(&list, Who::Lan), "machines on the link that send to 224.0.0.251");
    }
}
