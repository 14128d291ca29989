//! The two ends of one connection, found again when both are on this machine.

use std::net::IpAddr;

use portward_model::{Socket, SocketName, Transport};
use rustc_hash::FxHashMap;

use crate::View;

/// Connections among the chosen sockets: one or two positions each, the server's end first.
pub(crate) fn connections(view: &View, chosen: &[u32]) -> Vec<Vec<u32>> {
    let mut found: Vec<Vec<u32>> = Vec::new();
    let mut open: FxHashMap<Ends, usize> = FxHashMap::default();
    for &index in chosen {
        let Some(socket) = view.snapshot.sockets.get(index as usize) else { continue };
        let Some(ends) = ends(socket) else { continue };
        if let Some(at) = open.remove(&ends) {
            if let Some(pair) = found.get_mut(at) {
                pair.push(index);
                if is_server_end(view, socket) {
                    pair.reverse();
                }
            }
        } else {
            open.insert(ends, found.len());
            found.push(vec![index]);
        }
    }
    found
}

/// The other end of a connection, when it is in the view.
pub(crate) fn other_end(view: &View, index: usize) -> Option<usize> {
    let wanted = ends(view.snapshot.sockets.get(index)?)?;
    view.snapshot
        .sockets
        .iter()
        .enumerate()
        .find(|(at, socket)| *at != index && ends(socket).as_ref() == Some(&wanted))
        .map(|(at, _)| at)
}

/// What both ends of one connection have in common.
#[derive(PartialEq, Eq, Hash)]
enum Ends {
    Inet(Transport, (IpAddr, u16), (IpAddr, u16)),
    Unix(u64, u64),
}

fn ends(socket: &Socket) -> Option<Ends> {
    match &socket.name {
        SocketName::Inet { local, port, remote, remote_port } if *remote_port != 0 && !socket.state.serves() => {
            // A dual-stack server sees an IPv4 client's mapped address, the client its plain one.
            let own = (portward_model::unmap(*local), *port);
            let other = (portward_model::unmap(*remote), *remote_port);
            Some(Ends::Inet(socket.transport, own.min(other), own.max(other)))
        }
        SocketName::Unix { peer, .. } if *peer != 0 => Some(Ends::Unix(socket.inode.min(*peer), socket.inode.max(*peer))),
        _ => None,
    }
}

/// True for the end that accepted: something serves on its local port, or its Unix path is a server's.
pub(crate) fn is_server_end(view: &View, socket: &Socket) -> bool {
    match &socket.name {
        SocketName::Inet { port, remote_port, .. } => {
            let serves = |port: u16| view.serves_port(socket.transport, port);
            match (serves(*port), serves(*remote_port)) {
                (true, false) => true,
                (false, true) => false,
                // Neither or both: a server's port is usually the lower one.
                _ => port < remote_port,
            }
        }
        SocketName::Unix { path, .. } => path.is_some(),
    }
}
