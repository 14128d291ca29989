//! What the guard closes at the packet filter, seen from another machine: the tables' life, and ports that are sent on.

use portward_testkit::{Running, World, program, skip, until};
use serde_json::{Value, json};

use crate::{
    guard::{ECHO, HEARER, HERE, client, dial, from_here, from_lan, ip, lay_cable, send, strings},
    world,
};

/// A world with a packet filter, or a loud skip.
#[track_caller]
fn filtered_world() -> Option<World> {
    program("nft")?;
    let world = world()?;
    let probe = "add table inet probe; add chain inet probe a { type filter hook prerouting priority raw; }; add rule inet probe a \
                 fib daddr type local tcp dport 9 reject with tcp reset; delete table inet probe";
    if world.run(&["nft", probe]).code != Some(0) {
        skip("a kernel with nftables, its reject and its fib");
        return None;
    }
    lay_cable(&world);
    Some(world)
}

/// The names of all tables.
fn tables(world: &World) -> Vec<String> {
    let listed = world.run(&["nft", "list", "tables"]).expect(0).stdout;
    listed.lines().map(|line| line.trim_start_matches("table ").to_owned()).collect()
}

/// Starts the guard with `--firewall`, waits until it holds, and gives its pid inside, too.
fn hold(world: &World, endpoint: &str) -> (Running, u64, Value) {
    let tell = ["sh", "-c", "echo $$; exec \"$@\"", "tell"];
    let guard = world.enter().through(&tell).start_portward(&["guard", "pin", endpoint, "--firewall", "--json"]);
    let pid = guard.line().parse().unwrap();
    let told = guard.json();
    (guard, pid, told)
}

#[test]
fn a_table_that_ends_with_its_owner() {
    let Some(world) = filtered_world() else { return };
    // nft keeps a history of what it is told, wherever it takes for its home.
    let traces = || world.run(&["sh", "-c", "stat -c %Y /.nft.history ~/.nft.history 2>/dev/null; true"]).expect(0).stdout;
    let traces_before = traces();
    let _server = world.actor(&["listen", "tcp/[::]:3000,dual"]);
    let _ = world.run(&["nft", "add", "table", "inet", "somebody"]).expect(0);
    for signal in ["INT", "TERM", "HUP"] {
        let (mut guard, pid, told) = hold(&world, "3000");
        assert_eq!((&told["tables"][0]["state"], &told["sockets"][0]["state"]), (&json!("held"), &json!("firewall")), "{told:#}");
        assert!(told["rules"][0]["paste"].as_str().unwrap().contains("tcp dport 3000"), "{told:#}");
        assert_eq!((from_lan(&world, 3000), from_here(&world, 3000)), (strings(["refused"; 2]), strings(["open"; 2])));
        assert_eq!(dial(&world, "", HERE[0], 3000), "open", "this machine reaches it by every address");
        let status = world.portward(&["guard", "status", "3000", "--json"]).expect(0).json();
        assert_eq!(status["tables"][0]["state"], "held", "{status:#}");
        let opened = world.portward(&["guard", "open", "3000", "--json"]).expect(1).json();
        assert_eq!(opened["tables"][0]["state"], "held", "{opened:#}");
        assert_eq!(from_lan(&world, 3000), ["refused", "refused"]);
        world.signal(pid, signal);
        assert_eq!(guard.end().code(), Some(0), "SIG{signal} ends it well");
        assert_eq!(guard.json()["tables"][0]["state"], "removed");
        assert_eq!(tables(&world), ["inet somebody"], "gone when it returns, and nobody else's");
        assert_eq!(from_lan(&world, 3000), ["open", "open"]);
    }
    assert_eq!(traces(), traces_before);
}

#[test]
fn a_killed_owner_leaves_nothing() {
    let Some(world) = filtered_world() else { return };
    let _server = world.actor(&["listen", "tcp/[::]:3000,dual"]);
    let (mut guard, pid, _) = hold(&world, "3000");
    assert_eq!(from_lan(&world, 3000), ["refused", "refused"]);
    world.signal(pid, "KILL");
    guard.end();
    until("the table to be gone", || tables(&world).is_empty().then_some(()));
    assert_eq!(from_lan(&world, 3000), ["open", "open"]);
}

