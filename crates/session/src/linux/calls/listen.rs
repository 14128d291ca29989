//! `listen(2)`

use std::net::SocketAddr;

use portward_model::Transport;
use portward_sys::unotify::Call;
use rustix::fd::OwnedFd;

use super::{Answer, leased, low_half, not_pinned, socket_of, stand_in::listen_in_place};
use crate::{
    Event,
    linux::{sockets, supervisor::Supervisor},
    rules::Apply,
};

/// `listen(2)`
pub(in crate::linux) fn listen(own: &mut Supervisor<'_>, call: &Call) -> Answer {
    let socket = match socket_of(own, call, "listen") {
        Ok(socket) => socket,
        Err(answer) => return answer,
    };
    // The kernel reads the backlog as an int.
    let backlog = i32::from_ne_bytes(low_half(call.arguments[1]));
    let Some(transport) = sockets::transport(&socket) else {
        if let Some(kind) = sockets::unpinnable(&socket).filter(|_| !own.rules.exposes) {
            own.tell_refused(call.tid, "listen", format!("{kind} can be reached from outside, and cannot be pinned to lo"));
            return Answer::Done(Err(libc::EACCES));
        }
        // Whoever listens on a Unix socket is written down as its peer (`SO_PEERCRED`), so that its own call has to go on; and
        // whatever stands at the number by then listens. Without somebody who looks after that it is made here.
        let follows = || own.strays.as_ref().map_or(!own.rules.pins(), |strays| strays.follow(call.tid));
        return if sockets::is_unix(&socket) && follows() {
            Answer::Proceed
        } else {
            Answer::Done(sockets::listen(&socket, backlog))
        };
    };
    if !own.is_here(&socket) {
        return Answer::Done(sockets::listen(&socket, backlog));
    }
    if own.rules.pins()
        && transport == Transport::Tcp
        && let Some(answer) = listen_in_place(own, call, &socket, backlog)
    {
        return answer;
    }
    if own.rules.pins()
        && let Err(errno) = sockets::pin(&socket)
    {
        own.tell_refused(call.tid, "listen", not_pinned(errno));
        return Answer::Done(Err(libc::EACCES));
    }
    let done = sockets::listen(&socket, backlog);
    if done.is_ok() {
        tell_listening(own, call, &socket, transport);
    }
    Answer::Done(done)
}

/// Tells once of a socket that serves.
pub(super) fn tell_listening(own: &mut Supervisor<'_>, call: &Call, socket: &OwnedFd, transport: Transport) {
    let cookie = sockets::cookie(socket);
    // nginx listens twice on each socket, to set its backlog.
    if !own.is_news(cookie) {
        return;
    }
    let asked: Option<SocketAddr> = own.asked.get(&cookie).copied();
    let Some(mut serves) = sockets::name(socket) else { return };
    // Where a client dials: a wildcard of IPv6 alone has no IPv4 to offer.
    if serves.is_ipv6() && serves.ip().is_unspecified() && sockets::is_v6_only(socket) {
        serves.set_ip(std::net::Ipv6Addr::LOCALHOST.into());
    }
    if own.isolated.is_some() {
        return tell_inside(own, call, transport, asked);
    }
    let (pid, pinned) = (own.callers.process_of(call.tid), own.rules.pins());
    let event = Event::Listening { pid, transport, asked, serves, pinned };
    if transport == Transport::Udp {
        own.tell_in_a_moment((pid, cookie), event);
    } else {
        own.tell_soon(event);
    }
}

/// A socket listens in a network of its own. One of TCP that asked for its port is let in from outside.
fn tell_inside(own: &mut Supervisor<'_>, call: &Call, transport: Transport, asked: Option<SocketAddr>) {
    let Some(asked) = asked.filter(|_| transport == Transport::Tcp) else { return };
    let pid = own.callers.process_of(call.tid);
    let Ok(port) = leased(own, call, asked.port(), "listen") else { return };
    own.holds.let_go(port);
    if own.isolated.as_mut().is_some_and(|isolated| isolated.let_in(port, asked.port())) {
        let serves = SocketAddr::from(([127, 0, 0, 1], port));
        return own.tell_soon(Event::Listening { pid, transport, asked: Some(asked), serves, pinned: true });
    }
    let because = format!("it listens inside, and its port outside, {port}, is held by something else");
    own.tell_soon(Event::Refused { pid, call: "listen", because });
}
