//! What may stand in which crate's sources.

use super::{
    File, Tree,
    code::{paths, without_tests, words},
    reached,
};

/// `cfg(target_os)` and `cfg(unix)` stand in sys, lab and session only.
pub(super) fn systems(tree: &Tree) -> Vec<String> {
    let foreign = tree.rust("crates/").filter(|file| !TOUCHERS.contains(&file.home()));
    lines(foreign, |line| {
        let spaceless: String = line.split_whitespace().collect();
        ["target_os=", "target_family=", "cfg(unix", "cfg(windows", "cfg(not(unix", "cfg!(unix"]
            .iter()
            .any(|mark| spaceless.contains(mark))
    })
    .map(|place| format!("{place} tells systems apart; only sys, lab and session do."))
    .collect()
}

/// `unsafe` stands in sys, lab and session only, and every other crate root forbids it.
pub(super) fn unsafety(tree: &Tree) -> Vec<String> {
    let outside = tree.files.iter().filter(|file| file.ends("rs") && !TOUCHERS.contains(&file.home()));
    let mut found: Vec<String> = lines(outside, |line| words(line).any(|word| word == "unsafe"))
        .map(|place| format!("{place} holds unsafe code; only sys, lab and session may."))
        .collect();
    let is_root = |path: &str| path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs");
    let must = |file: &&File| is_root(&file.path) && !TOUCHERS.contains(&file.home()) && !file.path.starts_with("fuzz/");
    for file in tree.files.iter().filter(must) {
        if !file.code.contains("#![forbid(unsafe_code)]") {
            found.push(format!("{} lacks `#![forbid(unsafe_code)]`.", file.path));
        }
    }
    found
}

/// Files, sockets and system calls are used in sys, lab and session only, but for the places listed with a reason.
pub(super) fn effects(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for file in product(tree, &["crates/sys/", "crates/lab/", "crates/session/", "crates/testkit/"]) {
        if EXCEPTIONS.iter().any(|(path, _)| file.path.starts_with(path)) {
            continue;
        }
        if let Some(path) = touched(file, EFFECTS) {
            found.push(format!("{} uses {path}; only sys, lab and session touch the kernel and the disk.", file.path));
        }
    }
    found.extend(idle(tree, EXCEPTIONS));
    found
}

/// Exceptions that nothing needs any more.
fn idle(tree: &Tree, exceptions: &[(&str, &str)]) -> Vec<String> {
    // Trees of tests hold a file or two.
    let gone = exceptions.iter().filter(|(path, _)| tree.has("Cargo.toml") && !tree.has(path));
    gone.map(|(path, reason)| format!("{path} is excepted ({reason}) and is not there; take its line out of sources.rs."))
        .collect()
}

/// The inner crates cannot fail for outside reasons.
pub(super) fn purity(tree: &Tree) -> Vec<String> {
    let inner = ["crates/model/src/", "crates/wire/src/", "crates/checks/src/"];
    let files = product(tree, &[]).filter(|file| inner.iter().any(|start| file.path.starts_with(start)));
    let found = files.filter_map(|file| touched(file, IMPURE).map(|path| format!("{} uses {path}.", file.path)));
    found.collect()
}

