cause! {
    "websocket-upgrade-missing": "the upgrade to WebSocket does not come through",
    Dialogue, Endpoint(run) if talk::text_may_stand,
    what: "\
A WebSocket begins as an HTTP request with `Upgrade: websocket` (RFC 6455 section 4.1). A proxy in between that does not pass this
header on, or a plain request to a WebSocket server, is answered by 400 or 426. Live reload of development servers fails this way.",
    evidence: "\
The text of the failed handshake; an answer of 426, which asks for an upgrade (RFC 9110 section 15.5.22); a proxy that
holds the port.",
    fix: "Let the proxy pass `Upgrade` and `Connection` on, over HTTP/1.1.",
}

use portward_model::shell;

use crate::{case::forwarder::forwarder, cause::prelude::*};

fn run(case: &Case<'_>) -> Ruling {
    let told =
        case.says(CAUSE.code) || (talk::text_has(case, "websocket") && FAILURES.iter().any(|words| talk::text_has(case, words)));
    let scheme = case.asked.scheme.as_deref();
    let asked = talk::on(case, Said::Upgrade).and_then(|(_, exchange)| Some((exchange, talk::HttpAnswer::of(exchange)?)));
    // It goes through now; the text may be of another time.
    if let Some((exchange, _)) = asked.filter(|(_, answer)| answer.status == 101) {
        return if told { Ruling::out(talk::heard_words(exchange).fact) } else { Ruling::Silent };
    }
    // An answer to the upgrade itself that is none: 401 and 403 are about who asks, 502 to 504 about what stands behind.
    let ignored = asked.filter(|(_, answer)| matches!(answer.status, 200..=299 | 400 | 404 | 405 | 426 | 501));
    let wants = talk::http(case).filter(|(_, exchange, answer)| answer.status == 426 && exchange.said != Said::Upgrade);
    // A server of WebSockets that is asked for nothing else is well.
    let plain = wants.is_some() && matches!(scheme, Some("http" | "https"));
    if !told && !plain && ignored.is_none() {
        return Ruling::Silent;
    }
    let mut evidence: Vec<Evidence> = talk::line(case).filter(|_| told).into_iter().collect();
    evidence.extend(talk::http(case).map(|(_, exchange, _)| talk::heard_words(exchange)));
    let port = case.asked.port;
    let proxy = case
        .serving_processes()
        .into_iter()
        .find_map(|(process, _)| Some((process, forwarder(process, port, case.snapshot.host.uid)?)));
    if let Some((process, forwarder)) = &proxy {
        let fact = format!("{} is {}", words::named(process), forwarder.kind);
        evidence.push(Evidence::new(format!("/proc/{}/cmdline", process.id.pid), fact));
    }
    let who = case.served().first().map_or_else(|| "The server".to_owned(), |(index, socket)| words::who(case, *index, socket));
    let summary = if told || ignored.is_some() {
        format!("{who} does not carry the upgrade to WebSocket through.")
    } else {
        format!("{who} speaks WebSocket there, and the client asked without an upgrade.")
    };
    let title = proxy.as_ref().map(|(process, _)| process.title()).unwrap_or_default();
    let fix = match title.as_str() {
        "nginx" => Remedy::advice(
            "Let the proxy pass the upgrade on",
            "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";",
            Effect::Change,
        ),
        _ => Remedy::look(
            "Ask for the upgrade by hand, here and behind the proxy",
            shell!(
                "curl -i --http1.1 -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: cG9ydHdhcmQtZG9jdG9yIQ==' http://{}:{}/",
                talk::host(case),
                port
            ),
        ),
    };
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, vec![fix])
}

/// How clients say that the handshake failed.
const FAILURES: &[&str] = &["handshake", "unexpected response code", "failed to connect", "unexpected server response"];

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
        let bare = || Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000");
        let scheme = |scheme: &str| {
            let mut scene = bare();
            scene.asked.scheme = Some(scheme.to_owned());
            scene
        };
        let nginx = world(vec![listener("127.0.0.1", 3000)], vec![process(7, 1, &["nginx"], 9)], vec![holding(0, 7, 3)]);
        let line = "Error during WebSocket handshake: Unexpected response code: 400";
        let told = |scene: Scene| scene.said(Symptom::Other, Some("websocket-upgrade-missing"), line);
        let upgrade = b"HTTP/1.1 426 Upgrade Required\r\n\r\n";
        Cases {
            fires: vec![
                told(bare()),
                bare().said(Symptom::HttpStatus, None, line),
                told(Scene::on(nginx, "127.0.0.1:3000")).talked(Said::Http, b"HTTP/1.1 400 Bad Request\r\n\r\n", Ended::Enough),
                scheme("http").talked(Said::Http, upgrade, Ended::Enough),
                scheme("ws").talked(Said::Upgrade, upgrade, Ended::Enough),
                scheme("ws").talked(Said::Upgrade, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
            ],
            silent: vec![
                scheme("ws").talked(Said::Upgrade, b"HTTP/1.1 101 Switching Protocols\r\n\r\n", Ended::Enough),
                scheme("ws").talked(Said::Upgrade, b"HTTP/1.1 502 Bad Gateway\r\n\r\n", Ended::Enough),
                scheme("ws").talked(Said::Http, upgrade, Ended::Enough),
                bare().talked(Said::Http, upgrade, Ended::Enough),
                scheme("http").talked(Said::Http, b"HTTP/1.1 400 Bad Request\r\n\r\n", Ended::Enough),
            ],
        }
    }
}
