//! `portward resume`: what a signal stopped goes on, and nothing else is touched.

use crate::world;

#[test]
fn a_stopped_server_goes_on() {
    let Some(world) = world() else { return };
    let server = world.actor(&["web", "tcp/127.0.0.1:3000"]);
    let _ = world.run(&["sh", "-c", "kill -STOP $0", &server.pid().to_string()]).expect(0);
    let document = world.portward(&["resume", "3000", "--json"]).expect(0).json();
    assert_eq!(
        (document["resumed"][0]["pid"].as_u64(), document["resumed"][0]["signal"].as_str()),
        (Some(server.pid()), Some("SIGCONT"))
    );
    let _ = world.portward(&["wait", "3000", "--ready", "http"]).expect(0);
}

#[test]
fn what_runs_and_what_is_not_there_is_said() {
    let Some(world) = world() else { return };
    let _server = world.actor(&["web", "tcp/127.0.0.1:3000"]);
    let outcome = world.portward(&["resume", "3000"]).expect(1);
    assert!(outcome.stdout.contains("Nothing that serves 3000 is stopped"), "{outcome}");
    let outcome = world.portward(&["resume", "3001"]).expect(1);
    assert!(outcome.stdout.contains("3001"), "{outcome}");
    let _ = world.portward(&["resume", "http://localhost/"]).expect(2);
}
