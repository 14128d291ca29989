cause! {
    "server-busy": "the server is busy computing and does not come back for connections",
    Process, Endpoint(run),
    what: "A program with one thread, or with one event loop, does one thing at a time. It is in a long computation or an endless
loop: connections pile up in its queue, or are taken and wait for their turn.",
    evidence: "\
A thread in state R, processor time that grows about as fast as the clock (/proc/PID/stat, read twice), while a connection
waits in the accept queue or without an answer.",
    fix: "Restart it; then see where the time goes, and move it to another thread or process, or add workers.",
}

use portward_model::shell;

use crate::{
    case::{
        serving::is_raised,
        waits::{Wait, wait_of},
    },
    cause::prelude::*,
};

fn run(case: &Case<'_>) -> Ruling {
    if !case.connects() || !is_raised(case) {
        return Ruling::Silent;
    }
    let reached = Reached::of(case);
    let all = doors(case);
    let waiting = all.iter().any(|door| door.socket.queue.used > 0);
    if reached.hangs().is_none() && (!waiting || matches!(reached, Reached::Served(_))) {
        return Ruling::Silent;
    }
    // A handshake needs no process: where it is not answered, only a full queue is a busy server's doing.
    let overflows = |attempt: &Attempt| attempt.queue.is_some_and(|(_, after)| after.used >= after.limit.max(1));
    if let Reached::Unheard(attempt) = reached
        && !overflows(attempt)
    {
        return Ruling::Silent;
    }
    let holders = || all.iter().flat_map(|door| &door.holders).filter_map(|(process, vitals)| Some((*process, (*vitals)?)));
    let busiest = holders().filter(|(_, vitals)| runs(vitals)).max_by_key(|(_, vitals)| share(vitals).unwrap_or(0));
    let Some((process, vitals)) = busiest else {
        let idle = holders().find_map(|(process, vitals)| Some((process, share(vitals)?)));
        let Some((process, share)) = idle else { return Ruling::Silent };
        return Ruling::out(format!("{} uses {share} % of a processor", words::named(process)));
    };
    let pid = process.id.pid;
    let mut evidence = Vec::new();
    let likelihood = match share(vitals) {
        Some(share) if share < LEAST => return Ruling::out(format!("{} uses {share} % of a processor", words::named(process))),
        Some(share) => {
            evidence.push(measured(process, vitals));
            if share >= MOST { Likelihood::Certain } else { Likelihood::Likely }
        }
        None => {
            evidence.push(Evidence::new(format!("/proc/{pid}/stat"), format!("{} is in state R", words::named(process))));
            Likelihood::Likely
        }
    };
    if waiting || matches!(reached, Reached::Queued(_)) {
        evidence.extend(all.first().map(|door| door.queue(case)));
    }
    evidence.extend(waited(reached));
    let sudo = words::sudo(case, process.uid);
    let fixes = vec![
        Remedy::look("See where its time goes", shell!("sudo perf top -p {}", pid)),
        offer::free("If it never ends, stop it, and start it again", words::target(case)).behind(sudo),
    ];
    let summary = format!("{} is busy computing and does not come back for connections.", words::named(process));
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

fn measured(process: &Process, vitals: &Vitals) -> Evidence {
    let (busy, wanted, over) = (vitals.busy_ms, vitals.wanted_ms, vitals.over_ms);
    let queued = wanted.saturating_sub(busy);
    let more = if queued * 10 > over { format!(", and waited {queued} ms for its turn") } else { String::new() };
    let fact = format!("{} used {busy} ms of processor time in {over} ms{more}", words::named(process));
    Evidence::new(format!("/proc/{}/stat", process.id.pid), fact)
}

/// Processor time as a percentage of the time between two readings; `None` where there was one.
fn share(vitals: &Vitals) -> Option<u64> {
    // On a crowded machine the time that a thread waits for its turn counts as well: it would have used it.
    vitals.busy_ms.max(vitals.wanted_ms).saturating_mul(100).checked_div(vitals.over_ms)
}

fn runs(vitals: &Vitals) -> bool {
    vitals.threads.iter().any(|thread| wait_of(thread) == Wait::Running) || share(vitals).is_some_and(|share| share >= MOST)
}

/// A share that only a program without pause has, even where it shares its processor with others.
const LEAST: u64 = 30;
/// The share of a program that has a processor to itself.
const MOST: u64 = 75;

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Ended, Said, Vitals};

    use crate::{
        case::scene::{Scene, thread, well},
        cause::Cases,
        fixture::{held, listener},
    };

    fn with(busy_ms: u64, over_ms: u64, state: char) -> Vitals {
        Vitals { busy_ms, over_ms, threads: vec![thread(4121, state, "")], ..well(4121) }
    }

    pub(crate) fn cases() -> Cases {
        let scene = || Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000");
        let silent = || scene().talked(Said::Http, b"", Ended::Silence);
        let queued = || silent().untaken().queue((1, 128, 0), (2, 128, 0));
        let mut waiting = listener("127.0.0.1", 3000);
        waiting.queue.used = 2;
        waiting.queue.limit = 128;
        Cases {
            fires: vec![
                queued().vitals(with(118, 120, 'R')),
                silent().vitals(with(118, 120, 'R')),
                queued().vitals(with(50, 120, 'R')),
                queued().vitals(with(0, 0, 'R')),
                queued().vitals(Vitals { wanted_ms: 116, ..with(14, 120, 'R') }),
                Scene::on(held(waiting), "127.0.0.1:3000").vitals(with(120, 120, 'R')),
            ],
            silent: vec![
                scene().vitals(with(120, 120, 'R')),
                scene().vitals(with(120, 120, 'R')).talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
                queued().vitals(with(10, 120, 'S')),
                queued().vitals(with(10, 120, 'R')),
            ],
        }
    }
}
