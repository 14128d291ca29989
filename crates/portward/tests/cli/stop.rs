//! `portward stop`: a project's programs end, and their ports are free when it returns.

use crate::{run::Stage, world};

#[test]
fn nothing_to_stop() {
    let Some(world) = world() else { return };
    let said = world.portward(&["stop"]).expect(0);
    assert!(said.stderr.contains("Nothing of this project runs in a session."), "{said}");
    let said = world.portward(&["stop", "web"]).expect(1);
    assert!(said.stderr.contains("No service of this project is called web."), "{said}");
}

#[test]
fn one_service_of_a_project_and_nothing_of_another() {
    let Some(stage) = Stage::new() else { return };
    let mut db = stage.server(&stage.one, &["--name", "db"], "db", &["tcp", "127.0.0.1", "5432"]);
    let mut web = stage.server(&stage.one, &["--name", "web"], "web", &["tcp", "::", "3000"]);
    let mut other = stage.server(&stage.two, &["--name", "db"], "other", &["tcp", "127.0.0.1", "5432"]);
    let document = stage.portward(&stage.one, &["stop", "db", "--json"]).expect(0).json();
    assert_eq!(document["stopped"].as_array().unwrap().len(), 1, "{document:#}");
    assert_eq!(document["stopped"][0]["name"], "db");
    assert_eq!(stage.heard_in(&stage.one, "127.0.0.1 5432"), "ConnectionRefusedError");
    let _ = db.end();
    assert!(web.is_alive() && other.is_alive());
    let _ = stage.portward(&stage.one, &["stop"]).expect(0);
    let port = stage.port(&stage.one, "3000");
    assert_eq!(stage.heard(&format!("127.0.0.1 {port}")), "ConnectionRefusedError");
    let _ = web.end();
    assert!(other.is_alive());
    let _ = stage.portward(&stage.one, &["stop", "--all"]).expect(0);
    let _ = other.end();
}

#[test]
fn what_ignores_the_request_is_killed() {
    let Some(stage) = Stage::new() else { return };
    let code = "import signal, socket; signal.signal(15, signal.SIG_IGN); s = socket.socket(); s.bind(('', 3000)); s.listen(); \
                print('READY', flush=True); signal.pause()";
    let mut running = stage.inside(&stage.one).start_portward(&["run", "python3", "-c", code]);
    assert_eq!(running.line(), "READY");
    let said = stage.portward(&stage.one, &["stop"]).expect(0);
    assert!(said.stdout.contains("by SIGKILL"), "{said}");
    let _ = running.end();
    let port = stage.port(&stage.one, "3000");
    assert_eq!(stage.heard(&format!("127.0.0.1 {port}")), "ConnectionRefusedError");
}

#[test]
fn what_starts_itself_anew_when_it_is_asked_to_end_is_killed() {
    let Some(stage) = Stage::new() else { return };
    let code = stage.world.file("phoenix.py", PHOENIX);
    let mut running = stage.inside(&stage.one).start_portward(&["run", "--name", "phoenix", "python3", code.to_str().unwrap()]);
    let first: u32 = running.line().parse().unwrap();
    let document = stage.portward(&stage.one, &["stop", "--json"]).expect(0).json();
    let stopped = document["stopped"].as_array().unwrap();
    assert!(document["alive"].as_array().unwrap().is_empty(), "{document:#}");
    assert_eq!(stopped[0]["pid"], first, "{document:#}");
    assert!(stopped.len() > 1, "{document:#}");
    let _ = running.end();
    for freed in stopped {
        let words = std::fs::read_to_string(format!("/proc/{}/cmdline", freed["pid"])).unwrap_or_default();
        assert!(!words.contains("phoenix.py"), "{freed:#} lives");
    }
    let sessions = stage.portward(&stage.one, &["ps", "--json"]).expect(0).json();
    assert!(sessions["sessions"].as_array().unwrap().is_empty(), "its supervisor has ended: {sessions:#}");
}

/// Says its number; starts itself anew where it is asked to end.
const PHOENIX: &str = r"
import os, signal, sys
def anew(*_):
    if os.fork() == 0: os.execv(sys.executable, [sys.executable, sys.argv[0]])
    os._exit(0)
signal.signal(signal.SIGTERM, anew)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
print(os.getpid(), flush=True)
while True: signal.pause()
";
