//! The question that the last answer calls for: each tells more than the one before, and none is asked twice.
//!
//! A server that left, or kept silent, may not have liked the words: it serves `GET` and no `HEAD`, it speaks TLS, it wants a
//! proxy's header first, it has a language of its own. It is accused of nothing before it was spoken to in a language that it
//! understands, as far as that can be found.

use portward_model::{Attempt, DialTarget, Ended, Exchange, Process, SafeMethod, Said};
use portward_wire::protocol::{self, HTTP, Protocol, UWSGI};

use super::{ANSWER_MS, NEAR_MS, PlannedDial, SECOND_MS, SLOW_MS, Speech};
use crate::{
    Symptom,
    case::{Case, forwarder::forwarder, kin, talk},
    program::{self, Kind},
};

/// The question that the last answer calls for; `None` when there is none.
pub(in crate::doctor) fn follow_up(case: &Case<'_>) -> Option<PlannedDial> {
    let at = spoken_to(case)?;
    let last = case.exam.attempts.iter().rev().find(|attempt| attempt.at == *at && attempt.exchange.is_some())?;
    let exchange = last.exchange.as_ref()?;
    let (speech, purpose) = match exchange.said {
        Said::Http | Said::Upgrade | Said::HttpByLocalhost => after_http(case, last, exchange),
        Said::Nothing => after_silence_of_ours(case, exchange),
        Said::Tls => after_tls(case, exchange),
        Said::Proxied | Said::Greeting if is_open(exchange) => in_its_own_words(case),
        Said::Proxied | Said::Greeting => None,
    }?;
    Some(PlannedDial { at: last.at.clone(), speech: Some(speech), patience_ms: NEAR_MS, purpose })
}

type Next = Option<(Speech, &'static str)>;

fn asked(case: &Case<'_>, said: Said) -> usize {
    told(case).filter(|told| told.said == said).count()
}

/// What was said at the address that a client would have come to, in order.
fn told<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a Exchange> {
    let at = spoken_to(case);
    case.exam.attempts.iter().filter(move |attempt| Some(&attempt.at) == at).filter_map(|attempt| attempt.exchange.as_ref())
}

/// The first address at which something was said: where a client stays.
fn spoken_to<'a>(case: &Case<'a>) -> Option<&'a DialTarget> {
    case.exam.attempts.iter().find(|attempt| attempt.exchange.is_some()).map(|attempt| &attempt.at)
}

/// True where the server neither answered nor kept to the conversation.
fn is_open(exchange: &Exchange) -> bool {
    exchange.heard.raw().is_empty()
}

fn after_http(case: &Case<'_>, last: &Attempt, exchange: &Exchange) -> Next {
    let heard = exchange.heard.raw();
    let status = heard.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5));
    if is_open(exchange) {
        return unanswered(case, last, exchange);
    }
    let tls = || (Speech { patience_ms: SECOND_MS, ..Speech::new(Said::Tls, "tls") }, "whether it speaks TLS");
    if exchange.said == Said::HttpByLocalhost {
        return if matches!(status, Some(b"400")) && asked(case, Said::Tls) == 0 { Some(tls()) } else { refusals_reason(case) };
    }
    if exchange.said == Said::Upgrade {
        return None;
    }
    let alert = heard.starts_with(b"\x15\x03");
    // Who refuses a request for its name alone serves it by another.
    let refuses = matches!(status, Some(b"400" | b"403" | b"421" | b"500"));
    if refuses && is_named(case) && asked(case, Said::HttpByLocalhost) == 0 {
        let speech = Speech { patience_ms: SECOND_MS, ..Speech::new(Said::HttpByLocalhost, "http") };
        return Some((speech, "whether it serves the name localhost"));
    }
    if (alert || matches!(status, Some(b"400" | b"426"))) && asked(case, Said::Tls) == 0 {
        return Some(tls());
    }
    // HEAD may be offered nowhere while GET is: the client's own request to the client's own URL tells.
    let url = case.asked.scheme.as_deref().is_some_and(|scheme| scheme == "http") && case.asked.resource.is_some();
    if matches!(status, Some(b"404" | b"405" | b"501")) && url && asked(case, Said::Http) == 1 && !was_got(case) {
        return Some((get(SECOND_MS, true), "whether GET fares better than HEAD"));
    }
    refusals_reason(case)
}

