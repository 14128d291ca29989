//! What bytes go over: a socket, or TLS on one.

use std::{
    fs::File,
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    os::unix::fs::FileExt,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::sendfile,
    io::Errno,
    net::{SendFlags, send},
};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{STANDSTILL, too_slow};

/// What bytes go over.
pub(in super::super) enum Line {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Line {
    /// A socket that waits, each time no longer than until nothing moves any more.
    pub(in super::super) fn new(stream: TcpStream, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(STANDSTILL))?;
        stream.set_write_timeout(Some(STANDSTILL))?;
        match tls {
            None => Ok(Self::Plain(stream)),
            Some(config) => {
                let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                Ok(Self::Tls(Box::new(StreamOwned::new(connection, stream))))
            }
        }
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(tls) => &tls.sock,
        }
    }

    /// Reads what comes within a time.
    pub(super) fn read_for(&mut self, bytes: &mut [u8], time: Duration) -> io::Result<usize> {
        let is_waiting = match self {
            Self::Plain(_) => false,
            Self::Tls(tls) => tls.conn.process_new_packets().is_ok_and(|state| state.plaintext_bytes_to_read() > 0),
        };
        if !is_waiting && !is_ready(self.socket(), time) {
            return Err(too_slow());
        }
        self.read(bytes)
    }

    /// Writes what more comes after.
    pub(super) fn write_more(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => send_all(stream, bytes, SendFlags::MORE),
            Self::Tls(tls) => tls.write_all(bytes),
        }
    }

    /// Sends a piece of a file, within the kernel where that is possible. A file that has become shorter ends in an error: what was promised
    /// cannot be kept, and the other side has to see that.
    pub(super) fn send_file(&mut self, file: &File, from: u64, length: u64) -> io::Result<u64> {
        let (mut at, mut left) = (from, length);
        match self {
            Self::Plain(stream) => {
                while left > 0 {
                    let most = usize::try_from(left.min(MOST_AT_ONCE)).unwrap_or(usize::MAX);
                    match sendfile(&*stream, file, Some(&mut at), most) {
                        Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                        Ok(sent) => left -= (sent as u64).min(left),
                        Err(Errno::INTR) => {}
                        Err(Errno::AGAIN) => return Err(too_slow()),
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            Self::Tls(tls) => {
                let mut piece = vec![0; PIECE];
                while left > 0 {
                    let most = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    let Some(room) = piece.get_mut(..most) else { break };
                    let read = file.read_at(room, at)?;
                    if read == 0 {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                    tls.write_all(room.get(..read).unwrap_or_default())?;
                    at += read as u64;
                    left -= read as u64;
                }
            }
        }
        Ok(length)
    }

    /// Ends a connection so that the other side reads the answer: what it still sends is thrown away for a moment. Otherwise the kernel
    /// would reset it, and the answer with it.
    pub(super) fn linger(&mut self) {
        if let Self::Tls(tls) = self {
            tls.conn.send_close_notify();
            let _ = tls.flush();
        }
        let stream = self.socket();
        let _ = stream.shutdown(Shutdown::Write);
        let end = Instant::now() + A_MOMENT;
        let mut piece = [0; 16 * 1024];
        while is_ready(stream, end.saturating_duration_since(Instant::now())) {
            let mut stream = stream;
            match stream.read(&mut piece) {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
    }
}

impl Read for Line {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(bytes),
            Self::Tls(tls) => match tls.read(bytes) {
                // Without a word of farewell; what it would have cut off is framed by HTTP.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(0),
                read => read,
            },
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(tls) => {
                let written = tls.write(bytes)?;
                tls.flush()?;
                Ok(written)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

/// True once something can be read, or the other side has ended; false where the time is over.
pub(super) fn is_ready(stream: &TcpStream, time: Duration) -> bool {
    let time = Timespec { tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX), tv_nsec: i64::from(time.subsec_nanos()) };
    !matches!(poll(&mut [PollFd::new(stream, PollFlags::IN)], Some(&time)), Ok(0))
}

fn send_all(stream: &TcpStream, mut bytes: &[u8], flags: SendFlags) -> io::Result<()> {
    while !bytes.is_empty() {
        match send(stream, bytes, flags | SendFlags::NOSIGNAL) {
            Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Err(too_slow()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Bytes that the kernel is asked to send at once.
const MOST_AT_ONCE: u64 = 2 * 1024 * 1024;
/// Bytes that are read and encrypted at once.
const PIECE: usize = 64 * 1024;
/// How long what still comes is thrown away.
const A_MOMENT: Duration = Duration::from_secs(1);
