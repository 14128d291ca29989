//! `Taskfile.yml`: the commands of its tasks, with the variables that it sets.

use super::{
    Fact, Findings, Kind, Source, Start, command,
    node::{Entry, Node},
    number,
};

pub(super) const KIND: Kind = Kind {
    by_folder: true,
    reads: "The ports of each task's commands, with `vars` of the file and of the task put in, and `PORT` of `env` where a command serves. A task that listens can be started.",
    ..Kind::of(
        "taskfile",
        "Taskfile.yml",
        &["Taskfile.yml", "Taskfile.yaml", "taskfile.yml", "taskfile.yaml", "Taskfile.dist.yml", "Taskfile.dist.yaml"],
        read,
    )
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let Some(root) = found.yaml(source).into_iter().next() else { return };
    for task in root.field("tasks").map(Node::map).unwrap_or_default() {
        // A task that is called by others alone is started by them.
        if task.node.text_of("internal") == Some("true") {
            continue;
        }
        let own = |name: &str| task.node.field(name).map(Node::map).unwrap_or_default();
        let of_file = |name: &str| root.field(name).map(Node::map).unwrap_or_default();
        let variables: Vec<&Entry> = own("vars").iter().chain(of_file("vars")).collect();
        let before = found.facts.len();
        let mut runs: Vec<String> = Vec::new();
        for node in commands(&task.node) {
            let Some(text) = node.text() else { continue };
            let mut filled = filled(text, &variables);
            let mut column = if filled == text { node.column } else { 0 };
            // What the environment says is a word before a command that serves, and nothing before others.
            let port = own("env").iter().chain(of_file("env")).find(|entry| entry.key == "PORT");
            let port = port.and_then(|entry| number::port(&self::filled(entry.node.text()?, &variables)));
            if let Some(port) = port.filter(|_| serves(&filled)) {
                (filled, column) = (format!("PORT={port} {filled}"), 0);
            }
            command::read(&filled, command::At { line: node.line, column, service: &task.key }, found);
            runs.push(filled);
        }
        if !found.facts.get(before..).unwrap_or_default().iter().any(Fact::listens) {
            continue;
        }
        found.starts.push(Start {
            name: task.key.clone(),
            command: Some(format!("task {}", task.key)),
            runs: Some(runs.join(" && ")),
            folder: source.folder().to_owned(),
            line: task.line,
            ..Start::default()
        });
    }
}

/// The commands of a task, however they are written.
fn commands(task: &Node) -> Vec<&Node> {
    if task.text().is_some() {
        return vec![task];
    }
    let listed = task.field("cmds").unwrap_or(task);
    let one = listed.text().is_some().then_some(listed);
    let all = listed.list().iter().map(|node| node.field("cmd").unwrap_or(node));
    task.field("cmd").into_iter().chain(one).chain(all).filter(|node| node.text().is_some()).collect()
}

/// True for a command that serves, and reads its port from the environment.
fn serves(line: &str) -> bool {
    let mut found = Findings::default();
    command::read(line, command::At { line: 0, column: 0, service: "" }, &mut found);
    let listens = found.facts.iter().any(|fact| fact.what == super::What::Usual);
    listens || SERVING.iter().any(|start| line.trim_start().starts_with(start))
}

/// A text with variables put in, once: `{{.PORT}}`, `{{.PORT | default 3000}}`.
fn filled(text: &str, variables: &[&Entry]) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, behind)) = rest.split_once("{{") {
        let Some((inside, behind)) = behind.split_once("}}") else { break };
        let (name, other) = inside.split_once('|').map_or((inside, ""), |(name, other)| (name, other));
        let name = name.trim().trim_start_matches('.');
        let set = variables.iter().find(|entry| entry.key == name).and_then(|entry| entry.node.text());
        let otherwise = other.trim().strip_prefix("default ").map(|word| word.trim().trim_matches('"'));
        out.push_str(before);
        match set.or(otherwise) {
            Some(value) => out.push_str(value),
            None if name == "CLI_ARGS" => {}
            None => {
                out.push_str("{{");
                out.push_str(inside);
                out.push_str("}}");
            }
        }
        rest = behind;
    }
    out + rest
}

/// How lines begin that run a program of the project's own.
const SERVING: &[&str] =
    &["node ", "nodemon ", "tsx ", "bun run ", "deno run ", "go run ", "cargo run", "python ", "python3 ", "ruby ", "air"];
