//! What is asked of a socket and done to it: kind, name, calls.

use std::{io, net::SocketAddr, time::Duration};

use portward_model::Transport;
pub(super) use portward_sys::device::pin;
use portward_sys::{
    device::{self, LOOPBACK, pinned_to},
    unotify::{LONGEST_ADDRESS, socket_address},
};
use rustix::{
    fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd},
    net::{
        AddressFamily, SendFlags, SocketType,
        sockopt::{self, Timeout},
    },
};

use super::fences;

/// TCP or UDP, of an internet socket; `None` for every other, which has no port to move.
pub(super) fn transport(socket: &impl AsFd) -> Option<Transport> {
    let family = sockopt::socket_domain(socket).ok()?;
    if family != AddressFamily::INET && family != AddressFamily::INET6 {
        return None;
    }
    match sockopt::socket_type(socket).ok()? {
        SocketType::STREAM => Some(Transport::Tcp),
        // An ICMP socket (`ping`) has a number where others have their port.
        SocketType::DGRAM => {
            let protocol = sockopt::socket_protocol(socket).ok()?.map(|protocol| protocol.as_raw().get());
            matches!(protocol, Some(IPPROTO_UDP | IPPROTO_UDPLITE)).then_some(Transport::Udp)
        }
        _ => None,
    }
}

/// True for a Unix socket of any type.
pub(super) fn is_unix(socket: &impl AsFd) -> bool {
    sockopt::socket_domain(socket) == Ok(AddressFamily::UNIX)
}

/// True for an address with which a socket of the internet can be bound: of its families, or of none ([`address_to_bind`]).
pub(super) fn is_internet(bytes: &[u8]) -> bool {
    let family = bytes.first_chunk().map(|family| i32::from(u16::from_ne_bytes(*family)));
    matches!(family, Some(libc::AF_UNSPEC | libc::AF_INET | libc::AF_INET6))
}

/// Takes the pin to `lo` off a socket of UDP. Without privilege that is done by taking its peer from it; one that has a peer loses
/// it only where it may.
pub(super) fn unpin(socket: &OwnedFd, even_connected: bool) {
    if pinned_to(socket).as_deref() != Some(LOOPBACK) || device::unpin(socket).is_ok() {
        return;
    }
    if even_connected || rustix::net::getpeername(socket).is_err() {
        let _ = connect(socket, &[0; SHORTEST_V4]);
    }
}

/// True for an address of no family, which takes a socket's peer from it (connect(2)).
pub(super) fn is_of_no_family(bytes: &[u8]) -> bool {
    bytes.get(..2) == Some(&[0, 0])
}

/// What a socket is called that serves others than this machine, and that no pin holds back.
pub(super) fn unpinnable(socket: &impl AsFd) -> Option<&'static str> {
    let family = i32::from(sockopt::socket_domain(socket).ok()?.as_raw());
    match family {
        libc::AF_VSOCK => Some("a vsock socket"),
        AF_SMC => Some("an SMC socket"),
        libc::AF_TIPC => Some("a TIPC socket"),
        libc::AF_BLUETOOTH => Some("a Bluetooth socket"),
        // SCTP with one socket for many peers; with one for each it is a stream like TCP, and pinned like it.
        libc::AF_INET | libc::AF_INET6 if sockopt::socket_type(socket) == Ok(SocketType::SEQPACKET) => Some("an SCTP socket"),
        _ => None,
    }
}

/// The kernel's number for a socket, which no other socket of this machine has had or gets.
pub(super) fn cookie(socket: &impl AsFd) -> u64 {
    sockopt::socket_cookie(socket).unwrap_or(0)
}

/// True for a socket of IPv6 that serves no IPv4.
pub(super) fn is_v6_only(socket: &impl AsFd) -> bool {
    sockopt::ipv6_v6only(socket).unwrap_or(false)
}

/// The address that a socket has; `None` where it has none yet.
pub(super) fn name(socket: &impl AsFd) -> Option<SocketAddr> {
    SocketAddr::try_from(rustix::net::getsockname(socket).ok()?).ok()
}

/// The same as bytes, as the kernel wrote them.
pub(super) fn name_bytes(socket: &impl AsFd) -> Option<Vec<u8>> {
    let mut bytes = vec![0; LONGEST_ADDRESS];
    let mut length = libc::socklen_t::try_from(bytes.len()).ok()?;
    // SAFETY: the kernel writes at most `length` bytes into our buffer, and how many there are into `length`.
    #[allow(unsafe_code)]
    let done =
        unsafe { libc::getsockname(socket.as_fd().as_raw_fd(), bytes.as_mut_ptr().cast(), std::ptr::from_mut(&mut length)) };
    bytes.truncate(usize::try_from(length).ok()?);
    (done == 0).then_some(bytes)
}

