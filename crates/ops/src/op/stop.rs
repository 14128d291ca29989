//! `portward stop`

use clap::Args;
use portward_keeper::{Keeper, Over, Root, Run, end, is_alive, process_at, sessions};
use portward_model::{CommandLine, ProcessId, ProcessState, Text, hint};
use portward_sys::on_behalf_of;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Acts, Context, Exit, Failure, Freed, Never, Noun, Op, Sink,
    document::Gap,
    hands,
    named::Known,
    op::ps::{Session, number},
};

/// Stop what runs in a project's session, and come back when its ports are free
///
/// Every process of it gets SIGTERM, and SIGKILL where it has not ended after ten seconds, or starts anew each time. Without a name, all of this
/// project's services are stopped.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Stop {
    /// Services of this project: a name, a script such as dev, a program, a port or a pid; or the name of a project
    #[arg(value_name = "SERVICE|PROJECT")]
    pub services: Vec<String>,
    /// The services of this project, instead of those of the one that this is typed in: its name, or its folder
    #[arg(long, value_name = "PROJECT", conflicts_with = "all")]
    pub project: Option<String>,
    /// Every project's
    #[arg(long, conflicts_with = "services")]
    pub all: bool,
}

/// What was stopped.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Stopped {
    /// Processes that have ended.
    pub stopped: Vec<Freed>,
    /// The names that nothing of this project has.
    pub unknown: Vec<String>,
    /// Names that come near to those.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<String>,
    /// Pids of processes that still live.
    pub alive: Vec<u32>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Noun for Stopped {
    fn exit(&self) -> Exit {
        if self.unknown.is_empty() && self.alive.is_empty() { Exit::Fine } else { Exit::Found }
    }
}

impl Op for Stop {
    declare! { "stop", Destroy at Machine with Acts, emits Never, answers Stopped;
    "portward stop" => "all that runs in this project",
    "portward stop db" => "one service, by its name, its script, its program, a port or a pid",
    "portward stop blog" => "all that runs in another project" }

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Stopped, Failure> {
        let mut answer = self.own(cx)?;
        // What the user who called root has is stopped by a process of theirs.
        if let Some(theirs) = hands::beside(&self, cx).transpose()? {
            answer.unknown.retain(|name| theirs.unknown.contains(name));
            answer.near.extend(theirs.near);
            answer.stopped.extend(theirs.stopped);
            answer.alive.extend(theirs.alive);
            answer.gaps.extend(theirs.gaps);
        }
        Ok(answer)
    }
}

impl Stop {
    fn own(&self, cx: &Context<'_, Acts>) -> Result<Stopped, Failure> {
        let unknown = self.services.clone();
        let mut answer = Stopped { stopped: Vec::new(), unknown, near: Vec::new(), alive: Vec::new(), gaps: Vec::new() };
        let known = match Known::own(cx, self.project.as_deref()) {
            // It may be a project of the user who called root.
            Err(_) if on_behalf_of(cx.caller).is_some() => return Ok(answer),
            known => known?,
        };
        let chosen = self.chosen(&known)?;
        let mut found: Vec<&str> = Vec::new();
        let runs: Vec<Run> = sessions(cx)?
            .runs
            .into_iter()
            .filter(|run| chosen.takes(&number(&run.project)) && is_supervisor(cx, run.supervisor))
            .collect();
        let mut roots = Vec::new();
        let mut supervisors = Vec::new();
        for run in &runs {
            let project = number(&run.project);
            let whole = chosen.whole.iter().any(|(id, _)| *id == project);
            let mut has_first = false;
            // The store names a service's process; that it is this session's is the kernel's to say.
            let below = cx.machine.descendants(run.supervisor.pid)?;
            for (at, service) in run.services.iter().enumerate() {
                let own = run.name_of(cx.machine, service);
                let word = chosen.services.iter().find(|(id, pid, _)| *id == project && *pid == service.process.pid);
                if !whole && word.is_none() {
                    continue;
                }
                // A static server tells of itself.
                let is_itself = service.process == run.supervisor;
                if !is_itself && !below.contains(&service.process.pid) && is_alive(cx.machine, service.process) {
                    continue;
                }
                has_first |= at == 0;
                found.extend(word.map(|(.., word)| *word));
                roots.push(Root { process: service.process, name: Some(own) });
            }
            // What lost its parent belongs to the supervisor.
            if whole || has_first {
                roots.push(Root { process: run.supervisor, name: None });
            }
            if whole {
                supervisors.push(run.supervisor);
                found.extend(chosen.whole.iter().filter(|(id, _)| *id == project).map(|(_, word)| *word));
            }
        }
        answer.unknown.retain(|name| !found.contains(&name.as_str()));
        // Their keeper would start them again.
        for run in &runs {
            let is_chosen = roots
                .iter()
                .any(|root| run.supervisor == root.process || run.services.iter().any(|service| service.process == root.process));
            if let (Some(kept), Some(id), true) = (&run.kept, run.project.id, is_chosen)
                && let Some(keeper) = Keeper::of(cx, id.0)
            {
                keeper.down(std::slice::from_ref(&kept.service), false)?;
            }
        }
        answer.near = answer.unknown.iter().flat_map(|name| known.near(name)).collect();
        let Over { ended, left } = end(cx, &roots, &supervisors, &|| false)?;
        answer.stopped = ended.into_iter().map(|(process, name, signal)| Freed { pid: process.pid, name, signal }).collect();
        answer.alive = left.iter().map(|process| process.pid).collect();
        if answer.alive.is_empty() {
            // Real ports that were lent to it are free when the forwarder has let go of them.
            super::front::follow(cx);
        }
        Ok(answer)
    }

