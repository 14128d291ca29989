//! The nouns of what is asked of a machine, and of what it answers.

use std::any::Any;

use portward_model::{Gap, Holding, PortRange, Text};
use portward_wire::netlink::{PortFilter, StateSet};
use serde::{Deserialize, Serialize};

/// A value, and what could not be seen while it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial<T> {
    /// What was seen.
    pub value: T,
    /// What was not.
    pub gaps: Vec<Gap>,
}

/// The number of the loopback device, which is the first of every network namespace.
pub const LO: u32 = 1;

/// Which transports to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transports {
    /// TCP
    pub tcp: bool,
    /// UDP
    pub udp: bool,
    /// Unix sockets of every type
    pub unix: bool,
}

impl Transports {
    /// All of them.
    pub const ALL: Self = Self { tcp: true, udp: true, unix: true };
}

/// Which network namespaces to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The reader's own.
    Own,
    /// Every one that can be entered.
    All,
    /// The one with this name or inode.
    Named(String),
}

/// Which sockets to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Of which transports.
    pub transports: Transports,
    /// In which states.
    pub states: StateSet,
    /// With which ports; Unix sockets have none and are not filtered.
    pub ports: Option<PortFilter>,
    /// With their traffic counters.
    pub traffic: bool,
}

impl Ask {
    /// What of TCP has a port, in these states.
    pub fn tcp_at(port: u16, states: StateSet) -> Self {
        let ports = Some(PortFilter::Local(PortRange { first: port, last: port }));
        Self { transports: Transports { tcp: true, udp: false, unix: false }, states, ports, traffic: false }
    }
}

/// TCP sockets that do not listen, as far as counters tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beyond {
    /// False when none can be connected.
    pub connected: bool,
    /// False when none can be bound without listening.
    pub bound: bool,
    /// True when there are so many that reading them is a processor's work for milliseconds.
    pub many: bool,
}

impl Beyond {
    /// When nothing is known.
    pub const UNKNOWN: Self = Self { connected: true, bound: true, many: false };

    /// The states that can hold any; `None` when no table need be walked.
    pub fn states(self) -> Option<StateSet> {
        match (self.connected, self.bound) {
            (false, false) => None,
            (true, false) => Some(StateSet::Connected),
            (_, true) => Some(StateSet::BoundOrConnected),
        }
    }
}

/// How far to look for holders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Every process's descriptors; threads with tables of their own only for sockets that stay without a holder.
    Processes,
    /// Every thread with a descriptor table of its own, whatever was found already.
    Threads,
}

/// Who holds which socket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holders {
    /// The descriptors that refer to the sockets asked for.
    pub holdings: Vec<Holding>,
    /// Processes whose descriptors this reader may not see.
    pub hidden_processes: u32,
    /// Unix sockets with descriptors waiting in their queues, as (holder's pid, descriptor, number waiting).
    pub in_flight: Vec<(u32, u32, u32)>,
    /// Other network namespaces that live processes are in.
    pub other_namespaces: u32,
}

/// What became of a socket that was to be pinned to the loopback device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pinned {
    /// It is, from now on.
    Now,
    /// It was before.
    Already,
    /// The kernel gives no copy of the descriptor: it is another user's, or of a process that may not be looked into.
    Denied {
        /// What Yama allows (`kernel.yama.ptrace_scope`), where it forbids anything.
        ptrace_scope: Option<u8>,
    },
    /// It is pinned to another device, and only `CAP_NET_RAW` may change that.
    Elsewhere {
        /// That device.
        device: Text,
    },
    /// The process has let go of it.
    Gone,
}

/// A table of the packet filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterTable {
    /// Its name.
    pub name: Text,
    /// True when it ends with the program that made it.
    pub has_owner: bool,
}

/// A packet filter table that ends with this, or with this process, however it ends.
pub struct FilterHold {
    pub(crate) held: Box<dyn HeldFilter>,
}

/// What keeps a table.
pub(crate) trait HeldFilter: Send {
    /// Waits for a signal that asks this process to end, for `enough`, or for the end of what keeps the table.
    fn wait(&mut self, enough: &dyn Fn() -> bool) -> Released;
}

/// Why a table is no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Released {
    /// A signal asked for it.
    Asked,
    /// What kept it has ended; with what it said.
    Lost(String),
}

impl FilterHold {
    /// Keeps the table until a signal asks this process to end, or `enough` says so, and gives it up.
    pub fn until_signal(mut self, enough: &dyn Fn() -> bool) -> Released {
        self.held.wait(enough)
    }
}

/// A port that nobody else can bind until this is dropped.
pub struct Hold {
    /// The sockets, whatever they are here.
    pub(crate) _sockets: Box<dyn Any + Send>,
}
