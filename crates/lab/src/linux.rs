//! Scenes on Linux: who is who, and where they keep things.
//!
//! `portward lab start` ([`Scene`], in `scene`) starts this program again as the *door*, which makes the namespaces and
//! starts it once more as their *first* process. That furnishes the scene, starts the services (this program again, in
//! [`role`]s), tries what the learner would try, and at last runs the learner's shell. Between the starter and the first
//! process runs a socket; at its end the first process leaves, and the kernel ends everything with it.

mod attempt;
mod door;
mod first;
mod furnish;
mod inside;
mod kernel;
mod powers;
mod role;
mod sandbox;
mod scene;
mod service;
mod tour;

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

pub use inside::{check, hint};
pub use scene::Scene;
pub use tour::Tour;

use portward_model::inert;

use crate::LabError;

/// Plays a part of a scene, if this process was started for one; everybody else goes on.
///
/// To be called before arguments are read, while the process has one thread.
pub fn entrance(arguments: &[OsString]) -> Option<ExitCode> {
    if let Some(part) = std::env::var_os(ACTOR) {
        return Some(said(role::play(&part.to_string_lossy())));
    }
    let first = arguments.get(1)?.to_str()?;
    let word = |at: usize| arguments.get(at).and_then(|word| word.to_str()).unwrap_or_default();
    let rest = || arguments.iter().skip(3).map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>();
    match first {
        DOOR => Some(door::run(word(2), word(3), word(4))),
        FIRST => Some(first::run(word(2), word(3), word(4))),
        SERVICE => Some(said(service::command(word(2), &rest()))),
        INSIDE => Some(said(inside::answer(word(2)))),
        SANDBOX => Some(said(sandbox::run(arguments.get(2..).unwrap_or_default()))),
        JOIN => Some(said(inside::join(word(2), word(3)))),
        _ => None,
    }
}

/// The end of a part; an error goes to standard error.
fn said(result: Result<(), LabError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let hint = error.hint.map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
            let _ = writeln!(io::stderr(), "{}{hint}", inert(&error.message));
            ExitCode::from(2)
        }
    }
}

/// This program, whatever has become of its file.
const SELF: &str = "/proc/self/exe";
/// Where a scene keeps its own things; on a file system of its own.
const STATE: &str = "/run/portward-lab";
/// Its commands: portward, and one for each service.
const COMMANDS: &str = "/run/portward-lab/bin";
/// What services say.
const LOGS: &str = "/run/portward-lab/log";
/// The pids of services.
const PIDS: &str = "/run/portward-lab/pid";
/// Where services and learners work.
const WORKPLACE: &str = "/tmp/lab";
/// The variable that says in which lab a process runs.
const LAB: &str = "PORTWARD_LAB";
/// The variable that tells this program to be a service.
const ACTOR: &str = "PORTWARD_LAB_ACTOR";

// First arguments of this program, hidden from its help.
const DOOR: &str = "lab-door";
const FIRST: &str = "lab-first";
const SERVICE: &str = "lab-service";
const INSIDE: &str = "lab-inside";
const JOIN: &str = "lab-join";
const SANDBOX: &str = "lab-sandbox";

/// How the second argument of the door and of the first process calls the two scenes of a lab.
const TWIN: &str = "twin";
const FAULT: &str = "fault";
