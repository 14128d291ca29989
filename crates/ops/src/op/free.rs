//! `portward free`

mod plan;

use std::time::Duration;

use clap::Args;
use portward_checks::UNEXPLAINED;
use portward_model::{Endpoint, Evidence, Finding, Likelihood, ProcessId};
use portward_sys::{self as sys, Act, Signal, SysError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Acts, Context, Exit, Failure, Freed, Never, Noun, Op, Refused, Sink, Span, Supervised,
    document::{Gap, Refusal},
    target::{Target, holder_words},
};
use plan::{Mark, Plan};

/// Stop what holds a port, safely, and return when the port can be bound again
///
/// Stops listeners only, never a client that merely uses the number. Each process is checked by its start
/// time and signalled through a pidfd: SIGTERM, a grace, and SIGKILL only with --force. On a terminal it
/// asks first; scripts pass --yes. It refuses pid 1, itself and its own parents, and says when a supervisor
/// would bring the process back.
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Free {
    /// The endpoints to free
    #[arg(value_name = "ENDPOINT", required = true)]
    pub endpoints: Vec<Endpoint>,
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
    /// Say what would be done, and do nothing
    #[arg(long, short = 'n')]
    #[serde(default)]
    pub dry_run: bool,
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
    /// True when every endpoint can be bound now.
    pub port_free: bool,
    /// Why not.
    pub because: Vec<Finding>,
    /// True when the whole tree was asked for.
    pub tree: bool,
    /// True when somebody was asked and said no.
    pub declined: bool,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Noun for Outcome {
    fn exit(&self) -> Exit {
        let would_do = self.would.is_some() && self.refused.is_empty();
        if self.port_free || would_do { Exit::Fine } else { Exit::Found }
    }
}

impl Op for Free {
    declare! { "free", Destroy at Machine with Acts, emits Never, answers Outcome;
    "portward free 3000" => "ask, then stop the server on 3000",
    "portward free 3000 5173 --yes" => "for scripts",
    "portward free 3000 --tree --yes" => "npm, its shell and its server together",
    "portward free 8080 --dry-run" => "what would be stopped, and what would bring it back" }

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Outcome, Failure> {
        for endpoint in &self.endpoints {
            Target::exact(endpoint)?;
        }
        let targets: Vec<Target> =
            self.endpoints.iter().cloned().map(|endpoint| Target::of(endpoint, cx.machine)).collect::<Result<_, _>>()?;
        let mut plan = Plan::default();
        for target in &targets {
            plan.add(cx, target, self.tree)?;
        }
        let mut outcome = Outcome {
            endpoints: targets.iter().map(|target| target.endpoint.to_string()).collect(),
            refused: plan.refused,
            supervisor: plan.supervisor,
            tree: self.tree,
            gaps: plan.gaps,
            ..Outcome::default()
        };
        if self.dry_run {
            outcome.would = Some(plan.marks.iter().map(|mark| mark.freed(Signal::Term)).collect());
            report(cx, &targets, &mut outcome, Duration::ZERO)?;
            return Ok(outcome);
        }
        if !plan.marks.is_empty() {
            if self.agreed(cx, &plan.marks, outcome.supervisor.as_ref())? {
                self.stop(cx, &plan.marks, &mut outcome)?;
            } else {
                outcome.declined = true;
            }
        }
        let patience = if outcome.freed.is_empty() { Duration::ZERO } else { SETTLING };
        report(cx, &targets, &mut outcome, patience)?;
        Ok(outcome)
    }
}

impl Free {
    fn agreed(&self, cx: &Context<'_, Acts>, marks: &[Mark], supervisor: Option<&Supervised>) -> Result<bool, Failure> {
        let names: Vec<String> = marks.iter().map(|mark| format!("{} (pid {})", mark.name, mark.process.pid)).collect();
        let back = supervisor
            .filter(|supervisor| supervisor.restarts)
            .map(|supervisor| format!(" {} would start it again.", supervisor.name))
            .unwrap_or_default();
        let question = format!("Stop {}?{back}", names.join(", "));
        cx.agreed(self.yes, &question, "stopped", "add --yes to stop without asking, or --dry-run to look")
    }

    /// Signals, waits, and where it was asked for signals harder. Every mark ends up freed or refused.
    fn stop(&self, cx: &Context<'_, Acts>, marks: &[Mark], outcome: &mut Outcome) -> Result<(), Failure> {
        let mut signalled: Vec<&Mark> = Vec::new();
        for mark in marks {
            match send(cx.machine, mark, Signal::Term, outcome) {
                Sent::Yes => signalled.push(mark),
                Sent::AlreadyGone | Sent::Refused => {}
            }
        }
        let grace = self.timeout.0;
        let mut left = watch_exits(cx, &signalled, grace)?;
        let mut signal = vec![Signal::Term; signalled.len()];
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
                    Signal::Continue | Signal::Term => Refusal::Outlives { grace: self.timeout },
                    Signal::Kill => Refusal::Unkillable,
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
