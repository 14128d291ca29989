//! `portward up`: a project's services in order, what becomes of them, and that nothing of them is left.

mod ends;
mod forsaken;
mod ready;
mod stacks;

use std::path::Path;

use portward_testkit::until;
use serde_json::Value;

use crate::run::Stage;

impl Stage {
    /// Declares services of a project.
    #[expect(clippy::unused_self, reason = "a stage has its projects' files")]
    pub(crate) fn declare(&self, folder: &Path, text: &str) {
        std::fs::write(folder.join("portward.toml"), text).unwrap();
    }

    /// What comes to a terminal where services are started and left, and the file is agreed to.
    pub(crate) fn up(&self, folder: &Path, words: &[&str]) -> String {
        self.typed(folder, "y", &[&["up", "--detach", "--color", "never"], words].concat()).stdout.replace("\r\n", "\n")
    }

    /// The session of a project.
    pub(crate) fn session_of(&self, folder: &Path) -> Value {
        let document = self.portward(folder, &["ps", "--json"]).expect(0).json();
        let root = folder.to_str().unwrap();
        let mut sessions = document["sessions"].as_array().unwrap().iter();
        sessions.find(|session| session["root"] == root).cloned().unwrap_or(Value::Null)
    }

    /// The service of this name.
    pub(crate) fn service_of(&self, folder: &Path, name: &str) -> Value {
        let session = self.session_of(folder);
        let all = [&session["services"], &session["resting"]];
        let mut rows = all.into_iter().flat_map(|rows| rows.as_array().cloned().unwrap_or_default());
        rows.find(|row| row["name"] == name).unwrap_or(Value::Null)
    }

    /// Ends a project's services, and looks that nothing of them is left.
    pub(crate) fn down(&self, folder: &Path) -> Value {
        let keeper = self.session_of(folder)["keeper"]["pid"].as_u64();
        let document = self.portward(folder, &["down", "--json"]).expect(0).json();
        assert_eq!(document["down"], true, "{document:#}");
        assert!(self.session_of(folder).is_null(), "nothing of it runs");
        if let Some(keeper) = keeper {
            let words = std::fs::read(format!("/proc/{keeper}/cmdline")).unwrap_or_default();
            let words = String::from_utf8_lossy(&words).into_owned();
            assert!(!words.contains(folder.to_str().unwrap()), "its keeper has ended: {words}");
        }
        document
    }
}

/// Two servers and a step, each after the one before.
pub(crate) const THREE: &str = "[env]\n\
    DB = \"at {db}\"\n\
    [services.web]\n\
    command = \"python3 -u -m http.server 8000\"\n\
    port = 8000\n\
    after = [\"step\"]\n\
    [services.step]\n\
    command = \"echo step $DB\"\n\
    ready = { done = true }\n\
    after = [\"db\"]\n\
    [services.db]\n\
    command = [\"python3\", \"-u\", \"-m\", \"http.server\", \"8001\"]\n\
    port = 8001\n";

#[test]
fn services_start_in_order_and_nothing_of_them_is_left() {
    let Some(stage) = Stage::new() else { return };
    stage.declare(&stage.one, THREE);
    let refused = stage.portward(&stage.one, &["up", "--detach"]).expect(2);
    assert!(refused.stderr.contains("is not allowed as it is now") && refused.stderr.contains("http.server 8000"), "{refused}");
    assert!(refused.stderr.contains("hint: portward allow"), "{refused}");
    let said = stage.up(&stage.one, &[]);
    let (db, web) = (said.find("db    ready at http").unwrap_or_else(|| panic!("{said}")), said.find("web   ready at http"));
    assert!(web.unwrap_or_else(|| panic!("{said}")) > db, "in the order in which they start: {said}");
    for name in ["db", "web"] {
        assert_eq!(stage.service_of(&stage.one, name)["state"], "ready");
    }
    assert_eq!(stage.service_of(&stage.one, "step")["state"], "ready", "it is done");
    let port = stage.port(&stage.one, "8001");
    let logs = stage.portward(&stage.one, &["logs", "step"]).expect(0).stdout;
    assert!(logs.contains(&format!("step | step at localhost:{port}\n")), "{logs}");
    let document = stage.down(&stage.one);
    let states: Vec<&Value> = document["services"].as_array().unwrap().iter().map(|service| &service["state"]).collect();
    assert_eq!(states, ["stopped"; 3], "{document:#}");
    assert!(document["services"].as_array().unwrap().iter().all(|service| service["killed"] == false), "{document:#}");
}

