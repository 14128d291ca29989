//! `bind(2)`

use std::{net::SocketAddr, time::Instant};

use portward_model::Transport;
use portward_sys::unotify::Call;
use rustix::fd::OwnedFd;

use super::{Answer, address_of, listen::tell_listening, name::note, socket_of};
use crate::{
    linux::{fences, holds::is_only_kept, sockets, supervisor::Supervisor},
    place,
    rules::Apply,
};

/// `bind(2)`
pub(in crate::linux) fn bind(own: &mut Supervisor<'_>, call: &Call) -> Answer {
    let socket = match socket_of(own, call, "bind") {
        Ok(socket) => socket,
        Err(answer) => return answer,
    };
    let mut bytes = match address_of(own, call) {
        Ok(bytes) => bytes,
        Err(errno) => return Answer::Done(Err(errno)),
    };
    let Some(transport) = sockets::transport(&socket).filter(|_| own.is_here(&socket)) else {
        return bind_elsewhere(own, &socket, &bytes);
    };
    let Some(asked) = sockets::address_to_bind(&socket, &bytes) else {
        // Too short, or of another family: the kernel has its own word for that.
        return Answer::Done(sockets::bind(&socket, &bytes));
    };
    let rule = own.rules.bind(transport, asked);
    let is_found = transport == Transport::Tcp && own.found.contains(asked.port(), Instant::now());
    let moves = rule.moves && !(is_found && own.ports.find(asked.port()).is_none());
    if let Err(errno) = own.place(call, asked, (moves, rule.draws_in), &mut bytes) {
        return Answer::Done(Err(errno));
    }
    if let Some(isolated) = &mut own.isolated {
        isolated.make_way(asked.port());
    }
    // The supervisor may have rights that the program gave up.
    if !moves && own.isolated.is_none() && is_system_port(asked.port()) && !may_bind_system_ports(call.tid) {
        return Answer::Done(Err(libc::EACCES));
    }
    let mut before = None;
    if rule.fences {
        match fences::enclose(&socket, sockets::address(&bytes)) {
            Ok(filter) => before = Some(filter),
            Err(errno) => {
                own.tell_refused(call.tid, "bind", not_fenced(errno));
                return Answer::Done(Err(libc::EACCES));
            }
        }
    }
    own.holds.let_go(sockets::address(&bytes).map_or(0, |address| address.port()));
    let mut done = sockets::bind(&socket, &bytes);
    // Another session of the project may keep the port, too; it lets in whoever would share it. A port that anything else has
    // stays refused.
    if moves
        && done == Err(libc::EADDRINUSE)
        && transport == Transport::Tcp
        && sockets::address(&bytes).is_some_and(|at| is_only_kept(at.port()))
    {
        done = sockets::bind_shared(&socket, &bytes);
    }
    if moves && done == Err(libc::EADDRINUSE) {
        done = own.bind_beside(call, (transport, &socket), asked, &mut bytes);
    }
    if rule.moves && done == Err(libc::EADDRINUSE) {
        tell_collapsed(own, call, asked, &bytes);
    }
    match &before {
        Some(before) if done.is_err() => fences::release(&socket, before),
        Some(_) => {
            let pid = own.callers.process_of(call.tid);
            own.kept_out.watch(&socket, pid);
        }
        None => {}
    }
    own.has_stand_ins |= rule.draws_in && done.is_ok();
    if done.is_ok() && asked.port() != 0 {
        own.remember(sockets::cookie(&socket), asked);
        note(own, asked, place::port(&bytes).unwrap_or_default());
        if transport == Transport::Udp {
            tell_listening(own, call, &socket, transport);
        }
    } else if done.is_ok()
        && transport == Transport::Tcp
        && let Some(name) = sockets::name(&socket)
    {
        own.found.add(name.port(), Instant::now());
    }
    Answer::Done(done)
}

/// `bind(2)` of what the session does not move: of another family, or in a network namespace of the program's own.
///
/// With an internet address it is made here as well: let go on, it would be made with whatever stands at the number by then. The
/// other families need their caller: a path is of its folder, and netlink gives the number of its process.
fn bind_elsewhere(own: &Supervisor<'_>, socket: &OwnedFd, bytes: &[u8]) -> Answer {
    // A right is the caller's in its own namespace, and of the port there the kernel alone knows.
    let asks_a_right = place::port(bytes).is_some_and(|port| (1..USUAL_FIRST_PORT).contains(&port));
    if sockets::is_internet(bytes) && !asks_a_right {
        return Answer::Done(sockets::bind(socket, bytes));
    }
    if let Some(strays) = &own.strays {
        strays.look_soon();
    }
    Answer::Proceed
}

/// True for a port that the kernel gives to those alone who have a right to it (`ip_unprivileged_port_start`, ip(7)).
fn is_system_port(port: u16) -> bool {
    let first = || std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").ok()?.trim().parse().ok();
    port != 0 && port < first().unwrap_or(USUAL_FIRST_PORT)
}

/// True for a thread with `CAP_NET_BIND_SERVICE` in the supervisor's own user namespace; one in a namespace of its own has it
/// there alone.
fn may_bind_system_ports(tid: u32) -> bool {
    let space = |who: &str| std::fs::read_link(format!("/proc/{who}/ns/user")).ok();
    // Names in it need not be UTF-8.
    let status = std::fs::read(format!("/proc/{tid}/status")).unwrap_or_default();
    let status = String::from_utf8_lossy(&status);
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or_default();
    effective & (1 << CAP_NET_BIND_SERVICE) != 0 && space("self") == space(&tid.to_string())
}

fn not_fenced(errno: i32) -> String {
    let error = std::io::Error::from_raw_os_error(errno);
    format!("its socket has a filter that admits no other beside it ({error}), and the network could reach it")
}

/// Tells why a bind failed that would have come to pass outside: an address of the network becomes the loopback, where the
/// program may stand already.
fn tell_collapsed(own: &mut Supervisor<'_>, call: &Call, asked: SocketAddr, bytes: &[u8]) {
    let kind = |address: &SocketAddr| place::Kind::of(address.ip());
    let apart = |other: &SocketAddr| {
        let kinds = [kind(&asked), kind(other)];
        other.port() == asked.port()
            && other.ip() != asked.ip()
            && !kinds.contains(&place::Kind::Any)
            && kinds.contains(&place::Kind::Other)
    };
    let Some(other) = own.asked.values().copied().find(apart) else { return };
    let Some(place) = sockets::address(bytes) else { return };
    own.tell_refused(call.tid, "bind", format!("{asked} stands at {place} in a session, and so does {other}, asked for before"));
}

/// The kernel's own setting, where nobody changed it.
const USUAL_FIRST_PORT: u16 = 1024;
/// Its number in `linux/capability.h`.
const CAP_NET_BIND_SERVICE: u32 = 10;
