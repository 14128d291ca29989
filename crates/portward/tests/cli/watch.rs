//! `portward watch`: endpoints that open, close, change owner or reach.

use portward_testkit::{Running, World, until};
use serde_json::Value;

use crate::world;

fn is(event: &Value, kind: &str, port: u64) -> bool {
    event["kind"] == kind && event["socket"]["local"]["port"] == port
}

/// Opens a listener on 2999 and closes it again and again until the stream says so: from then on nothing is missed.
fn awake(watching: &Running, world: &World) {
    until("the watcher's first word", || {
        let _caller = world.actor(&["listen", "tcp/127.0.0.1:2999"]);
        watching.line_soon().filter(|line| line.contains("2999"))
    });
}

#[test]
fn opened_and_closed_as_documents() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["listen"]);
    let watching = world.enter().start_portward(&["watch", "--json"]);
    awake(&watching, &world);
    actor.ask("open tcp/127.0.0.1:3000", "OPENED");
    let event = watching.json_where(|event| is(event, "opened", 3000));
    assert_eq!(event["schema_version"], 1, "{event:#}");
    assert!(event["at"].as_str().is_some_and(|at| at.contains('T')), "{event:#}");
    assert_eq!(event["socket"]["owners"][0]["pid"], actor.pid(), "{event:#}");
    actor.ask("close 0", "CLOSED");
    watching.json_where(|event| is(event, "closed", 3000));
}

#[test]
fn one_line_each_as_text() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["listen"]);
    let mut watching = world.enter().start_portward(&["watch"]);
    awake(&watching, &world);
    actor.ask("open tcp/127.0.0.1:3000", "OPENED");
    let line = watching.line_where(|line| line.contains("3000"));
    assert!(line.contains("open") && line.contains(&actor.pid().to_string()), "{line}");
    actor.ask("close 0", "CLOSED");
    let line = watching.line_where(|line| line.contains("3000"));
    assert!(line.contains("close"), "{line}");
    assert!(watching.is_alive());
}

#[test]
fn filters_hold() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["listen"]);
    let watching = world.enter().start_portward(&["watch", "2999", "3000", "--json"]);
    awake(&watching, &world);
    actor.ask("open tcp/127.0.0.1:4000", "OPENED");
    actor.ask("open tcp/127.0.0.1:3000", "OPENED");
    let next = watching.json_where(|event| event["kind"] == "opened" && event["socket"]["local"]["port"] != 2999);
    assert_eq!(next["socket"]["local"]["port"], 3000, "{next:#}");
}

#[test]
fn datagram_sockets_too() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["listen"]);
    let watching = world.enter().start_portward(&["watch", "--json"]);
    awake(&watching, &world);
    actor.ask("open udp/127.0.0.1:53", "OPENED");
    watching.json_where(|event| is(event, "opened", 53) && event["socket"]["transport"] == "udp");
}

#[test]
fn a_port_that_changes_hands() {
    let Some(world) = world() else { return };
    let mut first = world.actor(&["listen"]);
    let mut second = world.actor(&["listen"]);
    let watching = world.enter().start_portward(&["watch", "--json"]);
    awake(&watching, &world);
    first.ask("open tcp/127.0.0.1:3000", "OPENED");
    watching.json_where(|event| is(event, "opened", 3000));
    first.ask("close 0", "CLOSED");
    second.ask("open tcp/127.0.0.1:3000", "OPENED");
    // Closed and opened, or one change of owner: the last word names the new one.
    watching.json_where(|event| {
        (is(event, "opened", 3000) || is(event, "owner", 3000)) && event["socket"]["owners"][0]["pid"] == second.pid()
    });
}

#[test]
fn a_reach_that_grows_with_the_machines_addresses() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["listen"]);
    let watching = world.enter().start_portward(&["watch", "--json"]);
    awake(&watching, &world);
    actor.ask("open tcp/0.0.0.0:3000", "OPENED");
    watching.json_where(|event| is(event, "opened", 3000));
    world.add_lan("eth0", "192.168.77.1/24");
    watching.json_where(|event| is(event, "reach", 3000));
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["listen"]);
    let command = "\"$0\" watch | head -n 1";
    let mut watching = world.enter().start(&["sh", "-c", command, world.portward_path().to_str().unwrap()]);
    for port in 3000.. {
        actor.ask(&format!("open tcp/127.0.0.1:{port}"), "OPENED");
        if !watching.is_alive() {
            break;
        }
    }
    assert!(!watching.stderr().contains("panic") && !watching.stderr().contains("roken pipe"), "{}", watching.stderr());
}

#[test]
fn interrupted_it_ends_at_once_and_leaves_nothing() {
    let Some(world) = world() else { return };
    let mut watching =
        world.enter().start(&["sh", "-c", "echo PID $$; exec \"$0\" watch", world.portward_path().to_str().unwrap()]);
    let line = watching.line_where(|line| line.starts_with("PID "));
    world.signal(line[4..].trim().parse().unwrap(), "INT");
    let _ = watching.end();
    assert!(!watching.stderr().contains("panic"), "{}", watching.stderr());
}

#[test]
fn notify_calls_the_desktop() {
    let Some(world) = world() else { return };
    let heard = world.path().join("home/heard");
    let script = format!("#!/bin/sh\nprintf '%s|' \"$@\" >>{0}\necho >>{0}\n", heard.display());
    let fake = world.file("home/bin/notify-send", script);
    let _ = world.run(&["chmod".as_ref(), "755".as_ref(), fake.as_os_str()]).expect(0);
    let path = format!("{}:/usr/bin:/bin", world.path().join("home/bin").display());
    let watching = world.enter().env("PATH", path).start_portward(&["watch", "--notify", "--json"]);
    awake(&watching, &world);
    let text = until("a notification", || std::fs::read_to_string(&heard).ok().filter(|text| text.contains("2999")));
    assert!(text.to_lowercase().contains("portward") || text.contains("open"), "{text}");
}
