//! Binds of every kind, and connections in every state.

use super::{row, ss, world};

#[test]
fn binds_of_every_kind() {
    let Some(world) = world() else { return };
    for (spec, local, v6_only) in [
        ("tcp/127.0.0.1:3000", "127.0.0.1", false),
        ("tcp/0.0.0.0:3001", "0.0.0.0", false),
        ("tcp/[::]:3002,v6only", "[::]", true),
        ("tcp/[::]:3003,dual", "*", false),
        ("tcp/[::ffff:127.0.0.1]:3004,dual", "[::ffff:127.0.0.1]", false),
        // The kernel marks a bind to one IPv6 address itself, whatever the program asked for.
        ("tcp/[::1]:3005", "[::1]", true),
        ("udp/127.0.0.1:3006", "127.0.0.1", false),
        ("udp/[::]:3007,v6only", "[::]", true),
        ("tcp/0.0.0.0:3008,device=lo", "0.0.0.0%lo", false),
        ("tcp/127.0.0.1:3010,dup", "127.0.0.1", false),
    ] {
        let actor = world.actor(&["listen", spec]);
        let row = row(&world, actor.inode());
        assert_eq!((row.local.as_str(), row.v6_only), (local, v6_only), "{spec}");
    }
}

#[test]
fn a_link_local_bind_has_its_zone() {
    let Some(world) = world() else { return };
    world.add_veth("v0", "v1");
    let actor = world.actor(&["listen", "tcp/[fe80::1%v0]:3000"]);
    assert_eq!(row(&world, actor.inode()).local, "[fe80::1]%v0");
}

#[test]
fn bound_without_listening_is_shown_by_no_one() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["listen", "tcp/127.0.0.1:3000,silent"]);
    assert!(ss(&world).iter().all(|row| row.inode != actor.inode()));
    actor.ask("listen 0", "LISTENING");
    assert_eq!(row(&world, actor.inode()).state, "LISTEN");
}

#[test]
fn unix_sockets_of_every_kind() {
    let Some(world) = world() else { return };
    let path = world.path().join("run/web.sock");
    let stream = world.actor(&["listen", &format!("unix/{}", path.display())]);
    let packet = world.actor(&["listen", "unix_packet/@portward-test"]);
    let datagram = world.actor(&["listen", "unix_datagram/@portward-datagram"]);
    let table = world.run(&["cat", "/proc/net/unix"]).expect(0);
    for (actor, end) in [(&stream, path.to_str().unwrap()), (&packet, "@portward-test"), (&datagram, "@portward-datagram")] {
        let inode = format!(" {} ", actor.inode());
        assert!(table.stdout.lines().any(|line| line.contains(&inode) && line.ends_with(end)), "{table}");
    }
}

#[test]
fn pairs_have_two_ends() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["pairs", "5", "tcp/[::]:3000,dual"]);
    let ends: Vec<_> = ss(&world).into_iter().filter(|row| row.state == "ESTAB").collect();
    assert_eq!(ends.len(), 10);
    for port in actor.numbers("client_ports") {
        assert!(ends.iter().any(|row| row.local_port == port && row.remote_port == 3000), "{port}");
    }
}

#[test]
fn only_time_wait_remains() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["time-wait", "tcp/127.0.0.1:3000"]);
    let rows = ss(&world);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((rows[0].state.as_str(), rows[0].local_port), ("TIME-WAIT", actor.number("port")));
}

#[test]
fn half_of_a_connection() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["half-closed", "tcp/127.0.0.1:3000"]);
    let mut states: Vec<String> = ss(&world).into_iter().map(|row| row.state).collect();
    states.sort();
    assert_eq!(states, ["CLOSE-WAIT", "FIN-WAIT-2", "LISTEN"]);
}

#[test]
fn a_crowd_at_the_door() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["crowded", "6", "tcp/127.0.0.1:3000,backlog=4"]);
    assert_eq!(actor.number("queued"), 5);
    let listed = world.run(&["ss", "-Htln"]).expect(0);
    let words: Vec<&str> = listed.stdout.split_whitespace().collect();
    assert_eq!(words[1..3], ["5", "4"], "{listed}");
}

#[test]
fn a_datagram_waits() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["unread", "udp/127.0.0.1:3000", "100"]);
    let listed = world.run(&["ss", "-Huln"]).expect(0);
    assert_ne!(listed.stdout.split_whitespace().nth(1), Some("0"), "{listed}");
}

#[test]
fn a_client_holds_its_own_port() {
    let Some(world) = world() else { return };
    let _server = world.actor(&["listen", "tcp/127.0.0.1:5432"]);
    let client = world.actor(&["connect", "tcp/127.0.0.1:5432,from=127.0.0.1:3000"]);
    let row = row(&world, client.inode());
    assert_eq!((row.state.as_str(), row.local_port, row.remote_port), ("ESTAB", 3000, 5432));
}

#[test]
fn across_namespaces() {
    let Some(world) = world() else { return };
    world.add_netns("blue");
    let guest = world.actor(&["import", "/run/netns/blue", "tcp/127.0.0.1:3000"]);
    let emigrant = world.actor(&["emigrate", "/run/netns/blue", "tcp/127.0.0.1:3001"]);
    assert_eq!(row(&world, emigrant.inode()).local_port, 3001);
    let there = world.enter().netns("blue").run(&["ss", "-Htlne"]).expect(0);
    assert!(there.stdout.contains(&format!("ino:{}", guest.inode())), "{there}");
    let net = |pid: u64| world.run(&["readlink", &format!("/proc/{pid}/ns/net")]).expect(0).stdout;
    assert_eq!(net(guest.pid()), net(1));
    assert_ne!(net(emigrant.pid()), net(1));
}
