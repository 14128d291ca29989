//! One connection through the forwarder: two sockets, and what is on its way between them.
//!
//! It ends as it would without a forwarder between: the end of one direction goes on alone, a reset goes on as a reset, after what
//! came before it, and who does not read makes the other side wait.

use std::{sync::Arc, time::Duration};

use rustix::{
    event::epoll,
    fd::OwnedFd,
    io::Errno,
    net::{AddressFamily, RecvFlags, SendFlags, Shutdown, connect, getpeername, recv, send, shutdown, sockopt},
};

use super::HowEnded;
use crate::{
    Kind, Place,
    linux::spot::{Maker, address, family, hurry},
};

/// A connection.
pub(super) struct Flow {
    client: OwnedFd,
    server: OwnedFd,
    /// How far the server has answered.
    pub(super) tried: Tried,
    kind: Kind,
    /// Where it may be, and which of them comes next.
    targets: Arc<[Place]>,
    next: usize,
    /// A socket has met an error, which a lane that reads no more would not.
    wrong: bool,
    /// What the client said before the other direction failed was asked for.
    heard_out: bool,
    there: Lane,
    back: Lane,
}

/// How far a server has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    /// It was asked.
    Asked,
    /// It has no room for another client now (a Unix socket's queue is full).
    Crowded,
    /// It has answered.
    Answered,
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
    Broken(HowEnded),
}

/// The side of a direction at which something failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Source,
    Destination,
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
    /// It was the source that failed.
    at_source: bool,
    /// The source has an end or an error to tell, so that a short reading is not the last one.
    hung: bool,
    /// Messages are passed on one by one.
    packets: bool,
    /// Bytes that the destination took.
    passed: u64,
}

impl Flow {
    /// Dials for a client that was accepted; a client for whom nobody answers is reset.
    pub(super) fn begin(
        client: OwnedFd,
        (targets, kind): (&Arc<[Place]>, Kind),
        maker: &mut Maker,
        epoll: &OwnedFd,
        id: u64,
    ) -> Result<Self, Errno> {
        if targets.iter().any(|place| matches!(place, Place::Inet(_))) {
            // It fails on a client of another family, which has no such question.
            let _ = sockopt::set_tcp_nodelay(&client, true);
        }
        let mut next = 0;
        let dialled = dial(targets, &mut next, kind, maker).and_then(|(server, tried)| {
            watch(epoll, &client, id << 1)?;
            watch(epoll, &server, id << 1 | 1)?;
            Ok((server, tried))
        });
        match dialled {
            Ok((server, tried)) => {
                let lane = || Lane { packets: kind == Kind::Packets, ..Lane::default() };
                let (there, back) = (lane(), lane());
                Ok(Self {
                    client,
                    server,
                    tried,
                    kind,
                    targets: Arc::clone(targets),
                    next,
                    wrong: false,
                    heard_out: false,
                    there,
                    back,
                })
            }
            Err(error) => {
                reset(client);
                Err(error)
            }
        }
    }

    /// Bytes that the server took, and the client.
    pub(super) fn passed(&self) -> (u64, u64) {
        (self.there.passed, self.back.passed)
    }

    /// Asks a crowded server again.
    pub(super) fn ask_again(&mut self) {
        let Some(address) = self.next.checked_sub(1).and_then(|at| self.targets.get(at)).and_then(|place| address(place).ok())
        else {
            return;
        };
        self.tried = match connect(&self.server, &address) {
            Ok(()) => Tried::Answered,
            Err(Errno::AGAIN) => Tried::Crowded,
            // What is wrong is found when it is asked how far it came.
            Err(_) => Tried::Asked,
        };
    }