/// Print macros stand in portward and xtask only.
pub(super) fn prints(tree: &Tree) -> Vec<String> {
    let files = product(tree, &["crates/portward/", "crates/testkit/"]);
    let found = files.filter(|file| {
        let code = without_tests(&file.code);
        ["println!", "print!", "eprintln!", "eprint!", "dbg!"].iter().any(|name| code.contains(name))
    });
    found.map(|file| format!("{} prints; only the faces speak.", file.path)).collect()
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

/// The crates' own sources, without test modules' files and without some folders.
fn product<'a>(tree: &'a Tree, but: &'a [&str]) -> impl Iterator<Item = &'a File> {
    let tests = reached::only_for_tests(tree);
    let is_product = move |file: &&File| {
        file.path.contains("/src/") && !but.iter().any(|start| file.path.starts_with(start)) && !tests.contains(&file.path)
    };
    tree.rust("crates/").filter(is_product)
}

/// The first path of a file that begins with one of these.
fn touched(file: &File, forbidden: &[&str]) -> Option<String> {
    let code = without_tests(&file.code);
    let begins = |path: &str| {
        forbidden.iter().any(|mark| path.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")))
    };
    paths(&code).into_iter().find(|path| begins(path))
}

/// `path:line` of every line of code that fits.
fn lines<'a>(files: impl Iterator<Item = &'a File>, fits: impl Fn(&str) -> bool) -> impl Iterator<Item = String> {
    files.flat_map(move |file| {
        let found = file.code.lines().enumerate().filter(|(_, line)| fits(line));
        found.map(|(number, _)| format!("{}:{}", file.path, number + 1)).collect::<Vec<_>>()
    })
}

/// The crates that touch the kernel: one reads the machine, one builds faults in namespaces of its own, one answers the calls of
/// the programs that it supervises.
const TOUCHERS: &[&str] = &["crates/sys", "crates/lab", "crates/session"];

/// More lines than this need a reason.
const LONGEST: usize = 450;

/// What touches the kernel or the disk.
const EFFECTS: &[&str] = &[
    "rustix",
    "libc",
    "std::fs",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::UdpSocket",
    "std::net::ToSocketAddrs",
    "std::os::unix::net",
    "std::os::fd",
];

/// What the inner crates must not know.
const IMPURE: &[&str] = &[
    "std::env",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
];

/// Places outside sys, lab and session that touch the disk or the kernel all the same, each with its reason.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("crates/portward/src/generate.rs", "writes the generated files"),
    ("crates/portward/src/source.rs", "reads the file that --from names"),
];

#[cfg(test)]
mod tests {
    use super::{effects, later, length, prints, purity, systems, unsafety};
    use crate::tidy::tests::tree;

    #[test]
    fn systems_are_told_apart_in_sys_only() {
        let tree = tree(&[
            ("crates/sys/src/lib.rs", "#[cfg(target_os = \"linux\")] mod linux;"),
            ("crates/ops/src/lib.rs", "// cfg(target_os = \"linux\")\n#[cfg(not(unix))] mod other;"),
        ]);
        assert_eq!(systems(&tree), ["crates/ops/src/lib.rs:2 tells systems apart; only sys, lab and session do."]);
    }

    #[test]
    fn unsafe_code_is_named_and_its_word_is_not() {
        let tree = tree(&[
            ("crates/wire/src/lib.rs", "#![forbid(unsafe_code)]\n// unsafe\nfn a() { let b = \"unsafe\"; }\nunsafe fn c() {}"),
            ("crates/model/src/lib.rs", "fn a() {}"),
            ("crates/sys/src/lib.rs", "unsafe fn c() {}"),
        ]);
        let found = unsafety(&tree);
        let expected = [
            "crates/wire/src/lib.rs:4 holds unsafe code; only sys, lab and session may.",
            "crates/model/src/lib.rs lacks `#![forbid(unsafe_code)]`.",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn files_and_sockets_outside_sys_are_named_but_not_in_tests() {
        let tree = tree(&[
            ("crates/ops/src/a.rs", "use std::{io, fs::{self}};"),
            ("crates/ops/src/b.rs", "use std::net::IpAddr;\n#[cfg(test)]\nmod tests { use std::fs; }"),
            ("crates/sys/src/c.rs", "use std::fs;"),
        ]);
        assert_eq!(
            effects(&tree),
            ["crates/ops/src/a.rs uses std::fs::self; only sys, lab and session touch the kernel and the disk."]
        );
    }

    #[test]
    fn inner_crates_read_no_clock_and_no_environment() {
        let tree = tree(&[
            ("crates/wire/src/a.rs", "fn a() { std::time::Instant::now(); }"),
            ("crates/model/src/b.rs", "use std::time::Duration;"),
            ("crates/ops/src/c.rs", "use std::env;"),
        ]);
        assert_eq!(purity(&tree), ["crates/wire/src/a.rs uses std::time::Instant::now."]);
    }

    #[test]
    fn prints_are_named_outside_the_faces() {
        let tree = tree(&[
            ("crates/ops/src/a.rs", "fn a() { println!(\"a\"); }"),
            ("crates/portward/src/a.rs", "fn a() { println!(\"a\"); }"),
        ]);
        assert_eq!(prints(&tree), ["crates/ops/src/a.rs prints; only the faces speak."]);
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
