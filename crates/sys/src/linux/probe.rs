//! Sockets of our own that nobody can connect to: a bind that is tried, a port that is held.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use portward_model::Transport;
use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt},
};

use crate::{Hold, SysError};

/// Binds a throw-away socket and closes it; it never listens, so nobody can connect to it.
pub(super) fn try_bind(transport: Transport, address: SocketAddr, reuse: bool) -> Result<Option<(i32, String)>, SysError> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let kind = if transport == Transport::Udp { SocketType::DGRAM } else { SocketType::STREAM };
    let opened = socket_with(family, kind, SocketFlags::CLOEXEC, None);
    let socket = opened.map_err(|error| SysError::Probe { operation: "opened", source: error.into() })?;
    if reuse {
        sockopt::set_socket_reuseaddr(&socket, true)
            .map_err(|error| SysError::Probe { operation: "set up", source: error.into() })?;
    }
    match bind(&socket, &address) {
        Ok(()) => Ok(None),
        Err(error) => {
            let words = io::Error::from(error).to_string();
            // The number is told apart from the words.
            let words = words.split(" (os error").next().unwrap_or(&words).to_owned();
            Ok(Some((error.raw_os_error(), words)))
        }
    }
}

/// Binds the wildcards of both families without `SO_REUSEADDR`: as long as the sockets live, every other bind of the
/// port is refused (`inet_csk_get_port`), and no outgoing connection is given it.
pub(super) fn hold(port: u16) -> Result<Result<Hold, String>, SysError> {
    let mut sockets = Vec::new();
    for address in [SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)), SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))] {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = match socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None) {
            Ok(socket) => socket,
            // A machine without IPv6 has one family to hold.
            Err(Errno::AFNOSUPPORT) if address.is_ipv6() => continue,
            Err(error) => return Err(SysError::Probe { operation: "opened", source: error.into() }),
        };
        if address.is_ipv6() {
            sockopt::set_ipv6_v6only(&socket, true)
                .map_err(|error| SysError::Probe { operation: "set up", source: error.into() })?;
        }
        match bind(&socket, &address) {
            Ok(()) => sockets.push(socket),
            Err(error) => return Ok(Err(io::Error::from(error).to_string())),
        }
    }
    Ok(Ok(Hold { _sockets: Box::new(sockets) }))
}
