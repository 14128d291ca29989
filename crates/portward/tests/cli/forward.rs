//! `portward forward`: what arrives at one place is passed on to another.

mod netns;

use std::path::PathBuf;

use portward_testkit::{Running, World, until};
use serde_json::Value;

use crate::run::Stage;

/// A server that sends back what it gets until its client ends, at 127.0.0.1:3000 and at a Unix socket.
fn echo(world: &World) -> (Running, PathBuf) {
    let (script, path) = (world.file("echo.py", ECHO), world.file("s/none", "").with_file_name("echo.sock"));
    world.give(path.parent().unwrap());
    let running = world.enter().start(&["python3", script.to_str().unwrap(), path.to_str().unwrap()]);
    assert_eq!(running.line(), "READY", "{}", running.stderr());
    (running, path)
}

/// A forward that listens.
fn begun(world: &World, words: &[&str]) -> Running {
    let running = world.enter().start_portward(&[&["forward", "--json"][..], words].concat());
    let first = running.json_where(|line| line["kind"] == "listening");
    assert!(first["pid"].is_u64(), "{first:#}");
    running
}

/// What a client of a place hears back of what it says, after it has said its end.
fn heard(world: &World, place: &str, said: &str) -> String {
    let client = world.file("client.py", CLIENT);
    world.run(&["python3", client.to_str().unwrap(), place, said]).stdout.trim_end().to_owned()
}

fn closed(running: &Running) -> Value {
    running.json_where(|line| line["kind"] == "closed")
}

#[test]
fn each_kind_of_stream_leads_to_each_on_both_families_and_to_nobody_else() {
    let Some(world) = crate::world() else { return };
    let neighbour = world.add_neighbour();
    let (_server, path) = echo(&world);
    let path = format!("unix:{}", path.display());
    let own = path.replace("echo", "own");
    let by_tcp = begun(&world, &["3000", "8080"]);
    let to_unix = begun(&world, &[&path, "8081"]);
    let at_unix = begun(&world, &["3000", &own]);
    let abstracted = begun(&world, &["8081", "unix:@pass"]);
    for place in ["127.0.0.1:8080", "::1:8080", "127.0.0.1:8081", "::1:8081", &own, "unix:@pass"] {
        assert_eq!(heard(&world, place, "hello"), "hello", "{place}");
    }
    for running in [&by_tcp, &to_unix, &at_unix, &abstracted] {
        let line = closed(running);
        assert_eq!((&line["sent_bytes"], &line["how"]), (&5.into(), &"whole".into()), "{line:#}");
    }
    // Every bit of a megabyte, though the client ends first.
    assert_eq!(heard(&world, &own, "BIG"), "WHOLE");
    let mode = world.run(&["stat", "-c", "%a", own.strip_prefix("unix:").unwrap()]);
    assert_eq!(mode.stdout, "600\n");
    for port in [8080, 8081] {
        assert!(neighbour.reaches_port(&world, port).is_empty(), "{port}");
    }
    let sockets = world.portward(&["list", "8080", "--json"]).expect(0).reading();
    for socket in sockets.on_port(8080) {
        assert_eq!((&socket["scope"], &socket["device"]), (&"loopback".into(), &"lo".into()), "{socket:#}");
    }
    // It explains itself.
    let told = world.portward(&["explain", "8080"]).expect(0);
    assert!(told.stdout.contains("forwards to 3000"), "{told}");
    let freed = world.portward(&["free", "8080", "--yes"]).expect(1);
    assert!(freed.stdout.contains("portward forward remove"), "{freed}");
    let rows = world.portward(&["forward", "list", "--json"]).expect(0).json();
    assert_eq!(rows["forwards"].as_array().unwrap().len(), 4, "{rows:#}");
    assert_eq!(
        (&rows["forwards"][0]["at"], &rows["forwards"][0]["target"]),
        (&"127.0.0.1:8080".into(), &"3000".into()),
        "{rows:#}"
    );
    let text = world.portward(&["forward", "list"]).expect(0);
    assert!(text.stdout.contains("127.0.0.1:8080, [::1]:8080 -> 3000"), "{text}");
    let ended = world.portward(&["forward", "remove", "8080"]).expect(0);
    assert!(ended.stdout.contains("-> 3000"), "{ended}");
    assert_eq!(heard(&world, "127.0.0.1:8080", "x"), "REFUSED");
    let unknown = world.portward(&["forward", "remove", "8080"]).expect(1);
    assert!(unknown.stderr.contains("No forward is called 8080"), "{unknown}");
    let _ = world.portward(&["forward", "remove", "--all"]).expect(0);
    until("the file is gone with its forward", || {
        (!std::path::Path::new(own.strip_prefix("unix:").unwrap()).exists()).then_some(())
    });
}

