cause! {
    "double-start": "the program that wants the port already runs",
    Process, Event(run),
    what: "\
The same program of the same project was started twice: in a second terminal, by a reloader that runs the file twice, by two
workers that both listen, by a test runner. The first has the port; the second is refused.",
    evidence: "\
The holder's program and folder are those of the program that was refused: by its text and the folder of the one who
asks, or because a second process with the same program, arguments and folder runs and does not hold the port.",
    fix: "Use the one that runs, or stop it first. In tests, listen on port 0.",
}

use portward_model::shell;

use crate::{
    bind::words::{ancestors, described, supervisor_of},
    case::{
        held::{Held, held},
        subject,
    },
    cause::prelude::*,
};

fn run(case: &Case<'_>) -> Ruling {
    if let Some(told) = of_subject(case) {
        return told;
    }
    if case.asked.is_nowhere() {
        return Ruling::Silent;
    }
    let Some(Held { index, socket, process }) = held(case) else { return Ruling::Silent };
    // What was left behind, or is kept by another, was not started twice by hand.
    let kept = supervisor_of(case.snapshot, process);
    let other = |kind| matches!(kind, SupervisorKind::Orphan | SupervisorKind::Systemd | SupervisorKind::Container);
    if kept.is_some_and(|supervisor| supervisor.restarts || other(supervisor.kind)) {
        return Ruling::Silent;
    }
    let Some(second) = of_text(case, process).or_else(|| of_twin(case, index, process)) else { return Ruling::Silent };
    let evidence = vec![words::seen(case, index, socket), second];
    let fixes = vec![
        offer::free("Stop the one that runs", words::target(case)).behind(words::sudo(case, process.uid)),
        offer::explain("Or use the one that runs", words::target(case)),
        offer::next_after("Or give the second another port", case.asked.port),
    ];
    let summary =
        format!("{} is held by the same program, which already runs: {}.", words::port(case), described(case.snapshot, process));
    words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes)
}

/// The text names a process that is alive and is what it speaks of, or may be.
fn of_subject(case: &Case<'_>) -> Option<Ruling> {
    let paste = case.paste.filter(|paste| paste.symptom.asks_to_listen(paste.call) || paste.symptom == Symptom::Other)?;
    let all = subject::subjects(case);
    let (subject, process) = all.iter().find_map(|subject| Some((subject, subject.process?)))?;
    let same = paste.program.and_then(|program| subject::is_of_program(process, program));
    let serves = case.snapshot.holdings.iter().any(|holding| holding.pid == subject.pid);
    // A process of another program has the number of one that is gone: that is a stale file.
    if same == Some(false) && !serves {
        return None;
    }
    let mut evidence = vec![words::text_line(paste)];
    evidence.extend(subject.file.map(|file| Evidence::new(file.path.shown(), format!("it holds the number {}", subject.pid))));
    evidence.push(Evidence::new(format!("/proc/{}", subject.pid), format!("{} is alive", described(case.snapshot, process))));
    for (index, socket) in case.snapshot.sockets.iter().enumerate() {
        if socket.state == SocketState::Listen && case.snapshot.holders(index).iter().any(|holding| holding.pid == subject.pid) {
            evidence.push(words::seen(case, index, socket));
        }
    }
    let stop = shell!("kill {}", subject.pid).behind(words::sudo(case, process.uid));
    let fixes = vec![
        Remedy::look("See what it is: the one that runs may be the one to use", shell!("ps -fp {}", subject.pid)),
        Remedy::end("Or stop it in its own way, then start the new one", stop),
    ];
    let likelihood = if same == Some(true) || serves { Likelihood::Certain } else { Likelihood::Possible };
    let summary = format!("It runs already: {}.", described(case.snapshot, process));
    Some(words::found(CAUSE.code, likelihood, summary, evidence, fixes))
}

/// The text is of the holder's kind of program, and who asks works in the holder's project.
fn of_text(case: &Case<'_>, process: &Process) -> Option<Evidence> {
    let paste = case.paste.filter(|paste| paste.symptom == Symptom::InUse)?;
    let project = kin::project(case, process)?;
    let own = kin::readers_project(case)?;
    if own != project {
        return None;
    }
    let program = paste.program?;
    let inside = process.exe.known().is_some_and(|exe| exe.raw().starts_with(project.raw()));
    if !(subject::is_of_program(process, program) == Some(true) || inside && matches!(program, "go" | "rust")) {
        return None;
    }
    let source = format!("line {} of the text", paste.line_number);
    Some(Evidence::new(source, format!("{program} was refused the port, and {own} is the project of both")))
}

