//! The connections of an inquiry: made one after another, each between two readings of the kernel's counters.

use std::time::Duration;

use portward_checks::doctor::{PlannedDial, Speech, diagnose, follow_up, plan};
use portward_model::{Attempt, Counters, DialTarget, Ended, Likelihood, Met, PortRange, Queue, Said, Socket, SocketState};
use portward_sys::{Ask, Dial, Dialling, Look, PortFilter, StateSet, Talk, Transports};
use portward_wire::greeting::greeting;

use super::Inquiry;

/// Makes every connection that the plan allows, then those that the answers call for.
pub(super) fn run(host: &dyn Dial, inquiry: &mut Inquiry) {
    let mut planned = plan(&inquiry.case());
    // What is certain before anything was asked needs no long wait to be shown.
    let certain = diagnose(&inquiry.case()).causes.first().is_some_and(|first| first.likelihood == Likelihood::Certain);
    inquiry.exam.declined = planned.declined;
    for dial in &mut planned.dials {
        if let Some(speech) = dial.speech.as_mut().filter(|_| certain) {
            speech.patience_ms = speech.patience_ms.min(DECIDED_MS);
        }
        attempt(host, inquiry, dial);
    }
    // Each answer may call for one more question; three more tell what there is to tell.
    for _ in 0..3 {
        let Some(next) = follow_up(&inquiry.case()) else { break };
        attempt(host, inquiry, &next);
        // Where the server has gone meanwhile, there is nobody to ask further.
        if inquiry.exam.attempts.last().is_some_and(|attempt| attempt.met != Met::Connected) {
            break;
        }
    }
}

/// Makes a connection; and makes it again where the counters do not tell yet who refused it.
///
/// The kernel's own refusal raises `Tcp.OutRsts` each time, a packet filter's never does, and on a busy machine others
/// raise it as well. So one refusal without a rise is the proof; several with it are as good as one can have.
fn attempt(host: &dyn Dial, inquiry: &mut Inquiry, planned: &PlannedDial) {
    let count = inquiry.exam.attempts.len();
    once(host, inquiry, planned);
    let served = matches!(&planned.at, DialTarget::Inet(at) if !inquiry.case().takers(at.ip()).is_empty());
    let (mut again, mut quiet) = (0, 0);
    while served && again < MOST_REFUSALS && quiet < QUIET_REFUSALS {
        let Some(last) = inquiry.exam.attempts.get(count) else { return };
        let rise = |name: &str| last.rose.get(name).copied().unwrap_or(0);
        if last.met != Met::Failed(ECONNREFUSED) || rise("Tcp.OutRsts") == 0 {
            break;
        }
        quiet += usize::from(rise("Tcp.OutRsts") == 1 && rise("Tcp.AttemptFails") == 1);
        inquiry.exam.attempts.truncate(count);
        once(host, inquiry, planned);
        again += 1;
    }
    if again > 0 {
        inquiry.notes.push(format!("{} connections were made, to tell who refuses them", again + 1));
    }
}

fn once(host: &dyn Dial, inquiry: &mut Inquiry, planned: &PlannedDial) {
    let listener = listener_of(inquiry, &planned.at);
    let before = host.counters().unwrap_or_default();
    let mut meanwhile = Vec::new();
    let request = planned.speech.map(|speech| (speech, words_of(inquiry, &speech, &planned.at)));
    let mut enough = |heard: &[u8]| request.as_ref().is_some_and(|(speech, _)| has_enough(speech, heard));
    let mut pending = || meanwhile = sockets_of(host, inquiry);
    let talk = request.as_ref().map(|(speech, bytes)| Talk {
        said: speech.said,
        listen_first: Duration::from_millis(speech.listen_first_ms),
        bytes,
        enough: &mut enough,
        patience: Duration::from_millis(speech.patience_ms),
    });
    let dial = Dialling {
        at: &planned.at,
        patience: Duration::from_millis(planned.patience_ms),
        talk,
        pending: &mut pending,
        connected: &mut || {},
    };
    let dialled = match host.dial(dial) {
        Ok(dialled) => dialled,
        Err(error) => {
            inquiry.view.gap("a connection", "what a client meets is not known", &error);
            return;
        }
    };
    let after = host.counters().unwrap_or_default();
    let queue = listener.and_then(|(cookie, before)| {
        let now = sockets_of(host, inquiry).into_iter().find(|socket| socket.cookie == cookie)?;
        Some((before, now.queue))
    });
    // A connection that nobody took stays in the queue when its client has closed it.
    let accepted = match (dialled.met, &dialled.exchange, queue) {
        (Met::Connected, Some(exchange), _) if !exchange.heard.raw().is_empty() => Some(true),
        (Met::Connected, _, Some((before, after))) if inquiry.asked.path.is_none() => Some(after.used <= before.used),
        // A Unix listener that was asked and kept its silence has had time enough to take the connection.
        (Met::Connected, Some(exchange), Some((before, after))) if exchange.ended == Ended::Silence => {
            Some(after.used <= before.used)
        }
        _ => None,
    };
    inquiry.exam.attempts.push(Attempt {
        at: planned.at.clone(),
        met: dialled.met,
        took_us: dialled.took_us,
        rose: rose(&before, &after),
        meanwhile,
        queue,
        accepted,
        exchange: dialled.exchange,
    });
}

