//! One connection of our own: what the handshake meets, what is said afterwards, and a close that does no harm.

use std::{
    mem::MaybeUninit,
    net::SocketAddr,
    time::{Duration, Instant},
};

use portward_model::{DialTarget, Ended, Exchange, Met, Said, Text};
use rustix::{
    event::PollFlags,
    fd::OwnedFd,
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, Shutdown, SocketAddrUnix, SocketFlags, SocketType, connect, getpeername,
        getsockname, recv, send, shutdown, socket_with, sockopt,
    },
};

use super::{secured, standing, wait};
use crate::{Dialled, Dialling, Secured, SysError, Talk};

/// Makes one connection on a fresh socket.
///
/// The number of a failure is the kernel's own. A Unix listener whose queue is full answers a socket that may not
/// block with `EAGAIN` (11), where a client that may block would hang. A kernel without the address family
/// refuses the socket itself; that is the client's failure too (97).
pub(super) fn dial(dial: Dialling<'_>) -> Result<Dialled, SysError> {
    let Dialling { at, patience, talk, pending, connected, wanted } = dial;
    let family = match at {
        DialTarget::Inet(SocketAddr::V4(_)) => AddressFamily::INET,
        DialTarget::Inet(SocketAddr::V6(_)) => AddressFamily::INET6,
        DialTarget::Unix(_) => AddressFamily::UNIX,
    };
    if let DialTarget::Unix(path) = at {
        // Connecting looks the path up. Where its file system may never answer, one that nobody waits for looks first.
        standing::answers(path, patience)?;
    }
    let start = Instant::now();
    let met = |met| Ok(Dialled { met, took_us: micros(start.elapsed()), exchange: None, secured: None, from: None });
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = match socket_with(family, SocketType::STREAM, flags, None) {
        Ok(socket) => socket,
        Err(error @ Errno::AFNOSUPPORT) => return met(Met::Failed(error.raw_os_error())),
        Err(error) => return Err(SysError::Probe { operation: "opened", source: error.into() }),
    };
    let mut outcome = match begin(&socket, at) {
        Ok(()) => Handshake::Done,
        Err(Errno::INPROGRESS) => look(&socket, patience, wanted)?,
        Err(error) => Handshake::Failed(error),
    };
    if matches!(outcome, Handshake::Pending) {
        pending();
        outcome = look(&socket, Duration::ZERO, wanted)?;
    }
    let was_reset = match outcome {
        Handshake::Pending => return met(Met::Silence),
        Handshake::Failed(error) => return met(Met::Failed(error.raw_os_error())),
        // Two ends of one socket: nobody answered but ourselves.
        Handshake::Done if is_itself(&socket) => return met(Met::Failed(Errno::CONNREFUSED.raw_os_error())),
        Handshake::Done => false,
        Handshake::Reset => true,
    };
    let from = getsockname(&socket).ok().and_then(|address| SocketAddr::try_from(address).ok());
    let mut dialled = Dialled { met: Met::Connected, took_us: micros(start.elapsed()), exchange: None, secured: None, from };
    connected();
    let farewell = talk.as_ref().map_or(Duration::ZERO, |talk| talk.farewell);
    match talk {
        Some(talk) if was_reset => {
            let (heard, first_ms) = (Text::default(), millis(start.elapsed()));
            dialled.exchange = Some(Exchange { said: Said::Nothing, line: None, heard, ended: Ended::Reset, first_ms });
            dialled.secured = talk.tls.map(|_| Secured::Unfinished);
        }
        Some(mut talk) => {
            if talk.patience > LONG && !matches!(at, DialTarget::Unix(_)) {
                stay_alert(&socket);
            }
            match talk.tls {
                None => dialled.exchange = Some(converse(&socket, &mut talk, wanted)),
                Some(tls) => {
                    let (how, exchange) = secured::converse(&socket, tls, &mut talk, wanted)?;
                    (dialled.secured, dialled.exchange) = (Some(how), Some(exchange));
                }
            }
        }
        None => {}
    }
    let over = dialled.exchange.as_ref().is_some_and(|exchange| matches!(exchange.ended, Ended::Reset));
    if !over && !was_reset {
        part(&socket, dialled.exchange.as_ref().map(|exchange| exchange.ended), farewell);
    }
    Ok(dialled)
}

