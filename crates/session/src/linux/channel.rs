//! What front and supervisor tell each other.

use std::io;

use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    io::Errno,
    net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair},
};

use crate::{Ended, StartError};

/// Front and supervisor, in messages.
pub(super) struct Channel(OwnedFd);

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
}

/// Why nothing was started, as it crosses the channel.
pub(super) enum Failure {
    Program(i32),
    Filter(i32),
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
            Self::Session(sentence) => StartError::Session(sentence),
        }
    }
}

impl Channel {
    pub(super) fn pair() -> io::Result<(Self, Self)> {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(ours), Self(theirs)))
    }

    /// Moves to a descriptor above this number.
    pub(super) fn move_above(&mut self, number: i32) -> io::Result<()> {
        self.0 = rustix::io::fcntl_dupfd_cloexec(&self.0, number + 1)?;
        Ok(())
    }

    pub(super) fn send(&self, news: &News) {
        let (kind, number, text) = match news {
            News::Signal(number) => (0, *number, ""),
            News::Stopped(number) => (1, *number, ""),
            News::Ended(Ended::Code(code)) => (2, *code, ""),
            News::Ended(Ended::Signal(number)) => (3, *number, ""),
            News::Failed(Failure::Program(number)) => (4, *number, ""),
            News::Failed(Failure::Filter(number)) => (5, *number, ""),
            News::Failed(Failure::Session(text)) => (6, 0, text.as_str()),
        };
        let message = [&[kind][..], &i32::to_ne_bytes(number), text.as_bytes()].concat();
        // The other end may have gone, and then nobody wants to know.
        let _ = send(&self.0, &message, SendFlags::NOSIGNAL);
    }

    /// `None` when the other end has gone.
    pub(super) fn receive(&self) -> Option<News> {
        let mut message = [0; 2048];
        let length = loop {
            match recv(&self.0, &mut message[..], RecvFlags::empty()) {
                Err(Errno::INTR) => {}
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
            _ => News::Failed(Failure::Session(String::from_utf8_lossy(message.get(5..)?).into_owned())),
        })
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
