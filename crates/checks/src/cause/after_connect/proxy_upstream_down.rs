cause! {
    "proxy-upstream-down": "a forwarder holds the port, and what stands behind it does not answer",
    Process, Endpoint(run) if talk::text_may_stand,
    what: "\
The port belongs to a proxy or a tunnel: Docker's proxy, ssh -L, socat, kubectl port-forward, nginx. It accepts every connection, finds
nobody behind it, and closes or answers 502. \"Connected\" means the proxy, not the service.",
    evidence: "\
The holder is a forwarder by its arguments, and its connections end without a byte; or an answer of 502 or 504, which
only a gateway gives (RFC 9110 sections 15.6.3 and 15.6.5); a connection to the address behind it is refused.",
    fix: "Start what stands behind it, or let the forwarder point to where it is.",
}

use portward_model::{Ended, Mention, Text, shell};

use std::net::SocketAddr;

use crate::{
    case::forwarder::{Forwarder, by_arguments, forwarder},
    case::kin::tcp_listeners,
    cause::prelude::*,
};

fn run(case: &Case<'_>) -> Ruling {
    let port = case.asked.port;
    let holders = case.serving_processes();
    let known = holders.iter().find_map(|(process, _)| Some((*process, forwarder(process, port, case.snapshot.host.uid)?)));
    // A program without a known name is a forwarder where it leaves its clients and its arguments lead to a dead end.
    let left = talk::exchanges(case).into_iter().find(|(_, exchange)| talk::left(exchange));
    let unknown = || {
        let named = holders.iter().find_map(|(process, _)| Some((*process, by_arguments(process, port)?)));
        named.filter(|(process, forwarder)| left.is_some() && dead_end(case, process.id.pid, forwarder).is_some())
    };
    if let Some(ruling) = behind_a_development_server(case) {
        return ruling;
    }
    let holder = known.or_else(unknown);
    let told = case.symptom() == Some(Symptom::UpstreamFailed);
    let answer = talk::http(case);
    let mut evidence = Vec::new();
    let mut likelihood = Likelihood::Likely;
    if let Some((_, exchange, http)) = &answer {
        // Development servers answer 500 for it, and print what the text says.
        let gateway = matches!(http.status, 502 | 504)
            || (http.status == 500 && told)
            || (http.status == 503 && (holder.is_some() || http.has("no server is available") || http.has("upstream")));
        if !gateway {
            return match (&holder, told) {
                (Some((process, _)), _) => {
                    Ruling::out(format!("{} forwards, and {}", words::named(process), talk::heard_words(exchange).fact))
                }
                (None, true) => Ruling::out(talk::heard_words(exchange).fact),
                (None, false) => Ruling::Silent,
            };
        }
        evidence.push(talk::heard_words(exchange));
    } else {
        let spoke = talk::exchanges(case).iter().any(|(_, exchange)| !exchange.heard.raw().is_empty());
        match (&holder, left) {
            // It tries again and again before it leaves, and each try of this machine's is refused.
            (Some((_, forwarder)), _) if forwarder.blind && !forwarder.is_far && !spoke && tries_in_vain(case).is_some() => {
                evidence.extend(talk::exchanges(case).first().map(|(_, exchange)| talk::heard_words(exchange)));
                evidence.extend(tries_in_vain(case));
            }
            (Some((process, forwarder)), Some((_, exchange))) if forwarder.blind && !spoke => {
                // What stands behind it has taken a connection on which nothing was said: it left the words.
                if talk::exchanges(case).iter().any(|(_, told)| told.said == Said::Nothing && told.ended == Ended::Silence) {
                    return Ruling::out(format!(
                        "{} forwards, and keeps a connection on which nothing is said",
                        words::named(process)
                    ));
                }
                // Of a far end nothing can be read: that it leaves before anything is said tells, that it leaves words does not.
                let far = forwarder.is_far || forwarder.address.is_none_or(|address| !case.is_own_address(address.ip()));
                let unasked = talk::exchanges(case).iter().any(|(_, told)| told.said == Said::Nothing && talk::left(told));
                let own_words = talk::client(case).is_some_and(|client| client.told);
                if far && !unasked && !own_words && !told {
                    likelihood = Likelihood::Possible;
                }
                // Where somebody listens behind it and nothing was refused, it is that one that leaves.
                if let Some(fact) = behind_it(case, forwarder).filter(|_| !dials_in_vain(case)) {
                    return Ruling::out(format!("{} forwards, and {fact}", words::named(process)));
                }
                evidence.push(talk::heard_words(exchange));
            }
            (None, Some((attempt, exchange))) if !spoke && dials_in_vain(case) => {
                evidence.push(talk::heard_words(exchange));
                evidence.push(begun_and_refused(attempt));
            }
            _ if told => {}
            _ => return Ruling::Silent,
        }
    }
    let behind = holder.as_ref().map(|(_, forwarder)| forwarder);
    if let Some((process, forwarder)) = &holder {
        let leads = forwarder.backend.as_ref().map(|backend| format!(", and leads to {}", Text::from(backend.as_str())));
        let fact = format!("{} is {}{}", words::named(process), forwarder.kind, leads.unwrap_or_default());
        evidence.push(Evidence::new(format!("/proc/{}/cmdline", process.id.pid), fact));
        if let Some(proof) = dead_end(case, process.id.pid, forwarder) {
            evidence.push(proof);
            likelihood = Likelihood::Certain;
        }
    }
    evidence.extend(talk::line(case).filter(|_| told));
    let who = holder
        .as_ref()
        .map(|(process, _)| words::named(process))
        .or_else(|| case.served().first().map(|(index, socket)| words::who(case, *index, socket)));
    let what = behind
        .and_then(|forwarder| forwarder.backend.as_deref())
        .map_or_else(|| "what stands behind it".to_owned(), |backend| Text::from(backend).shown());
    let summary = format!("{} forwards port {port}, and {what} does not answer.", who.unwrap_or_else(|| "A proxy".to_owned()));
    words::found(CAUSE.code, likelihood, summary, evidence, fixes(case, behind))
}

