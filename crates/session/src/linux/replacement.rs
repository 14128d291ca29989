//! Another socket in the place of a program's own: a bound one cannot be bound anew.

use std::{io, net::SocketAddr};

use portward_model::Transport;
use portward_sys::unotify::Call;
use rustix::{
    fd::{AsRawFd, OwnedFd},
    net::{SocketFlags, sockopt},
};

use super::{fences, sockets, supervisor::Supervisor};

/// Puts a socket under a number of the caller's, in the place of what it has there.
pub(super) fn put(own: &Supervisor<'_>, call: &Call, number: i32, fresh: &OwnedFd) -> io::Result<()> {
    let closes = sockets::closes_on_exec(call.tid, number).unwrap_or(false);
    own.listener.replace(call, number, fresh, closes)
}

/// A socket of the same kind with the same options, bound to this address; fenced from its beginning where it is of UDP.
pub(super) fn alike(socket: &OwnedFd, at: SocketAddr) -> io::Result<OwnedFd> {
    let (family, kind) = (sockopt::socket_domain(socket)?, sockopt::socket_type(socket)?);
    let fresh = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, sockopt::socket_protocol(socket)?)?;
    for (level, option) in OPTIONS {
        let (Some(given), Some(usual)) = (option_of(socket, *level, *option), option_of(&fresh, *level, *option)) else {
            continue;
        };
        if given != usual {
            set_option(&fresh, *level, *option, &given);
        }
    }
    if sockets::transport(socket) == Some(Transport::Udp) {
        fences::like(&fresh, socket).map_err(io::Error::from_raw_os_error)?;
    }
    rustix::fs::fcntl_setfl(&fresh, rustix::fs::fcntl_getfl(socket)?)?;
    rustix::net::bind(&fresh, &at)?;
    Ok(fresh)
}

/// An option as the kernel gives it; `None` where the socket has none such.
fn option_of(socket: &OwnedFd, level: i32, option: i32) -> Option<Vec<u8>> {
    let mut value = vec![0; LONGEST_OPTION];
    let mut length = libc::socklen_t::try_from(value.len()).ok()?;
    // SAFETY: the kernel writes at most `length` bytes into our buffer, and its end into `length`.
    #[allow(unsafe_code)]
    let done = unsafe {
        libc::getsockopt(socket.as_raw_fd(), level, option, value.as_mut_ptr().cast(), std::ptr::from_mut(&mut length))
    };
    value.truncate(usize::try_from(length).ok()?);
    (done == 0).then_some(value)
}

/// Sets an option as the kernel gave it. Room for data is given back as twice what was asked for (socket(7)).
fn set_option(socket: &OwnedFd, level: i32, option: i32, given: &[u8]) {
    let halved = given.first_chunk().map(|room| (i32::from_ne_bytes(*room) / 2).to_ne_bytes());
    let is_room = level == libc::SOL_SOCKET && matches!(option, libc::SO_SNDBUF | libc::SO_RCVBUF);
    let value = halved.as_ref().filter(|_| is_room).map_or(given, |halved| halved);
    let Ok(length) = libc::socklen_t::try_from(value.len()) else { return };
    // SAFETY: the kernel reads `length` bytes of our buffer.
    #[allow(unsafe_code)]
    let _ = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, value.as_ptr().cast(), length) };
}

/// Options that programs set before they connect.
const OPTIONS: &[(i32, i32)] = &[
    (libc::SOL_SOCKET, libc::SO_REUSEADDR),
    (libc::SOL_SOCKET, libc::SO_REUSEPORT),
    (libc::SOL_SOCKET, libc::SO_BROADCAST),
    (libc::SOL_SOCKET, libc::SO_KEEPALIVE),
    (libc::SOL_SOCKET, libc::SO_LINGER),
    (libc::SOL_SOCKET, libc::SO_OOBINLINE),
    (libc::SOL_SOCKET, libc::SO_PRIORITY),
    (libc::SOL_SOCKET, libc::SO_RCVLOWAT),
    (libc::SOL_SOCKET, libc::SO_RCVTIMEO),
    (libc::SOL_SOCKET, libc::SO_SNDTIMEO),
    (libc::SOL_SOCKET, libc::SO_SNDBUF),
    (libc::SOL_SOCKET, libc::SO_RCVBUF),
    (libc::IPPROTO_TCP, libc::TCP_NODELAY),
    (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE),
    (libc::IPPROTO_TCP, libc::TCP_KEEPINTVL),
    (libc::IPPROTO_TCP, libc::TCP_KEEPCNT),
    (libc::IPPROTO_TCP, libc::TCP_SYNCNT),
    (libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT),
    (libc::IPPROTO_TCP, libc::TCP_CONGESTION),
    (libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT),
    (libc::IPPROTO_IP, libc::IP_TOS),
    (libc::IPPROTO_IP, libc::IP_TTL),
    (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER),
    (libc::IPPROTO_IP, libc::IP_RECVERR),
    (libc::IPPROTO_IP, libc::IP_PKTINFO),
    (libc::IPPROTO_IP, libc::IP_MULTICAST_TTL),
    (libc::IPPROTO_IP, libc::IP_MULTICAST_LOOP),
    (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY),
    (libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS),
    (libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
    (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
];
/// The longest of these is a name of 16 bytes.
const LONGEST_OPTION: usize = 64;
