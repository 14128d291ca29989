//! `portward explain`: every form of an endpoint, from live facts, used or not.

use portward_testkit::World;
use serde_json::Value;

use crate::world;

/// What explain says of an endpoint, as a document.
#[track_caller]
fn told(world: &World, endpoint: &str) -> Value {
    world.portward(&["explain", endpoint, "--json"]).json()
}

fn owners(document: &Value) -> Vec<u64> {
    let sockets = document["sockets"].as_array().unwrap();
    let all = sockets.iter().flat_map(|socket| socket["owners"].as_array().cloned().unwrap_or_default());
    let mut pids: Vec<u64> = all.filter_map(|owner| owner["pid"].as_u64()).collect();
    pids.sort_unstable();
    pids.dedup();
    pids
}

#[test]
fn every_form_of_a_used_endpoint() {
    let Some(world) = world() else { return };
    let path = world.path().join("run/x.sock");
    let unix = format!("unix:{}", path.display());
    let actor = world.actor(&["listen", "tcp/[::]:49342,dual", "udp/0.0.0.0:53", &format!("unix/{}", path.display())]);
    for endpoint in [
        "49342",
        ":49342",
        "*:49342",
        "127.0.0.1:49342",
        "[::1]:49342",
        "localhost:49342",
        "http://localhost:49342/cart?x=1",
        "tcp/127.0.0.1:49342",
        "0.0.0.0:49342",
        "[::]:49342",
        "web.shop.localhost:49342",
        "127.5.5.5:49342",
        "[::ffff:127.0.0.1]:49342",
        "udp/53",
        "53/udp",
        "udp/127.0.0.1:53",
        &unix,
    ] {
        let outcome = world.portward(&["explain", endpoint]).expect(0);
        assert!(outcome.stdout.contains(&actor.pid().to_string()), "{outcome}");
        let document = world.portward(&["explain", endpoint, "--json"]).expect(0).json();
        assert_eq!(owners(&document), [actor.pid()], "{endpoint}: {document:#}");
        for name in ["endpoint", "address", "port", "resolves", "sockets", "reach", "clients", "bind", "steps"] {
            assert!(document.get(name).is_some(), "{endpoint}: no {name}");
        }
        assert!(document["steps"].as_array().is_some_and(|steps| steps.len() >= 2), "{endpoint}: {document:#}");
    }
}

#[test]
fn an_unused_endpoint_gets_a_full_answer() {
    let Some(world) = world() else { return };
    let outcome = world.portward(&["explain", "127.0.0.1:49342"]).expect(1);
    let first = outcome.stdout.lines().next().unwrap();
    assert!(first.starts_with("Nothing listens on 127.0.0.1:49342"), "{outcome}");
    for words in ["loopback", "RFC", "dynamic", "49152-65535", "ephemeral", "hint: portward wait"] {
        assert!(outcome.stdout.contains(words) || outcome.stderr.contains(words), "no {words}: {outcome}");
    }
    let document = world.portward(&["explain", "127.0.0.1:49342", "--json"]).expect(1).json();
    assert_eq!(document["sockets"], Value::Array(Vec::new()));
    assert_eq!(document["bind"]["possible"], true);
    assert_eq!(document["address"]["class"], "loopback");
    assert_eq!((&document["port"]["class"], &document["port"]["ephemeral"]), (&"dynamic".into(), &true.into()));
    assert!(document["steps"].as_array().unwrap().len() >= 3, "{document:#}");
}

#[test]
fn classes_of_addresses() {
    let Some(world) = world() else { return };
    for (endpoint, class) in [
        ("127.0.0.1:3000", "loopback"),
        ("127.255.255.254:3000", "loopback"),
        ("[::1]:3000", "loopback"),
        ("[::ffff:127.0.0.1]:3000", "loopback"),
        ("0.0.0.0:3000", "wildcard"),
        ("[::]:3000", "wildcard"),
        ("192.168.1.20:3000", "private"),
        ("10.1.2.3:3000", "private"),
        ("[fe80::1%lo]:3000", "link_local"),
        ("169.254.1.1:3000", "link_local"),
        ("100.64.1.1:3000", "shared"),
        ("224.0.0.251:5353", "multicast"),
        ("8.8.8.8:53", "global"),
        ("192.0.2.1:80", "documentation"),
    ] {
        assert_eq!(told(&world, endpoint)["address"]["class"], class, "{endpoint}");
    }
}

