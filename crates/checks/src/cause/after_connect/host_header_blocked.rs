cause! {
    "host-header-blocked": "the server refuses the name by which it is called",
    Dialogue, Endpoint(run) if talk::text_may_stand,
    what: "\
Development servers answer only to host names that they know, against DNS rebinding: Vite's allowedHosts, webpack's \"Invalid Host
header\", Django's ALLOWED_HOSTS, Rails' config.hosts, Jupyter.",
    evidence: "Status 400, 403 or 421, with the server's own words about the host; or the text of them.",
    fix: "Allow that one host. `allowedHosts: true` and `ALLOWED_HOSTS = ['*']` take the protection away.",
}

use portward_model::{Text, shell};

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let told = case.symptom() == Some(Symptom::HostBlocked);
    let answer = talk::http(case);
    // Whoever asked about a port alone called it by no name.
    let called = told || case.asked.scheme.is_some() || case.asked.name.is_some();
    let denies = |status: u16| matches!(status, 400 | 403 | 421 | 500);
    let refused = answer.filter(|(_, _, answer)| denies(answer.status));
    let says = |answer: &talk::HttpAnswer<'_>| SAYINGS.iter().any(|saying| answer.has(saying));
    let spelled = refused.is_some_and(|(_, _, answer)| answer.status == 421)
        || talk::answers(case).iter().any(|(_, _, answer)| denies(answer.status) && says(answer));
    if !called {
        return Ruling::Silent;
    }
    let foreign = case.asked.name.as_deref().is_some_and(|name| name != "localhost");
    let server = case.serving_processes().first().map(|(process, _)| *process);
    let guards = server.and_then(|process| program::find(process, |known| !known.allows.is_empty()));
    // It serves this client by this name now; the text may be of another name, or of another time.
    if let Some((_, exchange, _)) = answer.filter(|(_, _, answer)| told && answer.status < 400) {
        return Ruling::out(talk::heard_words(exchange).fact);
    }
    // The same request by the name that every server knows is the proof.
    let by_localhost = talk::on(case, Said::HttpByLocalhost)
        .and_then(|(_, exchange)| Some((exchange, talk::HttpAnswer::of(exchange)?)))
        .filter(|(_, answer)| answer.status < 400 || matches!(answer.status, 404 | 405 | 426 | 501));
    // Who refuses the name that every server knows, too, is well for a name that is not known here.
    let refuses_all = by_localhost.is_none() && talk::on(case, Said::HttpByLocalhost).is_some();
    let likelihood = match (spelled || by_localhost.is_some(), told, refused.is_some()) {
        (true, false, _) if refuses_all => Likelihood::Possible,
        (true, _, true) | (true, true, _) | (_, true, true) => Likelihood::Certain,
        (true, false, false) if spelled => Likelihood::Certain,
        (false, true, false) => Likelihood::Likely,
        // An answer to HEAD has no body to say why; a name that such a server does not know by itself explains it.
        (false, false, true) if foreign && guards.is_some() => Likelihood::Likely,
        (_, false, _) => return Ruling::Silent,
    };
    let mut evidence: Vec<_> = refused.map(|(_, exchange, _)| talk::heard_words(exchange)).into_iter().collect();
    if spelled {
        evidence.push(Evidence::new("read(2)", "its answer says that the host is not allowed"));
    }
    evidence.extend(by_localhost.map(|(exchange, _)| talk::heard_words(exchange)));
    evidence.extend(talk::line(case).filter(|_| told));
    let host = case
        .paste
        .and_then(|paste| paste.host.clone())
        .filter(|host| told && talk::is_plain(host))
        .unwrap_or_else(|| talk::host(case));
    let host = Text::from(host.as_str()).shown();
    let who = case.served().first().map_or_else(|| "The server".to_owned(), |(index, socket)| words::who(case, *index, socket));
    let setting = guards.or_else(|| program::named(case.paste?.program?).filter(|known| !known.allows.is_empty()));
    let allow = match setting.map(|known| known.allows) {
        Some(setting) => {
            Remedy::advice(format!("Allow {host}, and no other, in {setting}"), setting.replace("HOST", &host), Effect::Change)
        }
        None => offer::explain(format!("Allow {host}, and no other, in its settings"), words::target(case)),
    };
    let known = by_localhost.is_some().then(|| {
        let url = format!("http://localhost:{}{}", case.asked.port, talk::resource(case));
        Remedy::look("Or call it by a name that it knows", shell!("curl -i {}", url))
    });
    let fixes = std::iter::once(allow).chain(known).collect();
    words::found(CAUSE.code, likelihood, format!("{who} refuses to be called {host}."), evidence, fixes)
}

/// What servers say, in any case.
const SAYINGS: &[&str] = &[
    "invalid host header",
    "invalid host/origin",
    "this host (",
    "host is not allowed",
    "blocked host",
    "blocked request",
    "DisallowedHost",
    "Invalid HTTP_HOST",
    "not in allowed_hosts",
    "non-local host",
    "host not allowed",
    "host header",
    "dns rebinding",
];

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::Ended;

    use super::Said;
    use crate::{
        Symptom,
        case::scene::Scene,
        cause::Cases,
        fixture::{held, holding, listener, process, world},
    };

    pub(crate) fn cases() -> Cases {
        let bare = || Scene::on(held(listener("127.0.0.1", 5173)), "127.0.0.1:5173");
        let other = || {
            let snapshot = world(vec![listener("127.0.0.1", 5173)], vec![process(7, 1, &["shop"], 9)], vec![holding(0, 7, 3)]);
            Scene::on(snapshot, "127.0.0.1:5173").named("shop.test", &["127.0.0.1"])
        };
        let forbidden = b"HTTP/1.1 403 Forbidden\r\n\r\n";
        let served = b"HTTP/1.1 200 OK\r\n\r\n";
        let line = "Blocked request. This host (\"shop.test\") is not allowed.";
        let told = |scene: Scene| scene.said(Symptom::HostBlocked, Some("host-header-blocked"), line);
        Cases {
            fires: vec![
                bare().named("shop.test", &["127.0.0.1"]).talked(Said::Http, forbidden, Ended::Enough),
                other().talked(
                    Said::Http,
                    b"HTTP/1.1 403 Forbidden\r\n\r\nBlocked request. This host (\"x\") is not allowed.",
                    Ended::Enough,
                ),
                other().talked(Said::Http, b"HTTP/1.1 421 Misdirected Request\r\n\r\n", Ended::Enough),
                other().talked(Said::Http, forbidden, Ended::Enough).talked(Said::HttpByLocalhost, served, Ended::Enough),
                told(bare()),
                other().talked(Said::Http, b"HTTP/1.1 500 Oops\r\n\r\nUntrusted Host: blocked host", Ended::Enough),
                told(other()).talked(Said::Http, forbidden, Ended::Enough),
            ],
            silent: vec![
                bare().talked(Said::Http, forbidden, Ended::Enough),
                bare().talked(Said::Http, b"HTTP/1.1 403 Forbidden\r\n\r\nInvalid Host header", Ended::Enough),
                other().talked(Said::Http, forbidden, Ended::Enough),
                other().talked(Said::Http, forbidden, Ended::Enough).talked(Said::HttpByLocalhost, forbidden, Ended::Enough),
                told(bare()).talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
                bare().named("shop.test", &["127.0.0.1"]).talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
            ],
        }
    }
}
