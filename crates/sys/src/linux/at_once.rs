//! Writing to a stream that somebody else may have filled, without waiting for its reader.

use std::{
    io::{self, ErrorKind, IoSlice},
    os::fd::AsFd,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{FileType, fstat},
    io::{Errno, ReadWriteFlags, pwritev2, write},
};

/// Writes what the stream takes now, and gives the number of bytes. The stream's own flags stay as they are: others share it.
///
/// A pipe and a socket are asked not to wait, by `RWF_NOWAIT` of pwritev2(2). Where the kernel knows that of neither, and of a
/// terminal, poll(2) is asked first.
///
/// # Errors
///
/// `WouldBlock` where the stream takes nothing now; else what the system says.
pub fn write_at_once(stream: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    let stream = stream.as_fd();
    let kind = FileType::from_raw_mode(fstat(stream)?.st_mode);
    if matches!(kind, FileType::Fifo | FileType::Socket) {
        // Such a stream has no place to write at, which is said by an offset of -1.
        match pwritev2(stream, &[IoSlice::new(bytes)], u64::MAX, ReadWriteFlags::NOWAIT) {
            Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS) => {}
            other => return Ok(other?),
        }
    }
    let mut asked = [PollFd::new(&stream, PollFlags::OUT)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    if poll(&mut asked, Some(&now))? == 0 {
        return Err(ErrorKind::WouldBlock.into());
    }
    Ok(write(stream, bytes)?)
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read};

    use super::write_at_once;

    #[test]
    fn a_full_pipe_takes_nothing_and_keeps_nobody() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut written = 0;
        let refused = loop {
            match write_at_once(&writer, &[b'x'; 4096]) {
                Ok(length) => written += length,
                Err(error) => break error,
            }
        };
        assert_eq!(refused.kind(), ErrorKind::WouldBlock);
        reader.read_exact(&mut vec![0; written]).unwrap();
        assert_eq!(write_at_once(&writer, b"again").unwrap(), 5);
        drop(reader);
        // A process that another test starts at this moment has every descriptor until it executes its program: a reader for an instant.
        let refused = loop {
            match write_at_once(&writer, b"nobody") {
                Ok(_) => std::thread::yield_now(),
                Err(error) => break error,
            }
        };
        assert_eq!(refused.kind(), ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_file_takes_everything() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(write_at_once(&file, &[b'x'; 100]).unwrap(), 100);
    }
}