#[test]
fn classes_of_ports_and_this_kernels_own_ranges() {
    let Some(world) = world() else { return };
    let _ = world.run(&["sh", "-c", "echo 40000 50000 >/proc/sys/net/ipv4/ip_local_port_range && echo 42000-42099 >/proc/sys/net/ipv4/ip_local_reserved_ports"]).expect(0);
    for (port, class, ephemeral, reserved) in [
        ("80", "system", false, false),
        ("1023", "system", false, false),
        ("1024", "user", false, false),
        ("39999", "user", false, false),
        ("40000", "user", true, false),
        ("42050", "user", false, true),
        ("49151", "user", true, false),
        ("49152", "dynamic", true, false),
        ("50001", "dynamic", false, false),
        ("65535", "dynamic", false, false),
    ] {
        let document = told(&world, port);
        let found = &document["port"];
        assert_eq!(found["class"], class, "{port}");
        assert_eq!((&found["ephemeral"], &found["reserved"]), (&ephemeral.into(), &reserved.into()), "{port}: {found:#}");
    }
    assert_eq!(told(&world, "443")["port"]["service"].as_str().map(str::to_lowercase).as_deref(), Some("https"));
    assert_eq!(told(&world, "5432")["port"]["service"].as_str().map(|name| name.to_lowercase().contains("postgres")), Some(true));
}

#[test]
fn privileged_ports_follow_this_kernels_start() {
    let Some(world) = world() else { return };
    assert_eq!(told(&world, "1023")["port"]["privileged"], true);
    assert_eq!(told(&world, "1024")["port"]["privileged"], false);
    let _ = world.run(&["sh", "-c", "echo 80 >/proc/sys/net/ipv4/ip_unprivileged_port_start"]).expect(0);
    assert_eq!(told(&world, "79")["port"]["privileged"], true);
    assert_eq!(told(&world, "80")["port"]["privileged"], false);
}

#[test]
fn ports_that_browsers_refuse() {
    let Some(world) = world() else { return };
    let outcome = world.portward(&["explain", "6000"]);
    assert!(outcome.stdout.contains("browser"), "{outcome}");
    let fine = world.portward(&["explain", "3000"]);
    assert!(!fine.stdout.contains("block"), "{fine}");
}

#[test]
fn localhost_resolves_in_this_machines_order() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let document = told(&world, "localhost:3000");
    let mut addresses: Vec<&str> = document["resolves"].as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect();
    addresses.sort_unstable();
    assert_eq!(addresses, ["127.0.0.1", "::1"]);
    let order =
        world.run(&["python3", "-c", "import socket; print(socket.getaddrinfo('localhost', 1, type=1)[0][4][0])"]).expect(0);
    assert_eq!(document["resolves"][0], order.stdout.trim());
    // Names below localhost are loopback by RFC 6761, whatever a name server says.
    let below = told(&world, "web.shop.localhost:3000");
    assert_eq!(below["address"]["class"], "loopback", "{below:#}");
}

#[test]
fn the_same_port_elsewhere_is_told() {
    let Some(world) = world() else { return };
    let six = world.actor(&["listen", "tcp/[::1]:3000"]);
    let outcome = world.portward(&["explain", "127.0.0.1:3000"]).expect(1);
    assert!(outcome.stdout.starts_with("Nothing listens on 127.0.0.1:3000"), "{outcome}");
    assert!(outcome.stdout.contains("::1") && outcome.stdout.contains(&six.pid().to_string()), "{outcome}");
    let udp = world.actor(&["listen", "udp/127.0.0.1:4000"]);
    let outcome = world.portward(&["explain", "tcp/127.0.0.1:4000"]).expect(1);
    assert!(outcome.stdout.to_lowercase().contains("udp") && outcome.stdout.contains(&udp.pid().to_string()), "{outcome}");
}

#[test]
fn who_can_reach_it_and_why() {
    let Some(world) = world() else { return };
    world.add_lan("eth0", "192.168.77.1/24");
    let _actor =
        world.actor(&["listen", "tcp/0.0.0.0:3000", "tcp/127.0.0.1:3001", "tcp/0.0.0.0:3002,device=lo", "tcp/192.168.77.1:3003"]);
    let reached_by = |port: &str, who: &str| {
        let document = told(&world, port);
        let found = document["reach"].as_array().unwrap().iter().find(|reach| reach["who"] == who).cloned();
        found.map(|reach| reach["because"].as_str().unwrap().to_owned())
    };
    let because = reached_by("3000", "lan").expect("the LAN reaches a wildcard");
    assert!(because.contains("192.168.77.1") && because.contains("eth0"), "{because}");
    assert!(reached_by("3003", "lan").is_some());
    for port in ["3001", "3002"] {
        assert_eq!(reached_by(port, "lan"), None, "{port}");
        assert!(reached_by(port, "same-user").is_some() || reached_by(port, "other-user").is_some(), "{port}");
    }
}

#[test]
fn who_is_connected_now() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["pairs", "2", "tcp/127.0.0.1:3000"]);
    let document = told(&world, "3000");
    assert!(document["clients"].to_string().contains(&format!(":{}", actor.number("client"))), "{document:#}");
    let outcome = world.portward(&["explain", "3000"]).expect(0);
    assert!(outcome.stdout.contains(&actor.number("client").to_string()), "{outcome}");
}

