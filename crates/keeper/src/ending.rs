//! Ending what runs in sessions: everything below a supervisor is asked, given its time, and killed where it does not end.

use std::time::Duration;

use portward_model::{Failure, ProcessId, ProcessState, Text};
use portward_sys::{Acts, Context, Look, Signal};

use crate::runs::{is_alive, process_at};

/// A process whose descendants are to end.
pub struct Root {
    /// The process.
    pub process: ProcessId,
    /// Its name, where it is to end itself.
    pub name: Option<String>,
}

/// What came of it.
#[derive(Default)]
pub struct Over {
    /// What has ended, with its name and the signal that it was sent last.
    pub ended: Vec<(ProcessId, String, Signal)>,
    /// What lives all the same.
    pub left: Vec<ProcessId>,
}

/// Ends what is below these processes, and looks again until nothing is: what is asked to end may start something first. Ports are free
/// when nobody has a filter any more, and then the supervisors end. Once `hurries` says so nobody is given time.
///
/// # Errors
/// Where processes cannot be waited for, or nobody wants the end of it any more.
pub fn end(
    cx: &Context<'_, Acts>,
    roots: &[Root],
    supervisors: &[ProcessId],
    hurries: &dyn Fn() -> bool,
) -> Result<Over, Failure> {
    let host = cx.machine;
    // One that a signal has stopped answers no call of its programs, and would never end.
    let stopped = |process: &&ProcessId| process_at(host, process.pid).is_some_and(|it| it.state == ProcessState::Stopped);
    for supervisor in supervisors.iter().filter(stopped) {
        let _ = host.signal(*supervisor, Signal::Continue);
    }
    let mut asked: Vec<(ProcessId, String, Signal)> = Vec::new();
    let (mut polite, mut rounds) = (cx.now() + PATIENCE, 0);
    let mut over = polite + LAST;
    let mut last = cx.now();
    let left: Vec<ProcessId> = loop {
        let wanted = found(host, roots);
        let now = cx.now();
        if wanted.is_empty() {
            let end = over.max(last + LAST);
            let left = cx.wait_for_exit(supervisors, PAUSE.min(end.saturating_duration_since(now)))?;
            if left.is_empty() || now >= end {
                break left;
            }
            continue;
        }
        if now >= over {
            break wanted.into_iter().map(|(process, _)| process).collect();
        }
        // What answers each request with something new is asked no more.
        if (rounds == ROUNDS || hurries()) && now < polite {
            polite = now;
            over = now + LAST;
        }
        rounds += 1;
        let signal = if now < polite { Signal::Term } else { Signal::Kill };
        for (process, name) in &wanted {
            if asked.iter().any(|(known, _, sent)| known == process && *sent == signal) {
                continue;
            }
            // One that a signal has stopped would keep the request to itself.
            if host.signal(*process, signal).is_ok() && signal == Signal::Term {
                let _ = host.signal(*process, Signal::Continue);
            }
            asked.retain(|(known, ..)| known != process);
            asked.push((*process, name.clone(), signal));
        }
        let until = if signal == Signal::Term { polite } else { over.min(now + PAUSE) };
        let processes: Vec<ProcessId> = wanted.iter().map(|(process, _)| *process).collect();
        loop {
            let slice = PAUSE.min(until.saturating_duration_since(cx.now()));
            if cx.wait_for_exit(&processes, slice)?.is_empty() || cx.now() >= until || (signal == Signal::Term && hurries()) {
                break;
            }
        }
        last = cx.now();
    };
    let ended = asked.into_iter().filter(|(process, ..)| !left.contains(process)).collect();
    Ok(Over { ended, left })
}

/// What is to end and lives now.
fn found(host: &dyn Look, roots: &[Root]) -> Vec<(ProcessId, String)> {
    let mut wanted = Vec::new();
    for root in roots.iter().filter(|root| is_alive(host, root.process)) {
        below(host, root, &mut wanted);
    }
    wanted
}

/// Processes below one, and itself where it is named.
fn below(host: &dyn Look, root: &Root, wanted: &mut Vec<(ProcessId, String)>) {
    let pid = root.process.pid;
    let pids = host.descendants(pid).unwrap_or_default();
    let processes = host.processes(&[&[pid][..], &pids].concat()).unwrap_or_default();
    for process in processes.into_iter().filter(|process| process.state != ProcessState::Exited) {
        let named = root.name.clone().filter(|_| root.process == process.id);
        // The doors of a private network end with their supervisor, when the programs have: between the two looks, at times.
        let is_supervisors = process.parent == pid || !pids.contains(&process.parent);
        let is_door = is_supervisors && process.name.raw() == portward_session::DOORS.as_bytes();
        let below = pids.contains(&process.id.pid) && !is_door;
        if (named.is_some() || below) && !wanted.iter().any(|(known, _)| *known == process.id) {
            wanted.push((process.id, Text::from_shown(&named.unwrap_or_else(|| process.title())).shown()));
        }
    }
}

/// How long a process has to end after it was asked.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long what was not asked but killed is looked for.
const LAST: Duration = Duration::from_secs(2);
/// How often it is looked for then.
const PAUSE: Duration = Duration::from_millis(100);
/// Requests, each to what came after the one before.
const ROUNDS: usize = 5;
