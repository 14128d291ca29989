cause! {
    "server-resets": "the server resets connections that it has accepted",
    Absence, Endpoint(run) if talk::lets_in,
    what: "\
The handshake is completed, and then the server sends a reset instead of an end: its worker crashed, it closes with data unread,
or it closes with SO_LINGER set to 0. Clients report \"connection reset by peer\" or \"socket hang up\".",
    evidence: "A reset after the handshake, before an answer or in the middle of one.",
    fix: "Read the server's log for the moment of the connection; look for a worker that ends.",
}

use portward_model::Ended;

use super::server_closes_immediately::{confidence, leaves_our_words_alone};
use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let exchanges = talk::clients_own(case);
    let Some((attempt, exchange)) = exchanges.first() else { return Ruling::Silent };
    if exchange.ended != Ended::Reset || leaves_our_words_alone(case) || exchanges.iter().any(|(_, exchange)| answered(exchange))
    {
        return Ruling::Silent;
    }
    let Some((index, socket)) = case.served().first().copied() else { return Ruling::Silent };
    let who = words::who(case, index, socket);
    let likelihood = if exchange.heard.raw().is_empty() { confidence(case, exchange.said) } else { Likelihood::Likely };
    let summary = match exchange.said {
        Said::Nothing => format!("{who} accepts connections and resets them before anything is said."),
        _ => format!("{who} accepts connections and resets them when it is spoken to."),
    };
    let mut evidence = vec![words::tried(attempt), talk::heard_words(exchange)];
    evidence.extend(talk::line(case));
    let target = words::target(case);
    let fixes = vec![offer::explain("Find what runs it and where it logs", target)];
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// True when what came is an answer by itself, whatever came after it.
fn answered(exchange: &portward_model::Exchange) -> bool {
    matches!(exchange.ended, Ended::Enough | Ended::Closed | Ended::Silence) && !exchange.heard.raw().is_empty()
        || talk::tongue(exchange).is_some()
}

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
        let mut url = scene().talked(Said::Http, b"", Ended::Reset);
        url.asked.scheme = Some("http".to_owned());
        Cases {
            fires: vec![
                scene().talked(Said::Nothing, b"", Ended::Reset),
                url,
                scene().said(Symptom::Reset, None, "curl: (56) Recv failure: Connection reset by peer").talked(
                    Said::Http,
                    b"",
                    Ended::Reset,
                ),
                scene().talked(Said::Http, b"gar", Ended::Reset),
            ],
            silent: vec![
                scene().talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Reset),
                scene().talked(Said::Nothing, b"", Ended::Closed),
                scene().said(Symptom::Reset, None, "socket hang up").talked(
                    Said::Http,
                    b"HTTP/1.1 200 OK\r\n\r\n",
                    Ended::Enough,
                ),
                scene().talked(Said::Http, b"", Ended::Silence),
            ],
        }
    }
}
