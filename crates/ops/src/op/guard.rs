//! `portward guard`

mod document;
mod firewall;
mod named;
mod pin;
mod scene;
mod status;

use clap::{Args, ValueEnum};
use portward_model::Endpoint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Cx, Effect, Exit, Failure, Noun, Op, Sink, Where};
pub use document::{Done, GuardTable, Guarded, GuardedSocket, OpenConnection, RuleSet, State, TableState};
use named::Named;

/// Close a running server to the network on the spot, without a restart and without root; see what is open, and to whom
///
/// `guard pin` takes a copy of the server's own listening socket and pins it to the loopback device: from then on it answers
/// this machine alone, by `127.0.0.1` and `::1`, and everybody else is refused as where nothing listens. It works for your own
/// programs. It lasts until the program listens anew and cannot be taken back without `CAP_NET_RAW`; connections from the
/// network that exist stay open and are named.
///
/// What cannot be pinned (another user's server, a port that a container publishes) is told with the reason and the
/// exact rules for the packet filter. As root, `--firewall` loads them into a table of its own, which is gone when the command
/// ends, or with `--persist` stays until `guard open`. No other table is ever touched.
///
/// `guard status` names every listening socket of this user (as root: of everybody), whether it is closed, by what, and what
/// would close it. It guards against accidents; other firewalls are not weighed.
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// What to do
    #[arg(value_name = "ACTION", value_enum, default_value = "status")]
    #[serde(default)]
    pub action: Action,
    /// The endpoints; a bare port is its TCP and its UDP sockets
    #[arg(value_name = "ENDPOINT")]
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// Close the port at the packet filter instead of pinning sockets, until this command ends; needs root
    #[arg(long)]
    #[serde(default)]
    pub firewall: bool,
    /// With --firewall: until `portward guard open`, or the next start of the machine
    #[arg(long)]
    #[serde(default)]
    pub persist: bool,
    /// Say what would be done, and do nothing
    #[arg(long, short = 'n')]
    #[serde(default)]
    pub dry_run: bool,
}

/// What to do about open ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Show what is open to others, and what would close it
    #[default]
    Status,
    /// Close what serves the endpoints
    Pin,
    /// Remove the tables that `pin --firewall --persist` made
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

impl Op for Guard {
    const NAME: &'static str = "guard";
    const EFFECT: Effect = Effect::Change;
    const WHERE: Where = Where::Live;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("portward guard", "what of mine is open, to whom, and what would close it"),
        ("portward guard pin 3000", "the server on 3000 answers this machine alone, from now on"),
        ("portward guard pin 8080 --dry-run", "whether it can be pinned; otherwise why not, and the firewall rules"),
        ("sudo portward guard pin 8080 --firewall", "closed at the packet filter until Ctrl-C"),
        ("sudo portward guard pin 8080 --firewall --persist", "and for longer; `portward guard open 8080` ends it"),
    ];
    type Item = Guarded;
    type Output = Guarded;

    async fn run(self, cx: &Cx<'_>, out: &mut Sink<'_, Guarded>) -> Result<Guarded, Failure> {
        self.fits()?;
        let named: Vec<Named> = self.endpoints.iter().map(|endpoint| Named::of(cx.host, endpoint)).collect::<Result<_, _>>()?;
        match self.action {
            Action::Status => status::status(cx.host, &named),
            Action::Pin if self.firewall => firewall::close(cx.host, &named, self.persist, self.dry_run, out),
            Action::Pin => pin::pin(cx.host, &named, self.dry_run),
            Action::Open => firewall::open(cx.host, &named, self.dry_run),
        }
    }
}

impl Guard {
    /// Refuses words that mean nothing together.
    fn fits(&self) -> Result<(), Failure> {
        let (action, needs) = match self.action {
            Action::Status => ("status", false),
            Action::Pin => ("pin", true),
            Action::Open => ("open", true),
        };
        if needs && self.endpoints.is_empty() {
            return Err(
                Failure::usage(format!("No endpoint was named to {action}.")).hint(format!("portward guard {action} 3000"))
            );
        }
        if self.firewall && self.action != Action::Pin {
            return Err(Failure::usage("--firewall goes with `guard pin` alone.").hint("portward guard pin 3000 --firewall"));
        }
        if self.persist && !self.firewall {
            return Err(Failure::usage("--persist goes with `guard pin --firewall` alone: a pin cannot outlast its socket.")
                .hint("sudo portward guard pin 3000 --firewall --persist"));
        }
        if self.dry_run && self.action == Action::Status {
            return Err(Failure::usage("--dry-run goes with what changes something; `guard status` only looks.")
                .hint("portward guard status"));
        }
        Ok(())
    }
}
