//! What was said on the connections of a case, in which protocol, and which protocol the client means to speak.
//!
//! Protocols are told by the first bytes that each one's specification fixes, never by a port alone.

mod http;

use portward_model::{Attempt, Ended, Evidence, Exchange, Said, Text, Transport};
use portward_wire::protocol::{self, HTTP, HTTP2, MYSQL, POSTGRES, Protocol, TLS, UWSGI};

use super::{Case, Standing, kin, words};
use crate::{Symptom, paste::Call, program};

pub(crate) use http::HttpAnswer;

/// What the client means to speak.
pub(crate) struct Client {
    /// The protocol, inside TLS where that is asked for.
    pub(crate) tongue: &'static Protocol,
    /// True when it begins with TLS.
    pub(crate) tls: bool,
    /// False where only the number of the port says so.
    pub(crate) told: bool,
    /// True where the text says so.
    pub(crate) by_text: bool,
    /// What says so.
    pub(crate) why: Evidence,
}

/// What the client means to speak, by its URL, by the text's own program, or by the port; `None` where nothing tells.
pub(crate) fn client(case: &Case<'_>) -> Option<Client> {
    let of = |scheme: &str| protocol::of_scheme(scheme).map(|(tongue, scheme)| (tongue, scheme.tls));
    if let Some((scheme, (tongue, tls))) = case.asked.scheme.as_deref().and_then(|scheme| Some((scheme, of(scheme)?))) {
        let why = Evidence::new("the target", format!("the client speaks {scheme}"));
        return Some(Client { tongue, tls, told: true, by_text: false, why });
    }
    if let Some(paste) = case.paste {
        let why = |what: &str| Evidence::new(format!("line {} of the text", paste.line_number), format!("the client {what}"));
        if let Some((scheme, (tongue, tls))) = paste.url_scheme.as_deref().and_then(|scheme| Some((scheme, of(scheme)?))) {
            return Some(Client { tongue, tls, told: true, by_text: true, why: why(&format!("speaks {scheme}")) });
        }
        // A tunnel's word about what it leads to is none about the port that it holds.
        let own_words = !matches!(paste.symptom, Symptom::Refused | Symptom::InUse | Symptom::UpstreamFailed);
        // A server's word about what came in tells neither the client's program nor that it took the port for what it is.
        let by_client = paste.call != Some(Call::Accept);
        let program = paste.program.filter(|program| by_client && (own_words || *program != "ssh"));
        let tls = matches!(paste.symptom, Symptom::TlsUnexpected | Symptom::CertificateUntrusted);
        if let Some((name, tongue)) = program.and_then(|name| Some((name, spoken_by(name)?))) {
            return Some(Client { tongue, tls, told: true, by_text: true, why: why(&format!("is {name}")) });
        }
        if tls {
            return Some(Client { tongue: &HTTP, tls, told: true, by_text: true, why: why("begins with TLS") });
        }
        if !by_client {
            return None;
        }
    }
    let (tongue, usual) = protocol::of_port(case.asked.port).filter(|(known, _)| known.shows())?;
    let why = Evidence::new("the port", format!("{} is usually {}", case.asked.port, usual.words));
    (case.asked.transport == Transport::Tcp).then_some(Client { tongue, tls: usual.tls, told: false, by_text: false, why })
}

/// What the program of a text speaks: it is called after its protocol, or is known.
fn spoken_by(program: &str) -> Option<&'static Protocol> {
    protocol::named(program).filter(|known| known.shows()).or_else(|| program::named(program)?.protocol())
}

/// The conversations with the addresses that were asked about, in the client's order.
pub(crate) fn exchanges<'a>(case: &Case<'a>) -> Vec<(&'a Attempt, &'a Exchange)> {
    let exam = case.exam;
    exam.attempts
        .iter()
        .filter(|attempt| case.is_target(&attempt.at))
        .filter_map(|attempt| Some((attempt, attempt.exchange.as_ref()?)))
        .collect()
}

