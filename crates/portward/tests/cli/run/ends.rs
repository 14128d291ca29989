//! Streams, signals and ends pass as if Portward were not there.

use portward_testkit::until;

use super::Stage;

#[test]
fn the_program_has_its_own_streams_and_exit_code() {
    let Some(stage) = Stage::new() else { return };
    let said = stage.portward(&stage.one, &["run", "sh", "-c", "echo out; echo err >&2; exit 7"]).expect(7);
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("out\n", "err\n"), "{said}");
    let piped = stage.inside(&stage.one).input("through\n").portward(&["run", "cat"]).expect(0);
    assert_eq!(piped.stdout, "through\n");
    assert_eq!(stage.portward(&stage.one, &["run", "--", "echo", "--name", "x"]).expect(0).stdout, "--name x\n");
    assert_eq!(stage.portward(&stage.one, &["run", "echo", "--name", "x"]).expect(0).stdout, "--name x\n");
}

#[test]
fn a_signal_that_ends_the_program_ends_the_run() {
    let Some(stage) = Stage::new() else { return };
    for (name, number) in [("TERM", 15), ("KILL", 9), ("USR1", 10)] {
        let ended = stage.portward(&stage.one, &["run", "sh", "-c", &format!("kill -{name} $$")]);
        assert_eq!((ended.code, ended.signal), (None, Some(number)), "{ended}");
    }
}

#[test]
fn signals_go_on_to_the_program() {
    let Some(stage) = Stage::new() else { return };
    let script = "trap 'echo TERM; exit 3' TERM; echo READY; while :; do sleep 0.02; done";
    // `exec`, so that the shell's number is the front's.
    let command = format!("echo $$; exec \"$0\" run sh -c \"{script}\"");
    let portward = stage.world.portward_path().to_str().unwrap().to_owned();
    let mut running = stage.inside(&stage.one).start(&["sh", "-c", &command, &portward]);
    let pid: u64 = running.line().parse().unwrap();
    assert_eq!(running.line(), "READY");
    stage.world.signal(pid, "TERM");
    assert_eq!(running.line(), "TERM");
    assert_eq!(running.end().code(), Some(3));
}

#[test]
fn what_cannot_be_started_is_125() {
    let Some(stage) = Stage::new() else { return };
    stage.world.file("one/plain.txt", "no program");
    for (program, word) in [
        ("no-such-program", "could not be started"),
        ("./plain.txt", "could not be started"),
        ("/", "could not be started"),
        ("", "could not be started"),
    ] {
        let refused = stage.portward(&stage.one, &["run", "--", program]).expect(125);
        assert!(refused.stdout.is_empty() && refused.stderr.contains(word), "{refused}");
    }
    let hinted = stage.portward(&stage.one, &["run", "no-such-program"]).expect(125);
    assert!(hinted.stderr.contains("hint: command -v no-such-program"), "{hinted}");
    for words in [&["run"][..], &["run", "--"], &["run", "--no-such-option", "true"], &["run", "--name"]] {
        let refused = stage.portward(&stage.one, words).expect(125);
        assert!(refused.stderr.contains("hint:") && !refused.stderr.contains(":."), "{refused}");
    }
    assert!(stage.portward(&stage.one, &["run"]).expect(125).stderr.contains("not provided: <CMD>."));
    // Its own 125, and its own 2, are the program's.
    let _ = stage.portward(&stage.one, &["run", "sh", "-c", "exit 125"]).expect(125);
    let _ = stage.portward(&stage.one, &["run", "sh", "-c", "exit 2"]).expect(2);
}

#[test]
fn a_name_with_control_characters_is_shown_escaped() {
    let Some(stage) = Stage::new() else { return };
    let refused = stage.portward(&stage.one, &["run", "no\u{1b}[31msuch"]).expect(125);
    assert!(!refused.stderr.contains('\u{1b}'), "{refused}");
}

#[test]
fn a_daemon_stays_supervised() {
    let Some(stage) = Stage::new() else { return };
    let server = &stage.server;
    let daemon = format!("setsid -f python3 {server} daemon tcp 0.0.0.0 6379 > out 2>&1 < /dev/null");
    let _ = stage.portward(&stage.one, &["run", "--name", "cache", "--", "sh", "-c", &daemon]).expect(0);
    let port = until("the daemon", || {
        let sessions = stage.portward(&stage.one, &["ps", "--json"]).expect(0).json();
        let listener = sessions["sessions"][0]["services"][0]["listeners"][0].clone();
        listener["serves"].as_str().map(|serves| serves.rsplit(':').next().unwrap().to_owned())
    });
    assert_eq!(stage.heard(&format!("127.0.0.1 {port}")), "daemon");
    assert_eq!(stage.heard_in(&stage.one, "127.0.0.1 6379"), "daemon");
    let shown = stage.portward(&stage.one, &["ps"]).expect(0);
    assert!(shown.stdout.contains("cache") && shown.stdout.contains("left something running"), "{shown}");
    let _ = stage.portward(&stage.one, &["stop"]).expect(0);
    assert_eq!(stage.heard(&format!("127.0.0.1 {port}")), "ConnectionRefusedError");
    assert!(stage.portward(&stage.one, &["ps", "--json"]).expect(0).json()["sessions"].as_array().unwrap().is_empty());
}

