//! `portward front`

mod document;
mod order;
mod unlent;

use std::{io::ErrorKind, os::fd::OwnedFd, process::Child};

use clap::Args;
use portward_keeper::{Lending, bury, enclosing, lending, reserve, start_forwarder};
use portward_model::{Hint, Sentence, Text, Transport, hint};
use portward_store::{ProjectRow, Store};
use portward_sys::on_behalf_of;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Acts, Context, Exit, Failure, Kind, Never, Noun, Op, Sink,
    document::Gap,
    hands,
    named::{Found, Known, find_project},
};

use order::{Made, Order, made_true, retire};
pub use unlent::Unlent;

/// Lend the real ports of localhost to one project: its port 3000 is localhost:3000 for browsers and other programs
///
/// A forwarder in the background listens on both loopback addresses at each TCP port that the project's services asked
/// for, and passes connections on to where they serve. Given to another project, new connections go there from the moment this
/// command ends; those that are open go on to their end. A port that a program holds stays with it, and is taken when
/// it lets go. Where no service of the project listens, no port is held. UDP is not forwarded.
///
/// Without PROJECT it tells who has the front, and which ports are lent.
#[derive(Args)]
pub struct Front {}

/// Tell who has the front, and which ports are lent; a forwarder that has ended is started again
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Status {}

/// Give the front to a project
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Give {
    /// The project: its name or the beginning of it, the name of its worktree, its folder, or a service of it; `.` is this one
    #[arg(value_name = "PROJECT", required = true)]
    pub project: String,
}

/// Give the front to a project, with these ports that only root may bind: they are bound now, and root's rights are given up
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Low {
    /// The project: its name or the beginning of it, the name of its worktree, its folder, or a service of it; `.` is this one
    #[arg(value_name = "PROJECT", required = true)]
    pub project: String,
    /// Ports that only root may bind, such as 80,443: bound now for this project's services, and no others later
    #[arg(long, value_name = "PORT,...", value_delimiter = ',', value_parser = low_port, required = true)]
    pub low: Vec<u16>,
}

/// Give the ports back, and return when they are free
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Off {}

/// Who has the front.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Lent {
    /// The project that has it; `null` when nobody has.
    pub front: Option<FrontProject>,
    /// The project that had it before this command gave it to another or back; `null` where nothing changed hands.
    pub before: Option<FrontProject>,
    /// True when another command gave the front away at the same moment, and that one came last.
    pub overtaken: bool,
    /// The forwarder's pid; `null` when none runs.
    pub forwarder: Option<u32>,
    /// The pid of a forwarder that had ended without a word, such as one that was killed.
    pub lost: Option<u32>,
    /// Connections through the forwarder that were open when the front changed hands, and go on to their end; `null` where
    /// it did not.
    pub connections: Option<usize>,
    /// The real ports of the project's services, by number; after `--off` those that were lent.
    pub ports: Vec<FrontPort>,
    /// Ports that this command bound for the forwarder, which may not: they are held, and lent when a service asked for them.
    #[serde(default)]
    pub reserved: Vec<u16>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// A project, as the front knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FrontProject {
    /// Its number in the lease store.
    pub id: String,
    /// Its name; `null` for what belongs to no project.
    pub project: Option<Text>,
    /// Its root; `null` for what belongs to no project.
    pub root: Option<Text>,
}

/// A real port.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FrontPort {
    /// Its number, such as 3000.
    pub port: u16,
    /// TCP or UDP.
    pub transport: Transport,
    /// True when the forwarder listens on it.
    pub lent: bool,
    /// How it stands.
    pub state: FrontState,
    /// The service that asked for it.
    pub service: Option<String>,
    /// Where that service serves, such as `127.0.0.1:20300`.
    pub serves: Option<String>,
    /// Who holds the port; `null` where nobody does, or the holder could not be seen.
    pub holder: Option<FrontHolder>,
    /// Why the port is not lent, in a sentence.
    pub because: Option<Sentence>,
    /// A command that would change that.
    pub need: Option<Hint>,
    /// Why the port is not lent, as a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Unlent>,
}

/// How a real port stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FrontState {
    /// The forwarder listens on it.
    Lent,
    /// A program holds it, and it is waited for.
    Held,
    /// The kernel forbids it.
    Denied,
    /// The system refuses it.
    Failed,
    /// It is leased to another project.
    Leased,
    /// It carries datagrams, which are not forwarded.
    Udp,
    /// Its service is at another address than localhost's.
    Apart,
    /// Nobody has it any more.
    Free,
}

