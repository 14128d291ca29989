cause! {
    "localhost-means-another-host": "localhost means this container, and the service is outside it",
    Reading, Event(run),
    what: "Inside a container, a virtual machine or WSL, 127.0.0.1 is that small world itself. A service on the host, or in the
container beside it, is at another address.",
    evidence: "This program runs in a container or WSL (its files and control group), the dialled address is loopback, nothing
listens here; a connection to the gateway, which is the host, was accepted, or a setting of the project sends the
client to localhost.",
    fix: "Dial the host by its name or address from inside, or the other container by its service's name.",
}

use std::net::SocketAddr;

use portward_model::is_localhost;

use crate::{Paste, Vantage, cause::prelude::*};

fn run(case: &Case<'_>) -> Ruling {
    if let Some(paste) = case.paste.filter(|paste| case.asked.is_nowhere() && is_own_loopback(paste)) {
        return by_text(paste);
    }
    if let Some(paste) = case
        .paste
        .filter(|paste| paste.may_mean(case.asked.port) && is_loopback_of_somebody(paste) && case.exam.observed.is_none())
        && matches!(case.standing(), Standing::Connected(_))
    {
        return perhaps(case, paste);
    }
    let Some(dialled) = case.unserved().filter(IpAddr::is_loopback) else { return Ruling::Silent };
    let Some(network) = &case.exam.network else { return Ruling::Silent };
    let place = match (&network.container, network.wsl) {
        (Some(runtime), _) => format!("a {runtime} container"),
        (None, true) => "the Windows Subsystem for Linux".to_owned(),
        (None, false) => return Ruling::Silent,
    };
    if case.listeners().next().is_some() || case.elsewhere().next().is_some() {
        return Ruling::Silent;
    }
    let port = case.asked.port;
    let mut evidence = vec![
        Evidence::new("/proc/self/cgroup and the files of runtimes", format!("this program runs in {place}")),
        Evidence::new("sock_diag", format!("nothing listens on port {port} in here")),
    ];
    let gateway = network.gateway.map(|gateway| SocketAddr::new(gateway, port));
    let answers = gateway.and_then(|gateway| {
        case.exam.attempts.iter().find(|attempt| attempt.at == DialTarget::Inet(gateway) && attempt.met == Met::Connected)
    });
    evidence.extend(answers.map(words::tried));
    // A client's setting, not a server's: it names the loopback as a place to go to.
    let setting = kin::mentions(case).find(|mention| {
        let text = mention.text.lossy();
        let client = text.contains("://localhost")
            || text.contains("://127.0.0.1")
            || text.contains("@localhost")
            || text.contains("@127.0.0.1");
        client && matches!(mention.kind, MentionKind::Environment | MentionKind::Server | MentionKind::Compose)
    });
    evidence.extend(setting.map(words::mentioned));
    evidence.extend(case.exam.attempts.iter().filter(|attempt| case.is_target(&attempt.at)).take(1).map(words::tried));
    let host =
        case.exam.hosts.iter().flatten().flat_map(|line| &line.names).find(|name| {
            matches!(name.raw(), b"host.docker.internal" | b"host.containers.internal" | b"gateway.docker.internal")
        });
    let outside = host.map(Text::shown).or_else(|| network.gateway.map(|gateway| gateway.to_string()));
    let mut fixes = Vec::new();
    if let Some(outside) = &outside {
        if let Some(mention) = setting {
            let text = mention.text.lossy();
            let now = if text.contains("localhost") { "localhost" } else { "127.0.0.1" };
            fixes.extend(edits::in_line(case, mention, now, outside, "Name the host, or the other container's service"));
        }
        let target = if outside.contains(':') { format!("[{outside}]:{port}") } else { format!("{outside}:{port}") };
        fixes.push(offer::ask("Dial the host from inside", target));
    }
    fixes.push(Remedy::change("Or give the container the host's own network", "docker run --network host IMAGE"));
    let likelihood = if answers.is_some() || setting.is_some() { Likelihood::Likely } else { Likelihood::Possible };
    let summary = format!(
        "{} is inside {place}, where nothing listens; a service outside has another address.",
        words::address(dialled, port)
    );
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// True for a client in a container that was refused at the container's own loopback.
fn is_own_loopback(paste: &Paste) -> bool {
    let early = matches!(paste.symptom, Symptom::Refused | Symptom::NoHandshake | Symptom::AddressNotAvailable);
    early && dials_loopback(paste) && paste.vantage == Some(Vantage::Container)
}

/// True for a client that was refused at a loopback address, wherever it ran.
fn is_loopback_of_somebody(paste: &Paste) -> bool {
    matches!(paste.symptom, Symptom::Refused | Symptom::NoHandshake) && dials_loopback(paste)
}

/// True for a client of localhost, by name or address.
fn dials_loopback(paste: &Paste) -> bool {
    let is_loopback = |host: &str| host.parse::<IpAddr>().is_ok_and(|address| unmap(address).is_loopback());
    let loopback = paste.host.as_deref().is_some_and(|host| is_localhost(host) || is_loopback(host));
    loopback && !paste.symptom.asks_to_listen(paste.call)
}

/// The server answers here: it was not up then, or the client's localhost is another one.
fn perhaps(case: &Case<'_>, paste: &Paste) -> Ruling {
    let mut evidence = vec![words::text_line(paste)];
    if let Standing::Connected(attempt) = case.standing() {
        evidence.push(words::tried(attempt));
    }
    let fixes = vec![offer::ask("Ask again where the program runs, as in its container", case.asked.text.as_str())];
    let summary = format!(
        "{} accepts connections here and now: the server was not up then, or the program runs in a container or on another machine, whose localhost is its own.",
        case.asked.text
    );
    words::found(CAUSE.code, Likelihood::Possible, summary, evidence, fixes)
}

/// The text alone tells where its client ran.
fn by_text(paste: &Paste) -> Ruling {
    let port = paste.port.map(|port| format!(":{port}")).unwrap_or_default();
    let fixes = vec![
        Remedy::advice(
            "Name the service of the Compose file, or the machine outside",
            format!("db{port} for a service named db, host.docker.internal{port} for this machine, in place of localhost{port}"),
            Effect::Read,
        ),
        Remedy::look("See what listens inside the container", "docker exec CONTAINER cat /proc/net/tcp /proc/net/tcp6"),
    ];
    let summary =
        "The client ran in a container, where localhost is the container itself, and nothing answered there.".to_owned();
    words::found(CAUSE.code, Likelihood::Likely, summary, vec![words::text_line(paste)], fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{MentionKind, Met, NetworkSettings};

    use crate::{
        Symptom, Vantage,
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener},
    };

    fn inside(mut scene: Scene) -> Scene {
        let container = Some("docker".to_owned());
        scene.exam.network =
            Some(NetworkSettings { container, gateway: Some("172.17.0.1".parse().unwrap()), ..NetworkSettings::default() });
        scene
    }

    pub(crate) fn cases() -> Cases {
        let refused = || Scene::connect("127.0.0.1:5432").tried(Met::Failed(111));
        let url = "DATABASE_URL=postgres://localhost:5432/shop";
        let env = |scene: Scene| scene.mention(MentionKind::Environment, "/app/.env", 4, url, 5432);
        let mut answered = inside(refused());
        let gateway = Scene::connect("172.17.0.1:5432").attempt(Met::Connected);
        answered.exam.attempts.push(gateway);
        let compose = |host: &str| {
            let line = "web-1  | Error: connect ECONNREFUSED 127.0.0.1:5432";
            Scene::nowhere().said(Symptom::Refused, None, line).but(|scene| {
                let paste = scene.paste.as_mut().unwrap();
                (paste.vantage, paste.host) = (Some(Vantage::Container), Some(host.to_owned()));
            })
        };
        Cases {
            fires: vec![answered, env(inside(refused())), compose("127.0.0.1")],
            silent: vec![
                compose("db"),
                env(refused()),
                inside(Scene::on(held(listener("127.0.0.1", 5432)), "127.0.0.1:5432").tried(Met::Connected)),
                inside(Scene::on(held(listener("127.0.0.2", 5432)), "127.0.0.1:5432").tried(Met::Failed(111))),
                inside(Scene::connect("192.168.1.20:5432").tried(Met::Failed(111))),
            ],
        }
    }
}
