//! What belongs together: an operation and its text, test, page and schema; a check and its registry line.

use super::Tree;

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
    // A file is named in snake_case, what people type is not.
    let typed = name.replace('_', "-");
    [
        ("text rendering", format!("{SHOW}{name}.rs")),
        ("test", format!("{CLI}{name}.rs")),
        ("reference page", format!("docs/reference/{typed}.md")),
        ("schema", format!("schema/{typed}.json")),
    ]
}

/// Every file that declares a check is listed in the registry.
pub(super) fn checks(tree: &Tree) -> Vec<String> {
    let Some(registry) = tree.file(CHECK_REGISTRY) else {
        return vec![format!("{CHECK_REGISTRY} is missing; it lists the checks.")];
    };
    let mut found = Vec::new();
    for name in names(tree, CHECKS) {
        let file = tree.file(&format!("{CHECKS}{name}.rs"));
        let is_check = file.is_some_and(|file| file.code.contains("const CHECK: Check"));
        if is_check && !registry.code.contains(&format!("{name}::CHECK")) {
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

#[cfg(test)]
mod tests {
    use super::checks;
    use crate::tidy::tests::tree;

    #[test]
    fn a_check_that_is_not_listed_is_named() {
        let check = "pub(crate) const CHECK: Check = Check { run };";
        let tree = tree(&[
            ("crates/checks/src/bind.rs", "mod one;\nmod two;\nmod words;\npub const CHECKS: &[Check] = &[one::CHECK];"),
            ("crates/checks/src/bind/one.rs", check),
            ("crates/checks/src/bind/two.rs", check),
            ("crates/checks/src/bind/words.rs", "fn words() {}"),
        ]);
        assert_eq!(checks(&tree), ["The check two is not registered in crates/checks/src/bind.rs."]);
    }
}
