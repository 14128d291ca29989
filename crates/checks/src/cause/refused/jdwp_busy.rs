cause! {
    "jdwp-busy": "another debugger is attached already",
    Process, Endpoint(run) if Case::is_deserted,
    what: "A Java virtual machine serves one debugger at a time: while one is attached the debug port does not listen, and a
second is refused. The port listens again as soon as the first detaches.",
    evidence: "\
A JVM's arguments name the port with server=y; nothing listens there, and the JVM holds an established connection on
it (sock_diag), whose other end is the debugger.",
    fix: "Detach the other debugger.",
}

use portward_model::shell;

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let Some((process, argument)) = case.processes().find_map(|process| {
        let found = debuggee(process).filter(|found| found.is_jdwp() && found.listens)?;
        (found.port == Some(case.asked.port)).then_some((process, found.argument))
    }) else {
        return Ruling::Silent;
    };
    let held = |index: usize| case.snapshot.holders(index).iter().any(|holding| holding.pid == process.id.pid);
    let hidden = |index: usize| case.snapshot.holders(index).is_empty();
    let Some((index, socket)) = case.in_state(SocketState::Established).find(|(index, _)| held(*index) || hidden(*index)) else {
        return Ruling::Silent;
    };
    let likelihood = if held(index) { Likelihood::Certain } else { Likelihood::Likely };
    let pid = process.id.pid;
    let mut evidence = vec![
        words::seen(case, index, socket),
        Evidence::new(format!("/proc/{pid}/cmdline"), format!("{} says {argument}", words::named(process))),
    ];
    let other = other_end(case, socket);
    let mut fixes = Vec::new();
    let by = match other {
        Some(debugger) => {
            let fact = format!("the other end is held by {}", words::named(debugger));
            evidence.push(Evidence::new("sock_diag", fact));
            let command = shell!("kill {}", debugger.id.pid).behind(words::sudo(case, debugger.uid));
            fixes.push(Remedy::end("Detach in the other debugger; where it has no window any more, end it", command));
            format!("{} is", words::named(debugger))
        }
        None => socket.remote().map_or_else(
            || "a debugger is".to_owned(),
            |(address, port)| format!("a debugger at {} is", words::address(address, port)),
        ),
    };
    evidence.extend(case.exam.attempts.iter().take(1).map(words::tried));
    fixes.push(offer::wait("Detach it there; the port listens again at once", case.asked.port.to_string()));
    let summary =
        format!("{} takes one debugger at a time, and {by} attached on port {}.", words::named(process), case.asked.port);
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// The process at the other end of a connection of this machine.
fn other_end<'a>(case: &Case<'a>, socket: &Socket) -> Option<&'a Process> {
    let (own, remote) = (socket.address().map(unmap)?, socket.remote()?);
    let all = case.snapshot.sockets.iter().enumerate();
    let back = |other: &Socket| {
        let to = other.remote().map(|(address, port)| (unmap(address), port));
        to == Some((own, case.asked.port)) && other.port() == Some(remote.1)
    };
    let (index, _) = all.into_iter().find(|(_, other)| case.is_own(other) && back(other))?;
    case.holder(index)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Met, Snapshot};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{connection, holding, listener, process, world},
    };

    fn attached(option: &str) -> Snapshot {
        world(
            vec![connection("127.0.0.1", 5005, "127.0.0.1", 50412), connection("127.0.0.1", 50412, "127.0.0.1", 5005)],
            vec![process(300, 1, &["java", option, "-jar", "shop.jar"], 900), process(310, 1, &["idea"], 9000)],
            vec![holding(0, 300, 5), holding(1, 310, 9)],
        )
    }

    pub(crate) fn cases() -> Cases {
        let server = "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=*:5005";
        let elsewhere = "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=6006";
        let mut free = attached(server);
        free.sockets.push(listener("0.0.0.0", 5005));
        let mut hidden = attached(server);
        hidden.holdings.clear();
        Cases {
            fires: vec![
                Scene::on(attached(server), "127.0.0.1:5005").tried(Met::Failed(111)),
                Scene::on(hidden, "127.0.0.1:5005"),
            ],
            silent: vec![
                Scene::on(attached(elsewhere), "127.0.0.1:5005").tried(Met::Failed(111)),
                Scene::on(free, "127.0.0.1:5005"),
                Scene::on(world(Vec::new(), vec![process(300, 1, &["java", server], 9)], Vec::new()), "127.0.0.1:5005")
                    .tried(Met::Failed(111)),
            ],
        }
    }
}
