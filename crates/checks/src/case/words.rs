//! The words that the doctor's causes share.

use portward_model::{
    Attempt, Evidence, Exchange, Finding, Likelihood, Mention, Met, Process, Remedy, Said, Sentence, Socket, SocketState, Text,
    Told, Transport,
};

use super::Case;
use crate::{Paste, bind::words, check::Ruling};

pub(crate) use crate::bind::words::{address, endpoint};

/// A cause that was found.
pub(crate) fn found(
    code: &str,
    likelihood: Likelihood,
    summary: impl Into<Sentence>,
    evidence: Vec<Evidence>,
    remedies: Vec<Remedy>,
) -> Ruling {
    Ruling::Found(Finding::new(code, likelihood, summary, evidence, remedies))
}

/// `vite (pid 4121), started 3 h ago in /home/ana/shop`, or the user where the holder is not known.
pub(crate) fn holder(case: &Case<'_>, index: usize, socket: &Socket) -> String {
    match case.holder(index) {
        Some(process) => words::described(case.snapshot, process),
        None if socket.inode == 0 => "the kernel alone".to_owned(),
        None => format!("a process of user {} that could not be seen", words::user(case.snapshot, socket.uid)),
    }
}

/// `vite (pid 4121)`, or the user where the holder is not known, for the beginning of a sentence.
pub(crate) fn who(case: &Case<'_>, index: usize, socket: &Socket) -> String {
    case.holder(index).map_or_else(|| format!("A process of user {}", words::user(case.snapshot, socket.uid)), named)
}

/// The same within a sentence.
pub(crate) fn whom(case: &Case<'_>, index: usize, socket: &Socket) -> String {
    case.holder(index).map_or_else(|| format!("a process of user {}", words::user(case.snapshot, socket.uid)), named)
}

/// What stopping the holder of a socket is for: to start it again, unless it only holds what a server left that has ended.
pub(crate) fn stop(case: &Case<'_>, index: usize) -> &'static str {
    if crate::via::is_left_behind(case.snapshot, index) {
        "End it: the server itself has ended, and this only holds what it left"
    } else {
        "Stop it, and start it again"
    }
}

/// `vite (pid 4121)`
pub(crate) fn named(process: &Process) -> String {
    format!("{} (pid {})", process.title(), process.id.pid)
}

/// A socket as a piece of evidence: `[::1]:5173 LISTEN, held by vite (pid 4121), started 3 h ago in ~/shop`.
pub(crate) fn seen(case: &Case<'_>, index: usize, socket: &Socket) -> Evidence {
    let peer = socket.remote().map(|(remote, port)| format!(" to {}", address(remote, port))).unwrap_or_default();
    let state = socket.state.name().to_uppercase();
    let holder = holder(case, index, socket);
    let only = if socket.v6_only == Some(true) && socket.is_wildcard() { ", IPv6 only" } else { "" };
    Evidence::new("sock_diag", format!("{} {state}{peer}{only}, held by {holder}", endpoint(case.snapshot, socket)))
}

/// A connection that was tried, as a piece of evidence: `127.0.0.1:5173 refused in 0.1 ms`.
pub(crate) fn tried(attempt: &Attempt) -> Evidence {
    let time = milliseconds(attempt.took_us);
    let met = match attempt.met {
        Met::Connected => format!("accepted in {time}"),
        Met::Failed(errno) => format!("{} in {time} (error {errno})", errno_words(errno)),
        Met::Silence => format!("no answer in {time}"),
    };
    Evidence::new("connect(2)", format!("{} {met}", attempt.at))
}

/// Where a process was told its port, as evidence.
pub(crate) fn told(told: &Told) -> Evidence {
    Evidence::new(told.source.shown(), format!("it says {}", told.text))
}

/// A line of a file as a piece of evidence.
pub(crate) fn mentioned(mention: &Mention) -> Evidence {
    Evidence::new(format!("{}:{}", mention.file, mention.line), mention.text.shown())
}

/// `0.1 ms`, `250 ms`
pub(crate) fn milliseconds(microseconds: u64) -> String {
    match microseconds {
        0..10_000 => format!("{}.{} ms", microseconds / 1000, microseconds % 1000 / 100),
        _ => format!("{} ms", microseconds / 1000),
    }
}

/// An error number of `connect(2)` or `bind(2)` in words.
pub(crate) fn errno_words(errno: i32) -> &'static str {
    match errno {
        1 => "not permitted",
        2 => "no such file",
        11 => "queue full",
        13 => "permission denied",
        22 => "invalid argument",
        97 => "address family not supported",
        98 => "already in use",
        99 => "address not available",
        101 => "network unreachable",
        104 => "reset",
        110 => "timed out",
        111 => "refused",
        113 => "no route to host",
        _ => "failed",
    }
}

/// How the counter rose while a connection was tried.
pub(crate) fn rose(attempt: &Attempt, counter: &str) -> u64 {
    attempt.rose.get(counter).copied().unwrap_or(0)
}

/// `Port 5173`, `UDP port 53` or the path, for the beginning of a summary.
pub(crate) fn port(case: &Case<'_>) -> String {
    match (&case.asked.path, case.asked.transport) {
        (Some(path), _) => path.shown(),
        (None, Transport::Udp) => format!("UDP port {}", case.asked.port),
        (None, _) => format!("Port {}", case.asked.port),
    }
}

/// The endpoint as `portward` takes it: `5173`, `udp/53`, `unix:/run/x.sock`.
pub(crate) fn target(case: &Case<'_>) -> Text {
    match (&case.asked.path, case.asked.transport) {
        (Some(path), _) => unix(path),
        (None, Transport::Udp) => Text::new(format!("udp/{}", case.asked.port)),
        (None, _) => Text::new(case.asked.port.to_string()),
    }
}

/// A path as the target of an operation: as it is, not as it is shown.
pub(crate) fn unix(path: &Text) -> Text {
    Text::new([b"unix:", path.raw()].concat())
}

/// The line of the text that says so.
pub(crate) fn text_line(paste: &Paste) -> Evidence {
    Evidence::new(format!("line {} of the text", paste.line_number), paste.line.shown())
}

/// `sudo ` where this user may not act on what belongs to `uid`.
pub(crate) fn sudo(case: &Case<'_>, uid: u32) -> &'static str {
    if uid == case.snapshot.host.uid || case.snapshot.host.privileged { "" } else { "sudo " }
}

/// The state of a connection as `ss` and the RFC write it: `SYN-SENT`.
pub(crate) fn state(state: SocketState) -> String {
    state.name().to_uppercase().replace('_', "-")
}

/// What was said, as the end of a phrase: `a HEAD request`, `the request GET /api/orders`.
pub(crate) fn said(exchange: &Exchange) -> String {
    let line = exchange.line.as_ref().map(Text::shown);
    let request = |by: &str| match line.as_deref().and_then(|line| line.split_once(' ')) {
        None => format!("a HEAD request{by}"),
        Some((method, "/")) => format!("{} {method} request{by}", if method == "OPTIONS" { "an" } else { "a" }),
        Some((method, resource)) => format!("the request {method} {resource}{by}"),
    };
    match exchange.said {
        Said::Nothing => "of itself".to_owned(),
        Said::Http => request(""),
        Said::HttpByLocalhost => request(" by the name localhost"),
        Said::Upgrade => "a request for an upgrade to WebSocket".to_owned(),
        Said::Proxied => request(" behind the header of the PROXY protocol"),
        Said::Tls => "a ClientHello".to_owned(),
        Said::Greeting => "a greeting of its protocol".to_owned(),
    }
}
