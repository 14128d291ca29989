//! Watching an endpoint that may be starting or crashing.

use portward_model::{Process, Sample};

use super::{Inquiry, Sampled, Task, Wanted};
use crate::doctor::{Watch, verdict::rules_in, watch as whom_to_watch};

/// How a watch goes.
#[derive(Clone, Debug, Default)]
pub(super) struct Watching {
    whom: Watch,
    /// When it began, by the clock of the samples.
    began_ms: Option<u64>,
    told: bool,
}

impl Inquiry {
    /// Watches for up to four seconds where some process has only just started and may be the one that will serve the
    /// port. Ends early when the story is told: a listener that stays, or one that has gone again. A process that nothing ties
    /// to a port is given a moment only, unless something changes in it.
    pub(super) fn begin_to_watch(&mut self) {
        // Where what was seen proves why nobody listens, watching would show nothing more.
        if rules_in(&self.case(), EXPLAINING) {
            return;
        }
        self.watching.whom = whom_to_watch(&self.case());
        if !self.watching.whom.parents.is_empty() {
            self.first([Task::Read(Wanted::Sample)]);
        }
    }

    /// Takes one look at the port and at the children of those that are watched. Processes that are seen first are added to the
    /// snapshot, so that their arguments can speak.
    pub(super) fn sampled(&mut self, sampled: Sampled) {
        let Sampled { at_ms, listening, listeners, processes } = sampled;
        let at_ms = at_ms.saturating_sub(*self.watching.began_ms.get_or_insert(at_ms));
        let (parents, snapshot) = (&self.watching.whom.parents, &mut self.snapshot);
        let reader = snapshot.host.pid;
        let child = |process: &Process| (process.parent, process.id.pid);
        let watched = |process: &&Process| parents.contains(&process.parent) && process.id.pid != reader;
        let children = processes.iter().filter(watched).take(64).map(child).collect();
        // What was seen as the fork of a shell may be another program by now; one that is ending has no arguments any more.
        let has_words = |process: &Process| process.argv.known().is_some_and(|argv| !argv.arguments().is_empty());
        let differs = |process: &Process| {
            snapshot.process(process.id.pid).is_none_or(|known| has_words(process) && known.argv != process.argv)
        };
        let fresh: Vec<Process> = processes.into_iter().filter(differs).collect();
        let of_the_watched: Vec<Process> = fresh.iter().filter(|process| parents.contains(&process.parent)).cloned().collect();
        snapshot.processes.retain(|known| fresh.iter().all(|process| process.id.pid != known.id.pid));
        snapshot.processes.extend(fresh);
        snapshot.processes.sort_by_key(|process| process.id.pid);
        self.exam.samples.push(Sample { at_ms, listening, listeners, children });
        let told = (!of_the_watched.is_empty()).then_some(Task::Read(Wanted::Told(of_the_watched)));
        self.first(told.into_iter().chain([Task::Watched]));
    }

    pub(super) fn go_on_watching(&mut self) {
        let samples = &self.exam.samples;
        // What has started meanwhile may be what ties them to the port.
        let near = has_changed(samples) && (is_seen(samples) || whom_to_watch(&self.case()).near);
        let patience = if self.watching.whom.near || near { LONGEST_MS } else { PROBATION_MS };
        let elapsed = samples.last().map_or(u64::MAX, |sample| sample.at_ms);
        let ends = elapsed >= patience || is_told(samples);
        self.watching.whom.near |= near;
        if !ends {
            self.first([Task::Pause]);
        }
    }

    /// What a person is told once, where it takes time.
    pub(super) fn progress(&mut self) -> Option<String> {
        let long = self.exam.samples.last().is_some_and(|sample| sample.at_ms > TOLD_AFTER_MS);
        let tell = long && !self.watching.told;
        self.watching.told |= tell;
        let who = &self.watching.whom.who;
        tell.then(|| format!("watching {} for up to 4 s: {who} has only just started", self.asked.text))
    }
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

/// Causes of a listener's absence that time does not change.
const EXPLAINING: &[&str] = &[
    "served-in-session",
    "one-shot-server",
    "jdwp-busy",
    "waiting-for-debugger",
    "proc-stopped",
    "proc-traced-stop",
    "proc-frozen",
];
/// How long a watch takes at most.
const LONGEST_MS: u64 = 4000;
/// How long one is watched that nothing ties to the port, where nothing changes in it.
const PROBATION_MS: u64 = 1000;
/// When the reader is told what is waited for.
const TOLD_AFTER_MS: u64 = 600;
/// Between two looks.
pub(super) const PAUSE_MS: u64 = 60;
/// A listener that has been there for so long has come to stay.
const STAYS_MS: u64 = 1200;
