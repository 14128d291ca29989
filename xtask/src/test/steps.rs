//! The steps of `cargo xtask test`, in the order they run; the unprivileged one has a file of its own.

use std::{
    fs,
    io::BufReader,
    path::Path,
    process::{Command, Stdio},
};

use super::{Tally, counts::Counts, install, npm, packages::WANTED, pypi};
use crate::{command, failure::Failure, fuzz as fuzzing, generate, new, places, programs, tidy as rules};

/// Debian packages, and those of npm and of Python.
pub(super) fn install(quick: bool) -> Tally {
    let wanted: Vec<_> = WANTED.iter().filter(|wanted| !(quick && wanted.real_programs)).collect();
    let debian = install::wanted(&wanted).map(|missing| missing.0);
    let done = debian.and_then(|mut missing| {
        if !quick {
            missing.extend(npm::wanted()?);
            missing.extend(pypi::wanted()?);
            missing.extend(programs::core()?);
        }
        Ok(missing)
    });
    match done {
        Ok(missing) => Tally::passed().with_skips(missing),
        Err(failure) => Tally::failed(failure.to_string()),
    }
}

/// Every Rust file, also those that a macro declares: rustfmt is given the list.
pub(super) fn format(_quick: bool) -> Tally {
    if !command::succeeds(command::program("rustfmt", ["--version"])) {
        return Tally::skipped("rustfmt is not installed; `rustup component add rustfmt`");
    }
    match rust_files() {
        Ok(files) => {
            let mut rustfmt = command::program("rustfmt", ["--check", "--edition", "2024"]);
            command::run({
                rustfmt.args(files);
                rustfmt
            })
            .map_err(|failure| failure.hint("cargo fmt"))
            .into()
        }
        Err(failure) => Tally::failed(failure.to_string()),
    }
}

fn rust_files() -> Result<Vec<std::path::PathBuf>, Failure> {
    let mut files = places::files_below(&places::root())?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    Ok(files)
}

/// The rules of the house.
pub(super) fn tidy(_quick: bool) -> Tally {
    match rules::breaches() {
        Ok((rules, breaches)) => {
            for breach in &breaches {
                println!("{breach}");
            }
            if breaches.is_empty() {
                return Tally { counts: Counts { passed: rules, ..Counts::default() }, ..Tally::default() };
            }
            Tally::failed(format!("{} breaches; `cargo xtask tidy` lists them", breaches.len()))
        }
        Err(failure) => Tally::failed(failure.to_string()),
    }
}

/// Clippy, and the compiler's own warnings.
pub(super) fn lint(_quick: bool) -> Tally {
    if !command::succeeds(command::cargo(["clippy", "--version"])) {
        return Tally::skipped("clippy is not installed; `rustup component add clippy`");
    }
    command::run(command::cargo(["clippy", "--quiet", "--workspace", "--all-targets", "--", "--deny", "warnings"])).into()
}

/// The documentation builds without a warning.
pub(super) fn docs(_quick: bool) -> Tally {
    let mut doc = command::cargo(["doc", "--quiet", "--workspace", "--no-deps"]);
    doc.env("RUSTDOCFLAGS", "--deny warnings");
    command::run(doc).into()
}

/// Every test of the workspace.
pub(super) fn tests(quick: bool) -> Tally {
    let these = |which: &[String]| {
        let mut cargo = command::cargo(["test", "--workspace", "--no-fail-fast"]);
        if quick {
            cargo.args(QUICK);
        }
        cargo.arg("--").args(which);
        // A test that hangs must not take the whole run with it.
        let mut bounded = command::program("timeout", ["--kill-after=10", MOST_SECONDS]);
        bounded.arg(cargo.get_program()).args(cargo.get_args());
        bounded.envs(cargo.get_envs().filter_map(|(key, value)| Some((key, value?))));
        bounded
    };
    counted(&these, "cargo test")
}

/// Runs a program that prints closing lines of Rust's test runner, and counts them. A few that fail are run once more by themselves: one
/// that passes then is told loudly as unsteady, for it has a fault of its own or of what it tests, and does not fail the run.
///
/// `run` makes the program's command with these arguments, which say what is run.
pub(super) fn counted(run: &dyn Fn(&[String]) -> Command, name: &str) -> Tally {
    let mut tally = once(run(&["--skip".to_owned(), BY_NAME.to_owned()]), name);
    if tally.failed.is_empty() || tally.failed.len() > MOST_AGAIN || tally.failed.len() != tally.counts.failed {
        return tally;
    }
    println!("\n== once more, by themselves: {}", tally.failed.join(", "));
    let exact: Vec<String> =
        ["--exact", "--test-threads=1"].map(str::to_owned).into_iter().chain(tally.failed.iter().cloned()).collect();
    let again = once(run(&exact), name);
    // Tests of two binaries may have one name.
    let (unsteady, failed): (Vec<String>, Vec<String>) =
        tally.failed.into_iter().partition(|test| again.passed.contains(test) && !again.failed.contains(test));
    tally.counts.failed -= unsteady.len();
    tally.counts.passed += unsteady.len();
    tally.trouble = (!failed.is_empty()).then(|| failed.join(", "));
    (tally.failed, tally.unsteady) = (failed, unsteady);
    tally
}