/// The first conversation in which this was said; where a server spoke first, nothing was.
pub(crate) fn on<'a>(case: &Case<'a>, said: Said) -> Option<(&'a Attempt, &'a Exchange)> {
    exchanges(case).into_iter().find(|(_, exchange)| exchange.said == said)
}

/// The conversations that tell of the client's own: what a server says in plain words to a TLS that the client never began
/// tells of another client.
pub(crate) fn clients_own<'a>(case: &Case<'a>) -> Vec<(&'a Attempt, &'a Exchange)> {
    let begins_with_tls = client(case).is_some_and(|client| client.tls);
    let mut all = exchanges(case);
    all.retain(|(_, exchange)| exchange.said != Said::Tls || begins_with_tls || tongue(exchange) == Some(&TLS));
    all
}

/// True when the other side left without a single byte.
pub(crate) fn left(exchange: &Exchange) -> bool {
    exchange.heard.raw().is_empty() && matches!(exchange.ended, Ended::Closed | Ended::Reset)
}

/// The protocol that a server shows on these connections, and the reading; by its program where it showed none and
/// the program speaks one protocol only.
pub(crate) fn server(case: &Case<'_>) -> Option<(&'static Protocol, Evidence)> {
    let heard = exchanges(case).into_iter().find_map(|(_, exchange)| Some((tongue(exchange)?, heard_words(exchange))));
    heard.or_else(|| {
        kin::likely_holders(case).into_iter().find_map(|process| {
            let tongue = program::only_protocol_of(process)?;
            let source = format!("/proc/{}/comm", process.id.pid);
            Some((tongue, Evidence::new(source, format!("{} speaks {}", words::named(process), tongue.title))))
        })
    })
}

/// The first HTTP answer of a case.
pub(crate) fn http<'a>(case: &Case<'a>) -> Option<(&'a Attempt, &'a Exchange, HttpAnswer<'a>)> {
    answers(case).into_iter().next()
}

/// Every HTTP answer of a case, but for those to something else than a request.
pub(crate) fn answers<'a>(case: &Case<'a>) -> Vec<(&'a Attempt, &'a Exchange, HttpAnswer<'a>)> {
    let all =
        exchanges(case).into_iter().filter(|(_, exchange)| matches!(exchange.said, Said::Http | Said::Upgrade | Said::Nothing));
    all.filter_map(|(attempt, exchange)| Some((attempt, exchange, HttpAnswer::of(exchange)?))).collect()
}

/// The protocol of what was heard, by its first bytes.
pub(crate) fn tongue(exchange: &Exchange) -> Option<&'static Protocol> {
    heard(exchange).map(|(tongue, _)| tongue)
}

/// The same, with what the words tell beside it.
pub(crate) fn heard(exchange: &Exchange) -> Option<(&'static Protocol, protocol::Words)> {
    // The answer to a request for TLS is one letter (PostgreSQL protocol, "SSLRequest").
    if exchange.said == Said::Greeting && matches!(exchange.heard.raw(), b"S" | b"N") {
        return Some((&POSTGRES, protocol::Words::Any));
    }
    let known = protocol::recognise(exchange.heard.raw());
    // The answer to a packet of uwsgi is HTTP's; nothing else understands such a packet.
    let packet =
        exchange.said == Said::Greeting && exchange.line.as_ref().is_some_and(|line| line.raw() == UWSGI.name.as_bytes());
    known.map(|(tongue, words)| if packet && *tongue == HTTP && is_served(exchange) { (&UWSGI, words) } else { (tongue, words) })
}

/// True where an answer of HTTP is none to a broken request.
fn is_served(exchange: &Exchange) -> bool {
    HttpAnswer::of(exchange).is_some_and(|answer| !matches!(answer.status, 400 | 408 | 426))
}

