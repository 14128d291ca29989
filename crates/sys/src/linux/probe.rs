//! Sockets of our own that nobody can connect to: a bind that is tried, a port that is held.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use portward_model::Transport;
use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt},
    thread::{SecureComputingMode, secure_computing_mode},
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

/// True where a bind proves that no TCP socket of this namespace has the port, connected and closed ones that the kernel remembers
/// included: a wildcard without `SO_REUSEADDR` conflicts with each of them. It takes microseconds, whereas a dump of all states
/// walks the kernel's whole tables. Under a filter of system calls an answer may be somebody else's, and nothing is tried.
pub(super) fn is_free(port: u16) -> bool {
    matches!(secure_computing_mode(), Ok(SecureComputingMode::Disabled)) && matches!(hold(port), Ok(Ok(_)))
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

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use rustix::thread::{SecureComputingMode, secure_computing_mode};

    use super::is_free;

    #[test]
    fn a_port_that_a_socket_in_any_state_has_is_not_free() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        assert!(!is_free(at.port()), "a listener");
        let client = TcpStream::connect(at).unwrap();
        let own = client.local_addr().unwrap().port();
        assert!(!is_free(own), "a connection");
        let served = listener.accept().unwrap();
        drop((client, served));
        assert!(!is_free(own), "a connection that was closed");
    }

    #[test]
    fn a_port_that_nobody_has_is_free() {
        let fresh =
            || TcpListener::bind("[::]:0").or_else(|_| TcpListener::bind("0.0.0.0:0")).unwrap().local_addr().unwrap().port();
        // Another test may take one in between.
        let found = (0..8).any(|_| is_free(fresh()));
        assert_eq!(found, secure_computing_mode() == Ok(SecureComputingMode::Disabled));
    }
}
