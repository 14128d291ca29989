//! The command line, kernel and real-program tests once more as nobody, so that the unprivileged path is proven also where
//! the machine's only user is root.
//!
//! The test binaries that cargo built are run by hand. They hold the path of Portward's binary, which nobody
//! may be unable to enter (`/root` is closed); then a private mount namespace shows the same files at the same
//! path below an open folder, and no permission on the disk changes.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use super::{Tally, steps};
use crate::{command, failure::Failure, places};

/// Runs the step.
pub(super) fn step(quick: bool) -> Tally {
    if !command::is_root() {
        println!("We are not root: the tests above were the unprivileged ones.");
        return Tally::passed();
    }
    let binaries = match built() {
        Ok(binaries) => binaries,
        Err(failure) => return Tally::failed(failure.to_string()),
    };
    if binaries.is_empty() {
        return Tally::failed(format!("no test target is named {}", TARGETS.join(" or ")));
    }
    let Ok(hold) = tempfile::tempdir() else { return Tally::failed("a temporary directory could not be made") };
    let seats = [places::root(), places::target()];
    let blocked: Vec<PathBuf> = seats.iter().filter_map(|seat| first_blocked(seat)).collect();
    let mut total = Tally::default();
    for Binary { name, program, package } in binaries.into_iter().filter(|binary| !(quick && binary.name == REAL)) {
        let these = |which: &[String]| {
            let above = if name == REAL { AS_USER } else { &[] };
            let which: Vec<String> = which.iter().cloned().chain(above.iter().map(|word| (*word).to_owned())).collect();
            let mut run = if blocked.is_empty() {
                let mut run = as_nobody(&program);
                run.args(&which);
                run
            } else {
                reseated(&program, &which, (&seats, &blocked), hold.path())
            };
            environment(&mut run, &package);
            run
        };
        let Tally { counts, trouble, skips, unsteady, .. } = steps::counted(&these, &name);
        let told = |what: String| format!("{name} as nobody: {what}");
        total.counts += counts;
        total.trouble = total.trouble.or(trouble.map(told));
        total.skips.extend(skips.into_iter().map(told));
        total.unsteady.extend(unsteady.into_iter().map(told));
    }
    total
}

struct Binary {
    name: String,
    program: PathBuf,
    package: PathBuf,
}

/// The built test binaries that are run again.
fn built() -> Result<Vec<Binary>, Failure> {
    let talk = command::output(command::cargo(["test", "--quiet", "--workspace", "--no-run", "--message-format=json"]))?;
    Ok(talk.lines().filter_map(|line| read(&serde_json::from_str(line).ok()?)).collect())
}

fn read(message: &Value) -> Option<Binary> {
    let target = message.get("target")?;
    let is_test = target.get("kind")?.as_array()?.iter().any(|kind| kind == "test");
    let name = target.get("name")?.as_str()?;
    let program = PathBuf::from(message.get("executable")?.as_str()?);
    let package = Path::new(message.get("manifest_path")?.as_str()?).parent()?.to_path_buf();
    (is_test && TARGETS.contains(&name)).then(|| Binary { name: name.to_owned(), program, package })
}

/// The first folder on the way to a path that nobody may not enter.
fn first_blocked(path: &Path) -> Option<PathBuf> {
    let mut above: Vec<&Path> = path.ancestors().filter(|folder| folder.is_dir()).collect();
    above.reverse();
    let enters = |folder: &Path| {
        let mut test = as_nobody(Path::new("test"));
        test.arg("-x").arg(folder).current_dir("/");
        command::succeeds(test)
    };
    above.into_iter().find(|folder| !enters(folder)).map(Path::to_path_buf)
}

fn as_nobody(program: &Path) -> Command {
    let mut setpriv = command::program("timeout", ["--kill-after=10", MOST_SECONDS, "setpriv"]);
    setpriv.args(IDENTITY);
    setpriv.arg(program);
    setpriv
}

/// Shows `seats` at their own paths in a private mount namespace, with `blocked` covered by open folders.
fn reseated(program: &Path, which: &[String], (seats, blocked): (&[PathBuf], &[PathBuf]), hold: &Path) -> Command {
    let mut unshare = command::program("timeout", ["--kill-after=10", MOST_SECONDS, "unshare"]);
    unshare.args(["--mount", "--propagation", "private", "sh", "-euc", RESEAT, "reseat"]);
    unshare.arg(hold).arg(program).arg(which.join(" ")).args(seats).arg("--").args(blocked);
    unshare
}

/// What a test finds around it: little, as a fresh account would have it.
fn environment(run: &mut Command, package: &Path) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    run.env_clear().env("PATH", path).env("HOME", "/nonexistent").env("USER", "nobody").env("LANG", "C.UTF-8");
    run.env("CARGO_MANIFEST_DIR", package).env("CARGO_BIN_EXE_portward", places::debug_binary()).current_dir(package);
}

/// Test targets that are run again.
const TARGETS: &[&str] = &["cli", "kernel", REAL];
/// The one of them that needs real programs.
const REAL: &str = "programs";

/// Tests of it that the step before has run as a user without any right, in a world that root made.
const AS_USER: &[&str] = &["--skip", "listed::", "--skip", "projects::"];

/// The longest that one test target may take.
const MOST_SECONDS: &str = "1200";

/// Debian's nobody and nogroup.
const IDENTITY: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];

/// Arguments: a folder to hold the seats, the program, which tests it runs as words with spaces between, the seats, `--`, the folders to
/// cover.
const RESEAT: &str = r#"
hold=$1 program=$2 which=$3 here=$PWD; shift 3
mount -t tmpfs -o mode=755 tmpfs "$hold"
count=0; seats=
while [ "$1" != -- ]; do
    mkdir "$hold/$count"
    if [ -d "$1" ]; then mount --rbind "$1" "$hold/$count"; fi
    eval "seat_$count=\$1"
    count=$((count + 1)); shift
done
shift
for folder in "$@"; do mount -t tmpfs -o mode=755 tmpfs "$folder"; done
at=0
while [ "$at" -lt "$count" ]; do
    eval "seat=\$seat_$at"
    mkdir -p "$seat"
    mount --rbind "$hold/$at" "$seat"
    at=$((at + 1))
done
cd "$here"
exec setpriv --reuid=65534 --regid=65534 --clear-groups "$program" $which
"#;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::read;

    #[test]
    fn only_the_named_test_targets_are_run_again() {
        let message = |kind: &str, name: &str| {
            json!({
                "reason": "compiler-artifact", "manifest_path": "/repo/crates/portward/Cargo.toml",
                "target": { "kind": [kind], "name": name }, "executable": "/repo/target/debug/deps/cli-1",
            })
        };
        let binary = read(&message("test", "cli")).expect("is one of them");
        assert_eq!(binary.package.to_str(), Some("/repo/crates/portward"));
        assert!(read(&message("lib", "cli")).is_none());
        assert!(read(&message("test", "docker")).is_none());
        assert!(read(&json!({ "reason": "build-finished", "success": true })).is_none());
    }
}
