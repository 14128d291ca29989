cause! {
    "respawned-by-supervisor": "what holds the port is started again whenever it is stopped",
    Process, Endpoint(run),
    what: "\
A manager, a watcher or a loop keeps the program that holds the port running. Killing the program frees the port for a moment,
then the next one takes it.",
    evidence: "\
The holder of the listener, and above it a program that restarts what it starts (pm2, supervisord, nodemon, a watch mode,
a unit of the user's systemd, a shell's loop); or one parent whose children took the port one after another while it was watched.",
    fix: "Stop the entry of the supervisor, or the supervisor, not the process.",
}

use portward_model::{Sample, ShellLine, shell};

use crate::{
    bind::words::{ancestors, described, supervisor_of},
    case::held::{Held, held},
    cause::prelude::*,
    is_loop,
};

fn run(case: &Case<'_>) -> Ruling {
    let Some(Held { index, socket, process }) = held(case) else { return Ruling::Silent };
    let Some(keeper) =
        seen_to_restart(case, process).or_else(|| known_to_restart(case, process)).or_else(|| loops(case, process))
    else {
        return Ruling::Silent;
    };
    let evidence = vec![words::seen(case, index, socket), keeper.evidence];
    let fixes = vec![
        Remedy::end(format!("Stop it through {}, which would start it again", keeper.name), keeper.stop),
        offer::next_after("Use another port", case.asked.port),
    ];
    let summary = format!(
        "{} is held by {}, and {} starts it again when it ends.",
        words::port(case),
        described(case.snapshot, process),
        keeper.name
    );
    words::found(CAUSE.code, keeper.likelihood, summary, evidence, fixes)
}

/// What starts a program again.
struct Keeper {
    name: String,
    stop: ShellLine,
    evidence: Evidence,
    likelihood: Likelihood,
}

/// One parent whose children came one after another.
fn seen_to_restart(case: &Case<'_>, process: &Process) -> Option<Keeper> {
    let parent = case.snapshot.process(process.parent)?;
    let held_by_others = |sample: &&Sample| !sample.listeners.is_empty() && !sample.listeners.contains(&process.id.pid);
    let child_before = |sample: &Sample| {
        let mut children = sample.children.iter().filter(|(above, _)| *above == parent.id.pid).map(|(_, child)| *child);
        children.find(|child| *child != process.id.pid && case.snapshot.process(*child).is_none())
    };
    let earlier = case.exam.samples.iter().find_map(child_before).or_else(|| {
        let sample = case.exam.samples.iter().find(held_by_others)?;
        sample.listeners.first().copied()
    })?;
    let pid = parent.id.pid;
    let name = words::named(parent);
    let fact = format!("{name} had the child pid {earlier} before, and has pid {} now", process.id.pid);
    Some(Keeper {
        name,
        stop: shell!("kill {}", pid).behind(words::sudo(case, parent.uid)),
        evidence: Evidence::new(format!("/proc/{pid}/task/{pid}/children over time"), fact),
        likelihood: Likelihood::Certain,
    })
}

/// A manager, a watcher, or a unit of a user's own systemd.
fn known_to_restart(case: &Case<'_>, process: &Process) -> Option<Keeper> {
    let supervisor = supervisor_of(case.snapshot, process)?;
    let of_user = supervisor.kind == SupervisorKind::Systemd
        && process.cgroup.known().and_then(unit_of_cgroup).is_some_and(|unit| unit.user);
    if !(supervisor.restarts || of_user) {
        return None;
    }
    let stop = supervisor.stop?;
    let evidence = match supervisor.pid.and_then(|pid| case.snapshot.process(pid)) {
        Some(above) => Evidence::new(format!("/proc/{}/cmdline", above.id.pid), format!("{} is above it", words::named(above))),
        None => Evidence::new(format!("/proc/{}/cgroup", process.id.pid), format!("it runs in {}", supervisor.name)),
    };
    let likelihood = if supervisor.restarts { Likelihood::Certain } else { Likelihood::Likely };
    Some(Keeper { name: supervisor.name.shown(), stop, evidence, likelihood })
}

/// A shell above it whose command is an endless loop.
fn loops(case: &Case<'_>, process: &Process) -> Option<Keeper> {
    let shell = ancestors(case.snapshot, process).into_iter().take(3).find(|above| is_loop(above))?;
    let pid = shell.id.pid;
    Some(Keeper {
        name: format!("the loop of {}", words::named(shell)),
        stop: shell!("kill {}", pid).behind(words::sudo(case, shell.uid)),
        evidence: Evidence::new(format!("/proc/{pid}/cmdline"), format!("{} runs a loop above it", words::named(shell))),
        likelihood: Likelihood::Likely,
    })
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Process, Sample, Seen, Snapshot};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{held, holding, listener, process, world},
    };

    fn below(parents: Vec<Process>) -> Snapshot {
        let mut processes = parents;
        processes.push(process(4121, 4000, &["node", "server.js"], 60));
        processes.push(process(1, 0, &["/sbin/init"], 90_000));
        world(vec![listener("127.0.0.1", 3000)], processes, vec![holding(0, 4121, 21)])
    }

    fn asks(snapshot: Snapshot) -> Scene {
        Scene::listen(snapshot, "127.0.0.1:3000", true)
    }

    pub(crate) fn cases() -> Cases {
        let zsh = || process(3000, 1, &["zsh"], 9000);
        let nodemon = below(vec![process(4000, 3000, &["node", "/w/node_modules/.bin/nodemon", "server.js"], 600), zsh()]);
        let looped = below(vec![process(4000, 3000, &["sh", "-c", "while true; do node server.js; done"], 600), zsh()]);
        let plain = || below(vec![process(4000, 3000, &["python3", "keep.py"], 600), zsh()]);
        let mut unit = below(vec![process(4000, 1, &["/usr/lib/systemd/systemd", "--user"], 9000)]);
        for process in &mut unit.processes {
            process.cgroup = Seen::Known("/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service".into());
        }
        let sample = |at_ms, child| Sample { at_ms, listeners: vec![child], listening: true, children: vec![(4000, child)] };
        let scripted = below(vec![process(4000, 3000, &["sh", "-c", "node server.js"], 600), zsh()]);
        Cases {
            fires: vec![
                asks(nodemon.clone()),
                asks(unit),
                asks(looped),
                asks(plain()).but(|scene| scene.exam.samples = vec![sample(0, 4100), sample(1000, 4121)]),
            ],
            silent: vec![
                asks(held(listener("127.0.0.1", 3000))),
                asks(plain()),
                asks(plain()).but(|scene| scene.exam.samples = vec![sample(0, 4121), sample(1000, 4121)]),
                asks(scripted),
                Scene::on(nodemon, "127.0.0.1:3000"),
            ],
        }
    }
}
