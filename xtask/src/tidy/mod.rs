//! The rules of the house that a compiler does not check, each a function from the tree to sentences.

mod arrows;
mod code;
mod companions;
mod papers;
mod prose;
mod reached;
mod sources;
mod spoken;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::Value;

pub(crate) use self::companions::{CAUSES, CLI, LAB_REGISTRY, LABS, OPERATIONS, PROGRAMS, PROTOCOLS, SHOW};
use crate::{failure::Failure, places};

/// Runs the task: every rule, every breach.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    let tree = Tree::read(places::root())?;
    let mut broken = 0;
    for (name, rule) in RULES {
        let breaches = rule(&tree);
        broken += breaches.len();
        println!("{} {name}", if breaches.is_empty() { "kept  " } else { "broken" });
        for breach in breaches {
            println!("       {breach}");
        }
    }
    if broken == 0 {
        println!("All {} rules are kept in {} files.", RULES.len(), tree.files.len());
        return Ok(ExitCode::SUCCESS);
    }
    println!("{broken} breaches of {} rules.", RULES.len());
    Ok(ExitCode::FAILURE)
}

/// How many rules there are, and every breach with its rule's name.
pub(crate) fn breaches() -> Result<(usize, Vec<String>), Failure> {
    let tree = Tree::read(places::root())?;
    let mut all = Vec::new();
    for (name, rule) in RULES {
        all.extend(rule(&tree).into_iter().map(|breach| format!("{name}: {breach}")));
    }
    Ok((RULES.len(), all))
}

/// One text file.
struct File {
    /// Relative to the top, with `/`.
    path: String,
    text: String,
    /// Without comments and strings; the text itself where it is no Rust.
    code: String,
}

/// The repository as the rules see it.
struct Tree {
    root: PathBuf,
    files: Vec<File>,
    /// What cargo knows of the workspace.
    metadata: Value,
}

impl Tree {
    fn read(root: PathBuf) -> Result<Self, Failure> {
        let mut files = Vec::new();
        for path in places::files_below(&root)? {
            let shown = places::shown(&root, &path).to_string();
            let text_file = TEXT.iter().any(|end| shown.ends_with(end));
            if text_file && !UNTRACKED.iter().any(|start| shown.starts_with(start)) {
                files.push(File::new(shown, places::read(&path)?));
            }
        }
        let metadata = arrows::metadata(&root)?;
        Ok(Self { root, files, metadata })
    }

    /// The Rust files of a directory and below.
    fn rust<'a>(&'a self, below: &'a str) -> impl Iterator<Item = &'a File> {
        self.files.iter().filter(move |file| file.ends("rs") && file.path.starts_with(below))
    }

    fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }
}

impl File {
    fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        let code =
            if Path::new(&path).extension().is_some_and(|found| found == "rs") { code::code_only(&text) } else { text.clone() };
        Self { path, text, code }
    }

    fn ends(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }

    /// The crate's folder, `crates/model`; empty for a file that belongs to none.
    fn home(&self) -> &str {
        let after = self.path.strip_prefix("crates/").and_then(|rest| rest.find('/').map(|at| at + "crates/".len()));
        after.and_then(|end| self.path.get(..end)).unwrap_or("")
    }
}

type Rule = fn(&Tree) -> Vec<String>;

const RULES: &[(&str, Rule)] = &[
    ("arrows between crates point one way", arrows::rule),
    ("every source file is reached", reached::sources),
    ("every test file is reached", reached::tests),
    ("systems are told apart in sys only", sources::systems),
    ("every crate but sys, lab and session forbids unsafe code", sources::unsafety),
    ("what clippy forbids is forbidden in every crate that is not listed", sources::strictness),
    ("no file is long without a reason", sources::length),
    ("nothing is left for later", sources::later),
    ("every operation has its companions", companions::operations),
    ("a folder of causes holds causes, and its group lists them", companions::causes),
    ("every lab is listed, and every lab of the list is there", companions::labs),
    ("every direct dependency is accounted for", papers::dependencies),
    ("every relative link leads somewhere", papers::links),
    ("the README's two commands exist", papers::commands),
    ("nothing is decided on a sentence", prose::rule),
    ("commands that people are told are laid out of words", spoken::commands),
    ("the terminal is written to through the screen", spoken::terminals),
];

/// Endings of the files that are read.
const TEXT: &[&str] = &[".rs", ".md", ".toml", ".yml", ".sh", ".txt", ".py"];

/// What lies in the tree without belonging to it.
const UNTRACKED: &[&str] = &["fuzz/corpus/", "fuzz/artifacts/"];

#[cfg(test)]
mod tests {
    use super::{File, RULES, Tree};
    use crate::places;

    pub(super) fn tree(files: &[(&str, &str)]) -> Tree {
        let files = files.iter().map(|(path, text)| File::new(*path, *text)).collect();
        Tree { root: "/nowhere".into(), files, metadata: serde_json::Value::Null }
    }

    fn keeps(index: usize) {
        let (name, rule) = RULES.get(index).expect("is a rule");
        let tree = Tree::read(places::root()).expect("the repository is readable");
        let breaches = rule(&tree);
        assert!(breaches.is_empty(), "{name}:\n{}", breaches.join("\n"));
    }

    macro_rules! rules {
        ($($name:ident = $index:literal;)*) => {
            $(#[test] fn $name() { keeps($index); })*
            #[test]
            fn every_rule_is_tested() {
                assert_eq!([$($index),*].len(), RULES.len());
            }
        };
    }

    rules! {
        arrows_point_one_way = 0;
        every_source_file_is_reached = 1;
        every_test_file_is_reached = 2;
        systems_are_told_apart_in_sys_only = 3;
        unsafe_code_is_forbidden = 4;
        nobody_loosens_what_clippy_forbids = 5;
        no_file_is_long_without_a_reason = 6;
        nothing_is_left_for_later = 7;
        every_operation_has_its_companions = 8;
        folders_of_causes_hold_listed_causes = 9;
        every_lab_is_listed = 10;
        every_direct_dependency_is_accounted_for = 11;
        every_relative_link_leads_somewhere = 12;
        the_readme_commands_exist = 13;
        nothing_is_decided_on_a_sentence = 14;
        commands_are_laid_out_of_words = 15;
        the_terminal_is_written_to_through_the_screen = 16;
    }
}
