//! Pinning another program's socket to the loopback device, on a copy of its descriptor (`pidfd_getfd(2)`).

use std::{io, net::SocketAddr};

use portward_model::{Holding, ProcessId, Socket, Text, Transport};
use rustix::{
    fd::OwnedFd,
    fs::fstat,
    io::Errno,
    net::{getsockname, ipproto, sockopt},
};

use super::{
    actions, descriptors, device,
    fence::{self, Fence, Filtered},
    kernel,
};
use crate::{Pinned, SysError};

/// Pins this very socket, which this process holds by this descriptor.
pub(super) fn pin(process: ProcessId, holding: &Holding, listed: &Socket) -> Result<Pinned, SysError> {
    // From here on the pid means this process and no other.
    let held = actions::hold(process)?;
    let socket = match descriptors::copy_of(&held, holding) {
        Ok(socket) => socket,
        Err(Errno::PERM | Errno::ACCESS) => return Ok(Pinned::Denied { ptrace_scope: ptrace_scope() }),
        Err(Errno::BADF | Errno::SRCH) => return Ok(Pinned::Gone),
        Err(Errno::NOSYS) => {
            return Err(SysError::Unsupported {
                what: "copies of another program's descriptor (pidfd_getfd, Linux 5.6)".to_owned(),
            });
        }
        Err(error) => return Err(failed(process, error.into())),
    };
    // The number may have come to mean another socket since it was listed.
    if !is_same(&socket, listed) {
        return Ok(Pinned::Gone);
    }
    if listed.transport == Transport::Udp {
        fence_for_good(&socket);
    }
    let before = device::pinned_to(&socket).unwrap_or_default();
    if before == device::LOOPBACK {
        return Ok(Pinned::Already);
    }
    match device::pin(&socket) {
        Ok(()) => Ok(Pinned::Now),
        Err(libc::EPERM) if !before.is_empty() => Ok(Pinned::Elsewhere { device: Text::new(&before) }),
        Err(number) => Err(failed(process, io::Error::from_raw_os_error(number))),
    }
}

/// Puts a fence on a socket of UDP, and locks it: its pin alone would go with the next `connect(2)` that names no family. One
/// that has a filter of its own which is locked, or which the kernel does not show, is left with the pin.
fn fence_for_good(socket: &OwnedFd) {
    let own = match fence::filtered(socket) {
        Ok(Filtered::Not) => Vec::new(),
        Ok(Filtered::Fenced(fence)) => fence.own,
        Ok(Filtered::Own(own)) => own,
        Err(_) => return,
    };
    if fence::raise(socket, &Fence { peers: Vec::new(), own }).is_ok() {
        let _ = fence::lock(socket);
    }
}

/// True when a descriptor is that of the listed socket.
///
/// Of an MPTCP socket the TCP socket below it is listed, which has a cookie of its own, and the inode of the one that the
/// program holds (`net/mptcp/protocol.c`).
fn is_same(socket: &OwnedFd, listed: &Socket) -> bool {
    if sockopt::socket_cookie(socket).ok() == Some(listed.cookie) {
        return true;
    }
    let is_mptcp = sockopt::socket_protocol(socket).ok().flatten() == Some(ipproto::MPTCP);
    let same_inode = fstat(socket).is_ok_and(|found| found.st_ino == listed.inode);
    let port = getsockname(socket).ok().and_then(|name| SocketAddr::try_from(name).ok()).map(|name| name.port());
    is_mptcp && same_inode && port == listed.port()
}

fn failed(process: ProcessId, source: io::Error) -> SysError {
    SysError::Process { pid: process.pid, operation: "reached for its socket", source }
}

/// What Yama allows (`kernel.yama.ptrace_scope`), where the kernel has it and it forbids anything.
fn ptrace_scope() -> Option<u8> {
    let text = kernel::read_to_string("/proc/sys/kernel/yama/ptrace_scope").ok()?;
    text.trim().parse().ok().filter(|scope| *scope > 0)
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, os::fd::AsRawFd};

    use portward_model::{Family, Holding, ProcessId, Queue, Socket, SocketName, SocketState, Transport};
    use rustix::net::sockopt;

    use super::pin;
    use crate::{Pinned, SysError, linux::processes};

    fn listed(listener: &TcpListener) -> Socket {
        let local = listener.local_addr().unwrap();
        Socket {
            transport: Transport::Tcp,
            state: SocketState::Listen,
            family: Family::Ipv4,
            v6_only: None,
            netns: 0,
            interface: 0,
            uid: 0,
            queue: Queue::default(),
            inode: rustix::fs::fstat(listener).unwrap().st_ino,
            cookie: sockopt::socket_cookie(listener).unwrap(),
            cgroup: 0,
            traffic: None,
            name: SocketName::Inet { local: local.ip(), port: local.port(), remote: local.ip(), remote_port: 0 },
        }
    }

    #[test]
    fn the_very_socket_and_no_other() {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let other = TcpListener::bind("0.0.0.0:0").unwrap();
        let own = processes::read(&[std::process::id()]).unwrap();
        let process = own.iter().find(|process| process.id.pid == std::process::id()).unwrap().id;
        let holding =
            |descriptor: i32| Holding { socket: 0, pid: process.pid, tid: None, fd: descriptor.cast_unsigned(), ring: false };
        let socket = listed(&listener);
        assert_eq!(pin(process, &holding(other.as_raw_fd()), &socket).unwrap(), Pinned::Gone);
        assert_eq!(pin(process, &holding(9_999), &socket).unwrap(), Pinned::Gone);
        // An inode says nothing without its cookie, but of MPTCP.
        let reborn = Socket { cookie: socket.cookie + 1_000_000, ..socket.clone() };
        assert_eq!(pin(process, &holding(listener.as_raw_fd()), &reborn).unwrap(), Pinned::Gone);
        assert_eq!(pin(process, &holding(listener.as_raw_fd()), &socket).unwrap(), Pinned::Now);
        assert_eq!(pin(process, &holding(listener.as_raw_fd()), &socket).unwrap(), Pinned::Already);
        let reused = ProcessId { started_ticks: process.started_ticks + 1, ..process };
        assert!(matches!(pin(reused, &holding(listener.as_raw_fd()), &socket), Err(SysError::Replaced { .. })));
    }
}
