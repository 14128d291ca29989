//! What is run when everything is ready, and what ends a wait before its time.

use portward_testkit::until;

use super::peer;
use crate::world;

#[test]
fn a_command_runs_in_our_place_and_ends_with_its_own_code() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let ran = world.portward(&["wait", "3000", "--", "sh", "-c", "echo out; echo err >&2; exit 7"]).expect(7);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("out\n", "err\n"), "{ran}");
    let piped = world.enter().input("through\n").portward(&["wait", "tcp:3000", "--timeout", "5s", "--", "cat"]).expect(0);
    assert_eq!(piped.stdout, "through\n");
    let killed = world.portward(&["wait", "3000", "--", "sh", "-c", "kill -TERM $$"]);
    assert_eq!((killed.code, killed.signal), (None, Some(15)), "{killed}");
    let missing = world.portward(&["wait", "3000", "--", "no-such-program"]).expect(125);
    assert!(missing.stdout.is_empty() && missing.stderr.contains("no-such-program"), "{missing}");
}

#[test]
fn signals_are_the_commands_own() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let script = "trap 'echo TERM; exit 3' TERM; echo READY; while :; do sleep 0.02; done";
    let line = format!("echo $$; exec \"$0\" wait 3000 -- sh -c \"{script}\"");
    let mut running = world.enter().start(&["sh", "-c", &line, world.portward_path().to_str().unwrap()]);
    let pid: u64 = running.line().parse().unwrap();
    assert_eq!(running.line(), "READY");
    world.signal(pid, "TERM");
    assert_eq!(running.line(), "TERM");
    assert_eq!(running.end().code(), Some(3));
}

#[test]
fn where_something_is_not_ready_the_command_is_not_run() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let outcome = world.portward(&["wait", "3000", "3001", "--timeout", "200ms", "--", "echo", "ran"]).expect(1);
    assert!(outcome.stdout.is_empty() && outcome.stderr.contains("3001 is not ready"), "{outcome}");
    let refused = world.portward(&["wait", "3000", "--ready", "telepathy", "--", "echo", "ran"]).expect(2);
    assert!(refused.stdout.is_empty(), "{refused}");
}

#[test]
fn a_wait_ends_when_the_process_ends_that_it_needs() {
    let Some(world) = world() else { return };
    let mut server = world.enter().start(&["sh", "-c", "echo $$; exec sleep 1000"]);
    let pid = server.line();
    let busy = peer(&world, &["site", "3000"]);
    let mut waiting =
        world.enter().start_portward(&["wait", "http://localhost:3000/busy", "--pid", &pid, "--timeout", "0", "--json"]);
    let _ = busy.line_where(|line| line.starts_with("ASKED"));
    world.signal(pid.parse().unwrap(), "KILL");
    let document = waiting.json();
    assert_eq!(document["gone"], format!("process {pid} (sleep) has ended"), "{document:#}");
    assert_eq!((&document["ready"], waiting.end().code()), (&false.into(), Some(1)));
    assert!(!server.end().success());
    // An older server at the same port does not stand for the one that died.
    let outcome = world.portward(&["wait", "3000", "--pid", &pid, "--timeout", "0"]).expect(1);
    assert!(outcome.stderr.contains(&format!("Process {pid} does not run.")), "{outcome}");
    let alive = world.portward(&["wait", "3000", "--pid", "1", "--timeout", "10s", "--", "true"]);
    assert_eq!(alive.code, Some(0), "{alive}\n{}", busy.stderr());
}

#[test]
fn a_wait_ends_when_what_runs_beside_it_ends() {
    let Some(world) = world() else { return };
    for (line, said) in [
        ("exit 3", "`exit 3` ended with 3."),
        ("sleep 0.1", "`sleep 0.1` ended with 0."),
        ("kill -9 $$", "`kill -9 $$` was ended by signal 9."),
        ("no-such-program", "`no-such-program` ended with 127."),
    ] {
        let outcome = world.portward(&["wait", "3000", "--timeout", "0", "--while", line]).expect(1);
        assert!(outcome.stderr.contains(said), "{outcome}");
    }
    let outcome = world.portward(&["wait", "3000", "--timeout", "0", "--while", "exit 3", "--", "echo", "ran"]).expect(1);
    assert!(outcome.stdout.is_empty() && outcome.stderr.contains("ended with 3"), "{outcome}");
    // What watches a server is as good as the server.
    let flag = world.file("flag", "");
    world.give(&flag);
    let line = format!("while test -e {}; do sleep 0.02; done", flag.display());
    let mut waiting = world.enter().start_portward(&["wait", "3000", "--timeout", "0", "--while", &line, "--json"]);
    assert!(waiting.is_alive());
    std::fs::remove_file(&flag).unwrap();
    assert_eq!(waiting.json()["gone"], format!("`{line}` ended with 0"));
    assert_eq!(waiting.end().code(), Some(1));
}

#[test]
fn a_server_that_is_started_so_goes_on() {
    let Some(world) = world() else { return };
    let file = world.file("peer.py", include_str!("peer.py"));
    // What it complains of would be heard for as long as it runs.
    let line = format!("exec python3 {} site 3000 2>/dev/null", file.display());
    let outcome = world.portward(&["wait", "http://localhost:3000/", "--timeout", "120s", "--while", &line]).expect(0);
    assert!(outcome.stdout.contains("it answers 200 OK"), "{outcome}");
    let _ = world.portward(&["wait", "http://localhost:3000/", "--timeout", "5s"]).expect(0);
}

#[test]
fn ready_for_a_time_without_a_break() {
    let Some(world) = world() else { return };
    let _peer = peer(&world, &["site", "3000"]);
    let document = world.portward(&["wait", "http://localhost:3000/", "3000", "--stable", "700ms", "--json"]).expect(0).json();
    assert!(document["waited_ms"].as_u64().unwrap() >= 700, "{document:#}");
    let in_turn = ["wait", "http://localhost:3000/in-turn", "--stable", "600ms", "--timeout", "2s", "--json"];
    let document = world.portward(&in_turn).expect(1).json();
    assert_eq!(document["ready"], false, "{document:#}");
}

#[test]
fn a_server_that_answers_and_then_dies_is_not_ready() {
    let Some(world) = world() else { return };
    let mut server = world.enter().start(&["sh", "-c", "echo $$; exec python3 -c \"$0\" site 3000", include_str!("peer.py")]);
    let pid = server.line();
    let mut waiting =
        world.enter().start_portward(&["wait", "http://localhost:3000/", "--pid", &pid, "--stable", "1h", "--json"]);
    let _ = server.line_where(|line| line.starts_with("ASKED"));
    world.signal(pid.parse().unwrap(), "KILL");
    let document = waiting.json();
    assert!(document["gone"].as_str().unwrap().starts_with(&format!("process {pid} ")), "{document:#}");
    assert_eq!(waiting.end().code(), Some(1));
    assert!(!server.end().success());
}

#[test]
fn who_is_asked_to_end_does_not_wait_for_an_answer() {
    let Some(world) = world() else { return };
    let _mute = world.actor(&["mute", "tcp/127.0.0.1:3000"]);
    let line = "echo $$; exec \"$0\" wait http://localhost:3000/ --timeout 0";
    let mut waiting = world.enter().start(&["sh", "-c", line, world.portward_path().to_str().unwrap()]);
    let pid: u64 = waiting.line().parse().unwrap();
    let connected = || world.portward(&["list", "3000", "--all"]).stdout.contains("established").then_some(());
    until("a connection to the mute server", connected);
    world.signal(pid, "INT");
    assert!(!waiting.end().success());
}
