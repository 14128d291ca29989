//! What shows that an endpoint does what was asked of it.
//!
//! Health is a claim. Where a text tells of a failure, it takes the same operation, by the same transport, at the same address and
//! for the same resource, done again with success. What could not be done again is not known.

use std::net::IpAddr;

use portward_model::{Attempt, DialTarget, Ended, Evidence, Met, Said, Socket, Transport};

use super::{Asking, Case, Standing};
use crate::{
    Paste, Symptom,
    case::{dialled, talk, words},
    program,
};

/// The readings that show that the endpoint does what was asked of it; empty when none does.
pub(super) fn healthy(case: &Case<'_>) -> Vec<Evidence> {
    match case.asked.asking {
        Asking::Listen => {
            // What another user may bind is not shown by what the reader may.
            let rights =
                case.paste.is_some_and(|paste| matches!(paste.symptom, Symptom::PermissionDenied | Symptom::NotPermitted));
            let failed = rights || case.exam.tries.iter().any(|tried| tried.failed.is_some());
            let Some(answer) = case.bind.filter(|answer| answer.possible() == Some(true) && !failed) else { return Vec::new() };
            let mut facts = vec![Evidence::new("the kernel's rules", answer.sentence().trim_end_matches('.').to_owned())];
            facts.extend(case.exam.tries.iter().map(|tried| {
                let with = if tried.reuse { "with" } else { "without" };
                Evidence::new("bind(2)", format!("{} bound on a throw-away socket {with} SO_REUSEADDR", tried.at))
            }));
            facts
        }
        Asking::Connect => match case.standing() {
            Standing::Connected(attempt) => {
                let answered = attempt.exchange.as_ref().is_none_or(|exchange| {
                    // An alert in answer to a ClientHello is a refusal (RFC 8446 section 6.2).
                    let alert = exchange.said == Said::Tls && exchange.heard.raw().first() == Some(&21);
                    let spoke = !exchange.heard.raw().is_empty() && !alert;
                    // That it keeps a connection on which nothing is said is no health where it left every word.
                    let only = case.exam.attempts.iter().filter(|attempt| attempt.exchange.is_some()).count() == 1;
                    spoke || (exchange.said == Said::Nothing && exchange.ended == Ended::Silence && only)
                });
                if !answered
                    || case.paste.is_some_and(|paste| !is_met_no_more(case, paste, attempt))
                    || attempt.accepted == Some(false)
                    || leaves_its_client(case)
                    || is_doubted(case, attempt)
                    || is_unspoken(case, attempt)
                    || may_be_two(case)
                {
                    return Vec::new();
                }
                let mut facts = vec![words::tried(attempt)];
                if let Some(exchange) = attempt.exchange.as_ref().filter(|exchange| !exchange.heard.raw().is_empty()) {
                    let fact = format!("it answered {} in {} ms", words::said(exchange), exchange.first_ms);
                    facts.push(Evidence::new("read(2)", fact));
                }
                facts
            }
            // What must not be touched is judged by what the kernel tells: it listens and nothing is in its way.
            Standing::Untried
                if case.paste.is_none() && !case.exam.declined.is_empty() && !is_flagged(case) && !told_to_hang(case) =>
            {
                case.served().iter().map(|(index, socket)| words::seen(case, *index, socket)).collect()
            }
            Standing::Untried | Standing::Refused(_) | Standing::Silent(_) | Standing::Failed(..) => Vec::new(),
        },
    }
}

/// True when the server left a conversation of the client's own kind, whatever it says to others.
fn leaves_its_client(case: &Case<'_>) -> bool {
    let plain = talk::client(case).is_some_and(|client| client.told && !client.tls);
    let all = talk::exchanges(case);
    let left = |(_, exchange): &(_, &portward_model::Exchange)| talk::left(exchange);
    plain
        && all.iter().any(|told| told.1.said != Said::Tls && left(told))
        && !all.iter().any(|told| told.1.said != Said::Tls && !left(told))
}

