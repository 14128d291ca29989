cause! {
    "still-loading": "the server answers that it is not ready yet",
    Dialogue, Event(run) if talk::text_may_stand,
    what: "\
The port is open and the server answers, in words: not yet. PostgreSQL starts up or recovers (57P03), Redis reads its file into memory
(LOADING), a web application says 503 with `Retry-After`. Whoever waited for the open port alone came too early.",
    evidence: "The server's own words, now or in the text. Where it answers otherwise now, the text is of another moment.",
    fix: "Wait until it answers as ready, not until the port is open.",
}

use portward_model::Exchange;

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let told = case.says(CAUSE.code);
    let heard = talk::exchanges(case).into_iter().map(|(_, exchange)| exchange).find(|exchange| is_loading(exchange));
    let mut evidence: Vec<_> = talk::line(case).filter(|_| told).into_iter().collect();
    let likelihood = match heard {
        Some(exchange) => {
            evidence.push(talk::heard_words(exchange));
            Likelihood::Certain
        }
        None if told => Likelihood::Likely,
        None => return Ruling::Silent,
    };
    if told && heard.is_none() {
        let other = talk::exchanges(case).into_iter().find(|(_, exchange)| !exchange.heard.raw().is_empty());
        evidence.extend(other.map(|(_, exchange)| talk::heard_words(exchange)));
    }
    let who = case.served().first().map_or_else(|| "The server".to_owned(), |(index, socket)| words::who(case, *index, socket));
    let fixes = match case.asked.port {
        0 if case.asked.path.is_none() => Vec::new(),
        _ => vec![offer::wait("Wait until it answers as ready", words::target(case))],
    };
    words::found(CAUSE.code, likelihood, format!("{who} answers that it is not ready yet."), evidence, fixes)
}

/// The usual servers' own words that they are loading.
fn is_loading(exchange: &Exchange) -> bool {
    let heard = exchange.heard.raw();
    let postgres = heard.first() == Some(&b'E') && talk::has(heard, "C57P03\0");
    let web = heard.starts_with(b"HTTP/1.") && heard.get(9..12) == Some(b"503") && talk::has(heard, "\nretry-after:");
    postgres || heard.starts_with(b"-LOADING ") || web
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
        let on = |port: u16| Scene::on(held(listener("127.0.0.1", port)), &format!("127.0.0.1:{port}"));
        let told = |scene: Scene| scene.said(Symptom::Other, Some("still-loading"), "FATAL:  the database system is starting up");
        let starting = b"E\x00\x00\x00\x5dSFATAL\x00VFATAL\x00C57P03\x00Mthe database system is starting up\x00\x00";
        let retry = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n\r\n";
        Cases {
            fires: vec![
                on(5432).talked(Said::Greeting, starting, Ended::Closed),
                on(6379).talked(Said::Greeting, b"-LOADING Redis is loading the dataset in memory\r\n", Ended::Enough),
                on(8080).talked(Said::Http, retry, Ended::Enough),
                told(on(5432)),
                told(on(5432)).talked(Said::Greeting, b"R\x00\x00\x00\x08\x00\x00\x00\x03", Ended::Enough),
            ],
            silent: vec![
                on(8080).talked(Said::Http, b"HTTP/1.1 503 Service Unavailable\r\n\r\n", Ended::Enough),
                on(6379).talked(Said::Greeting, b"+PONG\r\n", Ended::Enough),
            ],
        }
    }
}
