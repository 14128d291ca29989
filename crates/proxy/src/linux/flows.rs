//! Connections that are passed on, each between two sockets: one thread and one `epoll` for all of them.

mod flow;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use rustc_hash::FxHashMap;
use rustix::{
    event::epoll,
    fd::OwnedFd,
    io::Errno,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

use super::spot::{Maker, here};
use crate::{Kind, Place};
pub(super) use flow::reset;
use flow::{Flow, Next, Tried};

/// The connections that are open.
pub struct Flows {
    /// By a number that is never used again.
    open: FxHashMap<u64, Flow>,
    /// More of them would leave no descriptors for anything else.
    most: usize,
    next: u64,
    /// Those that had more to pass on than one turn allows.
    unfinished: VecDeque<u64>,
    buffer: Vec<u8>,
    /// Where sockets come from that dial.
    maker: Maker,
    /// What has ended, and how, where somebody wants to know.
    ended: Option<Vec<Ended>>,
    /// How long a server is waited for; those that wait for one, and since when.
    patience: Option<Duration>,
    waiting: VecDeque<(Instant, u64)>,
    /// Those whose server has no room for another client; it is asked again.
    crowded: Vec<u64>,
}

/// A connection that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its number.
    pub number: u64,
    /// Bytes that were passed on to the server.
    pub sent: u64,
    /// Bytes that were passed on to the client.
    pub received: u64,
    /// How it ended.
    pub how: HowEnded,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HowEnded {
    /// Both sides have sent their ends.
    Whole,
    /// The client was gone before that: it was reset, or closed for good.
    ClientGone,
    /// The server was.
    ServerGone,
    /// The server was not reached, with the number of the last error.
    Refused(i32),
    /// The server has not answered in time.
    Silent,
    /// It was cut off here.
    Cut,
}

impl Default for Flows {
    /// None yet. This process may have as many descriptors as its user from now on.
    fn default() -> Self {
        Self {
            open: FxHashMap::default(),
            most: most_flows(raised_limit()),
            next: 0,
            unfinished: VecDeque::new(),
            buffer: vec![0; CHUNK],
            maker: here(),
            ended: None,
            patience: None,
            waiting: VecDeque::new(),
            crowded: Vec::new(),
        }
    }
}

impl Flows {
    /// None yet, with sockets that this maker makes. What ends is told, and a server that does not answer is not waited for longer than
    /// this.
    pub(super) fn told(maker: Maker, kind: Kind, patience: Duration) -> Self {
        // A message is passed on whole.
        let buffer = vec![0; if kind == Kind::Packets { LONGEST_PACKET } else { CHUNK }];
        Self { maker, ended: Some(Vec::new()), patience: Some(patience), buffer, ..Self::default() }
    }

    /// Dials for a client that was accepted; one for whom there is no room is reset.
    pub fn begin(&mut self, client: OwnedFd, targets: Vec<SocketAddr>, epoll: &OwnedFd) {
        if !self.has_room() {
            return reset(client);
        }
        self.begin_at(client, (&targets.into_iter().map(Place::from).collect(), Kind::Stream), epoll);
    }

    /// True where there are descriptors for another one.
    pub(super) fn has_room(&self) -> bool {
        self.open.len() < self.most
    }

    /// Dials for a client that was accepted, and gives its number.
    pub(super) fn begin_at(&mut self, client: OwnedFd, to: (&Arc<[Place]>, Kind), epoll: &OwnedFd) -> u64 {
        let id = self.next;
        self.next += 1;
        match Flow::begin(client, to, &mut self.maker, epoll, id) {
            Ok(flow) => {
                match flow.tried {
                    Tried::Answered => {}
                    Tried::Asked | Tried::Crowded if self.patience.is_none() => {}
                    Tried::Asked => self.waiting.push_back((Instant::now(), id)),
                    Tried::Crowded => {
                        self.waiting.push_back((Instant::now(), id));
                        self.crowded.push(id);
                    }
                }
                self.open.insert(id, flow);
                self.turn(id, epoll);
            }
            Err(error) => self.note(Ended { number: id, sent: 0, received: 0, how: HowEnded::Refused(error.raw_os_error()) }),
        }
        id
    }

    /// Something happened at one of a flow's sockets.
    pub fn happened(&mut self, data: u64, flags: epoll::EventFlags, epoll: &OwnedFd) {
        let id = data >> 1;
        if let Some(flow) = self.open.get_mut(&id) {
            flow.note(data & 1 == 1, flags);
            self.turn(id, epoll);
        }
    }

    /// Lets those go on that had more to do.
    pub fn go_on(&mut self, epoll: &OwnedFd) {
        for id in std::mem::take(&mut self.unfinished) {
            self.turn(id, epoll);
        }
    }

    /// Asks crowded servers again, and gives up those that have not answered in time.
    pub(super) fn look_after(&mut self, now: Instant, epoll: &OwnedFd) {
        for id in std::mem::take(&mut self.crowded) {
            if let Some(flow) = self.open.get_mut(&id) {
                flow.ask_again();
                if flow.tried == Tried::Crowded {
                    self.crowded.push(id);
                } else {
                    self.turn(id, epoll);
                }
            }
        }
        let Some(patience) = self.patience else { return };
        while let Some((since, id)) = self.waiting.front().copied() {
            if now.saturating_duration_since(since) < patience {
                break;
            }
            self.waiting.pop_front();
            match self.open.get(&id) {
                Some(flow) if flow.tried != Tried::Answered => self.cut(id, HowEnded::Silent),
                _ => {}
            }
        }
    }

    /// When [`Flows::look_after`] has something to do.
    pub(super) fn due(&self, now: Instant) -> Option<Duration> {
        if !self.crowded.is_empty() {
            return Some(AGAIN);
        }
        let (since, _) = self.waiting.front()?;
        self.patience.map(|patience| (*since + patience).saturating_duration_since(now))
    }

    /// Cuts off all that are open.
    pub(super) fn cut_all(&mut self) {
        for id in self.open.keys().copied().collect::<Vec<_>>() {
            self.cut(id, HowEnded::Cut);
        }
    }

    /// How many are open.
    pub fn number(&self) -> usize {
        self.open.len()
    }

    /// True where some have more to do at once.
    pub fn is_busy(&self) -> bool {
        !self.unfinished.is_empty()
    }

    /// What has ended since somebody asked last.
    pub(super) fn ended(&mut self) -> Vec<Ended> {
        self.ended.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn note(&mut self, ended: Ended) {
        if let Some(told) = &mut self.ended {
            told.push(ended);
        }
    }

    fn cut(&mut self, id: u64, how: HowEnded) {
        if let Some(flow) = self.open.remove(&id) {
            let (sent, received) = flow.passed();
            self.note(Ended { number: id, sent, received, how });
            flow.abort();
        }
    }

    /// Lets a flow pass on what it can.
    fn turn(&mut self, id: u64, epoll: &OwnedFd) {
        let Some(flow) = self.open.get_mut(&id) else { return };
        match flow.turn(&mut self.buffer, &mut self.maker, epoll, id) {
            Next::Wait => {}
            Next::Again => self.unfinished.push_back(id),
            Next::Over => {
                if let Some(flow) = self.open.remove(&id) {
                    let (sent, received) = flow.passed();
                    self.note(Ended { number: id, sent, received, how: HowEnded::Whole });
                }
            }
            Next::Broken(how) => self.cut(id, how),
        }
    }
}

/// As many descriptors as this user may have; `None` where there is no limit.
pub fn raised_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    }
}

/// How many connections that many descriptors are enough for, at two for each.
fn most_flows(limit: Option<u64>) -> usize {
    limit.map_or(usize::MAX, |limit| usize::try_from(limit.saturating_sub(RESERVE) / 2).unwrap_or(usize::MAX).max(1))
}

/// The number of an error, as reports have it.
impl From<Errno> for HowEnded {
    fn from(error: Errno) -> Self {
        Self::Refused(error.raw_os_error())
    }
}

/// Descriptors that are left for listeners, the store and what is read in `/proc`.
const RESERVE: u64 = 64;
/// Bytes passed on at once.
const CHUNK: usize = 64 * 1024;
/// Bytes of the longest message that is passed on whole; the kernel's own limit is mostly 212,992 (`net.core.wmem_max`).
const LONGEST_PACKET: usize = 1 << 20;
/// How long a server without room for another client is left alone.
const AGAIN: Duration = Duration::from_millis(10);
