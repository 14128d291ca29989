//! `portward lab`: names, a scene with a program in it, hints, checks, and an end that leaves nothing.

use std::fs;

use portward_testkit::{Outcome, World, until};
use serde_json::Value;

use crate::{PORTWARD, world};

/// Runs `portward lab` in a world, or says why this machine builds none.
fn lab(world: &World, words: &[&str]) -> Outcome {
    let mut arguments = vec!["lab"];
    arguments.extend(words);
    world.portward(&arguments)
}

/// The pids of first processes and doors that a world holds.
fn remains(world: &World) -> String {
    world.run(&["sh", "-c", "grep -lsE 'lab-(first|door)' /proc/[0-9]*/cmdline || true"]).expect(0).stdout
}

#[test]
fn every_lab_is_named_under_what_it_looks_like() {
    let text = Outcome::on_this_machine(PORTWARD, &["lab"]).expect(0).stdout;
    assert!(text.contains("Refused") && text.contains("no-listener"), "{text}");
    let listed = Outcome::on_this_machine(PORTWARD, &["lab", "list", "--json"]).expect(0).json();
    let labs = listed["labs"].as_array().unwrap();
    assert!(labs.len() >= 40, "{} labs", labs.len());
    for group in ["refused", "hangs", "in-use", "denied", "after-connect"] {
        assert!(labs.iter().any(|lab| lab["group"] == group), "no lab in {group}");
    }
}

#[test]
fn a_program_runs_inside_and_its_exit_code_comes_out() {
    let Some(world) = world() else { return };
    let outcome = lab(&world, &["start", "no-listener", "--exec", "sh", "-c", "echo $PORTWARD_LAB; exit 7"]).expect(7);
    assert_eq!(outcome.stdout, "no-listener\n", "{outcome}");
    assert!(outcome.stderr.contains("Connection refused"), "{outcome}");
    let _ = lab(&world, &["start", "no-listener", "--exec", "true"]).expect(0);
    let _ = lab(&world, &["start", "no-listener", "--exec", "sh", "-c", "kill -TERM $$"]).expect(143);
    let _ = lab(&world, &["start", "no-listener", "--exec", "/nonexistent"]).expect(2);
    assert_eq!(remains(&world), "");
}

#[test]
fn a_shell_opens_where_no_program_is_named() {
    let Some(world) = world() else { return };
    let outcome = world.enter().input("portward lab hint\nportward lab check\nweb start\nportward lab check\nexit 3\n");
    let outcome = outcome.portward(&["lab", "start", "no-listener"]).expect(3);
    for part in ["story", "hint 1/3", "not yet", "repaired"] {
        assert!(outcome.stdout.contains(part), "no {part} in {outcome}");
    }
}

