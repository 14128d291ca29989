//! The words that the causes share: endpoints, holders, ages, evidence and fixes.

use std::net::{IpAddr, SocketAddr};

use portward_model::{
    Container, Evidence, Finding, Likelihood, Moment, Own, Process, Remedy, Seen, Snapshot, Socket, Supervisor, SupervisorKind,
    Text, Transport, Via, shell,
};

use super::{
    View,
    conflict::{Conflict, Kind},
};
use crate::offer;
use crate::{container_of_cgroup, docker_proxy, is_delegated, supervisor, via};

/// The conflicts of one kind; `None` when there is none.
pub(crate) fn of_kind<'v, 'a>(view: &'v View<'a>, kind: Kind) -> Option<(&'v Conflict<'a>, Vec<&'v Conflict<'a>>)> {
    let all: Vec<&Conflict<'a>> = view.conflicts.iter().filter(|conflict| conflict.kind == kind).collect();
    let first = all.iter().min_by_key(|conflict| conflict.likelihood).copied()?;
    Some((first, all))
}

/// A cause from the conflicts of one kind, with one piece of evidence for each of the first few.
pub(crate) fn cause(view: &View<'_>, code: &str, all: &[&Conflict<'_>], words: String, fixes: Vec<Remedy>) -> Finding {
    let likelihood = all.iter().map(|conflict| conflict.likelihood).min().unwrap_or(Likelihood::Possible);
    let mut evidence: Vec<Evidence> = all.iter().take(SHOWN).map(|conflict| seen(view.snapshot, conflict)).collect();
    if all.len() > SHOWN {
        evidence.push(Evidence::new("sock_diag", format!("{} more sockets like these", all.len() - SHOWN)));
    }
    Finding::new(code, likelihood, words, evidence, fixes)
}

/// Sockets of one kind that are shown as evidence.
const SHOWN: usize = 4;

fn seen(snapshot: &Snapshot, conflict: &Conflict<'_>) -> Evidence {
    let socket = conflict.socket;
    let state = socket.state.name().to_uppercase();
    let peer = socket.remote().map(|(remote, port)| format!(" to {}", address(remote, port))).unwrap_or_default();
    let held = match holder(snapshot, conflict.index) {
        Some(process) => format!("held by {}", described(snapshot, process)),
        None if socket.inode == 0 => "held by the kernel alone".to_owned(),
        None => format!("of user {}, holder not seen", user(snapshot, socket.uid)),
    };
    Evidence::new("sock_diag", format!("{} {state}{peer}, {held}", endpoint(snapshot, socket)))
}

/// The process to name for a socket: the one that opened it, or the first holder that is known.
pub(crate) fn holder(snapshot: &Snapshot, index: usize) -> Option<&Process> {
    let told = via(snapshot, index);
    let opener = told.iter().find(|(_, via)| *via == Seen::Known(Via::Opened)).map(|(holding, _)| holding.pid);
    opener.or_else(|| told.first().map(|(holding, _)| holding.pid)).and_then(|pid| snapshot.process(pid))
}

/// `vite (pid 4121), started 3 h ago in /home/ana/shop`
pub(crate) fn described(snapshot: &Snapshot, process: &Process) -> String {
    let place = process.cwd.known().map(|cwd| format!(" in {cwd}")).unwrap_or_default();
    let age = age(process.started_at, snapshot.host.now);
    format!("{} (pid {}), started {age} ago{place}", process.title(), process.id.pid)
}

/// `vite (pid 4121)`, or the user when the holder is not known.
pub(crate) fn named(snapshot: &Snapshot, conflict: &Conflict<'_>) -> String {
    match holder(snapshot, conflict.index) {
        Some(process) => described(snapshot, process),
        None => format!("a process of user {} that could not be seen", user(snapshot, conflict.socket.uid)),
    }
}

/// A user's name, or the number where it has none.
pub(crate) fn user(snapshot: &Snapshot, uid: u32) -> String {
    snapshot.users.get(&uid).map_or_else(|| uid.to_string(), Text::shown)
}

