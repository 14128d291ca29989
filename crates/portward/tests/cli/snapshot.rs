//! `portward snapshot`: the whole reading as one file.

use serde_json::Value;

use crate::world;

#[test]
fn to_stdout_and_to_a_file() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let printed = world.portward(&["snapshot"]).expect(0);
    let document: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert_eq!(document["schema_version"], 1);
    assert!(printed.stdout.contains(&actor.pid().to_string()));
    let file = world.path().join("home/machine.json");
    let outcome = world.portward(&["snapshot", "--out", file.to_str().unwrap()]).expect(0);
    assert!(!outcome.stdout.contains("\"sockets\""), "the file has it: {outcome}");
    let written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(written["schema_version"], 1);
}

#[test]
fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::MetadataExt;
    let Some(world) = world() else { return };
    let file = world.path().join("home/machine.json");
    let _ = world.portward(&["snapshot", "--out", file.to_str().unwrap()]).expect(0);
    let mode = std::fs::metadata(&file).unwrap().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}

#[test]
fn secrets_are_masked() {
    let Some(world) = world() else { return };
    let code = "import socket,sys; s=socket.create_server(('127.0.0.1',3000)); print('READY', flush=True); sys.stdin.read()";
    let argv = ["python3", "-c", code, "--password=hunter2", "postgres://ana:hunter2@db/shop"];
    let server = world.enter().env("API_TOKEN", "hunter2").start(&argv);
    server.line_where(|line| line == "READY");
    let printed = world.portward(&["snapshot"]).expect(0);
    assert!(!printed.stdout.contains("hunter2"));
}

#[test]
fn a_file_that_cannot_be_written() {
    let Some(world) = world() else { return };
    for path in ["/nonexistent/folder/x.json", "/proc/x.json"] {
        let outcome = world.portward(&["snapshot", "--out", path]).expect(2);
        assert!(outcome.stderr.contains(path), "{outcome}");
    }
}

#[test]
fn a_full_disk_is_told() {
    let Some(world) = world() else { return };
    // A file system of the world's own, with no room left on it.
    let disk = world.path().join("run");
    let disk = disk.to_str().unwrap();
    let _ = world.run(&["mount", "-t", "tmpfs", "-o", "size=4k", "full", disk]).expect(0);
    let _ = world.run(&["sh", "-c", &format!("head -c 4096 /dev/zero >{disk}/zeros")]).expect(0);
    let outcome = world.portward(&["snapshot", "--out", &format!("{disk}/x.json")]).expect(2);
    assert!(outcome.stderr.contains("x.json"), "{outcome}");
}
