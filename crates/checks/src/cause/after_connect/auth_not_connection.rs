cause! {
    "auth-not-connection": "the server answers and refuses the credentials",
    Dialogue, Endpoint(run) if talk::text_may_stand,
    what: "\
The connection works. The server asks who the client is and does not accept the answer: PostgreSQL 28P01, MySQL 1045, Redis NOAUTH
or WRONGPASS, HTTP 401.",
    evidence: "The text of the refusal, or the server's own first words.",
    fix: "Correct the user name, password or token; nothing about the port is wrong.",
}

use portward_model::{Exchange, shell};
use portward_wire::protocol::{HTTP, Words};

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let told = case.symptom() == Some(Symptom::AuthenticationFailed);
    let heard = talk::exchanges(case).into_iter().find(|(_, exchange)| refuses(exchange));
    // Without a question about a resource, a server that wants to know its clients is a server that is well.
    let asked = case.asked.resource.as_deref().is_some_and(|resource| resource != "/");
    let likelihood = match (told, asked, heard.is_some()) {
        (true, _, true) => Likelihood::Certain,
        (true, _, false) | (false, true, true) => Likelihood::Likely,
        (false, ..) => return Ruling::Silent,
    };
    let mut evidence: Vec<_> = talk::line(case).filter(|_| told).into_iter().collect();
    let any = heard.or_else(|| talk::exchanges(case).into_iter().find(|(_, e)| !e.heard.raw().is_empty()));
    evidence.extend(any.map(|(_, exchange)| talk::heard_words(exchange)));
    let who = case.served().first().map_or_else(|| "The server".to_owned(), |(index, socket)| words::who(case, *index, socket));
    let title = "Correct the user, password or token, and try it by hand";
    let by_hand = match talk::server(case)
        .map(|(tongue, _)| tongue)
        .or_else(|| talk::client(case).filter(|client| client.told).map(|client| client.tongue))
    {
        Some(tongue) if *tongue == HTTP => {
            let tls = talk::client(case).is_some_and(|client| client.tls);
            let command = shell!("curl -i -u USER {}", talk::url(case, if tls { "https" } else { "http" }));
            Remedy::look(title, command)
        }
        Some(tongue) => Remedy::look(title, tongue.client_for(&talk::host(case), case.asked.port)),
        None => offer::explain(title, words::target(case)),
    };
    let fixes = vec![by_hand];
    let summary = format!("{who} answers and refuses the credentials; the connection is well.");
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

fn refuses(exchange: &Exchange) -> bool {
    talk::heard(exchange).is_some_and(|(_, words)| words == Words::NoEntry)
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
        let bare = |port: u16| Scene::on(held(listener("127.0.0.1", port)), &format!("127.0.0.1:{port}"));
        let line = "FATAL: password authentication failed for user \"ana\"";
        let told = |scene: Scene| scene.said(Symptom::AuthenticationFailed, Some("auth-not-connection"), line);
        let unauthorized = b"HTTP/1.1 401 Unauthorized\r\n\r\n";
        let mut resource = bare(3000).talked(Said::Http, unauthorized, Ended::Enough);
        resource.asked.resource = Some("/api/me".to_owned());
        Cases {
            fires: vec![told(bare(5432)), told(bare(3000)).talked(Said::Http, unauthorized, Ended::Enough), resource],
            silent: vec![
                bare(3000).talked(Said::Http, unauthorized, Ended::Enough),
                bare(6379).talked(Said::Greeting, b"-NOAUTH Authentication required.\r\n", Ended::Enough),
            ],
        }
    }
}
