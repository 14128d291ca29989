//! The generated files: written by Portward itself, committed, never edited by a person.
//!
//! `portward gen DIR` writes all of them into an empty directory; this task copies them over the committed
//! ones, or says which differ.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{
    command,
    failure::{Failure, on_path},
    places,
};

/// Arguments of `cargo xtask gen`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Change nothing; list the files that are stale
    #[arg(long)]
    check: bool,
}

/// Runs the task.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    if arguments.check {
        let stale = stale()?;
        for line in &stale {
            println!("{line}");
        }
        if stale.is_empty() {
            println!("Generated files are current.");
            return Ok(ExitCode::SUCCESS);
        }
        println!("{} generated files are stale.\nhint: cargo xtask gen", stale.len());
        return Ok(ExitCode::FAILURE);
    }
    let root = places::root();
    let fresh = fresh()?;
    let changes = changes(fresh.path(), &root)?;
    for (path, change) in &changes {
        let place = root.join(path);
        match change {
            Change::Missing(bytes) | Change::Different(bytes) => {
                let parent = place.parent().unwrap_or(&root);
                fs::create_dir_all(parent).map_err(|error| on_path("made", parent, &error))?;
                fs::write(&place, bytes).map_err(|error| on_path("written", &place, &error))?;
            }
            Change::Stale => fs::remove_file(&place).map_err(|error| on_path("removed", &place, &error))?,
        }
        println!("{} {}", change.done(), path.display());
    }
    if changes.is_empty() {
        println!("Generated files are current.");
    }
    Ok(ExitCode::SUCCESS)
}

/// A sentence for each committed file that is not what Portward says now.
pub(crate) fn stale() -> Result<Vec<String>, Failure> {
    let fresh = fresh()?;
    let changes = changes(fresh.path(), &places::root())?;
    Ok(changes.iter().map(|(path, change)| format!("{} {}.", path.display(), change.stale())).collect())
}

/// Builds Portward and lets it write everything into a temporary directory.
fn fresh() -> Result<tempfile::TempDir, Failure> {
    command::run(command::cargo(["build", "--quiet", "--package", "portward"]))?;
    let fresh =
        tempfile::tempdir().map_err(|error| Failure::new(format!("A temporary directory could not be made: {error}.")))?;
    let mut generator = command::program(places::debug_binary(), ["gen"]);
    generator.arg(fresh.path()).stdout(std::process::Stdio::null());
    command::run(generator)?;
    Ok(fresh)
}

#[derive(Debug, PartialEq, Eq)]
enum Change {
    Missing(Vec<u8>),
    Different(Vec<u8>),
    Stale,
}

impl Change {
    fn stale(&self) -> &'static str {
        match self {
            Self::Missing(_) => "is missing",
            Self::Different(_) => "differs from what Portward says now",
            Self::Stale => "describes something that Portward no longer has",
        }
    }

    fn done(&self) -> &'static str {
        match self {
            Self::Missing(_) => "wrote",
            Self::Different(_) => "rewrote",
            Self::Stale => "removed",
        }
    }
}

/// What must happen to each path, relative to both, for the committed tree to match the fresh one.
fn changes(fresh: &Path, committed: &Path) -> Result<BTreeMap<PathBuf, Change>, Failure> {
    let mut changes = BTreeMap::new();
    for directory in GENERATED {
        let wanted = contents(&fresh.join(directory), fresh)?;
        let mut present = contents(&committed.join(directory), committed)?;
        if wanted.is_empty() {
            return Err(Failure::new(format!("`portward gen` wrote nothing into {directory}.")).hint("look at its `gen` command"));
        }
        for (path, bytes) in wanted {
            match present.remove(&path) {
                None => drop(changes.insert(path, Change::Missing(bytes))),
                Some(old) if old != bytes => drop(changes.insert(path, Change::Different(bytes))),
                Some(_) => {}
            }
        }
        changes.extend(present.into_keys().map(|path| (path, Change::Stale)));
    }
    Ok(changes)
}

fn contents(directory: &Path, base: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>, Failure> {
    if !directory.is_dir() {
        return Ok(BTreeMap::new());
    }
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).map_err(|error| on_path("read", &path, &error))?;
        Ok((path.strip_prefix(base).unwrap_or(&path).to_path_buf(), bytes))
    };
    places::files_below(directory)?.into_iter().map(read).collect()
}

/// Directories that hold nothing but generated files.
const GENERATED: &[&str] = &["docs/reference", "schema", "man", "completions"];

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::{Change, GENERATED, changes};

    fn put(base: &Path, path: &str, text: &str) {
        let place = base.join(path);
        fs::create_dir_all(place.parent().expect("has a parent")).expect("is made");
        fs::write(place, text).expect("is written");
    }

    #[test]
    fn each_kind_of_difference_is_named() {
        let (fresh, committed) = (tempfile::tempdir().expect("is made"), tempfile::tempdir().expect("is made"));
        for directory in GENERATED {
            put(fresh.path(), &format!("{directory}/same"), "same");
            put(committed.path(), &format!("{directory}/same"), "same");
        }
        put(fresh.path(), "schema/list.json", "new");
        put(committed.path(), "schema/list.json", "old");
        put(fresh.path(), "man/portward.1", "page");
        put(committed.path(), "docs/reference/gone.md", "gone");
        let found = changes(fresh.path(), committed.path()).expect("both are readable");
        let told: Vec<_> = found.iter().map(|(path, change)| (path.to_str().unwrap_or_default(), change)).collect();
        assert_eq!(
            told,
            [
                ("docs/reference/gone.md", &Change::Stale),
                ("man/portward.1", &Change::Missing(b"page".to_vec())),
                ("schema/list.json", &Change::Different(b"new".to_vec())),
            ]
        );
    }

    #[test]
    fn a_generator_that_writes_nothing_is_not_taken_for_an_empty_tree() {
        let (fresh, committed) = (tempfile::tempdir().expect("is made"), tempfile::tempdir().expect("is made"));
        put(committed.path(), "schema/list.json", "old");
        let error = changes(fresh.path(), committed.path()).expect_err("nothing was written");
        assert!(error.sentence.contains("wrote nothing"), "{error}");
    }
}