/// True when two listeners take the client's connections, and the owners that would tell whether they are one service are
/// hidden. Sockets that one program opened one after another have inodes close to each other.
fn may_be_two(case: &Case<'_>) -> bool {
    let served = case.served();
    let hidden = |index: usize| case.holders(index).is_empty();
    let apart = |one: &Socket, other: &Socket| one.uid == other.uid && one.inode.abs_diff(other.inode) > ONE_AFTER_ANOTHER;
    let tcp = case.asked.transport == Transport::Tcp;
    let two = |(at, (index, one)): (usize, &(usize, &Socket))| {
        let mut rest = served.iter().skip(at + 1);
        rest.any(|(other_index, other)| (hidden(*index) || hidden(*other_index)) && apart(one, other))
    };
    tcp && served.iter().enumerate().any(two)
}

/// Inodes that a program takes between two listeners that it opens in one go.
const ONE_AFTER_ANOTHER: u64 = 16;

/// True where a URL's protocol was asked about, of another machine, and nothing was said in it: that somebody takes connections
/// there shows nothing of it.
fn is_unspoken(case: &Case<'_>, attempt: &Attempt) -> bool {
    let far = match &attempt.at {
        DialTarget::Inet(at) => !case.is_own_address(at.ip()),
        DialTarget::Unix(_) => false,
    };
    far && case.asked.scheme.is_some() && attempt.exchange.is_none()
}

/// True when the text tells of a hang and this connection was not used to ask anything.
fn is_doubted(case: &Case<'_>, attempt: &Attempt) -> bool {
    told_to_hang(case) && attempt.exchange.is_none()
}

/// True when the text says that the connection was made and no answer came.
fn told_to_hang(case: &Case<'_>) -> bool {
    matches!(case.symptom(), Some(Symptom::NoAnswer | Symptom::EmptyReply | Symptom::Reset))
}

/// True when what was seen without connecting is no sign of health.
fn is_flagged(case: &Case<'_>) -> bool {
    let full = case.served().iter().any(|(_, socket)| socket.queue.used > socket.queue.limit);
    let halted = case
        .serving_processes()
        .iter()
        .any(|(process, vitals)| Case::is_halted(process) || vitals.is_some_and(|vitals| vitals.frozen == Some(true)));
    // A reader that cannot see its own user's process is confined, and may be denied the connection as well.
    let uid = case.snapshot.host.uid;
    let confined =
        case.served().iter().any(|(index, socket)| case.snapshot.holders(*index).is_empty() && (socket.uid == uid || uid == 0));
    let unread = case.served().iter().any(|(index, _)| case.is_owner_unread(*index));
    // Whether a process is frozen stands in its vitals alone.
    let unexamined = case.serving_processes().iter().any(|(_, vitals)| vitals.is_none());
    full || halted || confined || unread || unexamined
}

