//! What may stand in which crate's sources.

use super::{File, Tree, code::words};

/// `cfg(target_os)` and `cfg(unix)` stand in sys, lab, session and proxy only.
pub(super) fn systems(tree: &Tree) -> Vec<String> {
    let foreign = tree.rust("crates/").filter(|file| !UNSAFE.contains(&file.home()) && file.home() != "crates/proxy");
    lines(foreign, |line| {
        let spaceless: String = line.split_whitespace().collect();
        ["target_os=", "target_family=", "cfg(unix", "cfg(windows", "cfg(not(unix", "cfg!(unix"]
            .iter()
            .any(|mark| spaceless.contains(mark))
    })
    .map(|place| format!("{place} tells systems apart; only sys, lab, session and proxy do."))
    .collect()
}

/// Every crate root but those of sys, lab and session forbids unsafe code; the compiler does the rest.
pub(super) fn unsafety(tree: &Tree) -> Vec<String> {
    let is_root = |path: &str| path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs");
    let free = |file: &File| UNSAFE.contains(&file.home()) || file.path.starts_with("fuzz/");
    let roots = tree.files.iter().filter(|file| is_root(&file.path) && !free(file));
    let lax = roots.filter(|file| !file.code.contains("#![forbid(unsafe_code)]"));
    lax.map(|file| format!("{} lacks `#![forbid(unsafe_code)]`.", file.path)).collect()
}

/// What clippy forbids is forbidden everywhere but in the crates that are listed: a `clippy.toml` of their own would loosen it.
pub(super) fn strictness(tree: &Tree) -> Vec<String> {
    let own = tree.files.iter().filter_map(|file| file.path.strip_suffix("/clippy.toml"));
    let own: Vec<&str> = own.filter(|home| home.starts_with("crates/")).collect();
    let unlisted = own.iter().filter(|home| !LOOSER.iter().any(|(listed, _)| listed == *home));
    let mut found: Vec<String> = unlisted
        .map(|home| format!("{home} has a clippy.toml of its own and no reason in xtask/src/tidy/sources.rs; crates/clippy.toml is meant for it."))
        .collect();
    let idle = LOOSER.iter().filter(|(home, _)| tree.has("Cargo.toml") && !own.contains(home));
    found.extend(idle.map(|(home, reason)| format!("{home} {reason}, and has no clippy.toml; take its line out of sources.rs.")));
    for manifest in tree.files.iter().filter(|file| file.path.starts_with("crates/") && file.path.ends_with("/Cargo.toml")) {
        if !manifest.text.contains("[lints]\nworkspace = true") {
            found.push(format!("{} does not take the workspace's lints.", manifest.path));
        }
    }
    found
}

/// A file over the limit says why in its header.
pub(super) fn length(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for file in tree.files.iter().filter(|file| file.ends("rs")) {
        let count = file.text.lines().count();
        let mut header = file.text.lines().take_while(|line| line.starts_with("//"));
        if count > LONGEST && !header.any(|line| line.to_lowercase().contains("long because")) {
            found.push(format!(
                "{} has {count} lines of at most {LONGEST}; split it, or say `Long because ...` in its header.",
                file.path
            ));
        }
    }
    found
}

/// No marks for later, no holes.
pub(super) fn later(tree: &Tree) -> Vec<String> {
    // Written apart, or this file would be its own finding.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];
    let holes = [concat!("to", "do!"), concat!("unimple", "mented!")];
    let mut found = Vec::new();
    for file in &tree.files {
        for (number, line) in file.text.lines().enumerate() {
            if let Some(mark) = marks.iter().find(|mark| words(line).any(|word| word == **mark)) {
                found.push(format!("{}:{} says {mark}; do it or drop it.", file.path, number + 1));
            }
        }
        if file.ends("rs")
            && let Some(hole) = holes.iter().find(|hole| file.code.contains(*hole))
        {
            found.push(format!("{} has a {hole} in it.", file.path));
        }
    }
    found
}

/// `path:line` of every line of code that fits.
fn lines<'a>(files: impl Iterator<Item = &'a File>, fits: impl Fn(&str) -> bool) -> impl Iterator<Item = String> {
    files.flat_map(move |file| {
        let found = file.code.lines().enumerate().filter(|(_, line)| fits(line));
        found.map(|(number, _)| format!("{}:{}", file.path, number + 1)).collect::<Vec<_>>()
    })
}

/// Crates that may hold unsafe code.
const UNSAFE: &[&str] = &["crates/sys", "crates/lab", "crates/session"];

/// Crates for which clippy forbids less than `crates/clippy.toml` does, and why.
const LOOSER: &[(&str, &str)] = &[
    ("crates/sys", "is the seam to the kernel"),
    ("crates/lab", "builds faults in namespaces of its own"),
    ("crates/session", "answers the calls of the programs that it supervises"),
    ("crates/proxy", "passes connections on"),
    ("crates/portward", "speaks with its caller's process"),
    ("crates/testkit", "makes machines for tests"),
];

/// More lines than this need a reason.
const LONGEST: usize = 450;

#[cfg(test)]
mod tests {
    use super::{later, length, strictness, systems, unsafety};
    use crate::tidy::tests::tree;

    #[test]
    fn systems_are_told_apart_in_sys_only() {
        let tree = tree(&[
            ("crates/sys/src/lib.rs", "#[cfg(target_os = \"linux\")] mod linux;"),
            ("crates/ops/src/lib.rs", "// cfg(target_os = \"linux\")\n#[cfg(not(unix))] mod other;"),
        ]);
        assert_eq!(systems(&tree), ["crates/ops/src/lib.rs:2 tells systems apart; only sys, lab, session and proxy do."]);
    }

    #[test]
    fn a_root_that_allows_unsafe_code_is_named() {
        let tree = tree(&[
            ("crates/wire/src/lib.rs", "#![forbid(unsafe_code)]"),
            ("crates/model/src/lib.rs", "// #![forbid(unsafe_code)]\nfn a() {}"),
            ("crates/sys/src/lib.rs", "fn c() {}"),
        ]);
        assert_eq!(unsafety(&tree), ["crates/model/src/lib.rs lacks `#![forbid(unsafe_code)]`."]);
    }

    #[test]
    fn nobody_loosens_what_clippy_forbids() {
        let tree = tree(&[
            ("crates/clippy.toml", ""),
            ("crates/sys/clippy.toml", ""),
            ("crates/ops/clippy.toml", ""),
            ("crates/sys/Cargo.toml", "[lints]\nworkspace = true\n"),
            ("crates/ops/Cargo.toml", "[package]"),
        ]);
        let found = strictness(&tree);
        assert!(
            matches!(found.as_slice(), [own, lints] if own.starts_with("crates/ops has") && lints.starts_with("crates/ops/Cargo.toml")),
            "{found:?}"
        );
    }

    #[test]
    fn a_long_file_needs_a_reason() {
        let long = "fn a() {}\n".repeat(451);
        let reasoned = format!("//! Words.\n//! Long because it is one table.\n{long}");
        let tree = tree(&[("crates/ops/src/a.rs", &long), ("crates/ops/src/b.rs", &reasoned)]);
        let found = length(&tree);
        assert!(matches!(found.as_slice(), [only] if only.starts_with("crates/ops/src/a.rs has 451 lines")), "{found:?}");
    }

    #[test]
    fn marks_for_later_are_named() {
        let text = format!("// {}: soon\nfn a() {{ {}() }}", concat!("TO", "DO"), concat!("to", "do!"));
        let tree = tree(&[("crates/ops/src/a.rs", &text)]);
        assert_eq!(later(&tree).len(), 2);
    }
}