#[test]
fn names_that_are_not_known_and_what_is_not_declared() {
    let Some(stage) = Stage::new() else { return };
    let said = stage.portward(&stage.one, &["up", "--detach"]).expect(2);
    assert!(said.stderr.contains("has no portward.toml, and nothing in it says what there is to start."), "{said}");
    stage.declare(&stage.one, THREE);
    let said = stage.portward(&stage.one, &["up", "wbe"]).expect(2);
    assert!(
        said.stderr.contains("No service of this project is called wbe.") && said.stderr.contains("hint: near: web"),
        "{said}"
    );
    std::fs::remove_file(stage.one.join("portward.toml")).unwrap();
    std::fs::write(stage.one.join("package.json"), r#"{"scripts":{"dev":"node server.js","lint":"eslint"}}"#).unwrap();
    let said = stage.portward(&stage.one, &["up", "--detach"]).expect(2);
    assert!(said.stderr.contains("This would be started: dev: npm run dev"), "{said}");
    assert!(said.stderr.contains("hint: portward up --yes"), "{said}");
    let said = stage.portward(&stage.one, &["run", "--quiet", stage.world.portward_path().to_str().unwrap(), "up"]);
    assert!(said.stderr.contains("services get sessions of their own"), "{said}");
}

#[test]
fn whoever_follows_them_in_a_terminal_ends_them_with_it() {
    let Some(stage) = Stage::new() else { return };
    let text = format!("{THREE}[services.last]\ncommand = \"echo REA''DY; exec sleep 1000\"\nafter = [\"web\"]\n");
    stage.declare(&stage.one, &text);
    // Whoever types asks it to end once it reads READY.
    let said = stage.typed(&stage.one, "y", &["up", "--color", "never"]).stdout;
    assert!(said.contains("last | READY") && said.contains("All are down: no process and no port of them is left."), "{said}");
    assert!(said.contains("web  | ready at http://localhost:"), "{said}");
    assert!(stage.session_of(&stage.one).is_null(), "{said}");
}

#[test]
fn a_keeper_that_is_killed_loses_no_service() {
    let Some(stage) = Stage::new() else { return };
    stage.declare(&stage.one, THREE);
    let _ = stage.up(&stage.one, &[]);
    let pids = || ["db", "web"].map(|name| stage.service_of(&stage.one, name)["pid"].as_u64().unwrap());
    let before = pids();
    let kill = || {
        let keeper = stage.session_of(&stage.one)["keeper"].clone();
        stage.world.signal(keeper["pid"].as_u64().unwrap(), "KILL");
        until("the keeper to be gone", || (stage.session_of(&stage.one)["keeper"]["lives"] == false).then_some(()));
    };
    kill();
    let said = stage.portward(&stage.one, &["ps"]).expect(0);
    assert!(said.stderr.contains("The keeper of one's services was killed: they go on"), "{said}");
    assert_eq!(pids(), before);
    let _ = stage.up(&stage.one, &[]);
    assert_eq!(pids(), before, "they are taken up, and not started again");
    assert_eq!(stage.session_of(&stage.one)["keeper"]["lives"], true);
    kill();
    let document = stage.down(&stage.one);
    assert!(document["services"].as_array().unwrap().len() >= 2, "{document:#}");
}