/// The cookie and queue of the listener that takes a connection to this address.
fn listener_of(inquiry: &Inquiry, at: &DialTarget) -> Option<(u64, Queue)> {
    let case = inquiry.case();
    let (_, socket) = match at {
        DialTarget::Inet(address) => *case.takers(address.ip()).first()?,
        DialTarget::Unix(_) => case.listeners().next()?,
    };
    Some((socket.cookie, socket.queue))
}

/// The sockets of the asked port as they are now, without their holders.
fn sockets_of(host: &dyn Look, inquiry: &Inquiry) -> Vec<Socket> {
    let unix = inquiry.asked.path.is_some();
    let port = inquiry.asked.port;
    let own: Vec<_> = inquiry.view.snapshot.namespaces.iter().filter(|namespace| namespace.own).cloned().collect();
    let ask = Ask {
        transports: Transports { tcp: !unix, udp: false, unix },
        states: if unix { StateSet::Serving } else { StateSet::All },
        ports: (!unix).then_some(PortFilter::Either(PortRange { first: port, last: port })),
        traffic: false,
    };
    let mut found = Vec::new();
    let wanted = |socket: &Socket| inquiry.asked.path.is_none() || socket.path() == inquiry.asked.path.as_ref();
    let mut each = |socket: Socket| {
        if wanted(&socket) && socket.state != SocketState::TimeWait && found.len() < MOST {
            found.push(socket);
        }
    };
    // Without an answer there is nothing to compare; the connection itself was made all the same.
    let _ = host.sockets(&ask, &own, &mut each);
    found
}

fn rose(before: &Counters, after: &Counters) -> Counters {
    let by = |name: &String, now: u64| now.saturating_sub(before.get(name).copied().unwrap_or(0));
    after.iter().filter(|(name, now)| by(name, **now) > 0).map(|(name, now)| (name.clone(), by(name, *now))).collect()
}

/// The bytes that a client of the protocol says first.
fn words_of(inquiry: &Inquiry, speech: &Speech, at: &DialTarget) -> Vec<u8> {
    let address = match at {
        DialTarget::Inet(address) => address.to_string(),
        DialTarget::Unix(_) => "localhost".to_owned(),
    };
    let host = match &inquiry.asked.name {
        Some(name) if inquiry.asked.path.is_none() => format!("{name}:{}", inquiry.asked.port),
        _ => address,
    };
    match speech.said {
        Said::Nothing => Vec::new(),
        Said::Upgrade => {
            let resource = inquiry.asked.resource.as_deref().unwrap_or("/");
            format!(
                "GET {resource} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: portward\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cG9ydHdhcmQtZG9jdG9yIQ==\r\n\r\n"
            )
            .into_bytes()
        }
        Said::Http | Said::HttpByLocalhost => {
            let by_localhost = format!("localhost:{}", inquiry.asked.port);
            let host = if speech.said == Said::HttpByLocalhost { by_localhost } else { host };
            let resource = inquiry.asked.resource.as_deref().unwrap_or("/");
            let method = if speech.with_body { "GET" } else { "HEAD" };
            format!(
                "{method} {resource} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: portward\r\nAccept: */*\r\nConnection: close\r\n\r\n"
            )
            .into_bytes()
        }
        Said::Tls | Said::Greeting => {
            let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name).trim_matches(['[', ']']).to_owned();
            greeting(speech.protocol).map(|greeting| (greeting.send)(&name)).unwrap_or_default()
        }
    }
}

/// True when the answer tells what it can tell.
fn has_enough(speech: &Speech, heard: &[u8]) -> bool {
    if heard.is_empty() {
        return false;
    }
    if b"HTTP/".starts_with(heard) {
        return false;
    }
    if heard.starts_with(b"HTTP/") {
        // A refusal's reason stands in the body.
        return !speech.with_body && heard.windows(4).any(|window| window == b"\r\n\r\n");
    }
    match speech.said {
        Said::Tls => heard.len() >= 7,
        Said::Http | Said::HttpByLocalhost | Said::Upgrade | Said::Nothing | Said::Greeting => {
            heard.len() >= 4 || heard.contains(&b'\n') || speech.said == Said::Greeting
        }
    }
}

/// How long an answer may take that what was seen already makes impossible.
const DECIDED_MS: u64 = 400;
/// Sockets that a reading of one port keeps.
const MOST: usize = 4096;

/// `ECONNREFUSED`, errno(3).
const ECONNREFUSED: i32 = 111;
/// How often a connection is refused at most, beyond the first time: on a busy machine one of so many meets a quiet moment.
const MOST_REFUSALS: usize = 24;
/// How many refusals of quiet moments are enough.
const QUIET_REFUSALS: usize = 3;
