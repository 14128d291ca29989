//! `run --isolated`: a network of its own, with doors to the real localhost and from it.

use portward_testkit::until;

use super::Stage;

#[test]
fn ports_inside_are_what_was_asked_for_and_the_real_localhost_reaches_in() {
    let Some(stage) = Stage::new() else { return };
    stage.world.add_lan("eth0", "192.168.77.1/24");
    let _plain = stage.plain("plain", &["tcp", "::", "3000"]);
    let one = stage.server(&stage.one, &["--isolated", "--name", "web"], "one", &["tcp", "::", "3000"]);
    let two = stage.server(&stage.two, &["--isolated"], "two", &["tcp", "127.0.0.1", "3000", "tcp", "0.0.0.0", "80"]);
    let (first, second) = (stage.port(&stage.one, "3000"), stage.port(&stage.two, "3000"));
    assert_eq!(Stage::told(&one, "asked"), format!("web   asked [::]:3000   serves http://localhost:{first}"));
    let _ = Stage::told(&two, "asked 0.0.0.0:80");
    for (port, name) in [(&first, "one"), (&second, "two"), (&stage.port(&stage.two, "80"), "two")] {
        assert_eq!(stage.heard(&format!("127.0.0.1 {port}")), name);
        assert_eq!(stage.heard(&format!("::1 {port}")), name);
        assert_eq!(stage.heard(&format!("192.168.77.1 {port}")), "ConnectionRefusedError");
    }
    assert_eq!(stage.heard("127.0.0.1 3000"), "plain");
    let document = stage.portward(&stage.one, &["ps", "--json"]).expect(0).json();
    assert!(document["sessions"].as_array().unwrap().iter().any(|session| session["services"][0]["name"] == "web"));
    // Stopped with what keeps the doors.
    let stopped = stage.portward(&stage.one, &["stop", "--all"]).expect(0);
    assert!(!stopped.stdout.contains("doors"), "{stopped}");
    assert_eq!(stage.heard(&format!("127.0.0.1 {first}")), "ConnectionRefusedError");
}

#[test]
fn it_has_no_network_and_reaches_the_real_localhost_where_it_serves_nothing_itself() {
    let Some(stage) = Stage::new() else { return };
    stage.world.add_lan("eth0", "192.168.77.1/24");
    let _shared = stage.plain("shared", &["tcp", "127.0.0.1", "5432", "tcp", "192.168.77.1", "8080"]);
    let code = "import os, socket
def ask(host, port):
    try: return socket.create_connection((host, port), 20).recv(100).decode().strip()
    except OSError as error: return type(error).__name__ + ' ' + str(error.errno)
print([name for _, name in socket.if_nameindex()])
print(ask('127.0.0.1', 5432), ask('::1', 5432), ask('127.0.0.1', 5433), ask('192.168.77.1', 8080))
s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(('127.0.0.1', 5432)); s.listen()
c = socket.create_connection(('127.0.0.1', 5432)); s.accept()[0].send(b'own'); print(c.recv(9).decode())
c.close(); s.close(); print(ask('127.0.0.1', 5432))";
    let said = stage.portward(&stage.one, &["run", "--isolated", "--", "python3", "-c", code]).expect(0);
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert_eq!(lines, ["['lo']", "shared shared ConnectionRefusedError 111 OSError 101", "own", "shared"], "{said}");
}

#[test]
fn much_goes_both_ways_and_one_end_may_end_first() {
    let Some(stage) = Stage::new() else { return };
    let echo = "import hashlib, socket
s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(('0.0.0.0', 7000)); s.listen(); print('READY', flush=True)
while True:
    c, _ = s.accept(); all = b''
    while piece := c.recv(1 << 16): all += piece
    c.sendall(all); c.close()";
    let running = stage.inside(&stage.one).start_portward(&["run", "--isolated", "--", "python3", "-c", echo]);
    assert_eq!(running.line(), "READY", "{}", running.stderr());
    let _ = Stage::told(&running, "asked 0.0.0.0:7000");
    let port = stage.port(&stage.one, "7000");
    let client = format!(
        "import os, socket\nsent = os.urandom(8 << 20); c = socket.create_connection(('127.0.0.1', {port}))\n\
         c.sendall(sent); c.shutdown(1); heard = b''\nwhile piece := c.recv(1 << 16): heard += piece\nprint(heard == sent)"
    );
    assert_eq!(stage.world.run(&["python3", "-c", &client]).stdout, "True\n");
    // One project's runs are apart from each other, and meet at their doors.
    let same = stage.portward(&stage.one, &["run", "--isolated", "--", "python3", "-c", &client]).expect(0);
    assert_eq!(same.stdout, "True\n", "{same}");
}

#[test]
fn a_door_outside_goes_when_nothing_serves_it_any_more() {
    let Some(stage) = Stage::new() else { return };
    let code = "import socket, sys; s = socket.socket(); s.bind(('', 3000)); s.listen(); print('OPEN', flush=True); sys.stdin.readline(); \
                s.close(); print('CLOSED', flush=True); sys.stdin.readline()";
    let mut running = stage.inside(&stage.one).start_portward(&["run", "--isolated", "python3", "-c", code]);
    assert_eq!(running.line(), "OPEN", "{}", running.stderr());
    let _ = Stage::told(&running, "asked");
    let listeners =
        || stage.portward(&stage.one, &["ps", "--json"]).expect(0).json()["sessions"][0]["services"][0]["listeners"].clone();
    assert_eq!(listeners().as_array().unwrap().len(), 1);
    running.tell("close");
    assert_eq!(running.line(), "CLOSED");
    until("the door is closed", || listeners().as_array().unwrap().is_empty().then_some(()));
}

#[test]
fn ends_are_the_programs_own_and_other_ways_are_refused_beside_it() {
    let Some(stage) = Stage::new() else { return };
    let _ = stage.portward(&stage.one, &["run", "--isolated", "sh", "-c", "exit 7"]).expect(7);
    let _ = stage.portward(&stage.one, &["run", "--isolated", "no-such-program"]).expect(125);
    for other in ["--expose", "--loopback-only", "--port-only"] {
        let refused = stage.portward(&stage.one, &["run", "--isolated", other, "true"]).expect(125);
        assert!(refused.stderr.contains("--isolated"), "{refused}");
    }
}
