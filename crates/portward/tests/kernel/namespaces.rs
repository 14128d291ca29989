//! Sockets of other network namespaces, and processes of others that hold ours.

use serde_json::Value;

use crate::{list, world};

#[test]
fn another_namespace_by_its_name() {
    let Some(world) = world() else { return };
    world.add_netns("blue");
    let here = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let there = world.enter().netns("blue").actor(&["listen", "tcp/127.0.0.1:3000"]);
    let own = list(&world);
    assert_eq!(own.owners_of(own.only(3000)), [here.pid()]);
    assert_eq!(own.only(3000)["netns"]["own"], true);
    let blue = world.portward(&["list", "--json", "--netns", "blue"]).expect(0).reading();
    let socket = blue.only(3000);
    assert_eq!(blue.owners_of(socket), [there.pid()]);
    assert_eq!((&socket["netns"]["name"], &socket["netns"]["own"]), (&Value::from("blue"), &Value::Bool(false)));
}

#[test]
fn all_namespaces_each_row_with_its_own() {
    let Some(world) = world() else { return };
    world.add_netns("blue");
    world.add_netns("green");
    let here = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let blue = world.enter().netns("blue").actor(&["listen", "tcp/127.0.0.1:3000", "udp/127.0.0.1:53"]);
    let green = world.enter().netns("green").actor(&["listen", "tcp/[::]:3000,dual"]);
    let reading = world.portward(&["list", "--json", "--netns", "all"]).expect(0).reading();
    for (name, actor, count) in [(None, &here, 1), (Some("blue"), &blue, 2), (Some("green"), &green, 1)] {
        let found =
            reading.matching(|socket| socket["netns"]["name"].as_str() == name && reading.owners_of(socket) == [actor.pid()]);
        assert_eq!(found.len(), count, "{name:?} in {:#}", reading.document());
    }
    let text = world.portward(&["list", "--netns", "all"]).expect(0);
    assert!(text.stdout.contains("blue") && text.stdout.contains("green"), "{text}");
}

#[test]
fn a_namespace_that_only_a_process_keeps() {
    let Some(world) = world() else { return };
    let code = "import socket,sys; s=socket.create_server(('127.0.0.1',3000)); print('READY', flush=True); sys.stdin.read()";
    let server = world
        .enter()
        .through(&["unshare", "--net", "--", "sh", "-c", "ip link set lo up; exec \"$@\"", "sh"])
        .start(&["python3", "-c", code]);
    server.line_where(|line| line == "READY");
    assert!(list(&world).on_port(3000).is_empty());
    let reading = world.portward(&["list", "--json", "--netns", "all"]).expect(0).reading();
    let socket = reading.only(3000);
    assert_eq!((&socket["netns"]["name"], &socket["netns"]["own"]), (&Value::Null, &Value::Bool(false)));
    assert_eq!(reading.owners_of(socket).len(), 1);
}

#[test]
fn a_foreign_socket_held_by_a_process_here() {
    let Some(world) = world() else { return };
    world.add_netns("blue");
    let actor = world.actor(&["import", "/run/netns/blue", "tcp/127.0.0.1:3000"]);
    assert!(list(&world).on_port(3000).is_empty(), "the port is free here");
    let reading = world.portward(&["list", "--json", "--netns", "blue"]).expect(0).reading();
    assert_eq!(reading.owners_of(reading.only(3000)), [actor.pid()]);
}

#[test]
fn a_socket_here_held_by_a_process_elsewhere() {
    let Some(world) = world() else { return };
    world.add_netns("blue");
    let actor = world.actor(&["emigrate", "/run/netns/blue", "tcp/127.0.0.1:3000"]);
    let reading = list(&world);
    assert_eq!(reading.owners_of(reading.only(3000)), [actor.pid()]);
}

#[test]
fn a_stranger_is_told_what_it_may_not_enter() {
    let Some(world) = world() else { return };
    world.add_netns("blue");
    let _there = world.enter().netns("blue").actor(&["listen", "tcp/127.0.0.1:3000"]);
    let outcome = world.enter().stranger().portward(&["list", "--json", "--netns", "all"]);
    let reading = outcome.expect(0).reading();
    assert!(reading.on_port(3000).is_empty());
    assert!(!reading.document()["gaps"].as_array().unwrap().is_empty(), "{:#}", reading.document());
}

#[test]
fn a_namespace_that_does_not_exist() {
    let Some(world) = world() else { return };
    let outcome = world.portward(&["list", "--netns", "bluu"]).expect(2);
    assert!(outcome.stderr.contains("bluu") && outcome.stdout.is_empty(), "{outcome}");
}

#[test]
fn explain_says_that_the_port_is_held_elsewhere() {
    let Some(world) = world() else { return };
    world.add_netns("blue");
    let _there = world.enter().netns("blue").actor(&["listen", "tcp/127.0.0.1:3000"]);
    let outcome = world.portward(&["explain", "127.0.0.1:3000"]);
    assert!(outcome.stdout.contains("blue"), "{outcome}");
}
