//! What the causes of hangs ask of a case: how far a client came, who should have served it, and what they do instead.

use portward_model::{
    Attempt, Ended, Evidence, Likelihood, Met, Process, ProcessState, Said, Socket, SocketState, Thread, Transport, Vitals,
};

use crate::{
    Symptom,
    case::{
        Case, Standing,
        waits::{Wait, wait_of},
        words,
    },
    errno::EAGAIN,
};

/// How far a client's connection came.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reached<'a> {
    /// Nothing was tried, or it failed in a way that is no hang.
    Nowhere,
    /// No answer to the handshake; for a Unix socket, no room in the queue.
    Unheard(&'a Attempt),
    /// The kernel completed the handshake, and the program has not taken the connection.
    Queued(&'a Attempt),
    /// It was spoken to and said nothing; the program took the connection where `true`.
    Unanswered(&'a Attempt, bool),
    /// It answered or closed.
    Served(&'a Attempt),
}

impl<'a> Reached<'a> {
    /// How far a client came at the first of the asked addresses that completes a handshake.
    pub(crate) fn of(case: &Case<'a>) -> Self {
        let exam = case.exam;
        let dialled = || exam.attempts.iter().filter(|attempt| case.is_target(&attempt.at));
        let standing = case.standing();
        if let Standing::Silent(attempt) = standing {
            return Self::Unheard(attempt);
        }
        let stands = |attempt: &&Attempt| matches!(standing, Standing::Connected(at) if at.at == attempt.at);
        let connected = dialled().find(|attempt| attempt.met == Met::Connected && stands(attempt));
        let Some(first) = connected else {
            let unheard =
                dialled().find(|a| a.met == Met::Silence || (a.met == Met::Failed(EAGAIN) && case.asked.path.is_some()));
            return unheard.map_or(Self::Nowhere, Self::Unheard);
        };
        let same = || dialled().filter(|attempt| attempt.at == first.at && attempt.met == Met::Connected);
        if let Some(served) = same().find(|attempt| answered(attempt)) {
            return Self::Served(served);
        }
        let asked = |attempt: &Attempt| attempt.exchange.as_ref().is_some_and(|exchange| exchange.said != Said::Nothing);
        let lies_there = |attempt: &Attempt| attempt.queue.is_some_and(|(_, after)| after.used > 0);
        // Without a word of ours, a server that defers its accepts rightly leaves the connection where it is.
        let waiting = |attempt: &Attempt| attempt.accepted == Some(false) && (asked(attempt) || lies_there(attempt));
        if let Some(queued) = same().find(|attempt| waiting(attempt)) {
            return Self::Queued(queued);
        }
        match same().find(|attempt| asked(attempt)) {
            Some(silent) => Self::Unanswered(silent, silent.accepted == Some(true)),
            None if same().any(|attempt| still_lies(case, attempt)) => Self::Queued(first),
            None => Self::Served(first),
        }
    }

    /// The connection that came no further, where one hangs.
    pub(crate) fn hangs(self) -> Option<&'a Attempt> {
        match self {
            Self::Unheard(attempt) | Self::Queued(attempt) | Self::Unanswered(attempt, _) => Some(attempt),
            Self::Nowhere | Self::Served(_) => None,
        }
    }

    /// The connection that hangs after its handshake.
    pub(crate) fn hangs_connected(self) -> Option<&'a Attempt> {
        match self {
            Self::Queued(attempt) | Self::Unanswered(attempt, _) => Some(attempt),
            Self::Unheard(_) | Self::Nowhere | Self::Served(_) => None,
        }
    }

    /// True when bytes came back.
    pub(crate) fn answers(self) -> bool {
        match self {
            Self::Served(attempt) => attempt.exchange.as_ref().is_some_and(|exchange| !exchange.heard.raw().is_empty()),
            Self::Nowhere | Self::Unheard(_) | Self::Queued(_) | Self::Unanswered(..) => false,
        }
    }
}

/// True when a connection on which nothing was said lies in the queue at the later look too, and no thread comes for it.
fn still_lies(case: &Case<'_>, attempt: &Attempt) -> bool {
    let Some((before, after)) = attempt.queue else { return false };
    let lies = |door: &Door<'_>| door.socket.queue.used > before.used && door.is_ready() == Some(false);
    after.used > before.used && doors(case).iter().any(lies)
}

fn answered(attempt: &Attempt) -> bool {
    let ended = |ended| matches!(ended, Ended::Enough | Ended::Closed | Ended::Reset);
    attempt.exchange.as_ref().is_some_and(|exchange| !exchange.heard.raw().is_empty() || ended(exchange.ended))
}

/// What became of a connection that hangs, as a piece of evidence.
pub(crate) fn waited(reached: Reached<'_>) -> Vec<Evidence> {
    match reached {
        Reached::Nowhere | Reached::Served(_) => Vec::new(),
        Reached::Unheard(attempt) => vec![words::tried(attempt)],
        Reached::Queued(attempt) => {
            let at = &attempt.at;
            vec![words::tried(attempt), Evidence::new("sock_diag", format!("nobody has taken the connection to {at} since"))]
        }
        Reached::Unanswered(attempt, _) => {
            let mut evidence = vec![words::tried(attempt)];
            if let Some(exchange) = &attempt.exchange {
                let said = words::said(exchange);
                evidence.push(Evidence::new("read(2)", format!("no answer to {said} in {} ms", exchange.first_ms)));
            }
            evidence
        }
    }
}

/// True when a hang is to be explained: a connection hangs, connections wait, or the text says so.
pub(crate) fn is_raised(case: &Case<'_>) -> bool {
    Reached::of(case).hangs().is_some()
        || matches!(case.symptom(), Some(Symptom::NoHandshake | Symptom::NoAnswer))
        || doors(case).iter().any(|door| door.socket.queue.used > 0)
}

/// A process that holds a listener, and how it fares.
pub(crate) type Holder<'a> = (&'a Process, Option<&'a Vitals>);

/// A listener that serves the target, and who may take connections from it.
pub(crate) struct Door<'a> {
    pub(crate) index: usize,
    pub(crate) socket: &'a Socket,
    pub(crate) holders: Vec<Holder<'a>>,
}

