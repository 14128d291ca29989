//! A real port that is lent: a listener for each family of the loopback, pinned to `lo`.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use portward_model::Standing;
use portward_sys::device::pin;
use rustix::{
    fd::OwnedFd,
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, bind, ipproto, listen, socket_with, sockopt},
};

/// A real port that is lent.
pub(super) struct Door {
    /// One for 127.0.0.1, one for `::1` where this machine has it.
    pub(super) listeners: Vec<OwnedFd>,
    /// Where the project serves it; at least one.
    pub(super) targets: Vec<SocketAddr>,
}

impl Door {
    /// Takes a port on both loopback addresses, or on neither: half a port would give clients one program or another,
    /// depending on the address that they try first.
    pub(super) fn open(port: u16, targets: Vec<SocketAddr>, is_bound: &mut dyn FnMut(u16) -> bool) -> Result<Self, Standing> {
        let mut listeners = Vec::with_capacity(2);
        let mut shared = false;
        for at in [SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))] {
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
        Ok(Self { listeners, targets })
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
fn place(at: SocketAddr) -> Result<(OwnedFd, bool), Errno> {
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
const BACKLOG: i32 = 65535;
