//! What holds the port has outlived what started it.

use portward_model::{Effect, Evidence, Fix, Likelihood, SupervisorKind};

use crate::{
    bind::words::{described, held_by, supervisor_of},
    doctor::{Case, Check, Ruling, words},
};

pub(super) const CHECK: Check = Check {
    code: "orphan-holds-port",
    summary: "what holds the port has outlived what started it",
    doc: DOC,
    covers: &["port-held-by-process", "port-held-dualstack", "port-held-by-connection"],
    run,
    #[cfg(test)]
    cases: tests::cases,
};

const DOC: &str = "\
## What it is

A process that was left behind holds the port: its terminal or its starter has ended, and it lives on under pid 1.
It is often a development server whose window was closed, or a child that inherited the listener.

## Evidence

The holder of a socket that refuses the bind has pid 1 (or a user's manager) as its parent, without a unit,
container or supervisor that would explain it.

## Fix

Stop it; nothing will start it again.

";

fn run(case: &Case<'_>) -> Ruling {
    // In a pid namespace of its own every program may be a child of pid 1, and pid 1 its starter.
    let refused = case.bind.is_some_and(|answer| answer.possible() != Some(true));
    if !case.listens() || !refused || !case.snapshot.host.sees_all_pids {
        return Ruling::Silent;
    }
    let Some((index, socket, process)) = held_by(case.snapshot, case.here()) else { return Ruling::Silent };
    let Some(supervisor) = supervisor_of(case.snapshot, process) else { return Ruling::Silent };
    if supervisor.kind != SupervisorKind::Orphan {
        return Ruling::Out(format!("{} belongs to {}", words::named(process), supervisor.name));
    }
    let evidence = vec![
        words::seen(case, index, socket),
        Evidence::new(
            format!("/proc/{}/stat", process.id.pid),
            format!("its parent is pid {}, its session leader has ended", process.parent),
        ),
    ];
    let command = format!("{}portward free {}", words::sudo(case, process.uid), words::target(case));
    let fixes = vec![Fix::new("Stop it; nothing starts it again", command, Effect::Destroy)];
    let summary =
        format!("{} is held by {}, which has outlived what started it.", words::port(case), described(case.snapshot, process));
    words::found(CHECK.code, Likelihood::Certain, summary, evidence, fixes)
}

#[cfg(test)]
mod tests {
    use portward_model::Snapshot;

    use crate::{
        doctor::{Cases, scene::Scene},
        fixture::{held, holding, listener, process, world},
    };

    fn orphan() -> Snapshot {
        world(
            vec![listener("127.0.0.1", 3000)],
            vec![process(4121, 1, &["python3", "-m", "http.server"], 3 * 3600), process(1, 0, &["/sbin/init"], 90_000)],
            vec![holding(0, 4121, 3)],
        )
    }

    pub(crate) fn cases() -> Cases {
        Cases {
            fires: vec![Scene::listen(orphan(), "127.0.0.1:3000", true)],
            silent: vec![
                Scene::listen(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000", true),
                Scene::listen(orphan(), "127.0.0.1:3001", true),
                Scene::on(orphan(), "127.0.0.1:3000"),
            ],
        }
    }
}
