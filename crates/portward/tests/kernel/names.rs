//! Names, paths and arguments that other programs chose, hostile ones included.

use portward_testkit::{Outcome, WorldKind, hex, skip};
use serde_json::Value;

use crate::{list, world};

/// Nothing but printable characters and line ends.
fn is_calm(outcome: &Outcome) -> bool {
    outcome.stdout.chars().all(|c| c == '\n' || !c.is_control())
}

#[test]
fn names_with_parentheses_newlines_escapes_and_broken_bytes() {
    let Some(world) = world() else { return };
    for (bytes, shown) in [
        (&b"a) S (b c"[..], "a) S (b c"),
        (b"(sd-pam)", "(sd-pam)"),
        (b"new\nline", "new\\nline"),
        (b"\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        (b"caf\xe9\xff", "caf\\xe9\\xff"),
        (b"tab\there", "tab\\there"),
        (b"1) R 1 1 1 1", "1) R 1 1 1 1"),
    ] {
        let actor = world.actor(&["named", &hex(bytes), "tcp/127.0.0.1:3000"]);
        let reading = list(&world);
        let socket = reading.only(3000);
        assert_eq!(reading.owners_of(socket), [actor.pid()], "{shown}");
        assert_eq!(reading.owner(socket, actor.pid())["name"], shown);
        let text = world.portward(&["list", "3000"]).expect(0);
        assert!(is_calm(&text), "{:?}", text.stdout);
        assert_eq!(text.stdout.lines().filter(|line| line.contains(&actor.pid().to_string())).count(), 1, "{text}");
        let told = world.portward(&["explain", "3000"]);
        assert!(is_calm(&told), "{:?}", told.stdout);
    }
}

#[test]
fn arguments_and_folders_with_escapes() {
    let Some(world) = world() else { return };
    let folder = world.path().join("home/\u{1b}[2J\nevil");
    std::fs::create_dir(&folder).unwrap();
    world.give(&folder);
    let code = "import socket,sys; s=socket.create_server(('127.0.0.1',3000)); print('READY', flush=True); sys.stdin.read()";
    let server = world.enter().directory(&folder).start(&["python3", "-c", code, "\u{1b}]0;owned\u{7}", "two\nlines"]);
    server.line_where(|line| line == "READY");
    for arguments in [&["list"][..], &["list", "--columns", "port,process,project"], &["explain", "3000"], &["list", "--json"]] {
        let outcome = world.portward(arguments);
        assert!(is_calm(&outcome), "{arguments:?}: {:?}", outcome.stdout);
    }
}

#[test]
fn a_deleted_program() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["deleted", "tcp/127.0.0.1:3000"]);
    let reading = list(&world);
    let owner = reading.owner(reading.only(3000), actor.number("child"));
    assert_eq!(owner["exe_deleted"], true);
    assert_eq!(owner["exe"], actor.facts["path"], "without the kernel's ` (deleted)`");
}

#[test]
fn a_program_whose_name_ends_in_deleted_is_there() {
    let Some(world) = world() else { return };
    let python = std::fs::canonicalize(portward_testkit::program("python3").unwrap()).unwrap();
    let copy = world.file("home/server (deleted)", std::fs::read(python).unwrap());
    let _ = world.run(&["chmod".as_ref(), "755".as_ref(), copy.as_os_str()]).expect(0);
    let code = "import socket,sys; s=socket.create_server(('127.0.0.1',3000)); print('READY', flush=True); sys.stdin.read()";
    let server = world.enter().env("PYTHONHOME", "/usr").start(&[copy.as_os_str(), "-c".as_ref(), code.as_ref()]);
    server.line_where(|line| line == "READY");
    let reading = list(&world);
    let owner = &reading.only(3000)["owners"][0];
    assert_eq!((&owner["exe_deleted"], &owner["exe"]), (&Value::Bool(false), &Value::from(copy.to_str().unwrap())));
}

