//! What machines read: the JSON documents of `CONTRACT`, built one at a time from compact facts.

mod json;
mod listing;
mod owner;
mod refusal;
mod socket;
mod when;

use portward_model::{Finding, Need, Sentence, ShellLine, Signal, SocketState, SupervisorKind, Text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use json::write_json;
pub use listing::{Exposure, Group, Listing, RowDocument};
pub use owner::{OwnerDocument, ProcessDocument};
pub use portward_model::Gap;
pub use refusal::{Refusal, Refused};
pub(crate) use socket::absence_of_owners;
pub use socket::{End, Netns, SocketDocument};
pub(crate) use socket::{device, leads};
pub use when::When;
pub(crate) use when::rfc3339;

/// Any answer as a document: its own fields after `schema_version`.
#[derive(Serialize)]
pub struct Document<'a, T: Serialize> {
    schema_version: u8,
    #[serde(flatten)]
    body: &'a T,
}

impl<'a, T: Serialize> Document<'a, T> {
    /// Wraps an answer.
    pub fn new(body: &'a T) -> Self {
        Self { schema_version: 1, body }
    }
}

/// Why a value is `null`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Absence {
    /// `hidden`, `gone`, `unsupported` or `none`.
    pub reason: AbsenceReason,
    /// What would reveal it; `null` when nothing would.
    pub need: Option<String>,
    /// The same as a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<Need>,
    /// The reason in words.
    pub text: Sentence,
}

/// The kinds of absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AbsenceReason {
    /// It exists, and this reader may not see it.
    Hidden,
    /// It vanished while it was read.
    Gone,
    /// This kernel does not tell.
    Unsupported,
    /// There is none.
    None,
}

impl Absence {
    pub(crate) fn hidden(need: &Need, text: impl Into<Sentence>) -> Self {
        Self { reason: AbsenceReason::Hidden, need: Some(need.phrase()), needs: Some(need.clone()), text: text.into() }
    }

    pub(crate) fn none(text: impl Into<Sentence>) -> Self {
        Self { reason: AbsenceReason::None, need: None, needs: None, text: text.into() }
    }

    /// The absence of a value that was not seen; `None` when it was.
    pub(crate) fn of<T>(seen: &portward_model::Seen<T>, what: &str) -> Option<Self> {
        use portward_model::Seen;
        match seen {
            Seen::Known(_) => None,
            Seen::Hidden(need) => {
                Some(Self::hidden(need, format!("{what} of another user's process is not shown without {}", need.phrase())))
            }
            Seen::Gone => Some(Self { reason: AbsenceReason::Gone, ..Self::none(format!("{what} vanished while it was read")) }),
            Seen::Unsupported => {
                Some(Self { reason: AbsenceReason::Unsupported, ..Self::none(format!("this kernel does not tell {what}")) })
            }
        }
    }
}

/// A port, classified.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Port {
    /// The number; `null` for a Unix socket.
    pub number: Option<u16>,
    /// Its range by RFC 6335.
    pub class: Option<portward_model::PortClass>,
    /// True when an outgoing connection may take it any time; `null` when the kernel's range could not be read.
    pub ephemeral: Option<bool>,
    /// True when the administrator reserves it.
    pub reserved: Option<bool>,
    /// True when a bind needs a privilege.
    pub privileged: Option<bool>,
    /// True when browsers refuse it.
    pub blocked_by_browsers: bool,
    /// Its usual service.
    pub service: Option<String>,
    /// All of it in sentences.
    pub text: Vec<String>,
}

/// Whether a bind would succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bind {
    /// True when it would; `null` when it cannot be told.
    pub possible: Option<bool>,
    /// `rules` when reasoned from the kernel's rules, `tried` when a throw-away socket was bound too.
    pub proof: Proof,
    /// What stands in the way.
    pub because: Vec<Finding>,
}

/// How it is known whether a bind would succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// By the kernel's rules.
    Rules,
    /// By a throw-away socket.
    Tried,
}

/// A client that is connected now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Client {
    /// Its address; `null` for a Unix socket.
    pub address: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// Its pid, when it is on this machine and may be seen.
    pub pid: Option<u32>,
    /// Its name.
    pub name: Option<String>,
    /// The state of the connection as the server sees it.
    pub state: SocketState,
}

/// A listener near what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Nearby {
    /// Its endpoint.
    pub endpoint: String,
    /// Its owner, when known.
    pub owner: Option<String>,
    /// How it is near: same port elsewhere, or a similar number.
    pub how: String,
}

/// One step of how data gets there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// What happens.
    pub text: String,
    /// What is true of it on this machine now.
    pub now: String,
    /// True when the step is or would be possible now; `null` when it cannot be told.
    pub holds: Option<bool>,
}

/// A process that was ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Freed {
    /// Its pid.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// The signal that it was, or would be, sent.
    pub signal: Signal,
}

/// What would bring a process back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Supervised {
    /// What kind of supervisor it is.
    pub kind: SupervisorKind,
    /// Its name.
    pub name: Text,
    /// True when it is known to start the process again.
    pub restarts: bool,
    /// The command that stops the process for good.
    pub stop: Option<ShellLine>,
}

impl From<&portward_model::Supervisor> for Supervised {
    fn from(supervisor: &portward_model::Supervisor) -> Self {
        Self {
            kind: supervisor.kind,
            name: supervisor.name.clone(),
            restarts: supervisor.restarts,
            stop: supervisor.stop.clone(),
        }
    }
}
