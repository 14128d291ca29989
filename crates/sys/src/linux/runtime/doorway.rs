//! The side that answers.

use std::{
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use portward_model::{Caller, ProcessId};
use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, eventfd, poll},
    fd::{AsFd, OwnedFd},
    fs::{AtFlags, Mode, Timespec, Timestamps, UTIME_NOW, chmodat, statat, unlinkat, utimensat},
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, listen, recv, send,
        socket_with,
    },
};

use super::{Opened, Peer, RuntimeFolder, identity, name_of, news, peer_of};
use crate::linux::timespec;

/// A socket at which this process answers its user, one line for one document.
///
/// Nobody who asks can hold up another one, or this process: nothing is waited for longer than two seconds.
pub struct Doorway {
    listener: OwnedFd,
    at: Opened,
    name: String,
    /// Its file, as the folder has it.
    file: (u64, u64),
    uid: u32,
    bell: Bell,
    callers: Vec<Asking>,
}

/// Wakes a thread that waits at its doorway.
#[derive(Clone)]
pub struct Bell(Arc<OwnedFd>);

/// Somebody who asks.
struct Asking {
    socket: OwnedFd,
    peer: Peer,
    heard: Vec<u8>,
    /// What is left to be said, from this byte on.
    answer: Option<(Vec<u8>, usize)>,
    until: Instant,
}

impl Bell {
    /// A bell that nobody has rung yet.
    pub fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)))
    }

    /// Rings it. Never waits.
    pub fn ring(&self) {
        let _ = rustix::io::write(&*self.0, &1_u64.to_ne_bytes());
    }

    /// Waits until it is rung, or the time is over; true where it was.
    pub fn wait(&self, patience: Duration) -> bool {
        let mut polled = [PollFd::new(&*self.0, PollFlags::IN)];
        let _ = poll(&mut polled, Some(&timespec(patience)));
        self.silence()
    }

    fn silence(&self) -> bool {
        rustix::io::read(&*self.0, &mut [0; 8][..]).is_ok()
    }
}

