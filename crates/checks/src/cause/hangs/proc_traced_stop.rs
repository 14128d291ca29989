cause! {
    "proc-traced-stop": "a debugger has stopped the server's process",
    Process, Endpoint(run) if Case::connects,
    what: "A debugger is attached and has stopped the process, at a breakpoint or because somebody asked it to. The kernel
completes handshakes for it; nobody takes the connections. A process that is traced and runs is well.",
    evidence: "State t of every thread (/proc/PID/task), and the pid of the tracer (TracerPid in /proc/PID/status).",
    fix: "Continue in the debugger, or end the debugger.",
}

use portward_model::shell;

use crate::{
    case::serving::{halted, is_traced, not_halted},
    cause::prelude::*,
};

fn run(case: &Case<'_>) -> Ruling {
    let Some((door, at_rest, likelihood)) = halted(case, is_traced) else {
        return not_halted(case, is_traced, "stopped by a debugger").map_or(Ruling::Silent, Ruling::out);
    };
    let Some((process, vitals)) = at_rest.first().copied() else { return Ruling::Silent };
    let pid = process.id.pid;
    let mut evidence = vec![Evidence::new(format!("/proc/{pid}/stat"), format!("{} is in state t", words::named(process)))];
    let tracer = vitals.map(|vitals| vitals.tracer).filter(|tracer| *tracer != 0);
    let by = tracer.map(|tracer| case.snapshot.process(tracer).map_or_else(|| format!("pid {tracer}"), words::named));
    if let Some(by) = &by {
        evidence.push(Evidence::new(format!("/proc/{pid}/status"), format!("TracerPid: {by}")));
    }
    evidence.push(words::seen(case, door.index, door.socket));
    let likelihood = if vitals.is_some() { likelihood } else { likelihood.max(Likelihood::Likely) };
    let mut fixes = Vec::new();
    let who = by.clone().unwrap_or_else(|| "its debugger".to_owned());
    let continued = format!("type `continue` in {who}");
    fixes.push(Remedy::advice(format!("Continue it in {who}"), continued, Effect::Change));
    if let Some(tracer) = tracer {
        let sudo = words::sudo(case, case.snapshot.process(tracer).map_or(process.uid, |tracer| tracer.uid));
        fixes.push(Remedy::end("Or end the debugger, which lets go of it", shell!("kill {}", tracer).behind(sudo)));
    }
    let summary =
        format!("{} is stopped by {} and answers nobody.", words::named(process), by.as_deref().unwrap_or("a debugger"));
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Ended, ProcessState, Said, Snapshot};

    use crate::{
        case::scene::{Scene, thread, well},
        cause::Cases,
        fixture::{held, listener},
    };

    fn traced() -> Snapshot {
        let mut snapshot = held(listener("127.0.0.1", 3000));
        for process in &mut snapshot.processes {
            process.state = ProcessState::Traced;
        }
        snapshot
    }

    pub(crate) fn cases() -> Cases {
        let vitals = |states: &[char]| {
            let mut vitals = well(4121);
            vitals.tracer = 77;
            vitals.threads = states.iter().zip(4121..).map(|(state, tid)| thread(tid, *state, "ptrace_stop")).collect();
            vitals
        };
        let scene = |states: &[char]| Scene::on(traced(), "127.0.0.1:3000").vitals(vitals(states));
        let mut running = well(4121);
        running.tracer = 77;
        Cases {
            fires: vec![scene(&['t', 't']), Scene::on(traced(), "127.0.0.1:3000")],
            silent: vec![
                // Traced, and running.
                Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000").vitals(running.clone()),
                // strace stopped it for a moment.
                Scene::on(traced(), "127.0.0.1:3000").vitals(running).talked(Said::Http, b"HTTP/1.1 200 OK", Ended::Enough),
                // One thread stands at a breakpoint, the others go on.
                scene(&['t', 'S']),
            ],
        }
    }
}