/// A development server that fails at a path which its settings send on to a server that is not there.
fn behind_a_development_server(case: &Case<'_>) -> Option<Ruling> {
    // Vite answers 500 and ends an upgrade, webpack and its kin 500 or 504.
    let failed = talk::answers(case).into_iter().find(|(_, _, answer)| matches!(answer.status, 500 | 502..=504));
    let failed = failed
        .map(|(_, exchange, _)| exchange)
        .or_else(|| talk::on(case, Said::Upgrade).map(|(_, told)| told).filter(|told| talk::left(told)))?;
    let resource = case.asked.resource.as_deref().or_else(|| case.paste?.request.as_ref()?.resource.as_deref()).unwrap_or("/");
    let leads = |mention: &&Mention| {
        let text = mention.text.lossy();
        let paths = text.split(['\'', '"', '`', ' ', ',']).map(|part| part.trim_end_matches(':').trim_start_matches('^'));
        let mut paths = paths.filter(|part| part.starts_with('/') && part.len() > 1).peekable();
        // A setting without a path is about all that the server itself does not have.
        paths.peek().is_none()
            || paths.any(|path| resource.starts_with(path.split([':', '*', '(']).next().unwrap_or(path).trim_end_matches('/')))
    };
    let gone =
        |mention: &&Mention| table_is_whole(case) && !tcp_listeners(case).any(|(_, socket)| socket.port() == Some(mention.port));
    let mention = kin::upstreams(case).filter(leads).find(gone)?;
    let holders = case.serving_processes();
    let serves = |process: &Process| {
        kin::is_script(process)
            || program::find(process, |known| matches!(known.kind, program::Kind::DevServer | program::Kind::Runtime)).is_some()
    };
    let known = holders.iter().any(|(process, _)| serves(process));
    if !known && !holders.is_empty() {
        return None;
    }
    let port = mention.port;
    let evidence = vec![
        talk::heard_words(failed),
        words::mentioned(mention),
        Evidence::new("sock_diag", format!("nothing listens on port {port}")),
    ];
    let (index, socket) = case.served().first().copied()?;
    let who = words::who(case, index, socket);
    let summary = format!("{who} sends {} on to port {port}, where nothing listens.", Text::from(resource));
    let fixes = vec![offer::wait(format!("Start what should listen on port {port}"), port.to_string())];
    let likelihood = if known { Likelihood::Certain } else { Likelihood::Likely };
    Some(words::found(CAUSE.code, likelihood, summary, evidence, fixes))
}

/// A reading that the address behind a forwarder refuses or keeps silent.
fn dead_end(case: &Case<'_>, pid: u32, forwarder: &Forwarder) -> Option<Evidence> {
    let address = forwarder.address;
    let refused = case
        .exam
        .attempts
        .iter()
        .find(|attempt| matches!(attempt.at, DialTarget::Inet(at) if Some(at) == address) && attempt.met != Met::Connected);
    if let Some(attempt) = refused {
        return Some(words::tried(attempt));
    }
    if let Some(address) = address.filter(|address| case.is_own_address(address.ip()) && !case.snapshot.sockets.is_empty())
        && table_is_whole(case)
        && listening_at(case, address).is_none()
    {
        return Some(Evidence::new("sock_diag", format!("nothing listens on {address}")));
    }
    let waiting = case.snapshot.sockets.iter().enumerate().find(|(index, socket)| {
        socket.state == SocketState::SynSent
            && socket.remote().is_some()
            && case.snapshot.holders(*index).iter().any(|holding| holding.pid == pid)
    });
    waiting.map(|(index, socket)| words::seen(case, index, socket))
}

