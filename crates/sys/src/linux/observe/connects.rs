//! Connects as they are reported, and how each of them ended.
//!
//! The address is read from the caller's memory, and the socket is copied from its table; then the call goes on as if
//! nobody had looked. What came of it is told by the state of the copied socket, which takes nothing from the program.
//! The copy is closed as soon as that is known: while it is open, a close by the program sends no end.

use std::{
    mem::MaybeUninit,
    time::{Duration, Instant},
};

use portward_model::{DialTarget, ObservedConnect, Text};
use portward_wire::procfs;
use rustix::{
    event::PollFlags,
    fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    fs::fstat,
    net::{SocketType, getpeername, sockopt},
};

use crate::linux::{
    kernel,
    unotify::{Call, Callers, Listener, socket_address},
};

/// The listener of a filter, and what it reported.
pub(super) struct Connects {
    listener: Option<Listener>,
    callers: Callers,
    noted: Vec<ObservedConnect>,
    /// Sockets that have been noted, by inode, with the address: a second call of the same is asking for the outcome.
    known: Vec<(u64, DialTarget)>,
    pending: Vec<Pending>,
}

/// A connect whose end has not been seen.
struct Pending {
    /// Its place in `noted`.
    at: usize,
    socket: OwnedFd,
    caller: Caller,
    since: Instant,
}

/// A call that may still go on.
struct Caller {
    tid: u32,
    descriptor: u64,
}

impl Connects {
    pub(super) fn new(listener: Listener) -> Self {
        Self { listener: Some(listener), callers: Callers::default(), noted: Vec::new(), known: Vec::new(), pending: Vec::new() }
    }

    /// What to wait on; `None` once nobody has the filter any more.
    pub(super) fn listener(&self) -> Option<BorrowedFd<'_>> {
        self.listener.as_ref().map(AsFd::as_fd)
    }

    pub(super) fn into_noted(self) -> Vec<ObservedConnect> {
        self.noted
    }

    /// The listener, where somebody may still have the filter.
    pub(super) fn give_up(&mut self) -> Option<Listener> {
        self.listener.take()
    }

    /// Takes the next report, or closes the listener when there can be none.
    pub(super) fn serve(&mut self, came: PollFlags) {
        let Some(listener) = self.listener.as_ref() else { return };
        if !came.contains(PollFlags::IN) {
            if came.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
                self.listener = None;
            }
            return;
        }
        // A caller that was interrupted meanwhile has taken its report back.
        let Some(call) = listener.receive() else { return };
        let found = (self.noted.len() < MOST_NOTED).then(|| Found::of(&call, &mut self.callers)).flatten();
        // While the call waits for its answer, the thread cannot have become another one.
        let found = found.filter(|_| listener.is_valid(&call));
        let caller = Caller { tid: call.tid, descriptor: call.arguments[0] };
        listener.proceed(&call);
        if let Some(found) = found {
            self.note(found, caller);
        }
    }

    fn note(&mut self, found: Found, caller: Caller) {
        let Found { pid, at, socket } = found;
        let inode = socket.as_ref().and_then(|socket| fstat(socket).ok()).map_or(0, |stat| stat.st_ino);
        if inode != 0 && self.known.iter().any(|(known, target)| *known == inode && *target == at) {
            return;
        }
        self.known.push((inode, at.clone()));
        self.noted.push(ObservedConnect { pid, at, errno: None });
        if let (Some(socket), true) = (socket, self.pending.len() < MOST_PENDING) {
            self.pending.push(Pending { at: self.noted.len() - 1, socket, caller, since: Instant::now() });
        }
    }

    /// Looks at connects that have not ended; true while there are any.
    pub(super) fn look(&mut self) -> bool {
        let noted = &mut self.noted;
        self.pending.retain(|pending| {
            let outcome = pending.outcome();
            if let (Outcome::Ended(errno), Some(connect)) = (outcome, noted.get_mut(pending.at)) {
                connect.errno = errno;
            }
            matches!(outcome, Outcome::Open) && pending.since.elapsed() < PATIENCE
        });
        !self.pending.is_empty()
    }
}

/// What came of a connect.
#[derive(Clone, Copy)]
enum Outcome {
    Open,
    /// With the number that the program got, where it is known.
    Ended(Option<i32>),
}

impl Pending {
    fn outcome(&self) -> Outcome {
        let Some(tcp) = tcp_info(&self.socket) else {
            // Not TCP: a Unix socket has a peer or it has none.
            return match getpeername(&self.socket) {
                Ok(Some(_)) => Outcome::Ended(Some(0)),
                Ok(None) | Err(_) if self.caller.goes_on() => Outcome::Open,
                Ok(None) | Err(_) => Outcome::Ended(None),
            };
        };
        match tcp.tcpi_state {
            TCP_SYN_SENT | TCP_SYN_RECV => Outcome::Open,
            TCP_CLOSE if tcp.tcpi_bytes_acked > 0 => Outcome::Ended(Some(0)),
            // Only a socket that found a route and sent a SYN has learnt how large a segment may be.
            TCP_CLOSE if tcp.tcpi_snd_mss != UNTRIED_SEGMENT => Outcome::Ended(Some(libc::ECONNREFUSED)),
            // Not tried yet, or refused by this machine itself: the two look alike while the call goes on.
            TCP_CLOSE if self.caller.goes_on() => Outcome::Open,
            TCP_CLOSE => Outcome::Ended(None),
            _ => Outcome::Ended(Some(0)),
        }
    }
}

