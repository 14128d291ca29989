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