/// The listeners that serve the target.
pub(crate) fn doors<'a>(case: &Case<'a>) -> Vec<Door<'a>> {
    let door = |(index, socket)| {
        let holders = case.holders(index).into_iter().map(|process| (process, case.vitals(process.id.pid))).collect();
        Door { index, socket, holders }
    };
    case.served().into_iter().map(door).collect()
}

impl<'a> Door<'a> {
    /// Every thread of every holder, where they were read.
    pub(crate) fn threads(&self) -> impl Iterator<Item = (&'a Process, &'a Thread)> {
        let of = |(process, vitals): &Holder<'a>| {
            let process = *process;
            vitals.map(|vitals| &vitals.threads).into_iter().flatten().map(move |thread| (process, thread))
        };
        self.holders.iter().flat_map(of)
    }

    /// Whether a thread waits for connections or events; `None` where that cannot be seen.
    pub(crate) fn is_ready(&self) -> Option<bool> {
        let waits: Vec<Wait> = self.threads().map(|(_, thread)| wait_of(thread)).collect();
        if waits.iter().any(|wait| wait.is_ready()) {
            return Some(true);
        }
        let all = self.holders.iter().all(|(_, vitals)| vitals.is_some()) && !waits.is_empty();
        (all && !waits.contains(&Wait::Unknown)).then_some(false)
    }

    /// `vite (pid 4121)`
    pub(crate) fn who(&self, case: &Case<'_>) -> String {
        words::who(case, self.index, self.socket)
    }

    /// The queue as a piece of evidence: `127.0.0.1:3000: 3 connections wait to be accepted, of at most 128`.
    pub(crate) fn queue(&self, case: &Case<'_>) -> Evidence {
        let tried = case.exam.attempts.iter().filter_map(|attempt| attempt.queue).map(|(_, after)| after);
        // Two listeners of one port have queues of their own; the limit and the drops tell them apart well enough.
        let tried = tried.filter(|queue| queue.limit == self.socket.queue.limit);
        let queue = tried.fold(self.socket.queue, |most, queue| if queue.used > most.used { queue } else { most });
        let unnamed = self.socket.port().is_none() && self.socket.path().is_none();
        let at = if unnamed { case.asked.text.clone() } else { words::endpoint(case.snapshot, self.socket) };
        let waiting = if queue.used == 1 { "connection waits" } else { "connections wait" };
        Evidence::new("sock_diag", format!("{at}: {} {waiting} to be accepted, of at most {}", queue.used, queue.limit))
    }

    /// The thread that tells most about why nobody serves, as a piece of evidence.
    pub(crate) fn doing(&self, case: &Case<'_>) -> Option<Evidence> {
        let (process, thread) = self.threads().min_by_key(|(_, thread)| wait_of(thread))?;
        Some(doing(case, process, thread))
    }
}

