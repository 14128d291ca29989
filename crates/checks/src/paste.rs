//! What a pasted text says went wrong: the errors of the usual programs, read into one form.
//!
//! A person pastes a message, a stack trace or a whole log. [`read_paste`] finds the lines that report a network error,
//! gathers what they say (host, port, path, call, error number), and picks the one that explains the rest. It
//! knows texts only: whether a text is true of this machine is for others to find out.

mod again;
mod aim;
mod brokers;
mod browsers;
mod common;
#[cfg(test)]
mod corpus_tests;
mod curl;
mod daemons;
mod databases;
mod deploy;
mod docker;
mod dotnet;
mod frontends;
mod go;
mod java;
mod languages;
mod lines;
mod mention;
mod node;
mod number;
mod path;
mod place;
mod python;
mod read;
mod request;
mod rule;
mod rules;
mod says;
mod scripts;
mod servers;
mod shell;
mod subjects;
mod told;
mod transport;
mod vantage;

use std::net::IpAddr;

use portward_model::{Text, Transport};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One event that a text reports, and the other events of the same text.
///
/// Every part is what the text says of it, and absent where it says nothing: a check takes what is absent for unknown.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Paste {
    /// What went wrong, in the one form that all programs' wordings share.
    pub symptom: Symptom,
    /// The program or platform whose wording it is, such as "curl", "node" or "postgresql".
    pub program: Option<&'static str>,
    /// The host as written, without brackets; never empty.
    pub host: Option<String>,
    /// The addresses at which it was met, the host's own if it is one; a name may have been tried at several.
    pub addresses: Vec<IpAddr>,
    /// The port as written; may be above 65535.
    pub port: Option<u32>,
    /// The path of a Unix socket.
    pub path: Option<Text>,
    /// What was spoken, where the text tells it: nearly always TCP, and seldom said.
    pub transport: Option<Transport>,
    /// The scheme of the URL that the text holds, in lower case.
    pub url_scheme: Option<String>,
    /// What was asked of the server.
    pub request: Option<Request>,
    /// Where it happened, where that is not the machine and the network on which the text was printed.
    pub vantage: Option<Vantage>,
    /// Processes that the text names by number, each once; at most 4.
    pub pids: Vec<u32>,
    /// Pid and lock files that the text names; at most 4.
    pub files: Vec<Text>,
    /// What the program was doing.
    pub call: Option<Call>,
    /// The error number in Linux's numbering, whichever system wrote the text.
    pub errno: Option<i32>,
    /// The code of a cause that the text alone proves or strongly names.
    pub says: Option<&'static str>,
    /// The line that it was read from, at most 300 characters.
    pub line: Text,
    /// The number of that line, from 1.
    pub line_number: u32,
    /// Other errors of the same text in its order; at most 8, without duplicates, their own `others` empty.
    pub others: Vec<Paste>,
}

impl Paste {
    /// An event of which nothing more is known.
    pub(crate) fn new(symptom: Symptom, line: Text, line_number: u32) -> Self {
        Self {
            symptom,
            program: None,
            host: None,
            addresses: Vec::new(),
            port: None,
            path: None,
            transport: None,
            url_scheme: None,
            request: None,
            vantage: None,
            pids: Vec::new(),
            files: Vec::new(),
            call: None,
            errno: None,
            says: None,
            line,
            line_number,
            others: Vec::new(),
        }
    }
}

impl Paste {
    /// True where it may be about this port: it names no other one.
    pub(crate) fn may_mean(&self, port: u16) -> bool {
        self.port.is_none_or(|own| own == u32::from(port))
    }
}

/// What a client asked of a server, as far as the text tells it.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Request {
    /// The method, in capitals.
    pub method: Option<String>,
    /// Path and query, with the slash.
    pub resource: Option<String>,
    /// The `Host` that it was asked by.
    pub host: Option<String>,
    /// The `Origin` of the page that asked.
    pub origin: Option<String>,
    /// True for a request to go on as a WebSocket (RFC 6455 section 4.1).
    pub upgrade: bool,
    /// The subprotocols that it offered, separated by commas.
    pub protocols: Option<String>,
}

/// A place whose sockets, names and rights are not those of whoever reads the text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Vantage {
    /// Inside a container, with a network of its own.
    Container,
    /// Inside a pod, behind a port that is forwarded to it.
    Pod {
        /// Its name, where the text has it.
        name: Option<String>,
        /// The port of this machine that is forwarded.
        near: Option<u16>,
    },
    /// On the far side of an SSH tunnel.
    FarEnd,
}

