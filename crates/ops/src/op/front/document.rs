//! What became of each real port, and who holds those that are not lent.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use portward_keeper::{Lending, RunListener, Services, Sessions, is_localhost, listening, sessions};
use portward_model::{Loan, PortRange, Socket, SocketState, Standing, Transport, unmap};
use portward_store::{ProjectId, Store};
use portward_sys::{PortFilter, StateSet, Transports};

use super::{FrontHolder, FrontPort, FrontProject, FrontState, Lent, Unlent};
use crate::{Context, Failure, Look, View, holder_words, op::ps::serving};

/// The answer for what the forwarder tells.
pub(super) fn of(cx: &Context<'_>, store: &Store<'_>, row: &Lending) -> Result<Lent, Failure> {
    let Some(id) = row.project else { return Ok(Lent { gaps: store.gaps(), ..Lent::default() }) };
    let front = project(store, Some(id))?;
    let services = Services::of(cx.machine, cx.caller, store, id)?;
    let forwarder = row.alive(cx.machine).map(|process| process.pid);
    // What a forwarder that is gone has told holds no more.
    let told = if forwarder.is_some() { row.ports.as_slice() } else { &[] };
    let told = told.iter().filter(|(_, standing)| *standing != Standing::Unserved);
    let held = || told.clone().filter(|(_, standing)| *standing == Standing::Held).map(|(loan, _)| loan.port);
    let view = look(cx, held());
    let runs = sessions(cx)?;
    let mut ports = Vec::new();
    for (loan, standing) in told.clone() {
        let mut port = blank(*loan, &services);
        match standing {
            Standing::Lent | Standing::Unserved => (port.lent, port.state) = (true, FrontState::Lent),
            Standing::Held => hold(cx, &mut port, view.as_ref(), forwarder, &runs),
            Standing::Denied => deny(cx, &mut port, front.as_ref()),
            Standing::Failed(errno) => {
                let error = std::io::Error::from_raw_os_error(*errno).to_string();
                port.keep(Unlent::Refused { error });
            }
        }
        ports.push(port);
    }
    let serving = if services.listeners.is_empty() { BTreeSet::new() } else { serving(cx.machine) };
    for loan in services.leased.iter().filter(|loan| serving.contains(&(false, loan.target))) {
        let mut port = blank(*loan, &services);
        let owner = store.all()?.into_iter().find(|row| row.port == loan.port);
        let owner = owner.and_then(|row| row.project);
        port.keep(owner.map_or(Unlent::LeasedElsewhere, |project| Unlent::Leased { project }));
        ports.push(port);
    }
    for (loan, _) in row.ports.iter().filter(|(_, standing)| forwarder.is_some() && *standing == Standing::Unserved) {
        let mut port = blank(*loan, &services);
        if let Some(address) = address_apart(*loan, &services).filter(|_| serving.contains(&(false, loan.target))) {
            port.keep(Unlent::Apart { address: address.to_string() });
            ports.push(port);
        }
    }
    let receives = |row: &&RunListener| row.transport == Transport::Udp && serving.contains(&(true, row.serves.port()));
    ports.extend(services.listeners.iter().filter(receives).filter_map(datagrams));
    ports.sort_by_key(|port| (port.port, port.transport));
    ports.dedup_by_key(|port| (port.port, port.transport));
    let gaps = view.iter().flat_map(|view| &view.snapshot.gaps).cloned().chain(store.gaps()).collect();
    Ok(Lent { front, forwarder, ports, gaps, ..Lent::default() })
}

