//! What became of each real port, and who holds those that are not lent.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use portward_keeper::{Services, alive, listening, run_above};
use portward_model::{Loan, PortRange, Socket, SocketState, Standing, Transport};
use portward_store::{FrontRow, ListenerRow, ProjectId, RunRow, Store};
use portward_sys::{PortFilter, StateSet, Transports};

use super::{FrontHolder, FrontPort, FrontProject, FrontState, Lent};
use crate::{Context, Failure, Look, View, holder_words, op::ps::serving};

/// The answer for a row of the store.
pub(super) fn of(cx: &Context<'_>, store: &Store<'_>, row: &FrontRow) -> Result<Lent, Failure> {
    let Some(id) = row.project else { return Ok(Lent { gaps: store.gaps(), ..Lent::default() }) };
    let front = project(store, Some(id))?;
    let services = Services::of(cx.machine, store, id)?;
    let forwarder = alive(cx.machine, row).map(|process| process.pid);
    // What a forwarder that is gone has told holds no more.
    let told = if forwarder.is_some() { row.ports.as_slice() } else { &[] };
    let told = told.iter().filter(|(_, standing)| *standing != Standing::Unserved);
    let held = || told.clone().filter(|(_, standing)| *standing == Standing::Held).map(|(loan, _)| loan.port);
    let view = look(cx, held());
    let runs = store.runs()?;
    let mut ports = Vec::new();
    for (loan, standing) in told.clone() {
        let mut port = blank(*loan, &services);
        match standing {
            Standing::Lent | Standing::Unserved => (port.lent, port.state) = (true, FrontState::Lent),
            Standing::Held => {
                port.state = FrontState::Held;
                hold(cx, store, &mut port, view.as_ref(), forwarder, &runs)?;
            }
            Standing::Denied => deny(cx, &mut port, front.as_ref()),
            Standing::Failed(errno) => {
                port.state = FrontState::Failed;
                port.because = Some(format!("the system refuses it: {}", std::io::Error::from_raw_os_error(*errno)));
            }
        }
        ports.push(port);
    }
    let serving = if services.listeners.is_empty() { BTreeSet::new() } else { serving(cx.machine) };
    for loan in services.leased.iter().filter(|loan| serving.contains(&(false, loan.target))) {
        let mut port = blank(*loan, &services);
        let owner = store.all()?.into_iter().find(|row| row.port == loan.port);
        let owner = owner.and_then(|row| row.project).map_or_else(|| "another project".to_owned(), |name| name.shown());
        port.state = FrontState::Leased;
        port.because = Some(format!("it is leased to {owner}"));
        ports.push(port);
    }
    let receives = |row: &&ListenerRow| row.transport == Transport::Udp && serving.contains(&(true, row.serves.port()));
    ports.extend(services.listeners.iter().filter(receives).filter_map(datagrams));
    ports.sort_by_key(|port| (port.port, port.transport));
    ports.dedup_by_key(|port| (port.port, port.transport));
    let gaps = view.iter().flat_map(|view| &view.snapshot.gaps).cloned().chain(store.gaps()).collect();
    Ok(Lent { front, forwarder, ports, gaps, ..Lent::default() })
}

/// The ports that were lent until now, and whether a server could have them.
pub(super) fn given_back(cx: &Context<'_>, before: &FrontRow) -> Vec<FrontPort> {
    let lent = before.ports.iter().filter(|(_, standing)| *standing == Standing::Lent);
    let each = lent.map(|(loan, _)| {
        let mut port = blank(*loan, &Services::default());
        let taken = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].into_iter().any(|address| {
            let answer = cx.machine.try_bind(Transport::Tcp, SocketAddr::new(address, loan.port), true);
            matches!(answer, Ok(Some((IN_USE, _))))
        });
        if taken {
            port.state = FrontState::Held;
            port.because = Some("another program has it by now".to_owned());
        }
        port
    });
    each.collect()
}

/// A project as the answer names it.
pub(super) fn project(store: &Store<'_>, id: Option<ProjectId>) -> Result<Option<FrontProject>, Failure> {
    let found = store.projects()?.into_iter().find(|project| Some(project.id) == id);
    Ok(found.map(|project| FrontProject {
        id: project.id.0.to_string(),
        project: Some(project.name).filter(|name| !name.is_empty()),
        root: project.root,
    }))
}

