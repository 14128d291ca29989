cause! {
    "accept-stalled": "the server does not take the connections that wait for it",
    Absence, Endpoint(run) if Case::connects,
    what: "\
The kernel completes handshakes and lays the connections into the listener's queue; the program never comes to take them. It
serves one client at a time and waits for that one, sleeps, waits for a lock, or has left its accept loop.",
    evidence: "A connection of our own lies in the queue and stays there; no thread of the process waits in accept, poll or epoll
(/proc/PID/task/TID/wchan).",
    fix: "Restart it; then look at what its threads wait for, and serve each client in a thread or task of its own.",
}

use crate::{
    case::serving::{Door, has_queue},
    cause::prelude::*,
};

fn run(case: &Case<'_>) -> Ruling {
    let reached = Reached::of(case);
    let all: Vec<Door<'_>> = doors(case).into_iter().filter(|door| has_queue(door.socket)).collect();
    let waiting = |door: &&Door<'_>| door.socket.queue.used > 0;
    let (door, likelihood) = match reached {
        Reached::Queued(_) => {
            let Some(door) = all.iter().find(waiting).or(all.first()) else { return Ruling::Silent };
            (door, if door.is_ready() == Some(false) { Likelihood::Certain } else { Likelihood::Likely })
        }
        Reached::Unanswered(_, true) => {
            return all.first().map_or(Ruling::Silent, |door| Ruling::out(format!("{} took the connection", door.who(case))));
        }
        // Without a connection of our own, what waits may be taken in a moment; unless nobody is there to take it.
        Reached::Nowhere => match all.iter().find(|door| waiting(door) && door.is_ready() == Some(false)) {
            Some(door) => (door, Likelihood::Likely),
            None => return Ruling::Silent,
        },
        Reached::Unheard(_) | Reached::Unanswered(_, false) | Reached::Served(_) => return Ruling::Silent,
    };
    let mut evidence = vec![door.queue(case)];
    evidence.extend(waited(reached));
    evidence.extend(door.doing(case));
    let sudo = words::sudo(case, door.socket.uid);
    let mut fixes = vec![offer::free(words::stop(case, door.index), words::target(case)).behind(sudo)];
    for (process, _) in &door.holders {
        if let Some(found) = debuggee(process) {
            let fact = format!("{} was started to be debugged: {}", words::named(process), found.argument);
            evidence.push(Evidence::new(format!("/proc/{}/cmdline", process.id.pid), fact));
            let title = "Continue it in its debugger, where it stands at a breakpoint";
            fixes.insert(0, Remedy::advice(title, format!("continue in the {} debugger", found.protocol), Effect::Change));
            break;
        }
    }
    let summary = format!("{} listens and does not take the connections that wait for it.", door.who(case));
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Ended, Met, Said, SocketState, Vitals};

    use crate::{
        case::scene::{Scene, thread, well},
        cause::Cases,
        fixture::{held, listener, unix},
    };

    fn at(place: &str) -> Vitals {
        Vitals { threads: vec![thread(4121, 'S', place)], ..well(4121) }
    }

    pub(crate) fn cases() -> Cases {
        let scene = |used| {
            let mut socket = listener("127.0.0.1", 3000);
            socket.queue.used = used;
            socket.queue.limit = 128;
            Scene::on(held(socket), "127.0.0.1:3000")
        };
        let queued = |scene: Scene| scene.talked(Said::Http, b"", Ended::Silence).untaken().queue((0, 128, 0), (1, 128, 0));
        let unix = |used, place| {
            let mut socket = unix(Some("/run/x.sock"), SocketState::Listen);
            socket.queue.used = used;
            Scene::unix(held(socket), "/run/x.sock").vitals(at(place)).tried(Met::Connected).queue((0, 5, 0), (1, 5, 0))
        };
        Cases {
            fires: vec![
                unix(1, "hrtimer_nanosleep"),
                queued(scene(1)).vitals(at("hrtimer_nanosleep")),
                queued(scene(1)).vitals(at("wait_woken")),
                // The event loop runs, and has forgotten its listener.
                queued(scene(1)).vitals(well(4121)),
                queued(scene(1)),
                scene(3).vitals(at("futex_do_wait")),
            ],
            silent: vec![
                // It was taken a moment later.
                unix(0, "hrtimer_nanosleep"),
                unix(1, "do_epoll_wait"),
                scene(3).vitals(well(4121)),
                scene(3),
                scene(0).vitals(at("wait_woken")),
                // It defers its accepts until a client speaks.
                scene(0).tried(Met::Connected).untaken().queue((0, 128, 0), (0, 128, 0)),
                scene(1).vitals(at("wait_woken")).talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
            ],
        }
    }
}