#[test]
fn a_client_that_uses_the_number_is_no_listener() {
    let Some(world) = world() else { return };
    let _server = world.actor(&["listen", "tcp/127.0.0.1:5432"]);
    let client = world.actor(&["connect", "tcp/127.0.0.1:5432,from=127.0.0.1:49342"]);
    let outcome = world.portward(&["explain", "127.0.0.1:49342"]).expect(1);
    assert!(outcome.stdout.starts_with("Nothing listens"), "{outcome}");
    assert!(outcome.stdout.contains(&client.pid().to_string()), "the holder of the number is told: {outcome}");
}

#[test]
fn holders_that_no_process_table_shows_are_told_in_words() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["in-flight", "tcp/127.0.0.1:3000"]);
    let outcome = world.portward(&["explain", "3000"]);
    let said = outcome.stdout.to_lowercase();
    assert!(said.contains("no process") || said.contains("in flight") || said.contains("queue"), "{outcome}");
    assert!(!said.contains("sudo"), "nothing would reveal more: {outcome}");
}

#[test]
fn another_machine_is_spoken_of_as_another_machine() {
    let Some(world) = world() else { return };
    world.add_lan("eth0", "192.168.77.1/24");
    let _here = world.actor(&["listen", "tcp/127.0.0.1:8080"]);
    for endpoint in ["192.168.77.9:8080", "http://192.168.77.9:8080/x", "udp/192.168.77.9:53", "10.9.9.9:443", "[2001:db8::9]:80"]
    {
        let outcome = world.portward(&["explain", endpoint]).expect(1);
        assert!(outcome.stdout.contains(" is not this machine: "), "{outcome}");
        assert!(!outcome.stdout.contains("Nothing") && !outcome.stdout.contains("would"), "{outcome}");
        assert!(outcome.stderr.contains("portward doctor"), "{outcome}");
    }
    let document = told(&world, "192.168.77.9:8080");
    assert_eq!(document["elsewhere"], "192.168.77.9", "{document:#}");
    assert!(
        document["reach"].as_array().unwrap().is_empty() && document["summary"].as_str().unwrap().contains("eth0"),
        "{document:#}"
    );
    // Its own address, a wildcard, loopback and a route to itself are this machine.
    for endpoint in ["192.168.77.1:8081", "0.0.0.0:8081", "127.8.8.8:8081", "8081"] {
        let outcome = world.portward(&["explain", endpoint]).expect(1);
        assert!(outcome.stdout.starts_with("Nothing listens on "), "{outcome}");
    }
}

/// Listens, lets a child inherit the listener, and ends.
const LEAVES: &str = "
import os, socket, subprocess, sys, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('127.0.0.1', int(sys.argv[2])))
s.listen()
s.set_inheritable(True)
if sys.argv[1] == 'forks':
    if os.fork() == 0:
        time.sleep(600)
else:
    subprocess.Popen(['sleep', '600'], close_fds=False)
os._exit(0)
";

#[test]
fn a_dead_servers_child_inherited_its_listener() {
    let Some(world) = world() else { return };
    if portward_testkit::program("python3").is_none() {
        return;
    }
    for (how, port) in [("forks", "3000"), ("starts", "3001")] {
        let line = format!("python3 -c \"$LEAVES\" {how} {port}; echo left; sleep 600");
        let shell = world.enter().env("LEAVES", LEAVES).start(&["setsid", "--wait", "sh", "-c", &line]);
        assert_eq!(shell.line(), "left");
        let outcome = world.portward(&["explain", port]).expect(0);
        assert!(outcome.stdout.contains(", inherited,"), "{outcome}");
        let doctor = world.portward(&["doctor", port, "--bind"]);
        assert!(!doctor.stdout.contains("start it again"), "{doctor}");
        let doctor = world.portward(&["doctor", port]);
        assert!(!doctor.stdout.contains("start it again"), "{doctor}");
    }
}

#[test]
fn a_tunnel_says_where_it_leads() {
    let Some(world) = world() else { return };
    if portward_testkit::program("socat").is_none() {
        return;
    }
    let _socat = world.enter().start(&["socat", "TCP-LISTEN:8080,fork,reuseaddr,bind=127.0.0.1", "TCP:10.0.0.5:5432"]);
    let _ = world.portward(&["wait", "8080"]).expect(0);
    let outcome = world.portward(&["explain", "8080"]).expect(0);
    assert!(outcome.stdout.contains("It leads to 10.0.0.5:5432."), "{outcome}");
    let listed = world.portward(&["list"]).expect(0);
    assert!(listed.stdout.contains("to 10.0.0.5:5432"), "{listed}");
    let document = told(&world, "8080");
    assert_eq!(document["sockets"][0]["leads"], "to 10.0.0.5:5432", "{document:#}");
}
