cause! {
    "websocket-subprotocol-missing": "the server does not take up a subprotocol of the WebSocket",
    Said, Endpoint(run) if talk::text_may_stand,
    what: "\
A client of WebSockets may offer subprotocols (`Sec-WebSocket-Protocol`: `graphql-transport-ws`, `vite-hmr`, `mqtt`), and the server
names the one that it speaks in its answer (RFC 6455 section 1.9). A browser leaves where the answer names none, or one that
was not offered (WebSockets standard); other clients may stay.",
    evidence: "\
The text of the failed handshake; the answer to the same upgrade with the same offer, as far as the text tells it.",
    fix: "Let the server answer with one of the names, or let the page offer none: `new WebSocket(url)`.",
}

use portward_model::shell;

use crate::{case::request, cause::prelude::*};

fn run(case: &Case<'_>) -> Ruling {
    let told = case.says(CAUSE.code);
    let upgraded = talk::on(case, Said::Upgrade).and_then(|(_, exchange)| Some((exchange, talk::HttpAnswer::of(exchange)?)));
    let upgraded = upgraded.filter(|(_, answer)| answer.status == 101);
    let takes = upgraded.and_then(|(_, answer)| talk::takes_subprotocol(case, &answer));
    if takes == Some(true) {
        return if told { Ruling::out("the server takes up what the client offers") } else { Ruling::Silent };
    }
    if !told && takes.is_none() {
        return Ruling::Silent;
    }
    let mut evidence: Vec<Evidence> = talk::line(case).filter(|_| told).into_iter().collect();
    let offered = request::protocols(case);
    if let (Some((exchange, answer)), Some(offered)) = (upgraded, offered) {
        let chosen = answer
            .header("sec-websocket-protocol")
            .map_or_else(|| "none".to_owned(), |chosen| Text::from(chosen.as_str()).shown());
        evidence.push(talk::heard_words(exchange));
        evidence.push(Evidence::new("read(2)", format!("{offered} was offered, and the answer names {chosen}")));
    }
    let likelihood = if takes == Some(false) { Likelihood::Certain } else { Likelihood::Likely };
    let who = case.served().first().map_or_else(|| "The server".to_owned(), |(index, socket)| words::who(case, *index, socket));
    let summary = match offered {
        Some(offered) => format!("{who} does not take up the subprotocol that was offered ({offered}), and a browser leaves."),
        None => format!("{who} does not take up the subprotocol that the page offers, and a browser leaves."),
    };
    let fix = Remedy::look(
        "See what it answers to the offer",
        shell!(
            "curl -i --max-time 3 --http1.1 -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: cG9ydHdhcmQtZG9jdG9yIQ==' -H {} {}",
            format!("Sec-WebSocket-Protocol: {}", offered.unwrap_or("NAME")),
            talk::url(case, "http")
        ),
    );
    words::found(CAUSE.code, likelihood, summary, evidence, vec![fix])
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::Ended;

    use super::Said;
    use crate::{
        Symptom,
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener},
        paste::Request,
    };

    pub(crate) fn cases() -> Cases {
        let bare = || Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000");
        let line = "Sent non-empty 'Sec-WebSocket-Protocol' header but no response was received";
        let told = |protocols: Option<&str>| {
            let protocols = protocols.map(str::to_owned);
            bare().said(Symptom::HttpStatus, Some("websocket-subprotocol-missing"), line).but(move |scene| {
                scene.paste.as_mut().unwrap().request = Some(Request { upgrade: true, protocols, ..Request::default() });
            })
        };
        let offers = |scene: Scene| scene.but(|scene| scene.paste.as_mut().unwrap().says = None);
        let answers = |scene: Scene, chosen: &str| {
            let head = format!("HTTP/1.1 101 Switching Protocols\r\n{chosen}\r\n");
            scene.talked(Said::Upgrade, head.as_bytes(), Ended::Enough)
        };
        Cases {
            fires: vec![
                told(None),
                answers(told(Some("graphql-ws")), ""),
                answers(told(Some("graphql-ws")), "Sec-WebSocket-Protocol: mqtt\r\n"),
                answers(offers(told(Some("a, b"))), "Sec-WebSocket-Protocol: c\r\n"),
            ],
            silent: vec![
                answers(offers(told(Some("a, b"))), "sec-websocket-protocol: b\r\n"),
                answers(offers(told(None)), ""),
                offers(told(Some("a"))).talked(Said::Upgrade, b"HTTP/1.1 403 Forbidden\r\n\r\n", Ended::Enough),
                bare(),
            ],
        }
    }
}
