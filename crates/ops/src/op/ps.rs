//! `portward ps`

pub(crate) mod kept;

use std::collections::BTreeSet;

use clap::Args;
pub use portward_keeper::Listening;
use portward_keeper::{Run, RunListener, RunProject, listening, process_at};
use portward_model::{Sentence, Text, Transport};
use portward_sys::{Ask, Look, Rights, StateSet, Transports, Which};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Context, Exit, Failure, Looks, Never, Noun, Op, Sink, document::Gap, hands, named::Known};

/// Show the sessions that run: each project's services, what they asked for, and where a client dials
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ps {
    /// Services and projects alone: a name, a script, a program, a port or a pid
    #[arg(value_name = "SERVICE|PROJECT")]
    #[serde(default)]
    pub services: Vec<String>,
}

/// The sessions that run.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Sessions {
    /// One for each project with a program that runs, by its ports.
    pub sessions: Vec<Session>,
    /// Supervisors that have ended without a word, such as killed ones; what they ran can bind and connect no more.
    pub lost: usize,
    /// Words that nothing goes by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<Unknown>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// A word that no service and no project goes by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unknown {
    /// The word.
    pub word: String,
    /// Names that come near.
    pub near: Vec<String>,
}

/// A project's session.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    /// The project's number in the lease store; its root where that does not know it.
    pub id: String,
    /// The project's name; `null` outside any project.
    pub project: Option<Text>,
    /// Its root; `null` outside any project.
    pub root: Option<Text>,
    /// Its first block of ports, such as `20300-20399`.
    pub ports: String,
    /// True when it has the real ports.
    pub front: bool,
    /// What runs in it.
    pub services: Vec<Service>,
    /// Pids of the processes that supervise it.
    #[serde(default)]
    pub supervisors: Vec<u32>,
    /// Services that `portward up` has started, and of which nothing runs now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resting: Vec<Resting>,
    /// What keeps those services; `null` where they have no keeper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeper: Option<Keeper>,
}

/// What keeps the services that `portward up` has started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Keeper {
    /// Its process.
    pub pid: u32,
    /// False where it was killed: its services go on, and none is started again.
    pub lives: bool,
}

/// A service that `portward up` has started, and of which nothing runs now.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Resting {
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: super::up::State,
    /// What is to be said of that.
    pub because: Option<Sentence>,
    /// In how long it is started again, of one that is to be.
    pub restarts_in_ms: Option<u64>,
    /// Of a service of Compose files whose keeper was killed together with what followed its container: how that container is. The
    /// state is then the one that was written down last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Contained>,
    /// Where the ports of that container are, where it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<Listening>,
}

/// How a container is that nobody follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Contained {
    /// It runs.
    Runs,
    /// It has ended.
    Ended,
    /// Its engine does not say.
    Unknown,
}

/// A program that was started in a session.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its process.
    pub pid: u32,
    /// How it is.
    pub state: ServiceState,
    /// Where it listens now.
    pub listeners: Vec<Listening>,
}

/// How a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// It runs.
    Running,
    /// It has ended, and something that it started goes on.
    Left,
    /// `portward up` has started it, and it is not ready.
    Starting,
    /// `portward up` has started it, and it is ready.
    Ready,
    /// `portward up` has started it, and it has not become ready in time.
    Failed,
    /// It is being ended.
    Stopping,
}

impl Noun for Sessions {
    fn exit(&self) -> Exit {
        if self.unknown.is_empty() { Exit::Fine } else { Exit::Found }
    }
}

impl Op for Ps {
    declare! { "ps", Read at Machine with Looks, emits Never, answers Sessions;
    "portward ps" => "what runs in which project, and where",
    "portward ps shop" => "of one project",
    "portward ps dev" => "one service: by its name, its script, its program, a port or a pid" }

    fn run(self, cx: &Context<'_>, _: &mut Sink<'_, Never>) -> Result<Sessions, Failure> {
        if self.services.is_empty() {
            return sessions(cx);
        }
        let mut known = Known::of(cx, None)?;
        kept::tell(cx, &mut known.sessions);
        let mut answer = Sessions { gaps: known.gaps.clone(), ..Sessions::default() };
        let mut wanted: Vec<(String, u32)> = Vec::new();
        let mut resting: Vec<(String, String)> = Vec::new();
        for word in &self.services {
            let found = known.all_services(word);
            wanted.extend(found.iter().map(|found| (found.session.id.clone(), found.service.pid)));
            let of_project = known.sessions_of(word);
            let rests = |session: &&Session| session.resting.iter().any(|resting| resting.name == *word);
            let at_rest: Vec<String> = known.sessions.iter().filter(rests).map(|session| session.id.clone()).collect();
            let is_known = !found.is_empty() || !at_rest.is_empty();
            resting.extend(at_rest.into_iter().map(|id| (id, word.clone())));
            if !is_known {
                let names = |session: &&Session| -> Vec<(String, String)> {
                    session.resting.iter().map(|resting| (session.id.clone(), resting.name.clone())).collect()
                };
                resting.extend(of_project.iter().flat_map(names));
                let each = of_project.iter().flat_map(|session| session.services.iter().map(|own| (session.id.clone(), own.pid)));
                wanted.extend(each);
            }
            if !is_known && of_project.is_empty() {
                answer.unknown.push(Unknown { word: word.clone(), near: known.near(word) });
            }
        }
        for session in &known.sessions {
            let is_wanted = |service: &&Service| wanted.contains(&(session.id.clone(), service.pid));
            let services: Vec<Service> = session.services.iter().filter(is_wanted).cloned().collect();
            let rests = |own: &&Resting| resting.iter().any(|(id, name)| *id == session.id && *name == own.name);
            let resting: Vec<Resting> = session.resting.iter().filter(rests).cloned().collect();
            if !services.is_empty() || !resting.is_empty() {
                answer.sessions.push(Session { services, resting, ..session.clone() });
            }
        }
        Ok(answer)
    }
}

