//! The supervisor: it answers the calls of its programs until none of them is left.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, Instant},
};

use portward_model::Transport;
use portward_proxy::raised_limit;
use portward_sys::unotify::{Callers, Listener};
use rustc_hash::{FxHashMap, FxHashSet};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};

use super::{
    addresses::Addresses,
    aside::Aside,
    calls::{self, Answer, Names},
    duty::Duty,
    finds::Finds,
    holds::Holds,
    isolated::Isolated,
    kept_out::KeptOut,
    makers::Makers,
    program::Powerless,
    reached::Reached,
    sockets,
    standing::Placed,
    strays::Strays,
    waiters::Waiters,
    whose::Whose,
};
use crate::{Event, Manner, Ports, Rules, rules::Apply};

pub(super) struct Supervisor<'a> {
    pub(super) listener: Listener,
    pub(super) callers: Callers,
    pub(super) rules: Rules,
    pub(super) manner: Manner,
    /// The names of programs whose beginning is told.
    pub(super) noted: fn(&[u8]) -> bool,
    pub(super) ports: Box<dyn Ports + 'a>,
    /// What was asked for, by the cookie of the socket that got something else.
    pub(super) asked: FxHashMap<u64, SocketAddr>,
    /// Ports that the kernel found for programs here.
    pub(super) found: Finds,
    /// The machine's own addresses.
    pub(super) addresses: Addresses,
    /// Where programs stand, where that is not what is leased.
    pub(super) placed: Placed,
    /// The port that the call of now dials, and what the project has for it.
    pub(super) found_now: Option<(u16, Option<u16>)>,
    /// Whose a server is.
    pub(super) whose: Whose,
    /// What was asked for, for those who are answered with that.
    pub(super) names: Names,
    /// Who would have gained rights by his program's file.
    pub(super) powerless: Powerless,
    /// Whom programs speak to by Unix sockets.
    pub(super) reached: Reached,
    /// Who has made sockets that can be reached from outside.
    pub(super) makers: Makers,
    /// Cookies of sockets whose listening was told.
    pub(super) told: FxHashSet<u64>,
    /// What to tell once the call has been answered.
    pub(super) later: VecDeque<Event>,
    /// Sockets of UDP that have been bound a moment ago, and are told of unless they turn out to be clients.
    moments: Vec<Moment>,
    /// An address of the network has been bound in this session, for which another one stands.
    pub(super) has_stand_ins: bool,
    /// What fences keep out.
    pub(super) kept_out: KeptOut,
    /// The doors of a session with a network of its own.
    pub(super) isolated: Option<Isolated>,
    /// Ports of the project that nothing has.
    pub(super) holds: Holds,
    /// Threads for calls that may wait.
    pub(super) waiters: Waiters,
    /// The search for what serves past the calls that are seen; none where nothing is pinned, or it could not begin.
    pub(super) strays: Option<Strays>,
    /// The network namespace that the session is of.
    namespace: Option<u64>,
    /// Asked ports of UDP that were bound, their ports, and when: who asks others lets them go soon.
    bound: Vec<(u16, u16, Instant)>,
    /// Who is told; nobody before the program has started.
    pub(super) aside: Option<Aside>,
}

impl<'a> Supervisor<'a> {
    pub(super) fn new(
        listener: Listener,
        (rules, manner): (Rules, Manner),
        noted: fn(&[u8]) -> bool,
        ports: Box<dyn Ports + 'a>,
    ) -> Self {
        // Every caller and every port that is kept costs descriptors. The program was started before, with its own limit.
        raised_limit();
        // Before anything here opens sockets of its own.
        let mut callers = Callers::default();
        let makers = Makers::begin(&mut callers);
        Self {
            listener,
            callers,
            rules,
            manner,
            noted,
            ports,
            asked: FxHashMap::default(),
            found: Finds::default(),
            addresses: Addresses::default(),
            placed: Placed::default(),
            found_now: None,
            whose: Whose::open(),
            names: Names::default(),
            reached: Reached::default(),
            makers,
            powerless: Powerless::begin(),
            told: FxHashSet::default(),
            later: VecDeque::new(),
            moments: Vec::new(),
            has_stand_ins: false,
            kept_out: KeptOut::default(),
            isolated: None,
            holds: Holds::default(),
            waiters: Waiters::default(),
            strays: rules.pins().then(Strays::search).flatten(),
            namespace: own_namespace(),
            bound: Vec::new(),
            aside: None,
        }
    }

