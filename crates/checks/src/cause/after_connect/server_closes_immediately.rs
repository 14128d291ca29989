cause! {
    "server-closes-immediately": "the server closes every connection without a word",
    Absence, Endpoint(run) if talk::lets_in,
    what: "The server accepts and closes, without an answer: an allow-list that refuses this client, a full house, a worker that
fails as it starts. Clients report an empty reply; one that has already sent its request may read a reset
instead, because closing with unread data sends one.",
    evidence: "The handshake was completed; then came an end (FIN) before a single byte. An end before anything was said is the
server's own; one after a question tells something only where the question is in the language that the client speaks too.",
    fix: "Read the server's own log for the moment of the connection.",
}

use portward_model::Ended;
use portward_wire::protocol::{self, HTTP};

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let exchanges = talk::clients_own(case);
    let Some((attempt, exchange)) = exchanges.first() else { return Ruling::Silent };
    if exchanges.iter().any(|(_, exchange)| !exchange.heard.raw().is_empty()) {
        // That it speaks is worth a line only where a client met silence.
        let asked = matches!(case.symptom(), Some(Symptom::EmptyReply | Symptom::Reset | Symptom::NoAnswer));
        let bytes = exchange.heard.raw().len();
        return if asked && bytes > 0 { Ruling::out(format!("it sent {bytes} bytes")) } else { Ruling::Silent };
    }
    if exchange.ended != Ended::Closed || leaves_our_words_alone(case) {
        return Ruling::Silent;
    }
    let Some((index, socket)) = case.served().first().copied() else { return Ruling::Silent };
    let who = words::who(case, index, socket);
    let likelihood = confidence(case, exchange.said);
    let summary = match exchange.said {
        Said::Nothing => format!("{who} accepts connections and closes them at once."),
        _ => format!("{who} accepts connections and closes them without an answer."),
    };
    let mut evidence = vec![words::tried(attempt), talk::heard_words(exchange)];
    evidence.extend(talk::line(case).filter(|_| exchange.said != Said::Nothing));
    let target = words::target(case);
    let fixes = vec![offer::explain("Find what runs it and where it logs", target)];
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// True where a connection on which nothing is said is kept: it left the words, and they need not be those of its clients. What
/// stands behind a forwarder may speak anything.
pub(super) fn leaves_our_words_alone(case: &Case<'_>) -> bool {
    let keeps = talk::exchanges(case).iter().any(|(_, told)| told.said == Said::Nothing && told.ended == Ended::Silence);
    let own_words = talk::client(case).is_some_and(|client| client.told && *client.tongue == HTTP);
    keeps && !own_words
}

/// How sure it is that leaving without a byte is a fault, after this was said.
pub(super) fn confidence(case: &Case<'_>, said: Said) -> Likelihood {
    let met = case.says(CAUSE.code) || matches!(case.symptom(), Some(Symptom::EmptyReply | Symptom::Reset | Symptom::NoAnswer));
    let own_words = talk::client(case).is_some_and(|client| {
        client.told
            && match said {
                Said::Http | Said::HttpByLocalhost | Said::Upgrade | Said::Proxied => *client.tongue == HTTP && !client.tls,
                Said::Tls => client.tls,
                Said::Nothing | Said::Greeting => true,
            }
    });
    let exchanges = talk::exchanges(case);
    let leaves_all = [Said::Http, Said::Tls].iter().all(|said| exchanges.iter().any(|(_, e)| e.said == *said && talk::left(e)));
    let ephemeral = case.snapshot.rules.as_ref().is_some_and(|rules| rules.is_ephemeral(case.asked.port));
    // A server of some other protocol may well end a conversation that begins with a request of HTTP.
    if said == Said::Nothing || said == Said::Greeting || met || own_words || (leaves_all && !ephemeral && web_port(case)) {
        Likelihood::Likely
    } else {
        Likelihood::Possible
    }
}

/// True for a port of HTTP: no service with a language of its own is usual there.
fn web_port(case: &Case<'_>) -> bool {
    let port = case.asked.port;
    WEB.contains(&port) || protocol::of_port(port).is_some_and(|(known, _)| *known == HTTP)
}

/// Usual ports of development servers, APIs and pages.
const WEB: [u16; 25] = [
    1420, 2019, 3000, 3001, 3030, 3333, 4000, 4040, 4200, 4318, 4321, 5001, 5173, 5174, 6443, 7070, 8000, 8081, 8123, 8188, 8474,
    9443, 9600, 9999, 54321,
];

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Ended, Said};

    use crate::{
        Symptom,
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener},
    };

    pub(crate) fn cases() -> Cases {
        let scene = || Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000");
        let mut url = scene().talked(Said::Http, b"", Ended::Closed);
        url.asked.scheme = Some("http".to_owned());
        Cases {
            fires: vec![
                scene().talked(Said::Nothing, b"", Ended::Closed),
                // Plain words to a ClientHello that the client never sent are no answer to it.
                url.clone().talked(Said::Tls, b"HTTP/1.1 400 Bad Request\r\n\r\n", Ended::Closed),
                url,
                scene().talked(Said::Http, b"", Ended::Closed).talked(Said::Tls, b"", Ended::Closed),
                scene().said(Symptom::EmptyReply, None, "curl: (52) Empty reply from server").talked(
                    Said::Http,
                    b"",
                    Ended::Closed,
                ),
            ],
            silent: vec![
                scene().talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
                scene().talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Closed),
                scene().talked(Said::Nothing, b"SSH-2.0-x\r\n", Ended::Enough),
                scene().talked(Said::Http, b"", Ended::Silence),
                scene().talked(Said::Nothing, b"", Ended::Silence),
            ],
        }
    }
}
