//! Connections that were tried: where to, what they met, what was said on them.

use std::{fmt, net::SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Counters;
use crate::{Queue, Socket, Text};

/// One connection that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Where to.
    pub at: DialTarget,
    /// What the connect met.
    pub met: Met,
    /// The time until then, in microseconds.
    pub took_us: u64,
    /// How the counters of the reader's network namespace rose while it was tried; only those that did.
    pub rose: Counters,
    /// The sockets of the port while a connect stayed without an answer.
    pub meanwhile: Vec<Socket>,
    /// The queue of the listener before the connect and after it, where there is a listener.
    pub queue: Option<(Queue, Queue)>,
    /// True when the server's own end of the connection got a holder: the program accepted it. `None` where nobody looked.
    pub accepted: Option<bool>,
    /// What was said after connecting; `None` for a connect that was closed at once.
    pub exchange: Option<Exchange>,
    /// Our own end of it; what the tables hold of this connection is no evidence against the server.
    #[serde(default)]
    pub from: Option<SocketAddr>,
}

/// Where a connection goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialTarget {
    /// An address and port.
    Inet(SocketAddr),
    /// A Unix path, or `@name`.
    Unix(Text),
}

impl fmt::Display for DialTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => address.fmt(f),
            Self::Unix(path) => path.fmt(f),
        }
    }
}

/// What a connect met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Met {
    /// The handshake was completed.
    Connected,
    /// It failed with this error number (`errno(3)`).
    Failed(i32),
    /// No answer in the time that was given.
    Silence,
}

/// What was said on a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// What was sent.
    pub said: Said,
    /// The same in one line: `GET /api/orders`, the protocol of a greeting; `None` where nothing was said.
    #[serde(default)]
    pub line: Option<Text>,
    /// The first bytes that came back, as many as were to be kept; in a recording at most 4096.
    pub heard: Text,
    /// How it ended.
    pub ended: Ended,
    /// The time until the first byte, or until it ended without one, in milliseconds.
    pub first_ms: u64,
}

/// What a probe says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// Nothing: whoever speaks first shows itself.
    Nothing,
    /// One `HEAD` request, RFC 9110 section 9.3.2; a `GET` where the answer's body or its status for `GET` matters.
    Http,
    /// The same request, by the name `localhost` instead of the client's own (RFC 9110 section 7.2).
    HttpByLocalhost,
    /// A request to go on in WebSocket, RFC 6455 section 4.1.
    Upgrade,
    /// One `ClientHello`, RFC 8446 section 4.1.2.
    Tls,
    /// A request behind the header with which a proxy tells whose client it is (the PROXY protocol, version 1).
    Proxied,
    /// The least that the protocol of this service allows (`PING`, an SSL request).
    Greeting,
}

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Enough was heard.
    Enough,
    /// The other side closed (FIN).
    Closed,
    /// The other side reset (RST).
    Reset,
    /// Nothing more came in the time that was given.
    Silence,
}
