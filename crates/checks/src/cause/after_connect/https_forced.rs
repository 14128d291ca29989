cause! {
    "https-forced": "the server sends plain clients to https on a port that does not speak it",
    Dialogue, Endpoint(run),
    what: "\
A framework's rule for production (\"force SSL\", a redirect, an HSTS header) is on in development. The plain port answers
every request with a redirect to `https` on itself, or a browser remembers from another project that this host speaks https only.",
    evidence: "\
The answer is a redirect to https with the same port, or carries Strict-Transport-Security, and the port answers plainly.",
    fix: "\
Turn the rule off in development: `SECURE_SSL_REDIRECT = False`, `config.force_ssl = false`; then delete what the browser
remembers for this host (chrome://net-internals/#hsts).",
}

use portward_wire::protocol::TLS;

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    if !case.connects() || talk::exchanges(case).iter().any(|(_, e)| talk::tongue(e) == Some(&TLS)) {
        return Ruling::Silent;
    }
    let Some((_, exchange, answer)) = talk::http(case) else { return Ruling::Silent };
    let location = answer.header("location").filter(|_| matches!(answer.status, 301 | 302 | 303 | 307 | 308));
    let target = location.as_deref().and_then(https_target);
    let told = case.symptom() == Some(Symptom::TlsUnexpected) || case.says(CAUSE.code);
    let port = case.asked.port;
    let same_host = |host: &str| {
        let bare = host.trim_matches(['[', ']']);
        case.asked.name.as_deref() == Some(bare)
            || bare == "localhost"
            || bare.parse().is_ok_and(|address: IpAddr| address.is_loopback() || case.asked.addresses.contains(&address))
    };
    let mut evidence = vec![talk::heard_words(exchange)];
    let likelihood = match target {
        Some((host, to)) if same_host(&host) && to == port && port != 443 => Likelihood::Certain,
        // To another port: that is how a plain port leads to its TLS neighbour, unless the client says that it failed.
        Some((host, _)) if same_host(&host) && told => Likelihood::Certain,
        None if told && answer.header("strict-transport-security").is_some() => Likelihood::Certain,
        Some(_) | None => return Ruling::Silent,
    };
    match &location {
        Some(location) => {
            evidence.push(Evidence::new("read(2)", format!("Location: {}", Text::from(location.as_str()))));
        }
        None => evidence.push(Evidence::new("read(2)", "the plain answer carries Strict-Transport-Security")),
    }
    evidence.extend(talk::line(case).filter(|_| told));
    let who = case.served().first().map_or_else(|| "The server".to_owned(), |(index, socket)| words::who(case, *index, socket));
    let summary = format!("{who} sends plain clients to https on a port that does not speak TLS.");
    let fixes = vec![
        Remedy::advice(
            "Turn off its rule that forces https",
            "SECURE_SSL_REDIRECT=False (Django), config.force_ssl=false (Rails)",
            Effect::Change,
        ),
        Remedy::advice("Then delete what the browser remembers of this host", "chrome://net-internals/#hsts", Effect::Change),
    ];
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// Host and port of an `https` URL.
fn https_target(location: &str) -> Option<(String, u16)> {
    let rest = location.get(..8).filter(|scheme| scheme.eq_ignore_ascii_case("https://")).and_then(|_| location.get(8..))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some((host.to_owned(), port.parse().ok()?))
        }
        _ => Some((authority.to_owned(), 443)),
    }
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
        let bare = || Scene::on(held(listener("127.0.0.1", 8000)), "127.0.0.1:8000").named("localhost", &["127.0.0.1"]);
        let to = |scene: Scene, location: &str| {
            let answer = format!("HTTP/1.1 301 Moved Permanently\r\nLocation: {location}\r\n\r\n");
            scene.talked(Said::Http, answer.as_bytes(), Ended::Enough)
        };
        let told = || bare().said(Symptom::TlsUnexpected, None, "net::ERR_SSL_PROTOCOL_ERROR");
        let hsts = b"HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=31536000\r\n\r\n";
        Cases {
            fires: vec![
                to(bare(), "https://localhost:8000/"),
                to(bare(), "https://127.0.0.1:8000/login"),
                to(told(), "https://localhost/"),
                told().talked(Said::Http, hsts, Ended::Enough),
            ],
            silent: vec![
                to(bare(), "https://localhost:8443/"),
                to(bare(), "https://example.com/"),
                to(bare(), "/login"),
                to(bare(), "http://localhost:8000/x"),
                bare().talked(Said::Http, hsts, Ended::Enough),
                to(bare().talked(Said::Tls, b"\x16\x03\x03\x00\x7a\x02", Ended::Enough), "https://localhost:8000/"),
            ],
        }
    }
}
