//! Watching an endpoint that may be starting or crashing.

use std::time::{Duration, Instant};

use portward_model::{PortRange, Process, Sample, Seen, Socket, SocketState};
use portward_sys::{Ask, Depth, Host, PortFilter, StateSet, Transports};

use super::Inquiry;
use crate::Cx;

/// Watches for up to four seconds where some process has only just started and may be the one that will serve the
/// port. Ends early when the story is told: a listener that stays, or one that has gone again.
pub(super) fn starting(cx: &Cx<'_>, inquiry: &mut Inquiry) {
    if candidates(inquiry).is_empty() {
        return;
    }
    let began = Instant::now();
    let mut told = false;
    loop {
        let elapsed = began.elapsed();
        let sample = sample(cx.host, inquiry, elapsed);
        inquiry.exam.samples.push(sample);
        if elapsed >= LONGEST || is_told(&inquiry.exam.samples) {
            break;
        }
        if !told && elapsed > Duration::from_millis(600) {
            let who = candidates(inquiry).first().map(Process::title).unwrap_or_default();
            cx.prompt.progress(&format!("watching {} for up to 4 s: {who} has only just started", inquiry.asked.text));
            told = true;
        }
        // A listener that closes ends the pause; one that opens wakes nobody.
        let _ = cx.host.wait_for_change(&[], PAUSE);
    }
}

/// Processes that are seconds old, hold no listener and are not the asker's own.
fn candidates(inquiry: &Inquiry) -> Vec<Process> {
    let snapshot = &inquiry.view.snapshot;
    let mut own: Vec<u32> = vec![snapshot.host.pid];
    while let Some(parent) = own.last().and_then(|pid| snapshot.process(*pid)).map(|process| process.parent) {
        if parent == 0 || own.contains(&parent) {
            break;
        }
        own.push(parent);
    }
    let serves = |pid: u32| {
        snapshot.holdings.iter().filter(|holding| holding.pid == pid).any(|holding| {
            let at = usize::try_from(holding.socket).unwrap_or(usize::MAX);
            snapshot.sockets.get(at).is_some_and(|socket| socket.state == SocketState::Listen && !socket.transport.is_unix())
        })
    };
    let young = |process: &&Process| process.started_at.seconds_until(snapshot.host.now) < YOUNG_S;
    let concerned = |process: &&Process| {
        let argv = process.argv.known().map(portward_model::CommandLine::arguments).unwrap_or_default();
        let port = inquiry.asked.port.to_string();
        let names_port = argv
            .iter()
            .any(|argument| argument.raw().split(|byte| !byte.is_ascii_digit()).any(|digits| digits == port.as_bytes()));
        let in_place = match &process.cwd {
            Seen::Known(cwd) => inquiry.exam.mentions.iter().any(|mention| {
                let folder = mention.file.raw().rsplitn(2, |byte| *byte == b'/').nth(1).unwrap_or_default();
                folder.len() > 1 && cwd.raw().starts_with(folder)
            }),
            _ => false,
        };
        names_port || in_place || is_program(process)
    };
    let found = snapshot.processes.iter().filter(|process| !own.contains(&process.id.pid) && !serves(process.id.pid));
    found.filter(young).filter(concerned).take(8).cloned().collect()
}

/// An interpreter with a script: what development servers are.
fn is_program(process: &Process) -> bool {
    let name = process.name.raw();
    let known: &[&[u8]] =
        &[b"node", b"python", b"java", b"ruby", b"php", b"deno", b"bun", b"dotnet", b"beam", b"go", b"MainThread"];
    let has_script = process.argv.known().is_some_and(|argv| argv.arguments().len() > 1);
    known.iter().any(|known| name.starts_with(known)) && has_script
}

fn sample(host: &dyn Host, inquiry: &Inquiry, elapsed: Duration) -> Sample {
    let port = inquiry.asked.port;
    let own: Vec<_> = inquiry.view.snapshot.namespaces.iter().filter(|namespace| namespace.own).cloned().collect();
    let ask = Ask {
        transports: Transports { tcp: true, udp: false, unix: false },
        states: StateSet::Listening,
        ports: Some(PortFilter::Local(PortRange { first: port, last: port })),
        traffic: false,
    };
    let mut sockets: Vec<Socket> = Vec::new();
    let _ = host.sockets(&ask, &own, &mut |socket| sockets.push(socket));
    let holders = if sockets.is_empty() {
        Vec::new()
    } else {
        host.holders(&sockets, Depth::Processes).map(|held| held.holdings).unwrap_or_default()
    };
    let mut listeners: Vec<u32> = holders.iter().map(|holding| holding.pid).collect();
    listeners.sort_unstable();
    listeners.dedup();
    let children = children(host, inquiry);
    Sample { at_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX), listening: !sockets.is_empty(), listeners, children }
}

/// The children that the parents of the young processes have now.
fn children(host: &dyn Host, inquiry: &Inquiry) -> Vec<(u32, u32)> {
    let snapshot = &inquiry.view.snapshot;
    let mut parents: Vec<u32> = candidates(inquiry).iter().map(|process| process.parent).filter(|parent| *parent > 1).collect();
    parents.extend(candidates(inquiry).iter().map(|process| process.id.pid));
    parents.sort_unstable();
    parents.dedup();
    let mut found = Vec::new();
    for parent in parents.into_iter().take(8) {
        let pids = host.descendants(parent).unwrap_or_default();
        found.extend(pids.into_iter().filter(|pid| *pid != snapshot.host.pid).take(32).map(|child| (parent, child)));
    }
    found
}

/// True when a listener appeared and has stayed for a second, or came and went twice.
fn is_told(samples: &[Sample]) -> bool {
    let last = samples.last();
    let since = samples.iter().rev().take_while(|sample| sample.listening).last().map(|sample| sample.at_ms);
    let stays = last.zip(since).is_some_and(|(last, since)| last.at_ms - since >= 1000);
    let ends = samples.windows(2).filter(|pair| matches!(pair, [a, b] if a.listening && !b.listening)).count();
    stays || ends >= 2
}

/// How long a watch takes at most.
const LONGEST: Duration = Duration::from_secs(4);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(60);
/// A process older than this has long bound what it will bind.
const YOUNG_S: u64 = 15;