fn blank(loan: Loan, services: &Services) -> FrontPort {
    let tcp = |listener: &&ListenerRow| listener.transport == Transport::Tcp && listener.serves.port() == loan.target;
    let listener = services.listeners.iter().rev().find(tcp);
    FrontPort {
        port: loan.port,
        transport: Transport::Tcp,
        lent: false,
        state: FrontState::Free,
        service: listener.map(|listener| listener.service.clone()),
        serves: listener.map(|listener| listening(listener).serves),
        holder: None,
        because: None,
        need: None,
    }
}

fn datagrams(listener: &ListenerRow) -> Option<FrontPort> {
    let port = listener.asked?.port();
    (port != listener.serves.port()).then(|| FrontPort {
        port,
        transport: Transport::Udp,
        lent: false,
        state: FrontState::Udp,
        service: Some(listener.service.clone()),
        serves: Some(listening(listener).serves),
        holder: None,
        because: Some("UDP is not forwarded".to_owned()),
        need: None,
    })
}

fn deny(cx: &Context<'_>, port: &mut FrontPort, front: Option<&FrontProject>) {
    port.state = FrontState::Denied;
    let first = cx.machine.port_rules().ok().map(|rules| rules.unprivileged_start);
    match first.filter(|first| port.port < *first) {
        Some(first) => {
            port.because = Some(format!("this user may have ports from {first} on (net.ipv4.ip_unprivileged_port_start)"));
            let project = front.and_then(|front| front.project.as_ref()).map_or_else(|| ".".to_owned(), |name| name.shown());
            port.need = Some(format!("sudo portward front {project} --low {}", port.port));
        }
        None => port.because = Some("a rule of this machine forbids it to this user".to_owned()),
    }
}

/// Says who holds a port.
fn hold(
    cx: &Context<'_>,
    store: &Store<'_>,
    port: &mut FrontPort,
    view: Option<&View>,
    forwarder: Option<u32>,
    runs: &[RunRow],
) -> Result<(), Failure> {
    let Some(view) = view else { return Ok(()) };
    let sockets = || view.snapshot.sockets.iter().enumerate().filter(|(_, socket)| is_in_the_way(socket, port.port));
    let owner = |index: usize| view.first_owner(index);
    let foreign = || sockets().filter(|(index, _)| forwarder.is_none() || owner(*index) != forwarder);
    // The forwarder tries a port again and again. A socket of one of its tries is gone before its owner is looked for.
    let first = foreign().min_by_key(|(index, socket)| (socket.state != SocketState::Listen, owner(*index).is_none()));
    let Some((index, _)) = first else {
        port.because = Some("a program held it a moment ago".to_owned());
        return Ok(());
    };
    let words = holder_words(view, index);
    let process = owner(index).and_then(|pid| view.snapshot.process(pid));
    let run = process.and_then(|process| run_above(cx.machine, process.id.pid, runs));
    let session = match run {
        Some(run) => project(store, Some(run.project))?.and_then(|project| project.project),
        None => None,
    };
    port.because = Some(match (&session, run, process) {
        (Some(session), ..) => format!("{words} of {session} holds it, on the port itself, and keeps it"),
        (None, Some(_), _) => format!("{words} of another session holds it, and keeps it"),
        (None, None, Some(_)) => format!("{words}, which is no session, holds it and keeps it"),
        (None, None, None) => format!("{words} holds it and keeps it"),
    });
    port.holder = process.map(|process| FrontHolder { pid: process.id.pid, name: process.title(), session });
    port.need = Some(format!("portward free {}", port.port));
    Ok(())
}

/// True for a socket that keeps others from the port on the loopback.
fn is_in_the_way(socket: &Socket, port: u16) -> bool {
    let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let here = socket.transport == Transport::Tcp && socket.port() == Some(port) && socket.state != SocketState::TimeWait;
    here && loopback.into_iter().any(|address| socket.takes(address))
}

/// One look at the sockets of these ports, and at who holds them; `None` where there is nothing to look at.
fn look(cx: &Context<'_>, ports: impl Iterator<Item = u16> + Clone) -> Option<View> {
    let range = PortRange { first: ports.clone().min()?, last: ports.max()? };
    let look = Look {
        transports: Transports { tcp: true, udp: false, unix: false },
        states: StateSet::All,
        ports: Some(PortFilter::Local(range)),
        clients: false,
        interfaces: false,
        ..Look::serving()
    };
    Some(look.take(cx.machine))
}

/// `EADDRINUSE` on Linux.
const IN_USE: i32 = 98;
