//! Skeletons: the files of a new operation, cause, lab, protocol or program, and their lines in the registries; the lines of
//! a new fact.
//!
//! A skeleton compiles as it is, and those of a lab, a protocol and a program are whole. What the others still lack, the
//! loops over the registries say: a cause without a firing case, an operation without a reference page.

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
    tidy::{CAUSES, CLI, LAB_REGISTRY, LABS, OPERATIONS, PROGRAMS, PROTOCOLS, SHOW},
};

/// Arguments of `cargo xtask new`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What to write
    #[command(subcommand)]
    what: What,
}

/// What a skeleton can be of. Names are written in `snake_case`.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
enum What {
    /// A capability: `portward NAME`
    Op {
        /// Its name
        #[arg(value_parser = name)]
        name: String,
    },
    /// A cause: why an endpoint fails, or a bind is refused
    Cause {
        /// The group that it belongs to: `refused`, `hangs`, `in_use`
        #[arg(value_parser = name)]
        group: String,
        /// Its name
        #[arg(value_parser = name)]
        name: String,
    },
    /// A fact for causes: something to read of a machine as a whole
    Fact {
        /// Its name
        #[arg(value_parser = name)]
        name: String,
    },
    /// A protocol that Portward greets and recognises
    Protocol {
        /// Its name
        #[arg(value_parser = name)]
        name: String,
    },
    /// A program that Portward knows by its name
    Program {
        /// Its name
        #[arg(value_parser = name)]
        name: String,
    },
    /// A fault to practise on
    Lab {
        /// Its name; `port_mismatch` becomes the lab `port-mismatch`
        #[arg(value_parser = name)]
        name: String,
    },
}

