//! Fences of a session: what its UDP sockets that have a port hear.
//!
//! Such a socket may serve, or ask others from a port of its own. So it gets a fence when it is bound (`portward_sys::fence`), by which it
//! hears this machine and those outside whom it asked itself. One at the loopback gets the pin of a listener as well: nothing goes out
//! from there. At every other address a pin would stand in the way of what the program sends where nobody sees it (`sendmsg(2)`): it would
//! be lost at `lo` without a word. So it goes out, and what the fence keeps of the answers is counted and told (`kept_out`).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use portward_model::unmap;
pub(super) use portward_sys::fence::Filtered;
use portward_sys::fence::{self, Fence, Step};
use rustix::fd::OwnedFd;

use super::sockets;
use crate::place::Kind;

/// Fences a socket that is to be bound to this address, and pins one of the loopback; gives what filter it had. One that is bound to
/// another device hears nobody but by that, and is left there.
pub(super) fn enclose(socket: &OwnedFd, at: Option<SocketAddr>) -> Result<Filtered, i32> {
    let before = raise(socket)?;
    pin_at(socket, at);
    Ok(before)
}

/// Pins a socket at this address, where nothing could go out from.
fn pin_at(socket: &OwnedFd, at: Option<SocketAddr>) {
    if at.is_some_and(|at| Kind::of(at.ip()) == Kind::Loopback) {
        let _ = sockets::pin(socket);
    }
}

/// Undoes that, for a socket that was not bound in the end.
pub(super) fn release(socket: &OwnedFd, before: &Filtered) {
    lower(socket, before);
    sockets::unpin(socket, true);
}

/// Gives a fresh socket the fence that another one has.
pub(super) fn like(fresh: &OwnedFd, other: &OwnedFd) -> Result<(), i32> {
    match fence::filtered(other)? {
        Filtered::Fenced(fence) => fence::raise(fresh, &fence),
        // It was exposed, or is of port 0.
        Filtered::Not => Ok(()),
        Filtered::Own(own) => fence::attach(fresh, &own),
    }
}

/// Puts a fence on a socket, with the program's own filter behind it; gives what filter it had.
pub(super) fn raise(socket: &OwnedFd) -> Result<Filtered, i32> {
    let before = fence::filtered(socket)?;
    match &before {
        Filtered::Fenced(_) => {}
        Filtered::Not => fence::raise(socket, &Fence::default())?,
        Filtered::Own(own) => fence::raise(socket, &Fence { peers: Vec::new(), own: own.clone() })?,
    }
    Ok(before)
}

/// Gives a socket back the filter that it had, as where it was not bound in the end.
fn lower(socket: &OwnedFd, before: &Filtered) {
    let _ = match before {
        Filtered::Fenced(_) => Ok(()),
        Filtered::Not => fence::detach(socket),
        Filtered::Own(own) => fence::attach(socket, own),
    };
}

/// The fence of a socket; `None` where it has none.
pub(super) fn of(socket: &OwnedFd) -> Option<Fence> {
    match fence::filtered(socket) {
        Ok(Filtered::Fenced(fence)) => Some(fence),
        Ok(Filtered::Not | Filtered::Own(_)) | Err(_) => None,
    }
}

/// Lets in whom the program sends to, beside those whom it sent to before. One who has a fence that is locked stays as he is.
pub(super) fn admit(socket: &OwnedFd, mut fence: Fence, peer: SocketAddr) {
    if is_one(peer) && fence.admit(peer) {
        let _ = fence::raise(socket, &fence);
    }
    sockets::unpin(socket, false);
}

/// Lets in this peer and nobody else from outside; `None` for nobody at all.
pub(super) fn admit_alone(socket: &OwnedFd, fence: &Fence, peer: Option<SocketAddr>) {
    let mut only = Fence { peers: Vec::new(), own: fence.own.clone() };
    if let Some(peer) = peer.filter(|peer| is_one(*peer)) {
        only.admit(peer);
    }
    let _ = fence::raise(socket, &only);
    if peer.is_some() {
        sockets::unpin(socket, true);
    }
}

/// Puts a fence back as it was before a call that failed.
pub(super) fn restore(socket: &OwnedFd, fence: &Fence) {
    let _ = fence::raise(socket, fence);
    repin(socket);
}

/// Pins a socket anew that has lost its pin with its peer, where it had one.
pub(super) fn repin(socket: &OwnedFd) {
    pin_at(socket, sockets::name(socket));
}

/// Puts a filter of the program's behind the fence; none takes the one away that is there.
pub(super) fn put_behind(socket: &OwnedFd, fence: Fence, own: Vec<Step>) -> Result<(), i32> {
    fence::raise(socket, &Fence { own, ..fence })
}

/// True for what one machine is called by: a group or a whole network answers with other addresses than its own.
fn is_one(peer: SocketAddr) -> bool {
    let ip = unmap(peer.ip());
    Kind::of(ip) == Kind::Other && ip != IpAddr::V4(Ipv4Addr::BROADCAST) && peer.port() != 0
}