#[test]
fn a_target_may_be_the_name_of_a_service_and_the_port_is_the_same_every_time() {
    let Some(stage) = Stage::new() else { return };
    let _web = stage.server(&stage.one, &["--name", "web"], "one", &["tcp", "::", "3000"]);
    let begin = || {
        let said = stage.portward(&stage.one, &["forward", "web", "--detach", "--json"]).expect(0);
        let line = said.lines_json().remove(0);
        line["listens"][0].as_str().unwrap().rsplit_once(':').unwrap().1.to_owned()
    };
    let port = begin();
    assert_eq!(stage.heard(&format!("127.0.0.1 {port}")), "one");
    assert_eq!(stage.heard(&format!("::1 {port}")), "one");
    let _ = stage.world.portward(&["forward", "remove", "web"]).expect(0);
    assert_eq!(begin(), port);
    // The project's own number means its port, and another project's does not.
    let own = stage.portward(&stage.one, &["forward", "3000", "8080", "--detach", "--json"]).expect(0).lines_json().remove(0);
    assert!(own["notes"][0].as_str().unwrap().contains("one's 3000"), "{own:#}");
    assert_eq!(stage.heard("127.0.0.1 8080"), "one");
    let unknown = stage.portward(&stage.two, &["forward", "nobody"]).expect(2);
    assert!(unknown.stderr.contains("no service or project of that name"), "{unknown}");
    let _ = stage.world.portward(&["forward", "remove", "--all"]).expect(0);
}

#[test]
fn what_cannot_be_is_said_with_who_has_it() {
    let Some(world) = crate::world() else { return };
    let (_server, path) = echo(&world);
    let path = path.to_str().unwrap();
    let file = world.file("s/plain.txt", "mine");
    let long = format!("/tmp/{}", "x".repeat(104));
    for (words, said) in [
        (&["3000", "3000"][..], "would be forwarded to itself"),
        (&["3001", "3000"], "Port 3000 is held by echo (pid"),
        (&["3000", "10.0.0.1:80"], "listens on the loopback alone"),
        (&["udp/53", "tcp/5353"], "cannot be passed on as the other"),
        (&["3000", "udp/5353"], "cannot be passed on as the other"),
        (&["3000", path], "is a socket that somebody has"),
        (&["3000", file.to_str().unwrap()], "is no socket, and is left as it is"),
        (&["3000", &long], "has 109 bytes"),
        (&["3000", "/nowhere/x.sock"], "The folder of /nowhere/x.sock is not there"),
        (&["3000", "8080", "--mode", "0600"], "it does not listen at one"),
        (&["3000", "8080", "--allow-uid", "nobody-is-called-so"], "knows no user"),
        (&["udp/53", "./dns.sock", "--allow-uid", "0"], "does not say whose it is"),
        (&["70000"], "is no endpoint"),
    ] {
        let refused = world.portward(&[&["forward"], words].concat()).expect(2);
        assert!(refused.stderr.contains(said) && refused.stdout.is_empty(), "{words:?}: {refused}");
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), "mine");
    // Through another one, it is a loop all the same.
    let _first = begun(&world, &["8082", "8081"]);
    let around = world.portward(&["forward", "8081", "8082"]).expect(2);
    assert!(around.stderr.contains("forwarded to itself, through the forward of pid"), "{around}");
}

