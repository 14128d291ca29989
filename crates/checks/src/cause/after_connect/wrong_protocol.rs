cause! {
    "wrong-protocol": "the client and the server speak different protocols",
    Dialogue, Endpoint(run),
    what: "\
Something listens, and it is not what the client takes it for: a browser on a database's port, a database's client on a web
server. Clients report \"Received HTTP/0.9\", \"invalid length of startup packet\", `Protocol error, got \"H\" as reply type byte`, or they
hang. Redis cuts off any request that has a line `Host:`, so a browser reads an empty reply there.",
    evidence: "\
The first bytes from the server are those of another protocol than the client's; where it sends none, the server's program is one that
speaks one protocol only.",
    fix: "Use the right client for this port, or the right port for this client.",
}

use portward_model::shell;
use portward_wire::protocol::{HTTP2, Protocol, TLS};

use crate::{case::talk::Client, cause::prelude::*};

fn run(case: &Case<'_>) -> Ruling {
    if !talk::text_may_stand(case) || case.asked.transport.is_unix() {
        return Ruling::Silent;
    }
    let told = case.symptom() == Some(Symptom::WrongProtocol);
    let client = talk::client(case);
    if let Some(ruling) = behind_a_header(case, client.as_ref()) {
        return ruling;
    }
    let server = talk::server(case);
    let (server, proof) = match (server, &client) {
        // TLS is the envelope of any protocol, and HTTP/2 is HTTP: both have causes of their own.
        (Some((tongue, _)), _) if [TLS, HTTP2].contains(tongue) => return Ruling::Silent,
        (Some((tongue, proof)), _) => (tongue, proof),
        (None, _) if told => return by_text(case),
        (None, _) => return Ruling::Silent,
    };
    let Some(client) = client else {
        return if told { mismatch(case, server, None, proof, Likelihood::Likely) } else { Ruling::Silent };
    };
    if client.tongue == server {
        // The text may speak of another moment; then the server's own words stand.
        return if told { Ruling::out(proof.fact) } else { Ruling::Silent };
    }
    // A server may speak both versions of HTTP; any program may use any number, so that the port alone promises nothing.
    let sure = client.told && *client.tongue != HTTP2;
    let likelihood = match (sure, told) {
        (true, _) => Likelihood::Certain,
        (false, true) => Likelihood::Likely,
        (false, false) => return Ruling::Silent,
    };
    mismatch(case, server, Some(client), proof, likelihood)
}

fn mismatch(case: &Case<'_>, server: &Protocol, client: Option<Client>, proof: Evidence, likelihood: Likelihood) -> Ruling {
    let spoken = client.as_ref().map_or_else(|| "something else".to_owned(), |client| client.tongue.title.to_owned());
    let line = talk::line(case).filter(|_| !client.as_ref().is_some_and(|client| client.by_text));
    let mut evidence = vec![proof];
    evidence.extend(client.map(|client| client.why));
    // What is cut off without a word is the second half of the proof.
    evidence.extend(talk::exchanges(case).into_iter().find(|(_, e)| talk::left(e)).map(|(_, e)| talk::heard_words(e)));
    evidence.extend(line);
    let who = case.served().first().map_or_else(|| "The server".to_owned(), |(index, socket)| words::who(case, *index, socket));
    let port = case.asked.port;
    let summary = format!("{who} speaks {} on port {port}, and the client spoke {spoken}.", server.title);
    let fixes = vec![
        Remedy::look(format!("Use a client of {}", server.title), server.client_for(&talk::host(case), port)),
        offer::list("Or find the port that was meant"),
    ];
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// A server that leaves plain requests, and answers them behind the header of the PROXY protocol: it is told to stand behind a proxy.
fn behind_a_header(case: &Case<'_>, client: Option<&Client>) -> Option<Ruling> {
    let (_, answered) = talk::on(case, Said::Proxied).filter(|(_, told)| !told.heard.raw().is_empty())?;
    let (_, left) = talk::on(case, Said::Http).filter(|(_, told)| talk::left(told))?;
    let met = matches!(case.symptom(), Some(Symptom::EmptyReply | Symptom::Reset | Symptom::WrongProtocol));
    if !met && !client.is_some_and(|client| client.told) {
        return Some(Ruling::Silent);
    }
    let who = case.served().first().map_or_else(|| "The server".to_owned(), |(index, socket)| words::who(case, *index, socket));
    let summary = format!("{who} expects the header of the PROXY protocol first, and the client sent none.");
    let mut evidence = vec![talk::heard_words(left), talk::heard_words(answered)];
    evidence.extend(talk::line(case).filter(|_| met));
    let url = talk::url(case, "http");
    let fixes = vec![
        Remedy::look("Ask with the header, as a proxy does", shell!("curl -i --haproxy-protocol {}", url)),
        Remedy::advice(
            "Or let it listen without",
            "accept-proxy (HAProxy), proxy_protocol (nginx) in its line that listens",
            Effect::Change,
        ),
    ];
    Some(words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes))
}

