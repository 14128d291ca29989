//! How the listed programs did: the tests of the list, run by name, and what each of them said.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::Stdio,
};

use super::entries::Entry;
use crate::{
    command,
    failure::{Failure, on_path},
    places,
    test::{BY_NAME, SKIPS},
};

/// How one program did for one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Did {
    /// It was not run: something is missing.
    Skipped(String),
    /// All of it held.
    Works,
    /// Something did not, in the test's first words.
    Fails(String),
}

/// How every chosen program did, by the name of its test.
pub(super) struct Outcomes(BTreeMap<String, Did>);

impl Outcomes {
    /// Runs the tests of these programs, as a user and as root.
    pub(super) fn of(entries: &[&Entry]) -> Result<Self, Failure> {
        let names: Vec<String> = entries.iter().flat_map(|entry| USERS.map(|user| test_of(user, entry))).collect();
        let place = Self::folder();
        fs::create_dir_all(&place).map_err(|error| on_path("made", &place, &error))?;
        let skips = place.join("skips.txt");
        places::write(&skips, "")?;
        let mut cargo = command::cargo(["test", "--quiet", "--package", "portward", "--test", "programs", "--"]);
        cargo.args(["--include-ignored", "--exact", "--test-threads=4", "--format=pretty"]).args(&names);
        cargo.env(SKIPS, &skips).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = cargo.spawn().map_err(|error| Failure::new(format!("cargo could not be started: {error}.")))?;
        let mut said = String::new();
        for line in child.stdout.take().map(BufReader::new).into_iter().flat_map(BufReader::lines).map_while(Result::ok) {
            if line.starts_with("test ") {
                println!("{line}");
            }
            said.push_str(&line);
            said.push('\n');
        }
        let ended = child.wait().map_err(|error| Failure::new(format!("cargo could not be waited for: {error}.")))?;
        places::write(&place.join("said.txt"), &said)?;
        let found = read(&said, &places::read(&skips)?);
        if found.is_empty() {
            return Err(Failure::new(format!("The tests of the listed programs did not run ({ended}).")));
        }
        Ok(Self(found))
    }

    /// Where the words of the tests are kept.
    pub(super) fn folder() -> PathBuf {
        places::target().join("listed")
    }

    /// How it did as a user, and as root.
    pub(super) fn by_user(&self, entry: &Entry) -> [Option<&Did>; 2] {
        USERS.map(|user| self.0.get(&test_of(user, entry)))
    }

    pub(super) fn failed(&self, entry: &Entry) -> bool {
        self.by_user(entry).iter().any(|did| matches!(did, Some(Did::Fails(_)) | None))
    }

    /// The same in a word each.
    pub(super) fn words(&self, entry: &Entry) -> [&'static str; 2] {
        self.by_user(entry).map(|did| match did {
            Some(Did::Works) => "works",
            Some(Did::Skipped(_)) => "not run",
            Some(Did::Fails(_)) => "fails",
            None => "did not end",
        })
    }
}

fn test_of(user: &str, entry: &Entry) -> String {
    let part = if entry.core { "" } else { BY_NAME };
    format!("{}::{user}::{part}{}", entry.list, entry.name.replace('-', "_"))
}

/// Reads the words of Rust's test runner, and the file of skips.
fn read(said: &str, skips: &str) -> BTreeMap<String, Did> {
    let mut found = BTreeMap::new();
    for line in said.lines() {
        let Some((name, how)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")) else { continue };
        // An ignored test that is run says so behind its name.
        let name = name.split(' ').next().unwrap_or(name);
        let skipped = skips.lines().find_map(|line| line.strip_prefix("SKIPPED: ")?.strip_prefix(name)?.strip_prefix(": "));
        let did = match (skipped, how) {
            (Some(missing), _) => Did::Skipped(missing.to_owned()),
            (None, "ok") => Did::Works,
            (None, _) => Did::Fails(panic_of(said, name)),
        };
        found.insert(name.to_owned(), did);
    }
    found
}

/// The first words of a failure: the line behind the one that says where it panicked.
fn panic_of(said: &str, name: &str) -> String {
    let begin = format!("---- {name} stdout ----");
    let mut lines = said.lines().skip_while(|line| *line != begin);
    let words = lines.by_ref().skip_while(|line| !line.contains("panicked at")).nth(1).unwrap_or_default();
    words.chars().take(100).collect()
}

/// The modules of the two users.
const USERS: [&str; 2] = ["as_user", "as_root"];

#[cfg(test)]
mod tests {
    use super::{Did, read};

    #[test]
    fn the_words_of_the_runner_are_read() {
        let said = "\
test listed::as_user::go - should panic ... ok
test listed::as_user::nats ... ok
test listed::as_root::nats ... FAILED
test listed::as_user::qemu ... ok

---- listed::as_root::nats stdout ----

thread 'listed::as_root::nats' (7) panicked at crates/x.rs:1:1:
north never had a listener at port 4222
";
        let found = read(said, "SKIPPED: listed::as_user::qemu: the package qemu-system-x86\n");
        assert_eq!(found["listed::as_user::nats"], Did::Works);
        assert_eq!(found["listed::as_user::go"], Did::Works);
        assert_eq!(found["listed::as_root::nats"], Did::Fails("north never had a listener at port 4222".to_owned()));
        assert_eq!(found["listed::as_user::qemu"], Did::Skipped("the package qemu-system-x86".to_owned()));
    }
}
