//! The doctor over every lab, asked as a person would ask it: the fault is called by its name, first, and its healthy twin
//! is called healthy. Nothing of a lab but its target, its question and its paste reaches the doctor.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use portward_lab::{Lab, Question, labs};
use portward_testkit::{World, skip};
use serde_json::Value;

use super::labs::lacks;
use crate::world;

/// What became of one lab.
enum Became {
    Right,
    Skipped(String),
    Wrong(String),
}

/// Starts a lab, or its twin, and asks the doctor inside; its document and exit code.
fn asked(world: &World, lab: &Lab, twin: bool) -> Result<(Value, Option<i32>), Became> {
    let mut words = vec!["lab", "start", &lab.name, "--json"];
    if twin {
        words.push("--twin");
    }
    words.push("--exec");
    if lab.world.sandbox.is_some() {
        words.push("sandbox");
    }
    words.extend(["portward", "doctor", &lab.target, "--json"]);
    if lab.question == Question::Listen {
        words.push("--bind");
    }
    // Nobody pastes an error that was not printed.
    if let Some(paste) = lab.paste.as_deref().filter(|_| !twin) {
        words.extend(["--text", paste]);
    }
    let outcome = world.portward(&words);
    if let Some(missing) = lacks(&outcome) {
        return Err(Became::Skipped(missing));
    }
    let lines: Vec<Value> = outcome.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    match lines.as_slice() {
        [started, said] if started["started"]["name"] == lab.name.as_str() => Ok((said.clone(), outcome.code)),
        _ => Err(Became::Wrong(format!("no answer: {outcome}"))),
    }
}

/// Each cause with its likelihood, best first.
fn causes(said: &Value) -> Vec<(&str, &str)> {
    let causes = said["causes"].as_array().map(Vec::as_slice).unwrap_or_default();
    causes.iter().map(|cause| (cause["code"].as_str().unwrap_or("?"), cause["likelihood"].as_str().unwrap_or("?"))).collect()
}

fn fault(world: &World, lab: &Lab) -> Became {
    let (said, code) = match asked(world, lab, false) {
        Ok(answer) => answer,
        Err(became) => return became,
    };
    let causes = causes(&said);
    if causes.first().is_some_and(|(first, _)| *first == lab.cause) && code == Some(1) && said["verdict"] == "fault" {
        return Became::Right;
    }
    Became::Wrong(format!(
        "is {}; the doctor, with code {code:?}: {} {causes:?}: {}",
        lab.cause, said["verdict"], said["summary"]
    ))
}

fn health(world: &World, lab: &Lab) -> Became {
    let (said, code) = match asked(world, lab, true) {
        Ok(answer) => answer,
        Err(became) => return became,
    };
    let causes = causes(&said);
    let accused = causes.iter().any(|(_, likelihood)| matches!(*likelihood, "certain" | "likely"));
    if said["verdict"] == "healthy" && code == Some(0) && !accused {
        return Became::Right;
    }
    Became::Wrong(format!("is healthy; the doctor, with code {code:?}: {} {causes:?}: {}", said["verdict"], said["summary"]))
}

/// Asks about every lab, several at a time; what is not right is told together at the end.
fn every_lab(world: Option<World>, name: &str, judge: fn(&World, &Lab) -> Became) {
    let Some(world) = world else { return };
    // One test at a time: a machine on which everything waits for the processor is a fault of its own.
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let labs: Vec<Lab> = labs::all().collect();
    let (next, right) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let others: Mutex<Vec<(String, Became)>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(lab) = labs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match judge(&world, lab) {
                        Became::Right => drop(right.fetch_add(1, Ordering::Relaxed)),
                        other => others.lock().unwrap().push((lab.name.clone(), other)),
                    }
                }
            });
        }
    });
    let mut wrong = Vec::new();
    for (lab, became) in others.into_inner().unwrap() {
        // Beside three others a server may really not come to its turn: it is asked about once more by itself.
        let again = labs.iter().find(|known| known.name == lab && matches!(became, Became::Wrong(_)));
        match again.map_or(became, |lab| judge(&world, lab)) {
            Became::Skipped(missing) => skip(&format!("{lab}: {missing}")),
            Became::Wrong(how) => wrong.push(format!("{name} of {lab} {how}")),
            Became::Right => {}
        }
    }
    wrong.sort();
    let right = right.into_inner();
    assert!(wrong.is_empty(), "{} of {} labs are misjudged:\n{}", wrong.len(), labs.len(), wrong.join("\n"));
    assert!(right > 0, "no lab could be built");
}

#[test]
fn the_doctor_names_the_cause_of_every_lab() {
    every_lab(world(), "the fault", fault);
}

#[test]
fn the_doctor_finds_every_twin_healthy() {
    every_lab(world(), "the twin", health);
}

/// Most of a lab's time is waiting: for a timeout, for a look again.
const AT_ONCE: usize = 4;

static TURN: Mutex<()> = Mutex::new(());