/// Binds with an address as bytes; gives the error number that the kernel gave.
pub(super) fn bind(socket: &OwnedFd, address: &[u8]) -> Result<(), i32> {
    let length = libc::socklen_t::try_from(address.len()).map_err(|_| libc::EINVAL)?;
    // SAFETY: the kernel reads `length` bytes of our buffer.
    #[allow(unsafe_code)]
    let done = unsafe { libc::bind(socket.as_raw_fd(), address.as_ptr().cast(), length) };
    if done == 0 { Ok(()) } else { Err(last_error()) }
}

/// Binds with `SO_REUSEADDR`, which lets a socket share a port with others that are bound and do not listen. A socket that is refused
/// all the same is left as it was.
pub(super) fn bind_shared(socket: &OwnedFd, address: &[u8]) -> Result<(), i32> {
    if sockopt::socket_reuseaddr(socket).unwrap_or(true) || sockopt::set_socket_reuseaddr(socket, true).is_err() {
        return Err(libc::EADDRINUSE);
    }
    let done = bind(socket, address);
    if done.is_err() {
        let _ = sockopt::set_socket_reuseaddr(socket, false);
    }
    done
}

/// Connects with an address as bytes; gives the error number that the kernel gave.
pub(super) fn connect(socket: &OwnedFd, address: &[u8]) -> Result<(), i32> {
    let length = libc::socklen_t::try_from(address.len()).map_err(|_| libc::EINVAL)?;
    // SAFETY: the kernel reads `length` bytes of our buffer.
    #[allow(unsafe_code)]
    let done = unsafe { libc::connect(socket.as_raw_fd(), address.as_ptr().cast(), length) };
    if done == 0 { Ok(()) } else { Err(last_error()) }
}

/// Sends with an address as bytes; gives the number of bytes that went, or the error number that the kernel gave.
pub(super) fn send_to(socket: &OwnedFd, content: &[u8], flags: SendFlags, address: &[u8]) -> Result<i64, i32> {
    let length = libc::socklen_t::try_from(address.len()).map_err(|_| libc::EINVAL)?;
    // SAFETY: the kernel reads both of our buffers, by their lengths.
    #[allow(unsafe_code)]
    let sent = unsafe {
        let flags = flags.bits().cast_signed();
        libc::sendto(socket.as_raw_fd(), content.as_ptr().cast(), content.len(), flags, address.as_ptr().cast(), length)
    };
    if sent < 0 { Err(last_error()) } else { Ok(i64::try_from(sent).unwrap_or(i64::MAX)) }
}

/// Connects a socket whose calls wait, and waits no longer than a tick of the kernel's clock: `EINPROGRESS` then, and the next
/// `connect` waits for the rest. `SO_SNDTIMEO` (socket(7)) is what it is before and after.
pub(super) fn connect_at_once(socket: &OwnedFd, address: &[u8]) -> Result<(), i32> {
    let Ok(before) = sockopt::socket_timeout(socket, Timeout::Send) else { return Err(libc::EINPROGRESS) };
    if sockopt::set_socket_timeout(socket, Timeout::Send, Some(Duration::from_millis(1))).is_err() {
        return Err(libc::EINPROGRESS);
    }
    let done = connect(socket, address);
    let _ = sockopt::set_socket_timeout(socket, Timeout::Send, before);
    done
}

/// Listens with the backlog that the program gave.
pub(super) fn listen(socket: &OwnedFd, backlog: i32) -> Result<(), i32> {
    rustix::net::listen(socket, backlog).map_err(rustix::io::Errno::raw_os_error)
}

/// True where a descriptor of a thread is closed when its process becomes another program (`proc_pid_fdinfo(5)`).
pub(super) fn closes_on_exec(tid: u32, number: i32) -> Option<bool> {
    let facts = std::fs::read_to_string(format!("/proc/{tid}/fdinfo/{number}")).ok()?;
    let flags = facts.lines().find_map(|line| line.strip_prefix("flags:"))?;
    Some(i32::from_str_radix(flags.trim(), 8).ok()? & libc::O_CLOEXEC != 0)
}

/// True when calls on the socket wait for their end.
pub(super) fn blocks(socket: &impl AsFd) -> bool {
    rustix::fs::fcntl_getfl(socket).is_ok_and(|flags| !flags.contains(rustix::fs::OFlags::NONBLOCK))
}

/// A socket that listens at a port of the loopback, on both families where there are two, and is pinned to `lo`.
pub fn open_listener(port: u16) -> io::Result<OwnedFd> {
    let open = |address: SocketAddr| -> io::Result<OwnedFd> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = rustix::net::socket_with(family, SocketType::STREAM, rustix::net::SocketFlags::CLOEXEC, None)?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        if address.is_ipv6() {
            sockopt::set_ipv6_v6only(&socket, false)?;
        }
        rustix::net::bind(&socket, &address)?;
        pin(&socket).map_err(io::Error::from_raw_os_error)?;
        rustix::net::listen(&socket, BACKLOG)?;
        Ok(socket)
    };
    match open((std::net::Ipv6Addr::UNSPECIFIED, port).into()) {
        Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => open((std::net::Ipv4Addr::UNSPECIFIED, port).into()),
        other => other,
    }
}

