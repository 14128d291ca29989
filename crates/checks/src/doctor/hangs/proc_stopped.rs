//! The server's process is stopped by a signal.

use portward_model::{Effect, Evidence, Fix, Likelihood, ProcessState};

use crate::doctor::{Case, Check, Ruling, words};

pub(super) const CHECK: Check = Check {
    code: "proc-stopped",
    summary: "the server's process is stopped by a signal",
    doc: DOC,
    covers: &[],
    run,
    #[cfg(test)]
    cases: tests::cases,
};

const DOC: &str = "\
## What it is

Ctrl-Z, a terminal's SIGTTIN, or SIGSTOP stopped the process. The kernel still completes handshakes for it, so
every port checker calls it open; nobody takes the connections and nobody answers.

## Evidence

State T in /proc/PID/stat, of every process that holds the listener; connections wait in its accept queue.

## Fix

Let it go on: `fg` in its shell, or SIGCONT.

";

fn run(case: &Case<'_>) -> Ruling {
    let serving = case.serving_processes();
    if !case.connects() || serving.is_empty() {
        return Ruling::Silent;
    }
    // One worker that runs is enough to serve.
    if let Some((running, _)) = serving.iter().find(|(process, _)| process.state != ProcessState::Stopped) {
        return Ruling::Out(format!("{} is not stopped", words::named(running)));
    }
    let Some((process, _)) = serving.first() else { return Ruling::Silent };
    let mut evidence: Vec<Evidence> = serving
        .iter()
        .take(3)
        .map(|(process, _)| {
            Evidence::new(format!("/proc/{}/stat", process.id.pid), format!("{} is in state T (stopped)", words::named(process)))
        })
        .collect();
    for (index, socket) in case.served().into_iter().take(1) {
        let waiting = socket.queue.used;
        let fact = format!("{} has {waiting} connections waiting to be accepted", words::seen(case, index, socket).fact);
        evidence.push(Evidence::new("sock_diag", fact));
    }
    let pid = process.id.pid;
    let sudo = words::sudo(case, process.uid);
    let fixes = vec![
        Fix::new("Let it go on", format!("{sudo}portward resume {}", words::target(case)), Effect::Change),
        Fix::new("Or by hand", format!("{sudo}kill -CONT {pid}"), Effect::Change),
    ];
    let summary = format!("{} is stopped by a signal and answers nobody.", words::named(process));
    words::found(CHECK.code, Likelihood::Certain, summary, evidence, fixes)
}

#[cfg(test)]
mod tests {
    use portward_model::{Met, ProcessState, Snapshot};

    use crate::{
        doctor::{Cases, scene::Scene},
        fixture::{held, listener},
    };

    fn with(state: ProcessState) -> Snapshot {
        let mut snapshot = held(listener("127.0.0.1", 3000));
        for process in &mut snapshot.processes {
            process.state = state;
        }
        snapshot
    }

    pub(crate) fn cases() -> Cases {
        Cases {
            fires: vec![Scene::on(with(ProcessState::Stopped), "127.0.0.1:3000")],
            silent: vec![
                Scene::on(with(ProcessState::Alive), "127.0.0.1:3000").tried(Met::Connected),
                Scene::on(with(ProcessState::Traced), "127.0.0.1:3000"),
                Scene::on(with(ProcessState::Stopped), "127.0.0.1:3001").tried(Met::Failed(111)),
            ],
        }
    }
}
