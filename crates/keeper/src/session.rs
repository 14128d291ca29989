//! A session's record: what was started in it, and what listens where; and what is told of it.

use std::{
    net::SocketAddr,
    time::{Duration, Instant, UNIX_EPOCH},
};

use portward_model::{Caller, Failure, Hint, Moment, Own, PortRange, Process, ProcessId, ProjectIdentity, Text, hint};
use portward_session::{Event, Quota, Rules, Witness};
use portward_sys::{Acts, Clock, Context, Look, StateFolder};

use crate::{
    bidden::{self, Bidden},
    control::Desk,
    endpoints::{Endpoints, Meeting},
    guests,
    notice::{Notices, Place, Said},
    record::{KeptAs, Record, asked},
    runs::{RunListener, RunService, called, line_of, listening, process_at},
    taken::{self, Taken},
    told::{Ran, Teller},
};

/// Records what happens in a run, tells of it, and answers whoever asks.
pub(crate) struct Recorder<'a> {
    host: &'a dyn Look,
    clock: &'a dyn Clock,
    caller: &'a Caller,
    identity: Option<ProjectIdentity>,
    pub(crate) own: ProcessId,
    desk: Desk<Record>,
    name: Option<String>,
    main: Option<ProcessId>,
    /// The program has a background process do its work.
    asks_another: bool,
    begun: Instant,
    /// The age at which it is looked next whether a program of the project serves in another session.
    asks_next: Duration,
    /// It answers the calls of its programs.
    guards: bool,
    /// Where they listen, each told once.
    endpoints: Endpoints,
    /// Listeners so far.
    listeners: usize,
    /// Sockets so far that served past the calls.
    strays: usize,
    /// What is told once.
    said: Vec<Once>,
    /// What of that nobody has taken.
    untold: Vec<Once>,
    /// What runs in it follows a container.
    follows_container: bool,
    notices: Notices,
    bidden: Bidden,
    teller: Teller<Box<dyn FnMut(Ran) -> bool + Send>>,
}

/// What is told once in a run, however often it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Once {
    /// Another program keeps the store to itself.
    Store,
    /// There is no more of something.
    Exhausted(Quota),
    /// There were more listeners than are told of.
    Listeners,
    /// There were more strays than are told of.
    Strays,
    /// A program of another project serves here.
    Guest,
    /// A program of this project serves in another session.
    Elsewhere,
}

