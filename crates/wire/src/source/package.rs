//! `package.json`: its scripts, and whether it is the root of workspaces.

use super::{Findings, Kind, Setting, Source, Start, command, node::Node};

pub(super) const KIND: Kind = Kind {
    reads: "The ports of `scripts`: options such as `--port`, variables such as `PORT=3000`, the usual port of a known server, the port of `--inspect`, and URLs of this machine. A script that listens can be started.",
    ..Kind::of("package", "package.json", &["package.json"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let Some(root) = found.json(source) else { return };
    if let Some(node) = root.field("workspaces") {
        workspaces(node.field("packages").unwrap_or(node), found);
    }
    let manager = root.text_of("packageManager").and_then(|text| text.split('@').next()).unwrap_or_default();
    let manager = if matches!(manager, "pnpm" | "yarn" | "bun") { manager } else { "npm" };
    for entry in root.field("scripts").map(Node::map).unwrap_or_default() {
        let Some(text) = entry.node.text() else { continue };
        let at = command::At { line: entry.node.line, column: entry.node.column, service: &entry.key };
        let before = found.facts.len();
        command::read(text, at, found);
        let listens = found.facts.get(before..).unwrap_or_default().iter().any(super::Fact::listens);
        if listens || matches!(entry.key.as_str(), "dev" | "start" | "serve" | "develop") {
            found.starts.push(Start {
                name: entry.key.clone(),
                command: Some(format!("{manager} run {}", entry.key)),
                runs: Some(text.to_owned()),
                folder: source.folder().to_owned(),
                line: entry.line,
                ..Start::default()
            });
        }
    }
}

/// Which folders are packages of one workspace, as a setting that nobody else has.
pub(super) fn workspaces(node: &Node, found: &mut Findings) {
    let value = node.texts().join(" ");
    found.settings.push(Setting { name: WORKSPACES.to_owned(), value, service: None, line: node.line });
}

/// What the folders of a workspace are kept as: patterns, parted by blanks.
pub const WORKSPACES: &str = "workspaces of packages";
