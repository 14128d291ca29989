//! Which crate may know which: DESIGN in one table, compared with the manifests as cargo reads them.

use std::path::Path;

use serde_json::Value;

use super::Tree;
use crate::{command, failure::Failure};

/// Every arrow between crates stands in the table, and outside libraries that touch the kernel stay in sys, lab and session.
pub(super) fn rule(tree: &Tree) -> Vec<String> {
    breaches(&tree.metadata)
}

/// What cargo knows of the workspace's own packages.
pub(super) fn metadata(root: &Path) -> Result<Value, Failure> {
    let mut cargo = command::cargo(["metadata", "--format-version", "1", "--no-deps", "--offline"]);
    cargo.current_dir(root);
    let text = command::output(cargo)?;
    serde_json::from_str(&text).map_err(|error| Failure::new(format!("`cargo metadata` printed no JSON: {error}.")))
}

/// A dependency as a manifest declares it.
pub(super) struct Dependency<'a> {
    pub(super) of: &'a str,
    pub(super) on: &'a str,
    pub(super) kind: Kind,
    pub(super) ours: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Normal,
    Development,
    Build,
}

/// Every direct dependency of every package.
pub(super) fn dependencies(metadata: &Value) -> Vec<Dependency<'_>> {
    let mut found = Vec::new();
    for package in list(metadata, "packages") {
        for dependency in list(package, "dependencies") {
            let kind = match text(dependency, "kind") {
                "dev" => Kind::Development,
                "build" => Kind::Build,
                _ => Kind::Normal,
            };
            let ours = dependency.get("path").is_some_and(Value::is_string);
            found.push(Dependency { of: text(package, "name"), on: text(dependency, "name"), kind, ours });
        }
    }
    found
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn breaches(metadata: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for package in list(metadata, "packages") {
        let name = text(package, "name");
        if !ARROWS.iter().any(|(of, _)| *of == name) {
            found.push(format!("{name} stands in no row of the arrows; add one in xtask/src/tidy/arrows.rs."));
        }
    }
    for Dependency { of, on, kind, ours } in dependencies(metadata) {
        if ours {
            let allowed = ARROWS.iter().find(|(name, _)| *name == of).is_some_and(|(_, may)| may.contains(&on));
            let for_tests = kind == Kind::Development && on == TESTKIT && of != "portward-model";
            if !allowed && !for_tests {
                found.push(format!("{of} depends on {on}, and the arrow does not point that way."));
            }
        } else if KERNEL.contains(&on) && kind != Kind::Development && !TOUCHERS.iter().any(|(name, _)| *name == of) {
            found.push(format!("{of} depends on {on}, and only sys, lab and session touch the kernel."));
        }
    }
    found
}

/// The crate that exists for tests alone.
const TESTKIT: &str = "portward-testkit";

/// Each crate and the ones it may know.
const ARROWS: &[(&str, &[&str])] = &[
    ("portward-model", &[]),
    ("portward-wire", &["portward-model"]),
    ("portward-sys", &["portward-model", "portward-wire"]),
    ("portward-checks", &["portward-model", "portward-wire"]),
    ("portward-lab", &["portward-model", "portward-sys"]),
    ("portward-proxy", &["portward-model", "portward-wire", "portward-sys"]),
    ("portward-session", &["portward-model", "portward-sys", "portward-proxy"]),
    ("portward-reading", &["portward-model", "portward-wire", "portward-sys", "portward-checks"]),
    ("portward-store", &["portward-model", "portward-sys", "portward-checks"]),
    (
        "portward-keeper",
        &[
            "portward-model",
            "portward-wire",
            "portward-sys",
            "portward-checks",
            "portward-proxy",
            "portward-session",
            "portward-store",
        ],
    ),
    (
        "portward-ops",
        &[
            "portward-model",
            "portward-wire",
            "portward-sys",
            "portward-checks",
            "portward-keeper",
            "portward-lab",
            "portward-reading",
            "portward-session",
            "portward-store",
        ],
    ),
    ("portward", &["portward-model", "portward-wire", "portward-sys", "portward-checks", "portward-lab", "portward-ops"]),
    (TESTKIT, &["portward-model", "portward-wire", "portward-sys", "portward-checks", "portward-ops"]),
    // The workshop starts when nothing else compiles.
    ("xtask", &[]),
];

/// Libraries that make system calls.
const KERNEL: &[&str] = &["rustix", "libc", "nix", "tokio", "mio", "socket2", "procfs", "sysinfo"];

/// Who may use one of them, and why.
const TOUCHERS: &[(&str, &str)] = &[
    ("portward-sys", "is the seam to the kernel"),
    ("portward-lab", "builds faults in namespaces of its own"),
    ("portward-session", "answers the calls of the programs that it supervises"),
    ("portward-proxy", "passes connections on"),
    (TESTKIT, "builds namespaces and sockets for tests"),
    ("xtask", "raises limits and measures"),
];

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::breaches;

    fn package(name: &str, dependencies: &[Value]) -> Value {
        json!({ "packages": [{ "name": name, "dependencies": dependencies }] })
    }

    #[test]
    fn an_arrow_of_the_design_is_kept() {
        let ops = package("portward-ops", &[json!({ "name": "portward-sys", "kind": null, "path": "/x" })]);
        assert!(breaches(&ops).is_empty());
    }

    #[test]
    fn an_arrow_against_the_design_is_named() {
        let wire = package("portward-wire", &[json!({ "name": "portward-sys", "kind": null, "path": "/x" })]);
        assert_eq!(breaches(&wire), ["portward-wire depends on portward-sys, and the arrow does not point that way."]);
    }

    #[test]
    fn testkit_is_for_tests() {
        let dependency = |kind: Value| json!({ "name": "portward-testkit", "kind": kind, "path": "/x" });
        assert!(breaches(&package("portward-ops", &[dependency(json!("dev"))])).is_empty());
        assert_eq!(breaches(&package("portward-ops", &[dependency(Value::Null)])).len(), 1);
    }

    #[test]
    fn only_sys_calls_the_kernel() {
        let rustix = || json!({ "name": "rustix", "kind": null });
        assert!(breaches(&package("portward-sys", &[rustix()])).is_empty());
        assert_eq!(breaches(&package("portward-checks", &[rustix()])).len(), 1);
    }

    #[test]
    fn an_unknown_crate_is_named() {
        assert_eq!(breaches(&package("portward-novel", &[])).len(), 1);
    }
}