/// A `GET`, the whole answer or its head.
fn get(patience_ms: u64, with_body: bool) -> Speech {
    Speech { method: SafeMethod::Get, with_body, patience_ms, ..Speech::new(Said::Http, "http") }
}

fn was_got(case: &Case<'_>) -> bool {
    told(case).any(|told| told.said == Said::Http && told.line.as_ref().is_some_and(|line| line.raw().starts_with(b"GET ")))
}

/// A request was left, or had no answer.
fn unanswered(case: &Case<'_>, last: &Attempt, exchange: &Exchange) -> Next {
    // Who forwards without reading leaves when the far end does, and that one may have been spoken to in a wrong tongue.
    if talk::left(exchange) && forwards_blindly(case) && asked(case, Said::Nothing) == 0 {
        let speech = Speech { patience_ms: SECOND_MS, ..Speech::new(Said::Nothing, "http") };
        return Some((speech, "whether what stands behind it takes connections at all"));
    }
    if exchange.said == Said::Http && !was_got(case) {
        if talk::left(exchange) {
            let patience = if is_web(case) { SLOW_MS } else { SECOND_MS };
            return Some((get(patience, false), "whether GET fares better than HEAD"));
        }
        // What lies in the queue is nobody's to answer, whatever it says.
        if exchange.ended == Ended::Silence && last.accepted != Some(false) {
            let patience = if is_web(case) { SLOW_MS } else { SECOND_MS };
            return Some((get(patience, false), "whether it answers later, or to GET"));
        }
    }
    if talk::left(exchange) && asked(case, Said::Tls) == 0 {
        return Some((Speech { patience_ms: SECOND_MS, ..Speech::new(Said::Tls, "tls") }, "whether it speaks TLS"));
    }
    if talk::left(exchange) { proxied(case).or_else(|| in_its_own_words(case)) } else { None }
}

/// True where HTTP is what the client or the server speaks, so that an answer is worth waiting for.
fn is_web(case: &Case<'_>) -> bool {
    let client = talk::client(case).is_some_and(|client| *client.tongue == HTTP && !client.tls);
    // What a script serves is HTTP more often than all else.
    let serves = |process: &Process| match program::protocol_of(process) {
        Some(known) => *known == HTTP,
        None => kin::is_script(process) || program::find(process, |known| known.kind == Kind::DevServer).is_some(),
    };
    client || case.serving_processes().iter().any(|(process, _)| serves(process))
}

fn after_silence_of_ours(case: &Case<'_>, exchange: &Exchange) -> Next {
    let spoken = told(case).any(|told| told.said != Said::Nothing);
    if !spoken || exchange.ended != Ended::Silence { None } else { proxied(case) }
}

fn after_tls(case: &Case<'_>, exchange: &Exchange) -> Next {
    let heard = exchange.heard.raw();
    let tls = heard.first() == Some(&0x16);
    // A record of TLS, be it a refusal, tells that it is spoken.
    let alert = heard.starts_with(b"\x15\x03");
    if !tls && !alert && asked(case, Said::Http) + asked(case, Said::Upgrade) == 0 {
        return Some((Speech { patience_ms: SECOND_MS, ..Speech::new(Said::Http, "http") }, "whether it speaks plainly"));
    }
    if tls {
        return None;
    }
    if !is_open(exchange) {
        return refusals_reason(case);
    }
    proxied(case).or_else(|| in_its_own_words(case)).or_else(|| refusals_reason(case))
}

/// A server behind a proxy may want its header before anything else, and closes on whoever has none.
fn proxied(case: &Case<'_>) -> Next {
    let may = case.served().iter().any(|(index, _)| {
        let holder = case.holder(*index);
        holder
            .is_none_or(|process| program::find(process, |known| BEHIND_PROXIES.iter().any(|name| known.goes_by(name))).is_some())
    });
    (may && all_left(case) && asked(case, Said::Proxied) == 0).then(|| {
        let speech = Speech { patience_ms: SECOND_MS, ..Speech::new(Said::Proxied, "http") };
        (speech, "whether it wants the header of a proxy first")
    })
}

