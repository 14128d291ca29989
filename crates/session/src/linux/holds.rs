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
//! A port costs one descriptor, of a socket for both families, and answering a call comes first: a few ports of many are kept, a few
//! at a time, and none any more once the descriptors have run out.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use portward_sys::{Ask, StateSet, Which, device::pin};
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
    sockets: FxHashMap<u16, OwnedFd>,
    /// Those of a round that is not over.
    tried: Vec<u16>,
    /// True once the descriptors ran out.
    given_up: bool,
}

impl Holds {
    /// Keeps those of the ports that nothing has, and no others; some of them at a time. False where there are more.
    pub(super) fn keep(&mut self, ports: &[u16]) -> bool {
        self.sockets.retain(|port, _| ports.contains(port));
        if self.given_up {
            return true;
        }
        let most = most(getrlimit(Resource::Nofile).current);
        let untried: Vec<u16> = ports.iter().filter(|port| !self.tried.contains(port)).copied().collect();
        for (begun, port) in untried.into_iter().enumerate() {
            if self.sockets.len() >= most {
                break;
            }
            if begun == AT_A_TIME {
                return false;
            }
            self.tried.push(port);
            if !self.sockets.contains_key(&port)
                && let Ok(socket) = hold(port)
            {
                if self.sockets.is_empty() && !lists_bound() && !look(port).kept {
                    // No kernel that lists what is bound.
                    self.given_up = true;
                    break;
                }
                self.sockets.insert(port, socket);
            }
        }
        // The next time all are looked at anew.
        self.tried.clear();
        true
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
    let ask = Ask::tcp_at(port, StateSet::All);
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
    usize::try_from(spare.saturating_sub(RESERVE)).unwrap_or(MOST).min(MOST)
}

/// True where the kernel is one that lists what is bound, as far as its version tells; another may all the same.
fn lists_bound() -> bool {
    let name = rustix::system::uname();
    let mut numbers =
        name.release().to_str().unwrap_or_default().split(['.', '-']).map_while(|number| number.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(8))
}

/// Binds a port of `lo`, of both families where there are two.
fn hold(port: u16) -> Result<OwnedFd, Errno> {
    let bound = |address: SocketAddr| {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        if address.is_ipv6() {
            sockopt::set_ipv6_v6only(&socket, false)?;
        }
        pin(&socket).map_err(Errno::from_raw_os_error)?;
        bind(&socket, &address)?;
        Ok(socket)
    };
    match bound((Ipv6Addr::UNSPECIFIED, port).into()) {
        Err(Errno::AFNOSUPPORT) => bound((Ipv4Addr::UNSPECIFIED, port).into()),
        other => other,
    }
}

/// Ports that are kept at most.
const MOST: usize = 100;
/// Ports that are tried before calls are answered again.
const AT_A_TIME: usize = 8;
/// Descriptors of the quarter that are left to the supervisor itself.
const RESERVE: u64 = 8;

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::{Holds, most};

    #[test]
    fn answering_comes_before_keeping() {
        let limits = [Some(14), Some(64), Some(1024), Some(1 << 20), None];
        assert_eq!(limits.map(most), [0, 8, 100, 100, 100]);
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
