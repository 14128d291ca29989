//! What a keeper tells of its services; the same is written down, for the keeper after it.

use std::net::SocketAddr;

use portward_model::{Hint, Moment, ProcessId, Sentence};
use serde::{Deserialize, Serialize};

use super::InCompose;

/// A project's services, as their keeper tells of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keeping {
    /// The keeper's process.
    pub keeper: ProcessId,
    /// The services, in the order in which they start.
    pub services: Vec<Kept>,
    /// So many orders have been taken.
    pub orders: u64,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What it is called.
    pub name: String,
    /// How it is.
    pub state: KeptState,
    /// What is to be said of that.
    pub because: Option<Sentence>,
    /// What is to be said of it beside, each with its number; the later ones.
    pub said: Vec<Said>,
    /// The process that was started, while it lives.
    pub process: Option<ProcessId>,
    /// Its supervisor, while that lives.
    pub supervisor: Option<ProcessId>,
    /// The port that its name means, as its program asks for it.
    pub asked: Option<u16>,
    /// Where it serves that.
    pub serves: Option<SocketAddr>,
    /// The same as a URL, where it is known what is spoken there.
    pub url: Option<String>,
    /// What it waits for before it starts.
    pub after: Vec<String>,
    /// How often it was started since it was told to be up.
    pub attempts: u32,
    /// When it is started again, of one that is to be.
    pub again_at: Option<Moment>,
    /// Where its log stood at its last start.
    pub log_from: u64,
    /// Pids of what lives although it was killed.
    pub left: Vec<u32>,
    /// It was killed where it should have ended.
    pub killed: bool,
    /// The last end of its program was not as it should be: a service that is to be looked into.
    pub crashed: u32,
    /// The service of Compose files that it is.
    #[serde(default)]
    pub compose: Option<InCompose>,
    /// Its container could not be taken away.
    #[serde(default)]
    pub remains: bool,
    /// The signal that ended its program last, where one did.
    #[serde(default)]
    pub signal: Option<i32>,
}

/// How a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptState {
    /// What it waits for is not ready.
    Waiting,
    /// It runs, and is not ready.
    Starting,
    /// It is ready.
    Ready,
    /// It did what it was there for, and has ended.
    Done,
    /// It has ended, and is started again in a while.
    Restarting,
    /// It has not become ready in time, or is not started again.
    Failed,
    /// It is being ended.
    Stopping,
    /// It does not run, and is not meant to.
    Stopped,
}

/// Something that is said once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Its number among all that the keeper said of the service.
    pub number: u32,
    /// The sentence.
    pub sentence: Sentence,
    /// What to do about it.
    pub hint: Option<Hint>,
}

impl KeptState {
    /// True where a program of it may run.
    pub fn runs(self) -> bool {
        matches!(self, Self::Starting | Self::Ready | Self::Stopping)
    }

    /// True where nothing more comes by itself: it is ready, or has failed, or is down.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Ready | Self::Done | Self::Failed | Self::Stopped)
    }
}