portward_model::worded! {
    /// What went wrong, as the one who met it sees it.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Symptom {
        /// The connection was refused (ECONNREFUSED).
        Refused = "connection refused",
        /// The address or port is already in use (EADDRINUSE).
        InUse = "address already in use",
        /// Nobody answered the handshake: the connect timed out.
        NoHandshake = "no answer to the attempt to connect",
        /// The connection was accepted, then nothing came.
        NoAnswer = "connected, then no answer",
        /// The other side reset the connection (ECONNRESET, EPIPE).
        Reset = "connection reset",
        /// The other side closed the connection without an answer.
        EmptyReply = "connection closed without an answer",
        /// The address cannot be assigned (EADDRNOTAVAIL).
        AddressNotAvailable = "address not available",
        /// Permission denied (EACCES).
        PermissionDenied = "permission denied",
        /// Operation not permitted (EPERM).
        NotPermitted = "operation not permitted",
        /// The network or host is unreachable.
        Unreachable = "no route to the address",
        /// The path of a Unix socket does not exist (ENOENT).
        NoSuchPath = "no such socket file",
        /// The name could not be resolved.
        NameUnknown = "name not known",
        /// The number is no port.
        PortOutOfRange = "not a port number",
        /// The client refuses this port by a list of its own.
        UnsafePort = "port blocked by the client",
        /// The other side speaks another protocol.
        WrongProtocol = "another protocol answered",
        /// A plain client met a server that expects TLS.
        TlsExpected = "the server expects TLS",
        /// A TLS client met a server that speaks plainly.
        TlsUnexpected = "the server does not speak TLS",
        /// The certificate is not trusted.
        CertificateUntrusted = "certificate not trusted",
        /// The server refuses the name by which it is called.
        HostBlocked = "host name not allowed by the server",
        /// The browser's rules on origins stopped the request.
        CrossOrigin = "blocked by the browser's origin rules",
        /// The process or the system has no descriptor left (EMFILE, ENFILE).
        TooManyFiles = "too many open files",
        /// The server says that it serves too many connections.
        TooManyConnections = "too many connections",
        /// The server refused the credentials.
        AuthenticationFailed = "authentication failed",
        /// The server answered with an HTTP error.
        HttpStatus = "HTTP error status",
        /// A proxy could not reach the server behind it.
        UpstreamFailed = "the server behind the proxy failed",
        /// The debug session is over.
        DebuggerEnded = "debug session ended",
        /// The debugger could not start or attach.
        DebuggerFailed = "debugger failed",
        /// The system has no buffer or no free port left (ENOBUFS).
        NoBuffer = "no buffer or port left",
        /// The client could not get through its own proxy.
        ProxyFailed = "the client's proxy failed",
        /// An error of another kind.
        Other = "an error",
    }
    /// The symptom in words that fit into a sentence: "connection refused".
    fn words
}

/// What a program was doing when it failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Connecting to an address.
    Connect,
    /// Binding an address.
    Bind,
    /// Asking for connections, or binding and asking in one.
    Listen,
    /// Taking a connection.
    Accept,
    /// Waiting for an answer.
    Read,
    /// Sending.
    Write,
    /// Looking up a name.
    Resolve,
    /// Making a socket, before any address is named.
    Socket,
    /// Agreeing on TLS or another protocol.
    Handshake,
    /// A request as a whole.
    Request,
}

impl Symptom {
    /// Whether some server answered: what it said is so, whatever is seen of it later.
    pub fn is_answer(self) -> bool {
        match self {
            Self::WrongProtocol
            | Self::TlsExpected
            | Self::TlsUnexpected
            | Self::CertificateUntrusted
            | Self::HostBlocked
            | Self::CrossOrigin
            | Self::TooManyConnections
            | Self::AuthenticationFailed
            | Self::HttpStatus => true,
            Self::Refused
            | Self::InUse
            | Self::NoHandshake
            | Self::NoAnswer
            | Self::Reset
            | Self::EmptyReply
            | Self::AddressNotAvailable
            | Self::PermissionDenied
            | Self::NotPermitted
            | Self::Unreachable
            | Self::NoSuchPath
            | Self::NameUnknown
            | Self::PortOutOfRange
            | Self::UnsafePort
            | Self::TooManyFiles
            | Self::UpstreamFailed
            | Self::DebuggerEnded
            | Self::DebuggerFailed
            | Self::NoBuffer
            | Self::ProxyFailed
            | Self::Other => false,
        }
    }

    /// Whether the question behind the error is why a program cannot listen, rather than why nobody answers.
    pub fn asks_to_listen(self, call: Option<Call>) -> bool {
        match call {
            Some(Call::Bind | Call::Listen) => true,
            Some(
                Call::Connect
                | Call::Accept
                | Call::Read
                | Call::Write
                | Call::Resolve
                | Call::Socket
                | Call::Handshake
                | Call::Request,
            ) => false,
            None => self == Self::InUse,
        }
    }
}

/// What a text says went wrong: the first error that explains the rest, and the others.
///
/// `None` when nothing of it is an error that Portward knows. Takes any bytes: terminal escapes, other encodings and
/// cut lines are read past, in time that grows with the length of the text alone.
///
/// ```
/// use portward_checks::{Call, Symptom, read_paste};
///
/// let paste = read_paste(b"Error: listen EADDRINUSE: address already in use :::3000").unwrap();
/// assert_eq!((paste.symptom, paste.port), (Symptom::InUse, Some(3000)));
/// assert_eq!((paste.program, paste.host.as_deref(), paste.errno), (Some("node"), Some("::"), Some(98)));
/// assert!(paste.symptom.asks_to_listen(paste.call));
/// assert_eq!(read_paste(b"listening on http://localhost:3000"), None);
/// ```
pub fn read_paste(text: &[u8]) -> Option<Paste> {
    read::read(text)
}

/// What a text of no known wording tells all the same: the host and port, or the path, of the line that complains.
///
/// `None` where no line does.
pub(crate) fn read_mention(text: &[u8]) -> Option<Paste> {
    mention::mentioned(text)
}
