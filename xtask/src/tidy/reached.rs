//! No file forgotten: every source file hangs on a module line, every test file on a test target.

use std::collections::BTreeSet;

use super::{
    Tree,
    code::{macro_names, modules},
};

/// Every file under a `src` is reached from its crate's root.
pub(super) fn sources(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for package in packages(tree) {
        let source = format!("{package}/src/");
        let reached = walk(tree, roots(tree, &source));
        for file in tree.rust(&source) {
            if !reached.contains(&file.path) {
                found.push(format!("{} is reached by no module line.", file.path));
            }
        }
    }
    found
}

/// Every file under a `tests` is a test target of its own or hangs on one.
pub(super) fn tests(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for package in packages(tree) {
        let folder = format!("{package}/tests/");
        let is_target = |path: &str| {
            let rest = path.strip_prefix(&folder).unwrap_or(path);
            !rest.contains('/') || (rest.ends_with("/main.rs") && rest.matches('/').count() == 1)
        };
        let targets = tree.rust(&folder).map(|file| file.path.clone()).filter(|path| is_target(path)).collect();
        let reached = walk(tree, targets);
        for file in tree.rust(&folder) {
            if !reached.contains(&file.path) {
                found.push(format!("{} belongs to no test target; add its module line.", file.path));
            }
        }
    }
    found
}

/// Folders with a manifest and sources.
fn packages(tree: &Tree) -> Vec<String> {
    let manifests = tree.files.iter().filter_map(|file| file.path.strip_suffix("/Cargo.toml"));
    manifests.filter(|folder| tree.rust(&format!("{folder}/src/")).next().is_some()).map(str::to_owned).collect()
}

fn roots(tree: &Tree, source: &str) -> Vec<String> {
    let is_root = |path: &str| {
        let rest = path.strip_prefix(source).unwrap_or(path);
        matches!(rest, "lib.rs" | "main.rs") || (rest.starts_with("bin/") && rest.matches('/').count() == 1)
    };
    tree.rust(source).map(|file| file.path.clone()).filter(|path| is_root(path)).collect()
}

/// Every file reached from the roots, with whether it is reached for tests only.
fn walk(tree: &Tree, roots: Vec<String>) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<(String, bool)> = roots.into_iter().map(|path| (path, true)).collect();
    while let Some((path, is_root)) = open.pop() {
        let Some(file) = tree.file(&path) else { continue };
        if !reached.insert(path.clone()) {
            continue;
        }
        let folder = folder_of(&path, is_root);
        let mut named = macro_names(&file.code);
        // `every_op!` hands the names of its own list to the macro that is named here.
        if file.code.contains("every_op!") {
            named.extend(tree.file(OP_REGISTRY).map(|registry| macro_names(&registry.code)).unwrap_or_default());
        }
        let named = modules(&file.code).into_iter().chain(named);
        let named = named.flat_map(|name| [format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")]);
        // `#[path = "x.rs"] mod x;` names the file itself.
        let beside = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let by_path = file.text.split("#[path = \"").skip(1).filter_map(|rest| rest.split('"').next());
        let children = named.chain(by_path.map(|name| format!("{beside}/{name}")));
        open.extend(children.filter(|child| tree.file(child).is_some()).map(|child| (child, false)));
    }
    reached
}

/// Where the children of a module's file lie.
fn folder_of(path: &str, is_root: bool) -> &str {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    let parent = stem.rsplit_once('/').map_or("", |(parent, _)| parent);
    if is_root || stem.ends_with("/mod") { parent } else { stem }
}

/// Where operations are listed.
const OP_REGISTRY: &str = "crates/ops/src/registry.rs";

#[cfg(test)]
mod tests {
    use super::{sources, tests};
    use crate::tidy::tests::tree;

    #[test]
    fn a_file_without_a_module_line_is_named() {
        let tree = tree(&[
            ("crates/a/Cargo.toml", ""),
            (
                "crates/a/src/lib.rs",
                "mod one; registry! { three }\n#[cfg(test)]\nmod one_tests;\n#[path = \"odd-name.rs\"] mod odd;",
            ),
            ("crates/a/src/one.rs", "mod two;"),
            ("crates/a/src/one/two.rs", "// mod five;"),
            ("crates/a/src/one_tests.rs", ""),
            ("crates/a/src/odd-name.rs", ""),
            ("crates/a/src/three.rs", ""),
            ("crates/a/src/four.rs", ""),
            ("crates/a/src/one/five.rs", ""),
        ]);
        let found = sources(&tree);
        let expected = ["crates/a/src/four.rs", "crates/a/src/one/five.rs"];
        assert_eq!(found, expected.map(|path| format!("{path} is reached by no module line.")));
    }

    #[test]
    fn a_test_file_without_a_target_is_named() {
        let tree = tree(&[
            ("crates/a/Cargo.toml", ""),
            ("crates/a/src/lib.rs", ""),
            ("crates/a/tests/cli/main.rs", "mod list;"),
            ("crates/a/tests/cli/list.rs", ""),
            ("crates/a/tests/cli/free.rs", ""),
            ("crates/a/tests/kernel.rs", ""),
        ]);
        let found = tests(&tree);
        assert_eq!(found, ["crates/a/tests/cli/free.rs belongs to no test target; add its module line."]);
    }
}
