cause! {
    "fd-limit": "the server has no descriptor left for a connection",
    Process, Endpoint(run),
    what: "\
Every connection and every open file is a descriptor, and a process may have only so many. At the limit `accept` fails with
EMFILE (\"too many open files\"): the kernel goes on completing handshakes, and the connections lie in the queue.",
    evidence: "\
The number of open descriptors of the process is its limit (/proc/PID/fd, /proc/PID/limits); connections wait in the
accept queue, or the server's own text says so.",
    fix: "Raise the limit, now with prlimit and for good where the service is started (LimitNOFILE, ulimit -n); then find what is
never closed.",
}

use portward_model::{ShellLine, shell};

use super::close_wait_leak::fills;
use crate::{
    bind::words::supervisor_of,
    case::serving::{is_raised, left_behind},
    cause::prelude::*,
};

fn run(case: &Case<'_>) -> Ruling {
    let says = case.says(CAUSE.code) || case.symptom() == Some(Symptom::TooManyFiles);
    if !says && !case.connects() {
        return Ruling::Silent;
    }
    let reached = Reached::of(case);
    let all = doors(case);
    let holders = || all.iter().flat_map(|door| &door.holders);
    let full: Vec<(&Process, u32, u32)> =
        holders().filter_map(|(process, vitals)| used(*vitals).map(|(used, limit)| (*process, used, limit))).collect();
    let at_limit = || full.iter().filter(|(_, used, limit)| used >= limit);
    let every = !full.is_empty() && at_limit().count() == holders().count();
    let hangs = reached.hangs().is_some() || all.iter().any(|door| door.socket.queue.used > 0);
    // Whoever has just answered had a descriptor for it.
    let fits = !reached.answers() && (every || hangs);
    let text = || case.paste.filter(|_| says);
    let Some((process, used, limit)) = at_limit().next().filter(|_| fits) else {
        return match (text(), full.first()) {
            (Some(paste), known) => {
                let line = words::text_line(paste);
                let mut evidence = vec![line];
                if let Some((process, used, limit)) = known {
                    evidence.push(counted(process, *used, *limit));
                }
                let fixes = known.map_or_else(
                    || vec![Remedy::change("Raise the limit where it is started", "ulimit -n 65536")],
                    |(process, ..)| raise(case, process),
                );
                let summary = "The program that printed it has no descriptor left for another connection or file.";
                words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
            }
            (None, Some((process, used, limit))) if is_raised(case) => {
                Ruling::out(format!("{} has {used} of {limit} descriptors open", words::named(process)))
            }
            _ => Ruling::Silent,
        };
    };
    let mut evidence = vec![counted(process, *used, *limit)];
    if let Some(paste) = text() {
        evidence.push(words::text_line(paste));
    }
    if let Some(door) = all.iter().find(|door| door.holders.iter().any(|(known, _)| known.id == process.id)) {
        evidence.push(if hangs { door.queue(case) } else { words::seen(case, door.index, door.socket) });
    }
    evidence.extend(waited(reached));
    let leaked = left_behind(case).len();
    if leaked > 3 {
        evidence
            .push(Evidence::new("sock_diag", format!("{leaked} of them are connections whose clients have left (CLOSE-WAIT)")));
    }
    // Where a leak fills the descriptors the limit is its consequence.
    let likelihood = if every && (hangs || says) && !fills(leaked, *used) { Likelihood::Certain } else { Likelihood::Likely };
    let summary = format!("{} has {used} of {limit} descriptors open, so it can take no connection.", words::named(process));
    words::found(CAUSE.code, likelihood, summary, evidence, raise(case, process))
}

fn used(vitals: Option<&Vitals>) -> Option<(u32, u32)> {
    let vitals = vitals?;
    let (used, limit) = (*vitals.descriptors.known()?, *vitals.descriptor_limit.known()?);
    (limit > 0).then_some((used, limit))
}

fn counted(process: &Process, used: u32, limit: u32) -> Evidence {
    Evidence::new(
        format!("/proc/{}/fd", process.id.pid),
        format!("{} has {used} of {limit} descriptors open", words::named(process)),
    )
}

fn raise(case: &Case<'_>, process: &Process) -> Vec<Remedy> {
    let pid = process.id.pid;
    let mut fixes = vec![Remedy::change("Raise its limit now", shell!("sudo prlimit --pid {} --nofile=65536:65536", pid))];
    let unit = supervisor_of(case.snapshot, process).filter(|found| found.kind == SupervisorKind::Systemd);
    if let Some(unit) = unit {
        let command = ShellLine::from("sudo systemctl edit").operand(&unit.name).then(" # [Service] LimitNOFILE=65536");
        fixes.push(Remedy::change("And for good", command));
    }
    let sudo = words::sudo(case, process.uid);
    fixes.push(Remedy::look("Find what it never closes", shell!("ls -l /proc/{}/fd", pid).behind(sudo)));
    fixes
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Ended, Need, Said, Seen, Vitals};

    use crate::{
        Symptom,
        case::scene::{Scene, well},
        cause::Cases,
        fixture::{held, holding, listener, process, world},
    };

    fn with(pid: u32, used: u32, limit: u32) -> Vitals {
        Vitals { descriptors: Seen::Known(used), descriptor_limit: Seen::Known(limit), ..well(pid) }
    }

    pub(crate) fn cases() -> Cases {
        let scene = || Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000");
        let queued = |scene: Scene| scene.talked(Said::Http, b"", Ended::Silence).untaken().queue((3, 128, 0), (4, 128, 0));
        let mut hidden = with(4121, 24, 24);
        hidden.descriptors = Seen::Hidden(Need::Root);
        let two = || {
            let processes = vec![process(50, 1, &["gunicorn"], 60), process(51, 50, &["gunicorn"], 60)];
            let snapshot = world(vec![listener("127.0.0.1", 3000)], processes, vec![holding(0, 50, 5), holding(0, 51, 5)]);
            Scene::on(snapshot, "127.0.0.1:3000").vitals(with(50, 9, 24)).vitals(with(51, 24, 24))
        };
        let line = "accept4: too many open files; retrying in 1s";
        let mut waiting = listener("127.0.0.1", 3000);
        waiting.queue.used = 20;
        waiting.queue.limit = 128;
        Cases {
            fires: vec![
                queued(scene().vitals(with(4121, 24, 24))),
                Scene::on(held(waiting), "127.0.0.1:3000").vitals(with(4121, 24, 24)),
                scene().vitals(with(4121, 24, 24)),
                queued(two()),
                scene().said(Symptom::TooManyFiles, Some("fd-limit"), line),
                scene().vitals(hidden.clone()).said(Symptom::TooManyFiles, Some("fd-limit"), line),
            ],
            silent: vec![
                scene().vitals(with(4121, 23, 24)),
                scene().vitals(hidden),
                two(),
                scene().vitals(with(4121, 24, 24)).talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
            ],
        }
    }
}
