//! One connection through the forwarder: two sockets, and what is on its way between them.
//!
//! It ends as it would without a forwarder between: the end of one direction goes on alone, a reset goes on as a reset, after what
//! came before it, and who does not read makes the other side wait.

use std::{net::SocketAddr, time::Duration};

use rustix::{
    event::epoll,
    fd::OwnedFd,
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType, connect, getpeername, ipproto, recv, send,
        shutdown, socket_with, sockopt,
    },
};

/// A connection.
pub(super) struct Flow {
    client: OwnedFd,
    server: OwnedFd,
    /// The server has not answered yet.
    dialling: bool,
    /// Where else it may be, the last one first.
    left: Vec<SocketAddr>,
    /// A socket has met an error, which a lane that reads no more would not.
    wrong: bool,
    /// What the client said before the other direction failed was asked for.
    heard_out: bool,
    there: Lane,
    back: Lane,
}

/// What becomes of a flow after a turn.
pub(super) enum Next {
    /// It waits for its sockets.
    Wait,
    /// It has more to do, after the others.
    Again,
    /// Both directions have ended.
    Over,
    /// One side is gone, and the other is to know.
    Broken,
}

/// One direction.
#[derive(Default)]
struct Lane {
    /// Bytes that were read and could not be written yet.
    held: Vec<u8>,
    /// The source may have something.
    readable: bool,
    /// The destination may take something.
    writable: bool,
    /// The source has sent its end.
    ended: bool,
    /// The destination was told.
    told: bool,
    /// One of its sockets has failed: it passes on no more.
    cut: bool,
}

impl Flow {
    /// Dials for a client that was accepted; a client for whom nobody answers is reset.
    pub(super) fn begin(client: OwnedFd, mut targets: Vec<SocketAddr>, epoll: &OwnedFd, id: u64) -> Option<Self> {
        targets.reverse();
        let _ = sockopt::set_tcp_nodelay(&client, true);
        let Some(server) = dial(&mut targets) else {
            reset(client);
            return None;
        };
        let watched = watch(epoll, &client, id << 1).and_then(|()| watch(epoll, &server, id << 1 | 1));
        if watched.is_err() {
            reset(client);
            return None;
        }
        Some(Self {
            client,
            server,
            dialling: true,
            left: targets,
            wrong: false,
            heard_out: false,
            there: Lane::default(),
            back: Lane::default(),
        })
    }

    /// Notes what a socket is ready for.
    pub(super) fn note(&mut self, at_server: bool, flags: epoll::EventFlags) {
        let (from, to) = if at_server { (&mut self.back, &mut self.there) } else { (&mut self.there, &mut self.back) };
        // What is wrong is told by the next call.
        let wrong = flags.intersects(epoll::EventFlags::ERR | epoll::EventFlags::HUP);
        self.wrong |= wrong;
        from.readable |= wrong || flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::RDHUP);
        to.writable |= wrong || flags.contains(epoll::EventFlags::OUT);
    }

    /// Passes on what can be passed on.
    pub(super) fn turn(&mut self, buffer: &mut [u8], epoll: &OwnedFd, id: u64) -> Next {
        if self.dialling {
            match self.answered(epoll, id) {
                Ok(true) => self.dialling = false,
                Ok(false) => return Next::Wait,
                Err(()) => return Next::Broken,
            }
        }
        self.find_resets();
        let again = self.there.pass(&self.client, &self.server, buffer, self.back.cut);
        if self.there.cut {
            // What the server said before it failed is for the client, whether it was reported already or not.
            self.back.readable |= !self.back.cut && !self.back.ended;
        }
        let again = self.back.pass(&self.server, &self.client, buffer, self.there.cut) || again;
        let newly = self.back.cut && !self.there.cut && !std::mem::replace(&mut self.heard_out, true);
        self.there.readable |= newly && !self.there.ended;
        let cut = self.there.cut || self.back.cut;
        if cut && self.there.is_drained() && self.back.is_drained() {
            Next::Broken
        } else if self.there.told && self.back.told {
            Next::Over
        } else if again || newly {
            Next::Again
        } else {
            Next::Wait
        }
    }

    /// Notices that a side was reset after it had sent its end, which its lane does not read any more.
    fn find_resets(&mut self) {
        let failed = |socket: &OwnedFd| matches!(sockopt::socket_error(socket), Ok(Err(_)));
        if std::mem::take(&mut self.wrong) {
            self.back.cut |= self.there.ended && failed(&self.client);
            self.there.cut |= self.back.ended && failed(&self.server);
        }
    }

    /// True once the server has answered; where it refuses, the next address is tried.
    fn answered(&mut self, epoll: &OwnedFd, id: u64) -> Result<bool, ()> {
        loop {
            if !matches!(sockopt::socket_error(&self.server), Ok(Ok(()))) {
                self.server = dial(&mut self.left).ok_or(())?;
                self.there.writable = false;
                self.back.readable = false;
                watch(epoll, &self.server, id << 1 | 1).map_err(drop)?;
                continue;
            }
            return match getpeername(&self.server) {
                Ok(_) => Ok(true),
                // A client that has gone meanwhile is not waited for.
                Err(_) => sockopt::socket_error(&self.client).map_err(drop)?.map(|()| false).map_err(drop),
            };
        }
    }

    /// Ends it with a reset on both sides.
    pub(super) fn abort(self) {
        reset(self.client);
        reset(self.server);
    }
}

