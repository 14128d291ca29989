//! Ports that are kept for a session's programs: bound, and not listening.
//!
//! The kernel gives such a port to nobody who asks for any port, and refuses it to strangers that ask for it without
//! `SO_REUSEADDR`. Those that set it get past: two sockets that both allow it may share a port as long as none of them listens
//! (socket(7)). That is what lets the session's own programs in, too.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use rustc_hash::FxHashMap;
use rustix::{
    fd::OwnedFd,
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt},
};

/// The ports that are kept now.
#[derive(Default)]
pub(super) struct Holds(FxHashMap<u16, Vec<OwnedFd>>);

impl Holds {
    /// Keeps those of the ports that nothing has, and no others.
    pub(super) fn keep(&mut self, ports: &[u16]) {
        self.0.retain(|port, _| ports.contains(port));
        for port in ports {
            if !self.0.contains_key(port)
                && let Ok(sockets) = hold(*port)
            {
                self.0.insert(*port, sockets);
            }
        }
    }

    /// Lets one go, for a program that binds it.
    pub(super) fn let_go(&mut self, port: u16) {
        self.0.remove(&port);
    }
}

/// Binds a port on the loopback of both families; both or none.
fn hold(port: u16) -> Result<Vec<OwnedFd>, Errno> {
    let mut sockets = Vec::with_capacity(2);
    for address in [SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))] {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = match socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None) {
            Err(Errno::AFNOSUPPORT) if address.is_ipv6() => continue,
            other => other?,
        };
        sockopt::set_socket_reuseaddr(&socket, true)?;
        match bind(&socket, &address) {
            // IPv6 may be switched off for the device.
            Err(Errno::ADDRNOTAVAIL) if address.is_ipv6() => {}
            other => {
                other?;
                sockets.push(socket);
            }
        }
    }
    Ok(sockets)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::Holds;

    #[test]
    fn a_kept_port_is_had_by_those_that_may_share_it() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut holds = Holds::default();
        holds.keep(&[port]);
        assert_eq!(holds.0.len(), 1);
        // The standard library sets SO_REUSEADDR, as nearly every server does.
        let server = TcpListener::bind(("127.0.0.1", port)).unwrap();
        holds.let_go(port);
        holds.keep(&[port]);
        assert!(holds.0.is_empty(), "what listens is not held as well");
        drop(server);
        holds.keep(&[port]);
        assert_eq!(holds.0.len(), 1);
        holds.keep(&[]);
        assert!(holds.0.is_empty());
    }
}
