cause! {
    "half-open": "one end of a connection is gone and the other does not know",
    Reading, Endpoint(run),
    what: "\
After sleep, a change of VPN or network, or a crash, a connection may exist on one side alone. What is sent on it is sent
again and again; its program waits, up to a quarter of an hour, before the kernel gives up.",
    evidence: "\
A connection to the endpoint is established and has unacknowledged bytes, while its other end, on this same machine, does not
exist; or the other machine does not answer a new connection either.",
    fix: "Close it and connect again; let the client use keepalive.",
}

use portward_model::shell;

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    if !case.connects_by_tcp() || case.asked.path.is_some() {
        return Ruling::Silent;
    }
    let sockets = || case.snapshot.sockets.iter().enumerate();
    let unheard = matches!(Reached::of(case), Reached::Unheard(_)) || matches!(case.standing(), Standing::Failed(..));
    let ours = sockets().filter(|(_, socket)| !case.is_doctors(socket)).filter(|(_, socket)| {
        let target =
            socket.remote().is_some_and(|(address, port)| port == case.asked.port && case.asked.addresses.contains(&address));
        let concerns = target || socket.port() == Some(case.asked.port);
        let stuck = socket.state == SocketState::Established && socket.queue.limit > 0;
        case.is_own(socket) && socket.transport == Transport::Tcp && concerns && stuck && socket.inode != 0
    });
    for (index, socket) in ours {
        let Some((address, port)) = socket.remote() else { continue };
        let near = case.is_own_address(address);
        if near && other_end(case, socket) {
            continue;
        }
        // An address that was translated has its other end under another name.
        let plain = near && address.is_loopback() && socket.address().is_some_and(|own| own.is_loopback());
        let gone = !near && port == case.asked.port && unheard;
        if !plain && !gone {
            continue;
        }
        let who = words::who(case, index, socket);
        let there = words::address(address, port);
        let mut evidence = vec![
            words::seen(case, index, socket),
            Evidence::new("sock_diag", format!("{} bytes to {there} are not acknowledged", socket.queue.limit)),
        ];
        if plain {
            evidence.push(Evidence::new("sock_diag", format!("no socket of this machine is the other end, {there}")));
        }
        evidence.extend(case.exam.attempts.first().map(words::tried));
        let local = socket.port().unwrap_or_default();
        let fixes = vec![
            Remedy::end("Close the dead connection", shell!("sudo ss -K state established sport = :{} dport = :{}", local, port)),
            Remedy::change("Let the kernel notice sooner", "sudo sysctl -w net.ipv4.tcp_retries2=8"),
        ];
        let summary = format!("{who} waits on a connection to {there} whose other end is gone.");
        return words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes);
    }
    Ruling::Silent
}

/// True when the other end of a connection is in some namespace that could be read.
fn other_end(case: &Case<'_>, socket: &Socket) -> bool {
    let (Some(address), Some(port)) = (socket.address(), socket.port()) else { return true };
    let own = socket.remote();
    case.snapshot.sockets.iter().any(|other| {
        other.remote() == Some((address, port)) && other.port().zip(other.address()).map(|(port, address)| (address, port)) == own
    })
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Met, Snapshot};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{connection, holding, listener, process, world},
    };

    fn one_end(local: &str, peer: &str, unsent: u32, both: bool) -> Snapshot {
        let mut end = connection(local, 50_000, peer, 5432);
        end.queue.limit = unsent;
        end.inode = 9;
        let mut sockets = vec![end];
        let mut holdings = vec![holding(0, 50, 7)];
        if peer == "127.0.0.1" {
            sockets.push(listener("127.0.0.1", 5432));
            holdings.push(holding(1, 60, 3));
        }
        if both {
            sockets.push(connection(peer, 5432, local, 50_000));
        }
        world(sockets, vec![process(50, 1, &["web"], 60), process(60, 1, &["postgres"], 60)], holdings)
    }

    pub(crate) fn cases() -> Cases {
        let near = |unsent, both| Scene::on(one_end("127.0.0.1", "127.0.0.1", unsent, both), "127.0.0.1:5432");
        let far = |unsent| Scene::on(one_end("192.168.1.20", "10.0.0.5", unsent, false), "10.0.0.5:5432");
        Cases {
            fires: vec![near(40, false).tried(Met::Connected), far(40).tried(Met::Silence), far(40).tried(Met::Failed(113))],
            silent: vec![
                near(40, true).tried(Met::Connected),
                near(0, false).tried(Met::Connected),
                far(40).tried(Met::Connected),
                far(0).tried(Met::Silence),
            ],
        }
    }
}