/// Runs the task.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let root = places::root();
    for path in write(&root, &arguments.what)? {
        println!("wrote {path}");
    }
    match &arguments.what {
        What::Op { .. } => println!("hint: fill in `run` and the text, then `cargo xtask gen`"),
        What::Cause { .. } => {
            println!("hint: fill in `run`, the page and the cases, then `cargo test -p portward-checks`");
        }
        What::Fact { name } => println!("hint: read it, say when it is wanted, and decide a cause by `case.exam.{name}`"),
        What::Protocol { .. } => println!("hint: fill in what its servers say, then `cargo test -p portward-wire protocol::`"),
        What::Program { .. } => println!("hint: fill in what it is told, then `cargo test -p portward-checks program::`"),
        What::Lab { .. } => println!("hint: write the story, then `cargo test -p portward-lab` and `portward lab start`"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes every skeleton into a copy of the tree, and lets the compiler and the tests judge them.
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
    let name = || PROOF.to_owned();
    for what in [
        What::Op { name: name() },
        What::Cause { group: "in_use".to_owned(), name: name() },
        What::Fact { name: name() },
        What::Protocol { name: name() },
        What::Program { name: name() },
        What::Lab { name: name() },
    ] {
        write(copy.path(), &what)?;
    }
    // Libraries that the tests have built are used again; our own crates are built anew below the copy's path.
    let inside = |words: &[&str]| {
        let mut cargo: Command = command::cargo(words);
        cargo.current_dir(copy.path()).env("CARGO_TARGET_DIR", places::target());
        cargo
    };
    command::run(inside(&["check", "--quiet", "--offline", "--workspace", "--tests"]))?;
    // The lab, the protocol and the program are whole, and the slugs and pages of the causes are in order.
    command::run(inside(&["test", "--quiet", "--offline", "-p", "portward-lab", "--lib", "labs::"]))?;
    command::run(inside(&["test", "--quiet", "--offline", "-p", "portward-wire", "--lib", "protocol::"]))?;
    command::run(inside(&["test", "--quiet", "--offline", "-p", "portward-checks", "--lib", "program::"]))?;
    command::run(inside(&["test", "--quiet", "--offline", "-p", "portward-checks", "--lib", "codes_are_unique"]))?;
    // A cause that nobody has proven is not let through.
    let loops = ["test", "--quiet", "--offline", "-p", "portward-checks", "--lib", "every_cause_fires"];
    if command::succeeds(inside(&loops)) {
        return Err(Failure::new("A cause without cases passes the loop over all causes."));
    }
    Ok(())
}

/// Writes the files and lines of one thing; nothing at all where a file is already there.
fn write(root: &Path, what: &What) -> Result<Vec<String>, Failure> {
    let (name, new): (&str, Vec<(String, &str)>) = match what {
        What::Op { name } => {
            let files = [(OPERATIONS, OP), (SHOW, SHOWN), (CLI, TESTED)];
            (name, files.map(|(folder, skeleton)| (format!("{folder}{name}.rs"), skeleton)).to_vec())
        }
        What::Cause { group, name } => (name, vec![(format!("{CAUSES}{group}/{name}.rs"), CAUSE)]),
        What::Fact { name } => (name, Vec::new()),
        What::Protocol { name } => (name, vec![(format!("{PROTOCOLS}{name}.rs"), PROTOCOL)]),
        What::Program { name } => (name, vec![(format!("{PROGRAMS}{name}.rs"), PROGRAM)]),
        What::Lab { name } => (name, vec![(format!("{LABS}{}.toml", name.replace('_', "-")), LAB)]),
    };
    if let Some((path, _)) = new.iter().find(|(path, _)| root.join(path).exists()) {
        return Err(Failure::new(format!("{path} is already there.")).hint("choose another name"));
    }
    let lines: Vec<(String, insert::Place)> = match what {
        What::Op { .. } => OP_LINES.iter().map(|(path, place)| ((*path).to_owned(), *place)).collect(),
        What::Fact { .. } => FACT_LINES.iter().map(|(path, place)| ((*path).to_owned(), *place)).collect(),
        What::Cause { group, .. } => {
            let registry = format!("{CAUSES}{group}.rs");
            if !root.join(&registry).exists() {
                return Err(Failure::new(format!("There is no group {group} of causes."))
                    .hint(format!("the groups are the folders in {CAUSES}")));
            }
            vec![(registry, NAMED)]
        }
        What::Protocol { .. } => vec![(registry(PROTOCOLS), NAMED)],
        What::Program { .. } => vec![(registry(PROGRAMS), NAMED)],
        What::Lab { .. } => vec![(LAB_REGISTRY.to_owned(), LAB_LINE)],
    };
    // Every line is found its place before anything is written.
    let mut changed: Vec<(String, String)> = Vec::new();
    for (path, place) in &lines {
        let text = changed
            .iter()
            .find(|(before, _)| before == path)
            .map_or_else(|| places::read(&root.join(path)), |(_, text)| Ok(text.clone()))?;
        let text = insert::line(&text, place, &|line| filled(line, name)).ok_or_else(|| {
            Failure::new(format!("{path} has no place for `{}`.", filled(place.line, name)))
                .hint("look at the tables in xtask/src/new/mod.rs")
        })?;
        changed.retain(|(before, _)| before != path);
        changed.push((path.clone(), text));
    }
    let mut written = Vec::new();
    for (path, skeleton) in new {
        places::write(&root.join(&path), &filled(skeleton, name))?;
        written.push(path);
    }
    for (path, text) in changed {
        places::write(&root.join(&path), &text)?;
        written.push(path);
    }
    Ok(written)
}

/// The file beside a folder, which lists what is in it.
fn registry(folder: &str) -> String {
    format!("{}.rs", folder.trim_end_matches('/'))
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
const CAUSE: &str = include_str!("cause.txt");
const LAB: &str = include_str!("lab.txt");
const PROTOCOL: &str = include_str!("protocol.txt");
const PROGRAM: &str = include_str!("program.txt");

/// Lines that make an operation known.
const OP_LINES: &[(&str, insert::Place)] = &[
    ("crates/ops/src/op.rs", insert::Place { line: "pub mod NAME_HERE;", among: "pub mod ", before: None }),
    (
        "crates/ops/src/registry.rs",
        insert::Place { line: "            NAME_HERE TypeHere: TypeHere,", among: "            ", before: Some("        }") },
    ),
    ("crates/portward/tests/cli/main.rs", insert::Place { line: "mod NAME_HERE;", among: "mod ", before: None }),
];

/// Lines that make a fact known to every cause; the cause that it is for is the fourth file.
const FACT_LINES: &[(&str, insert::Place)] = &[
    (
        "crates/model/src/examination/topics.rs",
        insert::Place {
            line: "                \"name here\" NAME_HERE TypeHere -> $crate::Seen<u32>;",
            among: "                \"",
            before: None,
        },
    ),
    (
        "crates/sys/src/linux/surroundings.rs",
        insert::Place {
            line: "        Topic::TypeHere => Answer::TypeHere(setting(\"NAME_HERE\").map_or(portward_model::Seen::Unsupported, portward_model::Seen::Known)),",
            among: "        Topic::",
            before: None,
        },
    ),
    (
        "crates/checks/src/doctor/inquiry.rs",
        insert::Place {
            line: "        agenda.push_back(Task::Read(Wanted::Topic(Topic::TypeHere)));",
            among: "        agenda.push_back(Task::Begin",
            before: None,
        },
    ),
];

/// The line of a cause, a protocol or a program in the list of names.
const NAMED: insert::Place = insert::Place { line: "    NAME_HERE,", among: "    ", before: Some("}") };
/// The line that makes a lab known.
const LAB_LINE: insert::Place = insert::Place { line: "    \"name-here\",", among: "    \"", before: Some("}") };

/// A name that nothing real will have.
const PROOF: &str = "skeleton_of_proof";

#[cfg(test)]
mod tests {
    use super::{FACT_LINES, filled, name};

    #[test]
    fn a_fact_is_three_lines_and_its_cause() {
        let files: std::collections::BTreeSet<&str> = FACT_LINES.iter().map(|(path, _)| *path).collect();
        assert!(files.len() < 4, "{files:?}");
    }

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
