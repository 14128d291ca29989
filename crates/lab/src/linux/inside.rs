//! Hints and checks: inside a scene they are worked out; from outside, the one scene of this user is asked.

use portward_model::hint;

use std::{
    env, fs,
    io::{self, Write},
    os::fd::AsFd,
    path::Path,
    process::Command,
};

use rustix::{
    process::{Pid, PidfdFlags, getuid, pidfd_open},
    thread::{ThreadNameSpaceType, move_into_thread_name_spaces},
};
use serde::de::DeserializeOwned;

use super::{COMMANDS, FIRST, INSIDE, JOIN, LAB, SELF, STATE, TWIN, attempt, powers, sandbox, scene::quiet, service, tour};
use crate::{Checked, Hinted, Lab, LabError, Tried, error::While, labs};

/// The next hint of the running lab.
pub fn hint() -> Result<Hinted, LabError> {
    if is_inside() { own_hint() } else { ask("hint") }
}

/// Whether the running lab is repaired.
pub fn check() -> Result<Checked, LabError> {
    if is_inside() { own_check() } else { ask("check") }
}

fn is_inside() -> bool {
    env::var_os(LAB).is_some() && Path::new(STATE).is_dir()
}

/// The lab of the scene that this process is in.
pub(super) fn current() -> Result<Lab, LabError> {
    let name = fs::read_to_string(format!("{STATE}/lab")).or_say(|| "read which lab this is".to_owned())?;
    let lab = labs::scene(&name).ok_or_else(|| LabError::new(format!("there is no lab {name}")))?;
    Ok(if Path::new(&format!("{STATE}/{TWIN}")).exists() { lab.into_twin() } else { lab })
}

/// Works out an answer inside, with no more powers than the learner has, and prints it as JSON.
pub(super) fn answer(word: &str) -> Result<(), LabError> {
    let lab = current()?;
    let json = match word {
        "hint" => serde_json::to_string(&own_hint()?),
        "check" => {
            powers::lay_down(&lab.world.without)?;
            serde_json::to_string(&own_check()?)
        }
        "tour" => return tour::guide(),
        "try" => {
            powers::lay_down(&lab.world.without)?;
            sandbox::enter(&lab)?;
            serde_json::to_string(&attempt::attempt(&lab))
        }
        _ => return Err(LabError::new(format!("nobody answers `{word}`"))),
    };
    print(&json.or_say(|| "write its answer".to_owned())?)
}

/// A line to whoever reads.
pub(super) fn print(line: &str) -> Result<(), LabError> {
    writeln!(io::stdout(), "{line}").or_say(|| "write its answer".to_owned())
}

fn own_hint() -> Result<Hinted, LabError> {
    let lab = current()?;
    let path = format!("{STATE}/hints");
    let given: usize = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    let number = (given + 1).min(lab.hints.len());
    fs::write(&path, number.to_string()).or_say(|| "note which hint was given".to_owned())?;
    let hint = number.checked_sub(1).and_then(|at| lab.hints.get(at)).cloned();
    let hint = hint.ok_or_else(|| LabError::new(format!("{} has no hints", lab.name)))?;
    Ok(Hinted { lab: lab.name, text: hint, number, of: lab.hints.len() })
}

fn own_check() -> Result<Checked, LabError> {
    let lab = current()?;
    sandbox::enter(&lab)?;
    let tried = attempt::attempt(&lab);
    let runs = |name: &String| service::pid(name).and_then(service::state).is_some_and(|state| !matches!(state, 'T' | 't'));
    let missing: Vec<String> = lab.repair.alive.iter().filter(|name| !runs(name)).cloned().collect();
    let wanted = lab.healthy();
    let Tried { sight, saw } = tried;
    Ok(Checked { repaired: sight == wanted && missing.is_empty(), lab: lab.name, sight, saw, wanted, missing })
}

/// Asks the one scene that this user runs.
fn ask<T: DeserializeOwned>(word: &str) -> Result<T, LabError> {
    let scenes = scenes();
    let first = match scenes.as_slice() {
        [] => return Err(LabError::new("no lab runs here").hint("portward lab start NAME")),
        [(first, _)] => *first,
        several => {
            let names: Vec<&str> = several.iter().map(|(_, name)| name.as_str()).collect();
            return Err(LabError::new(format!("{} labs run here: {}", several.len(), names.join(", ")))
                .hint(hint!("portward lab {}    in the shell of one of them", word)));
        }
    };
    let output = quiet(Command::new(SELF).args([JOIN, &first.to_string(), word])).output();
    let output = output.or_say(|| "start this program again".to_owned())?;
    serde_json::from_slice(&output.stdout).map_err(|_| {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().next().unwrap_or("it said nothing").to_owned();
        LabError::new(said).hint(hint!("portward lab {}    in the lab's own shell", word))
    })
}

/// The first processes of this user's scenes, by their pids here, with their labs.
fn scenes() -> Vec<(i32, String)> {
    use std::os::unix::fs::MetadataExt;
    let own = getuid().as_raw();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let Ok(line) = fs::read(entry.path().join("cmdline")) else { continue };
        let mut words = line.split(|byte| *byte == 0).skip(1);
        if words.next() != Some(FIRST.as_bytes()) || !entry.metadata().is_ok_and(|of| of.uid() == own) {
            continue;
        }
        let name = words.next().map(|word| String::from_utf8_lossy(word).into_owned()).unwrap_or_default();
        found.push((pid, name));
    }
    found
}

/// Steps into the scene of this first process and works out an answer there.
pub(super) fn join(first: &str, word: &str) -> Result<(), LabError> {
    let pid = first.parse().ok().and_then(Pid::from_raw).ok_or_else(|| LabError::new(format!("`{first}` is no pid")))?;
    let descriptor = pidfd_open(pid, PidfdFlags::empty()).or_say(|| "find its first process".to_owned())?;
    let spaces = ThreadNameSpaceType::NETWORK
        | ThreadNameSpaceType::MOUNT
        | ThreadNameSpaceType::PROCESS_ID
        | ThreadNameSpaceType::HOST_NAME_AND_NIS_DOMAIN_NAME
        | ThreadNameSpaceType::INTER_PROCESS_COMMUNICATION;
    // A scene that root made may have no user namespace of its own, and joining one's own is an error.
    move_into_thread_name_spaces(descriptor.as_fd(), spaces | ThreadNameSpaceType::USER)
        .or_else(|_| move_into_thread_name_spaces(descriptor.as_fd(), spaces))
        .or_say(|| "be entered from here".to_owned())?;
    let status = Command::new(format!("{COMMANDS}/portward")).args([INSIDE, word]).current_dir("/").status();
    let status = status.or_say(|| "start its client".to_owned())?;
    if status.success() { Ok(()) } else { Err(LabError::new(format!("the lab did not answer: {status}"))) }
}
