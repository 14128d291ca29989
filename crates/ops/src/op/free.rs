//! `portward free`

mod again;
mod ends;
mod notes;
mod plan;
mod signal;
mod wanted;

use std::time::Duration;

use clap::Args;
use portward_checks::UNEXPLAINED;
use portward_model::{Evidence, FileKind, Finding, Likelihood, ProcessId, ProcessState, Sentence, SupervisorKind, Text};
use portward_sys::{self as sys, Act, Signal, SysError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Acts, Context, Exit, Failure, Freed, Never, Noun, Op, Refused, Sink, Span, Supervised,
    document::{Gap, Refusal},
    named::{Known, Meant},
    op::front::Off,
    target::{Target, holder_words},
};
use again::Parents;
pub use ends::Ends;
use plan::{Itself, Mark, Plan};
pub use signal::Ending;
use wanted::Aims;
pub use wanted::Wanted;

/// Stop what holds a port, safely, and return when the port can be bound again
///
/// Stops listeners only, never a client that merely uses the number. Each process is checked by its start
/// time and signalled through a pidfd: SIGTERM, a grace, and SIGKILL only with --force. On a terminal it
/// says what ends and asks first, once for all; scripts pass --yes. It refuses pid 1, itself and its own
/// parents, and watches for a moment whether something starts again what it stopped.
///
/// Takes endpoints, ranges (3000-3005), lists (3000,5173), programs that serve something (vite, pid:4121)
/// and services (postgres). A bare port that only UDP has is that of UDP. In a project a bare 3000 is the project's, wherever its
/// session serves it; where somebody else has the real one, it asks which is meant. localhost:3000 is always the real one.
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Free {
    /// The endpoints to free: 3000, 3000-3005, udp/53, <unix:/path>, pid:4121, a program's name; several with commas or blanks
    #[arg(value_name = "ENDPOINT", required = true)]
    pub endpoints: Vec<Wanted>,
    /// Do not ask
    #[arg(long, short)]
    #[serde(default)]
    pub yes: bool,
    /// Kill what has not ended after the grace
    #[arg(long, short)]
    #[serde(default)]
    pub force: bool,
    /// Stop the whole tree that the holder belongs to, from the script or manager that started it
    #[arg(long)]
    #[serde(default)]
    pub tree: bool,
    /// The grace between SIGTERM and giving up, or SIGKILL
    #[arg(long, short, value_name = "TIME", default_value = "5s")]
    #[serde(default = "grace")]
    pub timeout: Span,
    /// The signal that asks for the end: TERM, INT, HUP, QUIT or KILL
    #[arg(long, short, value_name = "SIGNAL", default_value = "TERM")]
    #[serde(default)]
    pub signal: Ending,
    /// Remove the file that a Unix socket leaves, once nobody is bound to it; on a terminal it asks
    #[arg(long)]
    #[serde(default)]
    pub remove: bool,
    /// Say what would be done, and do nothing
    #[arg(long, short = 'n')]
    #[serde(default)]
    pub dry_run: bool,
    /// The project whose ports are meant: its name, or its folder; otherwise the one that this is typed in
    #[arg(long, value_name = "PROJECT")]
    #[serde(default)]
    pub project: Option<String>,
}

fn grace() -> Span {
    Span(Duration::from_secs(5))
}

/// What was done.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// The endpoints, as they were understood.
    pub endpoints: Vec<String>,
    /// Processes that were signalled and have ended.
    pub freed: Vec<Freed>,
    /// Processes that were not signalled, or did not end.
    pub refused: Vec<Refused>,
    /// With a dry run: processes that would be signalled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub would: Option<Vec<Freed>>,
    /// What would bring a process back.
    pub supervisor: Option<Supervised>,
    /// Files of Unix sockets that were removed, since nobody was bound to them any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<Text>,
    /// True when every endpoint can be bound now.
    pub port_free: bool,
    /// True where what was stopped is started again, or may be: by a supervisor that does so, or by what goes on without it.
    #[serde(default)]
    pub comes_back: bool,
    /// Why not.
    pub because: Vec<Finding>,
    /// What ends, or would end, beside what was asked for.
    #[serde(default)]
    pub ends: Vec<Ends>,
    /// What there is to say of the endpoints beside that, a sentence each.
    #[serde(default)]
    pub notes: Vec<Sentence>,
    /// Where bare numbers meant a project's own ports: which.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub meant: Vec<Meant>,
    /// True when the whole tree was asked for.
    pub tree: bool,
    /// True when somebody was asked and said no.
    pub declined: bool,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Noun for Outcome {
    fn exit(&self) -> Exit {
        let would_do = self.would.as_ref().is_some_and(|would| !would.is_empty()) && self.refused.is_empty();
        if self.port_free || would_do { Exit::Fine } else { Exit::Found }
    }
}

