//! Connections that are passed on, each between two sockets: one thread and one `epoll` for all of them.

mod flow;

use std::{collections::VecDeque, net::SocketAddr};

use rustc_hash::FxHashMap;
use rustix::{
    event::epoll,
    fd::OwnedFd,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

pub(super) use flow::reset;
use flow::{Flow, Next};

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
}

impl Default for Flows {
    /// None yet. This process may have as many descriptors as its user from now on.
    fn default() -> Self {
        let most = most_flows(raised_limit());
        Self { open: FxHashMap::default(), most, next: 0, unfinished: VecDeque::new(), buffer: vec![0; CHUNK] }
    }
}

impl Flows {
    /// Dials for a client that was accepted; one for whom there is no room is reset.
    pub fn begin(&mut self, client: OwnedFd, targets: Vec<SocketAddr>, epoll: &OwnedFd) {
        if self.open.len() >= self.most {
            return reset(client);
        }
        let id = self.next;
        self.next += 1;
        if let Some(flow) = Flow::begin(client, targets, epoll, id) {
            self.open.insert(id, flow);
            self.turn(id, epoll);
        }
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

    /// How many are open.
    pub fn number(&self) -> usize {
        self.open.len()
    }

    /// True where some have more to do at once.
    pub fn is_busy(&self) -> bool {
        !self.unfinished.is_empty()
    }

    /// Lets a flow pass on what it can.
    fn turn(&mut self, id: u64, epoll: &OwnedFd) {
        let Some(flow) = self.open.get_mut(&id) else { return };
        match flow.turn(&mut self.buffer, epoll, id) {
            Next::Wait => {}
            Next::Again => self.unfinished.push_back(id),
            Next::Over => drop(self.open.remove(&id)),
            Next::Broken => {
                if let Some(flow) = self.open.remove(&id) {
                    flow.abort();
                }
            }
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

/// Descriptors that are left for listeners, the store and what is read in `/proc`.
const RESERVE: u64 = 64;
/// Bytes passed on at once.
const CHUNK: usize = 64 * 1024;