/// What a thread does, with whom: `thread 4121 of vite (pid 4121) reads from one connection, that of 127.0.0.1:51000`.
pub(crate) fn doing(case: &Case<'_>, process: &Process, thread: &Thread) -> Evidence {
    let wait = wait_of(thread);
    let with = peer(case, process.id.pid, thread).map(|peer| format!(", with {peer}")).unwrap_or_default();
    let place = match thread.waits_in.known() {
        Some(function) if !function.raw().is_empty() => format!(" ({function})"),
        _ => String::new(),
    };
    let fact = format!("thread {} of {} {}{with}{place}", thread.tid, words::named(process), wait.words());
    Evidence::new(format!("/proc/{}/task/{}/wchan", process.id.pid, thread.tid), fact)
}

/// The other end of the connection that a thread reads, writes or makes.
fn peer(case: &Case<'_>, pid: u32, thread: &Thread) -> Option<String> {
    let (address, port) = in_use(case, pid, thread)?.remote()?;
    Some(words::address(address, port))
}

/// The socket that a thread reads, writes or connects: its call's first argument is the descriptor.
fn in_use<'a>(case: &Case<'a>, pid: u32, thread: &Thread) -> Option<&'a Socket> {
    if !matches!(wait_of(thread), Wait::Reading | Wait::Writing | Wait::Connecting) {
        return None;
    }
    let fd = u32::try_from(thread.argument?).ok()?;
    let snapshot = case.snapshot;
    let mut held = snapshot.holdings.iter().filter(|holding| holding.pid == pid && holding.fd == fd);
    held.find_map(|holding| {
        snapshot.sockets.get(usize::try_from(holding.socket).ok()?).filter(|socket| socket.remote().is_some())
    })
}

/// A thread that waits for an answer on a connection that its process made to somebody else.
pub(crate) fn asking<'a>(case: &Case<'a>) -> Option<(&'a Process, &'a Socket)> {
    let all = doors(case);
    all.iter().flat_map(Door::threads).find_map(|(process, thread)| {
        let socket = in_use(case, process.id.pid, thread)?;
        let made = socket.transport == Transport::Tcp && !is_server_end(case, socket);
        made.then_some((process, socket))
    })
}

/// True for the server's end of a connection: its own port is one that somebody listens on.
fn is_server_end(case: &Case<'_>, socket: &Socket) -> bool {
    let listens = |other: &Socket| other.state == SocketState::Listen && other.port() == socket.port();
    socket.port() == Some(case.asked.port) || case.snapshot.sockets.iter().any(listens)
}

/// Sockets through which a serving process asks somebody else, with its pid.
pub(crate) fn outgoing<'a>(case: &Case<'a>) -> Vec<(u32, &'a Socket)> {
    let serving: Vec<u32> = case.serving_processes().iter().map(|(process, _)| process.id.pid).collect();
    let snapshot = case.snapshot;
    let held = snapshot.holdings.iter().filter(|holding| serving.contains(&holding.pid));
    let sockets = held.filter_map(|holding| Some((holding.pid, snapshot.sockets.get(usize::try_from(holding.socket).ok()?)?)));
    sockets.filter(|(_, socket)| socket.remote().is_some() && socket.port() != Some(case.asked.port)).collect()
}

