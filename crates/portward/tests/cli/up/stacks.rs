//! Several stacks, and large ones.

use std::fmt::Write;

use super::THREE;
use crate::run::Stage;

#[test]
fn two_worktrees_of_one_project_are_two_stacks() {
    let Some(stage) = Stage::new() else { return };
    let other = stage.world.git_worktree("one", "fix", "fix-42");
    stage.world.give(&other);
    for folder in [&stage.one, &other] {
        stage.declare(folder, THREE);
        let said = stage.up(folder, &[]);
        assert!(said.contains("web   ready"), "{said}");
    }
    let ports = [&stage.one, &other].map(|folder| stage.port(folder, "8000"));
    assert_ne!(ports[0], ports[1]);
    let keepers = [&stage.one, &other].map(|folder| stage.session_of(folder)["keeper"]["pid"].as_u64().unwrap());
    assert_ne!(keepers[0], keepers[1]);
    let _ = stage.down(&stage.one);
    assert_eq!(stage.service_of(&other, "web")["state"], "ready", "the other goes on");
    let _ = stage.down(&other);
}

#[test]
fn thirty_services_and_one_that_is_asked_for_by_name() {
    let Some(stage) = Stage::new() else { return };
    let mut text = String::new();
    for number in 0..30 {
        let after = if number >= 10 { format!("after = [\"s{}\"]\n", number - 10) } else { String::new() };
        writeln!(text, "[services.s{number}]\ncommand = \"echo this is $PORT; exec sleep 1000\"\nport = {}\nready = {{ log = \"this is\" }}\n{after}", 4000 + number).unwrap();
    }
    stage.declare(&stage.one, &text);
    let said = stage.up(&stage.one, &["s25"]);
    let count = |said: &str| said.lines().filter(|line| line.contains("  ready")).count();
    assert_eq!(count(&said), 3, "with what it waits for: {said}");
    let said = stage.up(&stage.one, &[]);
    assert_eq!(count(&said), 30, "{said}");
    let logs = stage.portward(&stage.one, &["logs", "s7", "-n", "1"]).expect(0).stdout;
    assert_eq!(logs, "s7 | this is 4007\n");
    let document = stage.portward(&stage.one, &["down", "s5", "--json"]).expect(0).json();
    let mut names: Vec<&str> =
        document["services"].as_array().unwrap().iter().map(|service| service["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["s15", "s25", "s5"], "with all that need it");
    assert_eq!(stage.service_of(&stage.one, "s6")["state"], "ready");
    assert_eq!(stage.down(&stage.one)["services"].as_array().unwrap().len(), 30);
}