/// The text says so, and nothing was heard.
fn by_text(case: &Case<'_>) -> Ruling {
    let target = words::target(case);
    let evidence = talk::line(case).into_iter().collect();
    let fixes = vec![offer::explain("See which program listens there", target)];
    let summary = "What answers speaks another protocol than the client.";
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Ended, Met, Said, Snapshot};

    use crate::{
        Symptom,
        case::scene::Scene,
        cause::Cases,
        fixture::{held, holding, listener, process, world},
    };

    fn run_by(argv: &[&str], port: u16) -> Snapshot {
        world(vec![listener("127.0.0.1", port)], vec![process(77, 1, argv, 100)], vec![holding(0, 77, 3)])
    }

    fn with(scheme: &str, mut scene: Scene) -> Scene {
        scene.asked.scheme = Some(scheme.to_owned());
        scene
    }

    pub(crate) fn cases() -> Cases {
        let ok = b"HTTP/1.1 200 OK\r\n\r\n";
        let proxied = |scene: Scene| scene.talked(Said::Http, b"", Ended::Closed).talked(Said::Proxied, ok, Ended::Enough);
        let bare = |port: u16| Scene::on(held(listener("127.0.0.1", port)), &format!("127.0.0.1:{port}"));
        let redis = || Scene::on(run_by(&["redis-server *:6379"], 6379), "127.0.0.1:6379");
        let mysql = b"J\x00\x00\x00\x0a5.5.5-10.11.6-MariaDB\x00";
        let hung = |scene: Scene| {
            let mut scene = scene.said(Symptom::NoAnswer, None, "psql: error: timeout expired");
            scene.paste.as_mut().unwrap().program = Some("postgresql");
            scene
        };
        let wrong = |scene: Scene| {
            scene.said(Symptom::WrongProtocol, Some("wrong-protocol"), "Protocol error, got \"H\" as reply type byte")
        };
        Cases {
            fires: vec![
                with("http", bare(3000)).talked(Said::Nothing, mysql, Ended::Enough),
                with("http", bare(3000)).talked(Said::Nothing, b"SSH-2.0-OpenSSH_9.2\r\n", Ended::Enough),
                with("http", bare(3000)).talked(Said::Http, b"-ERR unknown command\r\n", Ended::Enough),
                with("http", redis()).talked(Said::Http, b"", Ended::Closed),
                with("http", redis()).talked(Said::Greeting, b"+PONG\r\n", Ended::Enough),
                wrong(bare(5432)).talked(Said::Http, ok, Ended::Enough),
                hung(bare(3000)).talked(Said::Http, ok, Ended::Enough),
                with("redis", bare(3000)).talked(Said::Greeting, b"HTTP/1.1 400 Bad Request\r\n\r\n", Ended::Closed),
                wrong(bare(3000)),
                with("http", Scene::on(run_by(&["mariadbd"], 3306), "127.0.0.1:3306")),
                with("http", proxied(bare(8080))),
                with("http", Scene::on(run_by(&["php-fpm: master process (/etc/php)"], 9000), "127.0.0.1:9000")).talked(
                    Said::Http,
                    b"",
                    Ended::Reset,
                ),
            ],
            silent: vec![
                proxied(bare(8080)),
                bare(3000).talked(Said::Nothing, b"SSH-2.0-OpenSSH_9.2\r\n", Ended::Enough),
                bare(3000).talked(Said::Nothing, mysql, Ended::Enough),
                bare(5432).talked(Said::Http, ok, Ended::Enough),
                bare(6379).talked(Said::Http, ok, Ended::Enough),
                bare(8080).talked(Said::Nothing, b"SSH-2.0-OpenSSH_9.2\r\n", Ended::Enough),
                redis().talked(Said::Greeting, b"+PONG\r\n", Ended::Enough),
                with("redis", redis()).talked(Said::Greeting, b"-NOAUTH Authentication required.\r\n", Ended::Enough),
                with("http", bare(5432)).talked(Said::Http, ok, Ended::Enough),
                with("https", bare(3000)).talked(Said::Tls, b"\x16\x03\x03\x00\x7a\x02", Ended::Enough),
                with("grpc", bare(3000)).talked(Said::Http, ok, Ended::Enough),
                with("http", Scene::connect("127.0.0.1:3000")).tried(Met::Failed(111)),
            ],
        }
    }
}
