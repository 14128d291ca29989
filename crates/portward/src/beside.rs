//! Standard error beside a program that runs: the program waits for its supervisor, which therefore waits for no reader.

use std::{
    io::{self, ErrorKind, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Standard error. As long as it does not wait, what its reader does not take at once is dropped, and the next flush says so
/// by [`ErrorKind::WouldBlock`].
pub(crate) struct Beside {
    waits: Arc<AtomicBool>,
    dropped: bool,
}

impl Beside {
    /// One that waits when the flag says so.
    pub(crate) fn new(waits: Arc<AtomicBool>) -> Self {
        Self { waits, dropped: false }
    }
}

impl Write for Beside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.waits.load(Ordering::Relaxed) {
            return io::stderr().write(bytes);
        }
        // More than that is no longer written in one piece. What follows a piece that was dropped means nothing without it.
        self.dropped |= bytes.len() > LONGEST;
        if !self.dropped {
            match portward_sys::write_at_once(io::stderr(), bytes) {
                Ok(length) => self.dropped = length < bytes.len(),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => self.dropped = true,
                Err(error) => return Err(error),
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.dropped) { Err(ErrorKind::WouldBlock.into()) } else { Ok(()) }
    }
}

/// `PIPE_BUF`: what a pipe takes whole or not at all.
pub(crate) const LONGEST: usize = 4096;
