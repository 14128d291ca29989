cause! {
    "app-hang-after-accept": "the server takes the request and does not answer",
    Absence, Endpoint(run) if Case::connects,
    what: "\
The program accepts the connection and then waits: for its database, another service, a lock, a debugger, or for ever. The
network is well; the client waits until it gives up.",
    evidence: "\
The connection has left the accept queue and no byte came back, to GET either, within ten seconds where HTTP is spoken. Connections of
other clients that it keeps although they have left (CLOSE-WAIT) show that it hangs; what its threads wait for, and its own connections
that have no answer, tell whom it waits for.",
    fix: "Repair what it waits for, or restart it; then give its own requests a time limit.",
}

use crate::{
    case::{
        serving::{asking, doing, has_queue, left_behind, outgoing},
        waits::{Wait, wait_of},
    },
    cause::prelude::*,
};

fn run(case: &Case<'_>) -> Ruling {
    let reached = Reached::of(case);
    let Reached::Unanswered(attempt, taken) = reached else { return Ruling::Silent };
    let Some(exchange) = &attempt.exchange else { return Ruling::Silent };
    let mut evidence = waited(reached);
    let all = doors(case);
    if taken && let Some(door) = all.iter().find(|door| has_queue(door.socket)) {
        evidence.push(Evidence::new("sock_diag", format!("{} took the connection from its queue", door.who(case))));
    }
    let kept = left_behind(case).into_iter().max_by_key(|(_, socket)| socket.queue.used);
    if let Some((index, socket)) = kept {
        let unread = socket.queue.used.saturating_sub(1);
        let fact = match unread {
            0 => format!("{} holds a connection whose client has left (CLOSE-WAIT)", words::who(case, index, socket)),
            _ => format!(
                "{} holds a connection with {unread} bytes unread, whose client has left",
                words::who(case, index, socket)
            ),
        };
        evidence.push(Evidence::new("sock_diag", fact));
    }
    let mut fixes = Vec::new();
    let waits_for = awaited(case);
    if let Some((fact, fix)) = &waits_for {
        evidence.push(Evidence::new("sock_diag", fact.clone()));
        fixes.extend(fix.clone());
    }
    let stuck = all.iter().flat_map(|door| {
        let alone = door.threads().count() == 1;
        door.threads().filter(move |(_, thread)| is_stuck(wait_of(thread), alone))
    });
    let stuck = stuck.min_by_key(|(_, thread)| wait_of(thread));
    if let Some((process, thread)) = stuck {
        evidence.push(doing(case, process, thread));
    }
    let debugged = all.iter().flat_map(|door| &door.holders).find_map(|(process, _)| Some((*process, debuggee(process)?)));
    if let Some((process, found)) = debugged {
        let fact = format!("{} was started to be debugged: {}", words::named(process), found.argument);
        evidence.push(Evidence::new(format!("/proc/{}/cmdline", process.id.pid), fact));
        let title = "Continue it in its debugger, where it stands at a breakpoint";
        fixes.push(Remedy::advice(title, format!("continue in the {} debugger", found.protocol), Effect::Change));
    }
    // Whether it understood the question at all: by the scheme, by its name, or by a client of its own that had no answer either.
    let own_words = match exchange.said {
        Said::Greeting => true,
        Said::Http | Said::HttpByLocalhost | Said::Upgrade | Said::Proxied => {
            let scheme = case.asked.scheme.as_deref().or_else(|| case.paste.and_then(|paste| paste.url_scheme.as_deref()));
            matches!(scheme, Some("http" | "ws"))
        }
        Said::Tls | Said::Nothing => false,
    };
    let told = matches!(case.symptom(), Some(Symptom::NoAnswer | Symptom::UpstreamFailed | Symptom::HttpStatus));
    // Who has read to the end may be about to close; who has left bytes unread is busy with something else.
    let unread = kept.is_some_and(|(_, socket)| socket.queue.used > 1);
    let proven = unread || waits_for.is_some() || stuck.is_some();
    let likelihood = match (taken, own_words || told, proven) {
        (true, true, true) if exchange.said != Said::Tls => Likelihood::Certain,
        (_, true, _) => Likelihood::Likely,
        // A server may wait for the rest of a question in a language of its own; not while it waits for somebody else.
        (_, false, true) if unread || waits_for.is_some() => Likelihood::Likely,
        (_, false, _) => Likelihood::Possible,
    };
    let far = all.is_empty();
    if far && likelihood == Likelihood::Possible {
        return Ruling::Silent;
    }
    let who = all.first().map_or_else(|| attempt.at.to_string(), |door| door.who(case));
    if far {
        fixes.push(offer::ask("Ask on the machine itself", case.asked.port.to_string()));
    } else {
        // What is merely slow is not to be ended.
        let for_good =
            stuck.is_some_and(|(_, thread)| matches!(wait_of(thread), Wait::Disk | Wait::Lock | Wait::FileLock | Wait::Pipe));
        let sudo = all.first().map_or("", |door| words::sudo(case, door.socket.uid));
        // Nobody will ever take what comes to a listener that was left behind.
        let left = all.first().filter(|door| crate::via::is_left_behind(case.snapshot, door.index));
        let title = left.map_or("Stop it, and start it again", |door| words::stop(case, door.index));
        fixes.push(if left.is_some() || (for_good && likelihood == Likelihood::Certain) {
            offer::free(title, words::target(case)).behind(sudo)
        } else {
            offer::explain("Find what runs it, and read its log for this moment", words::target(case))
        });
    }
    let summary = format!("{who} takes connections and does not answer within {} ms.", exchange.first_ms);
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// Whom the server waits for, and how to look there: a connection of its own that is not made, or whose bytes nobody has
/// acknowledged.
fn awaited(case: &Case<'_>) -> Option<(String, Option<Remedy>)> {
    let pending = |socket: &Socket| match socket.state {
        SocketState::SynSent => Some("has no answer to its handshake"),
        SocketState::Established if socket.queue.limit > 0 => Some("has not acknowledged what it was sent"),
        _ => None,
    };
    let all = outgoing(case);
    let unmade = all.iter().find_map(|(pid, socket)| Some((*pid, *socket, pending(socket)?)));
    let unanswered = || asking(case).map(|(process, socket)| (process.id.pid, socket, "has not answered"));
    let (pid, socket, what) = unmade.or_else(unanswered)?;
    let (address, port) = socket.remote()?;
    let who = case.snapshot.process(pid).map_or_else(|| format!("pid {pid}"), words::named);
    let there = words::address(address, port);
    let fix = offer::ask("Ask about what it waits for", &there);
    Some((format!("{who} asks {there}, which {what}"), Some(fix)))
}

/// True for a wait that no client can end. A thread among others may sleep or wait for its like without harm.
fn is_stuck(wait: Wait, alone: bool) -> bool {
    match wait {
        Wait::Disk | Wait::Connecting | Wait::FileLock => true,
        Wait::Sleeping | Wait::Lock | Wait::Child | Wait::Pipe | Wait::Writing | Wait::Signal => alone,
        Wait::Running | Wait::Reading | Wait::Halted | Wait::Unknown | Wait::Polling | Wait::Accepting => false,
    }
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Ended, Said, Snapshot, Socket, SocketState, Vitals};

    use crate::{
        Symptom,
        case::scene::{Scene, thread, well},
        cause::Cases,
        fixture::{connection, held, holding, listener, process, world},
    };

    fn at(places: &[&str]) -> Vitals {
        Vitals { threads: places.iter().zip(50..).map(|(place, tid)| thread(tid, 'S', place)).collect(), ..well(50) }
    }

    fn with(mut other: Socket) -> Snapshot {
        other.inode = 9;
        let holdings = vec![holding(0, 50, 5), holding(1, 50, 7)];
        world(vec![listener("127.0.0.1", 3000), other], vec![process(50, 1, &["web"], 60)], holdings)
    }

    pub(crate) fn cases() -> Cases {
        let asked = |scene: Scene| scene.talked(Said::Http, b"", Ended::Silence).queue((0, 128, 0), (0, 128, 0));
        let plain = || Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000");
        let kept = |unread| {
            let mut end = connection("127.0.0.1", 3000, "127.0.0.1", 50_000);
            end.state = SocketState::CloseWait;
            end.queue.used = unread;
            asked(Scene::on(with(end), "127.0.0.1:3000"))
        };
        let backend = || {
            let mut snapshot = with(connection("127.0.0.1", 40_000, "127.0.0.1", 5432));
            snapshot.sockets.push(listener("127.0.0.1", 5432));
            let mut reads = at(&["wait_woken"]);
            reads.threads[0].argument = Some(7);
            asked(Scene::on(snapshot, "127.0.0.1:3000")).vitals(reads)
        };
        let mut unmade = connection("192.168.1.20", 40_000, "10.0.0.5", 5432);
        unmade.state = SocketState::SynSent;
        let mut web = asked(plain());
        web.asked.scheme = Some("http".to_owned());
        Cases {
            fires: vec![
                kept(81),
                kept(1),
                asked(Scene::on(with(unmade), "127.0.0.1:3000")),
                web,
                backend(),
                asked(plain()).said(Symptom::NoAnswer, None, "curl: (28) Operation timed out with 0 bytes received"),
                asked(plain()).vitals(Vitals { pid: 4121, ..at(&["hrtimer_nanosleep"]) }),
            ],
            silent: vec![
                plain().talked(Said::Http, b"HTTP/1.1 404 Not Found\r\n\r\n", Ended::Enough),
                plain().talked(Said::Nothing, b"", Ended::Silence),
                asked(plain()).untaken().queue((0, 128, 0), (1, 128, 0)),
                plain().talked(Said::Http, b"", Ended::Closed),
                Scene::connect("192.168.1.77:9000").talked(Said::Http, b"", Ended::Silence),
            ],
        }
    }

    #[test]
    fn a_server_that_may_wait_for_more_is_not_accused() {
        use crate::doctor::{Verdict, diagnose};
        let scene =
            Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000").vitals(Vitals { pid: 4121, ..at(&["wait_woken"]) });
        let diagnosis = diagnose(&scene.talked(Said::Http, b"", Ended::Silence).case());
        assert_eq!(diagnosis.verdict, Verdict::Unknown, "{:?}", diagnosis.causes);
    }
}