    /// What the words mean: services of this project; projects; and where nothing of this project runs, services of the one other
    /// project that has them.
    fn chosen<'k>(&'k self, known: &'k Known) -> Result<Chosen<'k>, Failure> {
        let mut chosen = Chosen::default();
        let here = || known.sessions.iter().filter(|session| known.is_here(session));
        if self.all || self.services.is_empty() {
            let all = known.sessions.iter().filter(|session| self.all || known.is_here(session));
            chosen.whole.extend(all.map(|session| (session.id.as_str(), "")));
        }
        for word in &self.services {
            let mut found = known.own_services(word);
            let projects = if found.is_empty() { known.sessions_of(word) } else { Vec::new() };
            match projects.as_slice() {
                [] => {}
                [session] => chosen.whole.push((&session.id, word)),
                [one, other, ..] => {
                    let root = |session: &&Session| session.root.as_ref().map(Text::shown).unwrap_or_default();
                    let told = format!(
                        "{} projects go by {}: in {}, in {}.",
                        projects.len(),
                        Text::from(word.as_str()),
                        root(one),
                        root(other)
                    );
                    return Err(Failure::usage(told).hint(hint!("portward stop --project {}    means one of them", root(one))));
                }
            }
            let anywhere = word.starts_with("pid:") || here().next().is_none();
            if found.is_empty() && projects.is_empty() && self.project.is_none() && anywhere {
                found = known.services(word);
                // Nothing is ended in two projects by one word.
                let first = found.first().map(|found| found.session.id.clone());
                if found.iter().any(|other| Some(&other.session.id) != first.as_ref()) {
                    found.clear();
                }
            }
            chosen.services.extend(found.iter().map(|found| (found.session.id.as_str(), found.service.pid, word.as_str())));
        }
        Ok(chosen)
    }
}

/// What is to be stopped, each with the word that means it.
#[derive(Default)]
struct Chosen<'k> {
    /// Projects, by their numbers.
    whole: Vec<(&'k str, &'k str)>,
    /// Services, by the project's number and their pid.
    services: Vec<(&'k str, u32, &'k str)>,
}

impl Chosen<'_> {
    /// True where something of the project is to be stopped.
    fn takes(&self, project: &str) -> bool {
        self.whole.iter().any(|(id, _)| *id == project) || self.services.iter().any(|(id, ..)| *id == project)
    }
}

/// True for a supervisor of the caller's that lives, whatever the store says: nothing else is ended with all that is below it.
fn is_supervisor(cx: &Context<'_, Acts>, process: ProcessId) -> bool {
    let found = process_at(cx.machine, process.pid).filter(|found| found.id == process && found.uid == cx.caller.uid);
    let is_ours = |argv: &CommandLine| {
        let word = argv.arguments().get(1);
        word.is_some_and(|word| word.raw() == portward_session::SUPERVISES.as_bytes() || word.raw() == portward_keeper::SERVES)
    };
    found.is_some_and(|found| found.state != ProcessState::Exited && found.argv.known().is_some_and(is_ours))
}
