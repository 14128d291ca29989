cause! {
    "browser-unsafe-port": "browsers refuse this port",
    Rule, Endpoint(run),
    what: "\
Browsers, and fetch in Node, send no request to the ports of a list (Fetch standard, \"Port blocking\"): 6000, 6665 to 6669,
6697, 10080, 5060, 2049 and others whose protocols a web page could abuse. The error is ERR_UNSAFE_PORT or `bad port`;
curl reaches the same port.",
    evidence: "The port is on the list; the text says so, or is a browser's. A URL alone is only remarked on.",
    fix: "Let the server listen on another port.",
}

use crate::{browser_blocks, cause::prelude::*};

fn run(case: &Case<'_>) -> Ruling {
    let told = case.paste.filter(|paste| case.says(CAUSE.code) || paste.symptom == Symptom::UnsafePort);
    let scheme = case.asked.scheme.as_deref().filter(|scheme| matches!(*scheme, "http" | "https" | "ws" | "wss"));
    // A URL alone may be anybody's.
    let browser = case.paste.is_some_and(|paste| paste.program.is_some_and(is_browser));
    if !case.connects() || (told.is_none() && !(scheme.is_some() && browser)) {
        return Ruling::Silent;
    }
    let port = case.asked.port;
    let blocked = browser_blocks(port) && port != 0;
    if told.is_none() && !blocked {
        return Ruling::Silent;
    }
    let mut evidence = Vec::new();
    if blocked {
        evidence.push(Evidence::new("Fetch standard, port blocking", format!("{port} is on the list of ports that are refused")));
    }
    evidence.extend(told.map(words::text_line));
    let likelihood = if told.is_some() { Likelihood::Certain } else { Likelihood::Likely };
    let next = (port..=u16::MAX).find(|port| *port >= 3000 && !browser_blocks(*port)).unwrap_or(3000);
    let fixes = vec![offer::next("Let the server listen on another port", next)];
    let summary = format!("{} is one that browsers refuse to send requests to.", words::port(case));
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// True for programs that obey the rules of browsers, as a text's wording names them.
pub(super) fn is_browser(program: &str) -> bool {
    matches!(program, "chrome" | "chromium" | "edge" | "firefox" | "safari" | "browser" | "electron")
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
        let served = |port: u16| Scene::on(held(listener("127.0.0.1", port)), &format!("127.0.0.1:{port}"));
        let url = |scene: &mut Scene| scene.asked.scheme = Some("http".to_owned());
        let by = |name: &'static str| move |scene: &mut Scene| scene.paste.as_mut().unwrap().program = Some(name);
        let answers = |scene: Scene| scene.talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough);
        Cases {
            fires: vec![
                answers(served(6000)).said(Symptom::UnsafePort, Some("browser-unsafe-port"), "fetch failed: bad port"),
                answers(served(6666)).but(url).said(Symptom::Other, None, "TypeError: Failed to fetch").but(by("chrome")),
            ],
            silent: vec![
                answers(served(6000)),
                answers(served(3000)).but(url),
                answers(served(6000)).but(url).said(Symptom::EmptyReply, None, "curl: (52) Empty reply").but(by("curl")),
                answers(served(6666)).but(url),
            ],
        }
    }
}
