//! What cannot be supervised is refused with the reason, and never run unguarded in silence.

use super::Stage;

#[test]
fn a_program_that_gains_rights() {
    let Some(stage) = Stage::new() else { return };
    let leases = stage.one.join("state");
    let su = stage.world.file("bin/su", "#!/bin/sh\ntouch \"$0.ran\"\n");
    let _ = stage.world.run(&["chmod", "4755", su.to_str().unwrap()]).expect(0);
    let as_stranger =
        |words: &[&str]| stage.inside(&stage.one).stranger().env("XDG_STATE_HOME", leases.to_str().unwrap()).portward(words);
    let refused = as_stranger(&["run", su.to_str().unwrap()]).expect(125);
    assert!(refused.stderr.contains("cannot be supervised") && refused.stderr.contains("is set-user-id"), "{refused}");
    assert!(refused.stderr.contains("hint: portward run --port-only"), "{refused}");
    assert!(!su.with_extension("ran").exists());
}

#[test]
fn under_another_supervisor() {
    let Some(stage) = Stage::new() else { return };
    let leases = stage.one.join("state");
    let code = format!("{FILTER}\ninstall([(163, NOTIFY)], 1 << 3)\nos.execvp(sys.argv[1], sys.argv[1:])");
    let portward = stage.world.portward_path().to_str().unwrap();
    let command = ["python3", "-c", &code, portward, "run", "echo", "ran"];
    let refused = stage.inside(&stage.one).stranger().env("XDG_STATE_HOME", leases.to_str().unwrap()).run(&command).expect(125);
    assert!(refused.stdout.is_empty(), "{refused}");
    assert!(refused.stderr.contains("Another supervisor watches this process tree already"), "{refused}");
    assert!(refused.stderr.contains("hint: portward run --port-only CMD"), "{refused}");
}

#[test]
fn where_the_kernel_or_a_sandbox_has_no_filters() {
    let Some(stage) = Stage::new() else { return };
    let leases = stage.one.join("state");
    let portward = stage.world.portward_path().to_str().unwrap();
    let code = format!("{FILTER}\ninstall([(317, 38)], 0)\nos.execvp(sys.argv[1], sys.argv[1:])");
    let run = |words: &[&str]| {
        let command = [&["python3", "-c", &code, portward, "run"], words].concat();
        stage.inside(&stage.one).stranger().env("XDG_STATE_HOME", leases.to_str().unwrap()).run(&command)
    };
    let refused = run(&["echo", "ran"]).expect(125);
    assert!(refused.stdout.is_empty() && refused.stderr.contains("refuses to report system calls"), "{refused}");
    assert!(refused.stderr.contains("hint: portward run --port-only CMD"), "{refused}");
    // What it points to works there.
    assert_eq!(run(&["--port-only", "echo", "ran"]).expect(0).stdout, "ran\n");
}

