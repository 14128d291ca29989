//! `sendto(2)` with an address, and the sends that open a connection (`MSG_FASTOPEN`).
//!
//! What a connected socket sends names no address, and is not reported. `sendmsg(2)` keeps its address where no filter sees it.

use std::net::SocketAddr;

use portward_model::Transport;
use portward_sys::unotify::{Call, Callers, LONGEST_MEMORY};
use rustix::{fd::OwnedFd, io::Errno, net::SendFlags};

use super::{Answer, address_at, low_half, may_redirect, redirect, seen_socket};
use crate::{
    linux::{fences, outward::turned, sockets, supervisor::Supervisor},
    place::Kind,
};

/// `sendto(2)`
pub(in crate::linux) fn send_to(own: &mut Supervisor<'_>, call: &Call) -> Answer {
    let Ok(mut bytes) = address_at(own, call, call.arguments[4], call.arguments[5]) else { return Answer::Proceed };
    // Most of it is let go before anything else is asked: a server's answers, and what goes elsewhere.
    let Some(to) = sockets::address(&bytes).filter(|_| own.isolated.is_none()) else { return Answer::Proceed };
    let may_be_own = may_redirect(own, to);
    // Somebody who hears this machine alone may ask outside.
    let may_ask_outside = own.kept_out.any && is_outside(to);
    if !may_be_own && !may_ask_outside {
        return Answer::Proceed;
    }
    let Some(socket) = seen_socket(own, call) else { return Answer::Proceed };
    let Some(transport) = sockets::transport(&socket).filter(|_| own.is_here(&socket)) else { return Answer::Proceed };
    let flags = SendFlags::from_bits_retain(u32::from_ne_bytes(low_half(call.arguments[3])));
    let opens = flags.bits() & FAST_OPEN != 0;
    // On TCP an address alone means nothing.
    if transport == Transport::Tcp && !opens {
        return Answer::Proceed;
    }
    if !may_be_own || redirect(own, transport, to, &mut bytes).is_none() {
        if transport == Transport::Udp && is_outside(to) {
            ask_outside(own, call, socket, to);
        }
        return Answer::Proceed;
    }
    if transport == Transport::Tcp {
        return Answer::Done(Err(libc::EOPNOTSUPP));
    }
    let Some(content) = content_of(own, call, flags) else { return Answer::Proceed };
    send(own, call, (socket, bytes), content, flags)
}

/// `sendmsg(2)` or `sendmmsg(2)` that is to open a connection: to the session's own servers they are opened by `connect(2)` alone,
/// as with kernels that forbid the other way (`net.ipv4.tcp_fastopen`).
pub(in crate::linux) fn send_message(own: &mut Supervisor<'_>, call: &Call) -> Answer {
    let flags = if call.number == libc::SYS_sendmsg { call.arguments[2] } else { call.arguments[3] };
    // All of a 32-bit program's messages are reported, which have pointers of another size.
    if flags & u64::from(FAST_OPEN) == 0 || call.is_elder || own.isolated.is_some() {
        return Answer::Proceed;
    }
    let Ok(head) = Callers::memory(call.tid, call.arguments[1], MESSAGE_NAME) else { return Answer::Proceed };
    let (Some(at), Some(length)) = (head.first_chunk::<8>(), head.get(8..).and_then(<[u8]>::first_chunk::<4>)) else {
        return Answer::Proceed;
    };
    let (at, length) = (u64::from_ne_bytes(*at), u32::from_ne_bytes(*length));
    let Ok(mut bytes) = address_at(own, call, at, length.into()) else { return Answer::Proceed };
    let Some(to) = sockets::address(&bytes).filter(|to| may_redirect(own, *to)) else { return Answer::Proceed };
    if redirect(own, Transport::Tcp, to, &mut bytes).is_some() { Answer::Done(Err(libc::EOPNOTSUPP)) } else { Answer::Proceed }
}

fn is_outside(to: SocketAddr) -> bool {
    matches!(Kind::of(to.ip()), Kind::Other | Kind::Multicast)
}

/// A socket sends to somebody outside, whose answers it is to hear.
fn ask_outside(own: &mut Supervisor<'_>, call: &Call, socket: OwnedFd, to: SocketAddr) {
    let socket = if own.has_stand_ins { turned(own, call, socket, to) } else { socket };
    let Some(fence) = fences::of(&socket) else { return };
    fences::admit(&socket, fence, to);
    if Kind::of(to.ip()) == Kind::Other {
        own.is_client(sockets::cookie(&socket));
    }
}

/// What is to be sent; `None` for what the kernel refuses by itself, and what it takes from the program's own pages.
fn content_of(own: &Supervisor<'_>, call: &Call, flags: SendFlags) -> Option<Vec<u8>> {
    let length = usize::try_from(call.arguments[2]).ok().filter(|length| *length < LONGEST_MEMORY)?;
    if flags.bits() & ZERO_COPY != 0 {
        return None;
    }
    let content = Callers::much_memory(call.tid, call.arguments[1], length).ok()?;
    own.listener.is_valid(call).then_some(content)
}

/// Sends it, without holding up other calls where the socket has no room.
fn send(own: &Supervisor<'_>, call: &Call, (socket, bytes): (OwnedFd, Vec<u8>), content: Vec<u8>, flags: SendFlags) -> Answer {
    let flags = flags | SendFlags::NOSIGNAL;
    let sent = sockets::send_to(&socket, &content, flags | SendFlags::DONTWAIT, &bytes);
    let waits = sent == Err(Errno::AGAIN.raw_os_error()) && sockets::blocks(&socket) && !flags.contains(SendFlags::DONTWAIT);
    if !waits {
        return Answer::Sent(sent);
    }
    let Ok(listener) = own.listener.share() else { return Answer::Sent(Err(libc::ENOBUFS)) };
    let call = *call;
    let patient = Box::new(move || listener.answer(&call, sockets::send_to(&socket, &content, flags, &bytes)));
    match own.waiters.take(patient) {
        Ok(()) => Answer::Later,
        Err(_) => Answer::Sent(Err(libc::ENOBUFS)),
    }
}

/// `MSG_FASTOPEN` and `MSG_ZEROCOPY` of `linux/socket.h`.
const FAST_OPEN: u32 = 0x2000_0000;
const ZERO_COPY: u32 = 0x0400_0000;
/// The place and length of an address, at the beginning of `struct msghdr`.
const MESSAGE_NAME: usize = 12;
