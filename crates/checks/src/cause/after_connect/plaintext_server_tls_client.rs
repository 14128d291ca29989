cause! {
    "plaintext-server-tls-client": "the client begins with TLS, and the server does not speak it",
    Dialogue, Endpoint(run) if talk::text_may_stand,
    what: "The client dialled `https`, and the server speaks plain HTTP on that port. It takes the first bytes of TLS for a broken
request. Clients report \"wrong version number\", \"packet length too long\" or ERR_SSL_PROTOCOL_ERROR.",
    evidence: "\
A ClientHello is answered by anything but TLS (RFC 8446 section 5.1: a record begins with 20 to 23), or is not answered
while a plain request is.",
    fix: "Dial `http://`, or give the server a certificate.",
}

use portward_model::shell;

use portward_wire::protocol::{HTTP, TLS};

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let client = talk::client(case).filter(|client| client.tls && client.told);
    let told = case.symptom() == Some(Symptom::TlsUnexpected);
    if client.is_none() && !told {
        return Ruling::Silent;
    }
    let exchanges = talk::exchanges(case);
    if let Some((_, exchange)) = exchanges.iter().find(|(_, e)| talk::tongue(e) == Some(&TLS)) {
        return Ruling::out(talk::heard_words(exchange).fact);
    }
    // nginx and others say in plain HTTP that they speak TLS.
    if talk::answers(case).iter().any(|(_, _, answer)| super::tls_server_plain_client::says_tls(answer)) {
        return Ruling::Silent;
    }
    let plain = exchanges.iter().find(|(_, exchange)| !exchange.heard.raw().is_empty());
    let refused = exchanges.iter().find(|(_, exchange)| exchange.said == Said::Tls);
    let mut evidence: Vec<_> = client.filter(|_| !told).map(|client| client.why).into_iter().collect();
    let likelihood = match (plain, refused, told) {
        (Some((_, exchange)), _, _) => {
            evidence.push(talk::heard_words(exchange));
            Likelihood::Certain
        }
        (None, Some((_, exchange)), true) => {
            evidence.push(talk::heard_words(exchange));
            Likelihood::Likely
        }
        (None, Some((_, exchange)), false) => {
            evidence.push(talk::heard_words(exchange));
            Likelihood::Possible
        }
        (None, None, true) => Likelihood::Likely,
        (None, None, false) => return Ruling::Silent,
    };
    evidence.extend(talk::line(case).filter(|_| told));
    let who = case.served().first().map(|(index, socket)| words::who(case, *index, socket));
    let who = who.unwrap_or_else(|| "The server".to_owned());
    let summary = format!("{who} speaks no TLS on this port, and the client began with it.");
    // What it speaks plainly need not be HTTP.
    let fix = match talk::server(case).filter(|(tongue, _)| *tongue != &HTTP) {
        Some((tongue, _)) => Remedy::look("Dial it without TLS", tongue.client_for(&talk::host(case), case.asked.port)),
        None if talk::client(case).is_none_or(|client| *client.tongue == HTTP) => {
            Remedy::look("Dial it as http", shell!("curl -i {}", talk::url(case, "http")))
        }
        None => offer::explain("Dial it without TLS; see what it is", words::target(case)),
    };
    let fixes = vec![fix];
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Ended, Met, Said};

    use crate::{
        Symptom,
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener},
    };

    pub(crate) fn cases() -> Cases {
        let bare = || Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000");
        let https = || {
            let mut scene = bare();
            scene.asked.scheme = Some("https".to_owned());
            scene
        };
        let wrong = || {
            bare().said(
                Symptom::TlsUnexpected,
                Some("plaintext-server-tls-client"),
                "curl: (35) error:0A00010B:SSL routines::wrong version number",
            )
        };
        let mut gone = Scene::connect("127.0.0.1:3000").tried(Met::Failed(111));
        gone.asked.scheme = Some("https".to_owned());
        Cases {
            fires: vec![
                https().talked(Said::Tls, b"HTTP/1.1 400 Bad Request\r\n\r\n", Ended::Closed),
                https().talked(Said::Tls, b"", Ended::Closed).talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
                https().talked(Said::Tls, b"", Ended::Silence).talked(Said::Http, b"HTTP/1.0 501 x\r\n\r\n", Ended::Enough),
                https().talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
                wrong().talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
                wrong(),
                https().talked(Said::Nothing, b"SSH-2.0-OpenSSH\r\n", Ended::Enough),
            ],
            silent: vec![
                https().talked(Said::Tls, b"\x16\x03\x03\x00\x7a\x02", Ended::Enough),
                https().talked(Said::Tls, b"\x15\x03\x01\x00\x02\x02\x28", Ended::Closed),
                wrong().talked(Said::Tls, b"\x16\x03\x03\x00\x7a\x02", Ended::Enough),
                bare().talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
                https().talked(
                    Said::Http,
                    b"HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port",
                    Ended::Enough,
                ),
                gone,
            ],
        }
    }

    #[test]
    fn a_resource_is_one_word_of_the_command() {
        let mut scene = cases().fires.remove(0);
        scene.asked.resource = Some("/a?b=1&c;reboot".to_owned());
        let crate::check::Ruling::Found(cause) = super::run(&scene.case()) else { panic!("silent") };
        assert_eq!(cause.remedies[0].line(), "curl -i 'http://127.0.0.1:3000/a?b=1&c;reboot'");
    }
}
