//! The side that asks: all at once, and nobody is waited for beyond a time.

use std::{
    collections::BTreeSet,
    io,
    time::{Duration, Instant},
};

use portward_model::{Caller, ProcessId};
use rustix::{
    event::{PollFd, PollFlags, poll},
    fd::OwnedFd,
    fs::fstat,
    io::Errno,
    net::{RecvFlags, SendFlags, recv, send},
};

use super::{Opened, RuntimeFolder, identity, name_of, peer_of};
use crate::linux::timespec;

/// What came of asking one process.
#[derive(Debug)]
pub struct Heard {
    /// The process that the socket is named after.
    pub process: ProcessId,
    /// The pid of who answered, as the kernel says; 0 where it is in no pid namespace of ours, or nobody was met.
    pub pid: u32,
    /// What it said, without the end of the line.
    pub said: Result<Vec<u8>, Unheard>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Unheard {
    /// Nobody listens there any more.
    Left,
    /// It listens, and has not answered in time, as a process that is stopped.
    Silent,
    /// Another user listens there.
    Foreign {
        /// That user.
        uid: u32,
    },
    /// The system's reason.
    Failed(io::Error),
}

/// Asks every process of the caller's that answers, in all of the caller's folders, the same thing; or these alone, where they are named.
pub fn ask(asker: &Caller, only: Option<&[ProcessId]>, line: &[u8], patience: Duration) -> Vec<Heard> {
    let line = [line, b"\n"].concat();
    let mut heard = Vec::new();
    let mut folders = BTreeSet::new();
    for opened in RuntimeFolder::all(asker).iter().flat_map(|folder| folder.open(false)) {
        if !fstat(&opened.folder).is_ok_and(|found| folders.insert(identity(&found))) {
            continue;
        }
        let mut processes = opened.processes();
        processes.retain(|process| only.is_none_or(|only| only.contains(process)));
        for some in processes.chunks(AT_ONCE) {
            heard.extend(ask_these(&opened, some, asker.uid, &line, patience));
        }
    }
    heard.sort_by_key(|heard| heard.process);
    heard
}

/// One that was asked.
struct Asked {
    process: ProcessId,
    pid: u32,
    /// `None` when it is over.
    socket: Option<OwnedFd>,
    bytes: Vec<u8>,
    why: Option<Unheard>,
}

fn ask_these(opened: &Opened, processes: &[ProcessId], uid: u32, line: &[u8], patience: Duration) -> Vec<Heard> {
    let end = Instant::now() + patience;
    let mut all: Vec<Asked> = processes.iter().filter_map(|process| begin(opened, *process, uid, line)).collect();
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let mut polled: Vec<PollFd<'_>> =
            all.iter().filter_map(|asked| asked.socket.as_ref()).map(|socket| PollFd::new(socket, PollFlags::IN)).collect();
        if polled.is_empty() || left.is_zero() {
            break;
        }
        let _ = poll(&mut polled, Some(&timespec(left)));
        drop(polled);
        all.iter_mut().for_each(Asked::hear);
    }
    all.into_iter().map(Asked::told).collect()
}

/// `None` where the socket is gone by now.
fn begin(opened: &Opened, process: ProcessId, uid: u32, line: &[u8]) -> Option<Asked> {
    let mut asked = Asked { process, pid: 0, socket: None, bytes: Vec::new(), why: None };
    let met = match opened.dial(&name_of(process)) {
        Ok(socket) => peer_of(&socket).map(|peer| (socket, peer)),
        Err(Errno::NOENT) => return None,
        Err(Errno::CONNREFUSED) => {
            asked.why = Some(Unheard::Left);
            return Some(asked);
        }
        // So many wait there already: it takes in nobody.
        Err(Errno::AGAIN) => return Some(asked),
        Err(error) => Err(error.into()),
    };
    match met {
        Ok((_, peer)) if peer.uid != uid => asked.why = Some(Unheard::Foreign { uid: peer.uid }),
        Ok((socket, peer)) => {
            asked.pid = peer.pid;
            // It fits what the kernel keeps for a reader, and is taken whole.
            match send(&socket, line, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(_) => asked.socket = Some(socket),
                Err(error) => asked.why = Some(Unheard::Failed(error.into())),
            }
        }
        Err(error) => asked.why = Some(Unheard::Failed(error)),
    }
    Some(asked)
}

impl Asked {
    fn hear(&mut self) {
        let mut part = vec![0; PART];
        while let Some(socket) = &self.socket {
            match recv(socket, &mut part[..], RecvFlags::DONTWAIT) {
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Ok((length, _)) if length > 0 && self.bytes.len() < LONGEST => {
                    self.bytes.extend(part.get(..length).unwrap_or_default());
                }
                Ok(_) => self.over(None),
                Err(error) => self.over(Some(error)),
            }
        }
    }

    fn over(&mut self, error: Option<Errno>) {
        self.socket = None;
        if self.bytes.last() != Some(&b'\n') {
            self.why = Some(Unheard::Failed(error.map_or(io::ErrorKind::UnexpectedEof.into(), Into::into)));
        }
    }

    fn told(mut self) -> Heard {
        let said = match (self.why, self.socket.is_some()) {
            (Some(why), _) => Err(why),
            (None, false) if self.bytes.last() == Some(&b'\n') => {
                self.bytes.pop();
                Ok(self.bytes)
            }
            (None, _) => Err(Unheard::Silent),
        };
        Heard { process: self.process, pid: self.pid, said }
    }
}

/// Sockets that are open at the same time.
const AT_ONCE: usize = 128;
/// Bytes that are read at once.
const PART: usize = 16 * 1024;
/// Bytes of an answer: a thousand listeners take a quarter of a megabyte.
const LONGEST: usize = 16 << 20;
