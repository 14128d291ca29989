//! Every lab on the real kernel: its fault is really there, its solution repairs it, and its twin is healthy from the start.

use portward_lab::{Group, Lab, labs};
use portward_testkit::{Outcome, World, skip};

use crate::world;

/// What a lab lacks on this machine, if it could not be built for that.
pub(crate) fn lacks(outcome: &Outcome) -> Option<String> {
    let missing = outcome.stderr.lines().find(|line| line.contains("This lab needs the program"))?;
    Some(missing.trim_start_matches("portward: ").to_owned())
}

fn prove(world: &World, lab: &Lab) {
    let name = lab.name.as_str();
    let script = format!("{{ {}\n}} >&2\nportward lab check --json", lab.solution);
    let outcome = world.portward(&["lab", "start", name, "--json", "--exec", "sh", "-c", &script]);
    if let Some(missing) = lacks(&outcome) {
        return skip(&format!("{name}: {missing}"));
    }
    let lines = outcome.lines_json();
    let symptom = serde_json::to_value(lab.symptom).unwrap();
    assert_eq!(lines[0]["started"]["sight"], symptom, "the fault of {name}: {outcome}");
    let check = &lines.last().unwrap()["check"];
    assert!(outcome.code == Some(0) && check["repaired"] == true, "the repair of {name}: {outcome}");
    let outcome = world.portward(&["lab", "start", name, "--json", "--twin", "--exec", "portward", "lab", "check", "--json"]);
    let lines = outcome.lines_json();
    let healthy = serde_json::to_value(lab.healthy()).unwrap();
    assert_eq!(lines[0]["started"]["sight"], healthy, "the twin of {name}: {outcome}");
    assert!(outcome.code == Some(0), "the twin of {name}: {outcome}");
}

fn prove_group(world: Option<World>, group: Group) {
    let Some(world) = world else { return };
    let mut count = 0;
    for lab in labs::all().filter(|lab| lab.group == group) {
        prove(&world, &lab);
        count += 1;
    }
    assert!(count > 0, "no lab in {group:?}");
}

#[test]
fn labs_that_refuse() {
    prove_group(world(), Group::Refused);
}

#[test]
fn labs_that_hang() {
    prove_group(world(), Group::Hangs);
}

#[test]
fn labs_with_an_address_in_use() {
    prove_group(world(), Group::InUse);
}

#[test]
fn labs_that_deny() {
    prove_group(world(), Group::Denied);
}

#[test]
fn labs_that_fail_after_connecting() {
    prove_group(world(), Group::AfterConnect);
}

#[test]
fn labs_of_a_user_without_privilege() {
    let Some(world) = World::as_nobody(crate::PORTWARD) else { return };
    for name in ["no-listener", "proc-traced-stop", "time-wait", "privileged-port", "unix-socket-permission", "reuseport-split"] {
        prove(&world, &labs::find(name).unwrap());
    }
}