    pub(super) fn tell_refused(&mut self, tid: u32, call: &'static str, because: String) {
        let pid = self.callers.process_of(tid);
        self.tell_soon(Event::Refused { pid, call, because });
    }

    /// Has something told once calls leave the time for it. A program that floods its supervisor is not told of in full.
    pub(super) fn tell_soon(&mut self, event: Event) {
        if self.later.len() < MOST_UNTOLD {
            self.later.push_back(event);
        }
    }

    /// Passes an event on. What listens has its port for good: that is written down here, when no call waits.
    fn pass_on(&mut self, event: Event) {
        if let Event::Listening { transport, asked: Some(asked), serves, .. } = &event {
            let (asked, port) = (asked.port(), serves.port());
            match transport {
                Transport::Udp if self.bound.len() < MOST_UNTOLD => self.bound.push((asked, port, Instant::now())),
                Transport::Udp => {}
                _ => self.ports.listened(asked),
            }
        }
        if let Some(aside) = &self.aside {
            aside.tell(event);
        }
    }

    /// Ports of UDP that have been served for a while are servers'.
    fn sift_bound(&mut self) {
        let is_due = |(_, _, since): &(u16, u16, Instant)| since.elapsed() >= WHILE;
        let due: Vec<_> = self.bound.extract_if(.., |bound| is_due(bound)).collect();
        for (asked, port, _) in due {
            if self.whose.is_served(Transport::Udp, port) {
                self.ports.listened(asked);
            }
        }
    }

    /// Has something told of a socket in a moment, unless that is called off.
    pub(super) fn tell_in_a_moment(&mut self, (pid, cookie): (u32, u64), event: Event) {
        if self.moments.len() < MOST_UNTOLD {
            self.moments.push(Moment { cookie, pid, due: Instant::now() + A_MOMENT, event });
        }
    }

    /// Calls off what was to be told of a socket: it asks others, and serves nobody.
    pub(super) fn is_client(&mut self, cookie: u64) {
        self.moments.retain(|moment| moment.cookie != cookie);
    }

    /// Remembers what a socket asked for, until it listens. Of one among very many it is forgotten; its line then lacks that.
    pub(super) fn remember(&mut self, cookie: u64, asked: SocketAddr) {
        if self.asked.len() >= MOST_REMEMBERED {
            self.asked.clear();
        }
        self.asked.insert(cookie, asked);
    }

    /// True for a socket whose listening has not been told; of one among very many it is told again.
    pub(super) fn is_news(&mut self, cookie: u64) -> bool {
        if self.told.len() >= MOST_REMEMBERED {
            self.told.clear();
        }
        self.whose.add(cookie);
        self.told.insert(cookie)
    }

    /// Makes sure that a port which is dialled in a network of its own is found there, if anything serves it.
    pub(super) fn reach(&mut self, port: u16) {
        let Some(mut isolated) = self.isolated.take() else { return };
        isolated.reach(port, || self.whose.is_served(Transport::Tcp, port));
        self.isolated = Some(isolated);
    }

    /// True where a socket is of the session's own network, as far as the kernel tells. A program may make a namespace for
    /// itself; what it does there is its own.
    pub(super) fn is_here(&self, socket: &OwnedFd) -> bool {
        self.isolated.is_some() || self.namespace.is_none() || sockets::namespace(socket) == self.namespace
    }
}

