//! `run` where leases cannot be kept: nothing is started unguarded.

use super::Stage;

#[test]
fn a_store_that_is_damaged_stops_it_before_anything_starts() {
    let Some(stage) = Stage::new() else { return };
    let home = stage.world.path().join("home");
    let _ = stage.inside(&stage.one).env("XDG_STATE_HOME", home.to_str().unwrap()).portward(&["run", "true"]).expect(0);
    let store = home.join("portward/leases.db");
    std::fs::write(&store, vec![b'?'; 8192]).unwrap();
    let mark = stage.one.join("started");
    let command = ["run", "touch", mark.to_str().unwrap()];
    let refused = stage.inside(&stage.one).env("XDG_STATE_HOME", home.to_str().unwrap()).portward(&command).expect(125);
    assert!(refused.stderr.contains("leases.db") && refused.stderr.contains("hint:"), "{refused}");
    assert!(!mark.exists());
    assert_eq!(std::fs::read(&store).unwrap(), vec![b'?'; 8192], "it is left as it is");
}

#[test]
fn outside_any_project_the_ports_are_the_users() {
    let Some(stage) = Stage::new() else { return };
    let folder = stage.world.path().join("nowhere");
    std::fs::create_dir_all(&folder).unwrap();
    let server = stage.server(&folder, &[], "loose", &["tcp", "::", "3000"]);
    let port = stage.port(&folder, "3000");
    assert!(Stage::told(&server, "serves").ends_with(&port));
    assert_eq!(stage.heard_in(&folder, "127.0.0.1 3000"), "loose");
    assert!(stage.portward(&folder, &["ps"]).expect(0).stdout.contains("outside any project"));
}

#[test]
fn another_store_gives_no_session_the_ports_of_another_project() {
    let Some(stage) = Stage::new() else { return };
    let home = stage.world.path().join("home");
    let of = |project| stage.inside(project).env("XDG_STATE_HOME", home.to_str().unwrap());
    let code = "import socket, sys\n\
        def serve(port):\n    s = socket.socket(); s.bind(('127.0.0.1', port)); s.listen(); return s\n\
        def dial(port):\n    try: socket.create_connection(('127.0.0.1', port)).close(); return 'heard'\n\
        \x20   except OSError as e: return type(e).__name__\n\
        own = serve(5000); print('READY', flush=True); sys.stdin.readline()\n\
        print(dial(3000), dial(5000), flush=True)\n\
        s = serve(4000); print(s.getsockname()[1], flush=True); sys.stdin.readline()";
    let mut one = of(&stage.one).start_portward(&["run", "--name", "kept", "python3", "-c", code]);
    assert_eq!(one.line(), "READY", "{}", one.stderr());
    for name in ["leases.db", "leases.db-wal", "leases.db-shm"] {
        let _ = std::fs::remove_file(home.join("portward").join(name));
    }
    let two =
        of(&stage.two).start_portward(&["run", "--name", "new", "python3", &stage.server, "two", "tcp", "127.0.0.1", "3000"]);
    assert_eq!(two.line(), "READY", "{}", two.stderr());
    one.tell("go");
    assert_eq!(one.line(), "ConnectionRefusedError heard", "the other project's, and its own from before");
    let port = one.line();
    let rows = of(&stage.two).portward(&["lease", "--json"]).expect(0).json()["leases"].as_array().unwrap().clone();
    let mut leased: Vec<_> = rows.iter().map(|row| (row["project"].as_str().unwrap(), row["asked"].as_u64().unwrap())).collect();
    leased.sort_unstable();
    assert_eq!(leased, [("one", 4000), ("two", 3000)]);
    assert_eq!(of(&stage.one).portward(&["port", "4000"]).expect(0).stdout.trim_end(), port);
    // Both are known there, with what they serve.
    let names = || {
        let document = of(&stage.one).portward(&["ps", "--json"]).expect(0).json();
        let sessions = document["sessions"].as_array().unwrap().clone();
        let mut names: Vec<String> = sessions.iter().map(|s| s["services"][0]["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        (names == ["kept", "new"]).then_some(())
    };
    portward_testkit::until("both sessions are in the new store", names);
}

#[test]
fn on_a_full_disk_a_run_whose_ports_are_known_goes_on() {
    let Some(stage) = Stage::new() else { return };
    let home = stage.world.path().join("small");
    std::fs::create_dir_all(&home).unwrap();
    let _ = stage.world.run(&["mount", "-t", "tmpfs", "-o", "size=400k,mode=700", "small", home.to_str().unwrap()]).expect(0);
    let of = || stage.inside(&stage.one).env("XDG_STATE_HOME", home.to_str().unwrap());
    let serve = |port: &str| {
        let code =
            format!("import socket; s = socket.socket(); s.bind(('127.0.0.1', {port})); s.listen(); print(s.getsockname()[1])");
        of().portward(&["run", "python3", "-c", &code])
    };
    let port = serve("3000").expect(0).stdout;
    assert_eq!(of().portward(&["port", "3000"]).expect(0).stdout, port);
    // With what readers and writers share, and without it.
    for shared in [true, false] {
        if !shared {
            let _ = stage.world.run(&["sh", "-c", "rm -f \"$0\"/portward/leases.db-*", home.to_str().unwrap()]).expect(0);
        }
        let fill = "cat /dev/zero > \"$0/filling\" || true";
        let _ = stage.world.run(&["sh", "-c", fill, home.to_str().unwrap()]);
        assert_eq!(serve("3000").expect(0).stdout, port, "shared memory: {shared}");
        let refused = serve("4000");
        assert!(refused.stderr.contains("portward:"), "a new one cannot be written down, and that is said: {refused}");
        let _ = stage.world.run(&["rm", home.join("filling").to_str().unwrap()]).expect(0);
        // Everything into the file, so that nothing is lost with its log.
        let fold = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA wal_checkpoint(TRUNCATE)')";
        let store = home.join("portward/leases.db");
        let _ = stage.world.run(&["python3", "-c", fold, store.to_str().unwrap()]).expect(0);
    }
}

#[test]
fn without_a_home_a_run_says_where_its_ports_are_kept() {
    let Some(stage) = Stage::new() else { return };
    let homeless = ["env", "-u", "XDG_STATE_HOME", "HOME=/nonexistent"];
    let ran = stage.inside(&stage.one).through(&homeless).portward(&["run", "true"]).expect(0);
    assert!(ran.stderr.contains("/nonexistent is no home folder") && ran.stderr.contains("XDG_STATE_HOME"), "{ran}");
    let told = stage.portward(&stage.one, &["run", "true"]).expect(0);
    assert!(!told.stderr.contains("XDG_STATE_HOME"), "{told}");
}