/// A program that holds a real port.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FrontHolder {
    /// Its process.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// The project in whose session it runs; `null` for one outside any session.
    pub session: Option<Text>,
}

impl Noun for Lent {
    fn exit(&self) -> Exit {
        let waits = self
            .ports
            .iter()
            .any(|port| matches!(port.state, FrontState::Held | FrontState::Denied | FrontState::Failed | FrontState::Leased));
        // Ports that are given back are nobody's concern any more.
        let is_without = self.front.is_some() && self.forwarder.is_none();
        if self.overtaken || is_without || (self.front.is_some() && waits) { Exit::Found } else { Exit::Fine }
    }
}

impl Op for Status {
    declare! { "front.status", Change at Machine with Acts, emits Never, answers Lent;
    "portward front" => "who has it, and which ports are lent" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Lent, Failure> {
        tell(cx)
    }
}

impl Op for Give {
    declare! { "front.give", Change at Machine with Acts, emits Never, answers Lent;
    "portward front ." => "localhost:3000 is this project's from now on",
    "portward front fix-42" => "now it is that of the worktree fix-42" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Lent, Failure> {
        give(cx, &self.project, hands::handed())
    }
}

impl Op for Low {
    declare! { "front.low", Change at Machine with Acts, emits Never, answers Lent;
    "sudo portward front . --low 80,443" => "localhost:80 is this project's; the forwarder is a process of yours" }

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Lent, Failure> {
        let Self { project, low } = self;
        let mut reserved = Vec::new();
        for &port in &low {
            if port == 0 {
                return Err(Failure::usage("0 is no port that can be lent.").hint(hint!("sudo portward front . --low 80,443")));
            }
            reserved.extend(reserve(port).map_err(|error| unreserved(port, &error))?);
        }
        // From here on nothing is done with more rights than whose project it is.
        let given = match on_behalf_of(cx.caller) {
            Some(user) => hands::perform_as(&user, &Give { project }, &reserved, cx, &mut Sink::new(&mut |_| true)),
            None => give(cx, &project, &reserved),
        };
        Ok(Lent { reserved: low, ..given? })
    }
}

/// A port as it is typed.
fn low_port(word: &str) -> Result<u16, String> {
    let wrong = || format!("`{}` is no port; --low takes numbers such as 80,443", Text::from(word));
    word.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)
}

/// Why a port could not be bound.
fn unreserved(port: u16, error: &std::io::Error) -> Failure {
    let failure = Failure::system(format!("Port {port} could not be bound for the front: {error}."));
    match error.kind() {
        ErrorKind::PermissionDenied => Failure { kind: Kind::Denied, ..failure }.hint("the same command with sudo"),
        ErrorKind::AddrInUse => failure
            .hint(hint!("portward {}    says who has it; portward front --off gives back what an earlier --low bound", port)),
        _ => failure,
    }
}

impl Op for Off {
    declare! { "front.off", Change at Machine with Acts, emits Never, answers Lent;
    "portward front --off" => "everybody's again" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<Lent, Failure> {
        give_back(cx)
    }
}

/// Gives the front to a project.
fn give(cx: &Context<'_, Acts>, word: &str, reserved: &[OwnedFd]) -> Result<Lent, Failure> {
    let mut store = Store::open(cx)?;
    let project = project(cx, &mut store, word)?;
    let found = lending(cx.machine, cx.caller, &store)?;
    let lives = found.as_ref().and_then(|found| found.alive(cx.machine));
    if lives.is_none()
        && let Some(failure) = inside(cx)?
    {
        return Err(failure);
    }
    let was_older = retire(cx, &mut store, found.as_ref())?;
    // One that runs cannot be handed sockets: another one takes its place.
    let is_new = lives.is_none() || was_older || !reserved.is_empty();
    let child = if is_new { Some(start_forwarder(cx.caller, reserved)?) } else { None };
    let only = child.as_ref().map(Child::id).filter(|_| !reserved.is_empty());
    let mut lost = found.as_ref().and_then(|found| gone(found, lives.is_some()));
    let Made { row, before } = made_true(cx, &mut store, Some(&Order(Some(&project))), (child, only), &mut lost)?;
    // What a forwarder begins with is what another one has left.
    let before = if is_new { found } else { before };
    let mut answer = document::of(&cx.looks(), &store, &row)?;
    answer.overtaken = row.project != Some(project.id);
    answer.lost = lost;
    if let Some(before) = before.filter(|before| before.project != row.project) {
        answer.before = document::project(&store, before.project)?;
        answer.connections = Some(row.connections);
    }
    Ok(answer)
}

/// The project that a word means: one that is called so, or that of the service that is.
fn project(cx: &Context<'_, Acts>, store: &mut Store<'_>, word: &str) -> Result<ProjectRow, Failure> {
    find_project(cx, store, word).or_else(|failure| {
        let known = Known::own(cx, None)?;
        let found = known.services(word);
        let place = |found: &Found<'_>| found.session.id.clone();
        let Some(first) = found.first().map(place).filter(|first| found.iter().all(|other| place(other) == *first)) else {
            return Err(failure);
        };
        store.projects()?.into_iter().find(|row| row.id.0.to_string() == first).ok_or(failure)
    })
}

/// Gives the front back.
fn give_back(cx: &Context<'_, Acts>) -> Result<Lent, Failure> {
    let nothing = |store: Option<&Store<'_>>| Lent { gaps: store.map(Store::gaps).unwrap_or_default(), ..Lent::default() };
    let Some(reading) = Store::reading(cx)? else { return Ok(nothing(None)) };
    let Some(found) = lending(cx.machine, cx.caller, &reading)?.filter(|it| it.project.is_some() || it.forwarder.is_some())
    else {
        return Ok(nothing(Some(&reading)));
    };
    let mut store = Store::open(cx)?;
    let lives = found.alive(cx.machine).is_some();
    let mut answer = nothing(Some(&store));
    let mut before = None;
    if retire(cx, &mut store, Some(&found))? || !lives {
        answer.lost = gone(&found, lives);
        bury(cx.caller)?;
    } else {
        let made = made_true(cx, &mut store, Some(&Order(None)), (None, None), &mut answer.lost)?;
        if made.row.project.is_some() {
            let lent = document::of(&cx.looks(), &store, &made.row)?;
            let before = document::project(&store, made.before.and_then(|before| before.project))?;
            return Ok(Lent { overtaken: true, before, lost: answer.lost, ..lent });
        }
        answer.connections = Some(made.row.connections);
        before = made.before;
    }
    let before = before.unwrap_or(found);
    answer.before = document::project(&store, before.project)?;
    answer.ports = document::given_back(&cx.looks(), &before);
    Ok(answer)
}

/// Tells who has the front, by what the forwarder finds now. The front is a standing order: where the forwarder was killed,
/// or the machine was started anew, another one is started.
fn tell(cx: &Context<'_, Acts>) -> Result<Lent, Failure> {
    let Some(mut store) = Store::reading(cx)? else { return Ok(Lent::default()) };
    let Some(row) = lending(cx.machine, cx.caller, &store)?.filter(|row| row.project.is_some()) else {
        return Ok(Lent { gaps: store.gaps(), ..Lent::default() });
    };
    let lives = row.alive(cx.machine).is_some();
    let mut lost = gone(&row, lives);
    // One of the release before this looks by itself, and is not asked.
    if (lives && row.is_older) || (!lives && inside(cx)?.is_some()) {
        return Ok(Lent { lost, ..document::of(&cx.looks(), &store, &row)? });
    }
    let child = if lives { None } else { Some(start_forwarder(cx.caller, &[])?) };
    let Made { row, .. } = made_true(cx, &mut store, None, (child, None), &mut lost)?;
    Ok(Lent { lost, ..document::of(&cx.looks(), &store, &row)? })
}

/// Waits until the forwarder, where there is one, has seen what listens now: a service that was stopped has no real port any
/// more. A forwarder that does not answer is the concern of `portward front`.
pub(crate) fn follow(cx: &Context<'_, Acts>) {
    let seen = || {
        let Some(mut store) = Store::reading(cx)? else { return Ok(()) };
        let found = lending(cx.machine, cx.caller, &store)?;
        if found.is_some_and(|found| !found.is_older && found.alive(cx.machine).is_some()) {
            made_true(cx, &mut store, None, (None, None), &mut None)?;
        }
        Ok::<(), Failure>(())
    };
    let _ = seen();
}

/// The forwarder that stood in the record and had ended.
fn gone(before: &Lending, lives: bool) -> Option<u32> {
    before.forwarder.filter(|_| !lives).map(|process| process.pid)
}

/// Why no forwarder can be started here: what starts in a session has its ports moved.
fn inside(cx: &Context<'_, Acts>) -> Result<Option<Failure>, Failure> {
    let failure = "This shell runs in a session, and a forwarder that starts in one would have its own ports moved.";
    let failure = || Failure::system(failure).hint("the same command in a shell outside `portward run`");
    Ok(enclosing(&cx.looks())?.map(|_| failure()))
}
