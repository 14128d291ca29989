//! One forward: what arrives at its listeners is passed on to its targets, until it is told to stop.
//!
//! One thread and one `epoll`, as the forwarder of the front has. Streams and messages are [`Flows`]; datagrams have a socket for each
//! client. What happens is told to whoever runs it, who must not take long: it is told in the thread that passes on.

mod admission;
mod datagrams;
mod listeners;

pub use admission::Admission;
pub use listeners::{Stand, stand, stand_made};

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use rustix::{
    event::{EventfdFlags, epoll, eventfd},
    fd::OwnedFd,
    io::Errno,
    net::{SocketFlags, accept_with, acceptfrom_with},
};

use super::{
    flows::{Flows, HowEnded, reset},
    forward::{EVENTS, KNOCKS, spare, timespec},
    spot::{Maker, own, place},
};
use crate::{Kind, Place};
use datagrams::Datagrams;

/// What is passed on, and how.
pub struct Pass {
    /// Sockets that listen, or receive datagrams.
    pub listeners: Vec<OwnedFd>,
    /// How what is sent is cut.
    pub kind: Kind,
    /// Where servers may be, the first choice first.
    pub targets: Vec<Place>,
    /// Makes the sockets that dial; `None` for this process's own network namespace.
    pub maker: Option<Maker>,
    /// Who may connect; `None` for everybody.
    pub admission: Option<Admission>,
    /// It ends with its first connection.
    pub once: bool,
    /// How long a client of datagrams is remembered that nothing is sent for.
    pub idle: Duration,
    /// How long a server is waited for.
    pub patience: Duration,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PassEvent {
    /// A client has come.
    Opened {
        /// Its number.
        number: u64,
        /// Where it is; `None` for a Unix client without a name.
        client: Option<Place>,
        /// The process of a Unix client, as the kernel says.
        pid: Option<u32>,
    },
    /// It has ended.
    Ended {
        /// Its number.
        number: u64,
        /// Bytes that were passed on to the server.
        sent: u64,
        /// Bytes that were passed on to the client.
        received: u64,
        /// How long it was there.
        lasted: Duration,
        /// How it ended.
        how: PassEnd,
    },
    /// A client was turned away, because it belongs to another user.
    NotAdmitted {
        /// That user; `None` where the kernel does not tell.
        uid: Option<u32>,
        /// Where it is.
        client: Option<Place>,
    },
    /// Clients are turned away, because this process may have no more descriptors. Told once until there are some again.
    NoRoom {
        /// How many connections are open.
        open: usize,
    },
}

/// How a client's connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassEnd {
    /// As a connection ends.
    Connection(HowEnded),
    /// A client of datagrams was forgotten, as nothing was sent for some time.
    Idle,
    /// A client of datagrams was forgotten, as there were too many of them.
    Crowded,
}

/// What is told of a forward while it runs, from any thread.
#[derive(Debug, Default)]
pub struct Tally {
    /// Connections that are open.
    pub open: AtomicU64,
    /// Connections there were.
    pub total: AtomicU64,
    /// Bytes that were passed on to servers by those that have ended.
    pub sent: AtomicU64,
    /// Bytes that were passed on to clients by those that have ended.
    pub received: AtomicU64,
}

/// Ends a forward, from any thread.
#[derive(Clone, Debug)]
pub struct Stop(Arc<(OwnedFd, AtomicBool)>);

impl Stop {
    /// One that has not been asked for.
    ///
    /// # Errors
    /// Where this process may have no more descriptors.
    pub fn new() -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self(Arc::new((bell, AtomicBool::new(false)))))
    }

    /// Asks for it: it listens no more, and cuts off what is open.
    pub fn stop(&self) {
        self.0.1.store(true, Relaxed);
        let _ = rustix::io::write(&self.0.0, &1_u64.to_ne_bytes());
    }

    fn is_asked(&self) -> bool {
        self.0.1.load(Relaxed)
    }
}

