//! What the guard closes, seen from another machine: a network namespace at the other end of a cable.

use portward_testkit::{Running, World, require_root, skip, until};
use serde_json::Value;

use crate::world;

/// This machine's addresses on the cable.
pub(crate) const HERE: [&str; 2] = ["10.77.0.1", "fd77::1"];

/// Lays a cable from `eth0` here, with the addresses of [`HERE`], to a machine called `lan`.
pub(crate) fn lay_cable(world: &World) {
    world.add_netns("lan");
    for words in [
        "link add eth0 type veth peer name far netns lan",
        "addr add 10.77.0.1/24 dev eth0",
        "addr add fd77::1/64 dev eth0 nodad",
        "link set eth0 up",
        "-n lan addr add 10.77.0.2/24 dev far",
        "-n lan addr add fd77::2/64 dev far nodad",
        "-n lan link set far up",
    ] {
        ip(world, words);
    }
    // The first packet of IPv6 waits until the kernel has made the link's own address.
    until("the cable to carry IPv6", || (world.run(&ping("fd77::2")).code == Some(0)).then_some(()));
}

pub(crate) fn ip(world: &World, words: &str) {
    let mut argv = vec!["ip"];
    argv.extend(words.split(' '));
    let _ = world.run(&argv).expect(0);
}

/// One datagram that the other end answers with "nothing is here": the way there and back works.
fn ping(address: &str) -> [String; 3] {
    let code = format!(
        "import socket\ns = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)\ns.settimeout(1)\ns.connect(('{address}', 9))\n\
         s.send(b'x')\ntry:\n    s.recv(1)\nexcept ConnectionRefusedError:\n    pass"
    );
    ["python3".to_owned(), "-c".to_owned(), code]
}

/// What a client in a namespace meets: `open`, `refused`, or the name of another error. `""` is the world's own namespace.
pub(crate) fn dial(world: &World, from: &str, address: &str, port: u16) -> String {
    let code = format!(
        "import socket\ntry:\n    socket.create_connection(('{address}', {port}), 5).close(); print('open')\n\
         except ConnectionRefusedError:\n    print('refused')\nexcept OSError as error:\n    print(type(error).__name__)"
    );
    let entry = if from.is_empty() { world.enter() } else { world.enter().netns(from) };
    entry.run(&["python3", "-c", &code]).expect(0).stdout.trim().to_owned()
}

/// What comes from the LAN by both of this machine's addresses.
pub(crate) fn from_lan(world: &World, port: u16) -> [String; 2] {
    HERE.map(|address| dial(world, "lan", address, port))
}

/// What comes from this machine by both loopback addresses.
pub(crate) fn from_here(world: &World, port: u16) -> [String; 2] {
    ["127.0.0.1", "::1"].map(|address| dial(world, "", address, port))
}

/// Pins a port, and gives the answer.
#[track_caller]
fn pin(world: &World, port: &str) -> Value {
    world.portward(&["guard", "pin", port, "--json"]).expect(0).json()
}

#[test]
fn a_server_on_every_ipv4_address() {
    let Some(world) = world() else { return };
    lay_cable(&world);
    let _server = world.actor(&["listen", "tcp/0.0.0.0:3000"]);
    assert_eq!(from_lan(&world, 3000), ["open", "refused"]);
    let told = pin(&world, "3000");
    assert_eq!(told["sockets"][0]["did"], "pinned", "{told:#}");
    assert_eq!(from_lan(&world, 3000), ["refused", "refused"]);
    assert_eq!(from_here(&world, 3000), ["open", "refused"]);
    // What the page says of this machine's own network address.
    assert_eq!(dial(&world, "", HERE[0], 3000), "refused");
    assert_eq!(pin(&world, "3000")["sockets"][0]["did"], "already_pinned");
    assert_eq!(from_here(&world, 3000), ["open", "refused"]);
}

