//! What becomes of services whose keeper was killed: a look tells how they are and does nothing, and whatever acts takes them up again.

use std::fs;

use portward_testkit::until;
use serde_json::Value;

use crate::run::Stage;

const FOUR: &str = "[services.web]\n\
    command = \"python3 -u -m http.server 8000\"\n\
    port = 8000\n\
    [services.tail]\n\
    command = \"exec tail -n +1 -F note\"\n\
    [services.brief]\n\
    command = \"exec sleep 1000\"\n\
    [services.step]\n\
    command = \"echo done\"\n\
    ready = { done = true }\n";

impl Stage {
    fn kill_keeper(&self) {
        let keeper = self.session_of(&self.one)["keeper"].clone();
        self.world.signal(keeper["pid"].as_u64().unwrap(), "KILL");
        until("the keeper to be gone", || (self.session_of(&self.one)["keeper"]["lives"] == false).then_some(()));
    }

    fn pid_of(&self, name: &str) -> Option<u64> {
        self.service_of(&self.one, name)["pid"].as_u64()
    }
}

#[test]
fn a_look_tells_how_they_are_and_acts_on_nothing() {
    let Some(stage) = Stage::new() else { return };
    stage.declare(&stage.one, FOUR);
    fs::write(stage.one.join("note"), "before\n").unwrap();
    let _ = stage.up(&stage.one, &[]);
    stage.kill_keeper();
    let brief = stage.pid_of("brief").unwrap();
    stage.world.signal(brief, "KILL");
    until("it to be told", || (stage.service_of(&stage.one, "brief")["state"] == "failed").then_some(()));
    let said = stage.portward(&stage.one, &["ps"]).expect(0);
    assert!(said.stderr.contains("The keeper of one's services was killed: they go on, and none is started again."), "{said}");
    assert!(said.stderr.contains("hint: portward up --detach    takes them up again; portward down ends them"), "{said}");
    assert!(said.stdout.contains("brief  failed: It has ended while nobody kept it, and how is not known"), "{said}");
    assert!(said.stdout.contains("step  done"), "{said}");
    for name in ["web", "tail"] {
        assert_eq!(stage.service_of(&stage.one, name)["state"], "ready");
    }
    let named = stage.portward(&stage.one, &["ps", "brief"]).expect(0);
    assert!(named.stdout.contains("brief  failed") && !named.stdout.contains("tail"), "{named}");
    // What comes while nobody keeps them is in the log, to the last line.
    fs::write(stage.one.join("note"), "before\nwhile no keeper was there\n").unwrap();
    until("the line", || {
        let logs = stage.portward(&stage.one, &["logs", "tail"]).expect(0).stdout;
        (logs.ends_with("tail | while no keeper was there\n") && logs.contains("tail | before\n")).then_some(())
    });
    let logs = stage.portward(&stage.one, &["logs"]).expect(0);
    assert!(logs.stdout.contains("step  | done\n"), "{logs}");
    assert_eq!(stage.session_of(&stage.one)["keeper"]["lives"], false, "a look starts no keeper");
    assert!(stage.pid_of("brief").is_none(), "and no service");
    stage.down(&stage.one);
}

#[test]
fn whatever_acts_takes_them_up_again() {
    let Some(stage) = Stage::new() else { return };
    stage.declare(&stage.one, FOUR);
    let _ = stage.portward(&stage.one, &["allow", "--yes"]).expect(0);
    let _ = stage.up(&stage.one, &[]);
    let pids = || ["web", "tail", "brief"].map(|name| stage.pid_of(name));
    let before = pids();
    stage.kill_keeper();
    let document = stage.portward(&stage.one, &["restart", "web", "--json"]).expect(0).json();
    assert_eq!(document["services"][0]["state"], "ready", "{document:#}");
    let after = pids();
    assert!(before[0] != after[0] && before[1..] == after[1..], "one alone was started again: {before:?} {after:?}");
    assert_eq!(stage.session_of(&stage.one)["keeper"]["lives"], true);

    stage.kill_keeper();
    stage.world.signal(after[2].unwrap(), "KILL");
    until("it to be gone", || stage.pid_of("brief").is_none().then_some(()));
    let _ = stage.up(&stage.one, &[]);
    let last = pids();
    assert!(last[..2] == after[..2] && last[2].is_some(), "what has ended is started, and nothing else: {after:?} {last:?}");

    stage.kill_keeper();
    let document = stage.portward(&stage.one, &["down", "tail", "--json"]).expect(0).json();
    let states: Vec<&Value> = document["services"].as_array().unwrap().iter().map(|service| &service["state"]).collect();
    assert_eq!(states, ["stopped"], "{document:#}");
    let keeper = stage.session_of(&stage.one)["keeper"].clone();
    assert_eq!(keeper["lives"], true, "{keeper}");
    assert!(stage.pid_of("web") == last[0] && stage.pid_of("tail").is_none());
    stage.down(&stage.one);
}

#[test]
fn what_is_ended_while_it_starts_is_not_started_again() {
    let Some(stage) = Stage::new() else { return };
    stage.declare(&stage.one, "[services.slow]\ncommand = \"exec sleep 1000\"\nready = { log = \"never\" }\n");
    let _ = stage.portward(&stage.one, &["allow", "--yes"]).expect(0);
    let mut up = stage.inside(&stage.one).start_portward(&["up", "--detach"]);
    until("it to start", || {
        let sessions = stage.portward(&stage.one, &["ps", "--json"]).json()["sessions"].clone();
        sessions[0]["services"][0]["pid"].as_u64().map(|_| ())
    });
    let _ = stage.portward(&stage.one, &["down"]).expect(0);
    let _ = up.end();
    let sessions = stage.portward(&stage.one, &["ps", "--json"]).json()["sessions"].clone();
    assert_eq!(sessions.as_array().map(Vec::len), Some(0), "{sessions:#}");
}