#[test]
fn a_target_that_nobody_serves_is_said_and_reached_when_it_comes() {
    let Some(world) = crate::world() else { return };
    let running = begun(&world, &["3000", "8080"]);
    assert_eq!(heard(&world, "127.0.0.1:8080", "x"), "RESET");
    let line = closed(&running);
    assert_eq!(line["how"], "refused", "{line:#}");
    assert!(line["because"].as_str().unwrap().contains("3000"), "{line:#}");
    let (_server, _) = echo(&world);
    assert_eq!(heard(&world, "::1:8080", "x"), "x");
    // One connection, and its end says how it went.
    let once = world.enter().start_portward(&["forward", "3001", "8081", "--once"]);
    let _ = once.line_where(|line| line.contains("-> 3001"));
    assert_eq!(heard(&world, "127.0.0.1:8081", "x"), "RESET");
    let mut once = once;
    until("it ends", || (!once.is_alive()).then_some(()));
    let said = once.stderr();
    assert!(said.contains("Nobody serves 3001 yet") && said.contains("1 connection;"), "{said}");
}

#[test]
fn what_was_killed_is_named_once_and_leaves_nothing() {
    let Some(world) = crate::world() else { return };
    let (_server, path) = echo(&world);
    let own = path.with_file_name("own.sock");
    let own = own.to_str().unwrap();
    for place in ["8080", own] {
        let said = world.portward(&["forward", "3000", place, "--detach", "--json"]).expect(0).lines_json().remove(0);
        let client = world.actor(&["connect", "tcp/127.0.0.1:3000"]);
        world.signal(said["pid"].as_u64().unwrap(), "KILL");
        until("it is gone", || {
            let rows = world.portward(&["forward", "list", "--json"]).expect(0).json();
            (!rows["lost"].as_array().unwrap().is_empty()).then(|| assert_eq!(rows["lost"][0]["target"], "3000", "{rows:#}"))
        });
        let rows = world.portward(&["forward", "list", "--json"]).expect(0).json();
        assert_eq!((&rows["lost"], &rows["forwards"]), (&Value::Array(Vec::new()), &Value::Array(Vec::new())), "{rows:#}");
        drop(client);
        // One that is asked to end by a signal leaves nothing to be named.
        let said = world.portward(&["forward", "3000", place, "--detach", "--json"]).expect(0).lines_json().remove(0);
        world.signal(said["pid"].as_u64().unwrap(), "TERM");
        until("it has ended in order", || {
            let rows = world.portward(&["forward", "list", "--json"]).expect(0).json();
            assert!(rows["lost"].as_array().unwrap().is_empty(), "{rows:#}");
            rows["forwards"].as_array().unwrap().is_empty().then_some(())
        });
        // Its place is free again, and a socket that it left is replaced.
        let _ = world.portward(&["forward", "3000", place, "--detach"]).expect(0);
        assert_eq!(heard(&world, if place == own { own } else { "127.0.0.1:8080" }, "again"), "again");
        let _ = world.portward(&["forward", "remove", "--all"]).expect(0);
    }
}

#[test]
fn a_crowd_is_served_and_beyond_the_limit_it_is_said() {
    let Some(world) = crate::world() else { return };
    let (_server, _) = echo(&world);
    let crowd = world.file("crowd.py", CROWD);
    let crowd = crowd.to_str().unwrap();
    let many = begun(&world, &["3000", "8080"]);
    let clients = world.run(&["python3", crowd, "8080", "1000"]).expect(0);
    assert_eq!(clients.stdout, "1000 0\n", "{clients}");
    drop(many);
    let few = ["prlimit", "--nofile=100:100", "--"];
    let running = world.enter().through(&few).start_portward(&["forward", "3000", "8081"]);
    let _ = running.line_where(|line| line.contains("-> 3000"));
    let clients = world.run(&["python3", crowd, "8081", "60"]).expect(0);
    assert_eq!(clients.stdout, "18 42\n", "{clients}");
    let said = running.line_where(|line| line.contains("no room"));
    assert!(said.contains("as many descriptors as it may have"), "{said}");
    until("there is room again", || (heard(&world, "127.0.0.1:8081", "x") == "x").then_some(()));
}

#[test]
fn a_client_that_never_reads_makes_its_server_wait_and_others_go_on() {
    let Some(world) = crate::world() else { return };
    let (_server, _) = echo(&world);
    let _running = begun(&world, &["3000", "8080"]);
    let deaf = world.file("deaf.py", DEAF);
    let deaf = world.enter().start(&["python3", deaf.to_str().unwrap(), "8080"]);
    // It could send no more, though nobody holds what it sent.
    assert_eq!(deaf.line(), "FULL");
    assert_eq!(heard(&world, "127.0.0.1:8080", "BIG"), "WHOLE");
}

