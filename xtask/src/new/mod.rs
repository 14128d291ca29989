//! Skeletons: the files of a new operation or check, and their lines in the registries.
//!
//! A skeleton compiles as it is. What it still lacks, the loops over the registries say: a check without a firing
//! case, an operation without a reference page.

mod insert;

use std::{
    fs,
    path::Path,
    process::{Command, ExitCode},
};

use crate::{
    command,
    failure::{Failure, on_path},
    places,
    tidy::{CHECK_REGISTRY, CHECKS, CLI, OPERATIONS, SHOW},
};

/// Arguments of `cargo xtask new`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What to write
    kind: Kind,
    /// Its name in `snake_case`
    #[arg(value_parser = name)]
    name: String,
}

/// What a skeleton can be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// A capability: `portward NAME`
    Op,
    /// A cause for which a bind is refused
    Check,
}

/// Runs the task.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let root = places::root();
    for path in write(&root, arguments.kind, &arguments.name)? {
        println!("wrote {path}");
    }
    match arguments.kind {
        Kind::Op => println!("hint: fill in `run` and the text, then `cargo xtask gen`"),
        Kind::Check => println!("hint: fill in `run`, the page and the cases, then `cargo test -p portward-checks`"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes both skeletons into a copy of the tree and lets the compiler judge them.
pub(crate) fn prove() -> Result<(), Failure> {
    let root = places::root();
    let copy = tempfile::Builder::new().prefix("portward-skeletons").tempdir();
    let copy = copy.map_err(|error| Failure::new(format!("A temporary directory could not be made: {error}.")))?;
    for path in places::files_below(&root)? {
        let place = copy.path().join(path.strip_prefix(&root).unwrap_or(&path));
        let parent = place.parent().unwrap_or(copy.path());
        fs::create_dir_all(parent).map_err(|error| on_path("made", parent, &error))?;
        fs::copy(&path, &place).map_err(|error| on_path("copied", &path, &error))?;
    }
    write(copy.path(), Kind::Op, PROOF)?;
    write(copy.path(), Kind::Check, PROOF)?;
    // Libraries that the tests have built are used again; our own crates are built anew below the copy's path.
    let mut check: Command = command::cargo(["check", "--quiet", "--offline", "--workspace", "--tests"]);
    check.current_dir(copy.path()).env("CARGO_TARGET_DIR", places::target());
    command::run(check)
}

/// Writes the files and lines of one thing; nothing at all where a file is already there.
fn write(root: &Path, kind: Kind, name: &str) -> Result<Vec<String>, Failure> {
    let new: Vec<(String, &str)> = match kind {
        Kind::Op => {
            vec![(format!("{OPERATIONS}{name}.rs"), OP), (format!("{SHOW}{name}.rs"), SHOWN), (format!("{CLI}{name}.rs"), TESTED)]
        }
        Kind::Check => vec![(format!("{CHECKS}{name}.rs"), CHECK)],
    };
    if let Some((path, _)) = new.iter().find(|(path, _)| root.join(path).exists()) {
        return Err(Failure::new(format!("{path} is already there.")).hint("choose another name"));
    }
    let lines: &[(&str, insert::Place)] = match kind {
        Kind::Op => OP_LINES,
        Kind::Check => CHECK_LINES,
    };
    // Every line is found its place before anything is written.
    let mut changed = Vec::new();
    for (path, place) in lines {
        let text = changed
            .iter()
            .find(|(before, _)| before == path)
            .map_or_else(|| places::read(&root.join(path)), |(_, text): &(&str, String)| Ok(text.clone()))?;
        let text = insert::line(&text, place, &|line| filled(line, name)).ok_or_else(|| {
            Failure::new(format!("{path} has no place for `{}`.", filled(place.line, name)))
                .hint("look at the tables in xtask/src/new/mod.rs")
        })?;
        changed.retain(|(before, _)| before != path);
        changed.push((*path, text));
    }
    let mut written = Vec::new();
    for (path, skeleton) in new {
        places::write(&root.join(&path), &filled(skeleton, name))?;
        written.push(path);
    }
    for (path, text) in changed {
        places::write(&root.join(path), &text)?;
        written.push(path.to_owned());
    }
    Ok(written)
}

/// A skeleton with its names in place.
fn filled(skeleton: &str, name: &str) -> String {
    let words: Vec<&str> = name.split('_').collect();
    let capital = |word: &&str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    };
    let kind: String = words.iter().map(capital).collect();
    skeleton
        .replace("NAME_HERE", name)
        .replace("TypeHere", &kind)
        .replace("name-here", &words.join("-"))
        .replace("name here", &words.join(" "))
}

fn name(text: &str) -> Result<String, String> {
    let letters = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let begins = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    let apart = !text.contains("__") && !text.ends_with('_');
    if letters && begins && apart { Ok(text.to_owned()) } else { Err("a name is written like `open_port`".to_owned()) }
}

const OP: &str = include_str!("op.txt");
const SHOWN: &str = include_str!("show.txt");
const TESTED: &str = include_str!("cli.txt");
const CHECK: &str = include_str!("check.txt");

/// Lines that make an operation known.
const OP_LINES: &[(&str, insert::Place)] = &[
    ("crates/ops/src/op.rs", insert::Place { line: "pub mod NAME_HERE;", among: "pub mod ", before: None }),
    (
        "crates/ops/src/registry.rs",
        insert::Place { line: "            NAME_HERE TypeHere,", among: "            ", before: Some("        }") },
    ),
    ("crates/portward/tests/cli/main.rs", insert::Place { line: "mod NAME_HERE;", among: "mod ", before: None }),
];

/// Lines that make a check known.
const CHECK_LINES: &[(&str, insert::Place)] = &[
    (CHECK_REGISTRY, insert::Place { line: "mod NAME_HERE;", among: "mod ", before: None }),
    (CHECK_REGISTRY, insert::Place { line: "    NAME_HERE::CHECK,", among: "    ", before: Some("];") }),
];

/// A name that nothing real will have.
const PROOF: &str = "skeleton_of_proof";

#[cfg(test)]
mod tests {
    use super::{filled, name};

    #[test]
    fn names_are_written_in_every_style() {
        assert_eq!(filled("NAME_HERE TypeHere name-here name here", "time_wait"), "time_wait TimeWait time-wait time wait");
    }

    #[test]
    fn only_snake_case_is_a_name() {
        assert!(name("time_wait2").is_ok());
        for bad in ["", "Time", "time-wait", "2time", "time__wait", "time_", "../x"] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
