//! Watching an endpoint that may be starting or crashing.

use std::time::{Duration, Instant};

use portward_checks::doctor::watch as whom_to_watch;
use portward_model::{PortRange, Process, Sample, Socket};
use portward_sys::{Ask, Depth, Look, PortFilter, StateSet, Transports};

use super::Inquiry;
use crate::Cx;

/// Watches for up to four seconds where some process has only just started and may be the one that will serve the
/// port. Ends early when the story is told: a listener that stays, or one that has gone again. A process that nothing ties
/// to a port is given a moment only, unless something changes in it.
pub(super) fn starting(cx: &Cx<'_>, inquiry: &mut Inquiry) {
    let mut watch = whom_to_watch(&inquiry.case());
    if watch.parents.is_empty() {
        return;
    }
    let began = Instant::now();
    let mut told = false;
    loop {
        let elapsed = began.elapsed();
        let sample = sample(cx.host, inquiry, &watch.parents, elapsed);
        inquiry.exam.samples.push(sample);
        // What has started meanwhile may be what ties them to the port.
        watch.near |=
            has_changed(&inquiry.exam.samples) && (is_seen(&inquiry.exam.samples) || whom_to_watch(&inquiry.case()).near);
        let patience = if watch.near { LONGEST } else { PROBATION };
        if elapsed >= patience || is_told(&inquiry.exam.samples) {
            break;
        }
        if !told && elapsed > TOLD_AFTER {
            cx.prompt.progress(&format!("watching {} for up to 4 s: {} has only just started", inquiry.asked.text, watch.who));
            told = true;
        }
        // A listener that closes ends the pause; one that opens wakes nobody. Where nobody can wait, nothing is watched.
        if let Err(error) = cx.host.wait_for_change(&[], PAUSE) {
            inquiry.view.gap("what happens next", "whether something is starting or crashing is not known", &error);
            break;
        }
    }
}

/// One look at the port and at the children of those that are watched. Processes that are seen first are added to the
/// snapshot, so that their arguments can speak.
fn sample(host: &dyn Look, inquiry: &mut Inquiry, parents: &[u32], elapsed: Duration) -> Sample {
    let port = inquiry.asked.port;
    let snapshot = &mut inquiry.view.snapshot;
    let own: Vec<_> = snapshot.namespaces.iter().filter(|namespace| namespace.own).cloned().collect();
    let ask = Ask {
        transports: Transports { tcp: true, udp: false, unix: false },
        states: StateSet::Listening,
        ports: Some(PortFilter::Local(PortRange { first: port, last: port })),
        traffic: false,
    };
    let mut sockets: Vec<Socket> = Vec::new();
    let _ = host.sockets(&ask, &own, &mut |socket| sockets.push(socket));
    let holders = if sockets.is_empty() {
        Vec::new()
    } else {
        host.holders(&sockets, Depth::Processes).map(|held| held.holdings).unwrap_or_default()
    };
    let mut listeners: Vec<u32> = holders.iter().map(|holding| holding.pid).collect();
    listeners.sort_unstable();
    listeners.dedup();
    let now = host.every_process().unwrap_or_default();
    let reader = snapshot.host.pid;
    let child = |process: &Process| (process.parent, process.id.pid);
    let watched = |process: &&Process| parents.contains(&process.parent) && process.id.pid != reader;
    let children = now.iter().filter(watched).take(64).map(child).collect();
    // What was seen as the fork of a shell may be another program by now; one that is ending has no arguments any more.
    let has_words = |process: &Process| process.argv.known().is_some_and(|argv| !argv.arguments().is_empty());
    let differs =
        |process: &Process| snapshot.process(process.id.pid).is_none_or(|known| has_words(process) && known.argv != process.argv);
    let fresh: Vec<Process> = now.into_iter().filter(differs).collect();
    let of_the_watched: Vec<Process> = fresh.iter().filter(|process| parents.contains(&process.parent)).cloned().collect();
    inquiry.exam.told.extend(host.told(&of_the_watched, port).unwrap_or_default());
    snapshot.processes.retain(|known| fresh.iter().all(|process| process.id.pid != known.id.pid));
    snapshot.processes.extend(fresh);
    snapshot.processes.sort_by_key(|process| process.id.pid);
    Sample { at_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX), listening: !sockets.is_empty(), listeners, children }
}

/// True when something listened at the port at some time.
fn is_seen(samples: &[Sample]) -> bool {
    samples.iter().any(|sample| sample.listening)
}

/// True when the samples are not all alike.
fn has_changed(samples: &[Sample]) -> bool {
    let facts = |sample: &Sample| (sample.listening, sample.listeners.clone(), sample.children.clone());
    samples.windows(2).any(|pair| matches!(pair, [before, after] if facts(before) != facts(after)))
}

/// True when a listener appeared and has stayed, or came and went twice.
fn is_told(samples: &[Sample]) -> bool {
    let last = samples.last();
    let since = samples.iter().rev().take_while(|sample| sample.listening).last().map(|sample| sample.at_ms);
    let stays = last.zip(since).is_some_and(|(last, since)| last.at_ms - since >= STAYS_MS);
    let ends = samples.windows(2).filter(|pair| matches!(pair, [a, b] if a.listening && !b.listening)).count();
    stays || ends >= 2
}

/// How long a watch takes at most.
const LONGEST: Duration = Duration::from_secs(4);
/// How long one is watched that nothing ties to the port, where nothing changes in it.
const PROBATION: Duration = Duration::from_secs(1);
/// When the reader is told what is waited for.
const TOLD_AFTER: Duration = Duration::from_millis(600);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(60);
/// A listener that has been there for so long has come to stay, in milliseconds.
const STAYS_MS: u64 = 1200;
