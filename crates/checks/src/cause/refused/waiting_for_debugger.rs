cause! {
    "waiting-for-debugger": "the program waits for a debugger before it does anything",
    Process, Endpoint(run) if Case::is_deserted,
    what: "`suspend=y`, `--inspect-brk`, `--wait-for-client` and debug servers hold a program before its first line until a
debugger attaches. Its debug port listens; the port that it would serve does not.",
    evidence: "The arguments say that it waits, its debug port listens, and the asked port, which it was told or which its project
names, does not.",
    fix: "Attach the debugger, or start the program without the waiting option.",
}

use portward_model::shell;

use crate::{case::debuggee::Debuggee, case::kin::contains, cause::prelude::*};

fn run(case: &Case<'_>) -> Ruling {
    let all = case.processes().filter(|process| !kin::is_reader(case, process));
    let waiting = all.filter_map(|process| {
        let found = debuggee(process).filter(|found| found.waits && found.listens)?;
        let port = debug_port(case, process, &found)?;
        // One that was told another port waits for nobody here.
        (concerns(case, process) || !is_told_another(process, &found)).then_some((process, found, port))
    });
    let Some((process, found, port)) = waiting.min_by_key(|(process, _, _)| !concerns(case, process)) else {
        return Ruling::Silent;
    };
    // Once a debugger is there, it is the one who decides.
    let attached = case.snapshot.sockets.iter().any(|socket| {
        let there = socket.transport == Transport::Tcp && socket.port() == Some(port);
        there && case.is_own(socket) && socket.state == SocketState::Established
    });
    let likelihood = if (concerns(case, process) || is_silent_otherwise(case, process, &found)) && !attached {
        Likelihood::Likely
    } else {
        Likelihood::Possible
    };
    let pid = process.id.pid;
    let mut evidence = vec![
        Evidence::new(format!("/proc/{pid}/cmdline"), format!("{} says {}", words::named(process), found.argument)),
        Evidence::new("sock_diag", format!("its debug port {port} listens, and port {} does not", case.asked.port)),
    ];
    evidence.extend(kin::mentioned_beside(case, process).map(words::mentioned));
    evidence.extend(case.exam.attempts.iter().take(1).map(words::tried));
    let title = "Attach the debugger and let the program go on";
    let by = |command: ShellLine| Remedy::change(title, command);
    let attach = match found.protocol {
        "JDWP" => by(shell!("jdb -attach {}", port)),
        "inspector" => by(shell!("node inspect 127.0.0.1:{}", port)),
        "gdbserver" => by(shell!("gdb -ex 'target remote :{}'", port)),
        "delve" => by(shell!("dlv connect 127.0.0.1:{}", port)),
        "rdbg" => by(shell!("rdbg --attach {}", port)),
        _ => Remedy::advice(title, format!("attach the debugger to port {port}"), Effect::Change),
    };
    let without = match found.protocol {
        "JDWP" => "write suspend=n in its -agentlib:jdwp option",
        "inspector" => "write --inspect instead",
        "delve" => "add --continue --accept-multiclient",
        "rdbg" => "add --nonstop",
        _ => "leave the option out",
    };
    let fixes = vec![attach, Remedy::advice("Or start it without waiting", without, Effect::Change)];
    let summary =
        format!("{} waits for a debugger on port {port} before it listens on port {}.", words::named(process), case.asked.port);
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// True for the asker's own program that was told no other port and that shows nothing but its debug port, where the asked
/// port is one that servers have: a program that waits before its first line is what such a port waits for.
fn is_silent_otherwise(case: &Case<'_>, process: &Process, found: &Debuggee) -> bool {
    let told_a_port = is_told_another(process, found);
    let ephemeral = case.snapshot.rules.as_ref().is_some_and(|rules| rules.is_ephemeral(case.asked.port));
    let alone = kin::ports_of(case, process.id.pid).len() <= 1;
    !told_a_port && !ephemeral && alone && process.uid == case.snapshot.host.uid
}

/// True where the arguments name a number that may be another port than that of the debugger.
fn is_told_another(process: &Process, found: &Debuggee) -> bool {
    let argv = process.argv.known().map(CommandLine::arguments).unwrap_or_default();
    argv.iter().skip(1).filter(|argument| **argument != found.argument).any(|argument| {
        let digits = argument.raw().split(|byte| !byte.is_ascii_digit()).filter(|part| part.len() >= 4);
        digits.filter_map(|part| std::str::from_utf8(part).ok()?.parse::<u16>().ok()).any(|port| Some(port) != found.port)
    })
}

/// True for the process that a debugger starts beside the program to talk for it (debugpy's adapter).
fn is_adapter(holder: &Process, found: &Debuggee) -> bool {
    let argv = holder.argv.known().map(CommandLine::arguments).unwrap_or_default();
    argv.iter().any(|argument| contains(argument.raw(), found.protocol.as_bytes()))
}

/// The debug port of a process, where it listens; of one whose sockets are hidden, by number.
fn debug_port(case: &Case<'_>, process: &Process, found: &Debuggee) -> Option<u16> {
    let own = kin::ports_of(case, process.id.pid);
    let port = match found.port {
        Some(port) if own.contains(&port) => port,
        Some(port) if own.is_empty() => {
            let hidden = |(index, socket): (usize, &Socket)| {
                let adapter = || case.holder(index).is_some_and(|holder| is_adapter(holder, found));
                socket.port() == Some(port) && (case.snapshot.holders(index).is_empty() || adapter())
            };
            kin::tcp_listeners(case).any(hidden).then_some(port)?
        }
        Some(_) => return None,
        None => *own.first()?,
    };
    (port != case.asked.port).then_some(port)
}

/// True when the process has to do with the asked port.
fn concerns(case: &Case<'_>, process: &Process) -> bool {
    let told = kin::is_told_to_serve(process, case.asked.port) || kin::mentioned_beside(case, process).is_some();
    let readers = kin::readers_project(case);
    let another = debuggee(process).is_some_and(|found| is_told_another(process, &found));
    told || (readers.is_some() && kin::project(case, process) == readers && !another)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{MentionKind, Met, Snapshot};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{holding, listener, process, world},
    };

    fn debugged(argv: &[&str], port: u16) -> Snapshot {
        world(
            vec![listener("127.0.0.1", port)],
            vec![process(300, 200, argv, 900), process(200, 1, &["zsh"], 9000)],
            vec![holding(0, 300, 5)],
        )
    }

    pub(crate) fn cases() -> Cases {
        let on = |snapshot: Snapshot| Scene::on(snapshot, "127.0.0.1:8080").tried(Met::Failed(111));
        let suspended = "-agentlib:jdwp=transport=dt_socket,server=y,suspend=y,address=5005";
        let running = "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=5005";
        let told = "-Dserver.port=8080";
        let beside = |holder: &[&str]| {
            let waits =
                ["python3", "-m", "debugpy", "--listen", "127.0.0.1:5678", "--wait-for-client", "app.py", "--port", "8080"];
            let processes = vec![process(200, 1, &waits, 30), process(201, 1, holder, 30)];
            world(vec![listener("127.0.0.1", 5678)], processes, vec![holding(0, 201, 3)])
        };
        let mut same_project = on(debugged(&["node", "--inspect-brk", "server.js"], 9229));
        same_project.snapshot.host.pid = 200;
        Cases {
            fires: vec![
                on(debugged(&["java", suspended, told, "-jar", "shop.jar"], 5005)),
                on(debugged(&["node", "--inspect-brk", "app.js"], 9229)).mention(
                    MentionKind::Environment,
                    "/home/ana/shop/.env",
                    1,
                    "PORT=8080",
                    8080,
                ),
                same_project,
                on(beside(&["python3", "/lib/debugpy/adapter", "--for-server", "60027"])),
                on(debugged(&["java", suspended, "-jar", "app.jar"], 5005)),
            ],
            silent: vec![
                on(beside(&["python3", "-m", "http.server", "5678"])),
                on(debugged(&["java", running, told, "-jar", "shop.jar"], 5005)),
                Scene::on(debugged(&["node", "--inspect-brk", "app.js"], 9229), "127.0.0.1:9229"),
                on(debugged(&["java", suspended, told, "-jar", "shop.jar"], 6006)),
                Scene::on(debugged(&["java", suspended, told], 8080), "127.0.0.1:8080").tried(Met::Connected),
            ],
        }
    }
}