/// Who listens on the address behind a forwarder, where this machine's tables tell.
fn behind_it(case: &Case<'_>, forwarder: &Forwarder) -> Option<Sentence> {
    // A container's address is not this machine's: a published port's own number is often that inside as well.
    let address = forwarder.address.filter(|address| case.is_own_address(address.ip()))?;
    let (index, socket) = listening_at(case, address)?;
    Some(words::seen(case, index, socket).fact)
}

fn listening_at<'a>(case: &Case<'a>, address: SocketAddr) -> Option<(usize, &'a Socket)> {
    let port = address.port();
    tcp_listeners(case).find(|(_, socket)| socket.port() == Some(port) && socket.takes(address.ip()))
}

/// True when the snapshot holds listeners of other ports than the asked one, so that one which is missing is not there.
fn table_is_whole(case: &Case<'_>) -> bool {
    case.exam.every_port || tcp_listeners(case).any(|(_, socket)| socket.port() != Some(case.asked.port))
}

/// True when each conversation that ended without a byte went together with one other connection that was begun and
/// refused in this namespace: what a forwarder does whose other end is down.
fn dials_in_vain(case: &Case<'_>) -> bool {
    let exchanges = talk::exchanges(case);
    let mut left = exchanges.iter().filter(|(_, exchange)| talk::left(exchange)).peekable();
    left.peek().is_some()
        && left.all(|(attempt, _)| words::rose(attempt, "Tcp.ActiveOpens") == 2 && words::rose(attempt, "Tcp.AttemptFails") == 1)
}

/// The same of a proxy that tries several times: in each conversation without a byte all connections but the doctor's own were
/// refused in this namespace, and there was one at the least.
fn tries_in_vain(case: &Case<'_>) -> Option<Evidence> {
    let exchanges = talk::exchanges(case);
    let vain = |attempt: &Attempt| {
        let refused = words::rose(attempt, "Tcp.AttemptFails");
        (1..=MOST_TRIES).contains(&refused) && words::rose(attempt, "Tcp.ActiveOpens") == refused + 1
    };
    let (first, _) = exchanges.first()?;
    exchanges.iter().all(|(attempt, exchange)| exchange.heard.raw().is_empty() && vain(attempt)).then(|| begun_and_refused(first))
}

fn begun_and_refused(attempt: &Attempt) -> Evidence {
    let rose = |counter| words::rose(attempt, counter);
    let fact = format!(
        "meanwhile {} connections were begun here, and {} of them refused (Tcp.ActiveOpens, Tcp.AttemptFails)",
        rose("Tcp.ActiveOpens"),
        rose("Tcp.AttemptFails")
    );
    Evidence::new("/proc/net/snmp", fact)
}

/// How often a proxy tries at most while it is listened to: `HAProxy` three times more, a second apart (`retries`).
const MOST_TRIES: u64 = 12;