/// True when what the text tells was done again on this connection, and went well.
fn is_met_no_more(case: &Case<'_>, paste: &Paste, attempt: &Attempt) -> bool {
    // What it says of another port is another matter.
    if !paste.may_mean(case.asked.port) && paste.vantage.is_none() {
        return true;
    }
    let other_transport = paste.transport.is_some_and(|transport| transport != case.asked.transport);
    // Rights, names and sockets of another place are not the reader's.
    if other_transport || paste.vantage.is_some() || !is_at_each(case, paste) {
        return false;
    }
    let answer = talk::exchanges(case)
        .into_iter()
        .find(|(tried, _)| tried.at == attempt.at)
        .and_then(|(_, exchange)| talk::HttpAnswer::of(exchange));
    let served = answer.is_some_and(|answer| answer.status < 400);
    let spoke = attempt.exchange.as_ref().is_some_and(|exchange| !exchange.heard.raw().is_empty());
    match paste.symptom {
        // Of whoever cannot be told to run here: a container's localhost is another one.
        Symptom::Refused | Symptom::Unreachable => is_of_here(case, paste),
        // A full queue comes and goes with the load.
        Symptom::NoHandshake => case.asked.path.is_none() && is_of_here(case, paste),
        Symptom::NoSuchPath | Symptom::NoBuffer => true,
        Symptom::AddressNotAvailable => paste.call != Some(crate::Call::Socket),
        Symptom::NameUnknown => case.asked.name.is_some() && case.asked.name.as_deref() == paste.host.as_deref(),
        Symptom::NoAnswer | Symptom::Reset | Symptom::EmptyReply => spoke && is_repeated(case, paste) && !is_of_load(paste),
        Symptom::HttpStatus | Symptom::UpstreamFailed => {
            served && is_repeated(case, paste) && paste.request.as_ref().is_some_and(|request| request.resource.is_some())
        }
        Symptom::HostBlocked => {
            let host = paste.request.as_ref().and_then(|request| request.host.as_deref()).or(paste.host.as_deref());
            let name = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
            served && name.is_some() && name == case.asked.name.as_deref()
        }
        Symptom::TlsExpected => served,
        Symptom::TlsUnexpected => talk::on(case, Said::Tls).is_some_and(|(_, exchange)| exchange.heard.raw().first() == Some(&0x16)),
        Symptom::TooManyFiles | Symptom::TooManyConnections => spoke,
        // What a user may do, who may come in, and what a browser allows was asked for somebody else.
        Symptom::PermissionDenied
        | Symptom::NotPermitted
        | Symptom::AuthenticationFailed
        | Symptom::CrossOrigin
        | Symptom::CertificateUntrusted
        | Symptom::ProxyFailed
        | Symptom::UnsafePort
        // And this is not what a connection can show.
        | Symptom::InUse
        | Symptom::PortOutOfRange
        | Symptom::WrongProtocol
        | Symptom::DebuggerEnded
        | Symptom::DebuggerFailed
        | Symptom::Other => false,
    }
}

/// True where the text's own words or the reader's tell that it happened in this network: it is not about localhost, which every
/// network has for itself, or the client was run here.
fn is_of_here(case: &Case<'_>, paste: &Paste) -> bool {
    let everywhere = |address: &IpAddr| dialled(*address).is_loopback();
    // A name of one word is one of a network of its own, be it a container's.
    let local_name = paste.host.as_deref().is_some_and(|host| !host.contains(['.', ':']) && !portward_model::is_localhost(host));
    let far = !local_name && !case.asked.addresses.is_empty() && !case.asked.addresses.iter().any(everywhere);
    let alive = paste
        .pids
        .iter()
        .any(|pid| case.snapshot.process(*pid).is_some_and(|process| case.shares_network(process) != Some(false)));
    case.asked.path.is_some() || far || alive || case.exam.observed.is_some()
}

/// True when each address at which the text's client failed accepts a connection now.
fn is_at_each(case: &Case<'_>, paste: &Paste) -> bool {
    let accepts = |address: IpAddr| {
        let at = |attempt: &&Attempt| match attempt.at {
            DialTarget::Inet(at) => dialled(at.ip()) == dialled(address) && at.port() == case.asked.port,
            DialTarget::Unix(_) => false,
        };
        let mut tried = case.exam.attempts.iter().filter(at);
        tried.any(|attempt| attempt.met == Met::Connected)
    };
    case.asked.path.is_some() || paste.addresses.iter().all(|address| accepts(*address))
}

/// True where the client was one of many at once: what one alone meets is no answer to that.
fn is_of_load(paste: &Paste) -> bool {
    paste.program.and_then(program::named).is_some_and(|known| known.loads)
}

/// True where the upgrade to WebSocket was asked for again and taken, in a subprotocol that was offered where any was.
fn is_upgraded(case: &Case<'_>) -> bool {
    let answer = talk::on(case, Said::Upgrade).and_then(|(_, exchange)| talk::HttpAnswer::of(exchange));
    answer.is_some_and(|answer| answer.status == 101 && talk::takes_subprotocol(case, &answer) != Some(false))
}

/// True when the request of the text, where it tells of one, is that which was made again.
fn is_repeated(case: &Case<'_>, paste: &Paste) -> bool {
    paste.request.as_ref().is_none_or(|request| {
        let safe = request.method.as_deref().is_none_or(|method| matches!(method, "GET" | "HEAD"));
        safe && (!request.upgrade || is_upgraded(case))
            && request.resource.as_ref().is_none_or(|resource| case.asked.resource.as_ref() == Some(resource))
    })
}
