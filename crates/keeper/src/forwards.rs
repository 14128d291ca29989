//! Forwards: what arrives at one place is passed on to another, by a process that answers at a socket of its own.
//!
//! That process is the command itself, or this program started once more and apart from it. It tells what it passes on, and ends when it
//! is asked to. What it is stands in a file beside the leases as well, so that one that was killed is named by the next command.

mod elsewhere;
mod records;
mod run;

use std::{fmt, net::SocketAddr, time::Duration};

use portward_model::{Caller, Moment, Namespace, ProcessId, Text, Transport};
use portward_proxy::{Kind, Place};
use portward_sys::{Look, runtime};
use serde::{Deserialize, Serialize};

use crate::{control, runs::is_alive};
pub use elsewhere::{can_enter, stand_elsewhere};
pub use records::forget_forward;
use records::recorded;
pub(crate) use run::entrance;
pub use run::{forward, forward_apart};

/// A place, as it crosses a socket: an address with its port, a path, or `@name`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Spot {
    /// An address with its port.
    Inet(SocketAddr),
    /// A Unix socket.
    Unix(Text),
}

impl From<&Place> for Spot {
    fn from(place: &Place) -> Self {
        match place {
            Place::Inet(address) => Self::Inet(*address),
            Place::Unix(path) => Self::Unix(path.clone()),
        }
    }
}

impl From<&Spot> for Place {
    fn from(spot: &Spot) -> Self {
        match spot {
            Spot::Inet(address) => Self::Inet(*address),
            Spot::Unix(path) => Self::Unix(path.clone()),
        }
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Place::from(self).fmt(f)
    }
}

/// What is to be passed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Where it listens.
    pub at: Vec<Spot>,
    /// What it forwards to, as people call it.
    pub target: String,
    /// Where that may be, the first choice first.
    pub targets: Vec<Spot>,
    /// TCP for every kind of stream, UDP for every kind of datagram, and messages of connections.
    pub transport: Transport,
    /// The network namespace that it is dialled in; `None` for this process's own.
    #[serde(default)]
    pub netns: Option<Namespace>,
    /// The user whose processes may connect; `None` for every user's.
    pub only: Option<u32>,
    /// It ends with its first connection.
    pub once: bool,
    /// How long a client of datagrams is remembered that nothing is sent for, in milliseconds.
    pub idle_ms: u64,
    /// How long it lasts, in milliseconds; `None` where it ends when it is asked to.
    pub timeout_ms: Option<u64>,
}

impl Job {
    /// How what is sent is cut.
    pub fn kind(&self) -> Kind {
        match self.transport {
            Transport::Tcp | Transport::Unix => Kind::Stream,
            Transport::UnixPacket => Kind::Packets,
            Transport::Udp | Transport::UnixDatagram => Kind::Datagrams,
        }
    }
}

/// A forward, as its process tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// Its process.
    pub process: ProcessId,
    /// When it began.
    pub began_at: Moment,
    /// True for one that was left to a process of its own.
    pub apart: bool,
    /// What it passes on.
    #[serde(flatten)]
    pub job: Job,
    /// Connections that are open, of datagrams the clients; `None` where it does not answer.
    #[serde(default)]
    pub connections: Option<u64>,
    /// Connections there were.
    #[serde(default)]
    pub total: u64,
    /// Bytes passed on to the target by those that have ended.
    #[serde(default)]
    pub sent: u64,
    /// Bytes passed back by those that have ended.
    #[serde(default)]
    pub received: u64,
}

/// A user's forwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwards {
    /// Those whose processes live, oldest first.
    pub live: Vec<Forward>,
    /// Those that have ended without a word, such as killed ones.
    pub lost: Vec<Forward>,
}

/// What the process of a forward is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
enum Ask {
    /// What it passes on; answered with a [`Forward`].
    Forward,
    /// To end; answered with what it passed on until then.
    EndForward,
}

/// The caller's forwards.
pub fn forwards(host: &dyn Look, caller: &Caller) -> Forwards {
    let mut found = Forwards { live: told(host, caller, None, &Ask::Forward), lost: Vec::new() };
    for left in recorded(caller) {
        if found.live.iter().any(|live| live.process == left.process) {
            continue;
        }
        if is_alive(host, left.process) {
            // One that is stopped, or has only just begun, is there all the same.
            found.live.push(Forward { connections: None, ..left });
        } else {
            found.lost.push(left);
        }
    }
    if !found.lost.is_empty() {
        // One that ends in order takes its record away first: it may have ended between the two looks.
        let still = recorded(caller);
        found.lost.retain(|left| still.iter().any(|other| other.process == left.process));
    }
    found.live.sort_by_key(|forward| (forward.began_at, forward.process));
    found
}

/// The caller's forwards that live, by what they left beside the leases: nobody is asked.
pub fn known_forwards(host: &dyn Look, caller: &Caller) -> Vec<Forward> {
    recorded(caller).into_iter().filter(|left| is_alive(host, left.process)).collect()
}

/// Asks the process of a forward to end; gives what it passed on until then, or nothing where it does not answer.
pub fn end_forward(host: &dyn Look, caller: &Caller, process: ProcessId) -> Option<Forward> {
    told(host, caller, Some(&[process]), &Ask::EndForward).pop()
}

fn told(host: &dyn Look, caller: &Caller, only: Option<&[ProcessId]>, asked: &Ask) -> Vec<Forward> {
    let heard = runtime::ask(caller, only, &control::question(asked), PATIENCE);
    let believed = heard.into_iter().filter_map(|heard| {
        let forward: Forward = control::answer(&heard.said.ok()?).ok()?;
        // The kernel confirms who it is.
        (forward.process == heard.process && heard.pid == heard.process.pid && is_alive(host, heard.process)).then_some(forward)
    });
    believed.collect()
}

/// How long processes have to answer, all of them at once.
const PATIENCE: Duration = Duration::from_millis(500);
