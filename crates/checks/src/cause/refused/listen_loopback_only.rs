cause! {
    "listen-loopback-only": "the server listens on loopback only, and another address was dialled",
    Reading, Endpoint(run),
    what: "127.0.0.1 and ::1 are for programs of this machine that dial these very addresses. A client that dials the machine's
LAN, bridge or VPN address, from here or from elsewhere, is refused.",
    evidence: "Every listener with the port is on a loopback address (sock_diag), and the dialled address is this machine's but is
not loopback.",
    fix: "Listen on that address or on 0.0.0.0 if others shall reach it, which exposes it to the network; or keep it as it is
and use a tunnel.",
}

use portward_model::shell;

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let Some(dialled) = case.unserved().filter(|address| !address.is_loopback()) else { return Ruling::Silent };
    let all: Vec<_> = case.listeners().collect();
    let loopback = |address: IpAddr| AddressClass::of(unmap(address)) == AddressClass::Loopback;
    let Some((index, socket)) = all.first().copied() else { return Ruling::Silent };
    if !all.iter().all(|(_, socket)| socket.address().is_some_and(loopback)) {
        return Ruling::Silent;
    }
    let port = case.asked.port;
    let mut evidence = vec![words::seen(case, index, socket)];
    evidence.extend(case.exam.attempts.iter().take(2).map(words::tried));
    let listens = words::endpoint(case.snapshot, socket);
    let mut fixes = Vec::new();
    fixes.push(offer::explain("From this machine, dial the address that it listens on", &listens));
    let tunnel = shell!("ssh -N -L {}:{} {}", port, listens, dialled);
    fixes.push(Remedy::change("From another machine, go through a tunnel", tunnel));
    // Named and not offered: what opens a server to the network is for a person to write.
    let line = edits::listen_on(case, index, dialled, "").and_then(|remedy| remedy.edits().cloned());
    let exposed = line.map_or_else(
        || format!("set its address to {dialled} or 0.0.0.0, which exposes it to that network"),
        |edit| {
            format!("set the address in {}:{} to {dialled} or 0.0.0.0, which exposes it to that network", edit.file, edit.line)
        },
    );
    fixes.push(Remedy::advice("Or let it listen there", exposed, Effect::Change));
    let who = words::who(case, index, socket);
    let summary = format!("{who} listens on {listens} only, and the client dialled {}.", words::address(dialled, port));
    words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::Met;

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{held, holding, listener, process, world},
    };

    pub(crate) fn cases() -> Cases {
        let both = world(
            vec![listener("127.0.0.1", 3000), listener("192.168.1.20", 3000)],
            vec![process(4121, 1, &["vite"], 60)],
            vec![holding(0, 4121, 3), holding(1, 4121, 4)],
        );
        let on = |address: &str, target: &str| Scene::on(held(listener(address, 3000)), target);
        Cases {
            fires: vec![
                on("127.0.0.1", "192.168.1.20:3000").tried(Met::Failed(111)),
                on("::1", "192.168.1.20:3000"),
                on("::ffff:127.0.0.1", "192.168.1.20:3000"),
            ],
            silent: vec![
                on("127.0.0.1", "127.0.0.1:3000").tried(Met::Connected),
                on("127.0.0.2", "127.0.0.1:3000").tried(Met::Failed(111)),
                on("0.0.0.0", "192.168.1.20:3000").tried(Met::Connected),
                Scene::on(both, "192.168.1.20:3000").tried(Met::Connected),
                on("127.0.0.1", "192.168.1.77:3000").tried(Met::Failed(111)),
            ],
        }
    }
}
