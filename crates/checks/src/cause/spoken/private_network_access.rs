cause! {
    "private-network-access": "the browser keeps a page of the internet from a local server",
    Said, Endpoint(run),
    what: "\
Browsers ask before a page from the internet may reach a private or loopback address (Local Network Access, formerly Private Network
Access). Without permission, or without the server's consent to a preflight, the request ends in the browser.",
    evidence: "The browser's own text, which names an address space or the private network.",
    fix: "Allow local network access for that site, or serve the page from this machine too.",
}

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let told = case.says(CAUSE.code) || SAYINGS.iter().any(|saying| talk::text_has(case, saying));
    if !told || !talk::text_may_stand(case) {
        return Ruling::Silent;
    }
    let mut evidence: Vec<_> = talk::line(case).into_iter().collect();
    evidence.extend(talk::http(case).map(|(_, exchange, _)| talk::heard_words(exchange)));
    let fixes = vec![
        Remedy::advice(
            "Allow the site to reach the local network",
            "chrome://settings/content/localNetworkAccess",
            Effect::Change,
        ),
        offer::list("Or serve the page from this machine"),
    ];
    let summary = "The browser keeps the page, which is not of this machine, from the local server.";
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

/// Wordings of browsers, in any case.
const SAYINGS: &[&str] = &[
    "private network access",
    "local network access",
    "access-control-allow-private-network",
    "more-private address space",
    "more private address space",
    "`loopback` address space",
    "`local` address space",
    "BLOCKED_BY_PRIVATE_NETWORK_ACCESS",
    "BLOCKED_BY_LOCAL_NETWORK_ACCESS",
];

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use crate::{
        Symptom,
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener},
    };

    pub(crate) fn cases() -> Cases {
        let bare = || Scene::on(held(listener("127.0.0.1", 8000)), "127.0.0.1:8000");
        let blocked = "has been blocked by CORS policy: The request client is not a secure context and the resource is in \
                       more-private address space `loopback`.";
        let plain = "has been blocked by CORS policy: No 'Access-Control-Allow-Origin' header is present";
        Cases {
            fires: vec![
                bare().said(Symptom::CrossOrigin, Some("cors-blocked"), blocked),
                bare().said(Symptom::CrossOrigin, Some("private-network-access"), "net::ERR_FAILED"),
            ],
            silent: vec![bare(), bare().said(Symptom::CrossOrigin, Some("cors-blocked"), plain)],
        }
    }
}
