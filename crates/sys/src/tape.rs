//! A machine played back: from what was asked of it, and from a snapshot of it.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use portward_model::{Holding, Namespace, Need, ProcessId, ProcessState, Seen, Snapshot, Socket, SocketState, Transport};
use portward_wire::netlink::{PortFilter, StateSet};
use rustc_hash::FxHashMap;
use serde_json::Value;

use crate::{
    Act, Answer, Ask, Beyond, Deed, Dial, Dialled, Dialling, Done, Entry, Holders, Look, Partial, Reading, SysError, Which,
    recording::{Heard, dialogue},
};

/// Answers as a recorded machine did, and what nobody asked it then from its snapshot, as if the machine were here; refuses
/// every deed. The n-th time that a question is asked it has the n-th answer, and the last one stays.
pub struct Tape {
    snapshot: Snapshot,
    answers: FxHashMap<String, Vec<Heard>>,
    /// How often each question was asked.
    asked: Mutex<FxHashMap<String, usize>>,
    /// Time that passed here, in milliseconds.
    passed: AtomicU64,
}

impl Tape {
    /// Plays back a snapshot.
    pub fn of(snapshot: Snapshot) -> Self {
        Self::with(snapshot, Vec::new())
    }

    /// Plays back a snapshot, and what was asked beside it.
    pub fn with(mut snapshot: Snapshot, entries: Vec<Entry>) -> Self {
        snapshot.sort();
        let mut answers: FxHashMap<String, Vec<Heard>> = FxHashMap::default();
        for Entry { asked, heard } in entries {
            let answers = answers.entry(asked).or_default();
            // Nothing comes again that was never there: a damaged tape has a gap.
            let heard = if heard == Heard::Again { answers.last().cloned() } else { Some(heard) };
            answers.extend(heard);
        }
        Self { snapshot, answers, asked: Mutex::default(), passed: AtomicU64::new(0) }
    }

    /// Reads the document that `portward snapshot` writes.
    pub fn from_json(bytes: &[u8]) -> Result<Self, SysError> {
        let wrong = |why: String| SysError::Snapshot { why };
        let mut document: Value = serde_json::from_slice(bytes).map_err(|error| wrong(format!("it is no JSON: {error}")))?;
        match document.get("schema_version").and_then(Value::as_u64) {
            Some(1) => {}
            Some(version) => return Err(wrong(format!("it has schema version {version}, and this Portward reads version 1"))),
            None => return Err(wrong("it has no schema_version; `portward snapshot --out FILE` writes one that has".to_owned())),
        }
        let mut part = |name| document.get_mut(name).map(Value::take);
        let snapshot = part("snapshot").ok_or_else(|| wrong("it holds no snapshot".to_owned()))?;
        let snapshot = serde_json::from_value(snapshot).map_err(|error| wrong(error.to_string()))?;
        let tape = part("tape").map(serde_json::from_value).transpose();
        Ok(Self::with(snapshot, tape.map_err(|error| wrong(format!("its tape: {error}")))?.unwrap_or_default()))
    }

    /// What was heard when the same was asked for as many times as now.
    fn heard(&self, question: String) -> Option<&Heard> {
        let answers = self.answers.get(&question)?;
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let count = asked.entry(question).or_default();
        let heard = answers.get(*count).or(answers.last());
        *count += 1;
        heard
    }

