//! `run --port-only`: no call is touched; the program is told its port, and the kernel says where it listens.

use super::Stage;

/// Listens where the environment says, or at 3000.
const OBEDIENT: &str = "import os, socket, sys; s = socket.socket(); s.bind(('127.0.0.1', int(os.environ.get('PORT', 3000)))); s.listen(); \
                        print('READY', flush=True); sys.stdin.readline()";

#[test]
fn the_program_is_told_its_lease() {
    let Some(stage) = Stage::new() else { return };
    let mut running =
        stage.inside(&stage.one).start_portward(&["run", "--port-only", "--name", "web", "python3", "-c", OBEDIENT]);
    assert_eq!(running.line(), "READY", "{}", running.stderr());
    let port = stage.port(&stage.one, "web");
    assert_eq!(Stage::told(&running, "serves"), format!("web   serves http://localhost:{port}"));
    assert_eq!(stage.portward(&stage.one, &["url", "web"]).expect(0).stdout, format!("http://localhost:{port}\n"));
    let sessions = stage.portward(&stage.one, &["ps", "--json"]).expect(0).json();
    let listener = &sessions["sessions"][0]["services"][0]["listeners"][0];
    assert_eq!((listener["serves"].as_str(), listener["asked"].is_null()), (Some(&*format!("127.0.0.1:{port}")), true));
    running.tell("end");
    assert_eq!(running.end().code(), Some(0));
}

#[test]
fn one_that_does_not_listen_there_is_named_with_the_words_that_would_tell_it() {
    let Some(stage) = Stage::new() else { return };
    let code = "import socket, sys; s = socket.socket(); s.bind(('0.0.0.0', 5173)); s.listen(); print('READY', flush=True); sys.stdin.readline()";
    let vite = stage.world.file("bin/vite", format!("#!/usr/bin/env python3\n{code}\n"));
    let _ = stage.world.run(&["chmod", "755", vite.to_str().unwrap()]).expect(0);
    let script = format!("{}; true", vite.display());
    let running = stage.inside(&stage.one).start_portward(&["run", "--port-only", "--name", "web", "sh", "-c", &script]);
    assert_eq!(running.line(), "READY", "{}", running.stderr());
    let port = stage.port(&stage.one, "web");
    let line = Stage::told(&running, "listens on 5173");
    assert!(line.contains(&format!("and not on {port}")), "{line}");
    assert!(Stage::told(&running, "hint: ").contains(&format!("--port {port} --strictPort")));
    assert!(Stage::told(&running, "serves").contains("the network can reach it"));
}

#[test]
fn a_flag_is_given_where_it_is_known() {
    let Some(stage) = Stage::new() else { return };
    let running = stage.inside(&stage.one).start_portward(&[
        "run",
        "--port-only",
        "--name",
        "files",
        "--",
        "python3",
        "-u",
        "-m",
        "http.server",
    ]);
    let port = stage.port(&stage.one, "files");
    assert!(running.line().contains(&format!("port {port}")));
    assert!(Stage::told(&running, "serves").starts_with("files   serves"));
}

#[test]
fn a_socket_is_handed_to_one_that_takes_it() {
    let Some(stage) = Stage::new() else { return };
    let code = "#!/usr/bin/env python3\nimport os, socket, sys\nassert os.environ['LISTEN_PID'] == str(os.getpid()) and os.environ['LISTEN_FDS'] == '1'\n\
                s = socket.socket(fileno=3); print(s.getsockname()[1], s.getsockopt(1, 25, 16), flush=True)\n\
                while True: s.accept()[0].sendall(b'handed')\n";
    let gunicorn = stage.world.file("bin/gunicorn", code);
    let gunicorn = gunicorn.to_str().unwrap();
    let _ = stage.world.run(&["chmod", "755", gunicorn]).expect(0);
    let running = stage.inside(&stage.one).start_portward(&["run", "--port-only", "--name", "app", gunicorn, "app:app"]);
    let port = stage.port(&stage.one, "app");
    assert_eq!(running.line(), format!("{port} b'lo\\x00'"), "{}", running.stderr());
    assert_eq!(stage.heard(&format!("127.0.0.1 {port}")), "handed");
    assert_eq!(stage.heard(&format!("::1 {port}")), "handed");
    drop(running);
    portward_testkit::until("the port is free", || {
        (stage.heard(&format!("127.0.0.1 {port}")) == "ConnectionRefusedError").then_some(())
    });
    let missing = stage.portward(&stage.one, &["run", "--port-only", "/nowhere/gunicorn", "app:app"]).expect(125);
    assert!(missing.stderr.contains("could not be started"), "{missing}");
}

#[test]
fn ends_and_streams_are_the_programs_own() {
    let Some(stage) = Stage::new() else { return };
    let said = stage.portward(&stage.one, &["run", "--port-only", "sh", "-c", "echo $PORT; exit 7"]).expect(7);
    assert_eq!(said.stdout, stage.portward(&stage.one, &["port", "sh"]).expect(0).stdout);
    let ended = stage.portward(&stage.one, &["run", "--port-only", "sh", "-c", "kill -TERM $$"]);
    assert_eq!((ended.code, ended.signal), (None, Some(15)), "{ended}");
    let _ = stage.portward(&stage.one, &["run", "--port-only", "no-such-program"]).expect(125);
    let refused = stage.portward(&stage.one, &["run", "--port-only", "--expose", "true"]).expect(125);
    assert!(refused.stderr.contains("--expose"), "{refused}");
}

#[test]
fn what_it_leaves_behind_is_followed_and_stopped() {
    let Some(stage) = Stage::new() else { return };
    let daemon = format!("setsid -f python3 {} daemon tcp 127.0.0.1 $PORT > /dev/null 2>&1 < /dev/null", stage.server);
    let _ = stage.portward(&stage.one, &["run", "--port-only", "--name", "web", "sh", "-c", &daemon]).expect(0);
    let port = stage.port(&stage.one, "web");
    portward_testkit::until("the daemon", || (stage.heard(&format!("127.0.0.1 {port}")) == "daemon").then_some(()));
    let _ = stage.portward(&stage.one, &["stop"]).expect(0);
    assert_eq!(stage.heard(&format!("127.0.0.1 {port}")), "ConnectionRefusedError");
}

#[test]
fn what_is_said_for_machines_goes_beside_the_programs_output() {
    let Some(stage) = Stage::new() else { return };
    for way in ["--json", "--ndjson"] {
        let code = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 3000)); s.listen(); print('out')";
        let said = stage.portward(&stage.one, &["run", way, "python3", "-c", code]).expect(0);
        assert_eq!(said.stdout, "out\n");
        let lines: Vec<serde_json::Value> = said.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["listener"]["asked"], "127.0.0.1:3000", "{said}");
        assert_eq!((lines.len(), lines[1]["code"].as_i64(), lines[1]["schema_version"].as_i64()), (2, Some(0), Some(1)));
    }
}
