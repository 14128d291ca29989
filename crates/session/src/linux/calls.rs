//! The three calls, answered.
//!
//! No decision is made from memory that the program can still change: what is decided on is a copy, and the call is made
//! with that copy. Only what needs no decision goes on as the program made it.

use std::{net::SocketAddr, time::Instant};

use portward_model::Transport;
use portward_sys::unotify::{Call, Callers, LONGEST_ADDRESS};
use rustix::{fd::OwnedFd, io::Errno};

use super::{holds::is_only_kept, sockets, supervisor::Supervisor, waiters::MOST_WAITING};
use crate::{
    Event, Given, NoPort, Quota, place,
    rules::{Apply, stays_here},
};

/// What to tell the kernel of a call.
pub(super) enum Answer {
    /// It goes on as the program made it.
    Proceed,
    /// It was made in the program's place, with this end.
    Done(Result<(), i32>),
    /// Somebody else answers it.
    Later,
}

/// `bind(2)`
pub(super) fn bind(own: &mut Supervisor<'_>, call: &Call) -> Answer {
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
    if moves {
        match leased(own, call, asked.port(), "bind") {
            Ok(port) => place::set_port(&mut bytes, port),
            Err(errno) => return Answer::Done(Err(errno)),
        }
    }
    if rule.draws_in {
        place::set_loopback(&mut bytes, asked);
    }
    if rule.pins
        && let Err(errno) = sockets::pin(&socket)
    {
        own.tell_refused(call.tid, "bind", not_pinned(errno));
        return Answer::Done(Err(libc::EACCES));
    }
    if let Some(isolated) = &mut own.isolated {
        isolated.make_way(asked.port());
    }
    // The supervisor may have rights that the program gave up.
    if !moves && own.isolated.is_none() && is_system_port(asked.port()) && !may_bind_system_ports(call.tid) {
        return Answer::Done(Err(libc::EACCES));
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
    if rule.moves && done == Err(libc::EADDRINUSE) {
        tell_collapsed(own, call, asked, &bytes);
    }
    if done.is_ok() && asked.port() != 0 {
        own.remember(sockets::cookie(&socket), asked);
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

/// The project's port for one that was asked for, or the error number for the program; the rest is told.
fn leased(own: &mut Supervisor<'_>, call: &Call, asked: u16, name: &'static str) -> Result<u16, i32> {
    match own.ports.lease(asked) {
        Ok(Given { port, recorded }) => {
            if !recorded {
                own.tell_soon(Event::Unrecorded { asked, port });
            }
            Ok(port)
        }
        Err(NoPort::Quota) => {
            own.tell_soon(Event::Exhausted { pid: process_of(call.tid), call: name, quota: Quota::Leases });
            Err(libc::ENOBUFS)
        }
        Err(NoPort::Because(because)) => {
            own.tell_refused(call.tid, name, because);
            Err(libc::EADDRNOTAVAIL)
        }
    }
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

/// `listen(2)`
pub(super) fn listen(own: &mut Supervisor<'_>, call: &Call) -> Answer {
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

/// `connect(2)`
pub(super) fn connect(own: &mut Supervisor<'_>, call: &Call) -> Answer {
    // What goes elsewhere is let go before anything else is asked: it is most of what programs dial.
    let Ok(mut bytes) = address_of(own, call) else { return Answer::Proceed };
    if own.isolated.is_some() {
        return connect_isolated(own, &bytes);
    }
    let Some(dialled) = sockets::address(&bytes).filter(|address| own.rules.may_be_own(*address)) else {
        return Answer::Proceed;
    };
    let Some(port) = own.ports.find(dialled.port()).filter(|port| *port != dialled.port()) else { return Answer::Proceed };
    let number = i32::from_ne_bytes(low_half(call.arguments[0]));
    let Ok(socket) = own.callers.socket(call.tid, number) else { return Answer::Proceed };
    if !own.listener.is_valid(call) {
        return Answer::Proceed;
    }
    let Some(transport) = sockets::transport(&socket).filter(|_| own.is_here(&socket)) else { return Answer::Proceed };
    let Some(is_full) = own.serves(transport, port) else { return Answer::Proceed };
    place::set_port(&mut bytes, port);
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

/// A copy of the socket that a call is about, or the answer where there is none to be had.
fn socket_of(own: &mut Supervisor<'_>, call: &Call, name: &'static str) -> Result<OwnedFd, Answer> {
    let number = i32::from_ne_bytes(low_half(call.arguments[0]));
    let mut copy = own.callers.socket(call.tid, number);
    if matches!(copy, Err(Errno::MFILE | Errno::NFILE)) {
        own.holds.give_up();
        copy = own.callers.socket(call.tid, number);
    }
    match copy {
        Ok(socket) if own.listener.is_valid(call) => Ok(socket),
        // The caller has gone, or the number is none of its descriptors.
        Ok(_) | Err(Errno::SRCH | Errno::BADF) => Err(Answer::Done(Err(libc::EBADF))),
        Err(errno @ (Errno::MFILE | Errno::NFILE)) => {
            let because = format!("its supervisor has no descriptors left to look at its socket ({errno}); see ulimit -n");
            own.tell_refused(call.tid, name, because);
            Err(Answer::Done(Err(libc::ENOBUFS)))
        }
        Err(errno) => {
            let because = format!(
                "its sockets may not be looked into ({errno}): it changed its user, or forbids to be traced; \
                 it would have served unguarded"
            );
            own.tell_refused(call.tid, name, because);
            Err(Answer::Done(Err(libc::EACCES)))
        }
    }
}

/// The address that a call was given, as bytes.
fn address_of(own: &Supervisor<'_>, call: &Call) -> Result<Vec<u8>, i32> {
    // The kernel reads the length as an int, and refuses a negative or too large one.
    let length = i32::from_ne_bytes(low_half(call.arguments[2]));
    let length = usize::try_from(length).ok().filter(|length| *length <= LONGEST_ADDRESS).ok_or(libc::EINVAL)?;
    let bytes = Callers::memory(call.tid, call.arguments[1], length).map_err(|_| libc::EFAULT)?;
    // While the caller waits, its thread's number cannot have become another's.
    if own.listener.is_valid(call) { Ok(bytes) } else { Err(libc::EINTR) }
}

fn tell_listening(own: &mut Supervisor<'_>, call: &Call, socket: &OwnedFd, transport: Transport) {
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
    let (pid, pinned) = (process_of(call.tid), own.rules.pins());
    own.tell_soon(Event::Listening { pid, transport, asked, serves, pinned });
}

/// A socket listens in a network of its own. One of TCP that asked for its port is let in from outside.
fn tell_inside(own: &mut Supervisor<'_>, call: &Call, transport: Transport, asked: Option<SocketAddr>) {
    let Some(asked) = asked.filter(|_| transport == Transport::Tcp) else { return };
    let pid = process_of(call.tid);
    let Ok(port) = leased(own, call, asked.port(), "listen") else { return };
    own.holds.let_go(port);
    if own.isolated.as_mut().is_some_and(|isolated| isolated.let_in(port, asked.port())) {
        let serves = SocketAddr::from(([127, 0, 0, 1], port));
        return own.tell_soon(Event::Listening { pid, transport, asked: Some(asked), serves, pinned: true });
    }
    let because = format!("it listens inside, and its port outside, {port}, is held by something else");
    own.tell_soon(Event::Refused { pid, call: "listen", because });
}

/// The process that a thread belongs to; the thread's own number where that cannot be read.
pub(super) fn process_of(tid: u32) -> u32 {
    Callers::process(tid).unwrap_or(tid)
}

fn not_pinned(errno: i32) -> String {
    let error = std::io::Error::from_raw_os_error(errno);
    format!("its socket is bound to a device and cannot be pinned to lo ({error})")
}

/// The half of a register that holds an `int`.
fn low_half(register: u64) -> [u8; 4] {
    let [a, b, c, d, ..] = register.to_le_bytes();
    i32::from_le_bytes([a, b, c, d]).to_ne_bytes()
}

/// The kernel's own setting, where nobody changed it.
const USUAL_FIRST_PORT: u16 = 1024;
/// Its number in `linux/capability.h`.
const CAP_NET_BIND_SERVICE: u32 = 10;