impl Duty for Supervisor<'_> {
    fn calls(&self) -> Option<BorrowedFd<'_>> {
        Some(self.listener.as_fd())
    }

    fn serve(&mut self) {
        let Some(received) = self.listener.receive() else { return };
        self.found_now = None;
        let call = match received.by_own_numbers(&self.listener) {
            Ok(call) => call,
            Err(errno) => {
                if errno == libc::EACCES {
                    self.tell_refused(received.tid, "socketcall", "its memory may not be looked into".to_owned());
                }
                return self.listener.answer(&received, Err(errno));
            }
        };
        let answer = match call.number {
            libc::SYS_bind => calls::bind(self, &call),
            libc::SYS_listen => calls::listen(self, &call),
            libc::SYS_connect => calls::connect(self, &call),
            libc::SYS_getsockname => calls::name(self, &call),
            libc::SYS_prlimit64 => calls::begins(self, &call),
            libc::SYS_socket => {
                self.makers.made(call.tid);
                Answer::Proceed
            }
            libc::SYS_prctl => {
                self.makers.shuts_up(call.tid, &mut self.callers);
                Answer::Proceed
            }
            libc::SYS_sendto => calls::send_to(self, &call),
            libc::SYS_sendmsg | libc::SYS_sendmmsg => calls::send_message(self, &call),
            libc::SYS_setsockopt => calls::set_option(self, &call),
            _ => Answer::Proceed,
        };
        match answer {
            Answer::Proceed => self.listener.proceed(&call),
            Answer::Done(result) => self.listener.answer(&call, result.map(|()| 0)),
            Answer::Sent(result) => self.listener.answer(&call, result),
            Answer::Later => {}
        }
    }

    fn is_telling(&self) -> bool {
        !self.later.is_empty()
    }

    fn tells_in(&self) -> Option<Duration> {
        let first = self.moments.first().map(|first| first.due).into_iter().chain(self.reached.due()).min()?;
        Some(first.saturating_duration_since(Instant::now()))
    }

    fn tell_next(&mut self) {
        let now = Instant::now();
        self.later.extend(self.reached.found(now));
        while let Some(first) = self.moments.first().filter(|first| first.due <= now) {
            // One who has gone meanwhile serves nobody.
            if std::fs::exists(format!("/proc/{}", first.pid)).unwrap_or(true) {
                self.later.push_back(first.event.clone());
            }
            self.moments.remove(0);
        }
        if let Some(event) = self.later.pop_front() {
            self.pass_on(event);
        }
    }

    fn look(&mut self) -> Duration {
        self.makers.forget_threads();
        self.later.extend(self.strays.iter().flat_map(Strays::found));
        self.later.extend(self.kept_out.found());
        if let Some(mut isolated) = self.isolated.take() {
            isolated.tidy(|port| self.whose.is_served(Transport::Tcp, port));
            self.isolated = Some(isolated);
        }
        self.sift_bound();
        let ports = self.ports.all();
        if self.holds.keep(&ports) { PACE } else { SOON }
    }

    fn tell(&mut self, event: &Event) {
        self.later.extend(self.strays.iter().flat_map(Strays::found));
        while self.is_telling() {
            self.tell_next();
        }
        self.pass_on(event.clone());
        if *event == Event::Ended {
            self.settle(LONGEST);
        }
    }

    fn settle(&mut self, most: Duration) {
        while self.is_telling() {
            self.tell_next();
        }
        if let Some(aside) = self.aside.as_ref().filter(|aside| aside.is_behind()) {
            aside.settle(most);
        }
    }
}

/// What is to be told of a socket.
struct Moment {
    cookie: u64,
    pid: u32,
    due: Instant,
    event: Event,
}

/// The namespace of this process, by a socket of its own.
fn own_namespace() -> Option<u64> {
    let socket = rustix::net::socket(rustix::net::AddressFamily::UNIX, rustix::net::SocketType::DGRAM, None).ok()?;
    sockets::namespace(&socket)
}

/// How long a socket of UDP is bound before it is told of: whoever asks others connects or sends at once.
const A_MOMENT: Duration = Duration::from_millis(150);
/// What is to be told and has not been.
const MOST_UNTOLD: usize = 4096;
/// Sockets whose question is remembered; one takes some fifty bytes.
const MOST_REMEMBERED: usize = 10_000;
/// Between two looks at the ports that are to be kept.
const PACE: Duration = Duration::from_secs(2);
/// The same while not all of them are kept: calls go between.
const SOON: Duration = Duration::from_millis(10);
/// How long the end of the program waits until everything before it was heard.
const LONGEST: Duration = Duration::from_secs(3);
/// How long a port of UDP is served before it is taken for a server's.
const WHILE: Duration = Duration::from_secs(3);
