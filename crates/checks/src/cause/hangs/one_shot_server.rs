cause! {
    "one-shot-server": "the server takes one client only, and has had it",
    Process, Endpoint(run),
    what: "\
Some servers accept a single connection and close their listener: `nc -l`, `socat` without fork, a rendezvous, an example from a
manual. The first client, which may have been a port checker, uses it up; the second is refused.",
    evidence: "\
No listener, and a process that holds the server's end of a connection to the port; or the traces of a connection that was closed
a moment ago, and a file of the project that starts such a server.",
    fix: "Start it again, so that it keeps listening: `nc -lk`, `socat TCP-LISTEN:PORT,fork`.",
}

use portward_model::shell;

use crate::{case::kin::contains, cause::prelude::*};

fn run(case: &Case<'_>) -> Ruling {
    if let Some(ruling) = occupied(case) {
        return ruling;
    }
    if !case.is_deserted() {
        return Ruling::Silent;
    }
    let port = case.asked.port;
    let live = |socket: &Socket| {
        let open = matches!(
            socket.state,
            SocketState::Established | SocketState::CloseWait | SocketState::FinWait1 | SocketState::FinWait2
        );
        // The end that a server accepted has the port itself and a client's port on the other side.
        open && socket.transport == Transport::Tcp && is_clients(case, socket)
    };
    let ends: Vec<(usize, &Socket)> = case.here().filter(|(_, socket)| live(socket)).collect();
    if let [(index, socket)] = ends.as_slice()
        && let Some(process) = case.holder(*index).filter(|process| debuggee(process).is_none() && is_whole_server(case, process))
    {
        let evidence = vec![
            words::seen(case, *index, socket),
            Evidence::new("sock_diag", format!("nothing listens on port {port} any more")),
        ];
        let known = program::is_one_shot(process);
        let likelihood = if known { Likelihood::Certain } else { Likelihood::Likely };
        let summary =
            format!("{} serves the one client that it took on port {port}, and listens no more.", words::named(process));
        return words::found(CAUSE.code, likelihood, summary, evidence, fixes(case));
    }
    let starts_one = |text: &str| {
        let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';')).collect();
        let netcat = words.iter().position(|word| matches!(*word, "nc" | "ncat" | "netcat"));
        let flags = |from: usize| words.iter().skip(from).filter(|word| word.starts_with('-'));
        let one = netcat.is_some_and(|at| flags(at).any(|flag| flag.contains('l')) && !flags(at).any(|flag| flag.contains('k')));
        one || (text.contains("socat") && text.contains("LISTEN") && !text.contains("fork"))
    };
    let mention = case.exam.mentions.iter().find(|mention| mention.port == port && starts_one(&mention.text.lossy()));
    let trace = case.snapshot.sockets.iter().find(|socket| {
        let either = socket.port() == Some(port) || socket.remote().is_some_and(|(_, remote)| remote == port);
        case.is_own(socket)
            && either
            && matches!(socket.state, SocketState::TimeWait | SocketState::FinWait2 | SocketState::LastAck)
    });
    let (Some(mention), Some(trace)) = (mention, trace) else { return Ruling::Silent };
    let evidence = vec![
        words::mentioned(mention),
        Evidence::new("sock_diag", format!("a connection of port {port} has just ended ({})", words::state(trace.state))),
        Evidence::new("sock_diag", format!("nothing listens on port {port} any more")),
    ];
    let summary = format!("The server of port {port} takes one client only, and has had it.");
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes(case))
}

/// A tool that serves one client, keeps its listener open meanwhile, and has that client: `nc -l` of OpenBSD.
fn occupied(case: &Case<'_>) -> Option<Ruling> {
    if !case.connects_by_tcp() {
        return None;
    }
    let (index, listener) = case.served().into_iter().next()?;
    let process = case.holder(index).filter(|process| program::is_one_shot(process))?;
    let mut ends = case.here().filter(|(_, socket)| matches!(socket.state, SocketState::Established | SocketState::CloseWait));
    let (end, client) = ends.find(|(end, _)| case.holders(*end).iter().any(|holder| holder.id == process.id))?;
    let evidence = vec![words::seen(case, index, listener), words::seen(case, end, client)];
    let summary = format!(
        "{} serves one client only, and has it; another connection to port {} waits in vain.",
        words::named(process),
        case.asked.port
    );
    Some(words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes(case)))
}