/// Whether the answer to an upgrade names one of the subprotocols that the client offered; `None` where it offered none.
///
/// A browser leaves where it does not (`WebSockets` standard, section 2, after RFC 6455 section 4.1).
pub(crate) fn takes_subprotocol(case: &Case<'_>, answer: &HttpAnswer<'_>) -> Option<bool> {
    let offered = super::request::protocols(case)?;
    let chosen = answer.header("sec-websocket-protocol");
    Some(chosen.is_some_and(|chosen| offered.split(',').any(|token| token.trim() == chosen)))
}

/// The words are in these bytes, in any case.
pub(crate) fn has(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len().max(1)).any(|window| window.eq_ignore_ascii_case(words.as_bytes()))
}

/// True when the text, or another error of it, holds these words in any case.
pub(crate) fn text_has(case: &Case<'_>, words: &str) -> bool {
    case.paste.is_some_and(|paste| std::iter::once(paste).chain(&paste.others).any(|error| has(error.line.raw(), words)))
}

/// The line of the text, as a piece of evidence.
pub(crate) fn line(case: &Case<'_>) -> Option<Evidence> {
    let paste = case.paste?;
    Some(words::text_line(paste))
}

/// What came back, as a piece of evidence: `a HEAD request was answered by "HTTP/1.1 502 Bad Gateway"`.
pub(crate) fn heard_words(exchange: &Exchange) -> Evidence {
    let question = match exchange.said {
        Said::Nothing => "before anything was said to it, it".to_owned(),
        Said::Greeting if exchange.line.as_ref().is_some_and(|line| !is_greeted_back(exchange, line)) => {
            format!("to a greeting of {} it", exchange.line.as_ref().and_then(titled).unwrap_or("another protocol"))
        }
        Said::Http | Said::HttpByLocalhost | Said::Upgrade | Said::Proxied | Said::Tls | Said::Greeting => {
            format!("to {} it", words::said(exchange))
        }
    };
    let ended = match exchange.ended {
        Ended::Enough | Ended::Silence => "",
        Ended::Closed => ", and closed",
        Ended::Reset => ", and reset the connection",
    };
    if exchange.heard.raw().is_empty() {
        let fact = match exchange.ended {
            Ended::Enough | Ended::Silence => "said nothing",
            Ended::Closed => "closed without a byte",
            Ended::Reset => "reset the connection without a byte",
        };
        return Evidence::new("read(2)", format!("{question} {fact} in {} ms", exchange.first_ms));
    }
    let fact = match tongue(exchange) {
        Some(known) if *known == TLS => alert_words(exchange.heard.raw()),
        Some(known) if *known == HTTP2 => "answered with an HTTP/2 SETTINGS frame".to_owned(),
        Some(known) if *known == MYSQL => "sent a MySQL packet".to_owned(),
        Some(known) if *known == POSTGRES && exchange.heard.raw().len() == 1 => "answered as PostgreSQL does".to_owned(),
        Some(known) if !is_text(exchange.heard.raw()) => format!("answered as {} does", known.title),
        _ => format!("answered {:?}", first_line(exchange)),
    };
    Evidence::new("read(2)", format!("{question} {fact}{ended}"))
}

/// The protocol of a greeting, as people call it.
fn titled(line: &Text) -> Option<&'static str> {
    protocol::named(&line.shown()).map(|known| known.title)
}

/// True where a greeting was answered in its own protocol.
fn is_greeted_back(exchange: &Exchange, line: &Text) -> bool {
    tongue(exchange).is_some_and(|known| known.name == line.shown())
}

/// True for words that a person could read.
fn is_text(heard: &[u8]) -> bool {
    heard.iter().take_while(|byte| **byte != b'\n').all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
}

fn alert_words(heard: &[u8]) -> String {
    match heard {
        [21, ..] => "answered with a TLS alert".to_owned(),
        [22, ..] => "answered with a TLS handshake".to_owned(),
        _ => "answered in TLS".to_owned(),
    }
}

/// The first line of what was heard, at most 80 characters.
pub(crate) fn first_line(exchange: &Exchange) -> Shown {
    let line = exchange.heard.raw().split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
    Shown(Text::new(line).shown().chars().take(80).collect())
}

