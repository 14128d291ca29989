cause! {
    "listen-other-family": "the server listens on the other address family",
    Reading, Endpoint(run),
    what: "`localhost` means 127.0.0.1 and ::1. The server listens on one of them and the client dialled the other. Programs
take what the resolver gives first; Node from 17 to 19 tried only that one.",
    evidence: "A listener with this port on a loopback address or wildcard of the other family (sock_diag), none that takes the
dialled one; a connection to the dialled address is refused and one to the other is accepted.",
    fix: "Dial the address that it listens on, or let it listen on both.",
}

use std::net::{Ipv4Addr, Ipv6Addr};

use portward_model::{Family, ShellLine};

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let Some(dialled) = case.unserved() else { return Ruling::Silent };
    let loopback: IpAddr = if dialled.is_ipv4() { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
    // An IPv6 address that is not loopback has no twin; a wildcard of IPv4 is all that can be meant.
    let all = if dialled.is_loopback() {
        case.takers(loopback)
    } else {
        let wildcard = |socket: &Socket| socket.family == Family::Ipv4 && socket.is_wildcard() && socket.interface == 0;
        case.listeners().filter(|(_, socket)| dialled.is_ipv6() && wildcard(socket)).collect()
    };
    // A v6-only wildcard is a cause of its own.
    let Some((index, socket)) = all.into_iter().find(|(_, socket)| !(socket.is_wildcard() && dialled.is_ipv4())) else {
        return Ruling::Silent;
    };
    let other = if dialled.is_loopback() { loopback } else { Ipv4Addr::LOCALHOST.into() };
    let port = case.asked.port;
    let mut evidence = vec![words::seen(case, index, socket)];
    evidence.extend(case.exam.attempts.iter().map(words::tried));
    let who = words::who(case, index, socket);
    let listens = words::endpoint(case.snapshot, socket);
    let summary = format!("{who} listens on {listens} only, and the client dialled {}.", words::address(dialled, port));
    let reached = case.exam.attempts.iter().any(|attempt| attempt.met == Met::Connected);
    let there = words::address(other, port);
    let mut fixes = vec![offer::explain(format!("Dial {there}, where it listens"), &there)];
    let title = format!("Or let it listen on {}", words::address(dialled, port));
    // A wildcard that takes one family is not told by its address.
    let edit = if socket.is_wildcard() { None } else { edits::listen_on(case, index, dialled, &title) };
    fixes.push(edit.unwrap_or_else(|| told_both(case, index, title)));
    let likelihood = if reached || case.exam.attempts.is_empty() { Likelihood::Certain } else { Likelihood::Likely };
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// How the program is told its address, where its own option is known.
fn told_both(case: &Case<'_>, index: usize, title: String) -> Remedy {
    let known = case.holder(index).and_then(|process| program::find(process, |known| !known.address.is_empty()));
    if let Some(known) = known {
        return Remedy::change(title, ShellLine::named(known.address, &[("HOST", "127.0.0.1".into())]));
    }
    let words = "set its host to `localhost` with both families, or to the address that clients dial";
    Remedy::advice(title, words, Effect::Change)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::Met;

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener},
    };

    pub(crate) fn cases() -> Cases {
        let on_v6 = || held(listener("::1", 5173));
        let mut v6_only = listener("::", 5173);
        v6_only.v6_only = Some(true);
        Cases {
            fires: vec![
                Scene::on(on_v6(), "127.0.0.1:5173").tried(Met::Failed(111)),
                Scene::on(held(listener("127.0.0.1", 5173)), "[::1]:5173").tried(Met::Failed(111)),
                Scene::on(held(listener("0.0.0.0", 5173)), "[::1]:5173").tried(Met::Failed(111)),
                Scene::on(held(listener("0.0.0.0", 5173)), "[fe80::20]:5173").tried(Met::Failed(111)),
                Scene::on(on_v6(), "0.0.0.0:5173").tried(Met::Failed(111)),
            ],
            silent: vec![
                Scene::on(on_v6(), "[::1]:5173").tried(Met::Connected),
                Scene::on(held(listener("::", 5173)), "127.0.0.1:5173").tried(Met::Connected),
                Scene::on(held(v6_only), "127.0.0.1:5173").tried(Met::Failed(111)),
                Scene::connect("127.0.0.1:5173").tried(Met::Failed(111)),
            ],
        }
    }
}
