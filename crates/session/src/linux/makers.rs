//! Who has made sockets that can be reached from outside.
//!
//! Some processes forbid that anybody looks into them (`PR_SET_DUMPABLE`; programs whose file their user may not read): the agents of
//! ssh and `GnuPG`, for their keys' sake. A filter sees the number of a descriptor and never its family, so that a `bind` of such a process
//! may be one of the internet, unseen. It is let go on where there is none: every `socket` but of Unix and netlink is reported, and
//! who shuts himself up is looked through before.
//!
//! A descriptor that is passed to it later over a Unix socket is not seen. That is no accident.

use std::fs;

use portward_sys::unotify::Callers;
use rustc_hash::{FxHashMap, FxHashSet};
use rustix::{
    net::{AddressFamily, sockopt},
    process::getpid,
};

/// A process: its pid, and when it started in ticks since boot.
type Process = (u32, u64);

/// The processes that have made such sockets, and those of which it is known that they have none.
#[derive(Default)]
pub(super) struct Makers {
    made: FxHashSet<Process>,
    without: FxHashSet<Process>,
    /// The processes of threads that have called a moment ago.
    known: FxHashMap<u32, Process>,
    /// There were more than are remembered, or there is one that nobody here made: everybody may have one.
    is_full: bool,
}

impl Makers {
    /// Nobody has, unless this process was started with such a socket, and has passed it on.
    pub(super) fn begin(callers: &mut Callers) -> Self {
        Self { is_full: has_one(own(), callers) != Some(false), ..Self::default() }
    }

    /// A thread makes such a socket.
    pub(super) fn made(&mut self, tid: u32) {
        let Some(process) = self.process(tid) else { return self.is_full = true };
        self.without.remove(&process);
        self.made.insert(process);
        self.is_full |= self.made.len() > MOST;
    }

    /// A thread's process is about to forbid that anybody looks into it: this is the last look at its sockets.
    pub(super) fn shuts_up(&mut self, tid: u32, callers: &mut Callers) {
        let Some(process) = self.process(tid) else { return };
        if has_one(tid, callers) == Some(false) && self.without.len() < MOST {
            self.made.remove(&process);
            self.without.insert(process);
        }
    }

    /// True for a thread whose process has no such socket: it has made and inherited none.
    pub(super) fn has_none(&mut self, tid: u32) -> bool {
        let Some(process) = self.process(tid) else { return false };
        let mut at = process;
        for _ in 0..MOST_LEVELS {
            if self.without.contains(&at) {
                return true;
            }
            if self.made.contains(&at) || self.is_full {
                return false;
            }
            match Callers::origin(at.0) {
                // What stands below the supervisor is what it started, or has lost its parent, which may have been anybody.
                Some((parent, _)) if parent == own() => return self.made.is_empty(),
                Some((parent, _)) => match Callers::origin(parent) {
                    Some((_, start)) => at = (parent, start),
                    None => return false,
                },
                None => return false,
            }
        }
        false
    }

    /// Forgets which thread is whose: numbers are used again.
    pub(super) fn forget_threads(&mut self) {
        self.known.clear();
    }

    fn process(&mut self, tid: u32) -> Option<Process> {
        if let Some(known) = self.known.get(&tid) {
            return Some(*known);
        }
        let pid = Callers::process(tid).ok()?;
        let process = (pid, Callers::origin(pid)?.1);
        self.known.insert(tid, process);
        Some(process)
    }
}

/// Whether a process has a socket that can be reached from outside; `None` where that cannot be seen.
fn has_one(tid: u32, callers: &mut Callers) -> Option<bool> {
    for entry in fs::read_dir(format!("/proc/{tid}/fd")).ok()? {
        let entry = entry.ok()?;
        if !fs::read_link(entry.path()).is_ok_and(|target| target.as_os_str().as_encoded_bytes().starts_with(b"socket:")) {
            continue;
        }
        let number = entry.file_name().to_str()?.parse().ok()?;
        let family = sockopt::socket_domain(callers.socket(tid, number).ok()?).ok()?;
        if family != AddressFamily::UNIX && family != AddressFamily::NETLINK {
            return Some(true);
        }
    }
    Some(false)
}

fn own() -> u32 {
    getpid().as_raw_nonzero().get().unsigned_abs()
}

/// Makers that are remembered; one takes some forty bytes.
const MOST: usize = 20_000;
/// Parents that are looked at above a process.
const MOST_LEVELS: usize = 64;

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use portward_sys::unotify::Callers;

    use super::Makers;

    fn sleeper(inherits: bool) -> Child {
        let mut command = Command::new("sleep");
        command.arg("60");
        if inherits {
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            command.stdin(Stdio::from(std::os::fd::OwnedFd::from(socket)));
        }
        command.spawn().unwrap()
    }

    #[test]
    fn who_made_one_has_one_and_so_may_what_it_started() {
        let (mut child, mut other) = (sleeper(false), sleeper(true));
        let mut makers = Makers::default();
        assert!(makers.has_none(child.id()) && makers.has_none(other.id()));
        makers.made(other.id());
        // Whoever stands alone may have inherited it from one who has ended.
        assert!(!makers.has_none(other.id()) && !makers.has_none(child.id()));
        let mut callers = Callers::default();
        makers.shuts_up(child.id(), &mut callers);
        makers.shuts_up(other.id(), &mut callers);
        assert!(makers.has_none(child.id()), "it was looked through");
        assert!(!makers.has_none(other.id()), "it has one");
        makers.made(child.id());
        assert!(!makers.has_none(child.id()));
        for child in [&mut child, &mut other] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}
