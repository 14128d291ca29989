//! `package.json`: its scripts, and whether it is the root of workspaces.

use super::{
    Findings, Kind, Part, Setting, Source, Start, command,
    node::{Entry, Node},
};

pub(super) const KIND: Kind = Kind {
    by_folder: true,
    reads: "The ports of `scripts`: options such as `--port`, variables such as `PORT=3000`, the usual port of a known server, the port of `--inspect`, and URLs of this machine. A script that listens can be started; one that runs others of its package (`concurrently \"npm:dev:*\"`, `run-p dev:*`, `npm run api`) has their ports, and where it does nothing else than run several at once, each of them is started by itself.",
    ..Kind::of("package", "package.json", &["package.json"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let Some(root) = found.json(source) else { return };
    if let Some(node) = root.field("workspaces") {
        workspaces(node.field("packages").unwrap_or(node), found);
    }
    let manager = root.text_of("packageManager").and_then(|text| text.split('@').next()).unwrap_or_default();
    let manager = if matches!(manager, "pnpm" | "yarn" | "bun") { manager } else { "npm" };
    let scripts = root.field("scripts").map(Node::map).unwrap_or_default();
    for entry in scripts {
        let Some(text) = entry.node.text() else { continue };
        let at = command::At { line: entry.node.line, column: entry.node.column, service: &entry.key };
        let before = found.facts.len();
        command::read(text, at, found);
        let listens = found.facts.get(before..).unwrap_or_default().iter().any(super::Fact::listens);
        if listens || matches!(entry.key.as_str(), "dev" | "start" | "serve" | "develop") {
            let of_it = Start { folder: source.folder().to_owned(), ..Start::default() };
            found.starts.push(start(entry, text, (scripts, manager), &of_it, &mut vec![entry.key.as_str()]));
        }
    }
}

/// A script with those of its package that it runs; what runs itself is not followed again.
fn start<'s>(
    entry: &'s Entry,
    text: &str,
    (scripts, manager): (&'s [Entry], &str),
    of_it: &Start,
    above: &mut Vec<&'s str>,
) -> Start {
    let (mut parts, mut together) = (Vec::new(), false);
    if above.len() <= DEEPEST {
        let known: Vec<&str> = scripts.iter().map(|script| script.key.as_str()).collect();
        let found = command::scripts(text, &known);
        together = found.together;
        for script in found.all {
            let own = scripts.iter().find(|own| own.key == script.name && !above.contains(&own.key.as_str()));
            let Some((own, text)) = own.and_then(|own| Some((own, own.node.text()?))) else { continue };
            above.push(&own.key);
            parts.push(Part { label: script.label, start: start(own, text, (scripts, manager), of_it, above) });
            above.pop();
        }
    }
    Start {
        name: entry.key.clone(),
        command: Some(format!("{manager} run {}", entry.key)),
        runs: Some(text.to_owned()),
        line: entry.line,
        together: together && parts.len() > 1,
        parts,
        ..of_it.clone()
    }
}

/// Which folders are packages of one workspace, as a setting that nobody else has.
pub(super) fn workspaces(node: &Node, found: &mut Findings) {
    let value = node.texts().join(" ");
    found.settings.push(Setting { name: WORKSPACES.to_owned(), value, service: None, line: node.line });
}

/// What the folders of a workspace are kept as: patterns, parted by blanks.
pub const WORKSPACES: &str = "workspaces of packages";

/// Scripts that run scripts that run scripts.
const DEEPEST: usize = 4;
