//! `portward stop`

use std::time::{Duration, Instant};

use clap::Args;
use portward_model::{ProcessId, Text};
use portward_sys::{Host, Signal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Cx, Effect, Exit, Failure, Freed, Never, Noun, Op, Sink, Where,
    document::GapDocument,
    session::{is_alive, name_of},
    store::{ProjectId, RunRow, Store, here},
};

/// Stop what runs in a project's session, and come back when its ports are free
///
/// Every process of it gets SIGTERM, and SIGKILL where it has not ended after ten seconds. Without a name, all of this
/// project's services are stopped.
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// Services of this project, by the names that `portward ps` shows
    #[arg(value_name = "SERVICE")]
    #[serde(default)]
    pub services: Vec<String>,
    /// Every project's
    #[arg(long, conflicts_with = "services")]
    #[serde(default)]
    pub all: bool,
}

/// What was stopped.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Stopped {
    /// Processes that have ended.
    pub stopped: Vec<Freed>,
    /// The names that nothing of this project has.
    pub unknown: Vec<String>,
    /// Pids of processes that still live.
    pub alive: Vec<u32>,
    /// What could not be seen.
    pub gaps: Vec<GapDocument>,
}

impl Noun for Stopped {
    fn exit(&self) -> Exit {
        if self.unknown.is_empty() && self.alive.is_empty() { Exit::Fine } else { Exit::Found }
    }
}

impl Op for Stop {
    const NAME: &'static str = "stop";
    const EFFECT: Effect = Effect::Destroy;
    const WHERE: Where = Where::Live;
    const EXAMPLES: &'static [(&'static str, &'static str)] =
        &[("portward stop", "all that runs in this project"), ("portward stop db", "one service")];
    type Item = Never;
    type Output = Stopped;

    async fn run(self, cx: &Cx<'_>, _: &mut Sink<'_, Never>) -> Result<Stopped, Failure> {
        let mut answer = Stopped { stopped: Vec::new(), unknown: self.services.clone(), alive: Vec::new(), gaps: Vec::new() };
        let Some(store) = Store::reading(cx.host)? else { return Ok(answer) };
        let own: Option<ProjectId> = store.known_project(here(cx)?.as_ref())?.map(|project| project.id);
        let runs: Vec<RunRow> = store
            .runs()?
            .into_iter()
            .filter(|run| (self.all || Some(run.project) == own) && is_alive(cx.host, run.supervisor))
            .collect();
        let mut wanted: Vec<(ProcessId, String)> = Vec::new();
        for run in &runs {
            let whole = self.services.is_empty();
            for service in &run.services {
                let own = name_of(cx.host, service, run);
                if !whole && !self.services.contains(&own) {
                    continue;
                }
                answer.unknown.retain(|name| *name != own);
                below(cx.host, service.process.pid, Some((service.process, &own)), &mut wanted);
            }
            // What lost its parent belongs to the supervisor.
            let is_meant = |first| self.services.contains(&name_of(cx.host, first, run));
            if whole || run.services.first().is_some_and(is_meant) {
                below(cx.host, run.supervisor.pid, None, &mut wanted);
            }
        }
        end(cx.host, &wanted, &mut answer)?;
        if answer.alive.is_empty() {
            // Ports are free when nobody has a filter any more, and then the supervisor ends.
            let gone: Vec<ProcessId> = runs.iter().filter(|_| self.services.is_empty()).map(|run| run.supervisor).collect();
            let _ = cx.host.wait_for_exit(&gone, PATIENCE);
            // And real ports that were lent to it when the forwarder has let go of them.
            super::front::follow(cx);
        }
        Ok(answer)
    }
}

/// Processes below one, and itself where it is named.
fn below(host: &dyn Host, pid: u32, own: Option<(ProcessId, &str)>, wanted: &mut Vec<(ProcessId, String)>) {
    let pids = host.descendants(pid).unwrap_or_default();
    let processes = host.processes(&[&[pid][..], &pids].concat()).unwrap_or_default();
    for process in processes {
        let named = own.filter(|(own, _)| *own == process.id).map(|(_, name)| name.to_owned());
        // The doors of a private network end with their supervisor, when the programs have.
        let is_door = process.parent == pid && process.name.raw() == portward_session::DOORS.as_bytes();
        let below = pids.contains(&process.id.pid) && !is_door;
        if (named.is_some() || below) && !wanted.iter().any(|(known, _)| *known == process.id) {
            wanted.push((process.id, Text::from(named.unwrap_or_else(|| process.title()).as_str()).shown()));
        }
    }
}

fn end(host: &dyn Host, wanted: &[(ProcessId, String)], answer: &mut Stopped) -> Result<(), Failure> {
    let mut left: Vec<ProcessId> = wanted.iter().map(|(process, _)| *process).collect();
    for (signal, patience) in [(Signal::Term, PATIENCE), (Signal::Kill, Duration::from_secs(2))] {
        let end = Instant::now() + patience;
        for process in &left {
            // One that a signal has stopped would keep the request to itself.
            if host.signal(*process, signal).is_ok() && signal == Signal::Term {
                let _ = host.signal(*process, Signal::Continue);
            }
        }
        left = host.wait_for_exit(&left, end.saturating_duration_since(Instant::now()))?;
        for (process, name) in wanted.iter().filter(|(process, _)| !left.contains(process)) {
            if !answer.stopped.iter().any(|freed| freed.pid == process.pid) {
                answer.stopped.push(Freed { pid: process.pid, name: name.clone(), signal: signal.name() });
            }
        }
        if left.is_empty() {
            break;
        }
    }
    answer.alive = left.iter().map(|process| process.pid).collect();
    Ok(())
}

/// How long a process has to end after it was asked.
const PATIENCE: Duration = Duration::from_secs(10);
