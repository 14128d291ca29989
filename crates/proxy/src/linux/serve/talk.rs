//! A connection whose thread may wait: requests that need it are answered here, one after another.

mod incoming;
mod line;

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use portward_wire::http::{Fault, Framing, Head};

use super::{
    live::News,
    pack::pack,
    page::refusal,
    quick::Shared,
    reply::{Body, Reply},
    upload,
};
use incoming::Incoming;
pub(super) use line::Line;

/// A connection, and what came that is not used yet.
pub(super) struct Talk {
    pub(super) line: Line,
    pub(super) buffer: Vec<u8>,
}

/// How reading a head ended without one.
enum Unread {
    Refused(Fault),
    /// It did not come in time.
    Late,
    /// The other side, or this one, has ended.
    Over,
}

impl Talk {
    /// Answers what comes, until nothing does for a moment. Gives the connection back where it goes on, and may be waited for elsewhere.
    pub(super) fn converse(mut self, shared: &Shared) -> Option<TcpStream> {
        loop {
            let length = match self.head(shared) {
                Ok(length) => length,
                Err(Unread::Over) => return None,
                Err(unread) => {
                    let status = if let Unread::Refused(fault) = unread { fault.status() } else { 408 };
                    let reply = shared.site.finished(refusal(status, None, in_words(status)));
                    let sent = self.send(shared, &reply, true, false);
                    shared.log.tell(shared.log.begin(), ("", ""), status, sent.unwrap_or(0));
                    self.line.linger();
                    return None;
                }
            };
            let own: Vec<u8> = self.buffer.drain(..length).collect();
            let Ok(Some(head)) = Head::read(&own) else { return None };
            if !self.request(shared, &head).unwrap_or(false) {
                self.line.linger();
                return None;
            }
            if self.buffer.is_empty()
                && let Line::Plain(stream) = &self.line
                && !line::is_ready(stream, LINGERS)
            {
                let Line::Plain(stream) = self.line else { return None };
                return Some(stream);
            }
        }
    }

    /// Answers one request. True where the connection goes on.
    fn request(&mut self, shared: &Shared, head: &Head<'_>) -> io::Result<bool> {
        let began = shared.log.begin();
        // Nothing is waited for no longer.
        let Ok(mut reply) = shared.site.answer(head, None) else { return Ok(false) };
        let mut keeps = head.keeps_open() && !shared.is_stopping();
        if let Body::Upload(wanted) = reply.body {
            if head.expects() && self.buffer.is_empty() {
                self.line.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            }
            let mut body = Incoming::new(&mut self.line, &mut self.buffer, head.framing);
            let taken = upload::take(&shared.site, head, wanted, &mut body);
            // What was not read of it stands in front of the next request.
            keeps &= body.is_over();
            reply = shared.site.finished(taken?);
        } else if head.framing != Framing::None {
            keeps = false;
        }
        keeps &= head.is_current || !reply.is_streamed();
        keeps &= !matches!(reply.body, Body::Changes);
        let status = reply.status;
        let sent = self.send(shared, &reply, head.is_current, keeps);
        shared.log.tell(began, (head.method, head.target), status, *sent.as_ref().unwrap_or(&0));
        sent.map(|_| keeps)
    }

    /// Reads until there is a head; its length.
    fn head(&mut self, shared: &Shared) -> Result<usize, Unread> {
        let began = Instant::now();
        loop {
            match Head::read(&self.buffer) {
                Ok(Some(head)) => return Ok(head.length),
                Err(fault) => return Err(Unread::Refused(fault)),
                Ok(None) => {}
            }
            let patience = if self.buffer.is_empty() { IDLE } else { HEAD_TIME };
            if self.buffer.is_empty() && shared.is_stopping() {
                return Err(Unread::Over);
            }
            if began.elapsed() > patience {
                return Err(if self.buffer.is_empty() { Unread::Over } else { Unread::Late });
            }
            let mut piece = [0; 4096];
            match self.line.read_for(&mut piece, TICK) {
                Ok(0) => return Err(Unread::Over),
                Ok(read) => self.buffer.extend_from_slice(piece.get(..read).unwrap_or_default()),
                Err(error) if super::tls::is_for_later(&error) => {}
                Err(_) => return Err(Unread::Over),
            }
        }
    }

