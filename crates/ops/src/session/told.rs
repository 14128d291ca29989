//! What a session tells: its documents and how they end.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Exit, Noun, document::GapDocument};

/// What a session tells: a listener, a call that was refused, a port that was not taken; at its end how the program ended.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Ran {
    /// A socket that began to listen.
    pub listener: Option<Listening>,
    /// A call that was refused, in a sentence.
    pub refused: Option<String>,
    /// With --port-only: a listener that is not where the program was told, in a sentence.
    pub elsewhere: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The exit code of the program; `null` while it runs, and where a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What could not be seen.
    pub gaps: Vec<GapDocument>,
}

/// A socket that began to listen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listening {
    /// The service, or the program's name.
    pub service: String,
    /// What was asked for, such as `0.0.0.0:3000`; `null` where it listened without a bind, and where calls are not touched.
    pub asked: Option<String>,
    /// Where a client dials.
    pub serves: String,
    /// The same as a URL.
    pub url: String,
    /// The process.
    pub pid: u32,
    /// True when only this machine can reach it.
    pub pinned: bool,
}

impl Noun for Ran {
    fn exit(&self) -> Exit {
        match (self.code, self.signal) {
            (_, Some(signal)) => Exit::Killed(signal),
            (Some(code), None) => Exit::Program(u8::try_from(code & 0xFF).unwrap_or(u8::MAX)),
            (None, None) => Exit::Fine,
        }
    }
}
