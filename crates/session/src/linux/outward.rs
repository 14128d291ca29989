//! Clients that bound an address of the network and a port, and dial out.
//!
//! A bind to such an address gets the one of the loopback that stands for it, because whoever binds may come to serve there; and from
//! the loopback nothing goes out (`EINVAL`). A socket that is bound cannot be bound anew. So when it turns out to be a client's,
//! another one takes its place at its number (`SECCOMP_IOCTL_NOTIF_ADDFD`): of the same kind, with the same options, bound to the
//! address that was asked for. It serves nobody there: one of TCP would have to listen first, one of UDP has its fence.

use std::{fs, io, net::SocketAddr};

use portward_model::{Transport, unmap};
use portward_sys::unotify::Call;
use rustix::{
    fd::{AsRawFd, OwnedFd},
    net::{SocketFlags, sockopt},
};

use super::{fences, sockets, supervisor::Supervisor};
use crate::place::Kind;

/// Puts a socket that may go out in the place of one that stands at the loopback for an address of the network, where the program
/// dials this peer with it; gives the one to go on with. Where that cannot be, it is told.
pub(super) fn turned(own: &mut Supervisor<'_>, call: &Call, socket: OwnedFd, peer: SocketAddr) -> OwnedFd {
    let asked = own.asked.get(&sockets::cookie(&socket)).copied().filter(|asked| Kind::of(asked.ip()) == Kind::Other);
    let here = sockets::name(&socket).filter(|here| unmap(here.ip()).is_loopback() && here.port() != 0);
    let (Some(asked), Some(here)) = (asked, here) else { return socket };
    // What is of this machine is reached from the loopback, too.
    if Kind::of(peer.ip()) != Kind::Other || own.addresses.stand_in(peer.ip()).is_some() {
        return socket;
    }
    match turn(own, call, &socket, (asked, here)) {
        Ok(fresh) => fresh,
        Err(because) => {
            let because = format!(
                "its own address {asked} stands at {here} in a session, from where nothing goes out, and {because}; without an \
                 address, or with port 0, it would"
            );
            own.tell_refused(call.tid, if call.number == libc::SYS_sendto { "sendto" } else { "connect" }, because);
            socket
        }
    }
}

fn turn(
    own: &mut Supervisor<'_>,
    call: &Call,
    socket: &OwnedFd,
    (asked, here): (SocketAddr, SocketAddr),
) -> Result<OwnedFd, String> {
    let [number, ..] = call.arguments;
    let number = i32::try_from(number & 0xffff_ffff).map_err(|_| "it has no number".to_owned())?;
    let pid = own.callers.process_of(call.tid);
    if is_awaited(pid, number) {
        return Err("the program waits for it already (epoll(7))".to_owned());
    }
    let mut at = asked;
    at.set_port(here.port());
    let fresh = alike(socket, at).map_err(|error| format!("the same socket could not be made for that address ({error})"))?;
    if sockets::transport(&fresh) == Some(Transport::Udp) {
        own.kept_out.watch(&fresh, pid);
        own.is_client(sockets::cookie(socket));
    }
    let replaced = own.listener.replace(call, &fresh, number, is_closed_by_exec(call.tid, number));
    replaced.map_err(|errno| format!("it could not be exchanged ({})", io::Error::from_raw_os_error(errno)))?;
    Ok(fresh)
}

/// A socket of the same kind with the same options, bound to this address; fenced from its beginning where it is of UDP.
fn alike(socket: &OwnedFd, at: SocketAddr) -> io::Result<OwnedFd> {
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

/// True where the program has asked to hear of a descriptor by `epoll(7)`, which holds on to the socket and not to its number.
fn is_awaited(pid: u32, number: i32) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    let polls = entries
        .flatten()
        .filter(|entry| fs::read_link(entry.path()).is_ok_and(|target| target.as_os_str() == "anon_inode:[eventpoll]"));
    polls.filter_map(|entry| entry.file_name().to_str().map(str::to_owned)).any(|poll| {
        let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{poll}")).unwrap_or_default();
        let mut awaited = info.lines().filter_map(|line| line.strip_prefix("tfd:")?.split_whitespace().next()?.parse().ok());
        awaited.any(|awaited: i32| awaited == number)
    })
}

fn is_closed_by_exec(tid: u32, number: i32) -> bool {
    let info = fs::read_to_string(format!("/proc/{tid}/fdinfo/{number}")).unwrap_or_default();
    let flags = info.lines().find_map(|line| i32::from_str_radix(line.strip_prefix("flags:")?.trim(), 8).ok());
    flags.is_some_and(|flags| flags & libc::O_CLOEXEC != 0)
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
