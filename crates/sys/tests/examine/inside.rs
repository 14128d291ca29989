//! Tests that need a network of their own run once more, as the only test of this program, inside one.

use std::{
    env,
    process::{Command, Stdio},
};

use portward_testkit::skip;

/// Runs the ignored test of this name in namespaces of its own, where it is root; a loud skip where the machine
/// allows none.
#[track_caller]
pub(crate) fn in_own_network(test: &str) {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net", "--mount", "--"]).stdin(Stdio::null());
        command
    };
    let allowed = unshare().arg("true").output();
    if !allowed.as_ref().is_ok_and(|ended| ended.status.success()) {
        skip("leave to make namespaces");
        return;
    }
    let here = env::current_exe().expect("a test knows its own program");
    let ended = unshare().arg(here).args(["--exact", test, "--ignored", "--nocapture"]).output().expect("unshare runs");
    let said = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && said.contains("1 passed"), "{test} inside: {said}");
}

/// Runs a program that must succeed.
#[track_caller]
pub(crate) fn must(line: &str) {
    let mut words = line.split(' ');
    let program = words.next().expect("a program");
    let ended = Command::new(program).args(words).output().unwrap_or_else(|error| panic!("{line}: {error}"));
    assert!(ended.status.success(), "{line}: {}", String::from_utf8_lossy(&ended.stderr));
}