#[test]
fn a_server_on_every_address_of_both_families() {
    let Some(world) = world() else { return };
    lay_cable(&world);
    let _server = world.actor(&["listen", "tcp/[::]:3000,dual"]);
    assert_eq!(from_lan(&world, 3000), ["open", "open"]);
    pin(&world, "3000");
    assert_eq!(from_lan(&world, 3000), ["refused", "refused"]);
    assert_eq!(from_here(&world, 3000), ["open", "open"]);
}

#[test]
fn a_multipath_server() {
    let Some(world) = world() else { return };
    if world.run(&["python3", "-c", "import socket; socket.socket(2, 1, 262)"]).code != Some(0) {
        skip("MPTCP in this kernel");
        return;
    }
    lay_cable(&world);
    let _server = world.actor(&["listen", "tcp/0.0.0.0:3000,mptcp"]);
    assert_eq!(dial(&world, "lan", HERE[0], 3000), "open");
    let told = pin(&world, "3000");
    assert_eq!(told["sockets"][0]["did"], "pinned", "{told:#}");
    assert_eq!((dial(&world, "lan", HERE[0], 3000), dial(&world, "", "127.0.0.1", 3000)), ("refused".into(), "open".into()));
    assert_eq!(pin(&world, "3000")["sockets"][0]["did"], "already_pinned");
}

#[test]
fn an_unprivileged_server_by_its_own_user() {
    let Some(world) = world() else { return };
    if !require_root("be somebody without privileges") {
        return;
    }
    lay_cable(&world);
    let _server = world.enter().stranger().actor(&["listen", "tcp/[::]:3000,dual"]);
    let outcome = world.enter().stranger().portward(&["guard", "pin", "3000", "--json"]).expect(0);
    assert_eq!(outcome.json()["sockets"][0]["did"], "pinned", "{outcome}");
    assert_eq!((from_lan(&world, 3000), from_here(&world, 3000)), (strings(["refused"; 2]), strings(["open"; 2])));
}

pub(crate) fn strings(words: [&str; 2]) -> [String; 2] {
    words.map(str::to_owned)
}

/// A server that says each line it is sent, and by whom.
pub(crate) const ECHO: &str = r"
import socket, sys, threading
s = socket.socket(socket.AF_INET6)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
s.bind(('::', 3000)); s.listen()
print('READY', flush=True)
def serve(c):
    for line in c.makefile('rb'):
        c.sendall(line)
while True:
    c, _ = s.accept()
    print('ACCEPTED', flush=True)
    threading.Thread(target=serve, args=(c,), daemon=True).start()
";

/// A client that sends each line it is told, and says what comes back.
const CLIENT: &str = r"
import socket, sys
c = socket.create_connection((sys.argv[1], 3000))
print(c.getsockname()[1], flush=True)
answers = c.makefile('r')
for line in sys.stdin:
    c.sendall(line.encode())
    print(answers.readline().strip(), flush=True)
";

pub(crate) fn client(world: &World, address: &str) -> (Running, String) {
    let client = world.enter().netns("lan").start(&["python3", "-c", CLIENT, address]);
    let port = client.line();
    (client, port)
}

#[test]
fn connections_that_exist_go_on_and_are_named() {
    let Some(world) = world() else { return };
    lay_cable(&world);
    let server = world.enter().start(&["python3", "-c", ECHO]);
    server.line_where(|line| line == "READY");
    let (mut four, four_port) = client(&world, "10.77.0.1");
    let (mut six, six_port) = client(&world, "fd77::1");
    for _ in 0..2 {
        server.line_where(|line| line == "ACCEPTED");
    }
    // One from this machine is nobody's concern.
    let _near = world.actor(&["connect", "tcp/127.0.0.1:3000"]);
    let told = pin(&world, "3000");
    let mut peers: Vec<String> =
        told["connections"].as_array().unwrap().iter().map(|one| one["peer"].as_str().unwrap().to_owned()).collect();
    peers.sort_unstable();
    assert_eq!(peers, [format!("10.77.0.2:{four_port}"), format!("[fd77::2]:{six_port}")], "{told:#}");
    assert_eq!(from_lan(&world, 3000), ["refused", "refused"]);
    for client in [&mut four, &mut six] {
        client.tell("still here");
        assert_eq!(client.line(), "still here");
    }
    let text = world.portward(&["guard", "pin", "3000"]).expect(0);
    assert!(text.stdout.contains("2 connections from the network stay open") && text.stdout.contains("[fd77::2]"), "{text}");
}

