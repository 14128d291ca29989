//! `getsockname(2)`, which is reported in those sessions alone whose programs compare what they asked for with what they got.
//!
//! The kernel's own name of the socket is written into the program's memory, with the asked port in the place of the given one: the
//! one case in which a session writes there. What Portward tells of a socket comes from the kernel.

use std::net::SocketAddr;

use portward_sys::unotify::{Call, Callers};

use super::{Answer, number_of};
use crate::{
    linux::{sockets, supervisor::Supervisor},
    place::{self, Kind},
};

/// What was asked for, by the port that was given: a connection that a server accepted asks for its name, too.
#[derive(Default)]
pub(in crate::linux) struct Names(rustc_hash::FxHashMap<u16, SocketAddr>);

/// Notes what a bind asked for and got, where programs are to be answered with that.
pub(in crate::linux) fn note(own: &mut Supervisor<'_>, asked: SocketAddr, port: u16) {
    if own.manner.as_asked {
        own.names.0.insert(port, asked);
    }
}

/// `getsockname(2)`
pub(in crate::linux) fn name(own: &mut Supervisor<'_>, call: &Call) -> Answer {
    let number = number_of(call);
    let Ok(socket) = own.callers.socket(call.tid, number) else { return Answer::Proceed };
    if sockets::transport(&socket).is_none() || !own.is_here(&socket) {
        return Answer::Proceed;
    }
    let Some(mut bytes) = sockets::name_bytes(&socket) else { return Answer::Proceed };
    let Some(got) = sockets::address(&bytes) else { return Answer::Proceed };
    let noted = own.asked.get(&sockets::cookie(&socket)).or_else(|| own.names.0.get(&got.port())).copied();
    let Some(asked) = noted.filter(|asked| got.port() != 0 && (asked.port() != got.port() || stands_in(*asked))) else {
        return Answer::Proceed;
    };
    place::set_port(&mut bytes, asked.port());
    if stands_in(asked) && got.ip().to_canonical().is_loopback() {
        place::set_address(&mut bytes, asked.ip());
    }
    Answer::Done(write(own, call, &bytes))
}

/// True for an address for which another one stands in the session.
fn stands_in(asked: SocketAddr) -> bool {
    Kind::of(asked.ip()) == Kind::Other
}

/// Writes a name and its length where the program wants them: as much of it as there is room for, and how long all of it is.
fn write(own: &Supervisor<'_>, call: &Call, name: &[u8]) -> Result<(), i32> {
    let [_, address, length, ..] = call.arguments;
    let room = Callers::memory(call.tid, length, size_of::<i32>()).map_err(|_| libc::EFAULT)?;
    let room = room.first_chunk().map_or(0, |room| i32::from_ne_bytes(*room));
    let room = usize::try_from(room).map_err(|_| libc::EINVAL)?;
    let whole = libc::socklen_t::try_from(name.len()).map_err(|_| libc::EINVAL)?;
    // While the caller waits, its thread's number cannot have become another's.
    if !own.listener.is_valid(call) {
        return Err(libc::EINTR);
    }
    let shown = name.get(..room.min(name.len())).unwrap_or(name);
    if !shown.is_empty() {
        Callers::write(call.tid, address, shown).map_err(|_| libc::EFAULT)?;
    }
    Callers::write(call.tid, length, &whole.to_ne_bytes()).map_err(|_| libc::EFAULT)
}
