//! `connect(2)`

use std::time::Instant;

use portward_model::Transport;
use portward_sys::unotify::Call;

use super::{Answer, address_of, begins, may_redirect, redirect, seen_socket};
use crate::{
    Event, Quota,
    linux::{fences, outward::turned, sockets, supervisor::Supervisor, waiters::MOST_WAITING},
    rules::stays_here,
};

/// `connect(2)`
pub(in crate::linux) fn connect(own: &mut Supervisor<'_>, call: &Call) -> Answer {
    // What goes elsewhere is let go before anything else is asked: it is most of what programs dial.
    let Ok(mut bytes) = address_of(own, call) else { return Answer::Proceed };
    if is_local(&bytes) {
        let now = Instant::now();
        if own.reached.is_news(&bytes, now)
            && let Some(socket) = seen_socket(own, call)
        {
            let pid = own.callers.process_of(call.tid);
            own.reached.follow(socket, pid, now);
        }
        // Programs without the C library begin unseen; those that ask a server outside are known by this.
        return begins(own, call);
    }
    if own.isolated.is_some() {
        return connect_isolated(own, &bytes);
    }
    let dialled = sockets::address(&bytes);
    let Some(dialled) = dialled.filter(|address| may_redirect(own, *address)) else {
        return connect_outside(own, call, &bytes);
    };
    let Some(socket) = seen_socket(own, call) else { return Answer::Proceed };
    let Some(transport) = sockets::transport(&socket).filter(|_| own.is_here(&socket)) else { return Answer::Proceed };
    let Some(is_full) = redirect(own, transport, dialled, &mut bytes) else {
        return connect_outside(own, call, &bytes);
    };
    if transport == Transport::Udp || !sockets::blocks(&socket) {
        return Answer::Done(sockets::connect(&socket, &bytes));
    }
    // Nearly every connection over the loopback is made at once. One that waits must not hold up the others.
    if !is_full {
        let done = sockets::connect_at_once(&socket, &bytes);
        if done != Err(libc::EINPROGRESS) {
            return Answer::Done(done);
        }
    }
    let Ok(listener) = own.listener.share() else { return Answer::Done(Err(libc::EMFILE)) };
    let call = *call;
    let patient = Box::new(move || listener.answer(&call, sockets::connect(&socket, &bytes).map(|()| 0)));
    match own.waiters.take(patient) {
        Ok(()) => Answer::Later,
        Err(error) => {
            let pid = own.callers.process_of(call.tid);
            own.tell_soon(Event::Exhausted { pid, call: "connect", quota: Quota::Waiting(MOST_WAITING) });
            Answer::Done(Err(error.raw_os_error().unwrap_or(libc::EAGAIN)))
        }
    }
}

/// `connect(2)` to what the session does not serve, which goes on as the program made it. A fenced socket hears whom it asks outside
/// from then on, and nobody else there; asking nobody, it hears this machine alone.
fn connect_outside(own: &mut Supervisor<'_>, call: &Call, bytes: &[u8]) -> Answer {
    let peer = sockets::address(bytes);
    let leaves = peer.map_or_else(|| sockets::is_of_no_family(bytes), |peer| !stays_here(peer));
    if !leaves || !(own.kept_out.any || own.has_stand_ins) {
        return Answer::Proceed;
    }
    let Some(socket) = seen_socket(own, call).filter(|socket| own.is_here(socket)) else { return Answer::Proceed };
    let socket = match peer {
        Some(peer) if own.has_stand_ins => turned(own, call, socket, peer),
        _ => socket,
    };
    if sockets::transport(&socket) != Some(Transport::Udp) {
        return Answer::Proceed;
    }
    let Some(fence) = fences::of(&socket) else { return Answer::Proceed };
    fences::admit_alone(&socket, &fence, peer);
    let done = sockets::connect(&socket, bytes);
    match (done, peer) {
        (Err(_), _) => fences::restore(&socket, &fence),
        (Ok(()), Some(_)) => own.is_client(sockets::cookie(&socket)),
        // The kernel took the pin off (`__udp_disconnect`), and nobody outside is asked any more.
        (Ok(()), None) => fences::repin(&socket),
    }
    Answer::Done(done)
}

/// True for the address of a Unix socket.
fn is_local(bytes: &[u8]) -> bool {
    bytes.first_chunk().is_some_and(|family| i32::from(u16::from_ne_bytes(*family)) == libc::AF_UNIX)
}

/// `connect(2)` in a network of its own, which goes on as the program made it: where nothing serves the port there and the real
/// localhost does, it finds a door to it.
fn connect_isolated(own: &mut Supervisor<'_>, bytes: &[u8]) -> Answer {
    if let Some(dialled) = sockets::address(bytes).filter(|address| stays_here(*address)) {
        own.reach(dialled.port());
    }
    Answer::Proceed
}