/// How far a handshake has come.
enum Handshake {
    Done,
    /// It was completed, and the other side reset the connection before anybody looked.
    Reset,
    Failed(Errno),
    Pending,
}

fn begin(socket: &OwnedFd, at: &DialTarget) -> rustix::io::Result<()> {
    match at {
        DialTarget::Inet(address) => connect(socket, address),
        DialTarget::Unix(path) => connect(socket, &unix_address(path)?),
    }
}

fn unix_address(path: &Text) -> rustix::io::Result<SocketAddrUnix> {
    match path.raw().strip_prefix(b"@") {
        Some(name) => SocketAddrUnix::new_abstract_name(name),
        None => SocketAddrUnix::new(path.raw()),
    }
}

fn look(socket: &OwnedFd, patience: Duration, wanted: &dyn Fn() -> bool) -> Result<Handshake, SysError> {
    let failed = |error: Errno| SysError::Probe { operation: "watched", source: error.into() };
    if !wait_wanted(socket, PollFlags::OUT, Instant::now() + patience, wanted).map_err(failed)? {
        return Ok(Handshake::Pending);
    }
    Ok(match sockopt::socket_error(socket).map_err(failed)? {
        Ok(()) => Handshake::Done,
        // A reset in answer to a SYN is "refused"; these two follow a handshake only (tcp_reset of the kernel).
        Err(Errno::CONNRESET | Errno::PIPE) => Handshake::Reset,
        Err(error) => Handshake::Failed(error),
    })
}

/// True when a socket is connected to itself: the port lies in the ephemeral range, nobody listens there, and the
/// kernel gave the connecting socket that very port (simultaneous open, RFC 9293 section 3.5).
fn is_itself(socket: &OwnedFd) -> bool {
    let (Ok(local), Ok(remote)) = (getsockname(socket), getpeername(socket)) else { return false };
    let inet = |address: rustix::net::SocketAddrAny| SocketAddr::try_from(address).ok();
    same_ends(inet(local), remote.and_then(inet))
}

fn same_ends(local: Option<SocketAddr>, remote: Option<SocketAddr>) -> bool {
    local.is_some() && local == remote
}

/// Waits for one of the events while somebody wants the answer; false when the time is over, or nobody does.
pub(super) fn wait_wanted(
    socket: &OwnedFd,
    events: PollFlags,
    end: Instant,
    wanted: &dyn Fn() -> bool,
) -> rustix::io::Result<bool> {
    loop {
        let slice = end.min(Instant::now() + SLICE);
        if wait(socket, events, slice)? {
            return Ok(true);
        }
        if slice == end || !wanted() {
            return Ok(false);
        }
    }
}

/// Lets the kernel notice that the other machine has gone, which a wait for its answer alone never would.
fn stay_alert(socket: &OwnedFd) {
    // It fails nowhere on TCP; without it a wait lasts as long as it was told to.
    let _ = sockopt::set_socket_keepalive(socket, true);
    let _ = sockopt::set_tcp_keepidle(socket, LONG);
    let _ = sockopt::set_tcp_keepintvl(socket, Duration::from_secs(5));
    let _ = sockopt::set_tcp_keepcnt(socket, 3);
}

