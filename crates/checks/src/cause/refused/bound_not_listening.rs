cause! {
    "bound-not-listening": "a socket is bound to the port and does not listen",
    Reading, Both(run, refuse),
    what: "A program bound the port and never called listen(2), or has not yet. Clients are refused, and so is a second bind.
No table under /proc/net shows such a socket, and neither do the usual tools.",
    evidence: "\
sock_diag with the bound-inactive state (Linux 6.8 and later) names the socket and its holder; no listener takes the
address.",
    fix: "Let the program listen, or restart it. Its threads show what it waits for before it does. When both sockets set
SO_REUSEADDR a second bind succeeds, and the first to listen wins.",
}

use crate::{
    bind::{self},
    cause::prelude::*,
};

fn refuse(view: &View<'_>) -> Option<Finding> {
    let (first, all) = bind::words::of_kind(view, Kind::Silent)?;
    let unless = if view.question.options.reuse_address || view.question.options.reuse_port {
        "; a second bind is refused unless it set SO_REUSEADDR too, which was not seen"
    } else {
        ""
    };
    let holder = bind::words::named(view.snapshot, first);
    let summary = format!("{} is bound by {holder}, which does not listen on it{unless}.", bind::words::port(view));
    let mut fixes = bind::words::holder_fixes(view, first);
    fixes.push(offer::explain("See what the program waits for", bind::words::target(view)));
    Some(bind::words::cause(view, CAUSE.code, &all, summary, fixes))
}

fn run(case: &Case<'_>) -> Ruling {
    let bound = || case.in_state(SocketState::Bound);
    if case.asked.path.is_some() && matches!(case.standing(), Standing::Refused(_)) && case.listeners().next().is_none() {
        let stream = bound().find(|(_, socket)| matches!(socket.transport, Transport::Unix | Transport::UnixPacket));
        return stream.map_or(Ruling::Silent, |(index, socket)| told(case, index, socket, Likelihood::Certain));
    }
    let Some(dialled) = case.unserved() else { return Ruling::Silent };
    // One that would not take the address is only worth a word where nothing else has the port.
    let fits = bound().find(|(_, socket)| socket.takes(dialled));
    let any = || bound().find(|_| case.listeners().next().is_none());
    let likelihood = if fits.is_some() { Likelihood::Certain } else { Likelihood::Likely };
    fits.or_else(any).map_or(Ruling::Silent, |(index, socket)| told(case, index, socket, likelihood))
}

fn told(case: &Case<'_>, index: usize, socket: &Socket, likelihood: Likelihood) -> Ruling {
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
    let who = words::who(case, index, socket);
    let summary = format!("{who} has bound {} and does not listen on it.", words::endpoint(case.snapshot, socket));
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Likelihood, Met, SocketState, Transport};

    use super::refuse;

    use crate::{
        BindQuestion,
        bind::View,
        case::scene::{Scene, well},
        cause::{Binds, Cases},
        fixture::{held, listener, socket, world},
    };

    fn asks() -> BindQuestion {
        BindQuestion::new(Transport::Tcp, "127.0.0.1".parse().unwrap(), 4000)
    }

    #[test]
    fn without_reuse_address_a_bind_is_refused_for_certain() {
        let snapshot = held(socket(Transport::Tcp, SocketState::Bound, "127.0.0.1", 4000));
        let mut question = asks();
        assert_eq!(refuse(&View::new(&snapshot, &question)).map(|cause| cause.likelihood), Some(Likelihood::Possible));
        question.options.reuse_address = false;
        assert_eq!(refuse(&View::new(&snapshot, &question)).map(|cause| cause.likelihood), Some(Likelihood::Certain));
    }

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

    pub(crate) fn binds() -> Binds {
        let bound = |address: &str| held(socket(Transport::Tcp, SocketState::Bound, address, 4000));
        Cases {
            fires: vec![(bound("127.0.0.1"), asks())],
            silent: vec![
                (held(listener("127.0.0.1", 4000)), asks()),
                (bound("127.0.0.2"), asks()),
                (
                    held(socket(Transport::Udp, SocketState::Bound, "127.0.0.1", 4000)),
                    BindQuestion { transport: Transport::Udp, ..asks() },
                ),
            ],
        }
    }
}