impl Caller {
    /// False when the thread is known to have left the call; a thread that runs, or cannot be looked at, may be in it.
    fn goes_on(&self) -> bool {
        match kernel::read(format!("/proc/{}/syscall", self.tid)) {
            Ok(bytes) => match procfs::system_call(&bytes) {
                Some((number, argument)) => number < 0 || (number == libc::SYS_connect && argument == Some(self.descriptor)),
                None => true,
            },
            Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
        }
    }
}

/// A connect that is worth noting.
struct Found {
    pid: u32,
    at: DialTarget,
    socket: Option<OwnedFd>,
}

impl Found {
    fn of(call: &Call, callers: &mut Callers) -> Option<Self> {
        let [descriptor, address, length, ..] = call.arguments;
        let at = target(&Callers::memory(call.tid, address, usize::try_from(length).ok()?).ok()?)?;
        let status = kernel::read(format!("/proc/{}/status", call.tid)).ok()?;
        let pid = procfs::thread_group(&status).unwrap_or(call.tid);
        let socket = i32::try_from(descriptor & 0xFFFF_FFFF).ok().and_then(|number| callers.socket(call.tid, number).ok());
        // A resolver connects datagram sockets to every address that it found, to learn which way they would go.
        let streams = socket.as_ref().is_none_or(|socket| sockopt::socket_type(socket) != Ok(SocketType::DGRAM));
        let of_the_library = matches!(&at, DialTarget::Unix(path) if LIBRARY.contains(&path.raw()));
        (streams && !of_the_library).then_some(Self { pid, at, socket })
    }
}

/// An address as a program gives it to `connect(2)`; `None` for a family that is not Portward's.
fn target(bytes: &[u8]) -> Option<DialTarget> {
    if let Some(address) = socket_address(bytes) {
        return Some(DialTarget::Inet(address));
    }
    let family = i32::from(u16::from_ne_bytes(*bytes.first_chunk()?));
    let path = bytes.get(2..).filter(|_| family == libc::AF_UNIX)?;
    let text = match path.split_first()? {
        (0, name) => Text::new([b"@", name].concat()),
        _ => Text::new(path.split(|b| *b == 0).next().unwrap_or_default()),
    };
    Some(DialTarget::Unix(text))
}

/// `None` where the socket is none of TCP.
fn tcp_info(socket: &OwnedFd) -> Option<libc::tcp_info> {
    if sockopt::socket_protocol(socket) != Ok(Some(rustix::net::ipproto::TCP)) {
        return None;
    }
    let mut found = MaybeUninit::<libc::tcp_info>::zeroed();
    let mut length = libc::socklen_t::try_from(size_of::<libc::tcp_info>()).ok()?;
    // SAFETY: the kernel writes at most `length` bytes into the structure; what an older kernel leaves out stays zero,
    // and all fields are numbers.
    #[allow(unsafe_code)]
    let (done, found) = unsafe {
        let into = found.as_mut_ptr().cast();
        let done = libc::getsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, into, std::ptr::from_mut(&mut length));
        (done, found.assume_init())
    };
    (done == 0).then_some(found)
}

/// Sockets that the C library and the system's own clients dial before what the user meant.
const LIBRARY: &[&[u8]] =
    &[b"/var/run/nscd/socket", b"/run/nscd/socket", b"/run/systemd/resolve/io.systemd.Resolve", b"/dev/log"];
/// As many as an [`portward_model::Observed`] keeps.
const MOST_NOTED: usize = 64;
const MOST_PENDING: usize = 16;
/// How long a connect is looked at. A SYN that is dropped is sent again after a second, and nothing is known sooner.
const PATIENCE: Duration = Duration::from_millis(300);
/// `TCP_MSS_DEFAULT` of `linux/tcp.h`, which a socket has until it found a route.
const UNTRIED_SEGMENT: u32 = 536;
/// States of `net/tcp_states.h`.
const TCP_SYN_SENT: u8 = 2;
const TCP_SYN_RECV: u8 = 3;
const TCP_CLOSE: u8 = 7;

#[cfg(test)]
mod tests {
    use portward_model::DialTarget;

    use super::target;

    #[test]
    fn paths_as_programs_give_them() {
        let shown = |bytes: &[u8]| match target(bytes) {
            Some(DialTarget::Inet(address)) => address.to_string(),
            Some(DialTarget::Unix(path)) => path.shown(),
            None => "none".to_owned(),
        };
        let family = |family: i32| u16::try_from(family).unwrap().to_ne_bytes();
        let v4 = [&family(libc::AF_INET)[..], &[0x0b, 0xb8, 127, 0, 0, 1], &[0; 8]].concat();
        assert_eq!(shown(&v4), "127.0.0.1:3000");
        assert_eq!(shown(&[&family(libc::AF_UNIX)[..], b"/run/x.sock\0junk"].concat()), "/run/x.sock");
        assert_eq!(shown(&[&family(libc::AF_UNIX)[..], b"\0name"].concat()), "@name");
        assert_eq!(shown(&family(libc::AF_NETLINK)), "none");
    }
}
