//! What reasoning concludes: causes, their evidence and their fixes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Text;

/// What an operation does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Only looks.
    Read,
    /// Changes something that can be changed back.
    Change,
    /// Ends or removes something.
    Destroy,
}

/// How sure a cause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Likelihood {
    /// The kernel's own facts leave no other explanation.
    Certain,
    /// The facts point here, and something could not be seen.
    Likely,
    /// It would explain what is seen, as would other things.
    Possible,
}

/// One fact, and where it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Where it was read: `sock_diag`, `/proc/sys/net/ipv4/ip_local_port_range`, `bind(2)`.
    pub source: String,
    /// What was read there.
    pub fact: String,
}

impl Evidence {
    /// A fact and its source.
    pub fn new(source: impl Into<String>, fact: impl Into<String>) -> Self {
        Self { source: source.into(), fact: fact.into() }
    }
}

/// A repair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fix {
    /// What it does, in words.
    pub title: String,
    /// The exact command.
    pub command: String,
    /// What it does to the world.
    pub effect: Effect,
    /// The line of a file to change, where the project's files prove that it is the one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<Edit>,
}

/// A line of a file, and what should stand there. It is written only where the line is still what was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Edit {
    /// The file.
    pub file: Text,
    /// Its line, from 1.
    pub line: u32,
    /// What stands there now: the whole line, without its end.
    pub now: Text,
    /// The lines to write instead, without their ends.
    pub then: Vec<Text>,
    /// What to run afterwards, so that a running program reads the file again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl Fix {
    /// A repair that is one command.
    pub fn new(title: impl Into<String>, command: impl Into<String>, effect: Effect) -> Self {
        Self { title: title.into(), command: command.into(), effect, edit: None }
    }
}

/// A finding that answers "why does this endpoint fail".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// Stable slug that reads as what was found: `port-held-by-process`.
    pub code: String,
    /// How sure it is.
    pub likelihood: Likelihood,
    /// One sentence.
    pub summary: String,
    /// The facts that prove it.
    pub evidence: Vec<Evidence>,
    /// What repairs it.
    pub fixes: Vec<Fix>,
}

/// A group of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// The user that runs it.
    SameUser,
    /// Every other user of this machine.
    OtherUser,
    /// Containers on this machine.
    Container,
    /// Machines on the local network.
    Lan,
    /// Machines on a private overlay network.
    Vpn,
    /// Anyone, by a public address of this machine.
    Internet,
    /// A page open in this machine's browser.
    WebPage,
}

/// Who can reach an endpoint, and the fact that makes it so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reach {
    /// The clients.
    pub who: Who,
    /// The interface and address, or the rule, that lets them in.
    pub because: String,
}
