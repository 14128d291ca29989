//! A second run of what the project serves already: who serves it, and what there is to do.

use serde_json::Value;

use crate::run::Stage;

#[test]
fn the_doctor_knows_the_projects_own_server_inside_and_outside() {
    let Some(stage) = Stage::new() else { return };
    let web = stage.server(&stage.one, &["--name", "web"], "one", &["tcp", "::", "3000"]);
    let port = stage.port(&stage.one, "3000");
    let error = "Error: listen EADDRINUSE: address already in use :::3000";
    let portward = stage.world.portward_path().to_str().unwrap().to_owned();
    let outside = stage.portward(&stage.one, &["doctor", error, "--json"]).expect(1).json();
    let inside = stage.portward(&stage.one, &["run", &portward, "doctor", error, "--json"]).expect(1);
    let said: Value = serde_json::from_str(&inside.stdout).unwrap();
    for examined in [outside, said] {
        let cause = &examined["causes"][0];
        assert_eq!(cause["code"], "session-serves", "{examined:#}");
        let summary = cause["summary"].as_str().unwrap();
        assert!(summary.starts_with("one already serves 3000: web (pid "), "{summary}");
        assert!(summary.ends_with(&format!("-> localhost:{port}.")), "{summary}");
    }
    // The tries of the doctor's own are no second server.
    assert!(!inside.stderr.contains("was refused it"), "{inside} {}", web.stderr());
}
