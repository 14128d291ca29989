//! Connections: both ends, and how many clients a listener has.

use crate::{list, list_all, world};

#[test]
fn both_ends_have_both_owners() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["pairs", "3", "tcp/127.0.0.1:3000"]);
    let reading = list_all(&world);
    for inode in actor.numbers("client_inodes") {
        let socket = reading.inode(inode);
        assert_eq!((socket["state"].as_str(), socket["remote"]["port"].as_u64()), (Some("established"), Some(3000)));
        assert_eq!(reading.owners_of(socket), [actor.number("client")]);
    }
    for inode in actor.numbers("accepted_inodes") {
        let socket = reading.inode(inode);
        assert_eq!(reading.owners_of(socket), [actor.pid()]);
        assert_eq!(socket["local"]["port"], 3000);
    }
}

#[test]
fn a_loopback_connection_is_one_row_with_both_ends() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["pairs", "1", "tcp/127.0.0.1:3000"]);
    let text = world.portward(&["list", "--all", "--tcp"]).expect(0);
    let client = actor.number("client").to_string();
    let rows: Vec<&str> =
        text.stdout.lines().filter(|line| line.split(|c: char| !c.is_ascii_digit()).any(|word| word == client)).collect();
    assert_eq!(rows.len(), 1, "{text}");
    assert!(rows[0].contains(&actor.pid().to_string()), "{text}");
}

#[test]
fn a_listener_counts_its_clients() {
    let Some(world) = world() else { return };
    for (count, spec) in [("3", "tcp/127.0.0.1:3000"), ("4", "tcp/[::]:3001,dual"), ("2", "tcp/[::1]:3002")] {
        let actor = world.actor(&["pairs", count, spec]);
        let reading = list(&world);
        let socket = reading.inode(actor.inode());
        assert_eq!(socket["clients"], count.parse::<u64>().unwrap(), "{spec}: {socket:#}");
    }
}

#[test]
fn clients_of_another_address_with_the_same_port_are_not_counted() {
    let Some(world) = world() else { return };
    let one = world.actor(&["pairs", "2", "tcp/127.0.0.1:3000"]);
    let other = world.actor(&["pairs", "1", "tcp/127.0.0.2:3000"]);
    let reading = list(&world);
    assert_eq!(reading.inode(one.inode())["clients"], 2);
    assert_eq!(reading.inode(other.inode())["clients"], 1);
}

#[test]
fn a_connection_that_nobody_accepted_is_told() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["crowded", "2", "tcp/127.0.0.1:3000"]);
    let reading = list_all(&world);
    let waiting = reading.matching(|socket| socket["local"]["port"] == 3000 && socket["state"] == "established");
    assert_eq!(waiting.len(), 2, "{:#}", reading.document());
    for socket in waiting {
        // The kernel holds them until somebody accepts; no descriptor does.
        assert!(reading.owners_of(socket).is_empty(), "{socket:#}");
    }
}

#[test]
fn a_mapped_connection_meets_its_listener() {
    let Some(world) = world() else { return };
    let server = world.actor(&["listen", "tcp/[::]:3000,dual"]);
    let _client = world.actor(&["connect", "tcp/127.0.0.1:3000", "tcp/[::1]:3000"]);
    let reading = list(&world);
    assert_eq!(reading.inode(server.inode())["clients"], 2, "{:#}", reading.document());
}

#[test]
fn a_connected_datagram_socket_is_a_connection() {
    let Some(world) = world() else { return };
    let _server = world.actor(&["listen", "udp/127.0.0.1:3000"]);
    let client = world.actor(&["connect", "udp/127.0.0.1:3000"]);
    let reading = list_all(&world);
    let socket = reading.inode(client.inode());
    assert_eq!((socket["state"].as_str(), socket["remote"]["port"].as_u64()), (Some("established"), Some(3000)));
    assert_eq!(reading.owners_of(socket), [client.pid()]);
}
