//! What could not be seen, and what would reveal it.

use serde::{Deserialize, Serialize};

/// A value, or the reason why there is none.
///
/// Portward never prints a guess as a fact: where a fact is out of reach this says so, and [`Need`] says
/// what would bring it into reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen<T> {
    /// The value was read.
    Known(T),
    /// The value exists, and the reader may not see it.
    Hidden(Need),
    /// The thing vanished while it was read.
    Gone,
    /// This kernel or system has no such fact.
    Unsupported,
}

impl<T> Seen<T> {
    /// The value, if it was read.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Hidden(_) | Self::Gone | Self::Unsupported => None,
        }
    }

    /// The same reason, or the value changed by `f`.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Seen<U> {
        match self {
            Self::Known(value) => Seen::Known(f(value)),
            Self::Hidden(need) => Seen::Hidden(need),
            Self::Gone => Seen::Gone,
            Self::Unsupported => Seen::Unsupported,
        }
    }
}

/// What would reveal a hidden fact.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Run as root.
    Root,
    /// Hold this capability (`capabilities(7)`), for example `CAP_SYS_PTRACE`.
    Capability(String),
    /// Change this setting or mount, for example `/proc mounted without hidepid`.
    Setting(String),
    /// Ask again with this command.
    Command(String),
    /// Nothing on this system can reveal it.
    Platform,
}

impl Need {
    /// The need as a short phrase, such as `root` or `CAP_SYS_PTRACE`.
    pub fn phrase(&self) -> String {
        match self {
            Self::Root => "root".to_owned(),
            Self::Capability(name) => name.clone(),
            Self::Setting(setting) => setting.clone(),
            Self::Command(command) => command.clone(),
            Self::Platform => "another system".to_owned(),
        }
    }
}

/// One thing that a reading could not see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// What is missing, with its number: `owners of 12 sockets`.
    pub what: String,
    /// What would reveal it.
    pub need: Need,
    /// What its absence does to the answer: `their processes are not named`.
    pub effect: String,
}