#[test]
fn a_table_whose_holder_is_killed_is_told() {
    let Some(world) = filtered_world() else { return };
    let _server = world.actor(&["listen", "tcp/0.0.0.0:3000"]);
    let (mut guard, pid, _) = hold(&world, "3000");
    let children = world.run(&["sh", "-c", "cat /proc/$0/task/*/children", &pid.to_string()]).expect(0).stdout;
    world.signal(children.trim().parse().unwrap(), "KILL");
    assert_eq!(guard.end().code(), Some(2));
    until("it is told", || guard.stderr().contains("3000 is open to the network again").then_some(()));
    assert_eq!(tables(&world), Vec::<String>::new());
}

#[test]
fn a_table_that_stays_until_it_is_opened() {
    let Some(world) = filtered_world() else { return };
    let persist = ["guard", "pin", "3000", "--firewall", "--persist", "--json"];
    // Before anything listens there, too.
    let told = world.portward(&persist).expect(0).json();
    assert_eq!((&told["tables"][0]["state"], &told["silent"]), (&json!("lasting"), &json!(["3000"])), "{told:#}");
    let _server = world.actor(&["listen", "tcp/[::]:3000,dual"]);
    assert_eq!((from_lan(&world, 3000), from_here(&world, 3000)), (strings(["refused"; 2]), strings(["open"; 2])));
    let again = world.portward(&persist).expect(0).json();
    assert_eq!(again["tables"][0]["state"], "lasting", "{again:#}");
    assert_eq!(tables(&world), ["inet portward_guard_tcp_3000"]);
    let rules = world.run(&["nft", "list", "ruleset"]).expect(0).stdout;
    assert_eq!(rules.matches("dport 3000").count(), 2, "nothing is there twice: {rules}");
    // Asked without --persist it is closed already, and there is nothing to hold.
    let held = world.portward(&["guard", "pin", "3000", "--firewall", "--json"]).expect(0).json();
    assert_eq!(held["tables"][0]["state"], "lasting", "{held:#}");
    let status = world.portward(&["guard", "--json"]).expect(0).json();
    assert_eq!(
        (&status["sockets"][0]["state"], &status["tables"][0]["endpoint"]),
        (&json!("firewall"), &json!("3000")),
        "{status:#}"
    );
    let dry = world.portward(&["guard", "open", "3000", "--dry-run", "--json"]).expect(0).json();
    assert_eq!(dry["tables"][0]["state"], "would_remove", "{dry:#}");
    let _ = world.run(&["nft", "add", "table", "inet", "portward_guard_other"]).expect(0);
    let opened = world.portward(&["guard", "open", "3000", "--json"]).expect(0).json();
    assert_eq!(opened["tables"][0]["state"], "removed", "{opened:#}");
    assert_eq!(tables(&world), ["inet portward_guard_other"], "a name that only begins like ours is somebody else's");
    assert_eq!(from_lan(&world, 3000), ["open", "open"]);
    let nothing = world.portward(&["guard", "open", "3000", "--json"]).expect(1).json();
    assert_eq!(nothing["tables"][0]["state"], "absent", "{nothing:#}");
}

#[test]
fn what_is_printed_can_be_pasted_and_undone() {
    let Some(world) = filtered_world() else { return };
    let _server = world.actor(&["listen", "tcp/10.77.0.1:3000", "udp/10.77.0.1:3000"]);
    let refused = world.portward(&["guard", "pin", "3000", "--json"]).expect(1).json();
    assert_eq!(refused["sockets"][0]["code"], "bound-to-one-address", "{refused:#}");
    let rules = &refused["rules"][0];
    // `sudo` asks for root, which the world has.
    let sudo = world.file("tmp/sudo", "#!/bin/sh\nexec \"$@\"\n");
    let _ = world.run(&["chmod", "+x", sudo.to_str().unwrap()]).expect(0);
    let shell = |text: &str| {
        let _ = world.run(&["sh", "-c", &format!("PATH=$TMPDIR:$PATH\n{text}")]).expect(0);
    };
    for _ in 0..2 {
        shell(rules["paste"].as_str().unwrap());
        assert_eq!(tables(&world), ["inet portward_guard_tcp_3000", "inet portward_guard_udp_3000"]);
    }
    assert_eq!((dial(&world, "lan", HERE[0], 3000), dial(&world, "", HERE[0], 3000)), ("refused".to_owned(), "open".to_owned()));
    let pinned = world.portward(&["guard", "pin", "3000", "--json"]).expect(0).json();
    assert_eq!(pinned["sockets"][0]["state"], "firewall", "what was pasted is known: {pinned:#}");
    for command in rules["remove"].as_array().unwrap() {
        shell(command.as_str().unwrap());
    }
    assert_eq!(tables(&world), Vec::<String>::new());
    assert_eq!(dial(&world, "lan", HERE[0], 3000), "open");
}

