cause! {
    "tls-handshake-refused": "the server speaks TLS and refuses the handshake",
    Dialogue, Endpoint(run),
    what: "\
Both sides speak TLS, and the server ends the handshake with an alert (RFC 8446 section 6.2): it has no certificate for the name that
was asked for, no cipher or version in common with the client, or wants a certificate of the client. The port and the scheme
are right; what the two offer each other does not meet.",
    evidence: "A `ClientHello` that is answered by an alert, and which; or the text of a client that got one.",
    fix: "What the alert names: a certificate for this name, a version and cipher that both have, or a certificate of the client.",
}

use portward_model::{Exchange, Text, shell};

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    if !talk::text_may_stand(case) || case.asked.transport.is_unix() {
        return Ruling::Silent;
    }
    let client = talk::client(case).filter(|client| client.tls && client.told);
    let told = case.paste.is_some() && TEXTS.iter().any(|words| talk::text_has(case, words));
    // A server of TLS that nobody asked for TLS may answer our question as it likes.
    if client.is_none() && !told {
        return Ruling::Silent;
    }
    let exchanges = talk::exchanges(case);
    let answer = exchanges.iter().find(|(_, exchange)| exchange.said == Said::Tls);
    let alert = answer.and_then(|(_, exchange)| Some((exchange, alert(exchange)?)));
    let hello = answer.is_some_and(|(_, exchange)| exchange.heard.raw().first() == Some(&HANDSHAKE));
    let mut evidence = Vec::new();
    let (likelihood, code) = match (alert, told) {
        (Some((exchange, code)), _) => {
            let name = ALERTS.iter().find(|(known, ..)| *known == code).map_or("an alert", |(_, name, _)| name);
            evidence.push(Evidence::new("read(2)", format!("to a ClientHello it answered with the alert {name} ({code})")));
            evidence.extend(client.filter(|_| !told && exchange.said == Said::Tls).map(|client| client.why));
            (Likelihood::Certain, Some(code))
        }
        // Our own ClientHello offers what the client's may not.
        (None, true) if hello || answer.is_none() => {
            evidence.extend(answer.map(|(_, exchange)| talk::heard_words(exchange)));
            (Likelihood::Likely, None)
        }
        (None, _) => return Ruling::Silent,
    };
    evidence.extend(talk::line(case).filter(|_| told));
    let host = Text::from(talk::host(case).as_str()).shown();
    let at = format!("{host}:{}", case.asked.port);
    let said = ALERTS.iter().find(|(known, _, words)| match code {
        Some(code) => *known == code,
        None => words.iter().any(|words| talk::text_has(case, words)),
    });
    let what = match said.map(|(code, ..)| *code) {
        Some(112) => format!("it has no certificate for the name {host}"),
        Some(70) => "it speaks another version of TLS than the client".to_owned(),
        Some(116 | 42) => "it wants a certificate of the client".to_owned(),
        Some(120) => "it speaks no protocol that the client offers inside TLS (ALPN)".to_owned(),
        Some(40 | 71) => "it has no certificate to show, or no cipher in common with the client".to_owned(),
        _ => "the two offer nothing that both accept".to_owned(),
    };
    let fixes = vec![
        Remedy::look("See where the handshake ends", shell!("openssl s_client -connect {} -servername {} </dev/null", at, host)),
        Remedy::change("Make a certificate for this name, and give it to the server", shell!("mkcert {}", host)),
    ];
    let who = case.served().first().map(|(index, socket)| words::who(case, *index, socket));
    let summary = format!("{} refuses the TLS handshake: {what}.", who.unwrap_or_else(|| "The server".to_owned()));
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// The description of the alert that answers a `ClientHello`: a record of type 21 with two bytes (RFC 8446 section 6).
fn alert(exchange: &Exchange) -> Option<u8> {
    match exchange.heard.raw() {
        [21, 3, _, 0, 2, _, description, ..] => Some(*description),
        _ => None,
    }
}

/// The content type of a handshake record, RFC 8446 section 5.1.
const HANDSHAKE: u8 = 22;

/// Descriptions of alerts by which a server ends a handshake, and how clients name them in lower case.
const ALERTS: &[(u8, &str, &[&str])] = &[
    (40, "handshake_failure", &["alert handshake failure", "handshake_failure", "handshake failure"]),
    (42, "bad_certificate", &["alert bad certificate", "bad_certificate"]),
    (47, "illegal_parameter", &["alert illegal parameter"]),
    (70, "protocol_version", &["alert protocol version", "protocol_version", "protocol version not supported"]),
    (71, "insufficient_security", &["insufficient security", "insufficient_security"]),
    (80, "internal_error", &["alert internal error", "tls: internal error"]),
    (112, "unrecognized_name", &["unrecognized name", "unrecognized_name"]),
    (116, "certificate_required", &["certificate required", "certificate_required"]),
    (120, "no_application_protocol", &["no application protocol", "no_application_protocol"]),
];

/// What clients print of an alert that they were sent.
const TEXTS: &[&str] = &[
    "alert handshake failure",
    "received fatal alert",
    "handshake_failure",
    "alert protocol version",
    "alert bad certificate",
    "alert internal error",
    "remote error: tls:",
    "unrecognized name",
    "unrecognized_name",
    "certificate required",
    "no application protocol",
    "ERR_SSL_VERSION_OR_CIPHER_MISMATCH",
    "SSL_ERROR_NO_CYPHER_OVERLAP",
    "ERR_BAD_SSL_CLIENT_AUTH_CERT",
    "SSLV3_ALERT",
    "TLSV1_ALERT",
    "TLSV13_ALERT",
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
        let bare = || Scene::on(held(listener("127.0.0.1", 3443)), "127.0.0.1:3443");
        let https = || bare().but(|scene| scene.asked.scheme = Some("https".to_owned()));
        let told = |scene: Scene| {
            let line = "curl: (35) OpenSSL/3.0.22: error:0A000410:SSL routines::sslv3 alert handshake failure";
            scene.said(Symptom::TlsUnexpected, None, line)
        };
        let refused = b"\x15\x03\x03\x00\x02\x02\x28";
        let hello = b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76";
        Cases {
            fires: vec![
                https().talked(Said::Tls, refused, Ended::Closed),
                https().talked(Said::Tls, b"\x15\x03\x01\x00\x02\x02\x70", Ended::Enough),
                told(bare()).talked(Said::Tls, refused, Ended::Closed),
                told(bare()).talked(Said::Tls, hello, Ended::Enough),
            ],
            silent: vec![
                bare().talked(Said::Tls, refused, Ended::Closed),
                https().talked(Said::Tls, hello, Ended::Enough),
                https().talked(Said::Tls, b"HTTP/1.1 400 Bad Request\r\n\r\n", Ended::Closed),
                told(bare()).talked(Said::Tls, b"HTTP/1.1 400 Bad Request\r\n\r\n", Ended::Closed),
            ],
        }
    }
}
