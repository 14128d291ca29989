cause! {
    "deadlock-self-call": "the server calls itself and waits for an answer that only it could give",
    Process, Endpoint(run) if Case::connects_by_tcp,
    what: "While it works on one request, the server sends another to its own port and waits for the answer. With one worker (a
development server, a blocked event loop) nobody is left to take it. The page hangs, and every page after it.",
    evidence: "A connection whose client end belongs to the process that serves the port, while nobody has taken its server end
(sock_diag: no inode), or its request lies there unread.",
    fix: "Restart it, with more than one worker or thread; or call the function instead of the URL.",
}

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let reached = Reached::of(case);
    if reached.answers() {
        return Ruling::Silent;
    }
    let serving: Vec<u32> = case.serving_processes().iter().map(|(process, _)| process.id.pid).collect();
    let snapshot = case.snapshot;
    let calls = snapshot.sockets.iter().enumerate().filter(|(index, socket)| {
        let out = matches!(socket.state, SocketState::Established | SocketState::SynSent);
        let to_us = socket.remote().is_some_and(|(address, port)| port == case.asked.port && case.is_own_address(address));
        out && to_us && snapshot.holders(*index).iter().any(|holding| serving.contains(&holding.pid))
    });
    for (index, call) in calls {
        let (Some(address), Some(port), Some((to, _))) = (call.address(), call.port(), call.remote()) else { continue };
        if !case.takers(to).iter().any(|(listener, _)| case.served().iter().any(|(known, _)| known == listener)) {
            continue;
        }
        let other_end = case.here().find(|(_, socket)| socket.remote() == Some((address, port)));
        let (lies, untaken) = match other_end {
            Some((_, end)) if end.inode == 0 => ("nobody has taken it", true),
            Some((_, end)) if end.queue.used > 0 => ("its request lies unread", false),
            None if call.state == SocketState::SynSent => ("there is no room for it in the queue", false),
            Some(_) | None => continue,
        };
        let who = words::who(case, index, call);
        let fact = format!("{who} is connected from {} to itself, and {lies}", words::address(address, port));
        let mut evidence = vec![Evidence::new("sock_diag", fact)];
        evidence.extend(waited(reached));
        evidence.extend(doors(case).first().and_then(|door| door.doing(case)));
        let certain = reached.hangs().is_some() || untaken && doors(case).iter().all(|d| d.socket.queue.used > 0);
        let likelihood = if certain { Likelihood::Certain } else { Likelihood::Likely };
        let fixes = vec![
            offer::free("Stop it, and start it with more workers or threads", words::target(case)),
            offer::explain("Find the request that calls its own server", words::target(case)),
        ];
        let summary = format!("{who} calls its own port {} and waits for an answer that only it could give.", case.asked.port);
        return words::found(CAUSE.code, likelihood, summary, evidence, fixes);
    }
    Ruling::Silent
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Ended, Said, Snapshot};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{connection, holding, listener, process, world},
    };

    /// A server with a connection to its own port; the inode of the other end, what lies unread there, and its holder.
    fn calling(inode: u64, unread: u32, taken: bool) -> Snapshot {
        let mut end = connection("127.0.0.1", 3000, "127.0.0.1", 50_000);
        end.inode = inode;
        end.queue.used = unread;
        let mut call = connection("127.0.0.1", 50_000, "127.0.0.1", 3000);
        call.inode = 9;
        let mut listener = listener("127.0.0.1", 3000);
        listener.queue.used = u32::from(inode == 0);
        listener.queue.limit = 128;
        let mut holdings = vec![holding(0, 50, 5), holding(2, 50, 7)];
        if taken {
            holdings.push(holding(1, 50, 8));
        }
        world(vec![listener, end, call], vec![process(50, 1, &["php"], 60)], holdings)
    }

    pub(crate) fn cases() -> Cases {
        let scene = |snapshot| Scene::on(snapshot, "127.0.0.1:3000");
        let hangs = |scene: Scene| scene.talked(Said::Http, b"", Ended::Silence);
        let mut other = calling(0, 0, false);
        other.holdings.retain(|holding| holding.socket != 2);
        Cases {
            fires: vec![hangs(scene(calling(0, 0, false))), scene(calling(0, 0, false)), hangs(scene(calling(8, 90, true)))],
            silent: vec![
                // Another thread took the call and works on it.
                scene(calling(8, 0, true)),
                // Somebody else's connection waits.
                hangs(scene(other)),
                scene(calling(0, 0, false)).talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
            ],
        }
    }
}
