//! `.vscode/tasks.json`: what an editor runs, beside other things servers.

use super::{Fact, Findings, Kind, Source, Start, command, launch::quoted, node::Node};

pub(super) const KIND: Kind = Kind {
    reads: "The ports of each task's command and arguments. A task that listens can be started.",
    ..Kind::of("tasks", ".vscode/tasks.json", &[".vscode/tasks.json"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let Some(root) = found.json(source) else { return };
    let project = source.folder().strip_suffix(".vscode").unwrap_or_default().trim_end_matches('/');
    for task in root.field("tasks").map(Node::list).unwrap_or_default() {
        let name = task.text_of("label").or(task.text_of("taskName")).unwrap_or_default();
        let Some(line) = task.text_of("command").filter(|_| task.text_of("type") != Some("npm")) else { continue };
        let args = task.field("args").map(Node::texts).unwrap_or_default();
        let line = [line.to_owned()].into_iter().chain(args.iter().map(|word| quoted(word))).collect::<Vec<_>>().join(" ");
        let place =
            task.field("command").map_or((task.line, 0), |node| (node.line, if args.is_empty() { node.column } else { 0 }));
        let before = found.facts.len();
        command::read(&line, command::At { line: place.0, column: place.1, service: name }, found);
        if found.facts.get(before..).unwrap_or_default().iter().any(Fact::listens) && !line.contains("${") {
            found.starts.push(Start {
                name: name.to_owned(),
                command: Some(line),
                folder: project.to_owned(),
                line: task.line,
                ..Start::default()
            });
        }
    }
}
