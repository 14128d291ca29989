//! Forwards and their connections as documents.

use portward_keeper::{Forward, ForwardJob, HowEnded, PassEnd, PassEvent, Spot};
use portward_model::{Sentence, Transport};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Notes;
use crate::{
    Noun,
    document::{Gap, When},
};

/// A forward.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ForwardRow {
    /// Where it listens, the first of its addresses: `127.0.0.1:8080`, `unix:/run/x.sock`.
    pub at: String,
    /// Every place where it listens.
    pub listens: Vec<String>,
    /// What it forwards to, as it was asked for.
    pub target: String,
    /// Where that is dialled, the first choice first.
    pub dials: Vec<String>,
    /// What it passes on.
    pub transport: Transport,
    /// Its process.
    pub pid: u32,
    /// When it began, RFC 3339.
    pub began_at: When,
    /// True for one that was left to a process of its own.
    pub detached: bool,
    /// The user whose processes may connect; `null` for every user's.
    pub only_uid: Option<u32>,
    /// Connections that are open, of UDP the clients; `null` where it does not answer, as one that is stopped.
    pub connections: Option<u64>,
    /// Connections there were.
    pub total: u64,
    /// Bytes passed on to the target by those that have ended.
    pub sent_bytes: u64,
    /// Bytes passed back by those that have ended.
    pub received_bytes: u64,
}

impl ForwardRow {
    pub(super) fn of(forward: &Forward) -> Self {
        let job = &forward.job;
        let listens: Vec<String> = job.at.iter().map(ToString::to_string).collect();
        Self {
            at: listens.first().cloned().unwrap_or_default(),
            listens,
            target: job.target.clone(),
            dials: job.targets.iter().map(ToString::to_string).collect(),
            transport: job.transport,
            pid: forward.process.pid,
            began_at: When(forward.began_at),
            detached: forward.apart,
            only_uid: job.only,
            connections: forward.connections,
            total: forward.total,
            sent_bytes: forward.sent,
            received_bytes: forward.received,
        }
    }
}