#[test]
fn a_killed_front_takes_its_program_along() {
    let Some(stage) = Stage::new() else { return };
    let portward = stage.world.portward_path().to_str().unwrap().to_owned();
    let command = format!("echo $$; exec \"$0\" run python3 {} web tcp 0.0.0.0 3000", stage.server);
    let running = stage.inside(&stage.one).start(&["sh", "-c", &command, &portward]);
    let pid: u64 = running.line().parse().unwrap();
    assert_eq!(running.line(), "READY");
    let port = stage.port(&stage.one, "3000");
    assert_eq!(stage.heard(&format!("127.0.0.1 {port}")), "web");
    stage.world.signal(pid, "KILL");
    until("the program ends", || (stage.heard(&format!("127.0.0.1 {port}")) == "ConnectionRefusedError").then_some(()));
    until("the session ends", || {
        stage.portward(&stage.one, &["ps", "--json"]).expect(0).json()["sessions"].as_array().unwrap().is_empty().then_some(())
    });
}

#[test]
fn without_its_supervisor_nothing_is_served_anew() {
    let Some(stage) = Stage::new() else { return };
    let script = "import os, socket, sys\n\
        print('READY', os.getppid(), flush=True)\n\
        sys.stdin.readline()\n\
        try:\n    s = socket.socket(); s.bind(('0.0.0.0', 3000)); s.listen(); print('LISTENS')\n\
        except OSError as error: print(error.errno)";
    let mut running = stage.inside(&stage.one).start_portward(&["run", "python3", "-c", script]);
    let line = running.line();
    let supervisor: u64 = line.strip_prefix("READY ").unwrap().parse().unwrap();
    stage.world.signal(supervisor, "KILL");
    until("it is lost", || (stage.portward(&stage.one, &["ps", "--json"]).expect(0).json()["lost"] == 1).then_some(()));
    running.tell("go");
    // ENOSYS: the call is refused, not let through.
    assert_eq!(running.line(), "38");
    assert_eq!(running.end().code(), Some(125));
    assert!(running.stderr().contains("supervisor has ended before its program"), "{}", running.stderr());
    // The next run clears away what the lost one left.
    let _ = stage.portward(&stage.one, &["run", "true"]).expect(0);
    assert_eq!(stage.portward(&stage.one, &["ps", "--json"]).expect(0).json()["lost"], 0);
}

#[test]
fn a_program_that_is_stopped_and_continued_takes_its_front_along() {
    let Some(stage) = Stage::new() else { return };
    let portward = stage.world.portward_path().to_str().unwrap().to_owned();
    let script = "print('READY', __import__('os').getpid(), flush=True); import sys; sys.exit(int(sys.stdin.readline()))";
    let command = format!("echo $$; exec \"$0\" run python3 -c \"{script}\"");
    let mut running = stage.inside(&stage.one).start(&["sh", "-c", &command, &portward]);
    let front: u64 = running.line().parse().unwrap();
    let program: u64 = running.line().strip_prefix("READY ").unwrap().parse().unwrap();
    let becomes = |pid: u64, wanted: &str| {
        let stat = || stage.world.run(&["cat", &format!("/proc/{pid}/stat")]).stdout;
        until(wanted, || stat().rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(wanted)).then_some(()));
    };
    for _ in 0..3 {
        stage.world.signal(program, "STOP");
        becomes(front, "T");
        stage.world.signal(program, "CONT");
        becomes(front, "S");
    }
    // Faster than anybody can follow, and nothing is stuck.
    for _ in 0..300 {
        stage.world.signal(program, "STOP");
        stage.world.signal(program, "CONT");
    }
    running.tell("7");
    assert_eq!(running.end().code(), Some(7));
}

#[test]
fn ignored_ends_of_children_are_no_endless_session() {
    let Some(stage) = Stage::new() else { return };
    let portward = stage.world.portward_path().to_str().unwrap();
    let code = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])";
    let inner = "import signal, sys; print(signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN); sys.exit(7)";
    let ran = stage.inside(&stage.one).run(&["python3", "-c", code, portward, "run", "python3", "-c", inner]).expect(7);
    assert_eq!(ran.stdout, "True\n", "the program finds it as it was");
}

#[test]
fn a_signal_on_its_way_does_not_cost_the_exit_code() {
    let Some(stage) = Stage::new() else { return };
    let portward = stage.world.portward_path().to_str().unwrap().to_owned();
    // The supervisor is stopped while the front passes a signal on and the program ends.
    let script = "import os, sys; print('READY', os.getpid(), os.getppid(), flush=True); sys.stdin.readline(); os._exit(7)";
    let command = format!("echo $$; exec \"$0\" run python3 -c \"{script}\"");
    let mut running = stage.inside(&stage.one).start(&["sh", "-c", &command, &portward]);
    let front: u64 = running.line().parse().unwrap();
    let line = running.line();
    let mut pids = line.split(' ').skip(1).map(|pid| pid.parse::<u64>().unwrap());
    let (program, supervisor) = (pids.next().unwrap(), pids.next().unwrap());
    stage.world.signal(supervisor, "STOP");
    running.tell("end");
    let ended = || stage.world.run(&["cat", &format!("/proc/{program}/stat")]).stdout.contains(") Z ");
    until("the program ends", || ended().then_some(()));
    stage.world.signal(front, "USR1");
    stage.world.signal(supervisor, "CONT");
    assert_eq!(running.end().code(), Some(7), "{}", running.stderr());
}

#[test]
fn what_a_supervisor_is_told_is_nobody_elses_business() {
    let Some(stage) = Stage::new() else { return };
    let script = "tr '\\0' ' ' < /proc/$PPID/cmdline; echo; env | grep -c SUPERVISOR";
    let proxy = "http://ana:hunter2@proxy.example:3128";
    let outcome = stage.inside(&stage.one).env("HTTP_PROXY", proxy).portward(&["run", "sh", "-c", script]);
    assert!(outcome.stdout.starts_with("portward session-supervisor "), "{}", outcome.stdout);
    assert!(!outcome.stdout.contains("hunter2"), "{}", outcome.stdout);
    assert!(outcome.stdout.ends_with("\n0\n"), "{}", outcome.stdout);
}