/// The time from one moment to another in the largest unit that fits: `41 s`, `9 min`, `3 h`, `12 d`.
pub(crate) fn age(from: Moment, now: Moment) -> String {
    // A snapshot may come from a file, with any number in it.
    let seconds = now.0.saturating_sub(from.0).max(0) / 1000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// `127.0.0.1:5173`
pub(crate) fn address(address: IpAddr, port: u16) -> String {
    SocketAddr::new(address, port).to_string()
}

/// A socket's own endpoint with its zone or device: `[::1]:5173 on eth0`.
pub(crate) fn endpoint(snapshot: &Snapshot, socket: &Socket) -> String {
    let (Some(own), Some(port)) = (socket.address(), socket.port()) else {
        return socket.path().map_or_else(|| "a socket without name".to_owned(), Text::shown);
    };
    let plain = address(own, port);
    match (socket.interface, snapshot.interface(socket.interface)) {
        (0, _) => plain,
        (_, Some(interface)) => format!("{plain} on {}", interface.name),
        (index, None) => format!("{plain} on interface {index}"),
    }
}

/// `Port 5173` or `UDP port 53`, for the beginning of a summary.
pub(crate) fn port(view: &View<'_>) -> String {
    match view.question.transport {
        Transport::Udp => format!("UDP port {}", view.question.port),
        Transport::Tcp | Transport::Unix | Transport::UnixDatagram | Transport::UnixPacket => {
            format!("Port {}", view.question.port)
        }
    }
}

/// The port as `portward` takes it: `5173` or `udp/53`.
pub(crate) fn target(view: &View<'_>) -> String {
    match view.question.transport {
        Transport::Udp => format!("udp/{}", view.question.port),
        Transport::Tcp | Transport::Unix | Transport::UnixDatagram | Transport::UnixPacket => view.question.port.to_string(),
    }
}

/// The ways out of a port that a process holds: what stops it for good, freeing it, another port.
pub(crate) fn holder_fixes(view: &View<'_>, conflict: &Conflict<'_>) -> Vec<Remedy> {
    let snapshot = view.snapshot;
    let mut fixes = Vec::new();
    if let Some(process) = holder(snapshot, conflict.index) {
        let proxy = docker_proxy(process, snapshot.host.uid);
        let container = container_of(snapshot, process);
        if let Some(found) = supervisor_of(snapshot, process) {
            if let Some(stop) = found.stop {
                let again = if found.restarts { ", which would start it again" } else { "" };
                let title = match (found.kind, Own::of(process)) {
                    (SupervisorKind::Session, Some(Own::Front)) => "Give the front back".to_owned(),
                    (SupervisorKind::Session, Some(Own::Forward)) => "End the forward".to_owned(),
                    (SupervisorKind::Session, _) => "Stop it with its session".to_owned(),
                    _ => format!("Stop it through {}{again}", found.name),
                };
                fixes.push(Remedy::end(title, stop));
            } else if found.kind == SupervisorKind::Orphan {
                fixes.push(offer::explain("Look at it: what started it has ended", target(view)));
            }
        }
        if let Some(proxy) = proxy.filter(|_| container.is_none()) {
            fixes.push(Remedy::look(
                format!("Find the container that publishes it: port {} of {}", proxy.container_port, proxy.container_address),
                shell!("docker ps --filter publish={}", view.question.port),
            ));
        }
    }
    let sudo = if conflict.socket.uid == snapshot.host.uid || snapshot.host.privileged { "" } else { "sudo " };
    fixes.push(offer::free("Stop what holds it", target(view)).behind(sudo));
    fixes.push(another_port(view));
    fixes
}

/// What keeps a process running.
pub(crate) fn supervisor_of(snapshot: &Snapshot, process: &Process) -> Option<Supervisor> {
    supervisor(process, &ancestors(snapshot, process), container_of(snapshot, process))
}

/// The container that a process serves as a proxy, or runs in.
pub(crate) fn container_of<'a>(snapshot: &'a Snapshot, process: &Process) -> Option<&'a Container> {
    match docker_proxy(process, snapshot.host.uid) {
        Some(proxy) => snapshot.containers.iter().find(|known| known.addresses.contains(&proxy.container_address)),
        None => inside(snapshot, process),
    }
}

/// The container that a process runs in, by its control group.
fn inside<'a>(snapshot: &'a Snapshot, process: &Process) -> Option<&'a Container> {
    let group = process.cgroup.known().filter(|group| !is_delegated(group, snapshot.host.uid))?;
    let (_, id) = container_of_cgroup(group)?;
    snapshot.containers.iter().find(|known| !known.id.is_empty() && (id.starts_with(&known.id) || known.id.starts_with(&id)))
}

/// The next port that can be bound.
pub(crate) fn another_port(view: &View<'_>) -> Remedy {
    let from = view.question.port.checked_add(1).unwrap_or(1024).max(1024);
    offer::next("Use another port", from)
}

/// The next port that no outgoing connection is given.
pub(crate) fn port_outside_range(view: &View<'_>) -> Remedy {
    let ephemeral = view.snapshot.rules.as_ref().map(|rules| rules.ephemeral);
    let from = match ephemeral {
        Some(range) if range.first <= QUIET => range.last.checked_add(1).unwrap_or(1024),
        Some(_) | None => QUIET,
    };
    offer::next("Use a port that no outgoing connection is given", from)
}

/// Where development servers are at home, below the usual ephemeral range.
const QUIET: u16 = 8000;

/// Waiting until the port can be bound.
pub(crate) fn wait(view: &View<'_>) -> Remedy {
    offer::wait_free("Wait until it can be bound", target(view))
}

/// The chain of parents that the snapshot holds, nearest first.
pub(crate) fn ancestors<'a>(snapshot: &'a Snapshot, process: &Process) -> Vec<&'a Process> {
    let mut out: Vec<&Process> = Vec::new();
    let mut parent = process.parent;
    while let Some(found) = snapshot.process(parent) {
        if out.len() > 64 || found.id == process.id {
            break;
        }
        out.push(found);
        parent = found.parent;
    }
    out
}

#[cfg(test)]
mod tests {
    use portward_model::Moment;

    use super::age;

    #[test]
    fn moments_out_of_any_range_are_survived() {
        assert_eq!(age(Moment(i64::MAX), Moment(i64::MIN)), "0 s");
        assert!(age(Moment(i64::MIN), Moment(i64::MAX)).ends_with(" d"));
    }

    #[test]
    fn ages_in_the_largest_unit_that_fits() {
        for (seconds, text) in [
            (-5, "0 s"),
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3599, "59 min"),
            (3 * 3600, "3 h"),
            (172_799, "47 h"),
            (172_800, "2 d"),
        ] {
            assert_eq!(age(Moment(0), Moment(seconds * 1000)), text);
        }
    }
}
