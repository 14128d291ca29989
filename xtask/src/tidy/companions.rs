//! What belongs together: an operation and its text, test, page and schema; a cause or a lab and its line in a list.

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

/// A folder of causes holds causes alone, and each is in the list of its group, in the file beside the folder.
pub(super) fn causes(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for group in names(tree, CAUSES) {
        let path = format!("{CAUSES}{group}.rs");
        let registry = tree.file(&path).map(|file| file.code.as_str()).unwrap_or_default();
        for name in names(tree, &format!("{CAUSES}{group}/")) {
            let file = tree.file(&format!("{CAUSES}{group}/{name}.rs"));
            let is_cause = file.is_some_and(|file| file.code.contains("cause! {"));
            let mut words = registry.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            if !is_cause {
                found.push(format!("{CAUSES}{group}/{name}.rs is no cause; what causes share is in crates/checks/src/case."));
            } else if !words.any(|word| word == name) {
                found.push(format!("The cause {name} is not listed in {path}."));
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
/// One folder per group of causes, one file per cause; beside each folder the file that lists it.
pub(crate) const CAUSES: &str = "crates/checks/src/cause/";
/// One file per protocol.
pub(crate) const PROTOCOLS: &str = "crates/wire/src/protocol/";
/// One file per program, or per kind of programs of which there is but a name.
pub(crate) const PROGRAMS: &str = "crates/checks/src/program/";
/// One file per lab.
pub(crate) const LABS: &str = "crates/lab/labs/";
/// Where labs are listed.
pub(crate) const LAB_REGISTRY: &str = "crates/lab/src/labs.rs";

#[cfg(test)]
mod tests {
    use super::{causes, labs};
    use crate::tidy::tests::tree;

    #[test]
    fn a_folder_of_causes_holds_causes_and_its_group_lists_them() {
        let cause = "cause! { \"held\": \"a summary\" }";
        let list = "causes! {\n    port_held,\n}\n";
        let tree = tree(&[
            ("crates/checks/src/cause/hangs.rs", list),
            ("crates/checks/src/cause/hangs/held.rs", cause),
            ("crates/checks/src/cause/hangs/port_held.rs", cause),
            ("crates/checks/src/cause/hangs/waits.rs", "fn waits() {}"),
        ]);
        assert_eq!(
            causes(&tree),
            [
                "The cause held is not listed in crates/checks/src/cause/hangs.rs.",
                "crates/checks/src/cause/hangs/waits.rs is no cause; what causes share is in crates/checks/src/case.",
            ]
        );
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
