//! `portward graph`: which service talks to which.

use portward_testkit::{Actor, World};

use crate::world;

/// A web server that talks to a database, and a worker that talks to both; all accepted, so that both ends
/// of every connection have an owner.
fn services(world: &World) -> [Actor; 3] {
    let mut database = world.actor(&["listen", "tcp/127.0.0.1:5432"]);
    let mut web = world.actor(&["relay", "tcp/127.0.0.1:3000", "tcp/127.0.0.1:5432"]);
    let worker = world.actor(&["connect", "tcp/127.0.0.1:5432", "tcp/127.0.0.1:3000", "tcp/127.0.0.1:3000"]);
    for _ in 0..2 {
        database.ask("accept 0", "ACCEPTED");
        web.ask("accept 0", "ACCEPTED");
    }
    [database, web, worker]
}

#[test]
fn as_text() {
    let Some(world) = world() else { return };
    let cast = services(&world);
    let outcome = world.portward(&["graph"]).expect(0);
    for actor in &cast {
        assert!(outcome.stdout.contains(&actor.pid().to_string()), "{outcome}");
    }
    assert!(outcome.stdout.contains("5432") && outcome.stdout.contains("3000"), "{outcome}");
}

#[test]
fn as_json() {
    let Some(world) = world() else { return };
    let [database, web, worker] = services(&world);
    for arguments in [&["graph", "--format", "json"][..], &["graph", "--json"]] {
        let outcome = world.portward(arguments).expect(0);
        let document = outcome.json();
        let text = document.to_string();
        for actor in [&database, &web, &worker] {
            assert!(text.contains(&format!(":{}", actor.pid())), "{document:#}");
        }
    }
}

#[test]
fn as_dot_and_mermaid() {
    let Some(world) = world() else { return };
    let _cast = services(&world);
    let dot = world.portward(&["graph", "--format", "dot"]).expect(0);
    assert!(dot.stdout.starts_with("digraph") && dot.stdout.contains("->") && dot.stdout.trim_end().ends_with('}'), "{dot}");
    let mermaid = world.portward(&["graph", "--format", "mermaid"]).expect(0);
    assert!(mermaid.stdout.starts_with("graph") || mermaid.stdout.starts_with("flowchart"), "{mermaid}");
    assert!(mermaid.stdout.contains("-->") || mermaid.stdout.contains("--"), "{mermaid}");
}

#[test]
fn hostile_names_stay_inside_their_quotes() {
    let Some(world) = world() else { return };
    let name = portward_testkit::hex(b"\"]; evil -> x [");
    let _server = world.actor(&["named", &name, "tcp/127.0.0.1:3000"]);
    let _client = world.actor(&["connect", "tcp/127.0.0.1:3000"]);
    let dot = world.portward(&["graph", "--format", "dot"]).expect(0);
    assert!(!dot.stdout.lines().any(|line| line.contains("\"]; evil -> x [") && !line.contains("\\\"]")), "{dot}");
    let mermaid = world.portward(&["graph", "--format", "mermaid"]).expect(0);
    assert!(!mermaid.stdout.contains("\"]; evil"), "{mermaid}");
}

#[test]
fn an_empty_machine() {
    let Some(world) = world() else { return };
    for format in ["text", "json", "dot", "mermaid"] {
        let outcome = world.portward(&["graph", "--format", format]).expect(0);
        assert!(!outcome.stdout.is_empty(), "{format}");
    }
    let refused = world.portward(&["graph", "--format", "svg"]).expect(2);
    assert!(refused.stderr.contains("svg") && refused.stderr.contains("hint:"), "{refused}");
}
