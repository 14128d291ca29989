cause! {
    "too-many-connections": "the server says that it serves too many connections",
    Dialogue, Endpoint(run) if talk::text_may_stand,
    what: "The server is up and answers that all its places are taken: PostgreSQL 53300, MySQL 1040 and 1203, Redis \"max number
of clients\". Usually a pool is too large, or a program opens connections and never closes them.",
    evidence: "The server's own first words.",
    fix: "See who holds the connections, and close or pool them; then raise the server's limit if it must be.",
}

use portward_model::Exchange;
use portward_wire::protocol::Words;

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let heard = talk::exchanges(case).into_iter().find(|(_, exchange)| full(exchange));
    let told = case.symptom() == Some(Symptom::TooManyConnections);
    let mut evidence = Vec::new();
    let likelihood = match heard {
        Some((_, exchange)) => {
            evidence.push(Evidence::new("read(2)", format!("it answered {:?}", talk::first_line(exchange))));
            Likelihood::Certain
        }
        None if told => match talk::exchanges(case).into_iter().find(|(_, e)| !e.heard.raw().is_empty()) {
            // It has places again; the text is of another moment, and may be so again.
            Some((_, exchange)) => {
                evidence.push(talk::heard_words(exchange));
                Likelihood::Possible
            }
            None => Likelihood::Likely,
        },
        None => return Ruling::Silent,
    };
    evidence.extend(talk::line(case).filter(|_| told));
    let connected = case.in_state(SocketState::Established).count();
    if connected > 0 {
        evidence.push(Evidence::new("sock_diag", format!("{connected} connections are established on the port")));
    }
    let who = case.served().first().map_or_else(|| "The server".to_owned(), |(index, socket)| words::who(case, *index, socket));
    let fixes = vec![offer::graph("See who holds its connections, and close or pool them", words::target(case))];
    words::found(CAUSE.code, likelihood, format!("{who} says that it serves too many connections."), evidence, fixes)
}

/// The refusals of the usual servers.
fn full(exchange: &Exchange) -> bool {
    let heard = exchange.heard.raw();
    talk::heard(exchange).map_or(heard.starts_with(b"421") && talk::has(heard, "too many"), |(_, words)| words == Words::Full)
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
        let bare = || Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000");
        let told =
            || bare().said(Symptom::TooManyConnections, Some("too-many-connections"), "ERROR 1040 (HY000): Too many connections");
        let postgres = b"E\x00\x00\x00\x5dSFATAL\x00VFATAL\x00C53300\x00Msorry, too many clients already\x00\x00";
        let mut web = bare().talked(Said::Http, b"-ERR max number of clients reached\r\n", Ended::Closed);
        web.asked.scheme = Some("http".to_owned());
        Cases {
            fires: vec![
                bare().talked(Said::Nothing, b"\x17\x00\x00\x00\xff\x10\x04Too many connections", Ended::Closed),
                bare().talked(Said::Greeting, postgres, Ended::Closed),
                bare().talked(Said::Greeting, b"-ERR max number of clients reached\r\n", Ended::Closed),
                web,
                told(),
            ],
            silent: vec![
                bare().talked(Said::Nothing, b"J\x00\x00\x00\x0a5.5.5-10.11\x00", Ended::Enough),
                bare().talked(
                    Said::Greeting,
                    b"E\x00\x00\x00\x5dSFATAL\x00VFATAL\x00C57P03\x00Mthe database system is starting up\x00\x00",
                    Ended::Closed,
                ),
                bare().talked(Said::Greeting, b"-NOAUTH Authentication required.\r\n", Ended::Enough),
            ],
        }
    }
}
