//! What front and supervisor tell each other.

use std::{io, time::Duration};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::{AsFd, BorrowedFd, OwnedFd},
    io::Errno,
    net::{AddressFamily, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType, recv, send, shutdown, socketpair},
    process::{Pid, Signal, getpid, getppid, kill_process},
};

use crate::{Ended, StartError};

/// Front and supervisor, in messages.
pub(super) struct Channel {
    end: OwnedFd,
    /// The front's process.
    front: Pid,
    /// The program goes on without it.
    alone: bool,
}

/// What they tell each other.
pub(super) enum News {
    /// To the supervisor: this signal is for the program.
    Signal(i32),
    /// To the front: the program was stopped by this signal.
    Stopped(i32),
    /// To the front: the program has ended.
    Ended(Ended),
    /// To the front: it was not started.
    Failed(Failure),
    /// To the front: what is to be said of the run, as whoever says it has written it.
    Told(Vec<u8>),
}

/// Why nothing was started, as it crosses the channel.
pub(super) enum Failure {
    Program(i32),
    Filter(i32),
    /// A call that a supervisor lives on, in a sentence.
    Refused(String),
    Session(String),
}

impl Failure {
    pub(super) fn error(self, program: &str) -> StartError {
        match self {
            Self::Filter(libc::EBUSY) => StartError::Nested,
            Self::Program(number) => {
                StartError::Program { program: program.to_owned(), source: io::Error::from_raw_os_error(number) }
            }
            Self::Filter(number) => StartError::Filter { source: io::Error::from_raw_os_error(number) },
            Self::Refused(sentence) => StartError::Refused(sentence),
            Self::Session(sentence) => StartError::Session(sentence),
        }
    }
}

impl Channel {
    /// The front's end, and the one that its supervisor is started with.
    pub(super) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self { end: ours, front: getpid(), alone: false }, theirs))
    }

    /// The supervisor's end; its parent is the front, without which the program may go on.
    pub(super) fn of(end: OwnedFd, front: Pid, alone: bool) -> Self {
        Self { end, front, alone }
    }

    /// True where the program goes on when the front has gone.
    pub(super) fn is_alone(&self) -> bool {
        self.alone
    }

    /// Another hold on this end, for what is to be said of the run.
    pub(super) fn another(&self) -> io::Result<Self> {
        Ok(Self { end: self.end.try_clone()?, ..*self })
    }

    /// Moves to a descriptor above this number.
    pub(super) fn move_above(&mut self, number: i32) -> io::Result<()> {
        self.end = rustix::io::fcntl_dupfd_cloexec(&self.end, number + 1)?;
        Ok(())
    }

    /// True once the other end has room, within a time.
    pub(super) fn has_room(&self, time: Duration) -> bool {
        let time = Timespec { tv_sec: 0, tv_nsec: i64::from(time.subsec_nanos()) };
        let mut polled = [PollFd::new(&self.end, PollFlags::OUT)];
        poll(&mut polled, Some(&time)).is_ok() && polled[0].revents().contains(PollFlags::OUT)
    }

    /// False where the other end has no room just now. An end that has gone wants to know nothing.
    pub(super) fn send(&self, news: &News) -> bool {
        let (kind, number, text) = match news {
            News::Signal(number) => (0, *number, &b""[..]),
            News::Stopped(number) => (1, *number, &b""[..]),
            News::Ended(Ended::Code(code)) => (2, *code, &b""[..]),
            News::Ended(Ended::Signal(number)) => (3, *number, &b""[..]),
            News::Failed(Failure::Program(number)) => (4, *number, &b""[..]),
            News::Failed(Failure::Filter(number)) => (5, *number, &b""[..]),
            News::Failed(Failure::Session(text)) => (6, 0, text.as_bytes()),
            News::Failed(Failure::Refused(text)) => (8, 0, text.as_bytes()),
            News::Told(words) => (7, 0, words.get(..LONGEST).unwrap_or(words)),
        };
        let message = [&[kind][..], &i32::to_ne_bytes(number), text].concat();
        send(&self.end, &message, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) != Err(Errno::AGAIN)
    }

    /// Lets a front go on that stopped as the program did, as long as it is the parent of this process.
    pub(super) fn wake(&self) {
        if getppid() == Some(self.front) {
            let _ = kill_process(self.front, Signal::CONT);
        }
    }

    /// True once the other end has gone, or goes within this time.
    pub(super) fn is_left(&self, patience: Duration) -> bool {
        let patience = Timespec { tv_sec: 0, tv_nsec: i64::from(patience.subsec_nanos()) };
        let mut polled = [PollFd::new(&self.end, PollFlags::empty())];
        let _ = poll(&mut polled, Some(&patience));
        polled[0].revents().contains(PollFlags::HUP)
    }

    /// Takes what nobody will read: an end that is closed with something unread cuts off what it sent.
    pub(super) fn settle(&self) {
        let _ = shutdown(&self.end, Shutdown::Read);
        let mut message = [0; 16];
        while recv(&self.end, &mut message[..], RecvFlags::DONTWAIT).is_ok_and(|(length, _)| length > 0) {}
    }

    /// `None` when the other end has gone.
    pub(super) fn receive(&self) -> Option<News> {
        let mut message = vec![0; LONGEST + 5];
        let length = loop {
            match recv(&self.end, &mut message[..], RecvFlags::empty()) {
                // The other end was closed with something unread, which is told once and before what it sent.
                Err(Errno::INTR | Errno::CONNRESET) => {}
                Err(_) => return None,
                Ok((length, _)) => break length,
            }
        };
        let message = message.get(..length)?;
        let number = i32::from_ne_bytes(*message.get(1..)?.first_chunk()?);
        Some(match message.first()? {
            0 => News::Signal(number),
            1 => News::Stopped(number),
            2 => News::Ended(Ended::Code(number)),
            3 => News::Ended(Ended::Signal(number)),
            4 => News::Failed(Failure::Program(number)),
            5 => News::Failed(Failure::Filter(number)),
            6 => News::Failed(Failure::Session(String::from_utf8_lossy(message.get(5..)?).into_owned())),
            8 => News::Failed(Failure::Refused(String::from_utf8_lossy(message.get(5..)?).into_owned())),
            _ => News::Told(message.get(5..)?.to_vec()),
        })
    }
}

/// A message is no longer.
const LONGEST: usize = 16 * 1024;

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.end.as_fd()
    }
}
