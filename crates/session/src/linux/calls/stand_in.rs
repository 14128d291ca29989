//! A server at an address of the network whose port the kernel gave.
//!
//! Clients bind port 0 at such an address as well, to go out by it, so that its address stays until it listens; and a bound socket
//! cannot be bound again. So one that stands at the stand-in takes its place, under its number.

use portward_model::Transport;
use portward_sys::unotify::Call;
use rustix::fd::OwnedFd;

use super::{Answer, listen::tell_listening, name::note, number_of};
use crate::{
    linux::{
        replacement::{alike, put},
        sockets,
        supervisor::Supervisor,
    },
    place::Kind,
};

/// Has what stands for the socket's address listen in its place; `None` where nothing stands for it, or it cannot be replaced.
pub(super) fn listen_in_place(own: &mut Supervisor<'_>, call: &Call, socket: &OwnedFd, backlog: i32) -> Option<Answer> {
    let name = sockets::name(socket).filter(|name| name.port() != 0 && Kind::of(name.ip()) == Kind::Other)?;
    let mut at = name;
    at.set_ip(own.addresses.stand_in_now(name.ip())?);
    if name.is_ipv6()
        && let std::net::IpAddr::V4(v4) = at.ip()
    {
        at.set_ip(v4.to_ipv6_mapped().into());
    }
    let other = alike(socket, at).ok()?;
    sockets::pin(&other).ok()?;
    let number = number_of(call);
    if let Err(errno) = sockets::listen(&other, backlog) {
        return Some(Answer::Done(Err(errno)));
    }
    put(own, call, number, &other).ok()?;
    own.stands_at(name, at.port());
    own.remember(sockets::cookie(&other), name);
    note(own, name, at.port());
    tell_listening(own, call, &other, Transport::Tcp);
    Some(Answer::Done(Ok(())))
}
