//! Where a session serves what its program asked for.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use portward_model::{Failure, Socket, Text, Transport, unmap};
use portward_store::{ProjectId, Store};
use portward_sys::{Ask, Context, Depth, Look, Rights, StateSet, Which};

use crate::{
    forwards::known_forwards,
    runs::{process_at, sessions},
    siblings::{Of, Siblings},
    taken,
    told::is_localhost,
};

/// Where a project's program serves an asked port, where that is not `localhost` at the leased one: another address of the loopback,
/// or another port because the leased one was in other hands. `None` where the lease is right.
pub fn standing<R: Rights>(
    cx: &Context<'_, R>,
    project: ProjectId,
    (asked, leased): (u16, u16),
) -> Result<Option<SocketAddr>, Failure> {
    let sessions = sessions(cx)?;
    let rows = sessions.of(project).flat_map(|run| &run.listeners).filter(|row| row.transport == Transport::Tcp);
    let own: Vec<SocketAddr> =
        rows.filter(|row| row.asked.is_some_and(|own| own.port() == asked)).map(|row| row.serves).collect();
    let is_usual = |at: &SocketAddr| at.port() == leased && (unmap(at.ip()).is_unspecified() || is_localhost(at.ip()));
    if own.iter().any(|at| is_usual(at) && is_listened_at(cx.look(), *at)) {
        return Ok(None);
    }
    Ok(own.into_iter().find(|at| !is_usual(at) && is_listened_at(cx.look(), *at)))
}

/// Who serves a project's leased port at the loopback where that is a stranger, as it is shown; `None` where it is the project's own,
/// nobody, or what only root could tell.
pub fn stranger_at<R: Rights>(
    cx: &Context<'_, R>,
    project: ProjectId,
    root: Option<&Text>,
    port: u16,
) -> Result<Option<String>, Failure> {
    let host = cx.look();
    let is_here =
        |socket: &Socket| [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()].into_iter().any(|at| socket.takes(at));
    let Some(server) = listeners(host, port).into_iter().find(is_here) else { return Ok(None) };
    let Some(store) = Store::reading(cx)? else { return Ok(None) };
    if Siblings::new(host, cx.caller).is_own((&store, Of { id: Some(project), root, read: None }), root, &server) {
        return Ok(None);
    }
    let holders = host.holders(std::slice::from_ref(&server), Depth::Processes)?;
    let process = holders.holdings.first().and_then(|holding| process_at(host, holding.pid));
    // A forward listens at a port that was leased for it.
    let is_forward =
        |process: &portward_model::Process| known_forwards(host, cx.caller).iter().any(|own| own.process == process.id);
    let process = process.filter(|process| !is_forward(process));
    Ok(process.map(|_| taken::holder(host, &server)))
}

/// True where something listens at a place: a row stays after its socket has gone.
fn is_listened_at(host: &dyn Look, at: SocketAddr) -> bool {
    let is_there = |socket: &Socket| socket.address().is_some_and(|address| unmap(address) == unmap(at.ip()));
    listeners(host, at.port()).iter().any(is_there)
}

pub(crate) fn listeners(host: &dyn Look, port: u16) -> Vec<Socket> {
    let ask = Ask::tcp_at(port, StateSet::Listening);
    let mut found = Vec::new();
    if let Ok(own) = host.namespaces(&Which::Own) {
        let _ = host.sockets(&ask, &own.value, &mut |socket| found.push(socket));
    }
    found
}
