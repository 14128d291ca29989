cause! {
    "container-binds-loopback": "the program in the container listens on the container's own loopback only",
    Rule, Endpoint(run),
    what: "A published port leads to the container's address on its network. A program that listens on 127.0.0.1 inside the
container is not there: the proxy on the host accepts, and closes or resets at once; without the proxy the client is
refused.",
    evidence: "\
The host's listener is the runtime's proxy, or a rule sends the port to the container; every listener with the inner
port in the container's network namespace is on loopback (sock_diag after setns(2)).",
    fix: "Let the program listen on 0.0.0.0 inside the container. That does not expose it: who may reach it is decided where
the port is published.",
}

use crate::{bind::words::container_of, cause::prelude::*, docker_proxy};

fn run(case: &Case<'_>) -> Ruling {
    if !case.connects_by_tcp() || case.asked.port == 0 {
        return Ruling::Silent;
    }
    if let Standing::Connected(attempt) = case.standing()
        && attempt.exchange.as_ref().is_some_and(|exchange| !exchange.heard.raw().is_empty())
    {
        return Ruling::Silent;
    }
    let Some(way) = way(case) else { return Ruling::Silent };
    let inside: Vec<(usize, &Socket)> = case
        .snapshot
        .sockets
        .iter()
        .enumerate()
        .filter(|(index, socket)| {
            let listens = socket.transport == Transport::Tcp && socket.state == SocketState::Listen;
            listens && !case.is_own(socket) && socket.port() == Some(way.port) && may_be(case, *index, way.address)
        })
        .collect();
    let loopback =
        |socket: &Socket| socket.address().is_some_and(|address| AddressClass::of(unmap(address)) == AddressClass::Loopback);
    let Some((index, socket)) = inside.first().copied() else { return Ruling::Silent };
    if let Some((index, open)) = inside.iter().find(|(_, socket)| !loopback(socket)) {
        return Ruling::out(format!("{} inside the container", words::seen(case, *index, open).fact));
    }
    let known = way.address.is_some_and(|address| belongs(case, index, address));
    let likelihood = if known { Likelihood::Certain } else { Likelihood::Likely };
    let mut evidence = vec![way.evidence, words::seen(case, index, socket)];
    evidence.extend(case.exam.attempts.iter().take(1).map(words::tried));
    let listens = words::endpoint(case.snapshot, socket);
    let every = std::net::Ipv4Addr::UNSPECIFIED.into();
    let mut fixes: Vec<Remedy> =
        edits::listen_on(case, index, every, "Let it listen on 0.0.0.0 inside the container").into_iter().collect();
    let setting =
        format!("set the program's address to 0.0.0.0 (for example --host 0.0.0.0, or HOST=0.0.0.0), port {}", way.port);
    fixes.push(Remedy::advice("Let it listen on 0.0.0.0 inside the container", setting, Effect::Change));
    let who = words::who(case, index, socket);
    let summary =
        format!("{who} listens on {listens} inside its container, where the published port {} does not lead.", case.asked.port);
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// How the asked port leads into a container.
struct Way {
    address: Option<IpAddr>,
    port: u16,
    evidence: Evidence,
}

fn way(case: &Case<'_>) -> Option<Way> {
    for (index, socket) in case.served() {
        let holder = case.holder(index)?;
        if let Some(proxy) = docker_proxy(holder, case.snapshot.host.uid) {
            let evidence = words::seen(case, index, socket);
            return Some(Way { address: Some(proxy.container_address), port: proxy.container_port, evidence });
        }
        // Other proxies do not say where they lead; that nothing comes back does, in part.
        let mute = matches!(case.standing(), Standing::Connected(attempt) if attempt.exchange.is_some());
        if mute && FORWARDERS.contains(&holder.title().as_str()) {
            return Some(Way { address: None, port: case.asked.port, evidence: words::seen(case, index, socket) });
        }
    }
    case.unserved()?;
    let rule = case.rules_for(&[RuleVerdict::Redirect]).into_iter().find(|rule| rule.port.is_some())?;
    let (address, port) = destination(&rule.text.lossy())?;
    let evidence = Evidence::new("packet filter rules", format!("{}: {}", rule.chain, rule.text));
    Some(Way { address: Some(address), port, evidence })
}

/// `dnat to 172.17.0.2:80`, `--to-destination 172.17.0.2:80`
fn destination(rule: &str) -> Option<(IpAddr, u16)> {
    let mut words = rule.split_ascii_whitespace().skip_while(|word| !matches!(*word, "to" | "--to-destination"));
    words.find_map(|word| word.parse::<std::net::SocketAddr>().ok()).map(|at| (at.ip(), at.port()))
}

/// True unless the socket is known to be of another container.
fn may_be(case: &Case<'_>, index: usize, address: Option<IpAddr>) -> bool {
    let Some(address) = address else { return true };
    let container = case.holder(index).and_then(|process| container_of(case.snapshot, process));
    container.is_none_or(|container| container.addresses.is_empty() || container.addresses.contains(&address))
}

fn belongs(case: &Case<'_>, index: usize, address: IpAddr) -> bool {
    let container = case.holder(index).and_then(|process| container_of(case.snapshot, process));
    container.is_some_and(|container| container.addresses.contains(&address))
}

/// Programs that carry connections into rootless containers.
const FORWARDERS: &[&str] = &["rootlessport", "rootlesskit", "pasta", "passt", "slirp4netns", "gvproxy"];

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Container, Ended, Namespace, RuleVerdict, Said, Seen, Snapshot, Text};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{holding, listener, process, world},
    };

    const ID: &str = "0123456789ab0123456789ab0123456789ab0123456789ab0123456789ab0123";

    fn published(inner: &str, proxied: bool) -> Snapshot {
        let mut inside = listener(inner, 80);
        inside.netns = 1;
        let argv = ["docker-proxy", "-proto", "tcp", "-host-ip", "0.0.0.0", "-host-port", "8080"];
        let to = ["-container-ip", "172.17.0.2", "-container-port", "80"];
        let proxy = process(700, 1, &[&argv[..], &to[..]].concat(), 600);
        let mut app = process(800, 1, &["node", "/app/shop.js"], 600);
        app.cgroup = Seen::Known(Text::new(format!("/system.slice/docker-{ID}.scope")));
        let (sockets, holdings) = if proxied {
            (vec![inside, listener("0.0.0.0", 8080)], vec![holding(0, 800, 3), holding(1, 700, 4)])
        } else {
            (vec![inside], vec![holding(0, 800, 3)])
        };
        let mut snapshot = world(sockets, vec![proxy, app], holdings);
        snapshot.namespaces.push(Namespace { inode: 9, name: None, pid: Some(800), own: false });
        snapshot.containers.push(Container {
            runtime: "docker".to_owned(),
            id: ID.to_owned(),
            name: Some(Text::from("shop")),
            image: None,
            service: None,
            inner_port: None,
            addresses: vec!["172.17.0.2".parse().unwrap()],
        });
        snapshot
    }

    pub(crate) fn cases() -> Cases {
        let on = |inner: &str, proxied| Scene::on(published(inner, proxied), "127.0.0.1:8080");
        let turned = |scene: Scene| {
            scene.rule("prerouting", "tcp dport 8080 dnat to 172.17.0.2:80", RuleVerdict::Redirect, Some(8080), Some(1))
        };
        let mut other = published("127.0.0.1", true);
        other.containers[0].addresses = vec!["172.17.0.9".parse().unwrap()];
        Cases {
            fires: vec![
                on("127.0.0.1", true).talked(Said::Http, b"", Ended::Reset),
                on("::1", true),
                on("127.0.0.1", true).talked(Said::Nothing, b"", Ended::Closed),
                turned(on("127.0.0.1", false).tried(portward_model::Met::Failed(111))).rose(&[("Tcp.OutRsts", 1)]),
            ],
            silent: vec![
                on("0.0.0.0", true).talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
                on("0.0.0.0", true).talked(Said::Http, b"", Ended::Reset),
                on("127.0.0.1", false),
                Scene::on(other, "127.0.0.1:8080"),
            ],
        }
    }
}