impl Op for Free {
    declare! { "free", Destroy at Machine with Acts, emits Never, answers Outcome;
    "portward free 3000" => "ask, then stop the server on 3000",
    "portward free 3000 5173 --yes" => "for scripts",
    "portward free 3000-3005,udp/5353" => "a range and an endpoint, with one question",
    "portward free vite --signal INT" => "the program of this name, as Ctrl-C would",
    "portward free 3000 --tree --yes" => "npm, its shell and its server together",
    "portward free 8080 --dry-run" => "what would be stopped, and what would bring it back" }

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Outcome, Failure> {
        let itself = Itself::of(cx)?;
        let known = Known::of(cx, self.project.as_deref())?;
        let before = known.front();
        let Aims { targets: wanted, served, named, notes, meant } = Aims::of(cx, &self.endpoints, &known)?;
        let mut plan = Plan::of(known);
        plan.notes = notes;
        let mut targets = Vec::new();
        for target in &wanted {
            targets.push(plan.add(cx, &itself, target, self.tree)?);
        }
        for (view, processes) in &named {
            plan.named(cx, &itself, view, processes, self.tree)?;
        }
        targets.extend(served);
        plan.settle();
        let mut outcome = Outcome {
            endpoints: targets.iter().map(|target| target.endpoint.to_string()).collect(),
            ends: ends::of(cx, &plan.marks, &targets),
            refused: plan.refused,
            supervisor: plan.supervisor,
            tree: self.tree,
            gaps: plan.gaps,
            notes: plan.notes,
            meant,
            ..Outcome::default()
        };
        if outcome.endpoints.is_empty() {
            outcome.endpoints = self.endpoints.iter().map(ToString::to_string).collect();
        }
        outcome.notes.extend(plan.marks.iter().filter_map(|mark| stopped(mark, &targets)));
        let lent = before.filter(|_| outcome.refused.iter().any(|refused| matches!(refused.why, Refusal::Lends { .. })));
        if let Some(project) = lent.filter(|_| !self.dry_run) {
            give_back(cx, &project, &mut outcome)?;
        }
        if self.dry_run {
            outcome.would = Some(plan.marks.iter().map(|mark| mark.freed(self.signal.0)).collect());
            report(cx, &targets, &mut outcome, Duration::ZERO)?;
            return Ok(outcome);
        }
        let parents = Parents::of(cx, &plan.marks, outcome.supervisor.as_ref());
        if !plan.marks.is_empty() {
            if self.agreed(cx, &plan.marks, &outcome)? {
                self.stop(cx, &plan.marks, &mut outcome)?;
            } else {
                outcome.declined = true;
            }
        }
        let patience = if outcome.freed.is_empty() { Duration::ZERO } else { SETTLING };
        report(cx, &targets, &mut outcome, patience)?;
        if !outcome.declined && !outcome.port_free && self.remove_left(cx, &targets, &mut outcome)? {
            report(cx, &targets, &mut outcome, Duration::ZERO)?;
        }
        if !outcome.freed.is_empty() {
            let (again, goes_on) = parents.watch(cx, &targets)?;
            let keeps = |above: &Supervised| above.restarts || above.kind == SupervisorKind::Systemd;
            outcome.comes_back = again.is_some() || goes_on.is_some() || outcome.supervisor.as_ref().is_some_and(keeps);
            outcome.notes.extend(goes_on);
            if let Some(again) = again {
                outcome.port_free = false;
                outcome.because.retain(|cause| cause.code != again.code);
                outcome.because.insert(0, again);
            }
        }
        Ok(outcome)
    }
}

/// Gives the front back, where the person agrees: what it lends is free then.
fn give_back(cx: &Context<'_, Acts>, project: &str, outcome: &mut Outcome) -> Result<(), Failure> {
    let question = format!("The port is lent to {project}. Give it back, with all that is lent (portward front --off)?");
    if cx.prompt.confirm(&question) == Some(true) {
        Off {}.run(cx, &mut Sink::new(&mut |_| true))?;
        outcome.refused.retain(|refused| !matches!(refused.why, Refusal::Lends { .. }));
        outcome.notes.push(format!("Nobody has the front; {project} had it until now.").into());
    }
    Ok(())
}