/// The ports that were lent until now, and whether a server could have them.
pub(super) fn given_back(cx: &Context<'_>, before: &Lending) -> Vec<FrontPort> {
    let lent = before.ports.iter().filter(|(_, standing)| *standing == Standing::Lent);
    let each = lent.map(|(loan, _)| {
        let mut port = blank(*loan, &Services::default());
        let taken = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].into_iter().any(|address| {
            let answer = cx.machine.try_bind(Transport::Tcp, SocketAddr::new(address, loan.port), true);
            matches!(answer, Ok(Some((IN_USE, _))))
        });
        if taken {
            port.keep(Unlent::Taken);
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
    let tcp = |listener: &&RunListener| listener.transport == Transport::Tcp && listener.serves.port() == loan.target;
    let listener = services.listeners.iter().rev().find(tcp);
    FrontPort {
        port: loan.port,
        transport: Transport::Tcp,
        lent: false,
        state: FrontState::Free,
        service: listener.map(|listener| listener.service.clone()),
        serves: listener.map(|listener| listening(listener, None).serves),
        holder: None,
        because: None,
        need: None,
        why: None,
    }
}

/// The one address of the loopback at which a project serves a port, where that is none of localhost's two.
fn address_apart(loan: Loan, services: &Services) -> Option<IpAddr> {
    let of_loan = |row: &&RunListener| row.transport == Transport::Tcp && row.serves.port() == loan.target;
    let mut addresses = services.listeners.iter().filter(of_loan).map(|row| unmap(row.serves.ip()));
    let first = addresses.next()?;
    let is_apart = |address: IpAddr| !address.is_unspecified() && !is_localhost(address);
    (is_apart(first) && addresses.all(is_apart)).then_some(first)
}

fn datagrams(listener: &RunListener) -> Option<FrontPort> {
    let loan = Loan { port: listener.asked?.port(), target: listener.serves.port() };
    (loan.port != loan.target).then(|| {
        let (service, serves) = (Some(listener.service.clone()), Some(listening(listener, None).serves));
        let mut port = FrontPort { transport: Transport::Udp, service, serves, ..blank(loan, &Services::default()) };
        port.keep(Unlent::Udp);
        port
    })
}

fn deny(cx: &Context<'_>, port: &mut FrontPort, front: Option<&FrontProject>) {
    let first = cx.machine.port_rules().ok().map(|rules| rules.unprivileged_start);
    let project = front.and_then(|front| front.project.clone()).unwrap_or_else(|| ".".into());
    let first = first.filter(|first| port.port < *first);
    port.keep(first.map_or(Unlent::Forbidden, |first| Unlent::Privileged { first, project }));
}

/// Says who holds a port.
fn hold(cx: &Context<'_>, port: &mut FrontPort, view: Option<&View>, forwarder: Option<u32>, runs: &Sessions) {
    port.state = FrontState::Held;
    let Some(view) = view else { return };
    let sockets = || view.snapshot.sockets.iter().enumerate().filter(|(_, socket)| is_in_the_way(socket, port.port));
    let owner = |index: usize| view.first_owner(index);
    let foreign = || sockets().filter(|(index, _)| forwarder.is_none() || owner(*index) != forwarder);
    // The forwarder tries a port again and again. A socket of one of its tries is gone before its owner is looked for.
    let first = foreign().min_by_key(|(index, socket)| (socket.state != SocketState::Listen, owner(*index).is_none()));
    let Some((index, _)) = first else {
        port.keep(Unlent::HeldUntilNow);
        return;
    };
    let holder = holder_words(view, index);
    let process = owner(index).and_then(|pid| view.snapshot.process(pid));
    let run = process.and_then(|process| runs.above(cx.machine, process.id.pid));
    let session = run.map(|run| run.project.name.clone()).filter(|name| !name.is_empty());
    port.keep(match (run, process) {
        (Some(_), _) => match session.clone() {
            Some(project) => Unlent::HeldInSession { holder, project },
            None => Unlent::HeldInAnotherSession { holder },
        },
        (None, Some(_)) => Unlent::HeldOutside { holder },
        (None, None) => Unlent::HeldUnseen { holder },
    });
    port.holder = process.map(|process| FrontHolder { pid: process.id.pid, name: process.title(), session });
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
