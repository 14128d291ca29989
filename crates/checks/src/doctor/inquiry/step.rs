//! What an inquiry asks of a machine, and what it is told.

use std::net::{IpAddr, SocketAddr};

use portward_model::{
    Counters, Errand, Exchange, Learnt, Mention, Met, Moved, Need, PathFacts, Process, Project, Route, Seen, Sentence, Snapshot,
    Socket, Text, Told, Topic, Transport, Vitals,
};

use super::Call;
use crate::doctor::Diagnosis;

/// What is to be done next.
#[derive(Debug)]
pub enum Step {
    /// Read this.
    Read(Wanted),
    /// Make this connection, between two readings of the counters and of the port's sockets.
    Dial(Call),
    /// Wait until something changes.
    Watch {
        /// At most so long, in milliseconds.
        at_most_ms: u64,
        /// What to tell a person meanwhile.
        progress: Option<String>,
    },
    /// That is the answer.
    Done(Box<Diagnosis>),
}

/// How wide a look is; the least is the port that was asked about, in the reader's own network namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wide {
    /// Sockets of every port.
    pub every_port: bool,
    /// Sockets of every namespace that can be entered.
    pub every_namespace: bool,
    /// Sockets of every transport.
    pub every_transport: bool,
}

impl Wide {
    /// True when it shows all that the other one would.
    pub(super) fn covers(self, other: Self) -> bool {
        (self.every_port || !other.every_port)
            && (self.every_namespace || !other.every_namespace)
            && (self.every_transport || !other.every_transport)
    }
}

/// Something to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Sockets in every state, with their holders, interfaces and rules: [`Fact::Look`].
    Look(Wide),
    /// What concerns the machine as a whole: [`Fact::Learnt`].
    Topic(Topic),
    /// What stands at a path: [`Fact::Path`].
    Path(Text),
    /// What stands at a path as a process sees it, below its own root: [`Fact::Path`].
    PathBelow {
        /// The process.
        pid: u32,
        /// The path.
        path: Text,
    },
    /// How these processes fare, compared over so many milliseconds: [`Fact::Vitals`].
    Vitals {
        /// The processes.
        pids: Vec<u32>,
        /// The time between two readings of what they are busy with; 0 for one reading.
        over_ms: u64,
    },
    /// How a packet would go: [`Fact::Route`].
    Route(IpAddr),
    /// Every process that can be seen: [`Fact::Processes`].
    EveryProcess,
    /// The processes with these numbers: [`Fact::Processes`].
    Processes(Vec<u32>),
    /// The processes that the text names by these numbers: [`Fact::Processes`].
    Named(Vec<u32>),
    /// The projects of these folders, each with a process that it was read from: [`Fact::Projects`].
    Projects(Vec<(u32, Text)>),
    /// Which of these processes were told the asked port: [`Fact::Told`].
    Told(Vec<Process>),
    /// Which of these processes serve one client and end, by their scripts: [`Fact::Errands`].
    Errands(Vec<Process>),
    /// Which sessions moved the asked port: [`Fact::Moved`].
    Moved,
    /// Lines of the files of these folders that name the asked port: [`Fact::Mentions`].
    Mentions(Vec<Text>),
    /// What a throw-away bind meets: [`Fact::Bind`].
    Bind {
        /// What it speaks.
        transport: Transport,
        /// Where.
        at: SocketAddr,
        /// Whether `SO_REUSEADDR` is set.
        reuse: bool,
    },
    /// Whether a file stands at a path: [`Fact::Is`].
    PathExists(Text),
    /// Whether a file could be made at a path: [`Fact::Is`].
    MayCreate(Text),
    /// Who listens at the asked port now, and every process: [`Fact::Sample`].
    Sample,
}

/// What was read.
#[derive(Clone, Debug)]
pub enum Fact {
    /// One look; what it could not see stands in its gaps.
    Look(Box<Snapshot>),
    /// What concerns the machine as a whole.
    Learnt(Learnt),
    /// What stands at a path.
    Path(PathFacts),
    /// How processes fare.
    Vitals(Vec<Vitals>),
    /// How a packet would go.
    Route(Route),
    /// Processes.
    Processes(Vec<Process>),
    /// Projects by folder.
    Projects(Vec<(Text, Project)>),
    /// Who was told the port.
    Told(Vec<Told>),
    /// Who serves one client and ends.
    Errands(Vec<Errand>),
    /// What sessions moved.
    Moved(Vec<Moved>),
    /// Lines of files.
    Mentions(Vec<Mention>),
    /// The error of a bind, by number and words; `None` when it succeeded.
    Bind(Option<(i32, String)>),
    /// Yes or no.
    Is(Seen<bool>),
    /// One look at the port while it is watched.
    Sample(Sampled),
    /// What a connection met.
    Called(Box<Called>),
    /// Something changed, or the time was over.
    Waited,
}

/// One look at the asked port while it is watched.
#[derive(Clone, Debug, Default)]
pub struct Sampled {
    /// When, in milliseconds of a clock that only goes forward.
    pub at_ms: u64,
    /// True when some socket listens there.
    pub listening: bool,
    /// Pids of the listeners' holders, each once.
    pub listeners: Vec<u32>,
    /// Every process that can be seen.
    pub processes: Vec<Process>,
}

/// What a connection met, and what changed around it.
#[derive(Clone, Debug)]
pub struct Called {
    /// What the connect met.
    pub met: Met,
    /// The time until then, in microseconds.
    pub took_us: u64,
    /// What was said, where something was to be said and the connection was made.
    pub exchange: Option<Exchange>,
    /// Our own end of it.
    pub from: Option<SocketAddr>,
    /// The kernel's counters before it; empty where they could not be read.
    pub before: Counters,
    /// The counters after it.
    pub after: Counters,
    /// The sockets of the port while the connect stayed without an answer.
    pub meanwhile: Vec<Socket>,
    /// The sockets of the port after it.
    pub sockets: Vec<Socket>,
}

/// That something could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// What would reveal it.
    pub need: Need,
    /// Why not, in words.
    pub why: Sentence,
}
