//! `portward port`

use std::{collections::BTreeSet, time::UNIX_EPOCH};

use clap::Args;
use portward_keeper::{standing, stranger_at};
use portward_model::{Lack, Need, Sentence};
use portward_reading::project::load;
use portward_store::{Store, Wanted, here};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Acts, Context, Exit, Failure, Never, Noun, Op, Sink, document::Gap, project::declared};

/// Print this project's port for a name, the same one for ever; or a free port of the moment
///
/// The first call takes the port for good, from the project's block of a hundred; every later call prints the same one.
/// A number means the port that programs ask for: `portward port 3000` is where this project's 3000 is. A service that portward.toml
/// declares, or a port of it (`web.debug`), has the port for what it asks for. Outside any project the port belongs to you.
///
/// With --free it is a port that nothing has, outside the ephemeral range and outside every block. With a command it is held
/// until that command takes this program's place, with PORT set; without one it is not held.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Port {
    /// The name, or the port that programs ask for
    #[arg(value_name = "NAME", conflicts_with = "free")]
    pub name: Option<Wanted>,
    /// A free port of the moment, leased to nobody
    #[arg(long)]
    pub free: bool,
}

/// Run a program with PORT set to a free port, which is held until then
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Handed {
    /// Run this with PORT set to the free port, which is held until then
    #[arg(value_name = "CMD", last = true)]
    pub command: Vec<String>,
}

/// A port.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PortAnswer {
    /// The port.
    pub port: u16,
    /// The name that it was asked for by; `null` for a free port, and for one by its number.
    pub name: Option<String>,
    /// The port that programs ask for; `null` where none belongs to it.
    pub asked: Option<u16>,
    /// True when it is the project's, false for a free port of the moment, which is not held.
    pub leased: bool,
    /// Where a stranger has the leased port: who that is, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Sentence>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
    /// The command that could not be started, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_started: Option<String>,
}

impl Noun for PortAnswer {
    fn exit(&self) -> Exit {
        if self.not_started.is_some() { Exit::Program(NOT_STARTED) } else { Exit::Fine }
    }
}

impl Op for Port {
    declare! { "port", Change at Machine with Acts, emits Never, answers PortAnswer;
    "portward port web" => "this project's port for web, the same one every time",
    "portward port 3000" => "where this project's port 3000 is",
    "portward port --free" => "a port that is free now" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<PortAnswer, Failure> {
        match (&self.name, self.free) {
            (Some(wanted), false) => leased(cx, wanted),
            (None, true) => free(cx, &[]),
            _ => Err(Failure::usage("`port` takes a name, or --free and a command.").hint("portward port web")),
        }
    }
}

impl Op for Handed {
    declare! { "port.run", Change at Caller with Acts, emits Never, answers PortAnswer;
    "portward port --free -- sh -c 'exec ./server --port $PORT'" => "a free port, held until the server's program is started" }

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Never>) -> Result<PortAnswer, Failure> {
        if self.command.is_empty() {
            return Err(Failure::usage("There is no program to run.").hint("portward port --free -- CMD"));
        }
        free(cx, &self.command)
    }
}

fn leased(cx: &Context<'_, Acts>, wanted: &Wanted) -> Result<PortAnswer, Failure> {
    let identity = here(&cx.looks())?;
    // A service that the project declares has the port that it asks for.
    let declared = match wanted {
        Wanted::Name(name) => declared(&load(cx)?.plan, name.as_str()).map(|(_, port)| port.asked),
        Wanted::Asked(_) => None,
    };
    let asked = declared.map(Wanted::Asked);
    let (wanted, called) = (asked.as_ref().unwrap_or(wanted), declared.map(|_| wanted.to_string()));
    let answer = |lease: portward_store::Lease, gaps| PortAnswer {
        port: lease.port,
        name: called.clone().or(lease.name),
        asked: lease.asked,
        leased: true,
        held: None,
        gaps,
        not_started: None,
    };
    // Nearly always it was taken long ago, and nothing has to be written.
    if let Some(store) = Store::reading(cx)?
        && let Some(project) = store.known_project(identity.as_ref())?
        && let Some(lease) = store.known(project.id, wanted.want())?
    {
        let now = match lease.asked {
            Some(asked) => standing(cx, project.id, (asked, lease.port))?.map(|at| at.port()),
            None => None,
        };
        let port = now.unwrap_or(lease.port);
        let root = identity.as_ref().map(|identity| &identity.project.root);
        let stranger = if port == lease.port { stranger_at(cx, project.id, root, port)? } else { None };
        let held = stranger.map(|stranger| format!("{port}, which is leased to the project, is held by {stranger}.").into());
        return Ok(PortAnswer { port, held, ..answer(lease, store.gaps()) });
    }
    let mut store = Store::open(cx)?;
    let project = store.project(identity.as_ref())?;
    let lease = store.take(project.id, wanted.want())?;
    Ok(answer(lease, store.gaps()))
}

fn free(cx: &Context<'_, Acts>, command: &[String]) -> Result<PortAnswer, Failure> {
    let rules = cx.machine.port_rules()?;
    let mut gaps = Vec::new();
    let taken = taken(cx).unwrap_or_else(|failure| {
        gaps.push(Gap {
            lack: Lack::Leases,
            need: Need::Command(failure.hint.unwrap_or_else(|| "portward lease repair".into())),
            error: Some(failure.message),
        });
        BTreeSet::new()
    });
    // Each port is proven by holding it, so nothing need be looked at before.
    let ground = portward_store::Ground { rules: &rules, held: &|_| false };
    let mut refusals = None;
    for port in portward_store::free_ports(moment(cx), &taken, &ground).take(MOST) {
        let hold = match cx.machine.hold(port)? {
            Ok(hold) => hold,
            Err(words) => {
                refusals = Some(words);
                continue;
            }
        };
        let mut answer = PortAnswer { port, name: None, asked: None, leased: false, held: None, gaps, not_started: None };
        if !command.is_empty() {
            let Err(error) = cx.machine.become_program(command, &[("PORT", port.to_string())]);
            answer.not_started = Some(format!("{error}."));
        }
        drop(hold);
        return Ok(answer);
    }
    let why = refusals.map_or_else(
        || "no block of ports lies outside the kernel's ephemeral range".to_owned(),
        |words| format!("the last try said: {words}"),
    );
    Err(Failure::system(format!("No free port was found; {why}.")).hint("portward next    looks in every range"))
}

/// First ports of the blocks that projects have.
fn taken(cx: &Context<'_, Acts>) -> Result<BTreeSet<u16>, Failure> {
    let Some(store) = Store::reading(cx)? else { return Ok(BTreeSet::new()) };
    let mut taken = BTreeSet::new();
    for project in store.projects()? {
        taken.extend(store.blocks(project.id)?.iter().map(|block| block.first));
    }
    Ok(taken)
}

/// A number that differs between two calls, so that they begin to look at different places.
fn moment(cx: &Context<'_, Acts>) -> u64 {
    let since = cx.clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
    portward_store::seed([&since.as_nanos().to_le_bytes()[..], &cx.caller.process.pid.to_le_bytes()])
}

/// Ports that are tried.
const MOST: usize = 2000;
/// The exit code when the program could not be started.
const NOT_STARTED: u8 = 125;
