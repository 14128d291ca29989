//! A Unix socket is a file, and a path only leads to it: links, other folders, renames, replacements, other namespaces.

use std::path::Path;

use portward_testkit::{Entry, Running, World, program, until};
use serde_json::Value;

use crate::world;

/// A server that takes what comes, and the pid that it told.
struct Server {
    running: Running,
    pid: u64,
}

fn serve(entry: Entry<'_>, kind: &str, name: &str) -> Server {
    let running = entry.start(&["python3", "-c", SERVER, kind, name]);
    let line = running.line_where(|line| line.starts_with("UP "));
    Server { pid: line.trim_start_matches("UP ").trim().parse().unwrap(), running }
}

const SERVER: &str = r"
import os, socket, sys
kind, name = sys.argv[1:]
server = socket.socket(socket.AF_UNIX, getattr(socket, 'SOCK_' + kind))
server.bind(name)
if kind != 'DGRAM': server.listen()
print('UP', os.getpid(), flush=True)
taken = []
while True: taken.append(server.recv(1) if kind == 'DGRAM' else server.accept())
";

fn ends(running: &mut Running) {
    until("its end", || (!running.is_alive()).then_some(()));
}

/// What a path is accused of where its server is not found.
const BLAMED: [&str; 3] = ["stale-unix-socket", "unix-socket-missing", "unix-path-held"];

fn doctor(world: &World, path: &Path) -> Value {
    world.portward(&["doctor", &format!("unix:{}", path.display()), "--json"]).json()
}

fn codes(document: &Value) -> Vec<&str> {
    document["causes"].as_array().unwrap().iter().map(|cause| cause["code"].as_str().unwrap()).collect()
}

/// Every command finds this server behind the path, and none would remove its file.
fn all_find(world: &World, path: &Path, server: &Server, how: &str) {
    let endpoint = format!("unix:{}", path.display());
    let told = doctor(world, path);
    // Whether it took the connection in time is another question.
    assert!(!codes(&told).iter().any(|code| BLAMED.contains(code)), "{how}: {told:#}");
    assert!(!told.to_string().contains("rm -- "), "{how}: {told:#}");
    let explained = world.portward(&["explain", &endpoint, "--json"]).expect(0).json();
    assert_eq!(explained["sockets"][0]["owners"][0]["pid"], server.pid, "{how}: {explained:#}");
    let _ = world.portward(&["wait", &endpoint, "--timeout", "5s"]).expect(0);
    let _ = world.portward(&["wait", &endpoint, "--free", "--timeout", "100ms"]).expect(1);
    let bind = world.portward(&["explain", &endpoint, "--bind", "--json"]).json();
    assert_eq!(
        (&bind["bind"]["possible"], codes_of_bind(&bind)),
        (&Value::Bool(false), vec!["unix-path-held"]),
        "{how}: {bind:#}"
    );
    let document = world.portward(&["free", &endpoint, "--dry-run", "--json"]).json();
    let stopped: Vec<u64> = document["would"].as_array().unwrap().iter().map(|one| one["pid"].as_u64().unwrap()).collect();
    assert_eq!(stopped, [server.pid], "{how}: {document:#}");
}

fn codes_of_bind(document: &Value) -> Vec<&str> {
    document["bind"]["because"].as_array().unwrap().iter().map(|cause| cause["code"].as_str().unwrap()).collect()
}

#[test]
fn a_server_is_found_by_whatever_path_leads_to_its_file() {
    let Some(world) = world() else { return };
    let real = world.path().join("run");
    let link = world.path().join("link");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let by_link = serve(world.enter(), "STREAM", link.join("a.sock").to_str().unwrap());
    all_find(&world, &real.join("a.sock"), &by_link, "bound through a link");
    all_find(&world, &link.join("a.sock"), &by_link, "asked through the link");
    let relative = serve(world.enter().directory(&real), "STREAM", "b.sock");
    all_find(&world, &real.join("b.sock"), &relative, "bound by a relative path");
    let renamed = serve(world.enter(), "SEQPACKET", real.join("c.tmp").to_str().unwrap());
    std::fs::rename(real.join("c.tmp"), real.join("c.sock")).unwrap();
    let endpoint = format!("unix:{}", real.join("c.sock").display());
    let explained = world.portward(&["explain", &endpoint, "--json"]).expect(0).json();
    assert_eq!(explained["sockets"][0]["owners"][0]["pid"], renamed.pid, "{explained:#}");
    let datagram = serve(world.enter(), "DGRAM", link.join("d.sock").to_str().unwrap());
    let endpoint = format!("unix:{}", real.join("d.sock").display());
    let explained = world.portward(&["explain", &endpoint, "--json"]).expect(0).json();
    assert_eq!(explained["sockets"][0]["owners"][0]["pid"], datagram.pid, "{explained:#}");
    let listed = world.portward(&["list", &endpoint, "--json"]).json();
    assert_eq!(
        listed["sockets"].as_array().map(Vec::len),
        Some(1),
        "a question leaves no trace at a datagram socket: {listed:#}"
    );
}

