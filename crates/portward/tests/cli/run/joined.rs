//! Runs inside runs, and several in one project.

use super::Stage;

#[test]
fn a_nested_run_joins_the_session() {
    let Some(stage) = Stage::new() else { return };
    let portward = stage.world.portward_path().to_str().unwrap();
    let server = &stage.server;
    let script = format!("{portward} run --name inner -- python3 {server} inner tcp 0.0.0.0 3000; true");
    let running = stage.inside(&stage.one).start_portward(&["run", "--name", "outer", "sh", "-c", &script]);
    assert_eq!(running.line(), "READY", "{}", running.stderr());
    assert!(Stage::told(&running, "asked").starts_with("inner   asked 0.0.0.0:3000"));
    let sessions = stage.portward(&stage.one, &["ps", "--json"]).expect(0).json();
    let names: Vec<&str> =
        sessions["sessions"][0]["services"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["outer", "inner"]);
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1);
}

#[test]
fn a_nested_run_under_other_rules_is_refused() {
    let Some(stage) = Stage::new() else { return };
    let portward = stage.world.portward_path().to_str().unwrap();
    let nested = |outer: &[&str], inner: &str| {
        let script = format!("{portward} run {inner} echo JOINED");
        stage.portward(&stage.one, &[&["run"], outer, &["sh", "-c", &script]].concat())
    };
    for (outer, inner) in [(&["--expose"][..], "--loopback-only"), (&[], "--expose"), (&["--loopback-only"], "--isolated")] {
        let refused = nested(outer, inner).expect(125);
        assert!(refused.stdout.is_empty() && refused.stderr.contains(inner) && refused.stderr.contains("hint:"), "{refused}");
        assert!(outer.iter().all(|flag| refused.stderr.contains(flag)), "{refused}");
    }
    for (outer, inner) in [(&["--expose"][..], "--expose"), (&["--expose"], ""), (&["--loopback-only"], "--loopback-only")] {
        assert_eq!(nested(outer, inner).expect(0).stdout, "JOINED\n");
    }
}

#[test]
fn a_word_in_the_environment_alone_joins_nothing() {
    let Some(stage) = Stage::new() else { return };
    let command = ["run", "--", "python3", &stage.server, "web", "tcp", "0.0.0.0", "3000"];
    let running = stage.inside(&stage.one).env("PORTWARD_SESSION", "1").start_portward(&command);
    assert_eq!(running.line(), "READY");
    assert!(Stage::told(&running, "asked").contains("serves http://localhost:"));
    assert_eq!(stage.heard("127.0.0.1 3000"), "ConnectionRefusedError", "it was supervised");
}

#[test]
fn services_of_one_project_reach_each_other() {
    let Some(stage) = Stage::new() else { return };
    let _db = stage.server(&stage.one, &["--name", "db"], "db", &["tcp", "127.0.0.1", "5432"]);
    let _web = stage.server(&stage.one, &["--name", "web"], "web", &["tcp", "::", "3000"]);
    assert_eq!(stage.heard_in(&stage.one, "127.0.0.1 5432"), "db");
    assert_eq!(stage.heard_in(&stage.one, "127.0.0.1 3000"), "web");
    assert_eq!(stage.heard_in(&stage.two, "127.0.0.1 5432"), "ConnectionRefusedError");
    // Two of them on one port collide as they do everywhere.
    let command = ["run", "--", "python3", &stage.server, "again", "tcp", "127.0.0.1", "5432"];
    let again = stage.portward(&stage.one, &command).expect(1);
    assert!(again.stderr.contains("Address already in use"), "{again}");
}

#[test]
fn a_worktree_is_a_project_of_its_own() {
    let Some(stage) = Stage::new() else { return };
    let tree = stage.world.git_worktree("one", "fix-42", "fix-42");
    stage.world.give(&tree);
    let _main = stage.server(&stage.one, &[], "main", &["tcp", "::", "3000"]);
    let _fix = stage.server(&tree, &[], "fix", &["tcp", "::", "3000"]);
    assert_eq!(stage.heard_in(&stage.one, "127.0.0.1 3000"), "main");
    assert_eq!(stage.heard_in(&tree, "127.0.0.1 3000"), "fix");
    let shown = stage.portward(&stage.one, &["ps"]).expect(0);
    assert!(shown.stdout.contains("one@fix-42") || shown.stdout.contains("fix-42"), "{shown}");
}

#[test]
fn the_doctor_knows_where_a_moved_port_went() {
    let Some(stage) = Stage::new() else { return };
    let web = stage.server(&stage.one, &["--name", "web"], "web", &["tcp", "::", "3000"]);
    let _ = Stage::told(&web, "asked");
    let port = stage.port(&stage.one, "3000");
    let said = stage.portward(&stage.two, &["doctor", "3000", "--json"]).expect(1).json();
    assert_eq!(said["causes"][0]["code"], "served-in-session", "{said:#}");
    let summary = said["causes"][0]["summary"].as_str().unwrap();
    assert!(summary.starts_with("web of one serves port 3000") && summary.contains(&port), "{summary}");
    drop(web);
    portward_testkit::until("the session ends", || {
        let said = stage.portward(&stage.two, &["doctor", "3000", "--json"]).expect(1).json();
        (said["causes"][0]["code"] == "no-listener").then_some(())
    });
}