#[test]
fn hints_come_one_at_a_time_and_checks_say_what_is_missing() {
    let Some(world) = world() else { return };
    let script = "for i in 1 2 3 4; do portward lab hint --json; done; portward lab check --json; test $? = 1";
    let outcome = lab(&world, &["start", "no-listener", "--json", "--exec", "sh", "-c", script]).expect(0);
    let lines: Vec<Value> = outcome.lines_json();
    assert_eq!(lines[0]["started"]["sight"], "refused");
    let numbers: Vec<u64> = lines[1..5].iter().map(|line| line["hint"]["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3, 3]);
    assert_eq!(lines[5]["check"]["repaired"], false);
    assert_eq!(lines[5]["check"]["missing"], serde_json::json!(["web"]));
}

#[test]
fn a_running_lab_is_asked_from_outside() {
    let Some(world) = world() else { return };
    let outcome = lab(&world, &["check"]).expect(2);
    assert!(outcome.stderr.contains("No lab runs here"), "{outcome}");
    let running =
        world.enter().start_portward(&["lab", "start", "no-listener", "--exec", "sh", "-c", "echo INSIDE; exec sleep 3600"]);
    assert_eq!(running.line(), "INSIDE");
    let hint = lab(&world, &["hint", "--json"]).expect(0).json();
    assert_eq!(hint["hint"]["number"], 1);
    let check = lab(&world, &["check", "--json"]).expect(1).json();
    assert_eq!(check["check"]["sight"], "refused");
}

#[test]
fn nothing_is_left_when_the_starter_is_killed() {
    let Some(world) = world() else { return };
    let mounts = || world.run(&["cat", "/proc/self/mounts"]).expect(0).stdout;
    let before = mounts();
    let exec = ["lab", "start", "proc-traced-stop", "--exec", "sh", "-c", "echo INSIDE; exec sleep 3600"];
    let running = world.enter().start_portward(&exec);
    assert_eq!(running.line(), "INSIDE");
    assert_ne!(remains(&world), "");
    let _ = world.run(&[
        "sh",
        "-c",
        "for d in /proc/[0-9]*; do \
        if tr '\\0' ' ' < $d/cmdline 2>/dev/null | grep -q 'portward lab [s]tart'; then kill -9 ${d#/proc/}; fi; done",
    ]);
    until("the end of all that the lab had started", || remains(&world).is_empty().then_some(()));
    until("the end of its services", || {
        let left = world.run(&["sh", "-c", "grep -lsx sleep /proc/[0-9]*/comm || true"]).expect(0).stdout;
        left.is_empty().then_some(())
    });
    assert_eq!(mounts(), before);
    let _ = lab(&world, &["hint"]).expect(2);
}

#[test]
fn the_tour_runs_through_where_nobody_reads_along() {
    let Some(world) = world() else { return };
    for (columns, words) in [(60, &["lab", "tour"][..]), (80, &["lab", "tour", "--all"]), (120, &["lab", "tour"])] {
        let outcome = world.enter().env("COLUMNS", columns.to_string()).portward(words).expect(0);
        let longest = outcome.stdout.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= columns, "{longest} columns of {columns}: {outcome}");
        let places: Vec<usize> =
            ["1/14", "LISTEN", "SYN ", "SYN ACK", "ESTABLISHED", "queue 0 of 4", "FIN ACK", "TIME-WAIT", "14/14"]
                .iter()
                .map(|part| outcome.stdout.find(part).unwrap_or_else(|| panic!("no {part} in {outcome}")))
                .collect();
        assert!(places.first() < places.last(), "{outcome}");
    }
    let documents = lab(&world, &["tour", "--json"]).expect(0).lines_json();
    assert_eq!(documents.len(), 14);
    assert!(documents.iter().all(|document| document["schema_version"] == 1 && document["gaps"].is_array()));
}

#[test]
fn words_that_make_no_sense() {
    for (words, part) in [
        (&["lab", "start"][..], "needs the name"),
        (&["lab", "start", "no-listner"], "is no lab"),
        (&["lab", "hint", "no-listener"], "lab start"),
        (&["lab", "list", "--twin"], "lab start"),
        (&["lab", "list", "--all"], "lab tour"),
        (&["lab", "tour", "no-listener"], "lab start"),
        (&["lab", "start", "tour"], "is no lab"),
        (&["lab", "dance"], "dance"),
    ] {
        let outcome = Outcome::on_this_machine(PORTWARD, words).expect(2);
        assert!(outcome.stderr.contains(part) && outcome.stdout.is_empty(), "{outcome}");
    }
}

#[test]
fn what_forbids_it_is_named() {
    let Some(world) = world() else { return };
    // A namespace in which no further ones may be made.
    let limits = "for name in user net; do echo 0 > /proc/sys/user/max_${name}_namespaces; done; exec \"$@\"";
    let refused = world.enter().through(&["unshare", "--user", "--map-root-user", "sh", "-c", limits, "limits"]);
    let outcome = refused.portward(&["lab", "start", "no-listener", "--exec", "true"]).expect(2);
    assert!(outcome.stderr.contains("max_user_namespaces is 0") && outcome.stderr.contains("hint: sudo sysctl"), "{outcome}");
}

#[test]
fn the_machines_own_files_stay_as_they_are() {
    let Some(world) = world() else { return };
    let hosts = world.run(&["cat", "/etc/hosts"]).expect(0).stdout;
    let script = "echo changed > /etc/hosts; echo changed > /tmp/changed; echo changed > /run/changed";
    let _ = lab(&world, &["start", "no-listener", "--exec", "sh", "-c", script]).expect(0);
    assert_eq!(world.run(&["cat", "/etc/hosts"]).expect(0).stdout, hosts);
    let left = world.run(&["sh", "-c", "ls /tmp/changed /run/changed 2>/dev/null || true"]).expect(0).stdout;
    assert_eq!(left, "");
    assert!(!fs::exists("/tmp/changed").unwrap());
}
