cause! {
    "http-error-status": "the server answers with an HTTP error",
    Absence, Endpoint(run) if talk::text_may_stand,
    what: "\
The connection works and the server answers; it has nothing at this path, or it fails while it makes the answer. The network is not
the problem.",
    evidence: "\
The status of its answer. A 404 at `/` of a server whose pages are elsewhere is no fault, and none is reported where only a
port was asked about.",
    fix: "4xx: correct the path, method or base path. 5xx: read the server's log.",
}

use portward_model::{Text, shell};

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let told = case.symptom() == Some(Symptom::HttpStatus);
    // A browser's word about origins hides the status that its page was answered with.
    let hidden = case.symptom() == Some(Symptom::CrossOrigin);
    // The last answer is that to GET, where HEAD was answered with an error.
    let answer = talk::answers(case).into_iter().rfind(|(_, exchange, _)| exchange.said != Said::Upgrade || told);
    // What another method meets tells nothing of a request that was not repeated, unless everything fails there.
    let unrepeated = crate::case::request::unrepeated(case).is_some();
    let answer = answer.filter(|(_, _, answer)| !unrepeated || answer.status >= 500);
    let resource = case.asked.resource.as_deref().filter(|resource| !resource.is_empty() && *resource != "/");
    let url = case.asked.scheme.is_some();
    let status = answer.map(|(_, _, answer)| answer.status);
    let likelihood = match status {
        // A development server's own text tells more of its 500 than the status does.
        Some(500..) if case.symptom() == Some(Symptom::UpstreamFailed) => return Ruling::Silent,
        // HEAD may not be offered where GET is; that says nothing of the server.
        Some(405 | 501) if !told => return Ruling::Silent,
        Some(..=499) | None if hidden => return Ruling::Silent,
        // Who was refused, or heard nothing, met no status.
        Some(400..) if !told && !hidden && case.symptom().is_some_and(|symptom| !symptom.is_answer()) => Likelihood::Possible,
        Some(500..) if url || told || hidden => Likelihood::Likely,
        Some(500..) => Likelihood::Possible,
        Some(400..=499) if resource.is_some() || told => Likelihood::Likely,
        Some(status) if told && resource.is_some() => {
            return Ruling::out(format!("{} is answered with status {status}", Text::from(resource.unwrap_or("/"))));
        }
        // The text's own path may be another than the one that was asked for here.
        Some(_) if told => Likelihood::Possible,
        None if told && (unrepeated || talk::exchanges(case).is_empty()) => Likelihood::Likely,
        Some(_) | None => return Ruling::Silent,
    };
    let mut evidence: Vec<_> = answer.map(|(_, exchange, _)| talk::heard_words(exchange)).into_iter().collect();
    evidence.extend(talk::line(case).filter(|_| told || hidden));
    let who = case.served().first().map_or_else(|| "The server".to_owned(), |(index, socket)| words::who(case, *index, socket));
    let path = resource.map(|resource| format!(" to {}", Text::from(resource))).unwrap_or_default();
    let summary = match status {
        Some(status @ 400..) => format!("{who} answers{path} with HTTP status {status}; the connection is well."),
        _ => format!("{who} answers{path} with an HTTP error; the connection is well."),
    };
    let command =
        shell!("curl -i {}", talk::url(case, if case.asked.scheme.as_deref() == Some("https") { "https" } else { "http" }));
    let title = if status.is_some_and(|status| status >= 500) {
        "Read the whole answer and the server's log"
    } else {
        "Correct the path, and read the whole answer"
    };
    words::found(CAUSE.code, likelihood, summary, evidence, vec![Remedy::look(title, command)])
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
        let bare = || Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000");
        let url = |resource: Option<&str>| {
            let mut scene = bare();
            scene.asked.scheme = Some("http".to_owned());
            scene.asked.resource = resource.map(str::to_owned);
            scene
        };
        let (lost, broken) = (b"HTTP/1.1 404 Not Found\r\n\r\n", b"HTTP/1.1 500 Internal Server Error\r\n\r\n");
        let told =
            || bare().said(Symptom::HttpStatus, Some("http-error-status"), "curl: (22) The requested URL returned error: 404");
        Cases {
            fires: vec![
                url(Some("/api")).talked(Said::Http, lost, Ended::Enough),
                url(None).talked(Said::Http, broken, Ended::Enough),
                told().talked(Said::Http, lost, Ended::Enough),
                bare().said(Symptom::CrossOrigin, Some("cors-blocked"), "blocked by CORS policy").talked(
                    Said::Http,
                    broken,
                    Ended::Enough,
                ),
                told(),
            ],
            silent: vec![
                url(Some("/api"))
                    .said(Symptom::UpstreamFailed, Some("proxy-upstream-down"), "[vite] http proxy error: /api")
                    .talked(Said::Http, broken, Ended::Enough),
                bare().said(Symptom::CrossOrigin, Some("cors-blocked"), "blocked by CORS policy").talked(
                    Said::Http,
                    b"HTTP/1.1 200 OK\r\n\r\n",
                    Ended::Enough,
                ),
                url(Some("/api")).talked(Said::Http, lost, Ended::Enough).talked(
                    Said::Http,
                    b"HTTP/1.1 200 OK\r\n\r\n",
                    Ended::Enough,
                ),
                bare().talked(Said::Http, lost, Ended::Enough),
                url(Some("/")).talked(Said::Http, lost, Ended::Enough),
                url(Some("/api")).talked(Said::Http, b"HTTP/1.1 405 Method Not Allowed\r\n\r\n", Ended::Enough),
                url(Some("/api")).talked(Said::Http, b"HTTP/1.1 301 Moved\r\nLocation: /x\r\n\r\n", Ended::Enough),
            ],
        }
    }
}
