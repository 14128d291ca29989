cause! {
    "proc-stopped": "the server's process is stopped by a signal",
    Process, Endpoint(run) if Case::connects,
    what: "Ctrl-Z, a terminal's SIGTTIN, or SIGSTOP stopped the process. The kernel still completes handshakes for it, so
every port checker calls it open; nobody takes the connections and nobody answers.",
    evidence: "\
State T in /proc/PID/stat, of every process that holds the listener; connections wait in its accept queue. Where one
process is stopped and another, such as its parent, is not, a connection that nobody takes shows that the other
does not accept.",
    fix: "Let it go on: `portward resume ENDPOINT`, `fg` in its shell, or SIGCONT.",
}

use portward_model::ShellLine;

use crate::{
    case::serving::{halted, is_stopped, not_halted},
    cause::prelude::*,
};

fn run(case: &Case<'_>) -> Ruling {
    let Some((door, stopped, likelihood)) = halted(case, is_stopped) else {
        return not_halted(case, is_stopped, "stopped").map_or(Ruling::Silent, Ruling::out);
    };
    let Some((process, _)) = stopped.first() else { return Ruling::Silent };
    let mut evidence: Vec<Evidence> = stopped
        .iter()
        .take(3)
        .map(|(process, _)| {
            Evidence::new(format!("/proc/{}/stat", process.id.pid), format!("{} is in state T (stopped)", words::named(process)))
        })
        .collect();
    evidence.push(words::seen(case, door.index, door.socket));
    if door.socket.queue.used > 0 {
        evidence.push(door.queue(case));
    }
    let sudo = words::sudo(case, process.uid);
    let kill = stopped.iter().fold(ShellLine::from("kill -CONT"), |line, (process, _)| line.word(process.id.pid));
    let fixes = vec![
        offer::resume("Let it go on", words::target(case)).behind(sudo),
        Remedy::change("The same, by hand", kill.behind(sudo)),
    ];
    let summary = format!("{} is stopped by a signal and answers nobody.", words::named(process));
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Ended, Met, ProcessState, Said, Snapshot};

    use crate::{
        case::scene::{Scene, thread, well},
        cause::Cases,
        fixture::{held, holding, listener, process, world},
    };

    fn with(state: ProcessState) -> Snapshot {
        let mut snapshot = held(listener("127.0.0.1", 3000));
        for process in &mut snapshot.processes {
            process.state = state;
        }
        snapshot
    }

    /// A parent that holds the listener, and one worker that is stopped.
    fn worker_stopped() -> Snapshot {
        let mut worker = process(51, 50, &["gunicorn"], 60);
        worker.state = ProcessState::Stopped;
        let holdings = vec![holding(0, 50, 5), holding(0, 51, 5)];
        world(vec![listener("127.0.0.1", 3000)], vec![process(50, 1, &["gunicorn"], 60), worker], holdings)
    }

    pub(crate) fn cases() -> Cases {
        let queue_grew = || {
            let scene = Scene::on(worker_stopped(), "127.0.0.1:3000").talked(Said::Http, b"", Ended::Silence);
            scene.untaken().queue((0, 128, 0), (1, 128, 0))
        };
        let mut went_on = well(4121);
        went_on.threads = vec![thread(4121, 'S', "inet_csk_accept")];
        Cases {
            fires: vec![Scene::on(with(ProcessState::Stopped), "127.0.0.1:3000"), queue_grew()],
            silent: vec![
                Scene::on(with(ProcessState::Alive), "127.0.0.1:3000").tried(Met::Connected),
                Scene::on(with(ProcessState::Traced), "127.0.0.1:3000"),
                Scene::on(with(ProcessState::Stopped), "127.0.0.1:3001").tried(Met::Failed(111)),
                // Another worker takes connections.
                Scene::on(worker_stopped(), "127.0.0.1:3000").talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
                // It was resumed between two readings.
                Scene::on(with(ProcessState::Stopped), "127.0.0.1:3000").vitals(went_on),
            ],
        }
    }
}