    /// Sends an answer; the bytes of its body that were sent.
    fn send(&mut self, shared: &Shared, reply: &Reply, is_current: bool, keeps: bool) -> io::Result<u64> {
        let mut head = reply.head(&shared.site.common, is_current, keeps);
        if reply.bodiless {
            self.line.write_all(&head)?;
            return Ok(0);
        }
        match &reply.body {
            Body::None | Body::Upload(_) => self.line.write_all(&head).map(|()| 0),
            Body::Bytes(bytes) => {
                head.extend_from_slice(bytes);
                self.line.write_all(&head)?;
                Ok(bytes.len() as u64)
            }
            Body::File { file, from, length } => {
                self.line.write_more(&head)?;
                self.line.send_file(file, *from, *length)
            }
            Body::Pieces { file, pieces, end } => {
                self.line.write_more(&head)?;
                let mut sent = 0;
                for (before, from, length) in pieces {
                    self.line.write_more(before)?;
                    sent += before.len() as u64 + self.line.send_file(file, *from, *length)?;
                }
                self.line.write_all(end)?;
                Ok(sent + end.len() as u64)
            }
            Body::Packed { file, length, coding } => {
                self.line.write_more(&head)?;
                let mut out = Outgoing { line: &mut self.line, pending: Vec::with_capacity(CHUNK), chunked: is_current, sent: 0 };
                pack(*coding, file.take(*length), &mut out)?;
                out.end()
            }
            Body::Changes => {
                self.line.write_all(&head)?;
                self.changes(shared, is_current)
            }
        }
    }

    /// Tells of changes until nobody listens.
    fn changes(&mut self, shared: &Shared, chunked: bool) -> io::Result<u64> {
        let mut out = Outgoing { line: &mut self.line, pending: Vec::new(), chunked, sent: 0 };
        let hub = &shared.site.hub;
        let mut seen = hub.now();
        // A page that lost the stream asks again so soon.
        out.write_all(b"retry: 500\n\n")?;
        out.flush()?;
        loop {
            let text: &[u8] = match hub.wait(&mut seen, BETWEEN_SIGNS) {
                News::Style => b"event: style\ndata: \n\n",
                News::Page => b"event: page\ndata: \n\n",
                News::None => b": \n\n",
                News::Over => return out.end(),
            };
            out.write_all(text)?;
            out.flush()?;
        }
    }
}

/// A body whose length nobody knows before it is sent.
struct Outgoing<'l> {
    line: &'l mut Line,
    pending: Vec<u8>,
    /// HTTP/1.0 knows no chunks: the body ends with the connection.
    chunked: bool,
    sent: u64,
}

impl Outgoing<'_> {
    fn end(mut self) -> io::Result<u64> {
        self.flush()?;
        if self.chunked {
            self.line.write_all(b"0\r\n\r\n")?;
        }
        Ok(self.sent)
    }
}

impl Write for Outgoing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.sent += self.pending.len() as u64;
        if self.chunked {
            self.line.write_more(format!("{:x}\r\n", self.pending.len()).as_bytes())?;
            self.pending.extend_from_slice(b"\r\n");
        }
        self.line.write_all(&self.pending)?;
        self.pending.clear();
        Ok(())
    }
}

/// Why a head was refused.
pub(super) fn in_words(status: u16) -> &'static str {
    match status {
        408 => "The head of the request did not come in time.",
        431 => "The head of the request is longer than 32 KB, or has more than 100 fields.",
        501 => "The body comes in a transfer coding that is not known here.",
        505 => "This speaks HTTP/1.1.",
        _ => "This is no request that could be read in one way alone.",
    }
}

/// An error for whoever waits in vain.
pub(super) fn too_slow() -> io::Error {
    ErrorKind::TimedOut.into()
}

/// So long a head may take.
pub(super) const HEAD_TIME: Duration = Duration::from_secs(10);
/// So long a connection stays without a request.
pub(super) const IDLE: Duration = Duration::from_mins(1);
/// So long nothing moves before a connection is given up.
pub(super) const STANDSTILL: Duration = Duration::from_secs(30);
/// So long a thread waits for the next request before it gives the connection back.
const LINGERS: Duration = Duration::from_millis(50);
/// Between two looks whether the server ends.
const TICK: Duration = Duration::from_millis(200);
/// Between two signs of life to a page. Whoever has gone is noticed by them.
const BETWEEN_SIGNS: Duration = Duration::from_secs(5);
/// Bytes of a chunk.
const CHUNK: usize = 16 * 1024;