impl Lane {
    /// Passes on until one side has to be waited for; true where there may be more after a fair share. `alone` says that the
    /// other direction has failed, so that the end of this one is told by a reset.
    fn pass(&mut self, from: &OwnedFd, to: &OwnedFd, buffer: &mut [u8], alone: bool) -> bool {
        if self.cut {
            return false;
        }
        self.try_pass(from, to, buffer, alone).unwrap_or_else(|()| {
            self.cut = true;
            self.held = Vec::new();
            false
        })
    }

    fn try_pass(&mut self, from: &OwnedFd, to: &OwnedFd, buffer: &mut [u8], alone: bool) -> Result<bool, ()> {
        for _ in 0..SHARE {
            if !self.flush(to)? {
                return Ok(false);
            }
            if self.ended {
                if !self.told && !alone {
                    self.told = true;
                    // It fails where the destination is gone, which the other direction notices.
                    let _ = shutdown(to, Shutdown::Write);
                }
                return Ok(false);
            }
            if !self.readable || !self.writable {
                return Ok(false);
            }
            match recv(from, &mut *buffer, RecvFlags::empty()) {
                Ok((0, _)) => self.ended = true,
                Ok((length, _)) => self.send(to, buffer.get(..length).unwrap_or_default())?,
                Err(Errno::AGAIN) => self.readable = false,
                Err(Errno::INTR) => {}
                Err(_) => return Err(()),
            }
        }
        Ok(true)
    }

    /// True when nothing of it is on the way any more.
    fn is_drained(&self) -> bool {
        self.cut || (self.held.is_empty() && (self.ended || !self.readable))
    }

    /// Writes what is held; false where some of it has to wait.
    fn flush(&mut self, to: &OwnedFd) -> Result<bool, ()> {
        if self.held.is_empty() {
            return Ok(true);
        }
        if !self.writable {
            return Ok(false);
        }
        let held = std::mem::take(&mut self.held);
        self.send(to, &held)?;
        Ok(self.held.is_empty())
    }

    /// Writes, and holds what could not be written.
    fn send(&mut self, to: &OwnedFd, mut bytes: &[u8]) -> Result<(), ()> {
        while !bytes.is_empty() {
            match send(to, bytes, SendFlags::NOSIGNAL) {
                Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    self.writable = false;
                    self.held = bytes.to_vec();
                    return Ok(());
                }
                Err(_) => return Err(()),
            }
        }
        Ok(())
    }
}

/// A socket on its way to the next address that does not refuse at once.
fn dial(targets: &mut Vec<SocketAddr>) -> Option<OwnedFd> {
    while let Some(target) = targets.pop() {
        let family = if target.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let server = socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP)).ok()?;
        let _ = sockopt::set_tcp_nodelay(&server, true);
        match connect(&server, &target) {
            Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => return Some(server),
            Err(_) => {}
        }
    }
    None
}

/// Reports everything that a socket becomes ready for, once.
fn watch(epoll: &OwnedFd, socket: &OwnedFd, data: u64) -> Result<(), Errno> {
    let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::RDHUP | epoll::EventFlags::ET;
    epoll::add(epoll, socket, epoll::EventData::new_u64(data), flags)
}

/// Closes a socket so that its peer gets a reset.
pub(in crate::linux) fn reset(socket: OwnedFd) {
    let _ = sockopt::set_socket_linger(&socket, Some(Duration::ZERO));
    drop(socket);
}

/// Chunks that one direction may pass on before the others have their turn.
const SHARE: usize = 16;
