//! `portward guard`

mod document;
mod firewall;
mod named;
mod pin;
mod scene;
mod status;

use clap::Args;
use portward_model::Endpoint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Acts, Context, Exit, Failure, Looks, Meant, Noun, Op, Sink,
    named::{Known, Twofold},
};
pub use document::{Done, GuardTable, Guarded, GuardedSocket, OpenConnection, RuleSet, State, TableState};
use named::Named;

/// Close a running server to the network on the spot, without a restart and without root; see what is open, and to whom
///
/// `guard pin` takes a copy of the server's own listening socket and pins it to the loopback device: from then on it answers
/// this machine alone, by `127.0.0.1` and `::1`, and everybody else is refused as where nothing listens. It works for your own
/// programs. It lasts until the program listens anew and cannot be taken back without `CAP_NET_RAW`, of UDP by nobody (a locked
/// filter on the socket); connections from the network that exist stay open and are named.
///
/// What cannot be pinned (another user's server, a port that a container publishes) is told with the reason and the
/// exact rules for the packet filter. As root, `--firewall` loads them into a table of its own, which is gone when the command
/// ends, or with `--persist` stays until `guard open`. No other table is ever touched.
///
/// In a project a bare 3000 is the project's, wherever its session serves it, and localhost:3000 the real one.
///
/// `guard status` names every listening socket of this user (as root: of everybody), whether it is closed, by what, and what
/// would close it. It guards against accidents; other firewalls are not weighed.
#[derive(Args)]
pub struct Guard {}

/// Show what is open to others, and what would close it
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Status {
    /// The endpoints; a bare port is its TCP and its UDP sockets
    #[arg(value_name = "ENDPOINT")]
    pub endpoints: Vec<Endpoint>,
    /// The project whose ports are meant: its name, or its folder; otherwise the one that this is typed in
    #[arg(long, value_name = "PROJECT")]
    pub project: Option<String>,
}

/// Close what serves the endpoints
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The endpoints; a bare port is its TCP and its UDP sockets
    #[arg(value_name = "ENDPOINT", required = true)]
    pub endpoints: Vec<Endpoint>,
    /// The project whose ports are meant: its name, or its folder; otherwise the one that this is typed in
    #[arg(long, value_name = "PROJECT")]
    #[serde(default)]
    pub project: Option<String>,
    /// Close the port at the packet filter instead of pinning sockets, until this command ends; needs root
    #[arg(long)]
    #[serde(default)]
    pub firewall: bool,
    /// With --firewall: until `portward guard open`, or the next start of the machine
    #[arg(long, requires = "firewall")]
    #[serde(default)]
    pub persist: bool,
    /// Say what would be done, and do nothing
    #[arg(long, short = 'n')]
    #[serde(default)]
    pub dry_run: bool,
}

/// Remove the tables that `pin --firewall --persist` made
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// The endpoints; a bare port is its TCP and its UDP sockets
    #[arg(value_name = "ENDPOINT", required = true)]
    pub endpoints: Vec<Endpoint>,
    /// Say what would be done, and do nothing
    #[arg(long, short = 'n')]
    #[serde(default)]
    pub dry_run: bool,
}

/// What was done about open ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// They were looked at.
    #[default]
    Status,
    /// They were closed.
    Pin,
    /// Tables that closed them were removed.
    Open,
}

impl Noun for Guarded {
    fn exit(&self) -> Exit {
        if self.done { Exit::Fine } else { Exit::Found }
    }

    fn each_line(&self, line: &mut dyn FnMut(&dyn crate::ErasedSerialize) -> std::io::Result<()>) -> std::io::Result<()> {
        match self.action {
            Action::Status => self.sockets.iter().try_for_each(|socket| line(&crate::Document::new(socket))),
            Action::Pin | Action::Open => line(&crate::Document::new(self)),
        }
    }
}

impl Op for Status {
    declare! { "guard.status", Read at Machine with Looks, emits Guarded, answers Guarded;
    "portward guard" => "what of mine is open, to whom, and what would close it" }

    fn run(self, cx: &Context<'_>, _: &mut Sink<'_, Guarded>) -> Result<Guarded, Failure> {
        let (named, meant) = named(cx, &self.endpoints, self.project.as_deref(), None)?;
        status::status(cx.machine, &named).map(|guarded| guarded.meant(&meant))
    }
}

impl Op for Pin {
    declare! { "guard.pin", Change at Machine with Acts, emits Guarded, answers Guarded;
    "portward guard pin 3000" => "the server on 3000 answers this machine alone, from now on",
    "portward guard pin 8080 --dry-run" => "whether it can be pinned; otherwise why not, and the firewall rules",
    "sudo portward guard pin 8080 --firewall" => "closed at the packet filter until Ctrl-C",
    "sudo portward guard pin 8080 --firewall --persist" => "and for longer; `portward guard open 8080` ends it" }

    fn run(self, cx: &Context<'_, Acts>, out: &mut Sink<'_, Guarded>) -> Result<Guarded, Failure> {
        let (named, meant) = named(&cx.looks(), &self.endpoints, self.project.as_deref(), Some(cx))?;
        let closed = match (self.firewall, self.persist) {
            (true, persist) => firewall::close(cx, &named, persist, self.dry_run, out),
            (false, true) => Err(Failure::usage("A pin cannot outlast its socket; only --firewall takes --persist.")
                .hint("sudo portward guard pin 3000 --firewall --persist")),
            (false, false) => pin::pin(cx.machine, &named, self.dry_run),
        };
        closed.map(|guarded| guarded.meant(&meant))
    }
}

impl Op for Open {
    declare! { "guard.open", Change at Machine with Acts, emits Guarded, answers Guarded;
    "sudo portward guard open 3000" => "ends what --firewall --persist began" }

    fn run(self, cx: &Context<'_, Acts>, _: &mut Sink<'_, Guarded>) -> Result<Guarded, Failure> {
        // A table is of the port that it was made for: the number is what it says.
        let named: Vec<Named> =
            self.endpoints.iter().map(|endpoint| Named::of(cx.machine, endpoint)).collect::<Result<_, _>>()?;
        firewall::open(cx.machine, &named, self.dry_run)
    }
}

/// What the endpoints mean. Of two things that a bare port means both are looked at; who acts is asked which is meant.
fn named(
    cx: &Context<'_>,
    endpoints: &[Endpoint],
    project: Option<&str>,
    acts: Option<&Context<'_, Acts>>,
) -> Result<(Vec<Named>, Vec<Meant>), Failure> {
    if endpoints.is_empty() && project.is_none() {
        return Ok((Vec::new(), Vec::new()));
    }
    let known = Known::of(cx, project)?;
    let (mut named, mut all) = (Vec::new(), Vec::new());
    for endpoint in endpoints {
        let Some(meant) = known.meant_here(cx, endpoint) else {
            named.push(Named::of(cx.machine, endpoint)?);
            continue;
        };
        let is_projects = match acts {
            Some(cx) => Twofold { command: "portward guard pin", done: "closed", meant: &meant }.is_projects(cx)?,
            None => true,
        };
        if is_projects {
            named.push(Named::of(cx.machine, &meant.endpoint())?);
            all.push(meant.clone());
        }
        if !is_projects || (acts.is_none() && meant.stranger.is_some()) {
            named.push(Named::of(cx.machine, endpoint)?);
        }
    }
    Ok((named, all))
}