fn fixes(case: &Case<'_>, behind: Option<&Forwarder>) -> Vec<Remedy> {
    let Some(forwarder) = behind else {
        let title = "Start what stands behind it; its log names the address";
        return vec![offer::explain(title, words::target(case))];
    };
    let first = match (&forwarder.address, &forwarder.backend) {
        (Some(_), _) if forwarder.docker => {
            let command = shell!("docker ps --filter publish={}", case.asked.port);
            Remedy::look("Find the container and start what listens in it", command)
        }
        (Some(address), _) => offer::wait(format!("Start what should listen on {address}"), address.port().to_string()),
        (None, Some(backend)) => {
            let there = if forwarder.is_far { ", at the far end" } else { "" };
            offer::explain(format!("Start {}{there}", Text::from(backend.as_str())), words::target(case))
        }
        (None, None) => offer::explain("Start what stands behind it", words::target(case)),
    };
    vec![first]
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{DialTarget, Ended, MentionKind, Met, Said, Snapshot};

    use crate::{
        Symptom,
        case::scene::Scene,
        cause::Cases,
        fixture::{held, holding, listener, process, world},
    };

    fn by(line: &str) -> Snapshot {
        let argv: Vec<&str> = line.split(' ').collect();
        world(vec![listener("127.0.0.1", 8080)], vec![process(77, 1, &argv, 100)], vec![holding(0, 77, 3)])
    }

    pub(crate) fn cases() -> Cases {
        let on = |snapshot: Snapshot| Scene::on(snapshot, "127.0.0.1:8080");
        let socat = "socat TCP-LISTEN:8080,fork TCP:127.0.0.1:9000";
        let docker = "docker-proxy -proto tcp -host-ip 127.0.0.1 -host-port 8080 -container-ip 172.17.0.2 -container-port 80";
        let other = || on(held(listener("127.0.0.1", 8080)));
        let python = "python3 gate.py --listen 8080 --to 127.0.0.1:9000";
        let retried = |scene: Scene| scene.rose(&[("Tcp.ActiveOpens", 4), ("Tcp.AttemptFails", 3), ("Tcp.OutRsts", 3)]);
        let vain = |scene: Scene| scene.rose(&[("Tcp.ActiveOpens", 2), ("Tcp.AttemptFails", 1), ("Tcp.OutRsts", 1)]);
        let beside = |line: &str, port: u16| {
            let mut snapshot = by(line);
            snapshot.sockets.push(listener("127.0.0.1", port));
            on(snapshot).talked(Said::Nothing, b"", Ended::Closed)
        };
        let broken = b"HTTP/1.1 500 Internal Server Error\r\n\r\n";
        let vite = |resource: &str, beside: u16| {
            let mut snapshot = by("node /w/node_modules/.bin/vite");
            snapshot.sockets.push(listener("127.0.0.1", beside));
            let scene =
                on(snapshot).mention(MentionKind::Upstream, "/w/vite.config.ts", 5, "'/api': 'http://localhost:8000',", 8000);
            scene.but(|scene| scene.asked.resource = Some(resource.to_owned()))
        };
        let mut proven = on(by(socat)).talked(Said::Nothing, b"", Ended::Closed);
        let mut behind = proven.attempt(Met::Failed(111));
        behind.at = DialTarget::Inet("127.0.0.1:9000".parse().unwrap());
        proven.exam.attempts.push(behind);
        Cases {
            fires: vec![
                proven,
                vain(beside(python, 22)),
                beside(python, 22),
                beside(socat, 22),
                on(by(&docker.replace("-container-port 80", "-container-port 8080"))).talked(Said::Http, b"", Ended::Closed),
                vain(other().talked(Said::Http, b"", Ended::Closed)),
                retried(on(by("haproxy")).talked(Said::Http, b"", Ended::Silence)),
                on(by(socat)).talked(Said::Nothing, b"", Ended::Closed),
                on(by(docker)).talked(Said::Http, b"", Ended::Reset),
                on(by("ssh -N -L 8080:localhost:80 far")).talked(Said::Http, b"", Ended::Closed),
                on(by("nginx")).talked(Said::Http, b"HTTP/1.1 502 Bad Gateway\r\n\r\n", Ended::Enough),
                other().talked(Said::Http, b"HTTP/1.1 504 Gateway Timeout\r\n\r\n", Ended::Enough),
                other().said(Symptom::UpstreamFailed, Some("proxy-upstream-down"), "[vite] http proxy error: /api"),
                other().said(Symptom::UpstreamFailed, Some("proxy-upstream-down"), "[vite] http proxy error: /api").talked(
                    Said::Http,
                    broken,
                    Ended::Enough,
                ),
                vite("/api/orders", 22).talked(Said::Http, broken, Ended::Enough),
                vite("/api/live", 22).talked(Said::Upgrade, b"", Ended::Closed),
            ],
            silent: vec![
                vite("/api/orders", 8000).talked(Said::Http, broken, Ended::Enough),
                vite("/other", 22).talked(Said::Http, broken, Ended::Enough),
                vite("/api/orders", 22).talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
                on(by(socat)).talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
                on(by(socat)).talked(Said::Http, b"", Ended::Silence),
                retried(on(by("ssh -N -L 8080:localhost:80 far")).talked(Said::Http, b"", Ended::Silence)),
                retried(other().talked(Said::Http, b"", Ended::Silence)),
                on(by("nginx")).talked(Said::Http, b"", Ended::Closed),
                other().talked(Said::Nothing, b"", Ended::Closed),
                beside(socat, 9000),
                beside(python, 9000),
                vain(other().talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough)),
                other().talked(Said::Http, b"HTTP/1.1 503 Service Unavailable\r\n\r\n", Ended::Enough),
            ],
        }
    }
}
