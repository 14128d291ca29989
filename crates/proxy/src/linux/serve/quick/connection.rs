//! One connection that nobody waits for: what came, what is to be sent, and since when it stands so.

use std::{
    io::{self, Read},
    net::{Shutdown, TcpStream},
    sync::Arc,
    time::Instant,
};

use portward_wire::http::{Framing, Head};
use rustix::{
    io::Errno,
    net::{SendFlags, send},
};

use super::{Open, Shared};
use crate::linux::serve::{
    page::refusal,
    reply::Body,
    site::Recent,
    talk::{HEAD_TIME, IDLE, STANDSTILL, in_words},
};

/// One connection.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    /// What came and is not answered.
    buffer: Vec<u8>,
    /// What is to be sent, and how much of it was.
    out: Vec<u8>,
    sent: usize,
    /// Since when it stands as it does.
    since: Instant,
    end: End,
    pub(super) counted: Open,
}

/// Whether a connection is coming to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It goes on.
    No,
    /// Once all is sent.
    Then,
    /// All is sent; what still comes is thrown away, so that the answer is read.
    Lingers,
}

/// What becomes of a connection.
pub(super) enum Next {
    /// It waits, for room to send if that is said.
    Wait { room: bool },
    /// A thread that may wait goes on.
    Hand,
    /// It is over.
    Close,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, counted: Open, now: Instant) -> Self {
        Self { stream, buffer: Vec::new(), out: Vec::new(), sent: 0, since: now, end: End::No, counted }
    }

    /// What came and is not answered, for who goes on with it.
    pub(super) fn into_parts(self) -> (TcpStream, Vec<u8>, Open) {
        (self.stream, self.buffer, self.counted)
    }

    /// True where nothing is going on.
    pub(super) fn is_idle(&self) -> bool {
        self.end == End::No && self.out.is_empty() && self.buffer.is_empty()
    }

    /// How long it has stood so.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// Reads what came, and answers.
    pub(super) fn read(&mut self, shared: &Arc<Shared>, recent: &mut Recent, piece: &mut [u8], now: Instant) -> Next {
        loop {
            let read = match (&self.stream).read(piece) {
                Ok(0) => return Next::Close,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return Next::Close,
            };
            if self.end != End::No {
                continue;
            }
            if self.buffer.is_empty() {
                self.since = now;
            }
            self.buffer.extend_from_slice(piece.get(..read).unwrap_or_default());
            if read < piece.len() {
                break;
            }
            // A head is no longer than that; the rest can wait.
            if self.buffer.len() >= MOST_BUFFERED {
                break;
            }
        }
        self.answer(shared, recent, now)
    }

    /// Answers what has come whole, as long as that is sent at once. What is left of it waits for room to send, or for its rest.
    pub(super) fn answer(&mut self, shared: &Arc<Shared>, recent: &mut Recent, now: Instant) -> Next {
        loop {
            let before = self.buffer.len();
            let next = self.answer_some(shared, recent, now);
            if !matches!(next, Next::Wait { room: false }) || !self.has_more() || self.buffer.len() == before {
                return next;
            }
        }
    }

    /// Answers until there is as much to send as is held.
    fn answer_some(&mut self, shared: &Arc<Shared>, recent: &mut Recent, now: Instant) -> Next {
        let mut used = 0;
        while self.end == End::No && self.out.len() < MOST_OUT {
            let rest = self.buffer.get(used..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            let head = match Head::read(rest) {
                Ok(Some(head)) => head,
                Ok(None) => break,
                Err(fault) => {
                    self.refuse(shared, fault.status());
                    used = self.buffer.len();
                    break;
                }
            };
            let began = shared.log.begin();
            let reply = if head.framing == Framing::None { shared.site.answer(&head, Some(recent)).ok() } else { None };
            // Who may wait goes on, after what was answered before it is sent.
            let Some(reply) = reply.filter(|reply| matches!(reply.body, Body::None | Body::Bytes(_))) else {
                self.buffer.drain(..used);
                return match self.send(now) {
                    Next::Wait { room: false } => Next::Hand,
                    next => next,
                };
            };
            let keeps = head.keeps_open() && !shared.is_stopping();
            self.out.extend_from_slice(&reply.head(&shared.site.common, head.is_current, keeps));
            let mut sent = 0;
            if let (Body::Bytes(bytes), false) = (&reply.body, reply.bodiless) {
                self.out.extend_from_slice(bytes);
                sent = bytes.len() as u64;
            }
            shared.log.tell(began, (head.method, head.target), reply.status, sent);
            used += head.length;
            self.since = now;
            if !keeps {
                self.end = End::Then;
            }
        }
        self.buffer.drain(..used.min(self.buffer.len()));
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT {
            self.buffer = Vec::new();
        }
        self.send(now)
    }

    /// Sends what is to be sent.
    pub(super) fn send(&mut self, now: Instant) -> Next {
        while let Some(rest) = self.out.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match send(&self.stream, rest, SendFlags::NOSIGNAL) {
                Ok(sent) => {
                    self.sent += sent;
                    self.since = now;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Next::Wait { room: true },
                Err(_) => return Next::Close,
            }
        }
        self.out.clear();
        self.sent = 0;
        if self.out.capacity() > KEPT {
            self.out = Vec::new();
        }
        if self.end == End::Then {
            if self.stream.shutdown(Shutdown::Write).is_err() {
                return Next::Close;
            }
            self.end = End::Lingers;
            self.since = now;
        }
        Next::Wait { room: false }
    }

    /// True where more may be answered, now that all is sent.
    pub(super) fn has_more(&self) -> bool {
        self.end == End::No && self.out.is_empty() && !self.buffer.is_empty()
    }

    /// Refuses what cannot be read as a request.
    fn refuse(&mut self, shared: &Shared, status: u16) {
        let reply = shared.site.finished(refusal(status, None, in_words(status)));
        self.out.extend_from_slice(&reply.head(&shared.site.common, true, false));
        let mut sent = 0;
        if let Body::Bytes(bytes) = &reply.body {
            self.out.extend_from_slice(bytes);
            sent = bytes.len() as u64;
        }
        shared.log.tell(shared.log.begin(), ("", ""), status, sent);
        self.end = End::Then;
    }

    /// What becomes of it when nothing has come for a while.
    pub(super) fn waited(&mut self, shared: &Shared, now: Instant) -> Next {
        let waited = now.saturating_duration_since(self.since);
        match self.end {
            End::Lingers => return if waited > LINGERS { Next::Close } else { Next::Wait { room: false } },
            End::No | End::Then if !self.out.is_empty() => {
                return if waited > STANDSTILL { Next::Close } else { Next::Wait { room: true } };
            }
            End::No | End::Then => {}
        }
        if self.buffer.is_empty() {
            let is_over = waited > IDLE || shared.is_stopping();
            return if is_over { Next::Close } else { Next::Wait { room: false } };
        }
        if waited > HEAD_TIME {
            self.refuse(shared, 408);
            self.buffer.clear();
            return self.send(now);
        }
        if shared.is_stopping() { Next::Close } else { Next::Wait { room: false } }
    }
}

/// Bytes that are held of what came: a head, and what is sent behind it in the same breath.
const MOST_BUFFERED: usize = 64 * 1024;
/// Answers wait until so many bytes are sent.
const MOST_OUT: usize = 256 * 1024;
/// Room that a connection keeps while nothing is going on.
const KEPT: usize = 8 * 1024;
/// How long what still comes is thrown away.
const LINGERS: std::time::Duration = std::time::Duration::from_secs(1);
