//! `setsockopt(2)` of the options by which a socket would hear more than a session lets it.

use portward_model::Transport;
use portward_sys::{
    fence::{Fence, Step},
    unotify::{Call, Callers, LONGEST_MEMORY},
};
use rustix::fd::OwnedFd;

use super::{Answer, low_half, seen_socket};
use crate::{
    linux::{fences, sockets, supervisor::Supervisor},
    rules::Apply,
};

/// `setsockopt(2)` with one of [`OPTIONS`].
pub(in crate::linux) fn set_option(own: &mut Supervisor<'_>, call: &Call) -> Answer {
    let [_, level, option, ..] = call.arguments.map(|argument| u32::from_ne_bytes(low_half(argument)));
    // All of a 32-bit program's options are reported.
    if !own.rules.pins() || level != SOL_SOCKET || !OPTIONS.contains(&option) {
        return Answer::Proceed;
    }
    let Some(socket) = seen_socket(own, call) else { return Answer::Proceed };
    let Some(transport) = sockets::transport(&socket).filter(|_| own.is_here(&socket)) else { return Answer::Proceed };
    match transport {
        // As the kernel answers whoever has no privilege (socket(7)).
        Transport::Tcp if DEVICE.contains(&option) && is_pinned(&socket) => Answer::Done(Err(libc::EPERM)),
        Transport::Udp if !DEVICE.contains(&option) => match fences::of(&socket) {
            Some(fence) => Answer::Done(behind(own, call, &socket, fence, option)),
            None => Answer::Proceed,
        },
        _ => Answer::Proceed,
    }
}

/// What a program does to the filter of a socket that has a fence: its own goes on behind that.
fn behind(own: &Supervisor<'_>, call: &Call, socket: &OwnedFd, fence: Fence, option: u32) -> Result<(), i32> {
    match option {
        ATTACH_FILTER => {
            let program = program_of(own, call)?;
            fences::put_behind(socket, fence, program)
        }
        DETACH_FILTER if fence.own.is_empty() => Err(libc::ENOENT),
        DETACH_FILTER => fences::put_behind(socket, fence, Vec::new()),
        // A fence stays as good as locked, and the session has to go on changing it.
        LOCK_FILTER => Ok(()),
        // One of another machine cannot stand behind a fence.
        _ => Err(libc::EPERM),
    }
}

/// The filter that a program gives (`struct sock_fprog`).
fn program_of(own: &Supervisor<'_>, call: &Call) -> Result<Vec<Step>, i32> {
    // Its length and a pointer, aligned.
    let head = if call.is_elder { 8 } else { 16 };
    if usize::try_from(u32::from_ne_bytes(low_half(call.arguments[4]))).is_ok_and(|given| given < head) {
        return Err(libc::EINVAL);
    }
    let head = Callers::memory(call.tid, call.arguments[3], head).map_err(|_| libc::EFAULT)?;
    let count = head.first_chunk::<2>().map(|count| usize::from(u16::from_ne_bytes(*count))).unwrap_or_default();
    let narrow = head.get(4..).and_then(<[u8]>::first_chunk::<4>).map(|at| u64::from(u32::from_ne_bytes(*at)));
    let wide = head.get(8..).and_then(<[u8]>::first_chunk::<8>).map(|at| u64::from_ne_bytes(*at));
    let at = wide.or(narrow).ok_or(libc::EFAULT)?;
    let length = count * size_of::<Step>();
    if count == 0 || length > LONGEST_MEMORY {
        return Err(libc::EINVAL);
    }
    let bytes = Callers::much_memory(call.tid, at, length).map_err(|_| libc::EFAULT)?;
    if !own.listener.is_valid(call) {
        return Err(libc::EINTR);
    }
    let steps = bytes.as_chunks::<8>().0.iter().map(|[a, b, jt, jf, k @ ..]| Step {
        code: u16::from_ne_bytes([*a, *b]),
        jt: *jt,
        jf: *jf,
        k: u32::from_ne_bytes(*k),
    });
    Ok(steps.collect())
}

fn is_pinned(socket: &OwnedFd) -> bool {
    portward_sys::device::pinned_to(socket).as_deref() == Some(portward_sys::device::LOOPBACK)
}

/// The level of all these options.
pub(in crate::linux) const SOL_SOCKET: u32 = libc::SOL_SOCKET.cast_unsigned();
/// Those that change what a socket hears (`asm-generic/socket.h`); reuseport programs choose among sockets, each with its own fence.
pub(in crate::linux) const OPTIONS: &[u32] = &[DEVICE[0], DEVICE[1], ATTACH_FILTER, DETACH_FILTER, LOCK_FILTER, ATTACH_BPF];
/// `SO_BINDTODEVICE` and `SO_BINDTOIFINDEX`
const DEVICE: [u32; 2] = [25, 62];
const ATTACH_FILTER: u32 = 26;
const DETACH_FILTER: u32 = 27;
const LOCK_FILTER: u32 = 44;
const ATTACH_BPF: u32 = 50;
