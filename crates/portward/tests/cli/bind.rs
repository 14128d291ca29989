//! `portward explain --bind` beside the kernel's own answer to the same bind.

use portward_testkit::World;
use serde_json::Value;

use crate::world;

/// What explain says about a bind: the exit code follows it.
#[track_caller]
fn said(world: &World, endpoint: &str) -> (bool, Value) {
    let outcome = world.portward(&["explain", endpoint, "--bind", "--json"]);
    let document = outcome.json();
    let possible = document["bind"]["possible"].as_bool().expect("an answer");
    assert_eq!(outcome.code, Some(i32::from(!possible)), "{outcome}");
    assert_eq!(document["bind"]["because"].as_array().unwrap().is_empty(), possible, "reasons where it fails: {document:#}");
    (possible, document["bind"]["because"].clone())
}

/// Whether a program's bind and listen succeed, plain and with `SO_REUSEADDR`; `None` where the two differ.
fn tried(world: &World, host: &str, port: u16) -> Option<bool> {
    let code = format!(
        r"
import socket
family = socket.AF_INET6 if ':' in '{host}' else socket.AF_INET
def attempt(reuse):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
    if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    try:
        s.bind(('{host}', {port})); s.listen(1); return True
    except OSError: return False
    finally: s.close()
print(attempt(0), attempt(1))
"
    );
    let outcome = world.run(&["python3", "-c", &code]).expect(0);
    match outcome.stdout.trim() {
        "True True" => Some(true),
        "False False" => Some(false),
        _ => None,
    }
}

fn shown(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[test]
fn it_agrees_with_the_kernel_for_every_pair_of_binds() {
    let Some(world) = world() else { return };
    let holders = [
        "tcp/127.0.0.1:3000",
        "tcp/127.0.0.2:3000",
        "tcp/0.0.0.0:3000",
        "tcp/[::1]:3000",
        "tcp/[::]:3000,v6only",
        "tcp/[::]:3000,dual",
        "tcp/[::ffff:127.0.0.1]:3000,dual",
        "tcp/127.0.0.1:3000,silent,noreuse",
        "udp/127.0.0.1:3000",
        "tcp/127.0.0.1:3001",
    ];
    let candidates = ["127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"];
    let mut compared = 0;
    for holder in holders {
        let _actor = world.actor(&["listen", holder]);
        for host in candidates {
            let Some(kernel) = tried(&world, host, 3000) else { continue };
            let (possible, because) = said(&world, &shown(host, 3000));
            assert_eq!(possible, kernel, "{host} beside {holder}: {because:#}");
            compared += 1;
        }
    }
    assert!(compared > 50, "{compared}");
}

#[test]
fn a_holder_is_named_with_its_pid() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let (possible, because) = said(&world, "127.0.0.1:3000");
    assert!(!possible);
    assert!(because[0]["summary"].as_str().unwrap().contains(&actor.pid().to_string()), "{because:#}");
    assert_eq!(because[0]["likelihood"], "certain", "{because:#}");
    assert!(because[0]["fixes"].to_string().contains("portward free"), "{because:#}");
    assert!(!because[0]["evidence"].as_array().unwrap().is_empty(), "{because:#}");
    let outcome = world.portward(&["explain", "127.0.0.1:3000", "--bind"]).expect(1);
    assert!(outcome.stdout.contains(&actor.pid().to_string()), "{outcome}");
}

#[test]
fn a_socket_that_is_bound_and_silent() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["listen", "tcp/127.0.0.1:3000,silent,noreuse"]);
    let (possible, because) = said(&world, "127.0.0.1:3000");
    assert!(!possible);
    assert!(because.to_string().contains(&actor.pid().to_string()), "{because:#}");
}

#[test]
fn an_outgoing_connection_that_took_the_number() {
    let Some(world) = world() else { return };
    let _server = world.actor(&["listen", "tcp/127.0.0.1:5432"]);
    let code = "import socket,sys; s=socket.create_connection(('127.0.0.1',5432), source_address=('127.0.0.1',49342)); print('READY', flush=True); sys.stdin.read()";
    let client = world.enter().start(&["python3", "-c", code]);
    client.line_where(|line| line == "READY");
    assert_eq!(tried(&world, "127.0.0.1", 49342), Some(false));
    let (possible, because) = said(&world, "127.0.0.1:49342");
    assert!(!possible);
    assert!(because.to_string().contains("5432"), "where it goes is told: {because:#}");
}

#[test]
fn time_wait_is_told_with_what_helps() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["time-wait", "tcp/127.0.0.1:3000"]);
    let outcome = world.portward(&["explain", "127.0.0.1:3000", "--bind"]);
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(said.contains("TIME_WAIT") && said.contains("SO_REUSEADDR"), "{outcome}");
}

#[test]
fn an_address_of_no_interface() {
    let Some(world) = world() else { return };
    assert_eq!(tried(&world, "192.168.99.99", 3000), Some(false));
    let (possible, because) = said(&world, "192.168.99.99:3000");
    assert!(!possible);
    assert!(because.to_string().contains("192.168.99.99"), "{because:#}");
    let _ = world.run(&["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_nonlocal_bind"]).expect(0);
    assert!(said(&world, "192.168.99.99:3000").0, "the kernel was told to allow it");
}

#[test]
fn a_port_below_the_unprivileged_start() {
    let Some(world) = world() else { return };
    let outcome = world.enter().stranger().portward(&["explain", "127.0.0.1:80", "--bind", "--json"]).expect(1);
    let because = &outcome.json()["bind"]["because"];
    assert!(because.to_string().contains("1024") || because.to_string().contains("CAP_NET_BIND_SERVICE"), "{because:#}");
    assert!(said(&world, "127.0.0.1:80").0, "root may");
    let _ = world.run(&["sh", "-c", "echo 80 >/proc/sys/net/ipv4/ip_unprivileged_port_start"]).expect(0);
    let _ = world.enter().stranger().portward(&["explain", "127.0.0.1:80", "--bind", "--json"]).expect(0);
}

#[test]
fn a_reuseport_group_of_another_user() {
    let Some(world) = world() else { return };
    if !portward_testkit::require_root("be two users") {
        return;
    }
    let _group = world.actor(&["reuseport", "2", "tcp/127.0.0.1:3000"]);
    let outcome = world.enter().stranger().portward(&["explain", "127.0.0.1:3000", "--bind", "--json"]).expect(1);
    assert_eq!(outcome.json()["bind"]["possible"], false);
}

#[test]
fn another_namespaces_listener_is_no_obstacle() {
    let Some(world) = world() else { return };
    world.add_netns("blue");
    let _there = world.enter().netns("blue").actor(&["listen", "tcp/127.0.0.1:3000"]);
    assert!(said(&world, "127.0.0.1:3000").0);
}
