//! What belongs together: an operation and its text, test, page and schema; a check and its registry line.

use super::{Tree, code::words};

/// Every operation has a text rendering, a test, a reference page and a schema, and none of these is orphaned.
pub(super) fn operations(tree: &Tree) -> Vec<String> {
    let names = names(tree, OPERATIONS);
    if names.is_empty() {
        return vec![format!("{OPERATIONS} holds no operation.")];
    }
    let mut found = Vec::new();
    for name in &names {
        for (what, path) in companions(name) {
            if !tree.has(&path) {
                found.push(format!("The operation {name} has no {what}: {path} is missing."));
            }
        }
    }
    found
}

fn companions(name: &str) -> [(&'static str, String); 4] {
    [
        ("text rendering", format!("{SHOW}{name}.rs")),
        ("test", format!("{CLI}{name}.rs")),
        ("reference page", format!("docs/reference/{name}.md")),
        ("schema", format!("schema/{name}.json")),
    ]
}

/// Every check's file is named in the registry beside it.
pub(super) fn checks(tree: &Tree) -> Vec<String> {
    let Some(registry) = tree.file(CHECK_REGISTRY) else {
        return vec![format!("{CHECK_REGISTRY} is missing; it lists the checks.")];
    };
    let mut found = Vec::new();
    for name in names(tree, CHECKS) {
        if !words(&registry.code).any(|word| word == name) {
            found.push(format!("The check {name} is not registered in {CHECK_REGISTRY}."));
        }
    }
    found
}

/// Names of the files directly in a folder.
fn names(tree: &Tree, folder: &str) -> Vec<String> {
    let inside = tree.rust(folder).filter_map(|file| file.path.strip_prefix(folder)?.strip_suffix(".rs"));
    inside.filter(|name| !name.contains('/') && *name != "mod").map(str::to_owned).collect()
}

/// One file per operation.
pub(crate) const OPERATIONS: &str = "crates/ops/src/op/";
/// One text rendering per operation.
pub(crate) const SHOW: &str = "crates/portward/src/show/";
/// One test file per operation.
pub(crate) const CLI: &str = "crates/portward/tests/cli/";
/// One file per check.
pub(crate) const CHECKS: &str = "crates/checks/src/bind/";
/// Where checks are listed.
pub(crate) const CHECK_REGISTRY: &str = "crates/checks/src/bind.rs";
