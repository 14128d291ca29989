//! A real port that is lent: a listener for each family of the loopback, pinned to `lo`.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use portward_model::Standing;
use portward_sys::device::pin;
use rustix::{
    fd::OwnedFd,
    io::Errno,
    net::{AddressFamily, Shutdown, SocketFlags, SocketType, bind, ipproto, listen, shutdown, socket_with, sockopt},
};

/// A real port that is lent.
pub(super) struct Door {
    /// One for 127.0.0.1, one for `::1` where this machine has it.
    pub(super) listeners: Vec<OwnedFd>,
    /// Where the project serves it; at least one.
    pub(super) targets: Vec<SocketAddr>,
    /// True where somebody with more rights bound it and handed it over: it is bound again and again by nobody here.
    reserved: bool,
}

/// Binds a port on both loopback addresses without listening, for a forwarder that may not: whoever runs it later can listen there,
/// and bind nothing else.
pub fn reserve(port: u16) -> io::Result<Vec<OwnedFd>> {
    let mut sockets = Vec::with_capacity(2);
    for at in both(port) {
        match place(at) {
            Ok((_, true)) => return Err(Errno::ADDRINUSE.into()),
            Ok((socket, false)) => sockets.push(socket),
            // A machine without IPv6.
            Err(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT) if at.is_ipv6() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(sockets)
}

/// The port that a socket is bound to.
pub(super) fn bound_port(socket: &OwnedFd) -> Option<u16> {
    name(socket).map(|name| name.port()).filter(|port| *port != 0)
}

fn both(port: u16) -> [SocketAddr; 2] {
    [SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))]
}

impl Door {
    /// Takes a port on both loopback addresses, or on neither: half a port would give clients one program or another,
    /// depending on the address that they try first.
    pub(super) fn open(port: u16, targets: Vec<SocketAddr>, is_bound: &mut dyn FnMut(u16) -> bool) -> Result<Self, Standing> {
        let mut listeners = Vec::with_capacity(2);
        let mut shared = false;
        for at in both(port) {
            match place(at) {
                Ok((listener, beside)) => {
                    shared |= beside;
                    listeners.push(listener);
                }
                // A machine without IPv6.
                Err(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT) if at.is_ipv6() => {}
                Err(error) => return Err(standing(error)),
            }
        }
        // Something has the port beside us. What is left of connections keeps nobody away, but a program that has bound and
        // is about to listen has come first.
        if shared && is_bound(port) {
            return Err(Standing::Held);
        }
        for listener in &listeners {
            if name(listener).is_none_or(|name| name.port() != port) {
                // A supervisor has moved it.
                return Err(Standing::Failed(Errno::ADDRNOTAVAIL.raw_os_error()));
            }
            listen(listener, BACKLOG).map_err(standing)?;
        }
        Ok(Self { listeners, targets, reserved: false })
    }

    /// Listens on sockets that are bound already.
    pub(super) fn on(reserved: Vec<OwnedFd>, targets: Vec<SocketAddr>) -> Result<Self, (Standing, Vec<OwnedFd>)> {
        let listening = reserved.iter().try_for_each(|socket| listen(socket, BACKLOG));
        match listening {
            Ok(()) => Ok(Self { listeners: reserved, targets, reserved: true }),
            Err(error) => Err((standing(error), reserved)),
        }
    }

    /// Listens no more, and gives back what was handed over. A listener that is shut down stays bound (`tcp_disconnect()` of
    /// `net/ipv4/tcp.c` keeps a port that was asked for).
    pub(super) fn close(self) -> Option<Vec<OwnedFd>> {
        if !self.reserved {
            return None;
        }
        for listener in &self.listeners {
            let _ = shutdown(listener, Shutdown::Read);
        }
        Some(self.listeners)
    }

    /// Where a client of this listener is passed on to: the same family first, the other one where the project serves no
    /// other.
    pub(super) fn targets_for(&self, listener: &OwnedFd) -> Vec<SocketAddr> {
        let v6 = name(listener).is_some_and(|name| name.is_ipv6());
        let (same, other): (Vec<SocketAddr>, Vec<SocketAddr>) = self.targets.iter().partition(|target| target.is_ipv6() == v6);
        [same, other].concat()
    }
}

/// A socket that is bound, and whether something else is bound beside it.
pub(in crate::linux) fn place(at: SocketAddr) -> Result<(OwnedFd, bool), Errno> {
    let family = if at.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
    if at.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    pin(&socket).map_err(Errno::from_raw_os_error)?;
    let beside = match bind(&socket, &at) {
        // Only now may others be bound beside it, such as the next forwarder beside connections of this one.
        Ok(()) => false,
        Err(Errno::ADDRINUSE) => true,
        Err(error) => return Err(error),
    };
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if beside {
        bind(&socket, &at)?;
    }
    Ok((socket, beside))
}

/// The address that a socket has.
fn name(socket: &OwnedFd) -> Option<SocketAddr> {
    SocketAddr::try_from(rustix::net::getsockname(socket).ok()?).ok()
}

fn standing(error: Errno) -> Standing {
    match error {
        Errno::ADDRINUSE => Standing::Held,
        Errno::ACCESS | Errno::PERM => Standing::Denied,
        error => Standing::Failed(error.raw_os_error()),
    }
}

/// As many as the kernel allows (`net.core.somaxconn` is the limit).
pub(in crate::linux) const BACKLOG: i32 = 65535;
