cause! {
    "cors-blocked": "the browser's rules on origins stopped the request",
    Said, Endpoint(run),
    what: "A page may read answers of its own origin only: scheme, name and port together. `http://localhost:3000` and
`http://127.0.0.1:3000` are two origins, and so are two ports. The server answers other clients well; the browser withholds the answer
because it lacks Access-Control-Allow-Origin.",
    evidence: "The browser's own text; an answer to a plain request without that header.",
    fix: "Allow the page's origin in the server, or let the development server of the page forward the calls (its proxy setting).",
}

use portward_model::{Text, shell};

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    if !talk::text_may_stand(case) || !(case.symptom() == Some(Symptom::CrossOrigin) || case.says(CAUSE.code)) {
        return Ruling::Silent;
    }
    let mut evidence: Vec<_> = talk::line(case).into_iter().collect();
    let origin =
        case.paste.and_then(|paste| paste.request.as_ref()?.origin.as_deref()).filter(|origin| talk::is_plain_url(origin));
    if let Some((_, exchange, answer)) = talk::http(case) {
        // A page of an error lacks the header because it is one.
        if answer.status >= 500 {
            return Ruling::out(talk::heard_words(exchange).fact);
        }
        let allows = answer.header("access-control-allow-origin");
        let fact = talk::heard_words(exchange).fact;
        let header = match &allows {
            Some(origin) => format!("allows the origin {}", Text::from(origin.as_str())),
            None => "names no allowed origin".to_owned(),
        };
        evidence.push(Evidence::new("read(2)", format!("{fact}, and {header}")));
    }
    let who = case.served().first().map_or_else(|| "The server".to_owned(), |(index, socket)| words::who(case, *index, socket));
    let header = format!("Origin: {}", origin.unwrap_or("http://localhost:5173"));
    let fixes = vec![Remedy::look(
        "Allow the page's origin in the server, and ask as the page does",
        shell!("curl -i -H {} {}", header, talk::url(case, "http")),
    )];
    let summary = format!("{who} does not allow the page's origin, so the browser withholds the answer.");
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
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
        let bare = || Scene::on(held(listener("127.0.0.1", 8000)), "127.0.0.1:8000");
        let line =
            "Access to fetch at 'http://127.0.0.1:8000/' from origin 'http://localhost:5173' has been blocked by CORS policy";
        let told = |scene: Scene| scene.said(Symptom::CrossOrigin, Some("cors-blocked"), line);
        Cases {
            fires: vec![told(bare()), told(bare()).talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough)],
            silent: vec![bare().talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough)],
        }
    }
}
