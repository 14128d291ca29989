//! What is told of services.

use portward_keeper::{Kept, KeptState, Log};
use portward_model::{Hint, Moment, Sentence, Text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Exit, Noun, document::Gap};

/// Services, as they are now.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Services {
    /// Each of them.
    pub services: Vec<Service>,
    /// Words that no service goes by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// Ports that something serves although what had them is down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<u16>,
    /// True where they are to be down and nothing of them is left: no process, and no port.
    #[serde(default)]
    pub down: bool,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// A service.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Service {
    /// What it is called.
    pub name: String,
    /// How it is.
    pub state: State,
    /// The process that was started, while it lives.
    pub pid: Option<u32>,
    /// The port that its program asks for.
    pub asked: Option<u16>,
    /// Where a client dials.
    pub serves: Option<String>,
    /// The same as a URL, where it is known what is spoken there.
    pub url: Option<String>,
    /// What is to be said of its state.
    pub because: Option<Sentence>,
    /// How often it was started since it was told to be up.
    pub attempts: u32,
    /// In how long it is started again, of one that is to be.
    pub restarts_in_ms: Option<u64>,
    /// Of one that has failed: the last lines that it wrote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Text>,
    /// Of one that has failed: the cause, where the doctor knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Sentence>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Hint>,
    /// Pids of what lives although it was killed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<u32>,
    /// It did not end by itself when it was asked to.
    #[serde(default)]
    pub killed: bool,
    /// Its container could not be taken away.
    #[serde(default)]
    pub remains: bool,
    /// The signal that ended its program last.
    #[serde(skip)]
    pub(super) signal: Option<i32>,
}

/// How a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is not ready yet, or waits for another one.
    Starting,
    /// It is ready, or did what it was there for.
    Ready,
    /// It has ended by accident, and is started again in a while.
    Restarting,
    /// It has not become ready in time, or is not started again.
    Failed,
    /// It is being ended.
    Stopping,
    /// It does not run.
    Stopped,
}

/// Something that happens while services run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Told {
    /// The service; empty where all are meant.
    pub service: String,
    /// A line that it wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<Text>,
    /// How it is now, where that has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Service>,
    /// What Portward says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<Sentence>,
    /// What to do about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Hint>,
    /// Its place among the services that are shown.
    pub place: usize,
    /// Letters of the longest name among them.
    pub column: usize,
}

/// A line that a service wrote.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ServiceLine {
    /// The service.
    pub service: String,
    /// The line.
    pub line: Text,
    /// Its place among the services that are shown.
    pub place: usize,
    /// Letters of the longest name among them.
    pub column: usize,
}

impl Noun for Services {
    fn exit(&self) -> Exit {
        let wrong = |service: &Service| service.state == State::Failed || !service.left.is_empty() || service.remains;
        if self.services.iter().any(wrong) || !self.unknown.is_empty() || !self.held.is_empty() {
            Exit::Found
        } else {
            Exit::Fine
        }
    }
}

impl Noun for Told {}

impl Noun for ServiceLine {}

impl Service {
    /// How a service is at this moment.
    pub(crate) fn of(kept: &Kept, now: Moment) -> Self {
        let state = match kept.state {
            KeptState::Waiting | KeptState::Starting => State::Starting,
            KeptState::Ready | KeptState::Done => State::Ready,
            KeptState::Restarting => State::Restarting,
            KeptState::Failed => State::Failed,
            KeptState::Stopping => State::Stopping,
            KeptState::Stopped => State::Stopped,
        };
        let because = match kept.state {
            KeptState::Waiting if kept.because.is_none() => Some(format!("It waits for {}.", kept.after.join(", ")).into()),
            KeptState::Done => Some("It has done what it was there for.".into()),
            _ => kept.because.clone(),
        };
        Self {
            name: kept.name.clone(),
            state,
            pid: kept.process.map(|process| process.pid),
            asked: kept.asked,
            serves: kept.serves.map(|serves| serves.to_string()),
            url: kept.url.clone(),
            because,
            attempts: kept.attempts,
            restarts_in_ms: kept.again_at.map(|at| u64::try_from(at.0.saturating_sub(now.0)).unwrap_or(0)),
            lines: Vec::new(),
            cause: None,
            hint: None,
            left: kept.left.clone(),
            killed: kept.killed,
            remains: kept.remains,
            signal: kept.signal,
        }
    }

    /// A container that was found without a keeper, and was taken away, or could not be.
    pub(crate) fn taken_away(name: String, because: Option<Sentence>) -> Self {
        Self {
            name,
            state: State::Stopped,
            pid: None,
            asked: None,
            serves: None,
            url: None,
            attempts: 0,
            restarts_in_ms: None,
            lines: Vec::new(),
            cause: None,
            hint: None,
            left: Vec::new(),
            killed: false,
            remains: because.is_some(),
            because,
            signal: None,
        }
    }

    /// The same with the last lines that it wrote since its last start.
    pub(super) fn with_lines(mut self, log: &Log, kept: &Kept) -> Self {
        self.lines = log.last(LINES, Some(kept.log_from)).iter().map(portward_keeper::plain_line).collect();
        self
    }
}

/// Lines of a service that has failed, in which its cause is looked for.
const LINES: usize = 80;
