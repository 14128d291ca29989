//! What a server outside starts for a program of the session: a tmux that ran before, systemd for a user, an editor.
//!
//! The arguments of a client tell it only where the client is known. So when a program speaks to somebody outside by a Unix socket, it is
//! looked for some seconds what begins to listen. It is told where all of this is seen: it is new, of no session, works in the session's
//! project, and stands below the one who was asked.

use std::time::{Duration, Instant};

use portward_checks::{Asked, Inside, inside_process};
use portward_model::{Holding, Own, Process, ProcessId, Seen, Socket, SocketState, Text, Transport};
use portward_sys::{Ask, Depth, Look, StateSet, Transports, Which};
use rustc_hash::FxHashSet;

use crate::{guests::is_in, runs::line_of};

/// The servers that were asked a moment ago, and what listened before.
#[derive(Default)]
pub(crate) struct Bidden {
    asked: Vec<Server>,
    /// Listeners that are known, by inode.
    known: FxHashSet<u64>,
    until: Option<Instant>,
}

/// A server outside.
struct Server {
    process: Process,
    /// Who asked it, as it is shown.
    client: String,
}

/// Something that a server outside has started.
pub(crate) struct Found {
    /// The process that listens.
    pub(crate) process: Process,
    /// Where.
    pub(crate) socket: Socket,
    /// Who started it, as it is shown.
    pub(crate) server: String,
    /// Who asked for that.
    pub(crate) client: String,
    /// What the server is called where it is known, and what keeps its programs inside.
    pub(crate) kind: Option<Asked>,
}

impl Bidden {
    /// A program of the session speaks to this process: `client` is how that program is shown.
    pub(crate) fn asks(&mut self, host: &dyn Look, own: ProcessId, (client, server): (String, u32), now: Instant) {
        let line = line_of(host, server);
        let Some(process) = line.first() else { return };
        // Everything stands below the first process, which starts whatever is asked for by whomever.
        if server == INIT || process.id == own || line.iter().any(is_of_a_session) {
            return;
        }
        if !self.is_looking(now) {
            *self = Self::default();
            self.known.extend(listening(host).iter().map(|socket| socket.inode));
        }
        self.until = Some(now + WHILE);
        // Whoever carries messages for systemd of a user stands below it.
        let above = line.get(1).filter(|above| above.id.pid != INIT && above.name.raw() == b"systemd");
        for process in [Some(process), above].into_iter().flatten() {
            if self.asked.len() < MOST && !self.asked.iter().any(|known| known.process.id == process.id) {
                self.asked.push(Server { process: process.clone(), client: client.clone() });
            }
        }
    }

    /// True while it is looked for what they start.
    pub(crate) fn is_looking(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// True where one of them is known to start programs for others, and was asked a moment ago.
    pub(crate) fn is_expecting(&self, now: Instant) -> bool {
        self.is_looking(now) && self.asked.iter().any(|server| kind_of(&server.process).is_some())
    }

    /// The first that began to listen since, in this project.
    pub(crate) fn found(&mut self, host: &dyn Look, root: &Text, now: Instant) -> Option<Found> {
        if !self.is_looking(now) {
            return None;
        }
        let mut fresh = listening(host);
        fresh.retain(|socket| self.known.insert(socket.inode));
        if fresh.is_empty() {
            return None;
        }
        let holdings = host.holders(&fresh, Depth::Processes).ok()?.holdings;
        holdings.iter().find_map(|holding| self.is_bidden(host, root, (holding, &fresh)))
    }

    fn is_bidden(&self, host: &dyn Look, root: &Text, (holding, fresh): (&Holding, &[Socket])) -> Option<Found> {
        let socket = fresh.get(usize::try_from(holding.socket).ok()?)?;
        let mut line = line_of(host, holding.pid);
        let works_here = |process: &Process| matches!(&process.cwd, Seen::Known(cwd) if is_in(cwd, root));
        if line.iter().any(is_of_a_session) || !line.first().is_some_and(works_here) {
            return None;
        }
        let server = self.asked.iter().find(|server| line.iter().any(|process| process.id == server.process.id))?;
        Some(Found {
            process: line.swap_remove(0),
            socket: socket.clone(),
            server: shown(&server.process),
            client: server.client.clone(),
            kind: kind_of(&server.process),
        })
    }
}

/// What is known of a server that starts programs for others, by its own name: its arguments are those of the client that was first.
fn kind_of(server: &Process) -> Option<Asked> {
    match inside_process(server) {
        Some((_, Inside::Asks(asked))) => Some(asked),
        Some((_, Inside::Seeks(_) | Inside::Names(_))) | None => None,
    }
}

/// A process as it is told: its name and number.
pub(crate) fn shown(process: &Process) -> String {
    format!("{} (pid {})", Text::from_shown(&process.title()), process.id.pid)
}

/// True for the supervisor of a session, below which everything is of it.
fn is_of_a_session(process: &Process) -> bool {
    Own::of(process) == Some(Own::Session)
}

/// What listens by TCP in this network.
fn listening(host: &dyn Look) -> Vec<Socket> {
    let transports = Transports { tcp: true, udp: false, unix: false };
    let ask = Ask { transports, states: StateSet::Listening, ports: None, traffic: false };
    let mut found = Vec::new();
    if let Ok(own) = host.namespaces(&Which::Own) {
        let _ = host.sockets(&ask, &own.value, &mut |socket| {
            if socket.transport == Transport::Tcp && socket.state == SocketState::Listen {
                found.push(socket);
            }
        });
    }
    found
}

/// How long it is looked for what a server starts that was asked.
const WHILE: Duration = Duration::from_secs(8);
/// Between two looks in that time.
pub(crate) const BETWEEN: Duration = Duration::from_millis(250);
/// Servers that are remembered.
const MOST: usize = 16;
/// The first process of a pid namespace.
const INIT: u32 = 1;