    /// Time, which goes on where the tape has ended, so that nobody waits for ever.
    fn elapsed(&self) -> Duration {
        let question = Reading::Elapsed().question();
        let known = self.answers.get(&question).map_or(0, Vec::len);
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner).get(&question).copied().unwrap_or(0);
        if asked >= known {
            self.passed.fetch_add(TICK, Ordering::Relaxed);
        }
        let recorded = match self.heard(question) {
            Some(Heard::Answer(Answer::Elapsed(time))) => *time,
            _ => Duration::ZERO,
        };
        recorded + Duration::from_millis(self.passed.load(Ordering::Relaxed))
    }

    /// What the snapshot tells of a question; `None` where it tells nothing.
    fn of_snapshot(&self, reading: &Reading<'_>, each: &mut dyn FnMut(Socket)) -> Option<Answer> {
        let snapshot = &self.snapshot;
        let there = || Need::Command("portward explain on the machine itself".into());
        Some(match *reading {
            Reading::Facts() => Answer::Facts(snapshot.host.clone()),
            Reading::Elapsed() => Answer::Elapsed(self.elapsed()),
            Reading::Namespaces(which) => {
                let value = snapshot.namespaces.iter().filter(|namespace| is_among(namespace, which)).cloned().collect();
                Answer::Namespaces(Partial { value, gaps: Vec::new() })
            }
            Reading::Sockets(ask, namespaces) => {
                for socket in &snapshot.sockets {
                    if let Some(netns) = self.wanted(ask, namespaces, socket) {
                        each(Socket { netns, ..socket.clone() });
                    }
                }
                Answer::Sockets(snapshot.gaps.clone())
            }
            Reading::BeyondListeners(_) => Answer::BeyondListeners(Beyond::UNKNOWN),
            Reading::Holders(sockets, _) => Answer::Holders(self.holders_of(sockets)),
            Reading::Processes(_) => Answer::Processes(snapshot.processes.clone()),
            Reading::Alone(pids) => {
                let own = snapshot.processes.iter().filter(|process| pids.contains(&process.id.pid));
                Answer::Alone(own.cloned().collect())
            }
            Reading::Living(processes) => {
                let lives = |id: &&ProcessId| {
                    snapshot.processes.iter().any(|process| process.id == **id && process.state != ProcessState::Exited)
                };
                Answer::Living(processes.iter().filter(lives).copied().collect())
            }
            Reading::EveryProcess() => Answer::EveryProcess(snapshot.processes.clone()),
            Reading::Interfaces() => Answer::Interfaces(snapshot.interfaces.clone()),
            Reading::PortRules() => Answer::PortRules(snapshot.rules.clone()?),
            Reading::Users() => Answer::Users(snapshot.users.clone()),
            Reading::Projects(_) => Answer::Projects(Partial { value: snapshot.projects.clone(), gaps: Vec::new() }),
            Reading::Containers(_) => Answer::Containers(Partial { value: snapshot.containers.clone(), gaps: Vec::new() }),
            Reading::Cgroups(_) => Answer::Cgroups(snapshot.cgroups.clone()),
            Reading::Resolve(name) => {
                Answer::Resolve(snapshot.resolutions.iter().find(|known| known.name == name)?.addresses.clone())
            }
            Reading::ResolveSoon(name, _) => {
                Answer::ResolveSoon(snapshot.resolutions.iter().find(|known| known.name == name)?.addresses.clone())
            }
            Reading::Route(target, _) => Answer::Route(snapshot.routes.iter().find(|(address, _)| *address == target)?.1.clone()),
            Reading::Options(_) => Answer::Options(Seen::Hidden(there())),
            Reading::Activated(_) => Answer::Activated(Seen::Hidden(there())),
            Reading::Pause(time) => {
                let passed = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                self.passed.fetch_add(passed, Ordering::Relaxed);
                Answer::Pause(())
            }
            Reading::Arguments(_)
            | Reading::Descendants(_)
            | Reading::ProjectAt(_)
            | Reading::PathExists(_)
            | Reading::MayCreate(_)
            | Reading::TryBind(..)
            | Reading::FilterTables(_)
            | Reading::Vitals(..)
            | Reading::Counters()
            | Reading::Topic(_)
            | Reading::Proxies()
            | Reading::Path(_)
            | Reading::Mentions(..)
            | Reading::Sources(_)
            | Reading::Told(..)
            | Reading::Errands(_)
            | Reading::WaitForExit(..)
            | Reading::PathBelow(..)
            | Reading::WaitForChange(..) => return None,
        })
    }

    fn holders_of(&self, sockets: &[Socket]) -> Holders {
        let key = |socket: &Socket| (socket.inode, socket.cookie, socket.transport);
        let asked: FxHashMap<_, u32> = sockets.iter().zip(0..).map(|(socket, at)| (key(socket), at)).collect();
        let mut holdings = Vec::new();
        for (position, own) in self.snapshot.sockets.iter().enumerate() {
            if let Some(&socket) = asked.get(&key(own)) {
                holdings.extend(self.snapshot.holders(position).iter().map(|holding| Holding { socket, ..*holding }));
            }
        }
        Holders { holdings, ..Holders::default() }
    }

    fn wanted(&self, ask: &Ask, namespaces: &[Namespace], socket: &Socket) -> Option<u16> {
        let transport = match socket.transport {
            Transport::Tcp => ask.transports.tcp,
            Transport::Udp => ask.transports.udp,
            Transport::Unix | Transport::UnixDatagram | Transport::UnixPacket => ask.transports.unix,
        };
        let connected = !socket.state.serves() && socket.state != SocketState::Closed;
        let state = match ask.states {
            StateSet::Listening => {
                socket.state == SocketState::Listen || (socket.transport != Transport::Tcp && socket.state.serves())
            }
            StateSet::Serving => socket.state.serves(),
            StateSet::Connected => connected && socket.state != SocketState::TimeWait,
            StateSet::BoundOrConnected => {
                (connected || socket.state == SocketState::Bound) && socket.state != SocketState::TimeWait
            }
            StateSet::All => true,
        };
        let remote = socket.remote().map(|(_, port)| port);
        let port = socket.port().zip(ask.ports).is_none_or(|(port, filter)| match filter {
            PortFilter::Local(range) => range.contains(port),
            PortFilter::Either(range) => range.contains(port) || remote.is_some_and(|port| range.contains(port)),
            PortFilter::Held(asked) => asked == port || remote == Some(asked),
        });
        let home = self.snapshot.namespaces.get(usize::from(socket.netns));
        // The reader's own namespace is asked for without a number where those could not be read.
        let is_home = |namespace: &Namespace| {
            namespace.inode == home.map_or(0, |home| home.inode)
                || (namespace.inode == 0 && namespace.own && home.is_none_or(|home| home.own))
        };
        let netns = namespaces.iter().position(is_home)?;
        (transport && state && port).then_some(u16::try_from(netns).ok()?)
    }
}

