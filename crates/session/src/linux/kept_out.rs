//! What fences keep out: of a socket that hears less than its program may expect, it is told once.
//!
//! The kernel counts what a socket dropped (`/proc/net/udp`): what its filter refused, and what it had no room for, which is counted
//! apart for all sockets together (`/proc/net/snmp`).

use std::{fs, net::SocketAddr};

use portward_sys::lost_datagrams;
use rustc_hash::FxHashMap;
use rustix::fd::OwnedFd;

use super::sockets;
use crate::Event;

/// The fenced sockets of a session.
#[derive(Debug, Default)]
pub(super) struct KeptOut {
    /// By inode; none that was told.
    watched: FxHashMap<u64, Watched>,
    /// Datagrams that found no room, or were damaged.
    lost: u64,
    /// A socket has been fenced in this session.
    pub(super) any: bool,
}

#[derive(Debug)]
struct Watched {
    pid: u32,
    serves: SocketAddr,
    dropped: u64,
}

impl KeptOut {
    /// Watches a socket that has just been fenced. Of very many some are not watched.
    pub(super) fn watch(&mut self, socket: &OwnedFd, pid: u32) {
        if !self.any {
            self.lost = lost_datagrams().unwrap_or(0);
        }
        self.any = true;
        let (Ok(file), Some(serves)) = (rustix::fs::fstat(socket), sockets::name(socket)) else { return };
        if self.watched.len() < MOST_WATCHED {
            self.watched.insert(file.st_ino, Watched { pid, serves, dropped: 0 });
        }
    }

    /// The sockets from which something was kept since this was asked, each once.
    pub(super) fn found(&mut self) -> Vec<Event> {
        if self.watched.is_empty() {
            return Vec::new();
        }
        let lists =
            ["/proc/thread-self/net/udp", "/proc/thread-self/net/udp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
        let now: FxHashMap<u64, u64> = lists.iter().flat_map(|list| list.lines().filter_map(drops)).collect();
        let lost = lost_datagrams().unwrap_or(self.lost);
        // Where both happened, nobody knows which of them.
        let all_refused = lost == std::mem::replace(&mut self.lost, lost);
        let mut found = Vec::new();
        self.watched.retain(|inode, watched| {
            let Some(dropped) = now.get(inode).copied() else { return false };
            let datagrams = dropped.saturating_sub(std::mem::replace(&mut watched.dropped, dropped));
            let grew = datagrams > 0;
            if grew && all_refused {
                found.push(Event::KeptOut { pid: watched.pid, serves: watched.serves, datagrams });
            }
            !(grew && all_refused)
        });
        found
    }
}

/// The inode of a socket and the number of datagrams that it dropped, in a line of `/proc/net/udp`.
fn drops(line: &str) -> Option<(u64, u64)> {
    let mut words = line.split_whitespace().skip(9);
    let inode = words.next()?.parse().ok()?;
    Some((inode, words.nth(2)?.parse().ok()?))
}

/// Sockets that are watched at the same time.
const MOST_WATCHED: usize = 1000;

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use rustix::fd::OwnedFd;

    use super::{super::fences, KeptOut, drops};
    use crate::Event;

    #[test]
    fn what_the_kernel_counts() {
        let line = " 2084: 0100007F:0BB8 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 17";
        assert_eq!(drops(line), Some((4711, 17)));
        assert_eq!(
            drops(
                "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops"
            ),
            None
        );
    }

    #[test]
    fn a_socket_is_told_of_once() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = socket.local_addr().unwrap();
        let socket = OwnedFd::from(socket);
        let mut kept = KeptOut::default();
        kept.watch(&socket, std::process::id());
        assert!(kept.found().is_empty());
        // A fence that refuses even this machine's.
        let fence = fences::raise(&socket).map(|_| fences::of(&socket).unwrap()).unwrap();
        let refusal = portward_sys::fence::Step { code: 0x06, jt: 0, jf: 0, k: 0 };
        fences::put_behind(&socket, fence, vec![refusal]).unwrap();
        UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"x", at).unwrap();
        let mut found = kept.found();
        while found.is_empty() {
            UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"x", at).unwrap();
            found = kept.found();
        }
        assert!(matches!(found.as_slice(), [Event::KeptOut { serves, datagrams: 1.., .. }] if *serves == at));
        UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"x", at).unwrap();
        assert!(kept.found().is_empty());
    }
}
