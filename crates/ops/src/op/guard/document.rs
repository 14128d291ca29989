//! What the guard answers.

use portward_checks::guard::Why;
use portward_model::{Reach, Sentence, ShellLine, Text, Transport};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Action;
use crate::{Meant, View, document::Gap};

/// What is closed, what is open, and what was done about it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Guarded {
    /// What was asked for.
    pub action: Action,
    /// True when nothing that it is about is open; of `open`, when every table is gone; of a dry run, when that would be so.
    pub done: bool,
    /// True when nothing was to be changed.
    pub dry_run: bool,
    /// The sockets that it is about, as they are now.
    pub sockets: Vec<GuardedSocket>,
    /// Endpoints at which nothing listens here.
    pub silent: Vec<String>,
    /// Connections from the network that stay open.
    pub connections: Vec<OpenConnection>,
    /// Rules for the packet filter: those that were loaded, or would close what cannot be pinned.
    pub rules: Vec<RuleSet>,
    /// The guard's own tables in the packet filter.
    pub tables: Vec<GuardTable>,
    /// What is true of it, and how far it goes, in sentences.
    pub limits: Vec<Sentence>,
    /// Where bare numbers meant a project's own ports: which.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub meant: Vec<Meant>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Guarded {
    /// The same, with what bare numbers meant.
    pub(super) fn meant(self, meant: &[Meant]) -> Self {
        Self { meant: meant.to_vec(), ..self }
    }
}

/// A socket that the network may reach, or may not.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct GuardedSocket {
    /// Its address and port.
    pub endpoint: String,
    /// TCP or UDP.
    pub transport: Transport,
    /// Its port.
    pub port: u16,
    /// The process to name first; `null` where none can be named.
    pub pid: Option<u32>,
    /// Its name.
    pub name: Option<String>,
    /// The user that opened it.
    pub user: Text,
    /// How it stands.
    pub state: State,
    /// What was done about it; `null` where nothing was.
    pub did: Option<Done>,
    /// Why it cannot be pinned: a slug.
    pub code: Option<String>,
    /// The same in words.
    pub because: Option<Sentence>,
    /// The same as a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// Other machines and containers that can reach it; a firewall other than the guard's may still stop them.
    pub reach: Vec<Reach>,
    /// The command that would close it; `null` where it is closed.
    pub close: Option<ShellLine>,
    /// The kernel's number for it.
    pub cookie: u64,
}

impl Guarded {
    /// Notes what a look did not see, each once.
    pub(super) fn note(&mut self, view: &View) {
        let fresh: Vec<Gap> = view.snapshot.gaps.iter().filter(|gap| !self.gaps.contains(gap)).cloned().collect();
        self.gaps.extend(fresh);
    }
}

impl GuardedSocket {
    /// Notes why it cannot be pinned.
    pub(super) fn refuse(&mut self, why: Why) {
        self.code = Some(why.code().to_owned());
        self.because = Some(why.words());
        self.why = Some(why);
    }
}

/// How a socket stands towards the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Closed: it is bound to a loopback address.
    Loopback,
    /// Closed: it is pinned to the loopback device.
    Pinned,
    /// Closed by a table of the guard's.
    Firewall,
    /// Open, as far as addresses and the guard's tables say.
    Open,
}

/// What was done about a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// It was pinned just now.
    Pinned,
    /// It was pinned already.
    AlreadyPinned,
    /// A dry run would pin it.
    WouldPin,
    /// It cannot be pinned.
    Refused,
}

/// A connection from the network to a port that was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenConnection {
    /// The other end.
    pub peer: String,
    /// This end.
    pub local: String,
    /// The process that has it; `null` where none can be named.
    pub pid: Option<u32>,
    /// Its name.
    pub name: Option<String>,
}

/// Rules for the packet filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleSet {
    /// The endpoints that they close.
    pub endpoints: Vec<String>,
    /// A text to paste into a shell.
    pub paste: String,
    /// The commands that take it back.
    pub remove: Vec<ShellLine>,
}

/// A table of the guard's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuardTable {
    /// The endpoint that it closes.
    pub endpoint: String,
    /// Its name, of the family `inet`.
    pub table: String,
    /// How it stands.
    pub state: TableState,
}

/// How a table stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TableState {
    /// It ends with the command that holds it.
    Held,
    /// It stays until it is removed, or the machine starts anew.
    Lasting,
    /// A dry run would load it.
    WouldLoad,
    /// A dry run would remove it.
    WouldRemove,
    /// It was removed.
    Removed,
    /// There is none.
    Absent,
}
