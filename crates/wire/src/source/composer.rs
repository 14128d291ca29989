//! `composer.json`: the scripts of a package of PHP.

use super::{Fact, Findings, Kind, Source, Start, command, node::Node};

pub(super) const KIND: Kind = Kind {
    by_folder: true,
    reads: "The ports of `scripts`, as of those of package.json. A script that listens can be started.",
    ..Kind::of("composer", "composer.json", &["composer.json"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let Some(root) = found.json(source) else { return };
    for entry in root.field("scripts").map(Node::map).unwrap_or_default() {
        let nodes: Vec<&Node> = if entry.node.text().is_some() { vec![&entry.node] } else { entry.node.list().iter().collect() };
        let before = found.facts.len();
        let mut runs = Vec::new();
        for node in nodes {
            // What begins with `@` is another script, or a command of Composer's own.
            let Some(text) =
                node.text().map(|text| text.strip_prefix("@php").map_or(text.to_owned(), |rest| format!("php{rest}")))
            else {
                continue;
            };
            let column = if node.text() == Some(text.as_str()) { node.column } else { 0 };
            command::read(&text, command::At { line: node.line, column, service: &entry.key }, found);
            runs.push(text);
        }
        if found.facts.get(before..).unwrap_or_default().iter().any(Fact::listens) {
            found.starts.push(Start {
                name: entry.key.clone(),
                command: Some(format!("composer run-script --timeout=0 {}", entry.key)),
                runs: Some(runs.join(" && ")),
                folder: source.folder().to_owned(),
                line: entry.line,
                ..Start::default()
            });
        }
    }
}