/// The server's ends of connections that its program holds and whose clients have left.
pub(crate) fn left_behind<'a>(case: &Case<'a>) -> Vec<(usize, &'a Socket)> {
    case.in_state(SocketState::CloseWait).filter(|(_, socket)| socket.inode != 0).collect()
}

/// Whether a process is halted in one way: by a signal, by a debugger, by its control group.
pub(crate) type Halted = fn(&Process, Option<&Vitals>) -> bool;

/// State T of its first thread: a stop by a signal is of all threads.
pub(crate) fn is_stopped(process: &Process, vitals: Option<&Vitals>) -> bool {
    first_state(process, vitals) == 'T'
}

/// State t of all its threads: a debugger that lets some run leaves the process able to serve.
pub(crate) fn is_traced(process: &Process, vitals: Option<&Vitals>) -> bool {
    let all = |vitals: &Vitals| vitals.threads.iter().all(|thread| matches!(thread.state, 't' | 'T' | 'Z' | 'X'));
    first_state(process, vitals) == 't' && vitals.is_none_or(all)
}

/// By its control group, or, where that cannot be read, by where all its threads wait.
pub(crate) fn is_frozen(_: &Process, vitals: Option<&Vitals>) -> bool {
    let Some(vitals) = vitals else { return false };
    let held = |thread: &Thread| wait_of(thread) == Wait::Halted && !matches!(thread.state, 'T' | 't');
    vitals.frozen == Some(true) || (vitals.frozen.is_none() && !vitals.threads.is_empty() && vitals.threads.iter().all(held))
}

/// The state letter of the first thread, by the later of two readings.
fn first_state(process: &Process, vitals: Option<&Vitals>) -> char {
    let later = vitals.and_then(|vitals| vitals.threads.iter().find(|thread| thread.tid == process.id.pid));
    later.map_or(
        match process.state {
            ProcessState::Alive => 'S',
            ProcessState::Uninterruptible => 'D',
            ProcessState::Stopped => 'T',
            ProcessState::Traced => 't',
            ProcessState::Exited => 'Z',
        },
        |thread| thread.state,
    )
}

fn is_halted(process: &Process, vitals: Option<&Vitals>) -> bool {
    is_stopped(process, vitals) || is_traced(process, vitals) || is_frozen(process, vitals)
}

/// A listener that nobody serves because its holders are halted, one of them in this way, with those that are.
///
/// One process that runs is enough to serve, so all must be; unless a connection was left lying, which shows that those
/// that run do not accept, as the parent of a worker.
pub(crate) fn halted<'a>(case: &Case<'a>, way: Halted) -> Option<(Door<'a>, Vec<Holder<'a>>, Likelihood)> {
    let left = matches!(Reached::of(case), Reached::Queued(_));
    doors(case).into_iter().find_map(|door| {
        let these: Vec<_> = door.holders.iter().copied().filter(|(process, vitals)| way(process, *vitals)).collect();
        let all = door.holders.iter().all(|(process, vitals)| is_halted(process, *vitals));
        match (these.is_empty(), all) {
            (true, _) => None,
            (false, true) => Some((door, these, Likelihood::Certain)),
            (false, false) => left.then_some((door, these, Likelihood::Likely)),
        }
    })
}

/// A holder that is not halted in this way, as a fact that rules it out; where a hang asks for it.
pub(crate) fn not_halted(case: &Case<'_>, way: Halted, state: &str) -> Option<String> {
    if !is_raised(case) {
        return None;
    }
    let all = doors(case);
    let (process, _) = all.iter().flat_map(|door| &door.holders).find(|(process, vitals)| !way(process, *vitals))?;
    Some(format!("{} is not {state}", words::named(process)))
}

/// True for a listening stream socket: what has a queue of connections.
pub(crate) fn has_queue(socket: &Socket) -> bool {
    socket.state == SocketState::Listen
}