/// Passes on until it is told to stop, or its one connection has ended.
///
/// # Errors
///
/// Where the system has no descriptors for the forward itself.
pub fn pass(pass: Pass, stop: &Stop, tally: &Tally, tell: &mut dyn FnMut(PassEvent)) -> io::Result<()> {
    let Pass { listeners, kind, targets, maker, admission, once, idle, patience } = pass;
    let _files = listeners::Files::of(&listeners);
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &stop.0.0, epoll::EventData::new_u64(STOP), epoll::EventFlags::IN)?;
    for (at, listener) in listeners.iter().enumerate() {
        epoll::add(&epoll, listener, epoll::EventData::new_u64(DOOR | at as u64), epoll::EventFlags::IN)?;
    }
    let maker = maker.unwrap_or_else(super::spot::here);
    let doors: Vec<Door> = listeners.into_iter().map(|listener| Door::new(listener, &targets)).collect();
    let mut passing = Passing {
        epoll,
        doors,
        tally,
        tell,
        kind,
        admission,
        once,
        spare: spare(),
        is_full: false,
        began: rustc_hash::FxHashMap::default(),
        carried: match kind {
            Kind::Datagrams => Carried::Datagrams(Datagrams::new(maker, idle)),
            Kind::Stream | Kind::Packets => Carried::Flows(Flows::told(maker, kind, patience)),
        },
    };
    passing.run(stop)
}

/// A listener, with where its clients are passed on to: the same family first.
struct Door {
    listener: OwnedFd,
    targets: Arc<[Place]>,
}

impl Door {
    fn new(listener: OwnedFd, targets: &[Place]) -> Self {
        let v6 = own(&listener).is_some_and(|own| own.is_ipv6());
        let (same, other): (Vec<&Place>, Vec<&Place>) = targets.iter().partition(|target| target.is_ipv6() == v6);
        let targets = same.into_iter().chain(other).cloned().collect();
        Self { listener, targets }
    }
}

enum Carried {
    Flows(Flows),
    Datagrams(Datagrams),
}

struct Passing<'a> {
    epoll: OwnedFd,
    doors: Vec<Door>,
    tally: &'a Tally,
    tell: &'a mut dyn FnMut(PassEvent),
    kind: Kind,
    admission: Option<Admission>,
    once: bool,
    /// A descriptor that is given up where there is no other, to turn a client away instead of letting it wait.
    spare: Option<OwnedFd>,
    /// There were no descriptors for the last client.
    is_full: bool,
    /// When those began that are open.
    began: rustc_hash::FxHashMap<u64, Instant>,
    carried: Carried,
}

