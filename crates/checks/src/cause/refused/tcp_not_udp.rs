cause! {
    "tcp-not-udp": "the service speaks TCP, and the client UDP",
    Reading, Endpoint(run),
    what: "TCP and UDP have ports of their own: a service on UDP port 53 is no answer to a client on TCP port 53. Here the
number is taken in TCP only, and the client came with UDP.",
    evidence: "The tables (sock_diag) hold a TCP socket that takes the address and port, and no UDP one.",
    fix: "Let the client use TCP, or switch on the service's UDP side.",
}

use crate::{case::dialled, cause::prelude::*};

fn run(case: &Case<'_>) -> Ruling {
    let asks = case.connects() && case.asked.transport == Transport::Udp && case.served().is_empty();
    // A name has several addresses, and its client tries each.
    let own = || case.asked.addresses.iter().filter(|address| asks && case.is_own_address(**address)).copied().map(dialled);
    let other = case.snapshot.sockets.iter().enumerate().find(|(_, socket)| {
        let there = socket.transport == Transport::Tcp && socket.port() == Some(case.asked.port);
        there && case.is_own(socket) && socket.state == SocketState::Listen && own().any(|address| socket.takes(address))
    });
    let Some((index, socket)) = other else { return Ruling::Silent };
    let mut evidence = vec![words::seen(case, index, socket)];
    evidence.extend(case.exam.attempts.iter().take(1).map(words::tried));
    let port = case.asked.port;
    let fixes = vec![
        offer::explain("Let the client use TCP", port.to_string()),
        Remedy::advice("Or switch on the service's UDP side", "see the service's own settings", Effect::Change),
    ];
    let likelihood = Likelihood::Likely;
    let who = words::who(case, index, socket);
    let summary = format!("{who} serves port {port} by TCP, and the client came with UDP, where nothing has the port.");
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{SocketState, Transport};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener, socket},
    };

    fn asked(mut scene: Scene) -> Scene {
        scene.asked.transport = Transport::Udp;
        "udp/127.0.0.1:9000".clone_into(&mut scene.asked.text);
        scene
    }

    pub(crate) fn cases() -> Cases {
        let udp = held(socket(Transport::Udp, SocketState::Bound, "0.0.0.0", 9000));
        Cases {
            fires: vec![
                asked(Scene::on(held(listener("127.0.0.1", 9000)), "127.0.0.1:9000")),
                asked(Scene::on(held(listener("::", 9000)), "127.0.0.1:9000")),
            ],
            silent: vec![
                asked(Scene::on(udp, "127.0.0.1:9000")),
                asked(Scene::on(held(listener("127.0.0.2", 9000)), "127.0.0.1:9000")),
                Scene::on(held(listener("127.0.0.1", 9000)), "127.0.0.1:9000"),
            ],
        }
    }
}