/// Text that is escaped already; `{:?}` puts it in quotation marks.
pub(crate) struct Shown(String);

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

/// True where a client that came over the network is let in.
pub(crate) fn lets_in(case: &Case<'_>) -> bool {
    case.connects() && !case.asked.transport.is_unix() && matches!(case.standing(), Standing::Connected(_))
}

/// True when what the text reports may still be so: the endpoint was not seen to refuse, and not seen to be gone; or a server
/// answered the text's client, whatever has become of it since.
pub(crate) fn text_may_stand(case: &Case<'_>) -> bool {
    let answered = case.paste.is_some_and(|paste| paste.symptom.is_answer());
    case.connects() && (answered || case.asked.port == 0 && case.asked.path.is_none() || !case.fails_to_connect())
}

/// The host as a client names it: the name, or the first address; safe in a command.
pub(crate) fn host(case: &Case<'_>) -> String {
    match (case.asked.name.as_deref().filter(|name| is_plain(name)), case.asked.addresses.first()) {
        (Some(name), _) => name.to_owned(),
        (None, Some(std::net::IpAddr::V6(v6))) => format!("[{v6}]"),
        (None, Some(address)) => address.to_string(),
        (None, None) => "localhost".to_owned(),
    }
}

/// True for a name or address with nothing in it that a shell or a file of settings would read in another way.
pub(crate) fn is_plain(host: &str) -> bool {
    !host.is_empty()
        && !host.starts_with('-')
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
}

/// True for a URL without a path, with nothing in it that a shell would read in another way.
pub(crate) fn is_plain_url(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, host)| scheme.bytes().all(|b| b.is_ascii_lowercase()) && is_plain(host))
}

/// The path that was asked about, safe in a command.
pub(crate) fn resource<'a>(case: &Case<'a>) -> &'a str {
    let asked = case.asked.resource.as_deref().filter(|resource| resource.starts_with('/'));
    asked.filter(|resource| Text::from(*resource).plain().is_some()).unwrap_or("/")
}

/// The URL that was asked about, with this scheme.
pub(crate) fn url(case: &Case<'_>, scheme: &str) -> String {
    let base = format!("{scheme}://{}:{}", host(case), case.asked.port);
    let resource = case.asked.resource.as_deref().filter(|resource| resource.starts_with('/')).unwrap_or("/");
    let whole = format!("{base}{resource}");
    if Text::from(whole.as_str()).plain().is_some() { whole } else { format!("{base}/") }
}

#[cfg(test)]
mod tests {
    use portward_model::{Ended, Exchange, Said, Text};

    use super::{HttpAnswer, POSTGRES, heard_words, tongue};

    fn heard(said: Said, bytes: &[u8]) -> Exchange {
        Exchange { said, line: None, heard: Text::new(bytes), ended: Ended::Enough, first_ms: 1 }
    }

    #[test]
    fn answers_are_read_and_shown_safely() {
        let exchange = heard(Said::Http, b"HTTP/1.1 302 Found\r\nLOCATION:  https://x/ \r\n\r\nLocation: no");
        let answer = HttpAnswer::of(&exchange).unwrap();
        assert_eq!((answer.status, answer.header("location").as_deref()), (302, Some("https://x/")));
        assert_eq!(heard_words(&exchange).fact.to_string(), "to a HEAD request it answered \"HTTP/1.1 302 Found\"");
        assert!(heard_words(&heard(Said::Nothing, b"\x1b[31mhi\n")).fact.to_string().contains("\\x1b[31mhi"));
        for short in [b"HTTP/1." as &[u8], b"HTTP/1.1 2", b"HTTP/1.1 abc"] {
            assert!(HttpAnswer::of(&heard(Said::Http, short)).is_none());
        }
    }

    #[test]
    fn a_letter_is_an_answer_to_a_greeting_alone() {
        assert_eq!(tongue(&heard(Said::Greeting, b"N")), Some(&POSTGRES));
        assert_eq!(tongue(&heard(Said::Http, b"N")), None);
    }
}
