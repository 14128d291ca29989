//! Whether what was stopped is started again, seen by watching for a moment.

use std::time::Duration;

use portward_checks::is_typed_into;
use portward_model::{
    CommandLine, Effect, Evidence, Finding, Likelihood, Process, ProcessId, ProcessState, Remedy, Sentence, ShellLine,
    SupervisorKind, shell,
};
use portward_sys::Depth;
use rustc_hash::FxHashSet;

use super::plan::Mark;
use crate::{Acts, Context, Failure, Look, Supervised, target::Target};

/// What may start a process again, as it stood before that was stopped.
pub(super) struct Parents {
    above: Vec<Parent>,
    /// The command that ends a known supervisor's work for good, with its name.
    supervisor: Option<(String, ShellLine)>,
    stopped: FxHashSet<u32>,
    patience: Duration,
}

struct Parent {
    pid: u32,
    process: Option<ProcessId>,
    name: String,
    /// Its children then, which are no new ones.
    children: FxHashSet<u32>,
    /// True for a shell, terminal or editor of a person.
    is_persons: bool,
    /// The commands that it ran and that were stopped.
    ran: Vec<CommandLine>,
}

impl Parents {
    /// Notes the parents of what will be stopped, and their children.
    pub(super) fn of(cx: &Context<'_, Acts>, marks: &[Mark], supervisor: Option<&Supervised>) -> Self {
        let stopped: FxHashSet<u32> = marks.iter().map(|mark| mark.process.pid).collect();
        let mut parents: Vec<Parent> = Vec::new();
        for mark in marks.iter().filter(|mark| mark.parent > 1 && !stopped.contains(&mark.parent)) {
            let at = parents.iter().position(|parent| parent.pid == mark.parent);
            let at = at.unwrap_or_else(|| {
                let read = cx.machine.processes(&[mark.parent]).unwrap_or_default();
                let parent = read.iter().find(|process| process.id.pid == mark.parent);
                let children = cx.machine.descendants(mark.parent).unwrap_or_default().into_iter().collect();
                parents.push(Parent {
                    pid: mark.parent,
                    process: parent.map(|parent| parent.id),
                    name: parent.map(Process::title).unwrap_or_default(),
                    children,
                    is_persons: parent.is_some_and(is_typed_into),
                    ran: Vec::new(),
                });
                parents.len() - 1
            });
            if let Some(parent) = parents.get_mut(at) {
                parent.ran.extend(mark.argv.clone());
            }
        }
        let known = supervisor.is_some_and(|supervisor| supervisor.restarts || supervisor.kind == SupervisorKind::Systemd);
        // Nobody is there to start it again where its parent was pid 1 and no supervisor is known.
        let patience = match (known, parents.is_empty()) {
            (true, _) => KNOWN,
            (false, false) => UNKNOWN,
            (false, true) => Duration::ZERO,
        };
        // A person's shell, terminal or editor outlives what was started from it, and that says nothing.
        let is_persons = supervisor.is_some_and(|supervisor| {
            matches!(
                supervisor.kind,
                SupervisorKind::Shell | SupervisorKind::Editor | SupervisorKind::Ssh | SupervisorKind::Orphan
            )
        });
        for parent in &mut parents {
            parent.is_persons |= is_persons;
        }
        let keeper = supervisor.filter(|supervisor| supervisor.restarts || supervisor.kind == SupervisorKind::Systemd);
        let supervisor = keeper.and_then(|keeper| Some((keeper.name.shown(), keeper.stop.clone()?)));
        Self { above: parents, supervisor, stopped, patience }
    }

    /// Watches for a moment; says who came back where somebody did, and which parent goes on where that is odd.
    pub(super) fn watch(
        &self,
        cx: &Context<'_, Acts>,
        targets: &[Target],
    ) -> Result<(Option<Finding>, Option<Sentence>), Failure> {
        let found = self.until(cx, targets, self.patience)?;
        if found.is_some() {
            return Ok((found, None));
        }
        // What started a program and goes on without it may be a loop that pauses.
        let programs: Vec<ProcessId> =
            self.above.iter().filter(|parent| !parent.is_persons).filter_map(|parent| parent.process).collect();
        let left = if programs.is_empty() { programs } else { cx.wait_for_exit(&programs, Duration::ZERO)? };
        let Some(parent) = left.first().and_then(|left| self.above.iter().find(|parent| parent.process == Some(*left))) else {
            return Ok((None, None));
        };
        let found = self.until(cx, targets, KNOWN.saturating_sub(self.patience))?;
        let told = format!("{} (pid {}), which started it, goes on without it and may start it again.", parent.name, parent.pid);
        let told = found.is_none().then(|| told.into());
        Ok((found, told))
    }