#[test]
fn datagrams_find_their_clients() {
    let Some(stage) = Stage::new() else { return };
    let _server = stage.plain("one", &["udp", "::", "5353"]);
    let running = begun(&stage.world, &["udp/5353", "8053", "--idle", "300ms"]);
    for _ in 0..3 {
        assert_eq!(stage.heard("127.0.0.1 8053 udp"), "one");
    }
    let line = closed(&running);
    assert_eq!(line["how"], "idle", "{line:#}");
    let rows = stage.world.portward(&["forward", "list", "--json"]).expect(0).json();
    assert_eq!((&rows["forwards"][0]["transport"], &rows["forwards"][0]["total"]), (&"udp".into(), &3.into()), "{rows:#}");
}

#[test]
fn only_the_user_who_is_named_may_connect() {
    let Some(world) = crate::world() else { return };
    let (_server, path) = echo(&world);
    let own = path.with_file_name("own.sock");
    let own = own.to_str().unwrap();
    let _tcp = begun(&world, &["3000", "8080", "--allow-uid", "4321"]);
    let _unix = begun(&world, &["3000", own, "--allow-uid", "4321", "--mode", "0666"]);
    for place in ["127.0.0.1:8080", own] {
        let said = heard(&world, place, "x");
        assert!(said != "x", "{place}: {said}");
    }
    let uid = world.run(&["id", "-u"]).stdout.trim_end().to_owned();
    let _own = begun(&world, &["3000", "8081", "--allow-uid", &uid]);
    assert_eq!(heard(&world, "::1:8081", "x"), "x");
}

const ECHO: &str = r#"
import socket, sys, threading
def serve(listener):
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=echo, args=(conn,), daemon=True).start()
def echo(conn):
    try:
        while True:
            data = conn.recv(65536)
            if not data: break
            conn.sendall(data)
        conn.shutdown(socket.SHUT_WR)
    except OSError: pass
    conn.close()
tcp = socket.socket(); tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); tcp.bind(("127.0.0.1", 3000)); tcp.listen(4096)
unix = socket.socket(socket.AF_UNIX); unix.bind(sys.argv[1]); unix.listen(64)
threading.Thread(target=serve, args=(unix,), daemon=True).start()
print("READY", flush=True)
serve(tcp)
"#;

const CLIENT: &str = r#"
import socket, sys, threading
place, said = sys.argv[1], sys.argv[2]
try:
    if place.startswith(("unix:", "/")):
        path = place.removeprefix("unix:")
        conn = socket.socket(socket.AF_UNIX); conn.connect("\0" + path[1:] if path.startswith("@") else path)
    else:
        host, port = place.rsplit(":", 1)
        conn = socket.create_connection((host, int(port)))
    conn.settimeout(60)
    whole = bytes(range(256)) * 4096 if said == "BIG" else said.encode()
    def send():
        try:
            conn.sendall(whole); conn.shutdown(socket.SHUT_WR)
        except OSError: pass
    threading.Thread(target=send).start()
    heard = b""
    while True:
        data = conn.recv(65536)
        if not data: break
        heard += data
    print(("WHOLE" if heard == whole else len(heard)) if said == "BIG" else heard.decode() or "RESET")
except ConnectionRefusedError:
    print("REFUSED")
except OSError:
    print("RESET")
"#;

const CROWD: &str = r#"
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
port, number = int(sys.argv[1]), int(sys.argv[2])
conns, served, reset = [], 0, 0
for _ in range(number):
    conn = socket.create_connection(("127.0.0.1", port)); conn.settimeout(60); conns.append(conn)
for conn in conns:
    try:
        conn.sendall(b"x"); ok = conn.recv(1) == b"x"
    except OSError: ok = False
    served += ok; reset += not ok
print(served, reset)
"#;

const DEAF: &str = r#"
import socket, sys, time
conn = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
conn.setblocking(False)
last, sent = time.monotonic(), 0
while time.monotonic() - last < 1:
    try:
        sent += conn.send(b"x" * 65536); last = time.monotonic()
        assert sent < 1 << 30
    except BlockingIOError: time.sleep(0.01)
print("FULL", flush=True)
time.sleep(1000)
"#;