/// True for a forward that a word means: where it listens, what it forwards to, or its pid.
pub(super) fn is_called(forward: &Forward, word: &str) -> bool {
    let word = word.strip_prefix("udp/").or(word.strip_prefix("tcp/")).unwrap_or(word);
    let number = word.strip_prefix("localhost:").unwrap_or(word).parse::<u32>().ok();
    let at = |spot: &Spot| match spot {
        Spot::Inet(address) => address.to_string() == word || number == Some(u32::from(address.port())),
        Spot::Unix(path) => path.shown() == word || spot.to_string() == word,
    };
    forward.job.at.iter().any(at)
        || forward.job.target == word
        || number == Some(forward.process.pid)
        || word.strip_prefix("pid:").and_then(|pid| pid.parse().ok()) == Some(forward.process.pid)
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForwardHappened {
    /// It listens.
    Listening,
    /// A client has come.
    Opened,
    /// It has ended, or was not passed on.
    Closed,
    /// A client of another user was turned away.
    TurnedAway,
    /// Clients are turned away, as this process may have no more descriptors.
    NoRoom,
    /// Lines were left out, which came faster than they were read.
    LeftOut,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForwardEnd {
    /// Both sides had sent their ends.
    Whole,
    /// The client was gone before that: it was reset, or closed for good.
    ClientGone,
    /// The target was.
    TargetGone,
    /// The target refused.
    Refused,
    /// The target did not answer in time.
    Silent,
    /// It was cut off by the end of the forward.
    Cut,
    /// Nothing was sent for a client of datagrams for some time.
    Idle,
    /// A client of datagrams made room for another one.
    Crowded,
}

/// One line of a forward.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ForwardLine {
    /// What happened.
    pub kind: ForwardHappened,
    /// When, RFC 3339.
    pub at: When,
    /// Where it listens, when it begins to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listens: Vec<String>,
    /// What it forwards to, when it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The process that forwards, when it begins; of a Unix client its process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// What is to be known of it, when it begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Notes,
    /// The connection, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Where its client is; none for a Unix client without a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Bytes that the target took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_bytes: Option<u64>,
    /// Bytes that the client took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_bytes: Option<u64>,
    /// How long it was there, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasted_ms: Option<u64>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<ForwardEnd>,
    /// Why it was not passed on, or how many there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<Sentence>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Noun for ForwardLine {}

impl ForwardLine {
    fn new(kind: ForwardHappened, at: When) -> Self {
        Self {
            kind,
            at,
            listens: Vec::new(),
            target: None,
            pid: None,
            notes: Vec::new(),
            number: None,
            client: None,
            sent_bytes: None,
            received_bytes: None,
            lasted_ms: None,
            how: None,
            because: None,
            gaps: Vec::new(),
        }
    }

    pub(super) fn listening(at: When, job: &ForwardJob) -> Self {
        Self {
            listens: job.at.iter().map(ToString::to_string).collect(),
            target: Some(job.target.clone()),
            ..Self::new(ForwardHappened::Listening, at)
        }
    }

    pub(super) fn left_out(at: When, number: u64) -> Self {
        let because = Some(format!("{number} lines were left out, which came faster than they were read.").into());
        Self { because, ..Self::new(ForwardHappened::LeftOut, at) }
    }

    /// The line of an event; `because` says why a target was not reached.
    pub(super) fn of(at: When, event: PassEvent, because: &mut dyn FnMut(HowEnded) -> Sentence) -> Self {
        match event {
            PassEvent::Opened { number, client, pid } => Self {
                number: Some(number + 1),
                client: client.map(|client| client.to_string()),
                pid,
                ..Self::new(ForwardHappened::Opened, at)
            },
            PassEvent::Ended { number, sent, received, lasted, how } => Self {
                number: Some(number + 1),
                sent_bytes: Some(sent),
                received_bytes: Some(received),
                lasted_ms: Some(u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX)),
                how: Some(end(how)),
                because: match how {
                    PassEnd::Connection(how) if is_failure(how) => Some(because(how)),
                    PassEnd::Connection(_) | PassEnd::Idle | PassEnd::Crowded => None,
                },
                ..Self::new(ForwardHappened::Closed, at)
            },
            PassEvent::NotAdmitted { uid, client } => Self {
                client: client.map(|client| client.to_string()),
                because: Some(match uid {
                    Some(uid) => format!("It belongs to user {uid}, and --allow-uid names another one.").into(),
                    None => "Whose it is cannot be seen from here, and --allow-uid names one user.".into(),
                }),
                ..Self::new(ForwardHappened::TurnedAway, at)
            },
            PassEvent::NoRoom { open } => Self {
                because: Some(
                    format!(
                        "With {open} connections this process has as many descriptors as it may have (ulimit -n); clients are turned \
                         away until some end."
                    )
                    .into(),
                ),
                ..Self::new(ForwardHappened::NoRoom, at)
            },
        }
    }
}

/// True where a target was not reached.
pub(super) fn is_failure(how: HowEnded) -> bool {
    matches!(how, HowEnded::Refused(_) | HowEnded::Silent)
}

fn end(how: PassEnd) -> ForwardEnd {
    match how {
        PassEnd::Idle => ForwardEnd::Idle,
        PassEnd::Crowded => ForwardEnd::Crowded,
        PassEnd::Connection(HowEnded::Whole) => ForwardEnd::Whole,
        PassEnd::Connection(HowEnded::ClientGone) => ForwardEnd::ClientGone,
        PassEnd::Connection(HowEnded::ServerGone) => ForwardEnd::TargetGone,
        PassEnd::Connection(HowEnded::Refused(_)) => ForwardEnd::Refused,
        PassEnd::Connection(HowEnded::Silent) => ForwardEnd::Silent,
        PassEnd::Connection(HowEnded::Cut) => ForwardEnd::Cut,
    }
}
