//! What has to do with a port although it does not listen there: processes that were told to, files that name it,
//! listeners of the same project.

use portward_model::{CommandLine, Mention, MentionKind, Own, Process, Socket, SocketState, Text, Told, Transport};

use super::Case;
use crate::{
    bind::words,
    program::{self, Kind, Program},
};

/// Every TCP listener of the reader's namespace, whatever its port.
pub(crate) fn tcp_listeners<'a>(case: &Case<'a>) -> impl Iterator<Item = (usize, &'a Socket)> {
    let all = case.snapshot.sockets.iter().enumerate();
    let own = |socket: &Socket| case.is_own(socket) && socket.transport == Transport::Tcp && socket.state == SocketState::Listen;
    all.filter(move |(_, socket)| own(socket)).collect::<Vec<_>>().into_iter()
}

/// The TCP ports that a process listens on in the reader's namespace, ascending.
pub(crate) fn ports_of(case: &Case<'_>, pid: u32) -> Vec<u16> {
    let held = |index: usize| case.snapshot.holders(index).iter().any(|holding| holding.pid == pid);
    let mut ports: Vec<u16> =
        tcp_listeners(case).filter(|(index, _)| held(*index)).filter_map(|(_, socket)| socket.port()).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// Lines of files that name the asked port.
pub(crate) fn mentions<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a Mention> {
    let port = case.asked.port;
    case.exam.mentions.iter().filter(move |mention| mention.port == port && mention.kind != MentionKind::Upstream)
}

/// Settings of the reader's and the servers' projects that name a server behind, on a port other than the asked one.
pub(crate) fn upstreams<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a Mention> {
    let port = case.asked.port;
    case.exam.mentions.iter().filter(move |mention| mention.port != port && mention.kind == MentionKind::Upstream)
}

/// The line of a file of a process's own project that names the asked port.
pub(crate) fn mentioned_beside<'a>(case: &Case<'a>, process: &Process) -> Option<&'a Mention> {
    let project = project(case, process)?;
    mentions(case).find(|mention| is_inside(&mention.file, &project))
}

/// The folder of the project that a process works for; `None` where its folder is hidden, or is no project's.
pub(crate) fn project(case: &Case<'_>, process: &Process) -> Option<Text> {
    let cwd = process.cwd.known()?;
    let known = case.snapshot.projects.iter().find(|(folder, _)| folder == cwd).map(|(_, project)| project.root.clone());
    known.or_else(|| (!matches!(cwd.raw(), b"/" | b"/root" | b"/tmp")).then(|| cwd.clone()))
}

/// The folder of the reader's own project.
pub(crate) fn readers_project(case: &Case<'_>) -> Option<Text> {
    project(case, case.snapshot.process(case.snapshot.host.pid)?)
}

fn is_inside(file: &Text, folder: &Text) -> bool {
    file.raw().strip_prefix(folder.raw()).is_some_and(|rest| rest.starts_with(b"/"))
}

/// True for the reader itself and the programs that it was started by.
pub(crate) fn is_reader(case: &Case<'_>, process: &Process) -> bool {
    let Some(reader) = case.snapshot.process(case.snapshot.host.pid) else {
        return process.id.pid == case.snapshot.host.pid;
    };
    reader.id == process.id || words::ancestors(case.snapshot, reader).iter().any(|above| above.id == process.id)
}

/// True when the arguments of a process tell it to serve this port: an option or address that is this number, and not
/// the address of another's service.
pub(crate) fn is_told_to_serve(process: &Process, port: u16) -> bool {
    let argv = process.argv.known().map(CommandLine::arguments).unwrap_or_default();
    let goes_there = |known: &Program| known.kind == Kind::Client;
    // To tools that count or wait a number is an amount.
    let counts = process.name.plain().is_some_and(|name| AMOUNTS.split(' ').any(|tool| tool == name));
    if counts || Own::of(process).is_some() || program::find(process, goes_there).is_some() {
        return false;
    }
    let mut before: &[u8] = b"";
    argv.iter().skip(1).any(|argument| {
        let raw = argument.raw();
        let told = names_port(raw, port) && is_place_to_listen(before, raw);
        before = raw;
        told
    })
}

/// Where a process was told to serve the asked port beside its arguments: in its environment, or in its script.
pub(crate) fn told_elsewhere<'a>(case: &Case<'a>, process: &Process) -> Option<&'a Told> {
    case.exam.told.iter().find(|told| told.pid == process.id.pid && !is_reader(case, process))
}

/// True when something says that a process is to serve the asked port: its arguments, its environment, its script, or a file
/// of its project.
pub(crate) fn is_meant_to_serve(case: &Case<'_>, process: &Process) -> bool {
    is_told_to_serve(process, case.asked.port)
        || told_elsewhere(case, process).is_some()
        || mentioned_beside(case, process).is_some()
}

/// The processes that hold the listeners; where those are hidden, the programs of their user that were told the port, or the one
/// server that this user runs: arguments are not hidden.
pub(crate) fn likely_holders<'a>(case: &Case<'a>) -> Vec<&'a Process> {
    let mut found: Vec<&Process> = Vec::new();
    for (index, socket) in case.served() {
        let holders = case.holders(index);
        let likely = if holders.is_empty() { may_hold(case, socket) } else { holders };
        found.extend(likely.into_iter().filter(|process| !found.iter().any(|known| known.id == process.id)).collect::<Vec<_>>());
    }
    found
}