#[test]
fn a_program_is_told_with_its_arguments_folder_and_start() {
    let Some(world) = world() else { return };
    let actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let reading = list(&world);
    let owner = reading.owner(reading.only(3000), actor.pid());
    let argv: Vec<&str> = owner["argv"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    assert_eq!(argv[0], "python3");
    assert_eq!(argv[argv.len() - 2..], ["listen", "tcp/127.0.0.1:3000"]);
    assert_eq!(owner["cwd"], world.path().join("home").to_str().unwrap());
    assert!(owner["exe"].as_str().unwrap().contains("/python3"), "{owner:#}");
    assert_eq!((&owner["uid"], &owner["user"]), (&Value::from(0), &Value::from("root")));
    let started = owner["started_at"].as_str().unwrap();
    assert!(started.len() >= 20 && started.contains('T') && started.ends_with('Z'), "{started}");
}

#[test]
fn secrets_in_arguments_are_masked() {
    let Some(world) = world() else { return };
    let code = "import socket,sys; s=socket.create_server(('127.0.0.1',3000)); print('READY', flush=True); sys.stdin.read()";
    let words = ["--password=hunter2-a", "--token", "hunter2-b", "postgres://ana:hunter2-c@db/shop", "API_KEY=hunter2-d"];
    let mut argv = vec!["python3", "-c", code];
    argv.extend(words);
    let server = world.enter().env("SECRET_IN_ENVIRONMENT", "hunter2-e").start(&argv);
    server.line_where(|line| line == "READY");
    for arguments in [&["list", "--json"][..], &["list"], &["explain", "3000"], &["explain", "3000", "--json"], &["snapshot"]] {
        let outcome = world.portward(arguments);
        assert!(!outcome.stdout.contains("hunter2"), "{arguments:?}: {outcome}");
    }
}

/// Arguments as they are, for their owner and for root, and for nobody else.
#[test]
fn arguments_are_shown_to_their_owner_who_asks() {
    let Some(world) = world() else { return };
    let code = "import socket,sys; s=socket.create_server(('127.0.0.1',3000)); print('READY', flush=True); sys.stdin.read()";
    let _ = world.file("home/serve.py", code);
    let server = world.enter().directory(world.path().join("home")).start(&["python3", "serve.py", "--password=hunter2"]);
    server.line_where(|line| line == "READY");
    for arguments in [&["list", "--json"][..], &["list"], &["explain", "3000"], &["explain", "3000", "--json"]] {
        let masked = world.portward(arguments).expect(0);
        assert!(!masked.stdout.contains("hunter2"), "{arguments:?}: {masked}");
        let opened = world.portward(&[arguments, &["--show-args"]].concat()).expect(0);
        assert!(opened.stdout.contains("hunter2"), "{arguments:?}: {opened}");
    }
    if world.kind() == WorldKind::Root {
        let stranger = world.enter().stranger().portward(&["list", "--json", "--show-args"]);
        assert!(stranger.stdout.contains("3000"), "{stranger}");
        assert!(!stranger.stdout.contains("hunter2"), "{stranger}");
    } else {
        skip("a second user to ask for the arguments of the first: run the tests as root");
    }
}

/// What was masked is masked in a snapshot, and what is concluded from arguments is concluded from it as from the machine.
#[test]
fn a_replay_agrees_where_arguments_hold_secrets() {
    let Some(world) = world() else { return };
    let code =
        "import socket,sys; s=socket.create_server(('127.0.0.1',int(sys.argv[1]))); print('READY', flush=True); sys.stdin.read()";
    let script = world.file("home/shop-api.py", code);
    let script = script.to_str().unwrap();
    let servers: Vec<_> = [("3000", "--token=hunter2-a"), ("3001", "--token=hunter2-b")]
        .iter()
        .map(|(port, token)| {
            let server =
                world.enter().start(&["python3", script, port, token, "--listen", &format!("127.0.0.1:{port}"), "hunter2"]);
            server.line_where(|line| line == "READY");
            server
        })
        .collect();
    let file = world.path().join("home/machine.json");
    let file = file.to_str().unwrap();
    let _ = world.portward(&["snapshot", "--out", file]).expect(0);
    assert!(!std::fs::read_to_string(file).unwrap().contains("hunter2"));
    for command in [&["list", "3000-3001"][..], &["explain", "3000"], &["explain", "3001"]] {
        let said = |extra: &[&str]| {
            let outcome = world.portward(&[command, &["--json"], extra].concat()).expect(0);
            let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
            let sockets = document["sockets"].as_array().unwrap().clone();
            let owners = sockets.iter().flat_map(|socket| socket["owners"].as_array().unwrap().clone());
            owners.map(|owner| (owner["argv"].clone(), owner["title"].clone(), owner["why"].clone())).collect::<Vec<_>>()
        };
        let live = said(&[]);
        assert!(!live.is_empty() && live == said(&["--from", file]), "{live:?}");
        assert_eq!(live[0].1, "shop-api");
        // A snapshot has nothing to open, and says so.
        let asked = world.portward(&[command, &["--json", "--show-args", "--from", file]].concat());
        assert!(!asked.stdout.contains("hunter2") && asked.stdout.contains("\"arguments\""), "{asked}");
    }
    drop(servers);
}
