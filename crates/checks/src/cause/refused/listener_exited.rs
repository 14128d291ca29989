cause! {
    "listener-exited": "the server was here a moment ago and has ended",
    Reading, Endpoint(run),
    what: "Something listened on the port until shortly, and no longer does: the program ended, or closed its listener and only
finishes the connections that it has. The kernel keeps the remains of closed connections for a minute.",
    evidence: "No listener, and connections whose own end has this port are left in the tables (sock_diag), or the listener was
seen and then not. The port lies outside the range that clients take theirs from.",
    fix: "Start it again; read its last output to know why it ended.",
}

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let seen_to_end = case.connects() && {
        let mut looks = case.exam.samples.iter().map(|sample| sample.listening).skip_while(|listening| !*listening);
        looks.next().is_some() && looks.by_ref().any(|listening| !listening) && looks.all(|listening| !listening)
    };
    if !seen_to_end && !case.is_deserted() {
        return Ruling::Silent;
    }
    let port = case.asked.port;
    let clients_port = case.snapshot.rules.as_ref().is_none_or(|rules| rules.is_ephemeral(port));
    let left: Vec<_> = case
        .here()
        .filter(|(_, socket)| {
            let to_itself = socket.remote().is_some_and(|(address, remote)| remote == port && Some(address) == socket.address());
            !clients_port
                && !to_itself
                && socket.remote().is_some()
                && !matches!(socket.state, SocketState::SynSent | SocketState::Bound)
        })
        .collect();
    if left.is_empty() && !seen_to_end {
        return Ruling::Silent;
    }
    let mut evidence = Vec::new();
    if seen_to_end {
        evidence.push(Evidence::new("sock_diag", format!("port {port} had a listener while it was watched, and then none")));
    }
    evidence.extend(left.iter().take(2).map(|(index, socket)| words::seen(case, *index, socket)));
    let alive = left.iter().find_map(|(index, _)| case.holder(*index));
    evidence.extend(case.exam.attempts.iter().take(1).map(words::tried));
    let mut fixes = Vec::new();
    for mention in kin::mentions(case).take(2) {
        evidence.push(words::mentioned(mention));
        fixes.push(Remedy::advice("Start what this file describes", mention.file.shown(), Effect::Change));
    }
    fixes.push(offer::wait("Start it again, and know when it listens", port.to_string()));
    let summary = match alive {
        Some(process) => {
            format!("{} has closed its listener on port {port} and only finishes its connections.", words::named(process))
        }
        None if seen_to_end => format!("Port {port} had a server until a moment ago, and it has ended."),
        None => format!("Port {port} had a server within the last minutes, and it has ended."),
    };
    let likelihood = if seen_to_end { Likelihood::Certain } else { Likelihood::Likely };
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Met, SocketState};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{connection, holding, listener, process, world},
    };

    pub(crate) fn cases() -> Cases {
        let rest = |port| {
            let mut socket = connection("127.0.0.1", port, "127.0.0.1", 50412);
            socket.state = SocketState::TimeWait;
            socket.inode = 0;
            socket
        };
        // One connection alone may be all that its server wanted.
        let pair = vec![connection("127.0.0.1", 3000, "127.0.0.1", 50412), connection("127.0.0.1", 3000, "127.0.0.1", 50414)];
        let holdings = vec![holding(0, 300, 5), holding(1, 300, 6)];
        let two = Scene::on(world(pair, vec![process(300, 1, &["shop"], 900)], holdings), "127.0.0.1:3000");
        let nothing = || Scene::connect("127.0.0.1:3000").tried(Met::Failed(111));
        Cases {
            fires: vec![
                Scene::on(world(vec![rest(3000)], Vec::new(), Vec::new()), "127.0.0.1:3000").tried(Met::Failed(111)),
                two,
                nothing().watched(&[(true, &[]), (true, &[]), (false, &[])]),
            ],
            silent: vec![
                Scene::on(world(vec![rest(3000), listener("127.0.0.1", 3000)], Vec::new(), Vec::new()), "127.0.0.1:3000")
                    .tried(Met::Connected),
                Scene::on(world(vec![rest(40_000)], Vec::new(), Vec::new()), "127.0.0.1:40000").tried(Met::Failed(111)),
                Scene::on(
                    world(vec![connection("127.0.0.1", 3000, "127.0.0.1", 3000)], Vec::new(), Vec::new()),
                    "127.0.0.1:3000",
                ),
                nothing().watched(&[(false, &[]), (true, &[])]),
                nothing(),
            ],
        }
    }
}
