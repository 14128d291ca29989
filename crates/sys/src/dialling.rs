//! One connection of our own: what it says, and what it meets.

use std::{net::SocketAddr, path::Path, time::Duration};

use portward_model::{DialTarget, Exchange, Met, Said, Text};
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
    /// Asked now and then while it waits: false when nobody wants the answer any more, and then it is as if the time were over.
    pub wanted: &'a dyn Fn() -> bool,
}

/// A conversation on one connection.
pub struct Talk<'a> {
    /// Which of the things that a probe says it is.
    pub said: Said,
    /// How long to listen before anything is sent. Where the server speaks in this time, nothing is sent at all and
    /// the exchange is recorded as [`Said::Nothing`]; `None` speaks whoever has spoken, as a client of HTTP/2 must, whose server
    /// begins at once and waits all the same.
    pub listen_first: Option<Duration>,
    /// The bytes to send; empty to listen only.
    pub bytes: &'a [u8],
    /// Judges what has come so far: true when enough was heard.
    pub enough: &'a mut dyn FnMut(&[u8]) -> bool,
    /// How long to wait for enough.
    pub patience: Duration,
    /// As many bytes as are kept of what comes.
    pub most: usize,
    /// How long an answer that goes on is read on when enough was heard: who is cut off complains of it.
    pub farewell: Duration,
    /// The TLS that it is spoken in; `None` for none.
    pub tls: Option<Tls<'a>>,
}

impl Talk<'_> {
    /// Bytes that tell who speaks; a reading of a machine keeps no more of an answer.
    pub const FEW: usize = 4096;
    /// A farewell that costs nobody anything.
    pub const SHORT: Duration = Duration::from_millis(20);
}

/// How a conversation is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tls<'a> {
    /// The name or address that the server must prove to be.
    pub name: &'a str,
    /// What may be spoken inside, the first choice first (ALPN, RFC 7301); empty to say nothing of it.
    pub protocols: &'a [&'a [u8]],
    /// Whose word is believed.
    pub trust: Trust<'a>,
}

/// Whose word on a server's name is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust<'a> {
    /// Those that the machine trusts (`SSL_CERT_FILE`, `SSL_CERT_DIR`, or the system's own bundle), and those of a file that a
    /// person named. A certificate that stands in that file itself vouches for its own server.
    Roots(Option<&'a Path>),
    /// Everybody's: the server proves nothing.
    Anybody,
}

/// How far TLS came on a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Secured {
    /// It is spoken, with this inside where that was agreed.
    Spoken(Option<Text>),
    /// The other side left, or said nothing more, before it was.
    Unfinished,
    /// It cannot be had.
    Failed(TlsFault),
}

/// Why TLS cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsFault {
    /// What answers speaks no TLS.
    NotTls,
    /// The server refuses with an alert of this number (RFC 8446 section 6).
    Alert(u8),
    /// Nobody who is believed has signed the certificate.
    UnknownIssuer,
    /// Nobody is believed: this machine has no bundle of certificates.
    NoRoots,
    /// The certificate is for other names.
    OtherName(Vec<Text>),
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// Anything else that is wrong with it, or with what is spoken, in the library's words.
    Other(Text),
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
    /// How far TLS came, where it was to be spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secured: Option<Secured>,
    /// Our own end of it, where it was made over the network.
    #[serde(default)]
    pub from: Option<SocketAddr>,
}
