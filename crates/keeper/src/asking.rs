//! Asking the supervisors of a user's sessions, and what is said of those that do not answer.

use std::time::{Duration, UNIX_EPOCH};

use portward_model::{Caller, CommandLine, Gap, Lack, Moment, Need, Process, ProcessId, ProcessState, hint};
use portward_store::Store;
use portward_sys::{
    Context, Look, Rights,
    runtime::{self, Heard, Unheard},
};

use crate::{
    control,
    record::{Ask, Record},
    runs::{Run, Sessions, is_alive, process_at},
};

/// What the supervisors of the caller's tell, as far as they answer.
pub(crate) fn answering(host: &dyn Look, caller: &Caller, patience: Duration) -> Vec<Record> {
    let heard = runtime::ask(caller, None, &control::question(&Ask::Run), patience);
    let records = heard.into_iter().filter_map(|heard| believed(host, heard.process, heard.pid, &heard.said.ok()?).ok());
    records.collect()
}

/// Asks every supervisor, or these.
pub(crate) fn asked(host: &dyn Look, caller: &Caller, only: Option<&[ProcessId]>, store: Option<&Store<'_>>) -> Sessions {
    let mut found = Sessions::default();
    for heard in patiently(host, caller, only) {
        let process = heard.process;
        let why = match heard.said {
            Ok(said) => match believed(host, process, heard.pid, &said) {
                Ok(record) => {
                    found.runs.push(Run::told(record, store));
                    continue;
                }
                Err(why) => Some(why),
            },
            Err(Unheard::Left) => {
                if !is_alive(host, process) {
                    found.lost.push(process);
                }
                continue;
            }
            Err(Unheard::Silent) => None,
            Err(Unheard::Foreign { uid }) => Some(format!("user {uid} listens at its socket")),
            Err(Unheard::Failed(error)) => Some(error.to_string()),
        };
        // One that ends just now, or a name that somebody made up, is no supervisor.
        let Some(process) = process_at(host, process.pid).filter(|it| it.id == process && supervises(it, caller.uid)) else {
            continue;
        };
        found.gaps.push(unseen(process.id.pid, why));
        found.runs.push(Run::silent(host, &process, store));
    }
    found
}

/// Asks, and waits longer for those that could answer: on a machine that is busy they need their turn.
fn patiently(host: &dyn Look, caller: &Caller, only: Option<&[ProcessId]>) -> Vec<Heard> {
    let question = control::question(&Ask::Run);
    let mut heard = runtime::ask(caller, only, &question, PATIENCE);
    let goes_on =
        |process: &Process| !matches!(process.state, ProcessState::Stopped | ProcessState::Traced | ProcessState::Exited);
    let silent = heard.iter().filter(|heard| matches!(heard.said, Err(Unheard::Silent))).map(|heard| heard.process);
    let late: Vec<ProcessId> =
        silent.filter(|silent| process_at(host, silent.pid).is_some_and(|it| it.id == *silent && goes_on(&it))).collect();
    if !late.is_empty() {
        heard.retain(|heard| !late.contains(&heard.process));
        heard.extend(runtime::ask(caller, Some(&late), &question, MORE_PATIENCE));
    }
    heard
}

/// What a supervisor tells, where the kernel confirms who it is.
fn believed(host: &dyn Look, process: ProcessId, pid: u32, said: &[u8]) -> Result<Record, String> {
    let record: Record = control::answer(said)?;
    if record.supervisor != process || pid != process.pid {
        return Err("another process answers for it".to_owned());
    }
    if !is_alive(host, process) {
        return Err("it is not seen from here".to_owned());
    }
    Ok(record)
}

/// Supervisors of the caller's that live, would answer where the caller asks, and cannot be asked: as while their folder is gone, and in
/// another mount namespace.
pub(crate) fn unheard<R: Rights>(cx: &Context<'_, R>, known: &[ProcessId]) -> Vec<u32> {
    let now = cx.clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Moment(i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
    let processes = cx.look().every_process().unwrap_or_default();
    let others = processes.iter().filter(|process| supervises(process, cx.caller.uid) && !known.contains(&process.id));
    // One that has just begun has told nobody yet.
    let settled = others.filter(|process| now.0.saturating_sub(process.started_at.0) > SETTLED_MS);
    let here = settled.filter(|process| runtime::answers_here(cx.caller, process.id.pid) && is_alive(cx.look(), process.id));
    here.map(|process| process.id.pid).collect()
}

/// True for a supervisor of this user's that lives.
fn supervises(process: &Process, uid: u32) -> bool {
    let word = |argv: &CommandLine| {
        let word = argv.arguments().get(1);
        word.is_some_and(|word| word.raw() == portward_session::SUPERVISES.as_bytes())
    };
    process.uid == uid && process.state != ProcessState::Exited && process.argv.known().is_some_and(word)
}

/// What is not known of a supervisor that lives.
pub(crate) fn unseen(pid: u32, error: Option<String>) -> Gap {
    let need = Need::Command(hint!("kill -CONT {}    lets one go on that was stopped", pid));
    Gap { lack: Lack::Session { pid }, need, error }
}

/// How long supervisors have to answer, all of them at once.
const PATIENCE: Duration = Duration::from_millis(200);
/// How long those have beyond that which are not stopped.
const MORE_PATIENCE: Duration = Duration::from_secs(2);
/// How long a supervisor has to begin to answer after its start, in milliseconds.
const SETTLED_MS: i64 = 3000;
