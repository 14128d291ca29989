//! Ports that are kept for a session's programs: bound, and not listening.
//!
//! The kernel gives such a port to nobody who asks for any port, and refuses it to strangers that ask for it without
//! `SO_REUSEADDR`. Those that set it get past: two sockets that both allow it may share a port as long as none of them listens
//! (socket(7)). That is what lets the session's own programs in, too.
//!
//! What is kept is pinned to `lo`, by which it can be told from what programs have bound: those of TCP are pinned when they
//! listen. Where the kernel lists no such sockets (before Linux 6.8), nothing is kept: a program of another session of the
//! project could not be let in.
//!
//! A port costs two descriptors, and answering a call comes first: a few ports of many are kept, and none any more once the
//! descriptors have run out.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use portward_model::PortRange;
use portward_sys::{Ask, PortFilter, StateSet, Transports, Which, device::pin};
use rustc_hash::FxHashMap;
use rustix::{
    fd::OwnedFd,
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt},
    process::{Resource, getrlimit},
};

use super::whose::is_kept;

/// The ports that are kept now.
#[derive(Default)]
pub(super) struct Holds {
    sockets: FxHashMap<u16, Vec<OwnedFd>>,
    /// True once the descriptors ran out.
    given_up: bool,
}

impl Holds {
    /// Keeps those of the ports that nothing has, and no others.
    pub(super) fn keep(&mut self, ports: &[u16]) {
        self.sockets.retain(|port, _| ports.contains(port));
        if self.given_up {
            return;
        }
        let most = most(getrlimit(Resource::Nofile).current);
        for port in ports {
            if self.sockets.len() >= most {
                return;
            }
            if !self.sockets.contains_key(port)
                && let Ok(sockets) = hold(*port)
            {
                if self.sockets.is_empty() && !look(*port).kept {
                    // No kernel that lists what is bound.
                    self.given_up = true;
                    return;
                }
                self.sockets.insert(*port, sockets);
            }
        }
    }

    /// Lets all go for good: their descriptors are needed for calls.
    pub(super) fn give_up(&mut self) {
        self.sockets.clear();
        self.given_up = true;
    }

    /// Lets one go, for a program that binds it.
    pub(super) fn let_go(&mut self, port: u16) {
        self.sockets.remove(&port);
    }
}

/// True where the kernel says that a port of TCP has been bound, and that everything there is only kept: by this session or by
/// others.
pub(super) fn is_only_kept(port: u16) -> bool {
    let found = look(port);
    found.kept && !found.others
}

/// What has a port of TCP.
#[derive(Default)]
struct Found {
    /// Something that is only kept.
    kept: bool,
    /// Anything else, or not all could be read.
    others: bool,
}

fn look(port: u16) -> Found {
    let mut found = Found::default();
    let ask = Ask {
        transports: Transports { tcp: true, udp: false, unix: false },
        states: StateSet::All,
        ports: Some(PortFilter::Local(PortRange { first: port, last: port })),
        traffic: false,
    };
    let Ok(machine) = portward_sys::this_machine() else { return found };
    let Ok(own) = machine.namespaces(&Which::Own) else { return found };
    let read = machine.sockets(&ask, &own.value, &mut |socket| {
        found.kept |= is_kept(&socket);
        found.others |= !is_kept(&socket);
    });
    found.others |= !read.is_ok_and(|gaps| gaps.is_empty());
    found
}

/// How many ports are kept at most where a process may have that many descriptors: a quarter of them, less those that it has
/// for itself.
fn most(limit: Option<u64>) -> usize {
    let spare = limit.unwrap_or(u64::MAX) / 4;
    usize::try_from(spare.saturating_sub(RESERVE) / 2).unwrap_or(MOST).min(MOST)
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
        pin(&socket).map_err(Errno::from_raw_os_error)?;
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

/// Ports that are kept at most.
const MOST: usize = 100;
/// Descriptors of the quarter that are left to the supervisor itself.
const RESERVE: u64 = 8;

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::{Holds, most};

    #[test]
    fn answering_comes_before_keeping() {
        let limits = [Some(14), Some(64), Some(1024), Some(1 << 20), None];
        assert_eq!(limits.map(most), [0, 4, 100, 100, 100]);
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut holds = Holds::default();
        holds.keep(&[port]);
        assert_eq!(holds.sockets.len(), 1);
        holds.give_up();
        holds.keep(&[port]);
        assert!(holds.sockets.is_empty());
    }

    #[test]
    fn a_kept_port_is_had_by_those_that_may_share_it() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut holds = Holds::default();
        holds.keep(&[port]);
        assert_eq!(holds.sockets.len(), 1);
        // The standard library sets SO_REUSEADDR, as nearly every server does.
        let server = TcpListener::bind(("127.0.0.1", port)).unwrap();
        holds.let_go(port);
        holds.keep(&[port]);
        assert!(holds.sockets.is_empty(), "what listens is not held as well");
        drop(server);
        holds.keep(&[port]);
        assert_eq!(holds.sockets.len(), 1);
        holds.keep(&[]);
        assert!(holds.sockets.is_empty());
    }
}
