//! `pnpm-workspace.yaml`: which folders are packages of one workspace.

use super::{Findings, Kind, Source, package::workspaces};

pub(super) const KIND: Kind = Kind {
    reads: "Which folders are packages of one workspace, whose servers run together.",
    ..Kind::of("workspace", "pnpm-workspace.yaml", &["pnpm-workspace.yaml"], read)
};

fn read(source: &Source<'_>, found: &mut Findings) {
    let documents = found.yaml(source);
    if let Some(packages) = documents.first().and_then(|root| root.field("packages")) {
        workspaces(packages, found);
    }
}
