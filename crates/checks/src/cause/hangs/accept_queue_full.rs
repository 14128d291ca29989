cause! {
    "accept-queue-full": "the queue of connections that wait to be accepted is full",
    Reading, Endpoint(run) if Case::connects,
    what: "\
A listener keeps finished handshakes in a queue until the program accepts them. When more wait than its backlog allows, the
kernel drops the next client's first packet without a word: the client hangs in connect, as it would behind a firewall.
Either the program has stopped taking connections, or more come at once than the backlog has room for.",
    evidence: "\
More connections wait than the limit (sock_diag), and the listener's own count of dropped packets rises while a client
tries. The counters of the whole machine are no evidence.",
    fix: "\
Restart a server that takes nobody. Where it only takes them too slowly, raise its backlog, and net.core.somaxconn, which
caps it.",
}

use portward_model::Queue;

use crate::{
    case::serving::{Door, has_queue, is_raised},
    cause::prelude::*,
};

fn run(case: &Case<'_>) -> Ruling {
    let reached = Reached::of(case);
    if reached.answers() {
        return Ruling::Silent;
    }
    let all: Vec<Door<'_>> = doors(case).into_iter().filter(|door| has_queue(door.socket)).collect();
    let Some((door, queue, proof)) = all.iter().find_map(|door| full(reached, door).map(|(queue, proof)| (door, queue, proof)))
    else {
        let Some(door) = all.first().filter(|_| is_raised(case)) else { return Ruling::Silent };
        return Ruling::out(door.queue(case).fact);
    };
    let at = words::endpoint(case.snapshot, door.socket);
    let mut evidence = vec![Evidence::new(
        "sock_diag",
        format!("{at}: {} connections wait to be accepted, and its backlog is {}", queue.used, queue.limit),
    )];
    if proof > 0 {
        evidence.push(Evidence::new("sock_diag", format!("the listener dropped {proof} packets while a connection was tried")));
    }
    evidence.extend(waited(reached));
    evidence.extend(door.doing(case));
    let left = crate::via::is_left_behind(case.snapshot, door.index);
    let title =
        if left { words::stop(case, door.index) } else { "Stop the server, which takes no connections, and start it again" };
    let stop = offer::free(title, words::target(case)).behind(words::sudo(case, door.socket.uid));
    let mut fixes = vec![stop];
    let cap = case.exam.network.as_ref().and_then(|network| network.max_backlog);
    let raise = match cap {
        Some(cap) if cap <= queue.limit => Remedy::change("Allow larger backlogs", "sudo sysctl -w net.core.somaxconn=4096"),
        _ => Remedy::advice(
            "Let it ask for a larger backlog",
            format!("listen(fd, 1024) instead of {}", queue.limit),
            Effect::Change,
        ),
    };
    // A program that waits for events takes what comes; it has too little room, not too little life.
    let at_front = usize::from(door.is_ready() != Some(true));
    fixes.insert(at_front, raise);
    let summary = format!(
        "{} connections wait for {}, whose backlog is {}, so the kernel drops every new client.",
        queue.used,
        words::whom(case, door.index, door.socket),
        queue.limit
    );
    words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes)
}

/// The queue when it was full, and the packets that the listener dropped while a connection was tried; `sk_acceptq_is_full`:
/// more wait than the limit.
fn full(reached: Reached<'_>, door: &Door<'_>) -> Option<(Queue, u32)> {
    let is_full = |queue: Queue| queue.used > queue.limit;
    let now = door.socket.queue;
    match reached {
        Reached::Unheard(attempt) => match attempt.queue {
            Some((before, after)) => {
                let dropped = after.drops.saturating_sub(before.drops);
                let most = if after.used > before.used { after } else { before };
                (is_full(most) || (dropped > 0 && most.used >= most.limit.max(1))).then_some((most, dropped))
            }
            None => is_full(now).then_some((now, 0)),
        },
        // Our own connection may have been the one that filled it.
        Reached::Queued(attempt) | Reached::Unanswered(attempt, _) | Reached::Served(attempt) => {
            attempt.queue.map(|(before, _)| before).filter(|before| is_full(*before)).map(|before| (before, 0))
        }
        Reached::Nowhere => is_full(now).then_some((now, 0)),
    }
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Ended, Met, Said, Snapshot};

    use crate::{
        case::scene::{Scene, thread, well},
        cause::Cases,
        fixture::{held, listener},
    };

    fn waiting(used: u32, limit: u32) -> Snapshot {
        let mut socket = listener("127.0.0.1", 3000);
        socket.queue.used = used;
        socket.queue.limit = limit;
        held(socket)
    }

    pub(crate) fn cases() -> Cases {
        let scene = |used, limit| Scene::on(waiting(used, limit), "127.0.0.1:3000");
        let mut asleep = well(4121);
        asleep.threads = vec![thread(4121, 'S', "hrtimer_nanosleep")];
        Cases {
            fires: vec![
                scene(2, 1),
                scene(2, 1).vitals(asleep),
                scene(5, 5).tried(Met::Silence).queue((5, 5, 8), (5, 5, 10)),
                scene(6, 5).tried(Met::Silence).queue((6, 5, 8), (6, 5, 10)),
                scene(129, 128),
            ],
            silent: vec![
                scene(1, 1),
                scene(5, 5).talked(Said::Http, b"", Ended::Silence).untaken().queue((5, 5, 0), (6, 5, 0)),
                scene(0, 128).tried(Met::Silence).queue((0, 128, 0), (0, 128, 0)),
                scene(2, 1).talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
            ],
        }
    }
}