/// A server that says each datagram it gets.
pub(crate) const HEARER: &str = r"
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
s.bind(('::', 3000))
print('READY', flush=True)
while True:
    print(s.recv(99).decode(), flush=True)
";

pub(crate) fn send(world: &World, from: &str, address: &str, text: &str) {
    let family = if address.contains(':') { "AF_INET6" } else { "AF_INET" };
    let code = format!("import socket\nsocket.socket(socket.{family}, socket.SOCK_DGRAM).sendto(b'{text}', ('{address}', 3000))");
    let entry = if from.is_empty() { world.enter() } else { world.enter().netns(from) };
    let _ = entry.run(&["python3", "-c", &code]).expect(0);
}

#[test]
fn datagrams_from_the_network_stay_out() {
    let Some(world) = world() else { return };
    lay_cable(&world);
    let server = world.enter().start(&["python3", "-c", HEARER]);
    server.line_where(|line| line == "READY");
    for address in HERE {
        send(&world, "lan", address, "before");
        assert_eq!(server.line(), "before");
    }
    pin(&world, "udp/3000");
    for address in HERE {
        send(&world, "lan", address, "after");
    }
    for address in ["127.0.0.1", "::1"] {
        send(&world, "", address, "near");
        assert_eq!(server.line(), "near", "what came before it was not taken");
    }
}

#[test]
fn no_call_of_its_own_opens_a_datagram_socket_again() {
    let Some(world) = world() else { return };
    lay_cable(&world);
    let mut server = world.enter().start(&["python3", "-c", UNDOES]);
    server.line_where(|line| line == "READY");
    pin(&world, "udp/3000");
    server.tell("undo");
    // What it undid is the pin; what holds is the filter, which is locked.
    assert_eq!(server.line(), "0 1 1");
    for address in HERE {
        send(&world, "lan", address, "after");
    }
    for address in ["127.0.0.1", "::1"] {
        send(&world, "", address, "near");
        assert_eq!(server.line(), "near", "what came before it was not taken");
    }
    // It hears this machine alone, and is shown so to who may look at its filter.
    let told = pin(&world, "udp/3000");
    assert_eq!(told["sockets"][0]["did"], "already_pinned", "{told:#}");
}

/// A server that is told to undo its pin, and then says each datagram it gets.
const UNDOES: &str = r"
import ctypes, socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
s.bind(('::', 3000))
print('READY', flush=True)
sys.stdin.readline()
def number(*option):
    try: s.setsockopt(*option); return 0
    except OSError as error: return error.errno
print(ctypes.CDLL(None).connect(s.fileno(), bytes(16), 16), number(1, 27, 0), number(1, 44, 0), flush=True)
while True:
    print(s.recv(99).decode(), flush=True)
";

#[test]
fn a_server_that_listens_anew_is_open_again() {
    let Some(world) = world() else { return };
    lay_cable(&world);
    let first = world.actor(&["listen", "tcp/0.0.0.0:3000"]);
    pin(&world, "3000");
    assert_eq!(dial(&world, "lan", HERE[0], 3000), "refused");
    drop(first);
    let _second = world.actor(&["listen", "tcp/0.0.0.0:3000"]);
    assert_eq!(dial(&world, "lan", HERE[0], 3000), "open");
    let status = world.portward(&["guard", "status", "3000", "--json"]).expect(1).json();
    assert_eq!(status["sockets"][0]["reach"][0]["who"], "lan", "{status:#}");
    pin(&world, "3000");
    assert_eq!(dial(&world, "lan", HERE[0], 3000), "refused");
}