impl Doorway {
    /// Opens one for this process in the best of the caller's folders where that can be done.
    ///
    /// # Errors
    /// Why it cannot be done in the last of them.
    pub fn open(asker: &Caller, own: ProcessId, bell: &Bell) -> io::Result<Self> {
        let mut last = io::ErrorKind::NotFound.into();
        for folder in RuntimeFolder::all(asker) {
            match folder.open(true).and_then(|at| Self::open_in(at, own, asker.uid, bell)) {
                Ok(doorway) => return Ok(doorway),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn open_in(at: Opened, own: ProcessId, uid: u32, bell: &Bell) -> io::Result<Self> {
        let name = name_of(own);
        // One of that name can only be this process's own, of before the folder was moved away and back.
        let _ = unlinkat(&at.folder, &name, AtFlags::empty());
        let listener = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
        // By the name that people know, where that is short enough; it is looked at afterwards whether that led here.
        let address = SocketAddrUnix::new(at.path.join(&name)).or_else(|_| SocketAddrUnix::new(at.inside(&name)))?;
        bind(&listener, &address)?;
        let found = statat(&at.folder, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        let _ = chmodat(&at.folder, &name, Mode::RUSR | Mode::WUSR, AtFlags::empty());
        listen(&listener, BACKLOG)?;
        news::show(&at);
        Ok(Self { listener, at, name, file: identity(&found), uid, bell: bell.clone(), callers: Vec::new() })
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.at.path.join(&self.name)
    }

    /// True while others find this socket at its place.
    pub fn stands(&self) -> bool {
        let found = statat(&self.at.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW);
        found.is_ok_and(|found| identity(&found) == self.file) && self.at.has_its_name()
    }

    /// Shows that there is news: the times of the file and the folder are others, and whoever watches the folder is told.
    pub fn mark(&self) {
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let times = Timestamps { last_access: now, last_modification: now };
        let _ = utimensat(&self.at.folder, &self.name, &times, AtFlags::SYMLINK_NOFOLLOW);
        news::show(&self.at);
    }

    /// Answers whoever asks, until the bell rings or the time is over; true where it rang. Only the user of this process and root are
    /// answered.
    pub fn attend(&mut self, patience: Duration, answer: &mut dyn FnMut(Peer, &[u8]) -> Vec<u8>) -> bool {
        let end = Instant::now() + patience;
        loop {
            let now = Instant::now();
            self.callers.retain(|caller| caller.until > now);
            let next = self.callers.iter().map(|caller| caller.until).fold(end, Instant::min);
            let has_room = self.callers.len() < MOST_CALLERS;
            let mut polled = Vec::with_capacity(self.callers.len() + 2);
            polled.push(PollFd::new(&*self.bell.0, PollFlags::IN));
            polled.push(PollFd::new(&self.listener, if has_room { PollFlags::IN } else { PollFlags::empty() }));
            for caller in &self.callers {
                let events = if caller.answer.is_some() { PollFlags::OUT } else { PollFlags::IN };
                polled.push(PollFd::new(&caller.socket, events));
            }
            let _ = poll(&mut polled, Some(&timespec(next.saturating_duration_since(now))));
            drop(polled);
            if has_room {
                self.admit();
            }
            let mut at = 0;
            while let Some(caller) = self.callers.get_mut(at) {
                if caller.goes_on(answer) {
                    at += 1;
                } else {
                    self.callers.swap_remove(at);
                }
            }
            if self.bell.silence() {
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
        }
    }

    fn admit(&mut self) {
        while self.callers.len() < MOST_CALLERS
            && let Ok(socket) = accept_with(&self.listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)
        {
            match peer_of(&socket) {
                Ok(peer) if peer.uid == self.uid || peer.uid == 0 => {
                    let (heard, until) = (Vec::new(), Instant::now() + LONGEST);
                    self.callers.push(Asking { socket, peer, heard, answer: None, until });
                }
                _ => {}
            }
        }
    }
}

impl Drop for Doorway {
    fn drop(&mut self) {
        let found = statat(&self.at.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW);
        if found.is_ok_and(|found| identity(&found) == self.file) {
            let _ = unlinkat(&self.at.folder, &self.name, AtFlags::empty());
            news::show(&self.at);
        }
    }
}

impl Asking {
    /// Hears and says what can be heard and said now; false when it is over.
    fn goes_on(&mut self, answer: &mut dyn FnMut(Peer, &[u8]) -> Vec<u8>) -> bool {
        while self.answer.is_none() {
            let mut part = [0; 1024];
            match recv(&self.socket, &mut part[..], RecvFlags::DONTWAIT) {
                Ok((0, _)) => return false,
                Ok((length, _)) => self.heard.extend(part.get(..length).unwrap_or_default()),
                Err(Errno::AGAIN | Errno::INTR) => return true,
                Err(_) => return false,
            }
            if let Some(line) = self.heard.iter().position(|byte| *byte == b'\n').and_then(|end| self.heard.get(..end)) {
                self.answer = Some((answer(self.peer, line), 0));
            } else if self.heard.len() > LONGEST_LINE {
                return false;
            }
        }
        let Some((answer, said)) = &mut self.answer else { return true };
        while let Some(left) = answer.get(*said..).filter(|left| !left.is_empty()) {
            match send(&self.socket, left, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(length) => *said += length,
                Err(Errno::AGAIN | Errno::INTR) => return true,
                Err(_) => return false,
            }
        }
        false
    }
}

/// How long somebody has from the first byte to the last.
const LONGEST: Duration = Duration::from_secs(2);
/// Who is heard at the same time; the next ones wait in the kernel's queue.
const MOST_CALLERS: usize = 16;
/// Who waits there.
const BACKLOG: i32 = 64;
/// Bytes of a question.
const LONGEST_LINE: usize = 64 * 1024;

impl AsFd for Doorway {
    fn as_fd(&self) -> rustix::fd::BorrowedFd<'_> {
        self.listener.as_fd()
    }
}