fn converse(socket: &OwnedFd, talk: &mut Talk<'_>, wanted: &dyn Fn() -> bool) -> Exchange {
    let start = Instant::now();
    let (mut said, mut unsaid) = (talk.said, talk.bytes);
    // Whoever speaks or leaves first is not spoken to.
    let listens = talk.listen_first.filter(|_| !unsaid.is_empty());
    if listens.is_some_and(|time| wait_wanted(socket, PollFlags::IN, start + time, wanted).unwrap_or(false)) {
        (said, unsaid) = (Said::Nothing, &[]);
    }
    let end = Instant::now() + talk.patience;
    let mut heard = Vec::new();
    let mut first = None;
    let mut chunk = [MaybeUninit::uninit(); CHUNK];
    let ended = loop {
        let events = if unsaid.is_empty() { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
        if !wait_wanted(socket, events, end, wanted).unwrap_or(false) {
            break Ended::Silence;
        }
        // What was heard counts more than what could not be said: a server may answer and close first.
        match recv(socket, &mut chunk, RecvFlags::empty()) {
            Ok(((read, _), _)) if !read.is_empty() => {
                first.get_or_insert_with(|| start.elapsed());
                heard.extend(read.iter().take(talk.most - heard.len()));
                if (talk.enough)(&heard) || heard.len() >= talk.most {
                    break Ended::Enough;
                }
            }
            Ok(_) => break Ended::Closed,
            Err(Errno::AGAIN | Errno::INTR) if unsaid.is_empty() => {}
            Err(Errno::AGAIN | Errno::INTR) => match send(socket, unsaid, SendFlags::NOSIGNAL) {
                Ok(sent) => unsaid = unsaid.get(sent..).unwrap_or_default(),
                Err(Errno::AGAIN | Errno::INTR) => {}
                // The next read says whether the other side closed or reset.
                Err(_) => unsaid = &[],
            },
            Err(_) => break Ended::Reset,
        }
    };
    let first_ms = millis(first.unwrap_or_else(|| start.elapsed()));
    Exchange { said, line: None, heard: Text::new(heard), ended, first_ms }
}

/// Closes so that the other side reads an end and no reset: a close with unread bytes would send one.
fn part(socket: &OwnedFd, ended: Option<Ended>, farewell: Duration) {
    // It fails where the other side has gone already, and then there is nobody to part from.
    let _ = shutdown(socket, Shutdown::Write);
    // Where more was on its way, it may take a moment; otherwise only what lies there is taken.
    let patience = if ended == Some(Ended::Enough) { farewell } else { Duration::ZERO };
    let mut end = Instant::now() + patience;
    let mut chunk = [MaybeUninit::uninit(); CHUNK];
    for _ in 0..MOST_DRAINED {
        if !wait(socket, PollFlags::IN, end).unwrap_or(false) {
            return;
        }
        match recv(socket, &mut chunk, RecvFlags::empty()) {
            Ok(((read, _), _)) if !read.is_empty() => end = end.max(Instant::now() + farewell / 4),
            Err(Errno::INTR) => {}
            Ok(_) | Err(_) => return,
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Bytes that are taken at once.
const CHUNK: usize = 4096;
/// How long a wait for a connection goes on unasked whether it is still wanted.
const SLICE: Duration = Duration::from_millis(50);
/// A silence after which it is asked whether the other machine is still there.
const LONG: Duration = Duration::from_secs(15);
/// Reads of a farewell; a server that never stops gets its reset.
const MOST_DRAINED: u32 = 64;

#[cfg(test)]
mod tests {
    use super::same_ends;

    #[test]
    fn both_ends_of_one_socket_are_no_answer() {
        let address = |text: &str| Some(text.parse().unwrap());
        assert!(same_ends(address("127.0.0.1:40000"), address("127.0.0.1:40000")));
        assert!(same_ends(address("[::1]:40000"), address("[::1]:40000")));
        assert!(!same_ends(address("127.0.0.1:40000"), address("127.0.0.1:40001")));
        assert!(!same_ends(address("127.0.0.1:40000"), address("127.0.0.2:40000")));
        assert!(!same_ends(None, None));
    }
}
