//! Anything as an argument: one sentence with what was read, a suggestion where one is near, exit code 2.

use portward_testkit::Outcome;

use crate::world;

/// One sentence, perhaps a hint, nothing that acts on a terminal, nothing on stdout.
#[track_caller]
fn is_one_sentence(outcome: &Outcome) {
    assert_eq!(outcome.code, Some(2), "{outcome}");
    assert_eq!(outcome.stdout, "", "{outcome}");
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert!((1..=3).contains(&lines.len()), "{outcome}");
    assert!(outcome.stderr.len() < 600, "{} bytes: {outcome}", outcome.stderr.len());
    assert!(outcome.stderr.chars().all(|c| c == '\n' || !c.is_control()), "{:?}", outcome.stderr);
    assert!(!outcome.stderr.contains("panicked"), "{outcome}");
}

#[test]
fn texts_that_are_no_endpoint() {
    let Some(world) = world() else { return };
    for operation in ["explain", "free", "wait", "open"] {
        for (bad, near) in [
            ("70000", Some("7000")),
            ("619009", Some("61909")),
            ("127.0.0.1:", Some("127.0.0.1:3000")),
            ("localhost:abc", None),
            ("localhost:http", Some("localhost:80")),
            ("::1:3000", Some("[::1]:3000")),
            ("[::1:3000", None),
            ("[::g]:80", None),
            ("127.0.0.256:80", None),
            ("0", None),
            ("", None),
            ("   ", None),
            ("🦀", None),
            ("\u{1b}[31mred", None),
            ("tcq/80", Some("tcp/80")),
            ("99999999999999999999", None),
        ] {
            let outcome = world.portward(&[operation, bad]);
            is_one_sentence(&outcome);
            if let Some(near) = near {
                assert!(outcome.stderr.contains(near), "{operation} {bad:?} is near {near}: {outcome}");
            }
        }
    }
}

#[test]
fn noise_is_short_in_the_answer() {
    let Some(world) = world() else { return };
    for noise in ["9".repeat(100_000), "x".repeat(100_000), "\u{1b}".repeat(50_000), "a:".repeat(50_000)] {
        for operation in ["explain", "free", "wait", "open", "next", "schema"] {
            is_one_sentence(&world.portward(&[operation, &noise]));
        }
        // Any word may be a process's name, and none has this one.
        let listed = world.portward(&["list", &noise]);
        assert!(listed.code == Some(1) || listed.code == Some(2), "{listed}");
        assert!(listed.stdout.len() + listed.stderr.len() < 600, "{listed}");
    }
}

#[test]
fn arguments_that_are_no_text() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let Some(world) = world() else { return };
    let broken = OsStr::from_bytes(b"caf\xe9:80");
    for operation in ["list", "explain", "free", "wait", "open", "next", "schema"] {
        let outcome = world.portward(&[operation.as_ref(), broken]);
        is_one_sentence(&outcome);
    }
}

#[test]
fn filters_that_are_none() {
    let Some(world) = world() else { return };
    for bad in ["70000", "3999-3000", "pid:abc", "pid:", "user:", "state:sleeping", "project:", "colour:red", ""] {
        is_one_sentence(&world.portward(&["list", bad]));
    }
    let outcome = world.portward(&["list", "state:lisen"]);
    assert!(outcome.stderr.contains("listen"), "{outcome}");
}

#[test]
fn options_that_are_none() {
    let Some(world) = world() else { return };
    for arguments in [
        &["--nonsense"][..],
        &["list", "--nonsense"],
        &["lisst"],
        &["wait", "3000", "--timeout", "soon"],
        &["wait", "3000", "--timeout", "-5s"],
        &["free", "3000", "--timeout", "5 parsecs"],
        &["next", "-n", "0"],
        &["next", "-n", "-1"],
        &["next", "-n", "99999999999999999999"],
        &["list", "--netns", ""],
        &["explain"],
        &["free"],
        &["wait"],
        &["list", "--json", "--ndjson"],
        &["--color", "purple", "list"],
    ] {
        let outcome = world.portward(arguments);
        assert_ne!(outcome.code, Some(0), "{outcome}");
        if outcome.code == Some(2) {
            assert!(outcome.stdout.is_empty() && !outcome.stderr.is_empty(), "{outcome}");
        } else {
            // A misspelt command is read as a filter that nothing matches.
            assert_eq!(outcome.code, Some(1), "{outcome}");
        }
        assert!(!outcome.stderr.contains("panicked"), "{outcome}");
    }
}

#[test]
fn a_misspelt_command_is_told_with_the_near_one() {
    let Some(world) = world() else { return };
    for (typed, near) in [("explian", "explain"), ("sanpshot", "snapshot"), ("wacth", "watch")] {
        let outcome = world.portward(&[typed]);
        assert_ne!(outcome.code, Some(0), "{outcome}");
        assert!(format!("{}{}", outcome.stdout, outcome.stderr).contains(near), "{outcome}");
    }
}

#[test]
fn help_and_version_are_answers() {
    let Some(world) = world() else { return };
    let help = world.portward(&["--help"]).expect(0);
    for name in ["list", "explain", "free", "wait", "watch", "graph", "next", "open", "snapshot", "schema", "--from", "--host"] {
        assert!(help.stdout.contains(name), "no {name}: {help}");
    }
    for name in ["list", "explain", "free", "wait", "watch", "graph", "next", "open", "snapshot", "schema"] {
        let long = world.portward(&[name, "--help"]).expect(0);
        assert!(long.stdout.contains("Usage") || long.stdout.contains("usage"), "{long}");
        assert!(long.stdout.lines().all(|line| line.chars().count() <= 120), "{long}");
        let short = world.portward(&[name, "-h"]).expect(0);
        assert!(short.stdout.len() <= long.stdout.len());
    }
    let version = world.portward(&["--version"]).expect(0);
    assert!(version.stdout.starts_with("portward "), "{version}");
}

#[test]
fn a_closed_stdin_and_a_missing_home_do_not_matter() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let portward = world.portward_path().to_str().unwrap();
    let _ = world.run(&["sh", "-c", "exec \"$0\" list <&-", portward]).expect(0);
    let _ = world.run(&["env", "-i", portward, "list"]).expect(0);
    let _ = world.run(&["env", "-i", "TERM=", "COLUMNS=0", portward, "list"]).expect(0);
    let _ = world.run(&["env", "COLUMNS=x", portward, "list"]).expect(0);
    let _ = world.run(&["env", "LC_ALL=xx_YY", portward, "list"]).expect(0);
}

#[test]
fn an_option_that_goes_with_others_is_no_value() {
    let Some(world) = world() else { return };
    for (line, hint) in [
        (&["free", "3000", "--from", "x"] as &[&str], "--from and --host go with commands that only read"),
        (&["free", "3000", "--tre"], "did you mean --tree ?"),
        (&["free", "3000", "--nothing-like-it"], "the same command with --help"),
    ] {
        let refused = world.portward(line).expect(2);
        assert!(refused.stderr.contains(hint) && !refused.stderr.contains("-- --"), "{refused}");
    }
}

#[test]
fn the_path_of_a_snapshot_is_one_word_of_its_hint() {
    let Some(world) = world() else { return };
    let taken = world.portward(&["snapshot", "--out", "my machine;id.json"]).expect(0);
    assert!(taken.stderr.contains("hint: portward list --from 'my machine;id.json'\n"), "{taken}");
}