/// That a process was stopped by a signal, and how it goes on.
fn stopped(mark: &Mark, targets: &[Target]) -> Option<Sentence> {
    let endpoint = targets.first().map(|target| target.endpoint.to_string()).unwrap_or_default();
    let (name, pid) = (&mark.name, mark.process.pid);
    match mark.state {
        ProcessState::Stopped => Some(
            format!("{name} (pid {pid}) is stopped (Ctrl-Z, SIGSTOP); to let it go on instead: portward resume {endpoint}.")
                .into(),
        ),
        ProcessState::Traced => Some(format!("A debugger has stopped {name} (pid {pid}).").into()),
        ProcessState::Alive | ProcessState::Uninterruptible | ProcessState::Exited => None,
    }
}

impl Free {
    fn agreed(&self, cx: &Context<'_, Acts>, marks: &[Mark], outcome: &Outcome) -> Result<bool, Failure> {
        let names: Vec<String> = marks.iter().map(|mark| format!("{} (pid {})", mark.name, mark.process.pid)).collect();
        let back = outcome
            .supervisor
            .as_ref()
            .filter(|supervisor| supervisor.restarts)
            .map(|supervisor| format!(" {} would start it again.", supervisor.name))
            .unwrap_or_default();
        let told =
            outcome.notes.iter().map(ToString::to_string).chain(outcome.ends.iter().map(|ends| ends.sentence().to_string()));
        let mut told: Vec<String> = told.collect();
        told.push(format!("Stop {}?{back}", names.join(", ")));
        let question = told.join(" ");
        cx.agreed(self.yes, &question, "stopped", "add --yes to stop without asking, or --dry-run to look")
    }

    /// Removes the files that Unix sockets left behind, where that is wanted; true where one was removed.
    fn remove_left(&self, cx: &Context<'_, Acts>, targets: &[Target], outcome: &mut Outcome) -> Result<bool, Failure> {
        for target in targets {
            let target = target.afresh(cx.machine);
            let left = target.unix().filter(|path| path.is_bound() == Some(false));
            let facts = left.and_then(|path| path.facts).filter(|facts| facts.kind == Some(FileKind::Socket));
            let Some((path, file)) = target.path().zip(facts.and_then(|facts| facts.file)) else { continue };
            let question = || format!("{path} is left, and a bind fails while it is there. Remove it?");
            let wanted = self.remove || (!self.yes && cx.prompt.confirm(&question()) == Some(true));
            if !wanted {
                continue;
            }
            cx.machine.remove_socket(path, file)?;
            outcome.removed.push(path.clone());
        }
        Ok(!outcome.removed.is_empty())
    }

    /// Signals, waits, and where it was asked for signals harder. Every mark ends up freed or refused.
    fn stop(&self, cx: &Context<'_, Acts>, marks: &[Mark], outcome: &mut Outcome) -> Result<(), Failure> {
        let mut signalled: Vec<&Mark> = Vec::new();
        for mark in marks {
            match send(cx.machine, mark, self.signal.0, outcome) {
                Sent::Yes => {
                    // One that a signal has stopped would keep the request to itself.
                    if mark.state == ProcessState::Stopped {
                        let _ = cx.machine.signal(mark.process, Signal::Continue);
                    }
                    signalled.push(mark);
                }
                Sent::AlreadyGone | Sent::Refused => {}
            }
        }
        let grace = self.timeout.0;
        let mut left = watch_exits(cx, &signalled, grace)?;
        let mut signal = vec![self.signal.0; signalled.len()];
        if self.force && !left.is_empty() {
            for (mark, signal) in signalled.iter().zip(&mut signal) {
                if left.contains(&mark.process) && matches!(send(cx.machine, mark, Signal::Kill, outcome), Sent::Yes) {
                    *signal = Signal::Kill;
                }
            }
            left = cx.wait_for_exit(&left, AFTER_KILL)?;
        }
        for (mark, signal) in signalled.iter().zip(signal) {
            if left.contains(&mark.process) {
                outcome.refused.push(mark.refused(match signal {
                    Signal::Kill => Refusal::Unkillable,
                    Signal::Continue | Signal::Term | Signal::Interrupt | Signal::HangUp | Signal::Quit => {
                        Refusal::Outlives { grace: self.timeout, signal: signal.name().to_owned() }
                    }
                }));
            } else {
                outcome.freed.push(mark.freed(signal));
            }
        }
        Ok(())
    }
}