impl Passing<'_> {
    fn run(&mut self, stop: &Stop) -> io::Result<()> {
        let mut events = Vec::with_capacity(EVENTS);
        loop {
            let now = Instant::now();
            let due = match &self.carried {
                Carried::Flows(flows) if flows.is_busy() => Some(Duration::ZERO),
                Carried::Flows(flows) => flows.due(now),
                Carried::Datagrams(datagrams) => datagrams.due(now),
            };
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), due.map(timespec).as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in events.drain(..) {
                match event.data.u64() {
                    STOP => {}
                    data if data & DOOR != 0 => self.admit(usize::try_from(data & 0xFFFF).unwrap_or(0)),
                    data => match &mut self.carried {
                        Carried::Flows(flows) => flows.happened(data, event.flags, &self.epoll),
                        Carried::Datagrams(datagrams) => datagrams.answered(data, &self.doors, &self.epoll),
                    },
                }
            }
            let now = Instant::now();
            if stop.is_asked() {
                self.doors.clear();
                match &mut self.carried {
                    Carried::Flows(flows) => flows.cut_all(),
                    Carried::Datagrams(datagrams) => datagrams.cut_all(),
                }
            }
            match &mut self.carried {
                Carried::Flows(flows) => {
                    flows.go_on(&self.epoll);
                    flows.look_after(now, &self.epoll);
                }
                Carried::Datagrams(datagrams) => datagrams.forget(now),
            }
            self.tell_ends(now);
            if stop.is_asked() || (self.once && self.doors.is_empty() && self.began.is_empty()) {
                return Ok(());
            }
        }
    }

    /// Tells of those that have ended.
    fn tell_ends(&mut self, now: Instant) {
        let ended: Vec<(u64, u64, u64, PassEnd)> = match &mut self.carried {
            Carried::Flows(flows) => {
                let told = |end: super::flows::Ended| (end.number, end.sent, end.received, PassEnd::Connection(end.how));
                flows.ended().into_iter().map(told).collect()
            }
            Carried::Datagrams(datagrams) => {
                for (number, client) in datagrams.came() {
                    self.began.insert(number, now);
                    self.tally.total.fetch_add(1, Relaxed);
                    (self.tell)(PassEvent::Opened { number, client, pid: None });
                }
                datagrams.ended()
            }
        };
        for (number, sent, received, how) in ended {
            let lasted = self.began.remove(&number).map_or(Duration::ZERO, |began| now.saturating_duration_since(began));
            self.tally.sent.fetch_add(sent, Relaxed);
            self.tally.received.fetch_add(received, Relaxed);
            (self.tell)(PassEvent::Ended { number, sent, received, lasted, how });
        }
        self.tally.open.store(self.began.len() as u64, Relaxed);
        if self.once
            && let Carried::Datagrams(_) = self.carried
            && self.tally.total.load(Relaxed) > 0
            && self.began.is_empty()
        {
            self.doors.clear();
        }
    }

    /// Takes in who knocks at a listener.
    fn admit(&mut self, at: usize) {
        if let Carried::Datagrams(datagrams) = &mut self.carried {
            let Some(door) = self.doors.get(at) else { return };
            let only_known = self.once && self.tally.total.load(Relaxed) > 0;
            for uid in datagrams.received((at, door), self.admission.as_mut(), only_known, &self.epoll) {
                (self.tell)(PassEvent::NotAdmitted { uid: uid.0, client: uid.1 });
            }
            return;
        }
        // What is left waits for the next round.
        for _ in 0..KNOCKS {
            let Some(door) = self.doors.get(at) else { return };
            match acceptfrom_with(&door.listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                Ok((client, from)) => self.take_in(client, from.and_then(place), at),
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(Errno::MFILE | Errno::NFILE) => {
                    // The client waits for an answer that it cannot get: it is turned away.
                    self.spare = None;
                    if let Ok(client) = accept_with(&door.listener, SocketFlags::CLOEXEC) {
                        reset(client);
                    }
                    self.spare = spare();
                    self.no_room();
                    return;
                }
                Err(_) => return,
            }
        }
    }

    fn take_in(&mut self, client: OwnedFd, place: Option<Place>, at: usize) {
        let Carried::Flows(flows) = &self.carried else { return };
        if !flows.has_room() {
            reset(client);
            return self.no_room();
        }
        self.is_full = false;
        if let Some(admission) = &mut self.admission
            && let Err(uid) = admission.admits(&client)
        {
            reset(client);
            return (self.tell)(PassEvent::NotAdmitted { uid, client: place });
        }
        let pid = match &place {
            Some(Place::Inet(_)) => None,
            Some(Place::Unix(_)) | None => admission::pid(&client),
        };
        let Some(door) = self.doors.get(at) else { return };
        let targets = Arc::clone(&door.targets);
        if self.once {
            self.doors.clear();
        }
        let Carried::Flows(flows) = &mut self.carried else { return };
        let number = flows.begin_at(client, (&targets, self.kind), &self.epoll);
        self.began.insert(number, Instant::now());
        self.tally.total.fetch_add(1, Relaxed);
        self.tally.open.store(self.began.len() as u64, Relaxed);
        (self.tell)(PassEvent::Opened { number, client: place, pid });
    }

    /// Says once that there is no room.
    fn no_room(&mut self) {
        if !std::mem::replace(&mut self.is_full, true) {
            (self.tell)(PassEvent::NoRoom { open: self.began.len() });
        }
    }
}

/// Marks the event of the bell. Flows are numbered from 0 and never get there.
const STOP: u64 = u64::MAX;
/// Marks the events of listeners; their number stands in the lowest bits.
const DOOR: u64 = 1 << 63;

#[cfg(test)]
mod tests;