/// The processes that may hold a listener whose owner is hidden.
pub(crate) fn may_hold<'a>(case: &Case<'a>, socket: &Socket) -> Vec<&'a Process> {
    // A path is in no arguments that would prove anything.
    if case.asked.port == 0 {
        return Vec::new();
    }
    let own = |process: &&Process| {
        process.uid == socket.uid && process.state != portward_model::ProcessState::Exited && !is_reader(case, process)
    };
    let told = |process: &&Process| is_told_to_serve(process, case.asked.port);
    let found: Vec<&Process> = case.processes().filter(own).filter(told).collect();
    if !found.is_empty() || socket.uid == 0 {
        return found;
    }
    // A user of its own is what a service runs as.
    let serves = |process: &&Process| program::find(process, |known| matches!(known.kind, Kind::Server | Kind::Master)).is_some();
    let mut found: Vec<&Process> = case.processes().filter(own).filter(serves).collect();
    found.dedup_by(|one, other| one.name == other.name);
    if found.len() == 1 { found } else { Vec::new() }
}

/// Not a URL, not a forward, and in a whole script only one that speaks of serving.
fn is_place_to_listen(before: &[u8], argument: &[u8]) -> bool {
    const ELSEWHERE: &[&[u8]] =
        &[b"upstream", b"backend", b"target", b"proxy", b"connect", b"remote", b"forward", b"-L", b"-R", b"jdwp", b"inspect"];
    // Only an option that waits for its value says what the next argument is.
    let option: &[u8] = if before.starts_with(b"-") && !before.contains(&b'=') { before } else { b"" };
    if contains(argument, b"://") || ELSEWHERE.iter().any(|word| contains(argument, word) || contains(option, word)) {
        return false;
    }
    if argument.contains(&b' ') || argument.contains(&b'\n') {
        return [&b"bind"[..], b"listen", b"serve", b"--port", b"PORT="].iter().any(|word| contains(argument, word));
    }
    true
}

/// True for an interpreter that was given a script: what servers in development are.
pub(crate) fn is_script(process: &Process) -> bool {
    let has_script = process.argv.known().is_some_and(|argv| argv.arguments().len() > 1);
    has_script && program::find(process, |known| known.kind == Kind::Runtime).is_some()
}

/// True when a process holds a connection to the asked port, or tries to make one: it is a client of it.
pub(crate) fn is_client(case: &Case<'_>, pid: u32) -> bool {
    let sockets = case.snapshot.sockets.iter().enumerate();
    let dials = |socket: &Socket| socket.remote().is_some_and(|(_, port)| port == case.asked.port) && case.is_own(socket);
    sockets
        .filter(|(_, socket)| dials(socket))
        .any(|(index, _)| case.snapshot.holders(index).iter().any(|holding| holding.pid == pid))
}

/// Tools whose numbers are seconds, bytes, lines or processes.
const AMOUNTS: &str = "sleep usleep timeout head tail seq dd test watch ping kill wait truncate fallocate split cut fold shuf yes stress stress-ng \
     nice renice ionice taskset chrt prlimit ulimit sed awk gawk grep sort od xxd pv openssl journalctl less more vi vim";

pub(crate) fn contains(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len().max(1)).any(|window| window == needle)
}

/// True when the number stands in the text with no digit beside it.
pub(crate) fn names_port(text: &[u8], port: u16) -> bool {
    let digits = port.to_string();
    let digits = digits.as_bytes();
    let at = |index: usize| text.get(index).copied();
    text.windows(digits.len()).enumerate().any(|(start, window)| {
        let before = start.checked_sub(1).and_then(at).is_some_and(|byte| byte.is_ascii_digit());
        let after = at(start + digits.len()).is_some_and(|byte| byte.is_ascii_digit());
        window == digits && !before && !after
    })
}

#[cfg(test)]
mod tests {
    use super::is_told_to_serve;
    use crate::fixture::process;

    #[test]
    fn arguments_that_name_a_place_to_listen_are_told_from_others() {
        let told = |argv: &[&str]| is_told_to_serve(&process(7, 1, argv, 10), 3000);
        for argv in [
            &["python3", "-m", "http.server", "3000"][..],
            &["node", "server.js", "--port=3000"],
            &["uvicorn", "app:app", "--bind", "0.0.0.0:3000"],
            &["java", "-Dserver.port=3000", "-jar", "shop.jar"],
            &["python3", "-c", "import time; s.bind(('127.0.0.1', 3000))"],
            &["actor", "http", "port=3000"],
            &["java", "-agentlib:jdwp=transport=dt_socket,server=y,address=5005", "-Dserver.port=3000"],
        ] {
            assert!(told(argv), "{argv:?}");
        }
        for argv in [
            &["curl", "-s", "127.0.0.1:3000"][..],
            &["node", "client.js", "http://127.0.0.1:3000"],
            &["python3", "-m", "http.server", "13000"],
            &["node", "gateway.js", "--backend", "127.0.0.1:3000"],
            &["ssh", "-L", "3000:localhost:80", "box"],
            &["sleep", "3000"],
            &["timeout", "3000", "make"],
            &["portward", "session-supervisor", "7", "8", "-", "vite", "--port", "3000"],
            &["portward", "run", "vite", "--port=3000"],
            &["python3", "-c", "s.connect(('127.0.0.1', 3000)); print(1)"],
        ] {
            assert!(!told(argv), "{argv:?}");
        }
    }
}
