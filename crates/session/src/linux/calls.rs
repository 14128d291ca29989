//! The calls, answered.
//!
//! No decision is made from memory that the program can still change: what is decided on is a copy, and the call is made
//! with that copy. Only what needs no decision goes on as the program made it.

mod bind;
mod connect;
mod listen;
mod name;
mod option;
mod send;
mod stand_in;

use std::net::SocketAddr;

use portward_model::{Text, Transport, unmap};
use portward_sys::unotify::{Call, Callers, LONGEST_ADDRESS};
use rustix::{fd::OwnedFd, io::Errno};

pub(super) use self::{
    bind::bind,
    connect::connect,
    listen::listen,
    name::{Names, name},
    option::{OPTIONS, SOL_SOCKET, set_option},
    send::{send_message, send_to},
};
use super::{standing::Served, supervisor::Supervisor};
use crate::{Event, Given, NoPort, Quota, place, rules::Apply};

/// What to tell the kernel of a call.
pub(super) enum Answer {
    /// It goes on as the program made it.
    Proceed,
    /// It was made in the program's place, with this end.
    Done(Result<(), i32>),
    /// It was made in the program's place, with this end, which is a number of bytes.
    Sent(Result<i64, i32>),
    /// Somebody else answers it.
    Later,
}

/// The first that is seen of a program: it is told of where its name is one to be told.
pub(super) fn begins(own: &mut Supervisor<'_>, call: &Call) -> Answer {
    let Ok(name) = Callers::name(call.tid) else { return Answer::Proceed };
    if let Some((file, gained)) = own.powerless.meet(call.tid, &name) {
        let file = Text::new(file.as_os_str().as_encoded_bytes());
        let pid = own.callers.process_of(call.tid);
        own.tell_soon(Event::Powerless { pid, file, gained });
    }
    if (own.noted)(&name)
        && let Ok(arguments) = Callers::arguments(call.tid)
    {
        let pid = own.callers.process_of(call.tid);
        own.tell_soon(Event::Began { pid, name: Text::new(&name), arguments });
    }
    Answer::Proceed
}

/// The project's port for one that was asked for, or the error number for the program; the rest is told.
pub(super) fn leased(own: &mut Supervisor<'_>, call: &Call, asked: u16, name: &'static str) -> Result<u16, i32> {
    match own.ports.lease(asked) {
        Ok(Given { port, recorded }) => {
            if !recorded {
                own.tell_soon(Event::Unrecorded { asked, port });
            }
            Ok(port)
        }
        Err(NoPort::Quota) => {
            let pid = own.callers.process_of(call.tid);
            own.tell_soon(Event::Exhausted { pid, call: name, quota: Quota::Leases });
            Err(libc::ENOBUFS)
        }
        Err(NoPort::Because(because)) => {
            own.tell_refused(call.tid, name, because);
            Err(libc::EADDRNOTAVAIL)
        }
    }
}

/// A copy of the socket that a call is about, or the answer where there is none to be had.
fn socket_of(own: &mut Supervisor<'_>, call: &Call, name: &'static str) -> Result<OwnedFd, Answer> {
    let number = number_of(call);
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
        // Its address cannot be read either; what it has are Unix sockets, and they are of its folder.
        Err(Errno::PERM) if own.makers.has_none(call.tid) && own.listener.is_valid(call) => Err(Answer::Proceed),
        Err(errno) => {
            let because = format!(
                "its sockets may not be looked into ({errno}): it changed its user, or forbids to be traced; \
                 it would have served unguarded, since it has sockets of the internet"
            );
            own.tell_refused(call.tid, name, because);
            Err(Answer::Done(Err(libc::EACCES)))
        }
    }
}

/// The address that a call was given, as bytes.
fn address_of(own: &Supervisor<'_>, call: &Call) -> Result<Vec<u8>, i32> {
    address_at(own, call, call.arguments[1], call.arguments[2])
}

/// The address of this length at this place of the caller's memory.
fn address_at(own: &Supervisor<'_>, call: &Call, address: u64, length: u64) -> Result<Vec<u8>, i32> {
    // The kernel reads the length as an int, and refuses a negative or too large one.
    let length = i32::from_ne_bytes(low_half(length));
    let length = usize::try_from(length).ok().filter(|length| *length <= LONGEST_ADDRESS).ok_or(libc::EINVAL)?;
    let bytes = Callers::memory(call.tid, address, length).map_err(|_| libc::EFAULT)?;
    // While the caller waits, its thread's number cannot have become another's.
    if own.listener.is_valid(call) { Ok(bytes) } else { Err(libc::EINTR) }
}

/// The same for a call that goes on as it is where its socket cannot be had.
fn seen_socket(own: &mut Supervisor<'_>, call: &Call) -> Option<OwnedFd> {
    let copy = own.callers.socket(call.tid, number_of(call)).ok()?;
    own.listener.is_valid(call).then_some(copy)
}

/// The descriptor that a call is about, by its number.
pub(super) fn number_of(call: &Call) -> i32 {
    i32::from_ne_bytes(low_half(call.arguments[0]))
}

/// Writes over an address that [`may_redirect`] where the session serves what is dialled at it; gives whether the queue there is full, and
/// `None` where the session does not serve it.
fn redirect(own: &mut Supervisor<'_>, transport: Transport, dialled: SocketAddr, bytes: &mut [u8]) -> Option<bool> {
    let Served { at, is_full, .. } = own.served(transport, dialled)?;
    place::set_port(bytes, at.port());
    if at.ip() != unmap(dialled.ip()) {
        place::set_address(bytes, at.ip());
    }
    Some(is_full)
}

/// False where an address is certainly dialled as it is: that is asked before anything else, because it is most of them.
fn may_redirect(own: &mut Supervisor<'_>, dialled: SocketAddr) -> bool {
    own.rules.may_be_own(dialled) && own.may_serve(dialled)
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
