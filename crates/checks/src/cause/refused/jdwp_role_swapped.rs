cause! {
    "jdwp-role-swapped": "both sides of a debug connection take the same part",
    Process, Endpoint(run),
    what: "One side of JDWP listens and the other connects. A JVM with server=n, which is the default, connects to a debugger
that has to listen (\"Listen to remote JVM\"); one with server=y listens for a debugger that attaches (\"Attach\"). When
both connect, both are refused; when both listen, the second finds its port taken.",
    evidence: "The JVM's own words (transport error 202: connect failed), or its arguments with server=n for a port where nothing
listens; or a bind by a JVM that failed because a debugger listens there.",
    fix: "Set server=y in the JVM's option and attach, or let the debugger listen.",
}

use portward_model::shell;

use crate::{case::debuggee::debugger, cause::prelude::*};

fn run(case: &Case<'_>) -> Ruling {
    if case.listens() {
        return both_listen(case);
    }
    let port = case.asked.port;
    let listens = case.listeners().next();
    let spoken = case.paste.filter(|_| case.says(CAUSE.code));
    let calls = case.processes().find_map(|process| {
        let found =
            debuggee(process).filter(|found| found.is_jdwp() && !found.listens && port != 0 && found.port == Some(port))?;
        Some((process, found))
    });
    let mut evidence = Vec::new();
    if let Some(paste) = spoken {
        evidence.push(words::text_line(paste));
    } else if case.unserved().is_none() || listens.is_some() || calls.is_none() {
        return Ruling::Silent;
    }
    if let Some((process, found)) = &calls {
        let source = format!("/proc/{}/cmdline", process.id.pid);
        evidence.push(Evidence::new(source, format!("{} says {}", words::named(process), found.argument)));
    }
    match listens {
        Some((index, socket)) => evidence.push(words::seen(case, index, socket)),
        None if port != 0 => evidence.push(Evidence::new("sock_diag", format!("no debugger listens on port {port}"))),
        None => {}
    }
    let option = format!("-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address={}", if port == 0 { 5005 } else { port });
    let fixes = vec![
        Remedy::advice("Let the JVM listen, and attach to it", option, Effect::Change),
        Remedy::change("Or let the debugger listen first (\"Listen to remote JVM\")", shell!("jdb -listen {}", port.max(1))),
    ];
    let who = calls.map_or_else(|| "The JVM".to_owned(), |(process, _)| words::named(process));
    let place = if port == 0 { String::new() } else { format!(" on port {port}") };
    let summary = format!("{who} connects to a debugger (server=n), and no debugger listens for it{place}.");
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

/// A JVM that would listen where the debugger listens already.
fn both_listen(case: &Case<'_>) -> Ruling {
    let Some(paste) = case.paste.filter(|paste| paste.program == Some("jdwp")) else { return Ruling::Silent };
    let held = case.listeners().find_map(|(index, socket)| {
        let process = case.holder(index)?;
        let waits = debuggee(process).is_some_and(|found| found.listens);
        (!waits && debugger(process, case.asked.port).is_some()).then_some((index, socket, process))
    });
    let Some((index, socket, process)) = held else { return Ruling::Silent };
    let evidence = vec![words::text_line(paste), words::seen(case, index, socket)];
    let option = format!("-agentlib:jdwp=transport=dt_socket,server=n,suspend=y,address=127.0.0.1:{}", case.asked.port);
    let fixes = vec![
        Remedy::advice("Let the JVM connect to the debugger that listens", option, Effect::Change),
        Remedy::advice(
            "Or stop the debugger's listening, and attach it",
            "choose \"Attach to remote JVM\" there",
            Effect::Change,
        ),
    ];
    let summary =
        format!("{} listens for a JVM on port {}, and the JVM would listen there, too.", words::named(process), case.asked.port);
    words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Met, Snapshot};

    use crate::{
        Symptom,
        case::scene::Scene,
        cause::Cases,
        fixture::{holding, listener, process, world},
    };

    fn jvm(option: &str) -> Snapshot {
        world(Vec::new(), vec![process(300, 1, &["java", option, "-jar", "shop.jar"], 5)], Vec::new())
    }

    pub(crate) fn cases() -> Cases {
        let calls = "-agentlib:jdwp=transport=dt_socket,suspend=y,address=127.0.0.1:5005";
        let serves = "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=5005";
        let refused = "ERROR: transport error 202: connect failed: Connection refused";
        let taken = "ERROR: transport error 202: bind failed: Address already in use";
        let ide = || {
            world(
                vec![listener("127.0.0.1", 5005)],
                vec![process(310, 1, &["jdb", "-listen", "5005"], 90)],
                vec![holding(0, 310, 5)],
            )
        };
        let by_jvm = |snapshot, line| {
            let mut scene = Scene::listen(snapshot, "127.0.0.1:5005", true).said(Symptom::InUse, None, line);
            if let Some(paste) = &mut scene.paste {
                paste.program = Some("jdwp");
            }
            scene
        };
        let second =
            world(vec![listener("127.0.0.1", 5005)], vec![process(300, 1, &["java", serves], 90)], vec![holding(0, 300, 5)]);
        Cases {
            fires: vec![
                Scene::on(jvm(calls), "127.0.0.1:5005").tried(Met::Failed(111)),
                Scene::connect("127.0.0.1:5005").tried(Met::Failed(111)).said(
                    Symptom::Refused,
                    Some("jdwp-role-swapped"),
                    refused,
                ),
                by_jvm(ide(), taken),
            ],
            silent: vec![
                Scene::on(jvm(serves), "127.0.0.1:5005").tried(Met::Failed(111)),
                Scene::on(jvm(calls), "127.0.0.1:6006").tried(Met::Failed(111)),
                Scene::on(ide(), "127.0.0.1:5005"),
                by_jvm(second, taken),
            ],
        }
    }
}
