cause! {
    "orphan-holds-port": "what holds the port has outlived what started it",
    Reading, Endpoint(run),
    what: "A process that was left behind holds the port: its terminal or its starter has ended, and it lives on under pid 1.
It is often a development server whose window was closed, or a child that inherited the listener.",
    evidence: "\
The holder of a listener that refuses the bind has pid 1 (or a user's manager) as its parent, in a session that is not
that parent's, without a unit, container or supervisor that would explain it.",
    fix: "Stop it; nothing will start it again.",
}

use crate::{
    bind::words::{described, supervisor_of},
    case::held::{Held, held},
    cause::prelude::*,
};

fn run(case: &Case<'_>) -> Ruling {
    let Some(Held { index, socket, process }) = held(case) else { return Ruling::Silent };
    let Some(supervisor) = supervisor_of(case.snapshot, process) else { return Ruling::Silent };
    if supervisor.kind != SupervisorKind::Orphan {
        return Ruling::out(format!("{} belongs to {}", words::named(process), supervisor.name));
    }
    if !was_adopted(case, process) {
        return Ruling::Silent;
    }
    let mut evidence = vec![
        words::seen(case, index, socket),
        Evidence::new(format!("/proc/{}/stat", process.id.pid), format!("its parent is pid {}", process.parent)),
    ];
    if process.session != process.id.pid && process.session != 0 && case.exam.every_process && leader(case, process).is_none() {
        let fact = format!("its session is {}, whose leader has ended", process.session);
        evidence.push(Evidence::new(format!("/proc/{}/stat", process.id.pid), fact));
    }
    let fixes = vec![offer::free("Stop it; nothing starts it again", words::target(case)).behind(words::sudo(case, process.uid))];
    let summary =
        format!("{} is held by {}, which has outlived what started it.", words::port(case), described(case.snapshot, process));
    words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes)
}

fn leader<'a>(case: &Case<'a>, process: &Process) -> Option<&'a Process> {
    case.snapshot.process(process.session)
}

/// True when pid 1 cannot be its parent by birth. A child has its parent's session unless it began one of its own, which bears
/// its pid; any third session is that of somebody else. The machine's own first process starts nothing but services, which
/// have units; in a pid namespace the first process may be the starter of everything.
fn was_adopted(case: &Case<'_>, process: &Process) -> bool {
    let Some(parent) = case.snapshot.process(process.parent) else { return case.snapshot.host.sees_all_pids };
    let others_session = process.session != process.id.pid && process.session != parent.session;
    let init = matches!(parent.name.raw(), b"systemd" | b"init" | b"launchd");
    others_session || (case.snapshot.host.sees_all_pids && (init || process.session != parent.session))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::Snapshot;

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{connection, held, holding, listener, process, world},
    };

    fn orphan() -> Snapshot {
        world(
            vec![listener("127.0.0.1", 3000)],
            vec![process(4121, 1, &["python3", "-m", "http.server"], 3 * 3600), process(1, 0, &["/sbin/init"], 90_000)],
            vec![holding(0, 4121, 3)],
        )
    }

    pub(crate) fn cases() -> Cases {
        let mut elsewhere = orphan();
        elsewhere.sockets[0] = listener("127.0.0.2", 3000);
        let mut worker = orphan();
        worker.sockets[0] = connection("127.0.0.1", 3000, "127.0.0.1", 40000);
        let mut born = orphan();
        born.processes[0] = process(1, 0, &["python3", "main.py"], 90_000);
        born.processes[1].session = 1;
        let mut inside = born.clone();
        (inside.host.sees_all_pids, inside.processes[1].session) = (false, 4121);
        let mut adopted = inside.clone();
        adopted.processes[1].session = 4000;
        Cases {
            fires: vec![
                Scene::listen(orphan(), "127.0.0.1:3000", true),
                Scene::listen(orphan(), "0.0.0.0:3000", false),
                Scene::listen(adopted, "127.0.0.1:3000", true),
            ],
            silent: vec![
                Scene::listen(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000", true),
                Scene::listen(orphan(), "127.0.0.1:3001", true),
                Scene::listen(elsewhere, "127.0.0.1:3000", true),
                Scene::listen(worker, "127.0.0.1:3000", false),
                Scene::listen(born, "127.0.0.1:3000", true),
                Scene::listen(inside, "127.0.0.1:3000", true),
                Scene::on(orphan(), "127.0.0.1:3000"),
            ],
        }
    }
}
