//! `portward doctor --all`: every listener, looked at and not touched.

use std::time::{Duration, Instant};

use portward_checks::doctor::{Asked, Asking, Case, Verdict, diagnose};
use portward_model::{Examination, Holding, Lack, Snapshot, Socket, SocketState, Transport, unmap};
use portward_sys::{StateSet, Transports};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Examined, Wrong, document::milliseconds};
use crate::{Context, Look, View, endpoint_words, holder_words};

/// Examines every TCP listener of this machine, or of one project, without connecting to any.
pub(super) fn examine(cx: &Context<'_>, project: Option<&str>, began: Instant) -> Examined {
    let transports = Transports { tcp: true, udp: false, unix: false };
    let look = Look { transports, states: StateSet::All, clients: false, all_interfaces: true, rules: true, ..Look::serving() };
    let mut view = look.take(cx.machine);
    let blind = view.snapshot.lacks(&Lack::Sockets);
    let listeners: Vec<usize> = listeners(&view, project);
    let pids: FxHashSet<u32> =
        listeners.iter().flat_map(|index| view.snapshot.holders(*index)).map(|holding| holding.pid).collect();
    let pids: Vec<u32> = pids.into_iter().collect();
    let busy = listeners.iter().any(|index| view.snapshot.sockets.get(*index).is_some_and(|socket| socket.queue.used > 0));
    // Only where connections wait does it matter what a server is busy with.
    let over = if busy { Duration::from_millis(120) } else { Duration::ZERO };
    let vitals = cx.machine.vitals(&pids, over).unwrap_or_else(|error| {
        view.gap(Lack::Vitals, &error);
        Vec::new()
    });
    let exam = Examination { vitals, network: cx.machine.network().ok(), ..Examination::default() };
    let by_port = by_port(&view.snapshot);
    let mut wrong: Vec<Wrong> = Vec::new();
    for index in &listeners {
        let Some(socket) = view.snapshot.sockets.get(*index) else { continue };
        let Some(asked) = asked(socket) else { continue };
        let part = part(&view.snapshot, by_port.get(&asked.port).map(Vec::as_slice).unwrap_or_default());
        let exam = Examination {
            vitals: exam.vitals.iter().filter(|vitals| part.process(vitals.pid).is_some()).cloned().collect(),
            network: exam.network.clone(),
            ..Examination::default()
        };
        let case = Case { snapshot: &part, exam: &exam, asked: &asked, paste: None, bind: None };
        let diagnosis = diagnose(&case);
        if diagnosis.verdict == Verdict::Fault {
            let known = wrong.iter().any(|other| other.causes.first() == diagnosis.causes.first());
            if !known {
                let owner = holder_words(&view, *index);
                wrong.push(Wrong { target: endpoint_words(socket), owner, causes: diagnosis.causes });
            }
        }
    }
    let examined = u32::try_from(listeners.len()).unwrap_or(u32::MAX);
    // Without these nobody can say that a listener is well.
    let needed = [Lack::Sockets, Lack::AllOwners, Lack::Processes, Lack::Vitals];
    let partly = needed.iter().any(|lack| view.snapshot.lacks(lack));
    let verdict = match (wrong.is_empty(), partly) {
        (false, _) => Verdict::Fault,
        (true, true) => Verdict::Unknown,
        (true, false) => Verdict::Healthy,
    };
    let summary = match (examined, wrong.len()) {
        _ if blind => "No listener could be examined: the sockets of this machine cannot be read.".to_owned(),
        (0, _) => "No TCP listener was found.".to_owned(),
        (all, 0) if partly => format!("{all} listeners were examined in part; nothing is wrong with what could be read."),
        (1, 0) => "1 listener was examined; nothing is wrong with it.".to_owned(),
        (all, 0) => format!("{all} listeners were examined; nothing is wrong with any."),
        (all, some) => format!("{some} of {all} listeners {} in trouble.", if some == 1 { "is" } else { "are" }),
    };
    let took_ms = milliseconds(cx.now().saturating_duration_since(began));
    let (summary, gaps) = (summary.into(), view.snapshot.gaps);
    Examined { verdict, summary, wrong, examined: Some(examined), took_ms, gaps, ..Examined::default() }
}

fn listeners(view: &View, project: Option<&str>) -> Vec<usize> {
    let all = view.snapshot.sockets.iter().enumerate();
    let listening = all.filter(|(_, socket)| socket.state == SocketState::Listen && socket.transport == Transport::Tcp);
    let wanted = |index: usize| {
        let Some(project) = project else { return true };
        let story = view.first_owner(index).and_then(|pid| view.story(pid));
        story.and_then(|story| story.project.as_ref()).is_some_and(|found| {
            found.name.raw() == project.as_bytes() || found.root.raw() == project.trim_end_matches('/').as_bytes()
        })
    };
    listening.map(|(index, _)| index).filter(|index| wanted(*index)).collect()
}

/// A listener as the endpoint that its client would dial.
fn asked(socket: &Socket) -> Option<Asked> {
    let (address, port) = (socket.address()?, socket.port()?);
    let dialled = match unmap(address) {
        std::net::IpAddr::V4(v4) if v4.is_unspecified() => std::net::Ipv4Addr::LOCALHOST.into(),
        std::net::IpAddr::V6(v6) if v6.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        other => other,
    };
    Some(Asked {
        asking: Asking::Connect,
        text: endpoint_words(socket),
        transport: socket.transport,
        name: None,
        addresses: vec![dialled],
        host_given: true,
        port,
        path: None,
        scheme: None,
        resource: None,
    })
}

/// Positions of sockets by each port that they have on either side.
fn by_port(snapshot: &Snapshot) -> FxHashMap<u16, Vec<usize>> {
    let mut ports: FxHashMap<u16, Vec<usize>> = FxHashMap::default();
    for (index, socket) in snapshot.sockets.iter().enumerate() {
        let local = socket.port();
        let remote = socket.remote().map(|(_, port)| port).filter(|port| Some(*port) != local);
        for port in local.into_iter().chain(remote) {
            ports.entry(port).or_default().push(index);
        }
    }
    ports
}

/// The part of a snapshot that has to do with these sockets: a diagnosis reads it many times over.
fn part(snapshot: &Snapshot, indices: &[usize]) -> Snapshot {
    let mut holdings: Vec<Holding> = Vec::new();
    let mut sockets = Vec::with_capacity(indices.len());
    let mut pids: FxHashSet<u32> = FxHashSet::default();
    for (at, index) in (0u32..).zip(indices) {
        sockets.extend(snapshot.sockets.get(*index).cloned());
        for holding in snapshot.holders(*index) {
            holdings.push(Holding { socket: at, ..*holding });
            let mut pid = holding.pid;
            while pids.insert(pid) {
                let Some(parent) = snapshot.process(pid).map(|process| process.parent) else { break };
                pid = parent;
            }
        }
    }
    let mut part = Snapshot {
        host: snapshot.host.clone(),
        namespaces: snapshot.namespaces.clone(),
        sockets,
        holdings,
        processes: pids.iter().filter_map(|pid| snapshot.process(*pid)).cloned().collect(),
        interfaces: snapshot.interfaces.clone(),
        rules: snapshot.rules.clone(),
        users: snapshot.users.clone(),
        projects: snapshot.projects.clone(),
        containers: snapshot.containers.clone(),
        cgroups: snapshot.cgroups.clone(),
        ..Snapshot::unread()
    };
    part.sort();
    part
}
