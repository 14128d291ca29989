cause! {
    "udp-not-tcp": "the service speaks UDP, and the client TCP",
    Reading, Endpoint(run),
    what: "TCP and UDP have ports of their own: a service on UDP port 53 is no answer to a client on TCP port 53. Here the
number is taken in UDP only, and the client came with TCP.",
    evidence: "The tables (sock_diag) hold a UDP socket that takes the address and port, and no TCP one.",
    fix: "Let the client use UDP, or switch on the service's TCP side.",
}

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let Some(dialled) = case.unserved() else { return Ruling::Silent };
    if case.listeners().next().is_some() {
        return Ruling::Silent;
    }
    let other = case.snapshot.sockets.iter().enumerate().find(|(_, socket)| {
        let there = socket.transport == Transport::Udp && socket.port() == Some(case.asked.port);
        there && case.is_own(socket) && socket.state.serves() && socket.takes(dialled)
    });
    let Some((index, socket)) = other else { return Ruling::Silent };
    let mut evidence = vec![words::seen(case, index, socket)];
    evidence.extend(case.exam.attempts.iter().take(1).map(words::tried));
    let port = case.asked.port;
    let fixes = vec![
        offer::explain("Let the client use UDP", format!("udp/{port}")),
        Remedy::advice("Or switch on the service's TCP side", "see the service's own settings", Effect::Change),
    ];
    // A datagram client takes such a port as its own end, too.
    let ephemeral = case.snapshot.rules.as_ref().is_some_and(|rules| rules.is_ephemeral(case.asked.port));
    let likelihood = if ephemeral { Likelihood::Possible } else { Likelihood::Likely };
    let who = words::who(case, index, socket);
    let summary = format!("{who} serves port {port} by UDP, and the client came with TCP, where nothing has the port.");
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Met, SocketState, Transport};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener, socket},
    };

    pub(crate) fn cases() -> Cases {
        let udp = |port| held(socket(Transport::Udp, SocketState::Bound, "0.0.0.0", port));
        let on_v6 = held(socket(Transport::Udp, SocketState::Bound, "::1", 5353));
        let mut other_way = Scene::on(udp(5353), "127.0.0.1:5353");
        other_way.asked.transport = Transport::Udp;
        Cases {
            fires: vec![
                Scene::on(udp(5353), "127.0.0.1:5353").tried(Met::Failed(111)).rose(&[("Tcp.OutRsts", 1)]),
                Scene::on(udp(5353), "127.0.0.1:5353"),
            ],
            silent: vec![
                Scene::on(held(listener("127.0.0.1", 5353)), "127.0.0.1:5353").tried(Met::Connected),
                Scene::on(on_v6, "127.0.0.1:5353").tried(Met::Failed(111)),
                Scene::on(udp(5354), "127.0.0.1:5353").tried(Met::Failed(111)),
                other_way,
            ],
        }
    }
}
