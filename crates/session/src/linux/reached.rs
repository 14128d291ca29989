//! Whom programs of the session speak to by Unix sockets: one outside may start programs for whoever asks it (a running tmux server,
//! systemd for a user, an editor).
//!
//! Each path is followed a few times and no more: what a program speaks to all the time is its database, and starts nothing. Who listens
//! there is asked of the caller's own socket, a moment after its call has gone on (`SO_PEERCRED`, unix(7)).

use std::{
    os::fd::AsRawFd,
    time::{Duration, Instant},
};

use rustc_hash::FxHashMap;
use rustix::fd::OwnedFd;

use crate::Event;

/// Paths that were dialled, and connections that are followed.
#[derive(Default)]
pub(super) struct Reached {
    known: FxHashMap<Vec<u8>, Known>,
    followed: Vec<Followed>,
    /// Connections that were followed so far.
    times: u32,
}

struct Known {
    times: u32,
    last: Instant,
}

struct Followed {
    socket: OwnedFd,
    pid: u32,
    due: Instant,
    tries: u32,
}

impl Reached {
    /// True where a connection to this address is to be followed.
    pub(super) fn is_news(&mut self, address: &[u8], now: Instant) -> bool {
        if self.times >= MOST {
            return false;
        }
        match self.known.get_mut(address) {
            Some(known) if known.times >= MOST_TIMES || now.saturating_duration_since(known.last) < BETWEEN => return false,
            Some(known) => (known.times, known.last) = (known.times + 1, now),
            None => drop(self.known.insert(address.to_vec(), Known { times: 1, last: now })),
        }
        self.times += 1;
        true
    }

    /// Follows a connection that a process is about to make.
    pub(super) fn follow(&mut self, socket: OwnedFd, pid: u32, now: Instant) {
        self.followed.push(Followed { socket, pid, due: now + FIRST, tries: 0 });
    }

    /// When the next is to be asked.
    pub(super) fn due(&self) -> Option<Instant> {
        self.followed.iter().map(|followed| followed.due).min()
    }

    /// Who listens where connections have been made meanwhile. No copy of a socket is kept longer than that: who hangs up is to be heard.
    pub(super) fn found(&mut self, now: Instant) -> Vec<Event> {
        let mut found = Vec::new();
        self.followed.retain_mut(|followed| {
            if followed.due > now {
                return true;
            }
            if let Some(server) = listener_of(&followed.socket) {
                found.push(Event::Reached { pid: followed.pid, server });
                return false;
            }
            followed.tries += 1;
            followed.due = now + FIRST * 4_u32.pow(followed.tries);
            followed.tries < MOST_TRIES
        });
        found
    }
}

/// The process that listens where a Unix socket is connected; `None` where it is not, and where that is in no pid namespace of ours.
fn listener_of(socket: &OwnedFd) -> Option<u32> {
    let mut found = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    let mut length = libc::socklen_t::try_from(size_of::<libc::ucred>()).ok()?;
    // SAFETY: the kernel writes at most `length` bytes into a value of ours, and their number into `length`.
    #[allow(unsafe_code)]
    let done = unsafe {
        let value = std::ptr::from_mut(&mut found).cast();
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PEERCRED, value, std::ptr::from_mut(&mut length))
    };
    u32::try_from(found.pid).ok().filter(|pid| done == 0 && *pid != 0)
}

/// From a call that goes on to the first question; a Unix socket is connected at once, or waits for a full queue.
const FIRST: Duration = Duration::from_micros(200);
/// Questions about one connection; the last comes some 17 ms after the call.
const MOST_TRIES: u32 = 4;
/// Between two connections to one path that are followed.
const BETWEEN: Duration = Duration::from_secs(5);
/// Connections to one path that are followed, and those of a session.
const MOST_TIMES: u32 = 5;
const MOST: u32 = 60;

#[cfg(test)]
mod tests {
    use std::{
        os::unix::net::{UnixListener, UnixStream},
        time::Instant,
    };

    use super::{BETWEEN, FIRST, MOST, MOST_TIMES, MOST_TRIES, Reached};
    use crate::Event;

    #[test]
    fn a_path_is_followed_a_few_times() {
        let mut reached = Reached::default();
        let now = Instant::now();
        assert!(reached.is_news(b"one", now) && !reached.is_news(b"one", now) && reached.is_news(b"two", now));
        let later = (1..=10).filter(|turn| reached.is_news(b"one", now + BETWEEN * *turn)).count();
        assert_eq!(u32::try_from(later).unwrap() + 1, MOST_TIMES);
        let others = (0..=u8::MAX).filter(|path| reached.is_news(&[*path], now)).count();
        assert_eq!(u32::try_from(others).unwrap() + MOST_TIMES + 1, MOST);
    }

    #[test]
    fn who_listens_is_asked_once_the_connection_stands() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server");
        let _server = UnixListener::bind(&path).unwrap();
        let mut reached = Reached::default();
        let now = Instant::now();
        reached.follow(UnixStream::connect(&path).unwrap().into(), 7, now);
        assert!(reached.found(now).is_empty(), "not yet");
        assert_eq!(reached.due(), Some(now + FIRST));
        assert_eq!(reached.found(now + FIRST), [Event::Reached { pid: 7, server: std::process::id() }]);
        assert_eq!(reached.due(), None);
        // One that was refused is left alone.
        reached.follow(std::os::unix::net::UnixDatagram::unbound().unwrap().into(), 7, now);
        for turn in 0..MOST_TRIES {
            assert!(reached.due().is_some(), "{turn}");
            assert!(reached.found(now + FIRST * 1000 * (turn + 1)).is_empty());
        }
        assert_eq!(reached.due(), None);
    }
}
