//! The private localhost of a project.
//!
//! A program runs unchanged and unprivileged, with everything that it starts, under one rule: **the address stays, the port
//! moves, the socket is pinned to `lo`.** Its `bind`, `listen` and `connect`, and sends that name an address, are reported to a
//! supervisor before they happen (`seccomp_unotify(2)`), which makes the call itself: on a copy of the program's own socket, with
//! its own copy of the address. Other reads and writes are never seen; the data path is the kernel's own. What has to go on as the program made it is
//! looked after: what then serves unpinned is found by the kernel's own list, and pinned.
//!
//! It guards against accidents. It is no sandbox for hostile programs.
//!
//! This crate knows the calls and the processes. Which port becomes which is asked of [`Ports`]; what happened is told to
//! a [`Witness`].
#![warn(unsafe_code)]

#[cfg(target_os = "linux")]
mod linux;
mod place;
mod rules;

use std::{ffi::OsString, net::SocketAddr, time::Duration};

pub use portward_model::{Manner, Rules};
use portward_model::{Socket, Text, Transport};

#[cfg(target_os = "linux")]
pub use linux::{
    Alone, Herald, Post, become_program, die_by, environment, gains_rights, handed_over, is_there, numbers_of, open_listener,
    pin_inherited, run, stand_alone, stand_before, start_apart, taking_socket, watch,
};

/// The first argument of a supervisor, hidden from help.
pub const SUPERVISES: &str = portward_model::Own::SUPERVISES;

/// The name of the processes that keep the doors of a session with a network of its own; children of its supervisor, which end
/// with it.
pub const DOORS: &str = "portward-doors";

/// Which port a project serves a port at that its programs ask for.
pub trait Ports {
    /// The port for one that a program wants to serve; it is leased where it has not been before. A program's call waits for the answer.
    fn lease(&mut self, asked: u16) -> Result<Given, NoPort>;

    /// The port for one that a program dials; `None` where the project has none for it.
    fn find(&mut self, asked: u16) -> Option<u16>;

    /// Something serves the port that was given for this one. A port that nothing ever serves is not the project's for good.
    fn listened(&mut self, asked: u16);

    /// Every port that the project has; those that nothing uses are kept for it while the session lives.
    fn all(&mut self) -> Vec<u16>;

    /// True for a server of the project's own that no call of this session showed: another session's, or one that was told its port.
    /// A program's call waits for the answer, which is asked once for each socket of the project, and once a second for a stranger's.
    fn is_own(&mut self, server: &Socket) -> bool;

    /// Another port of the project's for one that was asked for, as long as the session lives: that is leased to nobody and given
    /// once. `None` where there is none.
    fn spare(&mut self, asked: u16) -> Option<u16>;

    /// Ports at which other sessions of the project serve what was asked for there at this address, besides the leased one.
    fn elsewhere(&mut self, asked: SocketAddr) -> Vec<u16>;
}

/// A port for one that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// The port.
    pub port: u16,
    /// False where it was given just now, and could not be written down yet.
    pub recorded: bool,
}

/// Why there is no port for one that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoPort {
    /// The project has as many as one gets.
    Quota,
    /// Anything else, in a sentence.
    Because(String),
}

/// What a session gets so much of and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// Ports that are leased to its project.
    Leases,
    /// Connections to its own servers that wait at the same time; so many are allowed.
    Waiting(usize),
}

/// Who is told what happened in a session.
pub trait Witness {
    /// Called in the supervisor, after the call has been answered.
    fn saw(&mut self, event: &Event);

    /// Called now and then; gives the time until it wants to be called again. One that only listens has nothing to do.
    fn look(&mut self) -> Duration {
        Duration::from_secs(5)
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The program has started.
    Started {
        /// Its pid.
        pid: u32,
    },
    /// A program began whose name is among those to be told of ([`run`]).
    Began {
        /// Its pid.
        pid: u32,
        /// What the kernel calls it.
        name: Text,
        /// Its command line, as it is: read while it waits, since it may end soon.
        arguments: Vec<Text>,
    },
    /// A program began that would have gained rights by its file outside a session, and has not here.
    Powerless {
        /// Its pid.
        pid: u32,
        /// Its file.
        file: Text,
        /// Why, in the words after its name.
        gained: &'static str,
    },
    /// A socket began to listen, or to receive datagrams at a port.
    Listening {
        /// The process that asked for it.
        pid: u32,
        /// TCP or UDP.
        transport: Transport,
        /// What was asked for; `None` where it listened without a bind.
        asked: Option<SocketAddr>,
        /// Where it really stands; the loopback of IPv6 for a wildcard that serves no IPv4.
        serves: SocketAddr,
        /// True when only this machine can reach it.
        pinned: bool,
    },
    /// A call was refused that could not be supervised, or had no port to go to.
    Refused {
        /// The process that called.
        pid: u32,
        /// The call: `bind`, `listen`.
        call: &'static str,
        /// A sentence.
        because: String,
    },
    /// A port that is leased to the project was in other hands when a program asked for it.
    Taken {
        /// The process that asked.
        pid: u32,
        /// TCP or UDP.
        transport: Transport,
        /// What it asked for.
        asked: SocketAddr,
        /// The port that the project has for it.
        port: u16,
        /// The port that it got instead, as long as the session lives; `None` where its bind was refused.
        instead: Option<u16>,
        /// What has the port.
        by: Box<Socket>,
        /// True where that is the project's own.
        is_own: bool,
    },
    /// A call was refused because there is no more of something.
    Exhausted {
        /// The process that called.
        pid: u32,
        /// The call: `bind`, `connect`.
        call: &'static str,
        /// Of what.
        quota: Quota,
    },
    /// A port was given that could not be written down yet.
    Unrecorded {
        /// The port that a program asked for.
        asked: u16,
        /// The port that it got.
        port: u16,
    },
    /// A socket served the network past the calls that are seen, and was taken in.
    Strayed {
        /// A process that has it.
        pid: u32,
        /// TCP or UDP.
        transport: Transport,
        /// Where it stands.
        serves: SocketAddr,
        /// True when it is pinned now; false when it could not be, and listens no more.
        pinned: bool,
    },
    /// A program has connected to a Unix socket; of one path a few times are told.
    Reached {
        /// The process.
        pid: u32,
        /// The process that listens there.
        server: u32,
    },
    /// Datagrams of the network for a socket were kept out; each socket is told once.
    KeptOut {
        /// The process that bound it.
        pid: u32,
        /// Where it stands.
        serves: SocketAddr,
        /// How many there were by then.
        datagrams: u64,
    },
    /// The program that the session was started for has ended; others of it may go on.
    Ended,
}

/// What to run.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its name or path, as `execvp(3)` finds it.
    pub name: OsString,
    /// Its arguments, without the name.
    pub arguments: Vec<OsString>,
    /// Variables to set beside those that it inherits.
    pub environment: Vec<(OsString, OsString)>,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// Why a program was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The program itself could not be.
    #[error("{program} could not be started: {source}")]
    Program {
        /// Its name.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The kernel refuses the filter.
    #[error("this kernel or sandbox refuses to report system calls (seccomp: {source}); Linux 5.9 or later with seccomp can")]
    Filter {
        /// What the system said.
        source: std::io::Error,
    },
    /// A call that a supervisor lives on is refused to it.
    #[error("{0}")]
    Refused(String),
    /// Another supervisor has the programs here already.
    #[error("another supervisor watches this process tree already, and Linux allows one")]
    Nested,
    /// The session's own parts could not be prepared.
    #[error("{0}")]
    Session(String),
}
