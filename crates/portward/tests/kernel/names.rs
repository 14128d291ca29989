//! Names, paths and arguments that other programs chose, hostile ones included.

use portward_testkit::{Outcome, hex};
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