#[test]
fn datagrams_stop_at_the_packet_filter() {
    let Some(world) = filtered_world() else { return };
    let server = world.enter().start(&["python3", "-c", HEARER]);
    server.line_where(|line| line == "READY");
    let (_guard, _, told) = hold(&world, "udp/3000");
    assert_eq!(told["tables"][0]["table"], "portward_guard_udp_3000", "{told:#}");
    for address in HERE {
        send(&world, "lan", address, "after");
    }
    for address in ["127.0.0.1", "::1", HERE[0]] {
        send(&world, "", address, "near");
        assert_eq!(server.line(), "near", "what came before it was not taken");
    }
}

#[test]
fn connections_that_exist_go_on_behind_the_packet_filter() {
    let Some(world) = filtered_world() else { return };
    let server = world.enter().start(&["python3", "-c", ECHO]);
    server.line_where(|line| line == "READY");
    let (mut client, port) = client(&world, "10.77.0.1");
    server.line_where(|line| line == "ACCEPTED");
    let (_guard, _, told) = hold(&world, "3000");
    assert_eq!(told["connections"][0]["peer"], format!("10.77.0.2:{port}"), "{told:#}");
    assert_eq!(from_lan(&world, 3000), ["refused", "refused"]);
    client.tell("still here");
    assert_eq!(client.line(), "still here");
}

/// Ports that are sent on, as container engines do it: 8080 to a server in a namespace of its own, 81 to this machine's 3000.
const SENT_ON: &str = "
add table ip engine
add chain ip engine in { type nat hook prerouting priority -100; }
add rule ip engine in fib daddr type local tcp dport 8080 dnat to 172.20.0.2:80
add rule ip engine in fib daddr type local tcp dport 81 redirect to :3000
add chain ip engine out { type nat hook output priority -100; }
add rule ip engine out fib daddr type local tcp dport 8080 dnat to 172.20.0.2:80
add chain ip engine post { type nat hook postrouting priority 100; }
add rule ip engine post ip daddr 172.20.0.2 masquerade
";

#[test]
fn ports_that_are_sent_on_before_any_socket() {
    let Some(world) = filtered_world() else { return };
    world.add_netns("box");
    for words in [
        "link add br0 type veth peer name inner netns box",
        "addr add 172.20.0.1/24 dev br0",
        "link set br0 up",
        "-n box addr add 172.20.0.2/24 dev inner",
        "-n box link set inner up",
        "-n box route add default via 172.20.0.1",
    ] {
        ip(&world, words);
    }
    let rules = world.file("tmp/engine.nft", SENT_ON);
    let made = world.run(&["sh", "-c", &format!("echo 1 > /proc/sys/net/ipv4/ip_forward && nft -f {}", rules.display())]);
    if made.code != Some(0) {
        skip("a kernel that forwards and translates addresses");
        return;
    }
    let _inside = world.enter().netns("box").actor(&["listen", "tcp/0.0.0.0:80"]);
    let _here = world.actor(&["listen", "tcp/0.0.0.0:3000"]);
    let reached = |port| (dial(&world, "lan", HERE[0], port), dial(&world, "", HERE[0], port));
    let both = |one: &str, other: &str| (one.to_owned(), other.to_owned());
    assert_eq!(reached(8080), both("open", "open"));
    assert_eq!(dial(&world, "lan", HERE[0], 81), "open");
    let persist = ["guard", "pin", "8080", "3000", "--firewall", "--persist", "--json"];
    let told = world.portward(&persist).expect(0).json();
    assert_eq!(told["silent"], json!(["8080"]), "no socket stands there: {told:#}");
    assert_eq!(reached(8080), both("refused", "open"), "refused before it is sent on");
    assert_eq!(dial(&world, "lan", HERE[0], 81), "refused", "and after it was redirected");
    assert_eq!(reached(3000), both("refused", "open"));
    // What passes through to the same port of another machine is no concern of this one's port.
    ip(&world, "-n lan route add 172.20.0.0/24 via 10.77.0.1");
    let _other = world.enter().netns("box").actor(&["listen", "tcp/0.0.0.0:3000"]);
    assert_eq!(dial(&world, "lan", "172.20.0.2", 3000), "open");
}