    fn until(&self, cx: &Context<'_, Acts>, targets: &[Target], patience: Duration) -> Result<Option<Finding>, Failure> {
        let end = cx.now() + patience;
        while cx.now() < end {
            if let Some(finding) = self.child_again(cx)? {
                return Ok(Some(finding));
            }
            if let Some(finding) = self.served_again(cx, targets) {
                return Ok(Some(finding));
            }
            cx.wait_for_change(&[], Duration::from_millis(40))?;
        }
        Ok(None)
    }

    /// A new child of a parent that runs what was stopped.
    fn child_again(&self, cx: &Context<'_, Acts>) -> Result<Option<Finding>, Failure> {
        for parent in &self.above {
            let now = cx.machine.descendants(parent.pid)?;
            let fresh: Vec<u32> = now.into_iter().filter(|pid| !parent.children.contains(pid)).collect();
            if fresh.is_empty() {
                continue;
            }
            let ran = |process: &&Process| {
                fresh.contains(&process.id.pid)
                    && process.state != ProcessState::Exited
                    && process.argv.known().is_some_and(|argv| !argv.is_empty() && parent.ran.contains(argv))
            };
            if let Some(process) = cx.machine.processes(&fresh)?.iter().find(ran) {
                return Ok(Some(self.finding(process, Some(parent))));
            }
        }
        Ok(None)
    }

    /// A new holder of what was freed.
    fn served_again(&self, cx: &Context<'_, Acts>, targets: &[Target]) -> Option<Finding> {
        targets.iter().find_map(|target| {
            let quick = Look { owners: None, clients: false, all_interfaces: false, rules: false, ..target.look() };
            let (target, view) = target.looked(cx.machine, &quick);
            if target.serving(&view).is_empty() {
                return None;
            }
            let (target, view) = target.looked(cx.machine, &Look { owners: Some(Depth::Processes), ..quick });
            let holders = target.serving(&view).into_iter().flat_map(|index| view.snapshot.holders(index).to_vec());
            let mut fresh = holders.filter(|holding| !self.stopped.contains(&holding.pid));
            let process = fresh.find_map(|holding| view.snapshot.process(holding.pid))?;
            let parent = self.above.iter().find(|parent| parent.pid == process.parent);
            Some(self.finding(process, parent))
        })
    }

    fn finding(&self, process: &Process, parent: Option<&Parent>) -> Finding {
        let who = format!("{} (pid {})", process.title(), process.id.pid);
        let title = "Stop what starts it, then free it again";
        let (by, stop) = match (&self.supervisor, parent) {
            (Some((name, stop)), _) => (format!(" by {name}"), Some(Remedy::end(title, stop.clone()))),
            (None, Some(Parent { pid, name, is_persons, .. })) => {
                // A person's shell is not killed for the loop that was typed into it.
                let typed = || Remedy::advice(title, "press Ctrl-C in the terminal that it was typed into", Effect::Destroy);
                let stop = if *is_persons { typed() } else { Remedy::end(title, shell!("kill {}", pid)) };
                (format!(" by {name} (pid {pid})"), Some(stop))
            }
            (None, None) => (String::new(), None),
        };
        let summary = format!("It was started again{by}, as {who}.");
        let evidence =
            vec![Evidence::new(format!("/proc/{}/stat", process.id.pid), format!("{who} started after it was stopped"))];
        Finding::new("respawned-by-supervisor", Likelihood::Certain, summary, evidence, stop.into_iter().collect())
    }
}

/// How long is watched where something is known to start again what ends: loops often pause for a second.
const KNOWN: Duration = Duration::from_millis(2500);
/// How long where a parent lives of which nothing is known: a loop without a pause is seen at its first turn.
const UNKNOWN: Duration = Duration::from_millis(400);
