//! Into another network namespace, and out of it.

use portward_testkit::Running;
use serde_json::Value;

use crate::run::Stage;

/// The stage's server in a namespace.
fn server_in(stage: &Stage, netns: &str, places: &[&str]) -> Running {
    let running = stage.world.enter().netns(netns).start(&[&["python3", stage.server_path(), "inside"], places].concat());
    assert_eq!(running.line(), "READY", "{}", running.stderr());
    running
}

fn begun(stage: &Stage, words: &[&str]) -> Value {
    stage.world.portward(&[&["forward"], words, &["--detach", "--json"]].concat()).expect(0).lines_json().remove(0)
}

#[test]
fn a_server_of_another_namespace_is_reached_by_its_name_and_by_a_process() {
    let Some(stage) = Stage::new() else { return };
    stage.world.add_netns("blue");
    let _server = server_in(&stage, "blue", &["tcp", "127.0.0.1", "3000", "udp", "127.0.0.1", "5353"]);
    let pid = stage.world.enter().netns("blue").actor(&["listen", "tcp/127.0.0.1:4000"]);
    assert_eq!(stage.heard("127.0.0.1 3000"), "ConnectionRefusedError");
    // Its own number is free here.
    let line = begun(&stage, &["3000", "--netns", "blue"]);
    assert_eq!(line["listens"][0], "127.0.0.1:3000", "{line:#}");
    let _ = begun(&stage, &["3000", "8080", "--netns", &pid.pid().to_string()]);
    let _ = begun(&stage, &["udp/5353", "8053", "--netns", "blue"]);
    for place in ["127.0.0.1 3000", "::1 3000", "127.0.0.1 8080", "127.0.0.1 8053 udp"] {
        assert_eq!(stage.heard(place), "inside", "{place}");
    }
    let unknown = stage.world.portward(&["forward", "3000", "--netns", "red"]).expect(2);
    assert!(unknown.stderr.contains("No network namespace is called `red`"), "{unknown}");
    let _ = stage.world.portward(&["forward", "remove", "--all"]).expect(0);
    assert_eq!(stage.heard("127.0.0.1 3000"), "ConnectionRefusedError");
}

#[test]
fn a_server_of_this_namespace_is_reached_from_another() {
    let Some(stage) = Stage::new() else { return };
    stage.world.add_netns("blue");
    let _server = stage.plain("outside", &["tcp", "127.0.0.1", "3000"]);
    let _ = begun(&stage, &["3000", "3000", "--at-netns", "blue"]);
    let client = stage.world.enter().netns("blue").portward(&["wait", "127.0.0.1:3000", "[::1]:3000", "--timeout", "20s"]);
    assert_eq!(client.code, Some(0), "{client}");
    let _ = stage.world.portward(&["forward", "remove", "--all"]).expect(0);
}

#[test]
fn who_may_not_enter_is_told_what_it_takes() {
    let Some(stage) = Stage::new() else { return };
    stage.world.add_netns("blue");
    let _server = server_in(&stage, "blue", &["tcp", "127.0.0.1", "3000"]);
    let refused = stage.world.enter().stranger().portward(&["forward", "3000", "--netns", "blue", "--timeout", "1s"]);
    if refused.code == Some(0) {
        portward_testkit::skip("a user who may not enter a namespace of this world");
        return;
    }
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.contains("could not be entered") && refused.stderr.contains("CAP_SYS_ADMIN"), "{refused}");
}