#[test]
fn a_renamed_file_is_its_servers_and_its_old_name_nobodys() {
    let Some(world) = world() else { return };
    let folder = world.path().join("run");
    let (old, new) = (folder.join("new.sock.1"), folder.join("app.sock"));
    let mut server = serve(world.enter(), "STREAM", old.to_str().unwrap());
    std::fs::rename(&old, &new).unwrap();
    all_find(&world, &new, &server, "renamed after the bind");
    let told = doctor(&world, &old);
    assert_eq!(codes(&told), ["unix-socket-missing"], "{told:#}");
    assert!(told["summary"].as_str().unwrap().contains("removed or renamed"), "{told:#}");
    let document = world.portward(&["free", &format!("unix:{}", old.display()), "--yes", "--json"]).expect(0).json();
    assert_eq!(
        (document["freed"].as_array().map(Vec::len), &document["port_free"]),
        (Some(0), &Value::Bool(true)),
        "{document:#}"
    );
    assert!(server.running.is_alive(), "whoever has a file by another name is not who was named");
}

#[test]
fn of_two_that_bound_one_path_the_second_has_it() {
    let Some(world) = world() else { return };
    let path = world.path().join("run/app.sock");
    let mut first = serve(world.enter(), "STREAM", path.to_str().unwrap());
    std::fs::remove_file(&path).unwrap();
    let mut second = serve(world.enter(), "STREAM", path.to_str().unwrap());
    all_find(&world, &path, &second, "replaced");
    let document = world.portward(&["free", &format!("unix:{}", path.display()), "--yes", "--json"]).json();
    assert_eq!(document["freed"][0]["pid"], second.pid, "{document:#}");
    ends(&mut second.running);
    assert!(first.running.is_alive());
    // Its file is nobody's now, though the first one still has a socket of that name.
    let told = doctor(&world, &path);
    assert_eq!(codes(&told).first(), Some(&"stale-unix-socket"), "{told:#}");
    assert!(told.to_string().contains(&format!("(pid {})", first.pid)), "{told:#}");
}

#[test]
fn a_server_of_another_network_namespace_is_behind_the_path_all_the_same() {
    let Some(world) = world() else { return };
    world.add_netns("blue");
    let path = world.path().join("run/blue.sock");
    let mut server = serve(world.enter().netns("blue"), "STREAM", path.to_str().unwrap());
    all_find(&world, &path, &server, "in another network namespace");
    let document = world.portward(&["free", &format!("unix:{}", path.display()), "--yes", "--json"]).json();
    assert_eq!(document["freed"][0]["pid"], server.pid, "{document:#}");
    ends(&mut server.running);
}

#[test]
fn a_server_whose_namespace_may_not_be_entered_is_neither_nobody_nor_stale() {
    let Some(world) = world() else { return };
    world.add_netns("blue");
    let path = world.path().join("run/hidden.sock");
    let mut server = serve(world.enter().netns("blue"), "STREAM", path.to_str().unwrap());
    let _ = world.run(&["chmod", "0777", path.to_str().unwrap(), path.parent().unwrap().to_str().unwrap()]).expect(0);
    let endpoint = format!("unix:{}", path.display());
    let stranger = |arguments: &[&str]| world.enter().stranger().portward(arguments);
    let told = stranger(&["doctor", &endpoint, "--json"]).json();
    assert!(!codes(&told).iter().any(|code| BLAMED.contains(code)) && !told.to_string().contains("rm -- "), "{told:#}");
    let _ = stranger(&["wait", &endpoint, "--timeout", "5s"]).expect(0);
    let explained = stranger(&["explain", &endpoint]).stdout;
    assert!(explained.contains("could not be seen") && !explained.contains("Nothing listens"), "{explained}");
    let freed = stranger(&["free", &endpoint, "--yes", "--json"]).expect(1).json();
    assert_eq!((&freed["port_free"], &freed["because"][0]["code"]), (&Value::Bool(false), &"unix-path-held".into()), "{freed:#}");
    assert!(server.running.is_alive());
}

#[test]
fn a_datagram_server_is_waited_for() {
    let Some(world) = world() else { return };
    let path = world.path().join("run/log.sock");
    let _server = serve(world.enter(), "DGRAM", path.to_str().unwrap());
    let _ = world.portward(&["wait", &format!("unix:{}", path.display()), "--timeout", "5s"]).expect(0);
}

