cause! {
    "tls-untrusted-cert": "the client does not trust the server's certificate",
    Said, Endpoint(run),
    what: "\
The server speaks TLS, and its certificate is self-signed, of an authority that this client does not know, expired, or for another
name. The connection itself works.",
    evidence: "The client's own text; a ClientHello that is answered by TLS.",
    fix: "\
Let the client trust the authority that signed it (mkcert makes one for development), or make a certificate for this name.",
}

use portward_model::shell;

use portward_wire::protocol::{HTTP, TLS};

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    if case.symptom() != Some(Symptom::CertificateUntrusted) || !talk::text_may_stand(case) {
        return Ruling::Silent;
    }
    let exchanges = talk::exchanges(case);
    let tls = exchanges.iter().find(|(_, exchange)| talk::tongue(exchange) == Some(&TLS));
    let plain = exchanges.iter().find(|(_, exchange)| talk::tongue(exchange) == Some(&HTTP));
    // Who answers plainly now shows no certificate.
    if let (None, Some((_, exchange))) = (tls, plain) {
        return Ruling::out(talk::heard_words(exchange).fact);
    }
    let mut evidence: Vec<_> = talk::line(case).into_iter().collect();
    evidence.extend(tls.map(|(_, exchange)| talk::heard_words(exchange)));
    let what = WHY.iter().find(|(words, _)| talk::text_has(case, words)).map_or("is not trusted by the client", |(_, what)| what);
    let host = talk::host(case);
    let fixes = vec![
        Remedy::change("Make a certificate for this name that this machine trusts", shell!("mkcert -install && mkcert {}", host)),
        Remedy::look(
            "Read the certificate",
            shell!("openssl s_client -connect {}:{} -servername {} </dev/null", host, case.asked.port, host),
        ),
    ];
    let who = case.served().first().map_or_else(|| "The server".to_owned(), |(index, socket)| words::who(case, *index, socket));
    let summary = format!("{who} answers, and its certificate {what}.");
    let likelihood = if tls.is_some() { Likelihood::Certain } else { Likelihood::Likely };
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// What is wrong with it, by the words of the usual clients.
const WHY: &[(&str, &str)] = &[
    ("expired", "has expired"),
    ("DATE_INVALID", "has expired"),
    ("hostname mismatch", "is for another name"),
    ("no alternative certificate subject name", "is for another name"),
    ("COMMON_NAME_INVALID", "is for another name"),
    ("ERR_TLS_CERT_ALTNAME_INVALID", "is for another name"),
    ("doesn't match", "is for another name"),
    ("self-signed", "is self-signed"),
    ("self signed", "is self-signed"),
    ("SELF_SIGNED", "is self-signed"),
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
        let bare = || Scene::on(held(listener("127.0.0.1", 8443)), "127.0.0.1:8443");
        let line = "curl: (60) SSL certificate problem: self-signed certificate";
        let told = || bare().said(Symptom::CertificateUntrusted, Some("tls-untrusted-cert"), line);
        let hello = b"\x16\x03\x03\x00\x7a\x02";
        let mut https = bare();
        https.asked.scheme = Some("https".to_owned());
        Cases {
            fires: vec![told(), told().talked(Said::Tls, hello, Ended::Enough)],
            silent: vec![
                https.talked(Said::Tls, hello, Ended::Enough),
                told().talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
            ],
        }
    }
}
