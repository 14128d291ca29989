cause! {
    "jdwp-loopback-only": "the JVM's debug port listens on loopback only",
    Process, Endpoint(run),
    what: "Since JDK 9 `address=5005` means 127.0.0.1: a debugger on another machine, or on the other side of a container's
network, is refused. That is on purpose. Whoever reaches a debug port can run any code in the program.",
    evidence: "The listener is on a loopback address and its process was started with this port in -agentlib:jdwp; the dialled
address is another one of this machine.",
    fix: "Go through a tunnel. `address=*:5005` opens the port to everyone who reaches the machine.",
}

use portward_model::shell;

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let Some(dialled) = case.unserved().filter(|address| !address.is_loopback()) else { return Ruling::Silent };
    let Some((index, socket)) = case.listeners().next() else { return Ruling::Silent };
    if !socket.address().is_some_and(|address| AddressClass::of(unmap(address)) == AddressClass::Loopback) {
        return Ruling::Silent;
    }
    let Some(process) = case.holder(index) else { return Ruling::Silent };
    let Some(found) = debuggee(process).filter(|found| found.is_jdwp() && found.listens) else { return Ruling::Silent };
    if found.port.is_some_and(|port| port != case.asked.port) {
        return Ruling::Silent;
    }
    let port = case.asked.port;
    let pid = process.id.pid;
    let mut evidence = vec![
        words::seen(case, index, socket),
        Evidence::new(format!("/proc/{pid}/cmdline"), format!("{} says {}", words::named(process), found.argument)),
    ];
    evidence.extend(case.exam.attempts.iter().take(1).map(words::tried));
    let fixes = vec![
        Remedy::change("Go through a tunnel", shell!("ssh -N -L {}:127.0.0.1:{} {}", port, port, dialled)),
        Remedy::change("From this machine, attach to loopback", shell!("jdb -attach 127.0.0.1:{}", port)),
        Remedy::advice("Or open it, on a network that you trust only", format!("address=*:{port}"), Effect::Change),
    ];
    let listens = words::endpoint(case.snapshot, socket);
    let summary = format!(
        "{} takes debuggers on {listens} only, and the client dialled {}.",
        words::named(process),
        words::address(dialled, port)
    );
    words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Met, Snapshot};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{held, holding, listener, process, world},
    };

    fn debugged(address: &str) -> Snapshot {
        let option = "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=5005";
        world(
            vec![listener(address, 5005)],
            vec![process(300, 1, &["java", option, "-jar", "shop.jar"], 900)],
            vec![holding(0, 300, 5)],
        )
    }

    pub(crate) fn cases() -> Cases {
        Cases {
            fires: vec![
                Scene::on(debugged("127.0.0.1"), "192.168.1.20:5005").tried(Met::Failed(111)),
                Scene::on(debugged("::ffff:127.0.0.1"), "192.168.1.20:5005"),
            ],
            silent: vec![
                Scene::on(debugged("127.0.0.1"), "127.0.0.1:5005"),
                Scene::on(debugged("0.0.0.0"), "192.168.1.20:5005"),
                Scene::on(held(listener("127.0.0.1", 5005)), "192.168.1.20:5005").tried(Met::Failed(111)),
            ],
        }
    }
}
