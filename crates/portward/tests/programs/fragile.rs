//! Listeners for which one connection is an event: used up, started or stored.

use std::fs;

use portward_testkit::{World, program};
use serde_json::Value;

use crate::{
    unharmed::{Expected, asked_in_every_way, doctor, listens, says},
    world,
};

#[test]
fn netcat_serves_its_one_client_afterwards() {
    let Some(world) = world() else { return };
    if program("nc.openbsd").is_none() {
        return;
    }
    let mut server = world.enter().start(&["nc.openbsd", "-l", "127.0.0.1", "8080"]);
    listens(&world, 8080);
    asked_in_every_way(&world, 8080, Expected { because: "", says: "healthy" });
    server.tell("hello, client");
    let mut client = world.enter().start(&["nc.openbsd", "127.0.0.1", "8080"]);
    assert_eq!(client.line(), "hello, client");
    client.tell("hello, server");
    assert_eq!(server.line(), "hello, server");
}

#[test]
fn socat_serves_its_one_client_afterwards() {
    let Some(world) = world() else { return };
    if program("socat").is_none() {
        return;
    }
    // The usual backlog: only its command line tells that it takes one client.
    let mut server = world.enter().start(&["socat", "TCP-LISTEN:8080,bind=127.0.0.1,reuseaddr", "STDIO"]);
    listens(&world, 8080);
    asked_in_every_way(&world, 8080, Expected { because: "one connection", says: "healthy" });
    server.tell("hello, client");
    let client = world.enter().start(&["socat", "TCP:127.0.0.1:8080", "STDIO"]);
    assert_eq!(client.line(), "hello, client");
}

#[test]
fn a_backlog_of_one() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["listen", "tcp/127.0.0.1:62893,backlog=1"]);
    asked_in_every_way(&world, 62893, Expected { because: "backlog", says: "healthy" });
    let _client = world.actor(&["connect", "tcp/127.0.0.1:62893"]);
    assert!(actor.ask("accept 0", "ACCEPTED").is_object(), "the first that it accepts is the client");
}

/// Started by whoever holds the listener, for the first connection.
const SERVICE: &str = "#!/bin/sh\necho started >> \"$(dirname \"$0\")/started\"\nexec cat\n";

fn service(world: &World) -> String {
    let path = world.file("home/service", SERVICE);
    let _ = world.run(&["chmod", "755", path.to_str().unwrap()]).expect(0);
    path.display().to_string()
}

#[track_caller]
fn is_not_started(world: &World) {
    assert!(!world.path().join("home/started").exists(), "a connection started it");
}

/// The service starts for a real client, so that "it was not started" is worth something.
#[track_caller]
fn starts_for_a_client(world: &World, port: u16) {
    let client = world.actor(&["connect", &format!("tcp/127.0.0.1:{port}")]);
    portward_testkit::until("the service", || world.path().join("home/started").exists().then_some(()));
    drop(client);
}

#[test]
fn a_service_that_systemd_starts_on_demand() {
    let Some(world) = world() else { return };
    if program("systemd-socket-activate").is_none() {
        return;
    }
    let _keeper = world.enter().start(&["systemd-socket-activate", "--listen=127.0.0.1:8080", &service(&world)]);
    listens(&world, 8080);
    asked_in_every_way(&world, 8080, Expected { because: "start it", says: "healthy" });
    is_not_started(&world);
    starts_for_a_client(&world, 8080);
}

#[test]
fn a_service_that_inetd_starts_on_demand() {
    let Some(world) = world() else { return };
    if program("inetd").is_none() {
        return;
    }
    let line = format!("127.0.0.1:8080 stream tcp nowait root {} service\n", service(&world));
    let settings = world.file("home/inetd.conf", line);
    let _ = world.run(&["chmod", "644", settings.to_str().unwrap()]).expect(0);
    let _keeper = world.enter().start(&["inetd", "-d", "-i", settings.to_str().unwrap()]);
    listens(&world, 8080);
    asked_in_every_way(&world, 8080, Expected { because: "start it", says: "healthy" });
    is_not_started(&world);
    starts_for_a_client(&world, 8080);
}

/// Appends whatever it is sent to a file, and counts its clients in another.
const INGEST: &str = r#"
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
print("READY", flush=True)
clients = 0
while True:
    client, _ = server.accept()
    clients += 1
    open(sys.argv[3], "w").write(str(clients))
    with open(sys.argv[2], "ab") as file:
        while data := client.recv(4096):
            file.write(data)
            file.flush()
"#;

#[test]
fn a_port_that_keeps_what_it_is_sent() {
    let Some(world) = world() else { return };
    if program("python3").is_none() {
        return;
    }
    // One is known by its port, one by its name.
    for (name, port) in [("server.py", 5170_u16), ("log_collector.py", 9000)] {
        let script = world.file(&format!("home/{name}"), INGEST);
        let (kept, count) = (world.file(&format!("home/{port}.log"), ""), world.file(&format!("home/{port}.count"), "0"));
        let words = ["python3", script.to_str().unwrap(), &port.to_string(), kept.to_str().unwrap(), count.to_str().unwrap()];
        let server = world.enter().start(&words);
        assert_eq!(server.line(), "READY");
        asked_in_every_way(&world, port, Expected { because: "keeps whatever it is sent", says: "healthy" });
        assert_eq!(fs::read(&kept).unwrap(), b"", "{name}");
        assert_eq!(fs::read_to_string(&count).unwrap(), "0", "{name}");
    }
}

#[test]
fn tools_that_keep_what_they_are_sent() {
    let Some(world) = world() else { return };
    if program("socat").is_none() || program("nc.openbsd").is_none() {
        return;
    }
    let (by_socat, by_nc) = (world.file("home/socat.log", ""), world.file("home/nc.log", ""));
    let open = format!("OPEN:{},append", by_socat.display());
    let _socat = world.enter().start(&["socat", "-u", "TCP-LISTEN:9000,bind=127.0.0.1,reuseaddr,fork", &open]);
    listens(&world, 9000);
    asked_in_every_way(&world, 9000, Expected { because: "keeps whatever it is sent", says: "healthy" });
    assert_eq!(fs::read(&by_socat).unwrap(), b"");
    let script = format!("exec nc.openbsd -k -l 127.0.0.1 9001 >> {}", by_nc.display());
    let _nc = world.enter().start(&["sh", "-c", &script]);
    listens(&world, 9001);
    asked_in_every_way(&world, 9001, Expected { because: "", says: "healthy" });
    assert_eq!(fs::read(&by_nc).unwrap(), b"");
}

#[test]
fn what_may_be_dialled_is_dialled() {
    let Some(world) = world() else { return };
    // The other tests mean nothing where the doctor never connects.
    let _server = world.actor(&["web", "tcp/127.0.0.1:8080"]);
    let answer = doctor(&world, &["127.0.0.1:8080"]);
    assert_eq!(says(&answer), "healthy", "{answer:#}");
    assert_ne!(answer["probes"], Value::Array(Vec::new()), "{answer:#}");
}