#[test]
fn where_a_sandbox_refuses_a_call_that_the_supervisor_lives_on() {
    let Some(stage) = Stage::new() else { return };
    if std::env::consts::ARCH != "x86_64" {
        portward_testkit::skip("the numbers of x86-64 for a sandbox");
        return;
    }
    let portward = stage.world.portward_path().to_str().unwrap();
    let run = |denied: &str, stranger: bool, words: &[&str]| {
        let code = format!("{FILTER}\ninstall({denied}, 0)\nos.execvp(sys.argv[1], sys.argv[1:])");
        let command = [&["python3", "-c", &code, portward, "run"], words].concat();
        let entry = stage.inside(&stage.one).env("XDG_STATE_HOME", stage.one.join(format!("state{stranger}")));
        if stranger { entry.stranger().run(&command) } else { entry.run(&command) }
    };
    // Of setsockopt the option, of socket the family.
    for (name, which) in [
        ("pidfd_getfd", "438"),
        ("pidfd_open", "434"),
        ("setsockopt(SO_BINDTODEVICE)", "(54, 2, 25)"),
        ("sock_diag", "(41, 0, 16)"),
    ] {
        for (errno, said) in [(1, "Operation not permitted (os error 1)"), (38, "Function not implemented (os error 38)")] {
            for stranger in [true, false] {
                let refused = run(&format!("[({which}, {errno})]"), stranger, &["echo", "ran"]).expect(125);
                assert!(refused.stdout.is_empty(), "{name}: {refused}");
                assert!(refused.stderr.contains(&format!("portward: The call {name}, by which")), "{name}: {refused}");
                assert!(refused.stderr.contains(said), "{name}: {refused}");
                assert!(refused.stderr.contains("hint: portward run --port-only CMD"), "{name}: {refused}");
                // What it points to works there, as far as it needs what is refused.
                if !name.starts_with("sock") {
                    assert_eq!(
                        run(&format!("[({which}, {errno})]"), stranger, &["--port-only", "echo", "ran"]).expect(0).stdout,
                        "ran\n"
                    );
                }
            }
        }
    }
    // Memory can be read by another way, and nothing is pinned that is exposed.
    let serve = [
        "--",
        "python3",
        "-c",
        "import socket; s = socket.socket(); s.bind(('', 3000)); s.listen(); print(s.getsockname()[1] % 100)",
    ];
    for errno in [1, 38] {
        assert_eq!(run(&format!("[(310, {errno}), (311, {errno})]"), true, &serve).expect(0).stdout, "0\n");
        let exposed = [&["--expose"], &serve[..]].concat();
        assert_eq!(run(&format!("[((54, 2, 25), {errno})]"), true, &exposed).expect(0).stdout, "0\n");
    }
}

#[test]
fn names_of_programs_are_shown_escaped() {
    let Some(stage) = Stage::new() else { return };
    let code = "import ctypes, socket; ctypes.CDLL(None).prctl(15, b'\\x1b[31mred', 0, 0, 0)\n\
                s = socket.socket(); s.bind(('', 3000)); s.listen()\nimport time, sys; print('READY', flush=True); sys.stdin.readline()";
    let running = stage.inside(&stage.one).start_portward(&["run", "python3", "-c", code]);
    assert_eq!(running.line(), "READY", "{}", running.stderr());
    let line = Stage::told(&running, "asked");
    assert!(line.contains("red") && !line.contains('\u{1b}'), "{line:?}");
    let shown = stage.portward(&stage.one, &["ps"]).expect(0);
    assert!(shown.stdout.contains("red") && !shown.stdout.contains('\u{1b}'), "{shown}");
}

/// `install([(system call, errno or NOTIFY)], flags)` on `x86_64`, as a sandbox does it; a call may be one with a value of an
/// argument: `(call, argument, value)`. The listener's descriptor is kept through exec, unanswered.
const FILTER: &str = "
import ctypes, os, struct, sys
libc, NOTIFY = ctypes.CDLL(None, use_errno=True), 'notify'
def install(calls, flags):
    step = lambda code, jt, jf, k: struct.pack('=HBBI', code, jt, jf, k)
    program = step(0x20, 0, 0, 0)
    for number, verdict in calls:
        what = 0x7fc00000 if verdict == NOTIFY else 0x00050000 | verdict
        if isinstance(number, tuple):
            program += step(0x15, 0, 4, number[0]) + step(0x20, 0, 0, 16 + 8 * number[1])
            program += step(0x15, 0, 1, number[2]) + step(0x06, 0, 0, what) + step(0x20, 0, 0, 0)
            continue
        program += step(0x15, 0, 1, number) + step(0x06, 0, 0, what)
    program += step(0x06, 0, 0, 0x7fff0000)
    buffer = ctypes.create_string_buffer(program, len(program))
    filter = struct.pack('HxxxxxxQ', len(program) // 8, ctypes.addressof(buffer))
    libc.prctl(38, 1, 0, 0, 0)
    made = libc.syscall(317, 1, flags, filter)
    assert made >= 0, ctypes.get_errno()
    if flags: os.set_inheritable(made, True)
";
