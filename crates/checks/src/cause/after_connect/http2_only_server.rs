cause! {
    "http2-only-server": "the server speaks HTTP/2 only, and the client HTTP/1",
    Dialogue, Endpoint(run) if talk::text_may_stand,
    what: "\
A gRPC server speaks HTTP/2 from the first byte. A client of HTTP/1 reads binary frames; curl reports \"Received HTTP/0.9
when not allowed\".",
    evidence: "The first bytes are a SETTINGS frame on stream 0 (RFC 9113 section 3.4).",
    fix: "Use a client of gRPC, or tell the client to begin with HTTP/2.",
}

use portward_wire::protocol::{HTTP, HTTP2};

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let frames = talk::exchanges(case).into_iter().find(|(_, e)| talk::tongue(e) == Some(&HTTP2));
    let Some((_, exchange)) = frames else { return Ruling::Silent };
    let client = talk::client(case).filter(|client| client.told);
    let speaks_http1 = client.as_ref().is_some_and(|client| *client.tongue == HTTP);
    let named = case.says(CAUSE.code);
    let told = named || matches!(case.symptom(), Some(Symptom::WrongProtocol | Symptom::EmptyReply | Symptom::Reset));
    // A server of HTTP/2 that nobody asked for HTTP/1 is well.
    let asked_for = speaks_http1 || named || (told && client.is_none());
    if !asked_for {
        return Ruling::Silent;
    }
    let mut evidence = vec![talk::heard_words(exchange)];
    evidence.extend(client.map(|client| client.why));
    evidence.extend(talk::line(case).filter(|_| told));
    evidence.dedup();
    let who = case.served().first().map_or_else(|| "The server".to_owned(), |(index, socket)| words::who(case, *index, socket));
    let summary = format!("{who} speaks HTTP/2 only on this port, and the client spoke HTTP/1.");
    let command = HTTP2.client_for(&talk::host(case), case.asked.port);
    let fixes = vec![Remedy::look("Begin with HTTP/2, or use a client of gRPC", command)];
    words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes)
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

    const SETTINGS: &[u8] = b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00";

    pub(crate) fn cases() -> Cases {
        let bare = || Scene::on(held(listener("127.0.0.1", 3300)), "127.0.0.1:3300");
        let scheme = |scheme: &str| {
            let mut scene = bare();
            scene.asked.scheme = Some(scheme.to_owned());
            scene
        };
        let line = "curl: (1) Received HTTP/0.9 when not allowed";
        Cases {
            fires: vec![
                scheme("http").talked(Said::Http, SETTINGS, Ended::Closed),
                scheme("http").talked(Said::Nothing, SETTINGS, Ended::Enough),
                bare().said(Symptom::WrongProtocol, Some("wrong-protocol"), line).talked(Said::Http, SETTINGS, Ended::Closed),
            ],
            silent: vec![
                bare().talked(Said::Http, SETTINGS, Ended::Closed),
                scheme("grpc").talked(Said::Nothing, SETTINGS, Ended::Enough),
                scheme("http").talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
            ],
        }
    }
}