/// True when the server left every question without a word.
fn all_left(case: &Case<'_>) -> bool {
    let left =
        |told: &Exchange| talk::left(told) || matches!(told.said, Said::Tls | Said::Proxied | Said::Nothing | Said::Greeting);
    told(case).all(|told| is_open(told) && left(told))
}

/// The greeting of the next protocol that a server may speak which left all questions: that of its program, that of its port, and where
/// nothing tells, those of the usual servers that leave others without a word.
fn in_its_own_words(case: &Case<'_>) -> Next {
    let holders = kin::likely_holders(case);
    let hidden = case.served().iter().all(|(index, _)| case.holder(*index).is_none());
    // The client's failure is to be explained, or nothing else would tell.
    let wanted = hidden
        || talk::client(case).is_some_and(|client| client.told)
        || matches!(case.symptom(), Some(Symptom::EmptyReply | Symptom::Reset | Symptom::NoAnswer | Symptom::WrongProtocol));
    let quiet = told(case).any(|told| told.said == Said::Nothing && told.ended == Ended::Closed && told.line.is_none());
    if !all_left(case) || quiet || forwards_blindly(case) {
        return None;
    }
    let by_program = holders.iter().find_map(|process| program::protocol_of(process));
    let by_port = protocol::of_port(case.asked.port).map(|(known, _)| known);
    let others =
        MUTE.iter().filter_map(|name| protocol::named(name)).filter(|_| wanted && by_program.is_none_or(|known| *known == HTTP));
    let greeted =
        |known: &Protocol| told(case).any(|told| told.line.as_ref().is_some_and(|line| line.raw() == known.name.as_bytes()));
    let next = by_program
        .into_iter()
        .chain(by_port)
        .chain(others)
        .find(|known| (known.own_greeting().is_some() || **known == UWSGI) && known.event.is_none() && !greeted(known))?;
    let patience_ms = if by_program == Some(next) { SECOND_MS } else { SECOND_MS / 2 };
    Some((Speech { patience_ms, ..Speech::new(Said::Greeting, next.name) }, "whether it speaks a language of its own"))
}

/// True where the holder passes bytes on without reading them.
fn forwards_blindly(case: &Case<'_>) -> bool {
    let (port, reader) = (case.asked.port, case.snapshot.host.uid);
    let all = case.serving_processes();
    all.iter().filter_map(|(process, _)| forwarder(process, port, reader)).any(|found| found.blind)
}

/// True when the client calls the server by something else than `localhost`, which every server knows.
fn is_named(case: &Case<'_>) -> bool {
    let by_name = case.asked.name.as_deref().is_some_and(|name| name != "localhost");
    let http = case.asked.scheme.as_deref().is_none_or(|scheme| scheme == "http");
    http && (by_name || (case.asked.scheme.is_some() && case.asked.name.is_none() && case.asked.host_given))
}

/// What a refusal says of its reason stands in its body, which an answer to `HEAD` lacks.
fn refusals_reason(case: &Case<'_>) -> Next {
    let http: Vec<_> = told(case).filter(|told| told.said == Said::Http).collect();
    let [only] = http.as_slice() else { return None };
    let heard = only.heard.raw();
    let has_body = heard.windows(4).position(|part| part == b"\r\n\r\n").is_some_and(|end| end + 4 < heard.len());
    let refused = matches!(heard.get(9..12), Some(b"400" | b"403" | b"421" | b"426" | b"500"));
    (refused && !has_body).then(|| (get(SECOND_MS.max(ANSWER_MS / 2), true), "what the refusal says"))
}

/// Programs that are often told to expect the header of a proxy in front of them.
const BEHIND_PROXIES: &[&str] = &["haproxy", "nginx", "caddy", "httpd", "varnishd", "traefik", "envoy"];
/// Protocols whose servers leave every other language without a word.
const MUTE: &[&str] = &["redis", "kafka", "postgres", "mqtt", "fastcgi", "uwsgi", "socks"];
