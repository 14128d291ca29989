//! `portward doctor`: the cause, the proof and the fix, and that nobody is harmed.

use portward_testkit::World;
use serde_json::Value;

use crate::world;

/// What the doctor says, as a document.
#[track_caller]
fn examined(world: &World, arguments: &[&str]) -> Value {
    let mut words = vec!["doctor"];
    words.extend(arguments);
    words.push("--json");
    world.portward(&words).json()
}

fn first_code(document: &Value) -> &str {
    document["causes"][0]["code"].as_str().unwrap_or("none")
}

#[test]
fn nothing_listens() {
    let Some(world) = world() else { return };
    let outcome = world.portward(&["doctor", "127.0.0.1:3000"]).expect(1);
    assert!(outcome.stdout.contains("Nothing listens on port 3000"), "{outcome}");
    let document = examined(&world, &["127.0.0.1:3000"]);
    assert_eq!((first_code(&document), &document["verdict"]), ("no-listener", &Value::from("fault")), "{document:#}");
    let evidence = document["causes"][0]["evidence"].as_array().unwrap();
    assert!(evidence.len() >= 2, "the tables and the refusal prove it: {document:#}");
}

#[test]
fn a_server_that_answers_is_healthy() {
    let Some(world) = world() else { return };
    let _server = world.actor(&["web", "tcp/[::]:3000,dual"]);
    for target in ["3000", "127.0.0.1:3000", "[::1]:3000", "localhost:3000", "http://localhost:3000/"] {
        let document = examined(&world, &[target]);
        assert_eq!(document["verdict"], "healthy", "{target}: {document:#}");
        assert_eq!(document["causes"], Value::Array(Vec::new()), "{target}: {document:#}");
        assert!(!document["healthy"].as_array().unwrap().is_empty(), "{target}: health is shown, too");
    }
    let _ = world.portward(&["doctor", "3000"]).expect(0);
}

#[test]
fn the_other_family() {
    let Some(world) = world() else { return };
    let server = world.actor(&["web", "tcp/[::1]:5173"]);
    let paste = "Error: connect ECONNREFUSED 127.0.0.1:5173";
    for arguments in [&["127.0.0.1:5173"][..], &[paste]] {
        let document = examined(&world, arguments);
        assert_eq!(first_code(&document), "listen-other-family", "{document:#}");
        assert!(document["summary"].as_str().unwrap().contains(&server.pid().to_string()), "{document:#}");
    }
    let document = examined(&world, &[paste]);
    assert_eq!((&document["read"]["program"], &document["read"]["port"]), (&Value::from("node"), &Value::from(5173)));
}

#[test]
fn a_log_on_standard_input() {
    let Some(world) = world() else { return };
    let script = "(yes 'GET / 200' | head -c 3000000; echo 'curl: (7) Failed to connect to 127.0.0.1 port 3000 after 0 ms: \
                  Connection refused') | $0 doctor - --json";
    let outcome = world.run(&["sh", "-c", script, crate::PORTWARD]).expect(1);
    let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(first_code(&document), "no-listener", "{document:#}");
    assert_eq!(document["read"]["program"], "curl");
}

#[test]
fn a_port_that_is_held() {
    let Some(world) = world() else { return };
    let server = world.actor(&["listen", "tcp/127.0.0.1:8080"]);
    let document = examined(&world, &["127.0.0.1:8080", "--bind"]);
    assert_eq!((&document["question"], &document["verdict"]), (&Value::from("listen"), &Value::from("fault")), "{document:#}");
    assert!(document["summary"].as_str().unwrap().contains(&server.pid().to_string()), "{document:#}");
    let document = examined(&world, &["127.0.0.1:8081", "--bind"]);
    assert_eq!(document["verdict"], "healthy", "{document:#}");
}

#[test]
fn a_listener_that_one_connection_would_use_up_is_left_alone() {
    let Some(world) = world() else { return };
    let _server = world.actor(&["listen", "tcp/127.0.0.1:62893,backlog=1"]);
    let document = examined(&world, &["127.0.0.1:62893"]);
    assert_eq!(document["verdict"], "healthy", "{document:#}");
    assert_eq!(document["probes"], Value::Array(Vec::new()), "{document:#}");
    assert!(document["declined"][0]["because"].as_str().unwrap().contains("backlog"), "{document:#}");
}

#[test]
fn probes_can_be_listed_without_being_made() {
    let Some(world) = world() else { return };
    let _server = world.actor(&["web", "tcp/127.0.0.1:3000"]);
    let document = examined(&world, &["127.0.0.1:3000", "--explain-probes"]);
    let probes = document["probes"].as_array().unwrap();
    assert!(!probes.is_empty() && probes.iter().all(|probe| probe["met"].is_null()), "{document:#}");
}

#[test]
fn a_stopped_server_goes_on_by_the_fix() {
    let Some(world) = world() else { return };
    let server = world.actor(&["web", "tcp/127.0.0.1:3000"]);
    let _ = world.run(&["sh", "-c", "kill -STOP $0", &server.pid().to_string()]).expect(0);
    let document = examined(&world, &["127.0.0.1:3000"]);
    assert_eq!(first_code(&document), "proc-stopped", "{document:#}");
    let document = examined(&world, &["127.0.0.1:3000", "--fix", "--yes"]);
    assert_eq!(document["verdict"], "healthy", "{document:#}");
    assert_eq!(document["fixed"][0]["became"], "done", "{document:#}");
}

#[test]
fn every_listener_at_once() {
    let Some(world) = world() else { return };
    let _well = world.actor(&["web", "tcp/127.0.0.1:3000"]);
    let document = examined(&world, &["--all"]);
    assert_eq!((&document["verdict"], &document["examined"]), (&Value::from("healthy"), &Value::from(1)), "{document:#}");
    let ill = world.actor(&["web", "tcp/127.0.0.1:3001"]);
    let _ = world.run(&["sh", "-c", "kill -STOP $0", &ill.pid().to_string()]).expect(0);
    let document = examined(&world, &["--all"]);
    assert_eq!(document["wrong"][0]["causes"][0]["code"], "proc-stopped", "{document:#}");
    assert_eq!(document["wrong"].as_array().map(Vec::len), Some(1), "{document:#}");
}

#[test]
fn what_cannot_be_asked() {
    let Some(world) = world() else { return };
    for (arguments, word) in [
        (&["doctor"][..], "nothing to examine"),
        (&["doctor", "all is well, really"], "Nothing in the text"),
        (&["doctor", "--text", "all is well"], "Nothing in the text"),
        (&["doctor", "3000", "--as", "curl 'x"], "quote"),
    ] {
        let outcome = world.portward(arguments).expect(2);
        assert!(outcome.stderr.contains(word) && outcome.stderr.contains("hint:"), "{outcome}");
    }
}

#[test]
fn an_error_without_an_address_gets_its_family() {
    let Some(world) = world() else { return };
    let document = examined(&world, &["java.net.ConnectException: Connection refused"]);
    assert_eq!((&document["target"], &document["verdict"]), (&Value::Null, &Value::from("unknown")), "{document:#}");
    assert!(document["kin"].as_array().unwrap().iter().any(|kin| kin["code"] == "no-listener"), "{document:#}");
    assert!(document["add"].as_str().is_some_and(|add| add.contains("port")), "{document:#}");
}
