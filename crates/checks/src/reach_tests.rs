//! Who reaches what.

use portward_model::{Namespace, Reach, Snapshot, Socket, SocketState, Text, Transport, Who};

use super::{circle, reach};
use crate::fixture::{connection, interface, listener, machine, socket, unix};

fn who(snapshot: &Snapshot, socket: &Socket) -> Vec<Who> {
    reach(snapshot, socket).into_iter().map(|reach| reach.who).collect()
}

fn because(list: &[Reach], who: Who) -> String {
    list.iter().filter(|reach| reach.who == who).map(|reach| reach.because().to_string()).collect::<Vec<_>>().join("; ")
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
        assert_eq!(circle(&snapshot, &socket).words(), "this host");
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
    assert_eq!(circle(&snapshot, &listener("::", 8080)).words(), "internet");
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
    assert_eq!(circle(&snapshot, &docker).words(), "containers");
    assert_eq!(circle(&snapshot, &listener("100.101.1.2", 3000)).words(), "VPN");
    assert_eq!(circle(&snapshot, &listener("192.168.1.20", 3000)).words(), "LAN");
}

#[test]
fn a_pin_to_a_device_leaves_that_device() {
    let snapshot = many();
    let mut socket = listener("0.0.0.0", 3000);
    socket.interface = 3;
    assert_eq!(because(&reach(&snapshot, &socket), Who::Container), "docker0 172.17.0.1");
    assert_eq!(circle(&snapshot, &socket).words(), "containers");
    assert!(because(&reach(&snapshot, &socket), Who::SameUser).contains("docker0"));
}

#[test]
fn a_down_interface_lets_nobody_in() {
    let mut snapshot = machine();
    snapshot.interfaces[1].up = false;
    assert_eq!(circle(&snapshot, &listener("0.0.0.0", 3000)).words(), "this host");
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
    assert_eq!(circle(&snapshot, &socket).words(), "other namespace");
}

#[test]
fn without_interfaces_it_says_what_is_not_known() {
    let mut snapshot = machine();
    snapshot.interfaces.clear();
    let socket = listener("0.0.0.0", 3000);
    assert!(because(&reach(&snapshot, &socket), Who::Lan).starts_with("possible: the interfaces could not be read"));
    assert_eq!(circle(&snapshot, &socket).words(), "not known");
    assert_eq!(circle(&snapshot, &listener("127.0.0.1", 3000)).words(), "this host");
}

#[test]
fn browsers_neither_speak_udp_nor_dial_bad_ports() {
    let snapshot = machine();
    assert_eq!(who(&snapshot, &socket(Transport::Udp, SocketState::Bound, "127.0.0.1", 9000)), [Who::SameUser, Who::OtherUser]);
    assert_eq!(who(&snapshot, &listener("127.0.0.1", 6000)), [Who::SameUser, Who::OtherUser]);
}

#[test]
fn connections_and_silent_sockets_take_nobody_new() {
    let snapshot = machine();
    assert!(reach(&snapshot, &connection("127.0.0.1", 40000, "127.0.0.1", 3000)).is_empty());
    assert_eq!(circle(&snapshot, &connection("127.0.0.1", 40000, "127.0.0.1", 3000)).words(), "its peer");
    assert_eq!(circle(&snapshot, &socket(Transport::Tcp, SocketState::Bound, "0.0.0.0", 3000)).words(), "nobody");
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
