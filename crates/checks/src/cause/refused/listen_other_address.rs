cause! {
    "listen-other-address": "the server listens on another address of this machine",
    Reading, Endpoint(run),
    what: "A listener with a specific address takes connections to that address alone; one that is pinned to a device
(SO_BINDTODEVICE) takes only what arrives there. The client dialled another address of the same machine.",
    evidence: "A listener with this port whose address or device is another (sock_diag), and none that takes the dialled one.",
    fix: "Dial the address that it listens on, or let it listen on the dialled one.",
}

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let Some(dialled) = case.unserved() else { return Ruling::Silent };
    let Some((index, socket)) = case.listeners().find(|(_, socket)| is_elsewhere(socket, dialled)) else {
        return Ruling::Silent;
    };
    let port = case.asked.port;
    let mut evidence = vec![words::seen(case, index, socket)];
    evidence.extend(case.exam.attempts.iter().take(3).map(words::tried));
    let listens = words::endpoint(case.snapshot, socket);
    let mut fixes = Vec::new();
    if let Some(address) = socket.address().map(unmap).filter(|address| !address.is_unspecified()) {
        fixes.extend(edits::listen_on(case, index, dialled, "Let it listen on the dialled address"));
        let there = words::address(address, port);
        fixes.push(offer::explain(format!("Dial {there}, where it listens"), &there));
    }
    let setting = format!("set its address to {dialled}");
    fixes.push(Remedy::advice("Let it listen on the dialled address, without a device", setting, Effect::Change));
    let who = words::who(case, index, socket);
    let summary = format!("{who} listens on {listens} only, and the client dialled {}.", words::address(dialled, port));
    words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes)
}

/// True for a listener that is neither the other family's (a cause of its own) nor loopback's for a client from outside.
fn is_elsewhere(socket: &Socket, dialled: IpAddr) -> bool {
    let Some(address) = socket.address() else { return false };
    if socket.is_wildcard() {
        // Only its device keeps it from taking the connection.
        return socket.interface != 0 && socket.takes(dialled);
    }
    let own = unmap(address);
    if AddressClass::of(own) != AddressClass::Loopback {
        return true;
    }
    let other_family = own.is_ipv4() != dialled.is_ipv4() && is_first_loopback(own);
    dialled.is_loopback() && !other_family
}

fn is_first_loopback(address: IpAddr) -> bool {
    address == IpAddr::from([127, 0, 0, 1]) || address == std::net::Ipv6Addr::LOCALHOST
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{MentionKind, Met};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener},
    };

    pub(crate) fn cases() -> Cases {
        let mut pinned = listener("0.0.0.0", 3000);
        pinned.interface = 2;
        let mut pinned_to_lo = listener("0.0.0.0", 3000);
        pinned_to_lo.interface = 1;
        let on = |address: &str, target: &str| Scene::on(held(listener(address, 3000)), target).tried(Met::Failed(111));
        Cases {
            fires: vec![
                on("127.0.0.2", "127.0.0.1:3000"),
                on("127.0.1.1", "[::1]:3000"),
                on("192.168.1.20", "127.0.0.1:3000"),
                on("fe80::20", "192.168.1.20:3000"),
                Scene::on(held(pinned), "127.0.0.1:3000"),
                on("127.0.0.2", "127.0.0.1:3000").mention(
                    MentionKind::Environment,
                    "/home/ana/shop/.env",
                    2,
                    "HOST=127.0.0.2:3000",
                    3000,
                ),
            ],
            silent: vec![
                on("127.0.0.1", "192.168.1.20:3000"),
                on("::1", "127.0.0.1:3000"),
                Scene::on(held(listener("::ffff:127.0.0.1", 3000)), "127.0.0.1:3000"),
                Scene::on(held(listener("0.0.0.0", 3000)), "127.0.0.1:3000").tried(Met::Connected),
                Scene::on(held(pinned_to_lo), "127.0.0.1:3000"),
                Scene::on(held(listener("127.0.0.2", 3001)), "127.0.0.1:3000").tried(Met::Failed(111)),
            ],
        }
    }

    #[test]
    fn a_proven_line_is_rewritten() {
        let scene = cases().fires.pop().unwrap();
        let diagnosis = crate::doctor::diagnose(&scene.case());
        let edit = diagnosis.causes[0].remedies[0].edits().unwrap();
        assert_eq!(
            (edit.now.shown(), edit.then[0].shown()),
            ("HOST=127.0.0.2:3000".to_owned(), "HOST=127.0.0.1:3000".to_owned())
        );
    }
}