    /// Notes what a socket is ready for.
    pub(super) fn note(&mut self, at_server: bool, flags: epoll::EventFlags) {
        let (from, to) = if at_server { (&mut self.back, &mut self.there) } else { (&mut self.there, &mut self.back) };
        // What is wrong is told by the next call.
        let wrong = flags.intersects(epoll::EventFlags::ERR | epoll::EventFlags::HUP);
        self.wrong |= wrong;
        from.hung |= wrong || flags.contains(epoll::EventFlags::RDHUP);
        from.readable |= wrong || flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::RDHUP);
        to.writable |= wrong || flags.contains(epoll::EventFlags::OUT);
    }

    /// Passes on what can be passed on.
    pub(super) fn turn(&mut self, buffer: &mut [u8], maker: &mut Maker, epoll: &OwnedFd, id: u64) -> Next {
        if self.tried != Tried::Answered {
            match self.answered(maker, epoll, id) {
                Ok(true) => self.tried = Tried::Answered,
                Ok(false) => return Next::Wait,
                Err(how) => return Next::Broken(how),
            }
        }
        self.find_resets();
        let again = self.there.pass(&self.client, &self.server, buffer, (self.back.cut, self.back.told));
        if self.there.cut {
            // What the server said before it failed is for the client, whether it was reported already or not.
            self.back.readable |= !self.back.cut && !self.back.ended;
        }
        let again = self.back.pass(&self.server, &self.client, buffer, (self.there.cut, self.there.told)) || again;
        let newly = self.back.cut && !self.there.cut && !std::mem::replace(&mut self.heard_out, true);
        self.there.readable |= newly && !self.there.ended;
        let cut = self.there.cut || self.back.cut;
        if cut && self.there.is_drained() && self.back.is_drained() {
            Next::Broken(self.who_left())
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

    /// Which side has failed. What was sent to a side that is gone fails there, and what is read from it at its source.
    fn who_left(&self) -> HowEnded {
        let client = if self.there.cut { self.there.at_source } else { !self.back.at_source };
        if client { HowEnded::ClientGone } else { HowEnded::ServerGone }
    }

    /// True once the server has answered; where it refuses, the next address is tried.
    fn answered(&mut self, maker: &mut Maker, epoll: &OwnedFd, id: u64) -> Result<bool, HowEnded> {
        if self.tried == Tried::Crowded {
            return self.is_client_there();
        }
        loop {
            match sockopt::socket_error(&self.server) {
                Ok(Ok(())) => {}
                // It had answered (`tcp_reset()` of `net/ipv4/tcp_input.c`: before that it is a refusal).
                Ok(Err(Errno::CONNRESET | Errno::PIPE)) => return Err(HowEnded::ServerGone),
                Ok(Err(error)) | Err(error) => {
                    if self.next >= self.targets.len() {
                        return Err(error.into());
                    }
                    (self.server, self.tried) = dial(&self.targets, &mut self.next, self.kind, maker)?;
                    self.there.writable = false;
                    self.back.readable = false;
                    self.back.hung = false;
                    watch(epoll, &self.server, id << 1 | 1)?;
                    if self.tried == Tried::Answered {
                        return Ok(true);
                    }
                    continue;
                }
            }
            return match getpeername(&self.server) {
                Ok(_) => Ok(true),
                Err(_) => self.is_client_there(),
            };
        }
    }

    /// A client that has gone meanwhile is not waited for.
    fn is_client_there(&self) -> Result<bool, HowEnded> {
        match sockopt::socket_error(&self.client) {
            Ok(Ok(())) => Ok(false),
            Ok(Err(_)) | Err(_) => Err(HowEnded::ClientGone),
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
    fn pass(&mut self, from: &OwnedFd, to: &OwnedFd, buffer: &mut [u8], other: (bool, bool)) -> bool {
        if self.cut {
            return false;
        }
        self.try_pass(from, to, buffer, other).unwrap_or_else(|side| {
            self.cut = true;
            self.at_source = side == Side::Source;
            self.held = Vec::new();
            false
        })
    }

    fn try_pass(&mut self, from: &OwnedFd, to: &OwnedFd, buffer: &mut [u8], (alone, last): (bool, bool)) -> Result<bool, Side> {
        for _ in 0..SHARE {
            if !self.flush(to)? {
                return Ok(false);
            }
            if self.ended {
                if !self.told && !alone {
                    self.told = true;
                    // It fails where the destination is gone, which the other direction notices. The last end is that of the connection.
                    if !last {
                        let _ = shutdown(to, Shutdown::Write);
                    }
                }
                return Ok(false);
            }
            if !self.readable || !self.writable {
                return Ok(false);
            }
            let how = if self.packets { RecvFlags::TRUNC } else { RecvFlags::empty() };
            match recv(from, &mut *buffer, how) {
                Ok((_, 0)) => self.ended = true,
                // A message that is longer than what can be passed on whole is not passed on in part.
                Ok((length, whole)) if whole > length => return Err(Side::Source),
                Ok((length, _)) => {
                    // What is short was all that there was (`epoll(7)`), but for an end that was reported with it.
                    self.readable = self.packets || self.hung || length == buffer.len();
                    self.send(to, buffer.get(..length).unwrap_or_default())?;
                }
                Err(Errno::AGAIN) => self.readable = false,
                Err(Errno::INTR) => {}
                Err(_) => return Err(Side::Source),
            }
        }
        Ok(true)
    }

    /// True when nothing of it is on the way any more.
    fn is_drained(&self) -> bool {
        self.cut || (self.held.is_empty() && (self.ended || !self.readable))
    }

    /// Writes what is held; false where some of it has to wait.
    fn flush(&mut self, to: &OwnedFd) -> Result<bool, Side> {
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
    fn send(&mut self, to: &OwnedFd, mut bytes: &[u8]) -> Result<(), Side> {
        while !bytes.is_empty() {
            match send(to, bytes, SendFlags::NOSIGNAL) {
                Ok(sent) => {
                    self.passed += sent as u64;
                    bytes = bytes.get(sent..).unwrap_or_default();
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    self.writable = false;
                    self.held = bytes.to_vec();
                    return Ok(());
                }
                Err(_) => return Err(Side::Destination),
            }
        }
        Ok(())
    }
}

/// A socket on its way to the next place that does not refuse at once; the last error where there is none.
fn dial(targets: &[Place], next: &mut usize, kind: Kind, maker: &mut Maker) -> Result<(OwnedFd, Tried), Errno> {
    let mut last = Errno::ADDRNOTAVAIL;
    while let Some(target) = targets.get(*next) {
        *next += 1;
        let family = family(target);
        let made = maker(family, kind.of_socket()).and_then(|server| Ok((server, address(target)?)));
        let (server, address) = match made {
            Ok(made) => made,
            // No descriptor for this one means none for the others.
            Err(error @ (Errno::MFILE | Errno::NFILE)) => return Err(error),
            Err(error) => {
                last = error;
                continue;
            }
        };
        hurry(&server, family);
        match connect(&server, &address) {
            Ok(()) => return Ok((server, Tried::Answered)),
            Err(Errno::INPROGRESS | Errno::INTR) => return Ok((server, Tried::Asked)),
            Err(Errno::AGAIN) if family == AddressFamily::UNIX => return Ok((server, Tried::Crowded)),
            Err(error) => last = error,
        }
    }
    Err(last)
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
