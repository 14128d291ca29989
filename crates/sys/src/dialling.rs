//! One connection of our own: what it says, and what it meets.

use std::time::Duration;

use portward_model::{DialTarget, Exchange, Met, Said};
use serde::{Deserialize, Serialize};

/// One connection to make.
pub struct Dialling<'a> {
    /// Where to.
    pub at: &'a DialTarget,
    /// How long a handshake may take.
    pub patience: Duration,
    /// What to say after connecting; `None` closes at once.
    pub talk: Option<Talk<'a>>,
    /// Called once, while the connect is still pending, when `patience` is over.
    pub pending: &'a mut dyn FnMut(),
    /// Called once after the handshake, while the connection is open and nothing has been said.
    pub connected: &'a mut dyn FnMut(),
}

/// A conversation on one connection.
pub struct Talk<'a> {
    /// Which of the things that a probe says it is.
    pub said: Said,
    /// How long to listen before anything is sent. Where the server speaks in this time, nothing is sent at all and
    /// the exchange is recorded as [`Said::Nothing`].
    pub listen_first: Duration,
    /// The bytes to send; empty to listen only.
    pub bytes: &'a [u8],
    /// Judges what has come so far: true when enough was heard.
    pub enough: &'a mut dyn FnMut(&[u8]) -> bool,
    /// How long to wait for enough.
    pub patience: Duration,
}

/// What a [`Dialling`] met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialled {
    /// What the connect met.
    pub met: Met,
    /// The time until then, in microseconds.
    pub took_us: u64,
    /// What was said, where something was to be said and the connection was made.
    pub exchange: Option<Exchange>,
}
