//! The sockets at which a folder is served.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use portward_sys::device::pin;
use rustix::{
    fd::OwnedFd,
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, ipproto, listen, socket_with, sockopt},
};

/// Sockets that listen: one for each family that this machine has.
#[derive(Debug)]
pub struct Doors {
    pub(super) sockets: Vec<OwnedFd>,
    /// The port of all of them.
    pub port: u16,
}

/// Listens at a port: on both loopback addresses, pinned to `lo`; exposed, on every address. On all of them or on none: half a port
/// would give clients one program or another, depending on the address that they try first.
///
/// # Errors
/// `AddrInUse` where somebody else has it, `AddrNotAvailable` where a supervisor has moved it and that is not wanted, and what the system
/// says.
pub fn open_doors(port: u16, exposed: bool, may_move: bool) -> io::Result<Doors> {
    let places: [SocketAddr; 2] = if exposed {
        [(Ipv4Addr::UNSPECIFIED, port).into(), (Ipv6Addr::UNSPECIFIED, port).into()]
    } else {
        [(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]
    };
    let mut sockets = Vec::with_capacity(2);
    let mut found = 0;
    for place in places {
        let at = SocketAddr::new(place.ip(), if port == 0 { found } else { port });
        match open(at, exposed) {
            Ok(socket) => {
                let here = SocketAddr::try_from(getsockname(&socket)?).map_err(io::Error::from)?.port();
                if !sockets.is_empty() && here != found {
                    return Err(Errno::ADDRNOTAVAIL.into());
                }
                found = here;
                sockets.push(socket);
            }
            // A machine without IPv6.
            Err(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT) if at.is_ipv6() && !sockets.is_empty() => {}
            Err(error) => return Err(error.into()),
        }
    }
    if port != 0 && found != port && !may_move {
        // A supervisor has moved it: who looks for it there would not find it.
        return Err(Errno::ADDRNOTAVAIL.into());
    }
    Ok(Doors { sockets, port: found })
}

fn open(at: SocketAddr, exposed: bool) -> Result<OwnedFd, Errno> {
    let family = if at.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
    if at.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    if !exposed {
        pin(&socket).map_err(Errno::from_raw_os_error)?;
    }
    // What is left of an earlier server's connections keeps nobody away; a listener does.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &at)?;
    listen(&socket, BACKLOG)?;
    Ok(socket)
}

/// Connections that wait to be taken in.
const BACKLOG: i32 = 1024;
