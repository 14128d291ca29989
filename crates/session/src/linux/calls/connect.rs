//! `connect(2)`

use portward_model::{Transport, unmap};
use portward_sys::unotify::Call;

use super::{Answer, address_of, low_half, process_of};
use crate::{
    Event, Quota,
    linux::{sockets, standing::Served, supervisor::Supervisor, waiters::MOST_WAITING},
    place,
    rules::{Apply, stays_here},
};

/// `connect(2)`
pub(in crate::linux) fn connect(own: &mut Supervisor<'_>, call: &Call) -> Answer {
    // What goes elsewhere is let go before anything else is asked: it is most of what programs dial.
    let Ok(mut bytes) = address_of(own, call) else { return Answer::Proceed };
    if own.isolated.is_some() {
        return connect_isolated(own, &bytes);
    }
    let Some(dialled) = sockets::address(&bytes).filter(|address| own.rules.may_be_own(*address) && own.may_serve(*address))
    else {
        return Answer::Proceed;
    };
    let number = i32::from_ne_bytes(low_half(call.arguments[0]));
    let Ok(socket) = own.callers.socket(call.tid, number) else { return Answer::Proceed };
    if !own.listener.is_valid(call) {
        return Answer::Proceed;
    }
    let Some(transport) = sockets::transport(&socket).filter(|_| own.is_here(&socket)) else { return Answer::Proceed };
    let Some(Served { at, is_full, .. }) = own.served(transport, dialled) else { return Answer::Proceed };
    place::set_port(&mut bytes, at.port());
    if at.ip() != unmap(dialled.ip()) {
        place::set_address(&mut bytes, at.ip());
    }
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
            own.tell_soon(Event::Exhausted { pid: process_of(call.tid), call: "connect", quota: Quota::Waiting(MOST_WAITING) });
            Answer::Done(Err(error.raw_os_error().unwrap_or(libc::EAGAIN)))
        }
    }
}

/// `connect(2)` in a network of its own, which goes on as the program made it: where nothing serves the port there and the real
/// localhost does, it finds a door to it.
fn connect_isolated(own: &mut Supervisor<'_>, bytes: &[u8]) -> Answer {
    if let Some(dialled) = sockets::address(bytes).filter(|address| stays_here(*address)) {
        own.reach(dialled.port());
    }
    Answer::Proceed
}