/// True when the other side is the client: its port was handed out, or is higher than one that a server asked for.
fn is_clients(case: &Case<'_>, socket: &Socket) -> bool {
    let Some((_, remote)) = socket.remote() else { return false };
    let handed_out = |port| case.snapshot.rules.as_ref().is_some_and(|rules| rules.is_ephemeral(port));
    handed_out(remote) && (!handed_out(case.asked.port) || remote != case.asked.port)
}

/// A worker that outlived the server it belonged to is what remains of one, not the whole: its session's leader has ended,
/// or its parent, which runs the same program, has merely stopped listening.
fn is_whole_server(case: &Case<'_>, process: &Process) -> bool {
    let leader = process.session == 0 || process.session == process.id.pid || case.snapshot.process(process.session).is_some();
    let left = process.parent == 1 && !leader;
    // What was forked has its parent's words; what was started anew to work says so.
    let spawned = |text: &Text| contains(text.raw(), b"multiprocessing");
    let argv = process.argv.known().map(CommandLine::arguments).unwrap_or_default();
    let worker = case.snapshot.process(process.parent).is_some_and(|parent| {
        let alike = parent.exe == process.exe && parent.name == process.name;
        alike && (parent.argv == process.argv || argv.is_empty() || argv.iter().any(spawned))
    });
    program::is_one_shot(process) || !(left || worker)
}

fn fixes(case: &Case<'_>) -> Vec<Remedy> {
    let port = case.asked.port;
    let kept = edits::in_files(case, "nc -l", "nc -lk", "Let it go on listening");
    let by_hand = Remedy::change("Start it so that it goes on listening", shell!("nc -lk {}", port));
    let wait = offer::wait("Or wait until it listens again", port.to_string());
    kept.into_iter().chain([by_hand, wait]).collect()
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{MentionKind, Met, Snapshot, Socket, SocketState};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{connection, held, holding, listener, machine, process, world},
    };

    fn serving(argv: &[&str], parent: u32) -> Snapshot {
        let end = connection("127.0.0.1", 9000, "127.0.0.1", 50_000);
        let mut server = process(50, parent, argv, 60);
        // The session of a master that has ended, or of the shell.
        server.session = if parent == 1 { 49 } else { 40 };
        let processes = vec![server, process(40, 1, &["zsh"], 600)];
        world(vec![end], processes, vec![holding(0, 50, 5)])
    }

    fn ended() -> Snapshot {
        let mut snapshot = machine();
        let end = connection("127.0.0.1", 9000, "127.0.0.1", 50_000);
        snapshot.sockets.push(Socket { state: SocketState::TimeWait, inode: 0, ..end });
        snapshot
    }

    pub(crate) fn cases() -> Cases {
        let scene = |snapshot| Scene::on(snapshot, "127.0.0.1:9000").tried(Met::Failed(111));
        let mut two = serving(&["node", "shop.js"], 40);
        two.sockets.push(connection("127.0.0.1", 9000, "127.0.0.1", 50_001));
        Cases {
            fires: vec![
                scene(serving(&["nc", "-l", "9000"], 40)),
                scene(serving(&["python3", "once.py"], 40)),
                scene(ended()).mention(MentionKind::Script, "/home/ana/shop/Makefile", 3, "nc -l 9000", 9000),
            ],
            silent: vec![
                scene(ended()),
                scene(two),
                // A worker that outlived its parent.
                scene(serving(&["sshd"], 1)),
                // A debugger is attached.
                scene(serving(&["java", "-agentlib:jdwp=transport=dt_socket,server=y,address=9000"], 40)),
                Scene::on(held(listener("127.0.0.1", 9000)), "127.0.0.1:9000"),
                scene(ended()).mention(MentionKind::Script, "/home/ana/shop/Makefile", 3, "nc -lk 9000", 9000),
            ],
        }
    }
}