#[test]
fn the_same_path_in_another_mount_namespace_is_another_file() {
    let Some(world) = world() else { return };
    let private = world.path().join("private");
    std::fs::create_dir(&private).unwrap();
    world.give(&private);
    let path = private.join("app.sock");
    let inside = format!("mount -t tmpfs none {} && exec \"$@\"", private.display());
    let through = ["unshare", "--mount", "--", "sh", "-c", &inside, "sh"];
    let mut server = serve(world.enter().through(&through), "STREAM", path.to_str().unwrap());
    let told = doctor(&world, &path);
    assert_eq!(codes(&told), ["unix-socket-missing"], "{told:#}");
    assert!(told["summary"].as_str().unwrap().contains("another mount namespace"), "{told:#}");
    let freed = || world.portward(&["free", &format!("unix:{}", path.display()), "--yes", "--json"]).json();
    let document = freed();
    assert_eq!(
        (document["freed"].as_array().map(Vec::len), &document["port_free"]),
        (Some(0), &Value::Bool(true)),
        "{document:#}"
    );
    // A file that was left here is stale, whatever has its name elsewhere.
    let mut left = serve(world.enter(), "STREAM", path.to_str().unwrap());
    let document = freed();
    assert_eq!(document["freed"][0]["pid"], left.pid, "{document:#}");
    assert_eq!(codes(&doctor(&world, &path)).first(), Some(&"stale-unix-socket"));
    ends(&mut left.running);
    assert!(server.running.is_alive());
}

#[test]
fn the_file_that_stays_is_told_and_its_removal_offered() {
    let Some(world) = world() else { return };
    let path = world.path().join("run/left.sock");
    let endpoint = format!("unix:{}", path.display());
    let _server = serve(world.enter(), "STREAM", path.to_str().unwrap());
    let outcome = world.portward(&["free", &endpoint, "--yes"]).expect(1);
    assert!(
        outcome.stdout.contains("cannot be bound") && outcome.stdout.contains(&format!("rm -- {}", path.display())),
        "{outcome}"
    );
    let document = world.portward(&["free", &endpoint, "--yes", "--json"]).expect(1).json();
    assert_eq!((&document["port_free"], &document["because"][0]["code"]), (&Value::Bool(false), &"stale-unix-socket".into()));
    let waited = world.portward(&["wait", &endpoint, "--free", "--timeout", "100ms"]).expect(1);
    assert!(format!("{}{}", waited.stdout, waited.stderr).contains("until it is removed"), "{waited}");
    let document = world.portward(&["free", &endpoint, "--yes", "--remove", "--json"]).expect(0).json();
    assert_eq!((&document["port_free"], &document["removed"][0]), (&Value::Bool(true), &path.to_str().unwrap().into()));
    assert!(!path.exists());
    // A live one is stopped first, and its file goes with it.
    let _server = serve(world.enter(), "STREAM", path.to_str().unwrap());
    let _ = world.portward(&["free", &endpoint, "--yes", "--remove"]).expect(0);
    assert!(!path.exists());
    let _ = world.portward(&["wait", &endpoint, "--free", "--timeout", "5s"]).expect(0);
}

#[test]
fn an_ordinary_file_is_never_offered_for_removal() {
    let Some(world) = world() else { return };
    let path = world.file("notes.txt", "mine");
    let endpoint = format!("unix:{}", path.display());
    for arguments in [vec!["doctor", &endpoint], vec!["free", &endpoint, "--yes"], vec!["explain", &endpoint, "--bind"]] {
        let outcome = world.portward(&arguments);
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(said.contains("ordinary file") && !said.contains("rm "), "{outcome}");
    }
}

#[test]
fn redis_by_a_link_is_redis() {
    let Some(world) = world() else { return };
    if program("redis-server").is_none() {
        return portward_testkit::skip("redis-server");
    }
    let real = world.path().join("run");
    let link = world.path().join("var-run");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let socket = link.join("redis.sock");
    let arguments =
        ["redis-server", "--port", "0", "--save", "", "--dir", real.to_str().unwrap(), "--unixsocket", socket.to_str().unwrap()];
    let mut redis = world.enter().start(&arguments);
    let endpoint = format!("unix:{}", real.join("redis.sock").display());
    let _ = world.portward(&["wait", &endpoint, "--timeout", "20s"]).expect(0);
    let told = doctor(&world, &real.join("redis.sock"));
    assert!(!codes(&told).iter().any(|code| BLAMED.contains(code)), "{told:#}");
    let document = world.portward(&["free", &endpoint, "--yes", "--json"]).expect(0).json();
    assert!(document["freed"][0]["name"].as_str().unwrap().contains("redis"), "{document:#}");
    assert_eq!(document["port_free"], true, "it removes its own file: {document:#}");
    ends(&mut redis);
}
