cause! {
    "localhost-subdomain-unresolved": "a name below localhost has no address here",
    Rule, Endpoint(run),
    what: "\
Browsers and curl take every name below `localhost`, such as `app.localhost`, for the loopback by themselves (RFC 6761).
The C library does so only with nss-myhostname (systemd); other programs ask it, or a name server, and are told that the
name does not exist.",
    evidence: "getaddrinfo(3) gives no address for the name, or the text says so.",
    fix: "Add the name to /etc/hosts; or dial 127.0.0.1 and send the name as the Host header; or install nss-myhostname.",
}

use std::net::Ipv4Addr;

use super::hosts_localhost_wrong::{append, means_loopback};
use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let below = |name: &str| means_loopback(name) && !name.trim_end_matches('.').eq_ignore_ascii_case("localhost");
    let asked = case.asked.name.as_deref().filter(|name| below(name));
    let unresolved = asked.filter(|_| case.asked.addresses.is_empty());
    let told = case.paste.filter(|paste| paste.symptom == Symptom::NameUnknown && paste.host.as_deref().is_some_and(below));
    let Some(name) = unresolved.or_else(|| told.and_then(|paste| paste.host.as_deref())) else {
        return match (asked, case.asked.addresses.first()) {
            (Some(name), Some(address)) => Ruling::out(format!("{name} is {address}")),
            _ => Ruling::Silent,
        };
    };
    let mut evidence = Vec::new();
    if unresolved.is_some() {
        evidence.push(Evidence::new("getaddrinfo(3)", format!("{name} has no address")));
    }
    evidence.extend(told.map(words::text_line));
    let fixes = vec![
        Remedy::change("Give the name its address", append(Ipv4Addr::LOCALHOST.into(), name)),
        offer::explain(
            "Or dial the address itself, and send the name as the Host header",
            words::address(Ipv4Addr::LOCALHOST.into(), case.asked.port),
        ),
    ];
    let summary =
        format!("{name} has no address on this system: only browsers and curl take names below localhost for the loopback.");
    words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::Met;

    use crate::{Symptom, case::scene::Scene, cause::Cases};

    pub(crate) fn cases() -> Cases {
        let told = |host: &str| {
            let host = host.to_owned();
            Scene::connect("127.0.0.1:3000").said(Symptom::NameUnknown, None, "getaddrinfo ENOTFOUND").but(|scene| {
                scene.paste.as_mut().unwrap().host = Some(host);
            })
        };
        Cases {
            fires: vec![Scene::connect("127.0.0.1:3000").named("app.localhost", &[]), told("api.shop.localhost")],
            silent: vec![
                Scene::connect("127.0.0.1:3000").named("app.localhost", &["127.0.0.1"]).tried(Met::Connected),
                Scene::connect("127.0.0.1:3000").named("localhost", &[]),
                Scene::connect("127.0.0.1:3000").named("shop.test", &[]),
                told("db"),
            ],
        }
    }
}