/// Looks again until every endpoint can be bound, or the patience is over, and says why not.
fn report(cx: &Context<'_, Acts>, targets: &[Target], outcome: &mut Outcome, patience: Duration) -> Result<(), Failure> {
    let end = cx.now() + patience;
    loop {
        let mut because = Vec::new();
        let mut free = true;
        let mut settles = false;
        for target in targets {
            let state = state_of(cx.machine, target)?;
            free &= state.free;
            settles |= !state.free && state.settles;
            because.extend(state.because);
        }
        if free || !settles || cx.now() >= end {
            outcome.port_free = free;
            outcome.because = because;
            return Ok(());
        }
        cx.wait_for_change(&[], Duration::from_millis(20))?;
    }
}

enum Sent {
    Yes,
    AlreadyGone,
    Refused,
}

fn send(host: &dyn Act, mark: &Mark, signal: Signal, outcome: &mut Outcome) -> Sent {
    match host.signal(mark.process, signal) {
        Ok(()) => Sent::Yes,
        // It ended by itself between the look and the signal.
        Err(SysError::Replaced { .. }) => Sent::AlreadyGone,
        Err(error) => {
            outcome.refused.push(mark.refused(Refusal::System { error: error.to_string() }));
            Sent::Refused
        }
    }
}

/// Waits for the grace in slices, so that the person sees it pass and can stop it.
fn watch_exits(cx: &Context<'_, Acts>, marks: &[&Mark], grace: Duration) -> Result<Vec<ProcessId>, Failure> {
    let mut left: Vec<ProcessId> = marks.iter().map(|mark| mark.process).collect();
    let end = cx.now() + grace;
    loop {
        left = cx.wait_for_exit(&left, cx.left(Some(end), Duration::from_secs(1)))?;
        let remaining = cx.left(Some(end), grace);
        if left.is_empty() || remaining.is_zero() {
            return Ok(left);
        }
        cx.prompt.progress(&format!(
            "{} of {} processes still end; {} s of grace left",
            left.len(),
            marks.len(),
            remaining.as_secs() + 1
        ));
    }
}

struct State {
    free: bool,
    /// False where it stays as it is until somebody does something: a file that nobody has does not go away.
    settles: bool,
    because: Vec<Finding>,
}

fn state_of(host: &dyn sys::Look, target: &Target) -> Result<State, Failure> {
    let (target, view) = target.looked(host, &crate::Look { clients: false, ..target.look() });
    let serving = target.serving(&view);
    let answer = portward_checks::bind(&view.snapshot, &target.question());
    if let Some(index) = serving.first() {
        let mut because = answer.causes;
        if because.is_empty() {
            let summary = format!("{} is still held by {}.", target.endpoint, holder_words(&view, *index));
            let evidence = vec![Evidence::new("sock_diag", "the socket is still there")];
            because.push(Finding::new("port-held-by-process", Likelihood::Certain, summary, evidence, Vec::new()));
        }
        return Ok(State { free: false, settles: true, because });
    }
    if let Some(path) = target.unix() {
        // A bind makes the file, and fails while one is there, whoever made it.
        let free = path.is_abstract() || path.is_vacant();
        return Ok(State { free, settles: path.is_bound() != Some(false), because: answer.causes });
    }
    for address in target.dialled() {
        if let Some((number, words)) = host.try_bind(target.endpoint.transport, address, true)? {
            let mut because = answer.causes;
            if because.is_empty() {
                let summary = format!("The kernel still refuses a bind to {address}: {words}.");
                let evidence = vec![Evidence::new("bind(2)", format!("error {number}"))];
                because.push(Finding::new(UNEXPLAINED, Likelihood::Certain, summary, evidence, Vec::new()));
            }
            return Ok(State { free: false, settles: true, because });
        }
    }
    Ok(State { free: true, settles: false, because: Vec::new() })
}

/// A port is bindable within milliseconds of its holder's end; a supervisor takes longer to bring it back.
const SETTLING: Duration = Duration::from_millis(1500);
/// SIGKILL takes effect at once unless the process waits in the kernel.
const AFTER_KILL: Duration = Duration::from_secs(3);
