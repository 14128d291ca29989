cause! {
    "dot-dev-hsts": "browsers reach names of this domain by https only",
    Rule, Endpoint(run),
    what: "\
Whole domains (`.dev`, `.app`, `.page` and others) are on the list of names that browsers reach by https only (HSTS preload).
An address http://shop.dev becomes https://shop.dev before a packet is sent, and a development server without TLS answers
what the browser reports as a protocol error. curl does not do so.",
    evidence: "The name ends with such a domain, and the address is http, or the server at it speaks plainly.",
    fix: "Use a name below `.localhost` or `.test`; or give the server a certificate.",
}

use super::browser_unsafe_port::is_browser;
use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let said = case.says(CAUSE.code);
    let host = case.asked.name.as_deref().or_else(|| case.paste.and_then(|paste| paste.host.as_deref()));
    let Some((host, domain)) = host.and_then(|host| Some((host, preloaded(host)?))) else {
        return Ruling::Silent;
    };
    if !case.connects() {
        return Ruling::Silent;
    }
    let scheme = case.asked.scheme.as_deref().or_else(|| case.paste.and_then(|paste| paste.url_scheme.as_deref()));
    let by_browser = case.paste.is_some_and(|paste| paste.program.is_some_and(is_browser));
    let by_other = case.paste.is_some_and(|paste| paste.program.is_some_and(|program| !is_browser(program)));
    let tls = case.symptom() == Some(Symptom::TlsUnexpected);
    // A certificate or a blocked page is about something else.
    if by_other || !(said || matches!(scheme, Some("http" | "ws")) || (by_browser && tls)) {
        return Ruling::Silent;
    }
    let mut evidence = vec![Evidence::new("HSTS preload list", format!("browsers reach names below .{domain} by https only"))];
    evidence.extend(case.paste.map(words::text_line));
    let met = case.exam.attempts.iter().find(|attempt| case.is_target(&attempt.at) && attempt.met == Met::Connected);
    let plain = met.and_then(|attempt| attempt.exchange.as_ref()).is_some_and(|talk| talk.heard.raw().starts_with(b"HTTP/"));
    if plain {
        evidence.push(Evidence::new("read(2)", "the server answers plain HTTP"));
    }
    let likelihood = if said || (by_browser && tls) { Likelihood::Certain } else { Likelihood::Likely };
    let stem = host.trim_end_matches('.').rsplit_once('.').map_or(host, |(stem, _)| stem);
    let port = case.asked.port;
    let fixes = vec![offer::explain("Use a name that browsers dial plainly", format!("http://{stem}.localhost:{port}"))];
    let summary = format!("{host} is below .{domain}, which browsers reach by https only.");
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// The domain of the name, where the whole of it is on the list.
fn preloaded(host: &str) -> Option<&'static str> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let (_, last) = host.rsplit_once('.')?;
    PRELOADED.iter().find(|known| **known == last).copied()
}

/// Top-level domains that are on the preload list as a whole.
const PRELOADED: &[&str] = &[
    "android",
    "app",
    "bank",
    "chrome",
    "dev",
    "foo",
    "gle",
    "gmail",
    "google",
    "hangout",
    "insurance",
    "meet",
    "new",
    "page",
    "play",
    "search",
    "youtube",
    "zip",
    "mov",
    "day",
    "dad",
    "phd",
    "prof",
    "esq",
    "nexus",
    "ing",
    "boo",
    "rsvp",
    "fly",
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
        let served = |name: &str| {
            let scene = Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000").named(name, &["127.0.0.1"]);
            scene.talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough)
        };
        let url = |scene: &mut Scene| scene.asked.scheme = Some("http".to_owned());
        let by = |program: &'static str| move |scene: &mut Scene| scene.paste.as_mut().unwrap().program = Some(program);
        let told = || served("shop.dev").said(Symptom::TlsUnexpected, None, "ERR_SSL_PROTOCOL_ERROR");
        Cases {
            fires: vec![served("shop.dev").but(url), told().but(by("chrome"))],
            silent: vec![
                served("shop.dev"),
                served("shop.test").but(url),
                served("dev").but(url),
                told().but(url).but(by("curl")),
            ],
        }
    }
}
