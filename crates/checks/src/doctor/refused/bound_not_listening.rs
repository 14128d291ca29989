//! A socket is bound to the port and does not listen.

use portward_model::{Evidence, Likelihood, Seen, SocketState};

use crate::doctor::{Case, Check, Ruling, words};
use crate::offer;

pub(super) const CHECK: Check = Check {
    code: "bound-not-listening",
    summary: "a socket is bound to the port and does not listen",
    doc: DOC,
    covers: &["no-listener", "udp-not-tcp", "localhost-means-another-host"],
    run,
    #[cfg(test)]
    cases: tests::cases,
};

const DOC: &str = "\
## What it is

A program bound the port and never called listen(2), or has not yet. Clients are refused, and so is a second bind.
No table under /proc/net shows such a socket, and neither do the usual tools.

## Evidence

sock_diag with the bound-inactive state (Linux 6.8 and later) names the socket and its holder; no listener takes the
address.

## Fix

Let the program listen, or restart it. Its threads show what it waits for before it does.

";

fn run(case: &Case<'_>) -> Ruling {
    let Some(dialled) = case.unserved() else { return Ruling::Silent };
    let bound = || case.in_state(SocketState::Bound);
    // One that would not take the address is only worth a word where nothing else has the port.
    let fits = bound().find(|(_, socket)| socket.takes(dialled));
    let any = || bound().find(|_| case.listeners().next().is_none());
    let Some((index, socket)) = fits.or_else(any) else { return Ruling::Silent };
    let mut evidence = vec![words::seen(case, index, socket)];
    evidence.extend(case.exam.attempts.iter().take(1).map(words::tried));
    let mut fixes = Vec::new();
    if let Some(process) = case.holder(index) {
        let threads = case.vitals(process.id.pid).map(|vitals| vitals.threads.as_slice()).unwrap_or_default();
        if let Some(Seen::Known(place)) = threads.first().map(|thread| &thread.waits_in).filter(|_| threads.len() == 1) {
            let source = format!("/proc/{}/wchan", process.id.pid);
            evidence.push(Evidence::new(source, format!("{} waits in {place}", words::named(process))));
        }
        let sudo = words::sudo(case, process.uid);
        fixes.push(offer::free("End it, then start it again", words::target(case)).behind(sudo));
    }
    fixes.push(offer::wait("Or wait until it listens", words::target(case)));
    let likelihood = if fits.is_some() { Likelihood::Certain } else { Likelihood::Likely };
    let who = words::who(case, index, socket);
    let summary = format!("{who} has bound {} and does not listen on it.", words::endpoint(case.snapshot, socket));
    words::found(CHECK.code, likelihood, summary, evidence, fixes)
}

#[cfg(test)]
mod tests {
    use portward_model::{Met, SocketState, Transport};

    use crate::{
        doctor::{
            Cases,
            scene::{Scene, well},
        },
        fixture::{held, listener, socket, world},
    };

    pub(crate) fn cases() -> Cases {
        let bound = |address: &str| held(socket(Transport::Tcp, SocketState::Bound, address, 4000));
        let both = world(
            vec![listener("127.0.0.1", 4000), socket(Transport::Tcp, SocketState::Bound, "0.0.0.0", 4000)],
            Vec::new(),
            Vec::new(),
        );
        Cases {
            fires: vec![
                Scene::on(bound("127.0.0.1"), "127.0.0.1:4000").tried(Met::Failed(111)).rose(&[("Tcp.OutRsts", 1)]),
                Scene::on(bound("0.0.0.0"), "127.0.0.1:4000").vitals(well(4121)),
                Scene::on(bound("127.0.0.2"), "127.0.0.1:4000").tried(Met::Failed(111)),
            ],
            silent: vec![
                Scene::on(held(listener("127.0.0.1", 4000)), "127.0.0.1:4000").tried(Met::Connected),
                Scene::on(both, "127.0.0.1:4000").tried(Met::Connected),
                Scene::on(held(socket(Transport::Udp, SocketState::Bound, "127.0.0.1", 4000)), "127.0.0.1:4000"),
                Scene::on(bound("127.0.0.1"), "127.0.0.1:4001").tried(Met::Failed(111)),
            ],
        }
    }
}
