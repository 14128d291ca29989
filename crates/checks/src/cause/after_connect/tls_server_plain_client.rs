cause! {
    "tls-server-plain-client": "the server expects TLS, and the client speaks plainly",
    Dialogue, Endpoint(run) if talk::text_may_stand,
    what: "The client dialled `http`, and the server speaks TLS on that port. It answers a plain request by a TLS alert, by a
reset or an end, or by a page that says so.",
    evidence: "\
A plain request is answered by a TLS record, by \"plain HTTP request was sent to HTTPS port\" or the like, or by an end
while a ClientHello is answered by a ServerHello.",
    fix: "Dial `https://`.",
}

use portward_model::shell;

use portward_wire::protocol::{HTTP, TLS};

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let client = talk::client(case).filter(|client| client.told);
    let told = case.symptom() == Some(Symptom::TlsExpected);
    let cut = matches!(case.symptom(), Some(Symptom::EmptyReply | Symptom::Reset | Symptom::NoAnswer | Symptom::WrongProtocol));
    let speaks_plainly = client.as_ref().is_some_and(|client| !client.tls);
    // A TLS server that nobody asked to speak plainly is well.
    if !(speaks_plainly || told || (cut && client.as_ref().is_none_or(|client| !client.tls))) {
        return Ruling::Silent;
    }
    let exchanges = talk::exchanges(case);
    let spoke_tls = exchanges.iter().find(|(_, exchange)| talk::tongue(exchange) == Some(&TLS));
    let page = talk::answers(case).into_iter().find(|(_, _, answer)| says_tls(answer));
    // Who speaks both says so in an answer that is none to a broken request.
    let refuses = talk::http(case).is_none_or(|(_, _, answer)| matches!(answer.status, 400 | 426));
    let handshake = |exchange: &portward_model::Exchange| exchange.heard.raw().first() == Some(&22);
    let spoke_tls =
        spoke_tls.filter(|(_, exchange)| page.is_some() || talk::http(case).is_none() || (refuses && handshake(exchange)));
    let talks_http = client.as_ref().is_none_or(|client| *client.tongue == HTTP);
    let mut evidence: Vec<_> = client.map(|client| client.why).into_iter().collect();
    let likelihood = if let Some((_, exchange)) = spoke_tls {
        evidence.push(talk::heard_words(exchange));
        evidence
            .extend(talk::on(case, Said::Http).filter(|(_, plain)| talk::left(plain)).map(|(_, plain)| talk::heard_words(plain)));
        Likelihood::Certain
    } else if let Some((_, exchange, _)) = page {
        evidence.push(talk::heard_words(exchange));
        evidence.push(Evidence::new("read(2)", "the page says that a plain request was sent to a TLS port"));
        Likelihood::Certain
    } else if let Some((_, exchange, _)) = talk::http(case) {
        return if told || cut { Ruling::out(talk::heard_words(exchange).fact) } else { Ruling::Silent };
    } else if told {
        Likelihood::Likely
    } else if let Some((_, exchange)) = exchanges.iter().find(|(_, e)| talk::left(e)).filter(|_| usually_tls(case)) {
        evidence.push(talk::heard_words(exchange));
        Likelihood::Likely
    } else {
        return Ruling::Silent;
    };
    evidence.extend(talk::line(case).filter(|_| told || cut));
    let who = case.served().first().map(|(index, socket)| words::who(case, *index, socket));
    let who = who.unwrap_or_else(|| "The server".to_owned());
    let summary = format!("{who} speaks TLS on this port, and the client did not.");
    // TLS carries any protocol.
    let fixes = vec![if talks_http {
        Remedy::look("Dial it as https", shell!("curl -ik {}", talk::url(case, "https")))
    } else {
        let at = format!("{}:{}", talk::host(case), case.asked.port);
        Remedy::look("Dial it with TLS, and see its certificate", shell!("openssl s_client -connect {}", at))
    }];
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// True when an HTTP answer says that TLS is spoken here: the wordings of nginx, Go, Apache, Tomcat and Python's asyncio.
pub(super) fn says_tls(answer: &talk::HttpAnswer<'_>) -> bool {
    answer.status == 400 && SAYINGS.iter().any(|saying| answer.has(saying))
}

const SAYINGS: &[&str] = &[
    "plain HTTP request was sent to HTTPS port",
    "sent an HTTP request to an HTTPS server",
    "speaking plain HTTP to an SSL-enabled server port",
    "combination of host and port requires TLS",
    "HTTP request was sent to a TLS",
];

/// True for ports whose usual service speaks TLS.
fn usually_tls(case: &Case<'_>) -> bool {
    matches!(case.asked.port, 443 | 465 | 636 | 853 | 993 | 995 | 2376 | 4443 | 5671 | 6443 | 8443 | 9443)
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

    const HELLO: &[u8] = b"\x16\x03\x03\x00\x7a\x02";

    pub(crate) fn cases() -> Cases {
        let bare = || Scene::on(held(listener("127.0.0.1", 8443)), "127.0.0.1:8443");
        let http = || {
            let mut scene = bare();
            scene.asked.scheme = Some("http".to_owned());
            scene
        };
        let empty = || bare().said(Symptom::EmptyReply, None, "curl: (52) Empty reply from server");
        let page = b"HTTP/1.1 400 Bad Request\r\n\r\n<title>400 The plain HTTP request was sent to HTTPS port</title>";
        let go = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
        Cases {
            fires: vec![
                http().talked(Said::Http, b"\x15\x03\x01\x00\x02\x02\x46", Ended::Closed),
                http().talked(Said::Http, b"", Ended::Reset).talked(Said::Tls, HELLO, Ended::Enough),
                http().talked(Said::Http, page, Ended::Enough),
                http().talked(Said::Http, b"HTTP/1.1 400 Bad Request\r\n\r\n", Ended::Enough).talked(
                    Said::Tls,
                    HELLO,
                    Ended::Enough,
                ),
                http().talked(Said::Http, go, Ended::Enough),
                empty().talked(Said::Http, b"", Ended::Closed).talked(Said::Tls, HELLO, Ended::Enough),
                bare().said(
                    Symptom::TlsExpected,
                    Some("tls-server-plain-client"),
                    "400 The plain HTTP request was sent to HTTPS port",
                ),
                http().talked(Said::Http, b"", Ended::Closed),
            ],
            silent: vec![
                http().talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough).talked(Said::Tls, HELLO, Ended::Enough),
                bare().talked(Said::Http, b"\x15\x03\x01\x00\x02\x02\x46", Ended::Closed),
                bare().talked(Said::Http, b"", Ended::Closed).talked(Said::Tls, HELLO, Ended::Enough),
                http().talked(Said::Http, b"HTTP/1.1 400 Bad Request\r\n\r\nmissing field", Ended::Enough),
                empty().talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
            ],
        }
    }
}
