//! A project's ports are kept for it while its session lives.

use portward_testkit::until;

use super::Stage;

/// Binds a port without `SO_REUSEADDR`, as few servers do; says the error number.
fn stranger(stage: &Stage, port: &str) -> String {
    let code =
        format!("import socket\ntry: socket.socket().bind(('127.0.0.1', {port})); print(0)\nexcept OSError as e: print(e.errno)");
    stage.world.run(&["python3", "-c", &code]).stdout.trim_end().to_owned()
}

#[test]
fn a_leased_port_that_nothing_serves_is_refused_to_strangers() {
    let Some(stage) = Stage::new() else { return };
    let port = stage.port(&stage.one, "3000");
    let named = stage.port(&stage.one, "web");
    assert_eq!((stranger(&stage, &port), stranger(&stage, &named)), ("0".to_owned(), "0".to_owned()));
    let mut session = stage.inside(&stage.one).start_portward(&["run", "cat"]);
    for port in [&port, &named] {
        until("it is kept", || (stranger(&stage, port) == "98").then_some(()));
    }
    // It is bound, and serves nobody.
    assert_eq!(stage.heard(&format!("127.0.0.1 {port}")), "ConnectionRefusedError");
    // The session's own programs have it, also those of another run, and those that would not share it.
    let code = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 3000)); s.listen(); print('had')";
    assert_eq!(stage.portward(&stage.one, &["run", "python3", "-c", code]).expect(0).stdout, "had\n");
    session.close_stdin();
    assert_eq!(session.end().code(), Some(0));
    until("it is let go", || (stranger(&stage, &port) == "0").then_some(()));
}

#[test]
fn two_servers_on_one_port_collide_whether_they_share_or_not() {
    let Some(stage) = Stage::new() else { return };
    let _holds = stage.inside(&stage.one).start_portward(&["run", "cat"]);
    let _first = stage.server(&stage.one, &[], "first", &["tcp", "127.0.0.1", "3000"]);
    for option in ["", "s.setsockopt(1, 2, 1); "] {
        let code = format!(
            "import socket\ns = socket.socket(); {option}\ntry: s.bind(('127.0.0.1', 3000))\nexcept OSError as e: print(e.errno, s.getsockopt(1, 2))"
        );
        let said = stage.portward(&stage.one, &["run", "python3", "-c", &code]).expect(0).stdout;
        assert_eq!(said, if option.is_empty() { "98 0\n" } else { "98 1\n" });
    }
}

#[test]
fn a_program_that_was_told_its_port_has_that_one() {
    let Some(stage) = Stage::new() else { return };
    let port = stage.port(&stage.one, "web");
    let server = stage.server(&stage.one, &[], "told", &["tcp", "127.0.0.1", &port]);
    assert!(Stage::told(&server, "asked").ends_with(&format!("asked 127.0.0.1:{port}   serves localhost:{port}")));
    assert_eq!(stage.heard(&format!("127.0.0.1 {port}")), "told");
    assert_eq!(stage.heard_in(&stage.one, &format!("127.0.0.1 {port}")), "told");
}

#[test]
fn what_is_bound_is_refused_to_others_beside_another_session_as_well() {
    let Some(stage) = Stage::new() else { return };
    let port = stage.port(&stage.one, "3000");
    let mut session = stage.inside(&stage.one).start_portward(&["run", "cat"]);
    // The other session keeps the port, and lets in the first that asks for it; not the second.
    let code = "import socket
def bound(shares):
    s = socket.socket(); s.setsockopt(1, 2, shares)
    try: s.bind(('127.0.0.1', 3000)); return s
    except OSError as e: return e.errno
def tried(*both):
    first = bound(both[0]); second = bound(both[1]); return second if isinstance(second, int) else 0
print(tried(0, 0), tried(1, 0), tried(1, 1))";
    until("it is kept", || (stranger(&stage, &port) == "98").then_some(()));
    let said = stage.portward(&stage.one, &["run", "python3", "-c", code]).expect(0);
    assert_eq!(said.stdout, "98 98 0\n", "{said}");
    session.close_stdin();
    assert_eq!(session.end().code(), Some(0));
}

#[test]
fn ports_that_are_kept_take_nothing_from_the_programs() {
    let Some(stage) = Stage::new() else { return };
    // Each of them once, and all kept they would take more than there is.
    let many = "import socket
for port in range(3000, 3060): s = socket.socket(); s.bind(('127.0.0.1', port)); s.close()
print('leased')";
    assert_eq!(stage.portward(&stage.one, &["run", "python3", "-c", many]).expect(0).stdout, "leased\n");
    // Each thread that calls is remembered, which takes descriptors as well.
    let threads = "import errno, socket, threading
ends = set()
def serve(port):
    try: s = socket.socket(); s.bind(('127.0.0.1', port)); s.listen(); s.close(); ends.add('served')
    except OSError as e: ends.add(errno.errorcode[e.errno])
for turn in range(70):
    thread = threading.Thread(target=serve, args=(3000 + turn % 60,)); thread.start(); thread.join()
print(sorted(ends))";
    for limit in ["40", "64"] {
        let command = format!("ulimit -n {limit}; exec \"$0\" run python3 -c \"$1\"");
        let said = stage.inside(&stage.one).run(&["sh", "-c", &command, crate::PORTWARD, threads]);
        assert_eq!(said.stdout, "['served']\n", "{limit}: {said}");
    }
}
