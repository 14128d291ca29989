//! Asking the supervisors of a user's sessions, and what is said of those that do not answer.

use std::time::{Duration, UNIX_EPOCH};

use portward_model::{Caller, CommandLine, Gap, Lack, Moment, Need, Process, ProcessId, ProcessState, hint};
use portward_store::Store;
use portward_sys::{
    Ask, Context, Look, Rights, StateSet, SysError, Transports, Which,
    runtime::{self, Heard, Unheard},
};

use crate::{
    control,
    record::{Ask as Question, Record},
    runs::{Run, Sessions, is_alive},
};

/// Who is asked, and for what.
#[derive(Clone, Copy, Default)]
pub(crate) struct Asking<'a> {
    /// These supervisors; every one where none is named.
    pub(crate) only: Option<&'a [ProcessId]>,
    /// The port that listeners asked for or serve; all of them where none is named.
    pub(crate) port: Option<u16>,
}

/// What the other supervisors of the caller's tell, as far as they answer.
pub(crate) fn answering(host: &dyn Look, (caller, own): (&Caller, ProcessId), patience: Duration) -> Vec<Record> {
    let mut others = runtime::named(caller);
    others.retain(|other| *other != own);
    if others.is_empty() {
        return Vec::new();
    }
    let heard = runtime::ask(caller, Some(&others), &control::question(&Question::Run { port: None }), patience);
    let records = heard.into_iter().filter_map(|heard| believed(host, heard.process, heard.pid, &heard.said.ok()?).ok());
    records.collect()
}

/// Asks supervisors for their sessions.
pub(crate) fn asked(host: &dyn Look, caller: &Caller, asking: Asking<'_>, store: Option<&Store<'_>>) -> Sessions {
    let mut found = Sessions::default();
    let mut all: Option<Vec<Process>> = None;
    for heard in patiently(host, caller, asking) {
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
        let all = all.get_or_insert_with(|| host.every_process().unwrap_or_default());
        let Some(process) = all.iter().find(|it| it.id == process && supervises(it, caller.uid)) else { continue };
        found.gaps.push(unseen(process.id.pid, why));
        found.runs.push(Run::silent(host, process, all, store));
    }
    found
}

/// Asks, and waits longer for those that could answer: on a machine that is busy they need their turn. Where they are asked about one
/// port, a program's call waits meanwhile, and one that has only just begun is not heard of yet.
fn patiently(host: &dyn Look, caller: &Caller, Asking { only, port }: Asking<'_>) -> Vec<Heard> {
    let question = control::question(&Question::Run { port });
    let mut heard = runtime::ask(caller, only, &question, PATIENCE);
    let is_silent = |heard: &&Heard| matches!(heard.said, Err(Unheard::Silent));
    let silent: Vec<ProcessId> = heard.iter().filter(is_silent).map(|heard| heard.process).collect();
    if silent.is_empty() {
        return heard;
    }
    let pids: Vec<u32> = silent.iter().map(|silent| silent.pid).chain([caller.process.pid]).collect();
    let seen = host.processes(&pids).unwrap_or_default();
    let now = seen.iter().find(|it| it.id == caller.process).map_or(Moment(i64::MAX), |it| it.started_at);
    let stops = |it: &Process| matches!(it.state, ProcessState::Stopped | ProcessState::Traced | ProcessState::Exited);
    let going = seen.iter().filter(|it| silent.contains(&it.id) && !stops(it));
    let (new, late): (Vec<&Process>, Vec<&Process>) =
        going.partition(|it| port.is_some() && now.0.saturating_sub(it.started_at.0) < STARTING_MS);
    heard.retain(|heard| !new.iter().chain(&late).any(|it| it.id == heard.process));
    if !late.is_empty() {
        let late: Vec<ProcessId> = late.iter().map(|it| it.id).collect();
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
///
/// # Errors
/// Where it cannot be looked for them.
pub(crate) fn unheard<R: Rights>(cx: &Context<'_, R>, known: &[ProcessId]) -> Result<Vec<u32>, SysError> {
    let now = cx.clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Moment(i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
    let mut named = listening(cx.look())?;
    named.retain(|pid| *pid != cx.caller.process.pid && !known.iter().any(|known| known.pid == *pid));
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let processes = cx.look().processes(&named).unwrap_or_default();
    let others = processes.iter().filter(|process| supervises(process, cx.caller.uid) && !known.contains(&process.id));
    // One that has just begun has told nobody yet.
    let settled = others.filter(|process| now.0.saturating_sub(process.started_at.0) > STARTING_MS);
    let here = settled.filter(|process| runtime::answers_here(cx.caller, process.id.pid) && is_alive(cx.look(), process.id));
    Ok(here.map(|process| process.id.pid).collect())
}

/// Pids in the names of Unix sockets that listen in this network, as those of supervisors do wherever their folder has gone
/// (`sock_diag(7)`): to look at every process for them takes most of a listing's time.
fn listening(host: &dyn Look) -> Result<Vec<u32>, SysError> {
    let transports = Transports { tcp: false, udp: false, unix: true };
    let ask = Ask { transports, states: StateSet::Listening, ports: None, traffic: false };
    let mut named = Vec::new();
    let own = host.namespaces(&Which::Own)?;
    host.sockets(&ask, &own.value, &mut |socket| {
        named.extend(socket.path().and_then(runtime::named_by).map(|process| process.pid));
    })?;
    named.sort_unstable();
    named.dedup();
    Ok(named)
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
/// How long a supervisor may take to begin to answer after its start before that is told, in milliseconds. Thirty that start at once on
/// two processors take that long.
const STARTING_MS: i64 = 10_000;
