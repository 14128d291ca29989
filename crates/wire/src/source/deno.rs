//! `deno.json`: the tasks of a program of Deno.

use super::{Fact, Findings, Kind, Source, Start, command, node::Node};

pub(super) const KIND: Kind = Kind {
    by_folder: true,
    reads: "The ports of `tasks`, as of the scripts of package.json. A task that listens can be started, and so can `dev` and `start`.",
    ..Kind::of("deno", "deno.json", &["deno.json", "deno.jsonc"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let Some(root) = found.json(source) else { return };
    for entry in root.field("tasks").map(Node::map).unwrap_or_default() {
        let Some(node) = Some(&entry.node).filter(|node| node.text().is_some()).or_else(|| entry.node.field("command")) else {
            continue;
        };
        let Some(text) = node.text() else { continue };
        let before = found.facts.len();
        command::read(text, command::At { line: node.line, column: node.column, service: &entry.key }, found);
        let listens = found.facts.get(before..).unwrap_or_default().iter().any(Fact::listens);
        if listens || matches!(entry.key.as_str(), "dev" | "start") {
            found.starts.push(Start {
                name: entry.key.clone(),
                command: Some(format!("deno task {}", entry.key)),
                runs: Some(text.to_owned()),
                folder: source.folder().to_owned(),
                line: entry.line,
                ..Start::default()
            });
        }
    }
}