/// Pins every socket that serves among this process's own descriptors, which a program started by it would inherit: those are
/// past the calls that a supervisor sees. Of TCP those serve that listen, of UDP those that have a port and no peer. Gives
/// their addresses.
pub fn pin_inherited() -> io::Result<Vec<SocketAddr>> {
    let mut pinned = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")?.flatten() {
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok()) else { continue };
        let is_socket = std::fs::read_link(entry.path()).is_ok_and(|target| target.to_string_lossy().starts_with("socket:"));
        if !is_socket {
            continue;
        }
        // SAFETY: the copy is made of a number that the kernel checks, and is ours alone.
        #[allow(unsafe_code)]
        let copy = unsafe {
            let copy = libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 0);
            if copy < 0 {
                continue;
            }
            OwnedFd::from_raw_fd(copy)
        };
        let (Some(transport), Some(name)) = (transport(&copy), name(&copy)) else { continue };
        let serves = match transport {
            Transport::Udp => name.port() != 0 && rustix::net::getpeername(&copy).is_err(),
            _ => sockopt::socket_acceptconn(&copy).unwrap_or(false),
        };
        if serves {
            let kept = if transport == Transport::Udp {
                fences::enclose(&copy, Some(name)).map(|_| ()).or_else(|_| pin(&copy))
            } else {
                pin(&copy)
            };
            kept.map_err(io::Error::from_raw_os_error)?;
            pinned.push(name);
        }
    }
    Ok(pinned)
}

/// The address that a socket would be bound to. The kernel takes no family for IPv4 where the address is the wildcard's
/// (`__inet_bind`, for programs that are older than the rule).
pub(super) fn address_to_bind(socket: &impl AsFd, bytes: &[u8]) -> Option<SocketAddr> {
    let without_family = || {
        let is_v4 = sockopt::socket_domain(socket) == Ok(AddressFamily::INET);
        let wildcard = bytes.get(..2)? == [0, 0] && bytes.get(4..8)? == [0; 4] && bytes.len() >= SHORTEST_V4;
        let port = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
        (is_v4 && wildcard).then_some(SocketAddr::from(([0, 0, 0, 0], port)))
    };
    socket_address(bytes).or_else(without_family)
}

/// A number for the network namespace that a socket is of (`SO_NETNS_COOKIE`, Linux 5.14); `None` where the kernel has none.
pub(super) fn namespace(socket: &impl AsFd) -> Option<u64> {
    let mut cookie = 0_u64;
    let mut length = libc::socklen_t::try_from(size_of::<u64>()).ok()?;
    // SAFETY: the kernel writes at most `length` bytes into a number of ours, and its end into `length`.
    #[allow(unsafe_code)]
    let done = unsafe {
        let value = std::ptr::from_mut(&mut cookie).cast();
        libc::getsockopt(socket.as_fd().as_raw_fd(), libc::SOL_SOCKET, SO_NETNS_COOKIE, value, std::ptr::from_mut(&mut length))
    };
    (done == 0).then_some(cookie)
}

/// The address in bytes that a program gave; `None` for another family.
pub(super) fn address(bytes: &[u8]) -> Option<SocketAddr> {
    socket_address(bytes)
}

fn last_error() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}

/// `SO_NETNS_COOKIE` of `asm-generic/socket.h`.
const SO_NETNS_COOKIE: i32 = 71;
/// `struct sockaddr_in`
const SHORTEST_V4: usize = 16;
/// Their numbers in `linux/in.h`.
const IPPROTO_UDP: u32 = 17;
const IPPROTO_UDPLITE: u32 = 136;
/// `AF_SMC` of `linux/socket.h`.
const AF_SMC: i32 = 43;
/// Connections that wait for a program that is starting; the kernel cuts it to its own limit (`somaxconn`).
const BACKLOG: i32 = 4096;

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use portward_model::Transport;

    use super::{cookie, name, transport};

    #[test]
    fn sockets_are_told_apart() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("[::1]:0").unwrap();
        assert_eq!(transport(&tcp), Some(Transport::Tcp));
        assert_eq!(transport(&udp), Some(Transport::Udp));
        assert_ne!(cookie(&tcp), cookie(&udp));
        assert_eq!(name(&tcp), tcp.local_addr().ok());
        let (unix, _) = std::os::unix::net::UnixStream::pair().unwrap();
        assert_eq!(transport(&unix), None);
        // Groups that may ping are a setting of the machine (net.ipv4.ping_group_range).
        let icmp = rustix::net::ipproto::ICMP;
        if let Ok(ping) = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, Some(icmp)) {
            assert_eq!(transport(&ping), None);
        }
    }
}