impl<'a> Recorder<'a> {
    /// Begins the record of a run in the project with this identity, for which ports of that place are given; this process is its
    /// supervisor.
    pub(crate) fn begin(
        cx: &Context<'a, Acts>,
        (identity, place): (Option<ProjectIdentity>, Option<PortRange>),
        rules: Option<Rules>,
        (name, kept): (Option<String>, Option<KeptAs>),
        say: Box<dyn FnMut(Ran) -> bool + Send>,
    ) -> Result<Self, Failure> {
        let (host, clock, caller) = (cx.machine, cx.clock, cx.caller);
        // A process of its own, and not the caller's.
        let own = process_at(host, host.facts()?.pid)
            .ok_or_else(|| Failure::system("The supervisor's own process cannot be read in /proc."))?
            .id;
        let since = clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
        let follows_container = kept.as_ref().is_some_and(|kept| kept.is_container);
        let record = Record {
            supervisor: own,
            identity: identity.clone(),
            block: place,
            rules,
            started_at: Moment(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
            services: Vec::new(),
            listeners: Vec::new(),
            kept,
        };
        Ok(Self {
            host,
            clock,
            caller,
            identity,
            own,
            desk: Desk::open(caller, own, record),
            name,
            main: None,
            asks_another: false,
            begun: clock.now(),
            asks_next: IDLE,
            guards: rules.is_some(),
            endpoints: Endpoints::default(),
            listeners: 0,
            strays: 0,
            said: Vec::new(),
            untold: Vec::new(),
            follows_container,
            notices: Notices::default(),
            bidden: Bidden::default(),
            teller: Teller::new(say),
        })
    }

    /// The root of this run's project.
    fn root(&self) -> Option<&Text> {
        self.identity.as_ref().map(|identity| &identity.project.root)
    }

    /// The service that a process belongs to: the nearest one above it, or its own name.
    fn service_of(&self, pid: u32, line: &[Process]) -> String {
        let record = self.desk.state.now();
        let of = |process: &Process| record.services.iter().find(|service| service.process == process.id);
        match line.iter().find_map(of) {
            Some(service) if !service.name.is_empty() => service.name.clone(),
            _ => self.name.clone().unwrap_or_else(|| called(pid, line.first())),
        }
    }

    /// False where nobody took it.
    pub(crate) fn tell(&mut self, told: Ran) -> bool {
        self.teller.tell(told)
    }

    /// Tells what a person should know of a program, if there is anything new.
    fn notice(&mut self, of: impl FnOnce(&mut Notices, &Place<'_>) -> Option<Said>) {
        if let Some((sentence, hint)) = of(&mut self.notices, &Place { host: self.host, supervisor: self.own.pid }) {
            self.tell_refused(sentence, hint);
        }
    }

    fn tell_refused(&mut self, sentence: String, hint: Option<Hint>) -> bool {
        self.tell(Ran { refused: Some(sentence), hint, ..Ran::default() })
    }

    fn tell_once(&mut self, once: Once) {
        if self.said.contains(&once) {
            return;
        }
        let store = portward_store::path(&StateFolder::find(self.caller));
        let path = store.display();
        let (sentence, hint) = match once {
            Once::Store => (
                format!("Another program keeps {path} to itself. Ports are given without it, and written down once it lets go."),
                Some(hint!("fuser -v {}    names it", store.as_path())),
            ),
            Once::Exhausted(Quota::Leases) => (
                "Programs of this project bind at random, and serve more ports at the same time than its sessions are lent: the next are \
                 refused (ENOBUFS)."
                    .to_owned(),
                Some("portward ps    shows which they are; portward stop ends them, and gives their ports back".into()),
            ),
            Once::Exhausted(Quota::Waiting(most)) => (
                format!(
                    "{most} connections to servers of the session wait already, and one session gets no more: the next are refused (EAGAIN)."
                ),
                Some("portward list    shows which server's queue is full".into()),
            ),
            Once::Listeners => (
                format!(
                    "More than {MOST_LISTENERS} sockets have listened in this session: the next are served, and neither told nor recorded."
                ),
                None,
            ),
            Once::Strays => {
                (format!("More than {MOST_STRAYS} sockets served without a call that was seen: the next are not told."), None)
            }
            Once::Guest | Once::Elsewhere => return,
        };
        // One that nobody took, as behind a thousand others, is told again at the next occasion.
        if self.tell_refused(sentence, hint) {
            self.said.push(once);
            self.untold.retain(|other| *other != once);
        } else if !self.untold.contains(&once) {
            self.untold.push(once);
        }
    }

    /// Tells again what nobody took.
    fn tell_untold(&mut self) {
        for once in self.untold.clone() {
            self.tell_once(once);
        }
    }

    /// A process as it is told: its name and number.
    fn shown(&self, pid: u32) -> String {
        let name = process_at(self.host, pid).map_or_else(|| "A process".to_owned(), |process| process.title());
        format!("{} (pid {pid})", Text::from_shown(&name))
    }
}

impl Recorder<'_> {
    /// Tells once that a program of another project serves here, as one that a background process started which this session has.
    fn tell_guest(&mut self, row: &RunListener) {
        let Some(root) = row.from.as_ref().filter(|_| !self.said.contains(&Once::Guest)) else { return };
        self.said.push(Once::Guest);
        let own = self.identity.as_ref().map_or_else(|| "this session".to_owned(), |own| format!("{}'s session", own.title()));
        let who = self.shown(row.pid);
        let told = format!("{who} works in {root}, and serves in {own}: what started it runs here.");
        self.tell_refused(told, Some("portward ps    shows which project each listener comes from".into()));
    }

    /// Tells what a socket of UDP does not hear.
    fn tell_kept_out(&mut self, pid: u32, serves: SocketAddr, datagrams: u64) {
        let sentence = format!(
            "Datagrams of the network for {} at udp/{serves} are kept out, {datagrams} so far: in a session it hears this machine, and \
             those outside whom it asked by connect or sendto. Whom it asks by sendmsg, as Node's dgram does, is not seen: \
             answers to that are kept out, too.",
            self.shown(pid)
        );
        let hint =
            "portward run --expose    lets the network in; connect first, or no port of its own, lets in the answers alone";
        self.tell_refused(sentence, Some(hint.into()));
    }

    /// A program has asked somebody by a Unix socket.
    fn reached(&mut self, pid: u32, server: u32) {
        let client = process_at(self.host, pid).map(|process| bidden::shown(&process));
        let client = client.unwrap_or_else(|| "a program of this session".to_owned());
        self.bidden.asks(self.host, self.own, (client, server), self.clock.now());
    }

    /// Tells once what a server outside has started in this project for a program of the session; true where it has.
    fn look_outside(&mut self) -> bool {
        let Some(root) = self.root().cloned() else { return false };
        let Some(found) = self.bidden.found(self.host, &root, self.clock.now()) else { return false };
        self.notice(|notices, _| notices.of_bidden(&found, &root));
        true
    }

    /// The same once the program has ended: what it asked for needs a moment, and nobody here waits for an answer by then.
    fn look_outside_at_the_end(&mut self) {
        for _ in 0..TURNS {
            if self.look_outside() || !self.bidden.is_expecting(self.clock.now()) || !guests::is_alone(self.host, self.own) {
                return;
            }
            self.host.pause(BETWEEN_TURNS);
        }
    }

    /// Tells once that a program of this project serves in another session, where nothing has listened in this one: at its end, or when
    /// it has idled for a while.
    fn look_elsewhere(&mut self, at_the_end: bool) {
        let age = self.clock.now().saturating_duration_since(self.begun);
        let is_due = (self.asks_next..GIVEN_UP).contains(&age);
        if self.listeners > 0 || self.said.contains(&Once::Elsewhere) || !(at_the_end || is_due) {
            return;
        }
        // Two hundred sessions that wait for something must not spend the machine on asking each other.
        self.asks_next = age + age / 2;
        let Some(root) = self.root().cloned() else { return };
        // What a background process was told to start needs a moment, and by now nobody here waits for an answer.
        let turns = if at_the_end && self.asks_another && guests::is_alone(self.host, self.own) { TURNS } else { 1 };
        for turn in 0..turns {
            if turn > 0 {
                self.host.pause(BETWEEN_TURNS);
            }
            if let Some((project, row)) = guests::serving_elsewhere(self.host, self.caller, (self.own, &root)) {
                self.said.push(Once::Elsewhere);
                let (who, port) = (self.shown(row.pid), row.serves.port());
                let whose = if project.is_empty() { "another session".to_owned() } else { format!("{project}'s session") };
                let told = format!(
                    "Nothing listened here. {who}, which works in {root}, serves localhost:{port} in {whose}: what started it runs there."
                );
                self.tell_refused(
                    told,
                    Some("portward ps    shows where; stop that background process, and it starts here".into()),
                );
                return;
            }
        }
    }
}

impl Witness for Recorder<'_> {
    fn saw(&mut self, event: &Event) {
        match event {
            Event::Started { pid } => {
                let Some(process) = process_at(self.host, *pid) else { return };
                self.main = Some(process.id);
                self.asks_another = guests::asks_another(&process);
                // One without a name goes by its program's, which changes while launchers become what they launch.
                let service = RunService { process: process.id, name: self.name.clone().unwrap_or_default(), ended: false };
                self.desk.state.change(|record| record.services.push(service));
                self.desk.attend(self.caller.clone(), self.own, asked);
            }
            Event::Listening { pid, transport, asked, serves, pinned } => {
                let is_told = match self.endpoints.meet((*transport, *asked, *serves), *pid, self.clock.now()) {
                    Meeting::Known => return,
                    Meeting::Another => true,
                    Meeting::New => false,
                };
                self.listeners = self.listeners.saturating_add(1);
                if self.listeners > MOST_LISTENERS {
                    if !is_told {
                        self.tell_once(Once::Listeners);
                    }
                    return;
                }
                let line = line_of(self.host, *pid);
                let (process, service) = (line.first(), self.service_of(*pid, &line));
                let (pid, transport, asked, serves, pinned) = (*pid, *transport, *asked, *serves, *pinned);
                let from = process.and_then(|process| guests::root_of(self.host, self.root(), process));
                let row = RunListener { pid, service, transport, asked, serves, pinned, from, is_secure: false };
                let told = listening(&row, process);
                let told = if self.guards { told } else { told.by_variable() };
                self.desk.state.change(|record| record.add(row.clone()));
                if !is_told {
                    self.tell(Ran { listener: Some(told), ..Ran::default() });
                }
                self.tell_guest(&row);
                self.notice(|notices, place| notices.of_listener(place, pid, asked, serves));
            }
            Event::Reached { pid, server } => self.reached(*pid, *server),
            // What follows a container asks the engine on its project's behalf, at ports that are the project's own.
            Event::Began { .. } if self.follows_container => {}
            Event::Began { pid, name, arguments } => {
                self.notice(|notices, place| notices.of_program(place, *pid, name, arguments));
            }
            Event::Powerless { pid, file, gained } => {
                let hint =
                    hint!("{} CMD    in a shell outside the session; portward run --port-only CMD leaves rights alone", file);
                self.tell_refused(format!("{file} (pid {pid}) {gained}: it runs as you, and does what you may."), Some(hint));
            }
            Event::Refused { pid, call, because } => {
                self.tell_refused(format!("{} was refused its {call}: {because}.", self.shown(*pid)), None);
            }
            Event::Taken { pid, transport, asked, port, instead, by, is_own } => {
                // A try of Portward's own, as of the doctor, is told by whoever made it.
                if process_at(self.host, *pid).as_ref().and_then(Own::of).is_some() {
                    return;
                }
                let who = self.shown(*pid);
                let (transport, asked, port, instead, is_own) = (*transport, *asked, *port, *instead, *is_own);
                let project = self.identity.as_ref().map(ProjectIdentity::title).unwrap_or_default();
                let taken = Taken { who, transport, asked, port, instead, by, is_own, project };
                let (sentence, hint) = taken::words(self.host, &taken);
                self.tell_refused(sentence, hint);
            }
            Event::Exhausted { quota, .. } => self.tell_once(Once::Exhausted(*quota)),
            Event::Unrecorded { .. } => self.tell_once(Once::Store),
            Event::Strayed { pid, transport, serves, pinned } => {
                self.strays = self.strays.saturating_add(1);
                if self.strays > MOST_STRAYS {
                    return self.tell_once(Once::Strays);
                }
                let end = if *pinned { "it is pinned to lo now" } else { "it could not be pinned to lo, and listens no more" };
                let (who, transport) = (self.shown(*pid), transport.name());
                self.tell_refused(format!("{who} served {transport}/{serves} without a call that was seen; {end}."), None);
            }
            Event::KeptOut { pid, serves, datagrams } => self.tell_kept_out(*pid, *serves, *datagrams),
            Event::Ended => {
                let main = self.main;
                self.desk.state.change(|record| {
                    record
                        .services
                        .iter_mut()
                        .filter(|service| Some(service.process) == main)
                        .for_each(|service| service.ended = true);
                });
                self.tell_untold();
                for _ in 0..LAST_TURNS {
                    if self.untold.is_empty() {
                        break;
                    }
                    self.host.pause(LAST_TURN);
                    self.tell_untold();
                }
                self.look_elsewhere(true);
                self.look_outside_at_the_end();
            }
        }
    }

    fn look(&mut self) -> Duration {
        self.tell_untold();
        self.endpoints.look(self.clock.now());
        self.look_elsewhere(false);
        self.look_outside();
        if self.bidden.is_looking(self.clock.now()) { bidden::BETWEEN } else { BETWEEN_LOOKS }
    }
}

/// Listeners of a run that are told and recorded. Who opens more than that in a loop fills nobody's screen or disk.
const MOST_LISTENERS: usize = 1000;
/// Sockets of a run that served past the calls and are told.
const MOST_STRAYS: usize = 20;
/// Between two looks at what other sessions serve for this project.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
/// How long a run has listened nowhere before it is looked whether its program serves elsewhere.
const IDLE: Duration = Duration::from_secs(3);
/// How long it is looked for.
const GIVEN_UP: Duration = Duration::from_mins(1);
/// Looks at the end of a run that may have asked a background process to start something.
const TURNS: usize = 10;
/// Between two of them.
const BETWEEN_TURNS: Duration = Duration::from_millis(150);
/// Turns in which a front has the time to read on at the program's end, where something is left that is told once.
const LAST_TURNS: usize = 10;
/// How long one of them is.
const LAST_TURN: Duration = Duration::from_millis(20);