fn is_among(namespace: &Namespace, which: &Which) -> bool {
    match which {
        Which::Own => namespace.own,
        Which::All => true,
        Which::Named(name) => {
            namespace.name.as_ref().is_some_and(|own| own.raw() == name.as_bytes()) || namespace.inode.to_string() == *name
        }
    }
}

impl Look for Tape {
    fn read(&self, reading: &Reading<'_>, each: &mut dyn FnMut(Socket)) -> Result<Answer, SysError> {
        let is_timed = matches!(reading, Reading::Elapsed() | Reading::Pause(_));
        // Nobody's snapshot shows more than what is masked, whatever stands in it.
        let is_open = matches!(reading, Reading::Arguments(_) | Reading::Sources(_));
        if !self.answers.is_empty()
            && !is_timed
            && !is_open
            && let Some(heard) = self.heard(reading.question())
        {
            return heard.read(each);
        }
        self.of_snapshot(reading, each).ok_or_else(|| SysError::NotRecorded { what: reading.words().to_owned() })
    }

    fn noted(&self, what: &str, _: &mut dyn FnMut() -> Value) -> Value {
        match self.heard(what.to_owned()) {
            Some(Heard::Noted(value)) => value.clone(),
            _ => Value::Null,
        }
    }
}

impl Dial for Tape {
    fn dial(&self, mut dialling: Dialling<'_>) -> Result<Dialled, SysError> {
        match self.heard(dialogue(&dialling)) {
            Some(heard) => heard.dial(&mut dialling),
            None => Err(SysError::NotRecorded { what: format!("dialogue with {}", dialling.at) }),
        }
    }
}

impl Act for Tape {
    fn act(&self, deed: &Deed<'_>) -> Result<Done, SysError> {
        let what = deed.name().replace('_', " ");
        Err(SysError::Unsupported { what: format!("`{what}`: it is a snapshot, and nothing can be done to it") })
    }
}

/// What passes between two looks at a clock that the tape says nothing of, in milliseconds.
const TICK: u64 = 100;
