//! Programs that have an address of the network written down, or bind each one by itself, in a private localhost.

use crate::session::{Served, Twins, V4, words};

/// The address that the world's machine has on its road to another one.
const OWN: &str = "192.168.77.1";

/// Each address by itself, TCP and UDP on each.
#[test]
fn dnsmasq_that_binds_each_address_by_itself() {
    let Some(twins) = Twins::of(&["dnsmasq", "python3"]) else { return };
    let words =
        ["dnsmasq", "--keep-in-foreground", "--bind-interfaces", "--no-resolv", "--no-hosts", "--pid-file=", "--conf-file="];
    twins.start(&[&words[..], &["--txt-record=who.test,@NAME@"]].concat());
    for project in &twins.projects {
        for address in ["127.0.0.1", OWN, "::1", "fd77::1"] {
            twins.answers(project, &format!("inside at {address}"), || twins.inside(project, &resolve(address, 53)));
        }
    }
    twins.live_and_end(Served { port: 53, at: V4, client: &resolve });
}

/// A node's own port is the kernel's, which epmd tells others.
#[test]
fn erlang_nodes_with_an_address_in_their_names() {
    let Some(twins) = Twins::of(&["erl", "epmd"]) else { return };
    twins.file("who.erl", "-module(who).\n-export([me/0]).\nme() -> \"@NAME@\".\n");
    let node = |name: &str| words(&["erl", "-noshell", "-name", &format!("{name}@{OWN}"), "-setcookie", "twins"]);
    twins.each(|project| {
        let home = format!("HOME={}", project.root.display());
        let command =
            [words(&["env", &home]), node("server"), words(&["-eval", "{ok, who} = compile:file(\"who.erl\"), c:l(who)."])];
        let command = command.concat();
        twins.start_in(project, &command.iter().map(String::as_str).collect::<Vec<_>>());
    });
    let ask = format!("io:format(\"~s~n\", [rpc:call('server@{OWN}', who, me, [])]), init:stop().");
    for project in &twins.projects {
        let home = format!("HOME={}", project.root.display());
        let client = [words(&["env", &home]), node("client"), words(&["-eval", &ask])].concat();
        twins.answers(project, "from node to node", || twins.inside(project, &client));
    }
    twins.unseen_from_outside();
    twins.each(|project| {
        let _ = twins.enter(project).portward(&["stop"]).expect(0);
    });
}

/// A client that asks one server for the text record, by both transports.
fn resolve(address: &str, port: u16) -> Vec<String> {
    words(&["python3", "-c", RESOLVE, address, &port.to_string()])
}

const RESOLVE: &str = r#"
import socket, sys
at, port = sys.argv[1], int(sys.argv[2])
question = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03who\x04test\0\0\x10\0\x01"
for kind in socket.SOCK_DGRAM, socket.SOCK_STREAM:
    s = socket.socket(socket.AF_INET6 if ":" in at else socket.AF_INET, kind)
    s.settimeout(10)
    s.connect((at, port))
    s.send(question if kind == socket.SOCK_DGRAM else len(question).to_bytes(2, "big") + question)
    answer = s.recv(512)
    print(answer[answer.rindex(b"\0") + 2:].decode())
"#;