/// A second process with the same program, arguments and folder that does not hold the port.
fn of_twin(case: &Case<'_>, index: usize, process: &Process) -> Option<Evidence> {
    let holders = case.holders(index);
    let related = |other: &Process| {
        let above = ancestors(case.snapshot, other);
        let below = ancestors(case.snapshot, process);
        holders.iter().any(|holder| holder.id == other.id || above.iter().any(|above| above.id == holder.id))
            || below.iter().any(|above| above.id == other.id)
            // Workers of one master.
            || other.parent == process.parent && case.snapshot.process(other.parent).is_some_and(|above| above.exe == other.exe)
    };
    let same = |other: &&Process| {
        let known = other.exe.known().is_some() && other.cwd.known().is_some();
        let arguments = |process: &Process| process.argv.known().map(CommandLine::arguments).map(<[_]>::to_vec);
        let plain = arguments(other).is_some_and(|argv| argv.len() > 1);
        known
            && plain
            && other.exe == process.exe
            && other.cwd == process.cwd
            && arguments(other) == arguments(process)
            && other.id.started_ticks >= process.id.started_ticks
            && !related(other)
    };
    let twin = case.processes().find(same)?;
    let source = format!("/proc/{}/cmdline", twin.id.pid);
    Some(Evidence::new(source, format!("{} has the same program, arguments and folder", words::named(twin))))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::Snapshot;

    use crate::{
        Symptom,
        case::scene::Scene,
        cause::Cases,
        fixture::{holding, listener, process, world},
    };

    const APP: &[&str] = &["node", "server.js"];

    fn two(second: &[&str], cwd: &str) -> Snapshot {
        let mut reader = process(999_999, 4000, &["portward", "doctor"], 1);
        reader.cwd = portward_model::Seen::Known(cwd.into());
        let processes = vec![
            process(4121, 4000, APP, 3600),
            process(4200, 4001, second, 10),
            process(4000, 1, &["zsh"], 90_000),
            process(4001, 1, &["zsh"], 90_000),
            reader,
        ];
        world(vec![listener("127.0.0.1", 3000)], processes, vec![holding(0, 4121, 21)])
    }

    fn asks(snapshot: Snapshot) -> Scene {
        Scene::listen(snapshot, "127.0.0.1:3000", true)
    }

    fn told(snapshot: Snapshot, program: &'static str) -> Scene {
        let line = "Error: listen EADDRINUSE: address already in use :::3000";
        asks(snapshot).said(Symptom::InUse, None, line).but(|scene| scene.paste.as_mut().unwrap().program = Some(program))
    }

    pub(crate) fn cases() -> Cases {
        let other = &["python3", "x.py"];
        let mut workers = two(APP, "/");
        workers.processes.retain(|process| process.id.pid != 4001);
        for process in &mut workers.processes {
            if process.id.pid == 4200 {
                process.parent = 4121;
            }
        }
        let running = |argv: &[&str], program: &'static str| {
            let snapshot = world(Vec::new(), vec![process(4121, 1, argv, 3600)], Vec::new());
            let line = "FATAL: lock file \"postmaster.pid\" already exists (PID 4121)";
            let scene = Scene::on(snapshot, "127.0.0.1:5432").said(Symptom::InUse, Some("stale-pidfile"), line);
            scene.but(|scene| {
                let paste = scene.paste.as_mut().unwrap();
                (paste.program, paste.pids, paste.call) = (Some(program), vec![4121], Some(crate::Call::Listen));
                scene.exam.named = vec![4121];
            })
        };
        let nowhere = |scene: &mut Scene| scene.asked = crate::doctor::Asked::nowhere(crate::doctor::Asking::Listen);
        Cases {
            fires: vec![
                running(&["postgres", "-D", "/d"], "postgresql"),
                running(&["postgres", "-D", "/d"], "postgresql").but(nowhere),
                running(&["gizmo"], "gizmo").but(nowhere),
                asks(two(APP, "/")),
                told(two(other, "/home/ana/shop"), "node"),
            ],
            silent: vec![
                running(&["chrome"], "postgresql").but(nowhere),
                asks(two(other, "/home/ana/shop")),
                told(two(other, "/home/ana/other"), "node"),
                told(two(other, "/home/ana/shop"), "python"),
                asks(workers),
                Scene::on(two(APP, "/"), "127.0.0.1:3000"),
            ],
        }
    }
}
