//! Where a session serves what its program asked for.

use std::net::SocketAddr;

use portward_model::{Failure, PortRange, Transport, unmap};
use portward_store::ProjectId;
use portward_sys::{Ask, Context, Look, PortFilter, Rights, StateSet, Transports, Which};

use crate::{runs::sessions, told::is_localhost};

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

/// True where something listens at a place: a row stays after its socket has gone.
fn is_listened_at(host: &dyn Look, at: SocketAddr) -> bool {
    let ask = Ask {
        transports: Transports { tcp: true, udp: false, unix: false },
        states: StateSet::Listening,
        ports: Some(PortFilter::Local(PortRange { first: at.port(), last: at.port() })),
        traffic: false,
    };
    let Ok(own) = host.namespaces(&Which::Own) else { return false };
    let mut found = false;
    let _ = host.sockets(&ask, &own.value, &mut |socket| {
        found |= socket.address().is_some_and(|address| unmap(address) == unmap(at.ip()));
    });
    found
}