/// Runs it once.
fn once(mut command: Command, name: &str) -> Tally {
    let Ok(folder) = tempfile::Builder::new().prefix("portward-skips").tempdir() else {
        return Tally::failed("a temporary directory could not be made");
    };
    let skips_file = folder.path().join("skips");
    // Tests may run as somebody else, who must be able to say what they skip.
    if fs::write(&skips_file, "").and_then(|()| open_to_all(folder.path(), &skips_file)).is_err() {
        return Tally::failed(format!("{} could not be written", skips_file.display()));
    }
    command.env(SKIPS, &skips_file).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Tally::failed(format!("{name} could not be started: {error}")),
    };
    let mut counts = Counts::default();
    let (mut failed, mut passed) = (Vec::new(), Vec::new());
    for line in child.stdout.take().map(BufReader::new).into_iter().flat_map(std::io::BufRead::lines).map_while(Result::ok) {
        counts += Counts::read(&line);
        if let Some((test, how)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")) {
            match how {
                "FAILED" => failed.push(test.to_owned()),
                "ok" => passed.push(test.to_owned()),
                _ => {}
            }
        }
        println!("{line}");
    }
    let succeeded = child.wait().is_ok_and(|status| status.success());
    let said = fs::read_to_string(&skips_file).unwrap_or_default();
    let mut skips: Vec<String> = said.lines().map(|line| line.strip_prefix("SKIPPED: ").unwrap_or(line).to_owned()).collect();
    skips.sort();
    skips.dedup();
    let mut counts = counts.without(skips.len());
    let trouble = match (succeeded, counts.failed) {
        (true, 0) => None,
        (_, 0) => {
            // It did not compile, or was stopped: no closing line tells.
            counts += Counts::FAILED;
            Some(format!("{name} did not come to its end"))
        }
        (_, _) => Some(failed.join(", ")),
    };
    Tally { counts, trouble, skips, failed, passed, unsteady: Vec::new() }
}

fn open_to_all(folder: &Path, file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o666))
}

/// The binary that people get.
pub(super) fn release(_quick: bool) -> Tally {
    command::run(command::cargo(["build", "--quiet", "--release", "--package", "portward"])).into()
}

/// The generated files are what Portward says now.
pub(super) fn generated(_quick: bool) -> Tally {
    match generate::stale() {
        Ok(stale) if stale.is_empty() => Tally::passed(),
        Ok(stale) => {
            for line in &stale {
                println!("{line}");
            }
            Tally::failed(format!("{} generated files are stale; `cargo xtask gen`", stale.len()))
        }
        Err(failure) => Tally::failed(failure.to_string()),
    }
}

/// `cargo xtask new` writes what compiles.
pub(super) fn skeletons(_quick: bool) -> Tally {
    new::prove().into()
}

/// Every fuzz target, shortly and from a fixed seed.
pub(super) fn fuzz(_quick: bool) -> Tally {
    match fuzzing::all(fuzzing::SHORT) {
        Ok((clean, found)) => {
            let counts = Counts { passed: clean, failed: found.len(), skipped: 0 };
            Tally { counts, trouble: (!found.is_empty()).then(|| found.join(", ")), ..Tally::default() }
        }
        Err(failure) => Tally::failed(failure.to_string()),
    }
}

/// Where tests write why they skipped themselves, one line each.
pub(crate) const SKIPS: &str = "PORTWARD_SKIPS";
/// The listed programs that are run by name alone, `cargo xtask programs NAME`.
pub(crate) const BY_NAME: &str = "by_name::";
/// The tests that need no real programs.
const QUICK: &[&str] = &["--lib", "--bins", "--test", "cli", "--test", "kernel"];
/// Tests that are run once more where they fail; where more do, something is broken.
const MOST_AGAIN: usize = 6;
/// The longest that all tests together may take.
const MOST_SECONDS: &str = "2100";

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::counted;

    /// A program that prints what Rust's test runner would, by whether it is run for the first time.
    fn told(first: &'static str, then: &'static str) -> super::Tally {
        let run = move |which: &[String]| {
            let (text, code) = if which[0] == "--exact" { (then, "0") } else { (first, "101") };
            let mut shell = Command::new("sh");
            shell.args(["-c", "printf \"$1\"; exit $2", "sh", text, if text.contains("FAILED") { "101" } else { code }]);
            shell
        };
        counted(&run, "tests")
    }

    #[test]
    fn one_that_passes_by_itself_is_unsteady_and_one_that_does_not_has_failed() {
        let first = "test a ... ok\ntest b ... FAILED\ntest c ... FAILED\ntest result: FAILED. 1 passed; 2 failed; 0 ignored;\n";
        let tally = told(first, "test b ... ok\ntest c ... FAILED\ntest result: FAILED. 1 passed; 1 failed; 0 ignored;\n");
        assert_eq!((tally.counts.passed, tally.counts.failed, tally.trouble.as_deref()), (2, 1, Some("c")));
        assert_eq!((tally.unsteady, tally.failed), (vec!["b".to_owned()], vec!["c".to_owned()]));
        let tally = told(first, "test b ... ok\ntest c ... ok\ntest result: ok. 2 passed; 0 failed; 0 ignored;\n");
        assert_eq!((tally.counts.passed, tally.counts.failed, tally.trouble), (3, 0, None));
        // One that cannot be run again has not passed.
        let tally = told(first, "");
        assert_eq!((tally.counts.failed, tally.unsteady.len()), (2, 0));
    }

    #[test]
    fn where_many_fail_none_is_run_again() {
        let lines: Vec<String> = ('a'..='h').map(|name| format!("test {name} ... FAILED\n")).collect();
        let first = format!("{}test result: FAILED. 0 passed; 8 failed; 0 ignored;\n", lines.concat()).leak();
        let tally = told(first, "test a ... ok\n");
        assert_eq!((tally.counts.failed, tally.unsteady.len()), (8, 0));
    }
}