/// The sessions of this user and, under root, of the user who called.
pub(crate) fn sessions<R: Rights>(cx: &Context<'_, R>) -> Result<Sessions, Failure> {
    beside(cx, own_sessions(cx)?)
}

/// The same, with what is known of this user's own.
pub(crate) fn beside<R: Rights>(cx: &Context<'_, R>, mut found: Sessions) -> Result<Sessions, Failure> {
    // Those of the user who called root stand beside root's own.
    if let Some(theirs) = hands::beside(&Ps::default(), cx).transpose()? {
        found.sessions.extend(theirs.sessions);
        found.lost += theirs.lost;
        found.gaps.extend(theirs.gaps);
    }
    Ok(found)
}

/// The sessions of this user.
pub(crate) fn own_sessions<R: Rights>(cx: &Context<'_, R>) -> Result<Sessions, Failure> {
    let own = portward_keeper::sessions(cx)?;
    let follows = follows_containers(&own);
    let mut found = told(cx.look(), own);
    if follows {
        kept::publish(cx, &mut found.sessions);
    }
    kept::tell(cx, &mut found.sessions);
    Ok(found)
}

/// True where one of them follows a container, whose ports are not its own.
pub(crate) fn follows_containers(found: &portward_keeper::Sessions) -> bool {
    found.runs.iter().any(|run| run.kept.as_ref().is_some_and(|kept| kept.is_container))
}

/// Sessions as they are told, by what their supervisors say.
pub(crate) fn told(host: &dyn Look, found: portward_keeper::Sessions) -> Sessions {
    let serving = if found.runs.is_empty() { BTreeSet::new() } else { serving(host) };
    let mut projects: Vec<(&RunProject, Vec<&Run>)> = Vec::new();
    let asks = |run: &Run| run.kept.as_ref().is_some_and(|kept| kept.is_question);
    for run in found.runs.iter().filter(|run| !asks(run)) {
        match projects.iter_mut().find(|(project, _)| **project == run.project) {
            Some((_, runs)) => runs.push(run),
            None => projects.push((&run.project, vec![run])),
        }
    }
    projects.sort_by_key(|(project, _)| project.block);
    let each = projects.iter().map(|(project, runs)| {
        let front = found.front.is_some() && found.front == project.id;
        Session { front, ..session(host, project, runs, &serving) }
    });
    Sessions { sessions: each.collect(), lost: found.lost.len(), gaps: found.gaps, ..Sessions::default() }
}

/// A project's number as a document has it. One that the reader's store does not know goes by its root, so that no two are one.
pub(crate) fn number(project: &RunProject) -> String {
    let root = || project.root.as_ref().map_or_else(|| "0".to_owned(), Text::shown);
    project.id.map_or_else(root, |id| id.0.to_string())
}

fn session(host: &dyn Look, project: &RunProject, runs: &[&Run], serving: &BTreeSet<(bool, u16)>) -> Session {
    let mut services = Vec::new();
    for run in runs {
        let Some(first) = run.services.first() else { continue };
        // Listeners go by the name that they had when they began; those of no named service belong to what the run was for.
        let named = |name: &str| run.services.iter().any(|service| service.name == name);
        for service in &run.services {
            let own = |row: &&RunListener| {
                let here = serving.contains(&(row.transport == Transport::Udp, row.serves.port()));
                here && (row.service == service.name || (service == first && !named(&row.service)))
            };
            let told = |row: &RunListener| {
                let told = listening(row, process_at(host, row.pid).as_ref());
                if run.rules.is_some() { told } else { told.by_variable() }
            };
            services.push(Service {
                name: run.name_of(host, service),
                pid: service.process.pid,
                state: if service.ended { ServiceState::Left } else { ServiceState::Running },
                listeners: run.listeners.iter().filter(own).map(told).collect(),
            });
        }
    }
    Session {
        id: number(project),
        project: Some(project.name.clone()).filter(|name| !name.is_empty()),
        root: project.root.clone(),
        ports: project.block.map(|block| block.to_string()).unwrap_or_default(),
        front: false,
        services,
        supervisors: runs.iter().map(|run| run.supervisor.pid).collect(),
        resting: Vec::new(),
        keeper: None,
    }
}

/// The ports that something serves now: (UDP, port).
pub(crate) fn serving(host: &dyn Look) -> BTreeSet<(bool, u16)> {
    let mut found = BTreeSet::new();
    let ask = Ask {
        transports: Transports { tcp: true, udp: true, unix: false },
        states: StateSet::Listening,
        ports: None,
        traffic: false,
    };
    if let Ok(own) = host.namespaces(&Which::Own) {
        let _ = host.sockets(&ask, &own.value, &mut |socket| {
            found.extend(socket.port().map(|port| (socket.transport == Transport::Udp, port)));
        });
    }
    found
}
