//! What belongs together: an operation and its text, test, page and schema; a check, a cause or a lab and its line in a list.

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

/// Every file that declares a check or a cause is in the list of its registry: `bind.rs`, or the file of its group.
pub(super) fn checks(tree: &Tree) -> Vec<String> {
    let groups = names(tree, CAUSES).into_iter().filter(|group| !names(tree, &format!("{CAUSES}{group}/")).is_empty());
    let of_groups = groups.map(|group| (format!("{CAUSES}{group}/"), format!("{CAUSES}{group}.rs")));
    let mut found = Vec::new();
    for (folder, path) in [(CHECKS.to_owned(), CHECK_REGISTRY.to_owned())].into_iter().chain(of_groups) {
        let Some(registry) = tree.file(&path) else {
            found.push(format!("{path} is missing; it lists the checks."));
            continue;
        };
        for name in names(tree, &folder) {
            let file = tree.file(&format!("{folder}{name}.rs"));
            let is_check = file.is_some_and(|file| file.code.contains("const CHECK: Check"));
            // A whole line: `held::CHECK` is not the list's `port_held::CHECK`.
            let line = format!("{name}::CHECK");
            let is_listed =
                registry.code.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':'))).any(|word| word == line);
            if is_check && !is_listed {
                found.push(format!("The check {name} is not registered in {path}."));
            }
        }
    }
    found
}

/// The files of labs and their list are the same.
pub(super) fn labs(tree: &Tree) -> Vec<String> {
    let Some(registry) = tree.file(LAB_REGISTRY) else {
        return vec![format!("{LAB_REGISTRY} is missing; it lists the labs.")];
    };
    let list = registry.text.split("labs! {").nth(1).and_then(|rest| rest.split('}').next()).unwrap_or_default();
    let listed: Vec<&str> = list.lines().filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\",")).collect();
    let files = tree.files.iter().filter_map(|file| file.path.strip_prefix(LABS)?.strip_suffix(".toml"));
    let files: Vec<&str> = files.filter(|name| !name.contains('/')).collect();
    let unlisted = files.iter().filter(|name| !listed.contains(name));
    let mut found: Vec<String> = unlisted.map(|name| format!("The lab {name} is not listed in {LAB_REGISTRY}.")).collect();
    let missing = listed.iter().filter(|name| !files.contains(name));
    found.extend(missing.map(|name| format!("The lab {name} is listed, and {LABS}{name}.toml is missing.")));
    if listed.is_empty() {
        found.push(format!("{LAB_REGISTRY} lists no lab."));
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
/// One folder per group of the doctor's causes, one file per cause; beside each folder the file that lists it.
pub(crate) const CAUSES: &str = "crates/checks/src/doctor/";
/// One file per lab.
pub(crate) const LABS: &str = "crates/lab/labs/";
/// Where labs are listed.
pub(crate) const LAB_REGISTRY: &str = "crates/lab/src/labs.rs";
/// Where checks are listed.
pub(crate) const CHECK_REGISTRY: &str = "crates/checks/src/bind.rs";

#[cfg(test)]
mod tests {
    use super::{checks, labs};
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

    #[test]
    fn a_cause_that_its_group_does_not_list_is_named() {
        let check = "pub(super) const CHECK: Check = Check { run };";
        let tree = tree(&[
            ("crates/checks/src/bind.rs", ""),
            (
                "crates/checks/src/doctor/hangs.rs",
                "mod held;\nmod port_held;\nconst CHECKS: &[Check] = &[\n    port_held::CHECK,\n];",
            ),
            ("crates/checks/src/doctor/hangs/held.rs", check),
            ("crates/checks/src/doctor/hangs/port_held.rs", check),
            ("crates/checks/src/doctor/hangs/waits.rs", "fn waits() {}"),
            ("crates/checks/src/doctor/plan.rs", "mod harm;"),
            ("crates/checks/src/doctor/plan/harm.rs", "fn harm() {}"),
        ]);
        assert_eq!(checks(&tree), ["The check held is not registered in crates/checks/src/doctor/hangs.rs."]);
    }

    #[test]
    fn labs_and_their_list_are_the_same() {
        let tree = tree(&[
            ("crates/lab/src/labs.rs", "labs! {\n    \"one\",\n    \"two\",\n}\n"),
            ("crates/lab/labs/one.toml", ""),
            ("crates/lab/labs/three.toml", ""),
        ]);
        let expected = [
            "The lab three is not listed in crates/lab/src/labs.rs.",
            "The lab two is listed, and crates/lab/labs/two.toml is missing.",
        ];
        assert_eq!(labs(&tree), expected);
    }
}
