//! A session's record: what was started in it, and what listens where; and what is told of it.

use std::{collections::VecDeque, time::Duration};

use portward_model::{Failure, Hint, PortRange, Process, ProcessId, ProjectIdentity, Text, hint};
use portward_session::{Event, Herald, Quota, Rules, Witness};
use portward_store::{MOST_LEASES, Store};
use portward_sys::{Acts, Clock, Context, Look};

use crate::{
    ports::Patience,
    runs::{MOST_LEVELS, Run, RunListener, called, is_alive, listening, process_at},
    taken::{self, Taken},
    told::{Ran, Teller},
};

/// Records what happens in a run, and tells of it.
pub(crate) struct Recorder<'a> {
    host: &'a dyn Look,
    clock: &'a dyn Clock,
    store: Store<'a>,
    identity: Option<ProjectIdentity>,
    /// The block that a project gets which the store has never heard of.
    place: Option<PortRange>,
    pub(crate) own: ProcessId,
    rules: Option<Rules>,
    /// Its number in this store; `None` until it could be written down.
    run: Option<i64>,
    /// What is to be written down, once the store can be had.
    unwritten: VecDeque<Row>,
    patience: Patience,
    name: Option<String>,
    main: Option<ProcessId>,
    /// Listeners so far.
    listeners: usize,
    /// Sockets so far that served past the calls.
    strays: usize,
    /// What is told once.
    said: Vec<Once>,
    teller: Teller<Box<dyn FnMut(Ran) -> bool>>,
}

/// A row of a run.
enum Row {
    Service(ProcessId, String),
    Ended(ProcessId),
    Listener(RunListener),
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
}

impl<'a> Recorder<'a> {
    /// Begins the record of a run in the project with this identity, for which ports of that place are given; this process is its
    /// supervisor.
    pub(crate) fn begin(
        cx: &Context<'a, Acts>,
        (identity, place): (Option<ProjectIdentity>, Option<PortRange>),
        rules: Option<Rules>,
        name: Option<String>,
        herald: Herald,
    ) -> Result<Self, Failure> {
        let store = Store::open(cx)?;
        let (host, clock) = (cx.machine, cx.clock);
        // A process of its own, and not the caller's.
        let own = process_at(host, host.facts()?.pid)
            .ok_or_else(|| Failure::system("The supervisor's own process cannot be read in /proc."))?
            .id;
        // A document that does not fit a message is one that nobody takes.
        let say = move |told: Ran| serde_json::to_vec(&told).is_ok_and(|words| herald.say(&words));
        let mut recorder = Self {
            host,
            clock,
            store,
            identity,
            place,
            own,
            rules,
            run: None,
            unwritten: VecDeque::new(),
            patience: Patience::default(),
            name,
            main: None,
            listeners: 0,
            strays: 0,
            said: Vec::new(),
            teller: Teller::new(Box::new(say)),
        };
        recorder.write(A_MOMENT)?;
        Ok(recorder)
    }

    /// Begins the record anew in the store that has taken the place of this one.
    fn follow(&mut self) -> Result<(), Failure> {
        let Some(next) = self.store.successor()? else { return Ok(()) };
        // The old file can be read as long as it is open.
        let runs = self.store.runs().unwrap_or_default();
        let before = runs.into_iter().find(|row| Some(row.id) == self.run);
        let mut rows = VecDeque::new();
        if let Some(before) = before {
            for service in before.services {
                rows.push_back(Row::Service(service.process, service.name));
                rows.extend(service.ended.then_some(Row::Ended(service.process)));
            }
            rows.extend(before.listeners.into_iter().map(|row| Row::Listener(row.into())));
        }
        rows.append(&mut self.unwritten);
        (self.store, self.run, self.unwritten) = (next, None, rows);
        Ok(())
    }

    /// The run's number, written down by now.
    fn run(&mut self) -> Result<i64, Failure> {
        if let Some(run) = self.run {
            return Ok(run);
        }
        let host = self.host;
        let project = self.store.project_in(self.identity.as_ref(), self.place)?.id;
        let run = self.store.begin_run(project, self.own, self.rules, &|supervisor| !is_alive(host, supervisor))?;
        self.run = Some(run);
        Ok(run)
    }

    /// Writes down what has not been. What the store refuses is left out, and said in the error.
    fn catch_up(&mut self) -> Result<(), Failure> {
        // None is made only to be written to by nobody else.
        if !self.store.is_gone() || !self.unwritten.is_empty() {
            self.follow()?;
        }
        let run = self.run()?;
        while let Some(row) = self.unwritten.front() {
            match row {
                Row::Service(process, name) => self.store.add_service(run, *process, name),
                Row::Ended(process) => self.store.end_service(run, *process),
                Row::Listener(listener) => self.store.add_listener(run, &listener.clone().into()),
            }?;
            self.unwritten.pop_front();
        }
        Ok(())
    }

    /// The same, waiting for others so long at most. While another program keeps the store to itself all of it stays for later.
    fn write(&mut self, most: Duration) -> Result<(), Failure> {
        let mut patience = std::mem::take(&mut self.patience);
        let (written, in_vain) = patience.hurried(self.clock, most, || self.catch_up());
        self.patience = patience;
        if in_vain {
            if most > Duration::ZERO {
                self.tell_once(Once::Store);
            }
            return Ok(());
        }
        let written = written.unwrap_or(Ok(()));
        if written.is_err() {
            self.unwritten.pop_front();
        }
        written
    }

    fn record(&mut self, row: Row) -> Result<(), Failure> {
        self.unwritten.push_back(row);
        self.write(A_MOMENT)
    }

    /// The service that a process belongs to: the nearest one above it, or its own name.
    fn service_of(&self, pid: u32, process: Option<&Process>) -> String {
        let (services, _) = portward_store::hurried(Duration::ZERO, || self.run.map(|run| self.store.services(run)));
        let services = services.and_then(Result::ok).unwrap_or_default();
        let mut at = process.cloned();
        let mut steps = 0;
        while let Some(process) = at {
            if let Some(service) = services.iter().find(|service| service.process == process.id) {
                if service.name.is_empty() {
                    break;
                }
                return service.name.clone();
            }
            steps += 1;
            at = if steps < MOST_LEVELS { process_at(self.host, process.parent) } else { None };
        }
        self.name.clone().unwrap_or_else(|| called(pid, process))
    }

    pub(crate) fn tell(&mut self, told: Ran) {
        self.teller.tell(told);
    }

    fn tell_refused(&mut self, sentence: String, hint: Option<Hint>) {
        self.tell(Ran { refused: Some(sentence), hint, ..Ran::default() });
    }

    fn tell_once(&mut self, once: Once) {
        if self.said.contains(&once) {
            return;
        }
        self.said.push(once);
        let store = self.store.path();
        let path = store.display();
        let (sentence, hint) = match once {
            Once::Store => (
                format!(
                    "Another program keeps {path} to itself. Ports are given without it; portward ps and other sessions know of them \
                     once it lets go."
                ),
                Some(hint!("fuser -v {}    names it", store.as_path())),
            ),
            Once::Exhausted(Quota::Leases) => (
                format!(
                    "The project has {MOST_LEASES} leased ports, and one project gets no more: a bind to any other port is refused \
                     (ENOBUFS)."
                ),
                Some("portward lease    lists them; portward lease release PORT... gives back those that nobody needs".into()),
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
        };
        self.tell_refused(sentence, hint);
    }

    /// A process as it is told: its name and number.
    fn shown(&self, pid: u32) -> String {
        let name = process_at(self.host, pid).map_or_else(|| "A process".to_owned(), |process| process.title());
        format!("{} (pid {pid})", Text::from_shown(&name))
    }
}

impl Witness for Recorder<'_> {
    fn saw(&mut self, event: &Event) {
        match event {
            Event::Started { pid } => {
                let Some(process) = process_at(self.host, *pid) else { return };
                self.main = Some(process.id);
                // One without a name goes by its program's, which changes while launchers become what they launch.
                let _ = self.record(Row::Service(process.id, self.name.clone().unwrap_or_default()));
            }
            Event::Listening { pid, transport, asked, serves, pinned } => {
                self.listeners = self.listeners.saturating_add(1);
                if self.listeners > MOST_LISTENERS {
                    return self.tell_once(Once::Listeners);
                }
                let process = process_at(self.host, *pid);
                let service = self.service_of(*pid, process.as_ref());
                let (pid, transport, asked, serves, pinned) = (*pid, *transport, *asked, *serves, *pinned);
                let row = RunListener { pid, service, transport, asked, serves, pinned };
                let told = listening(&row);
                let recorded = self.record(Row::Listener(row));
                self.tell(Ran { listener: Some(told), ..Ran::default() });
                if let Err(failure) = recorded {
                    self.tell_refused(format!("portward ps will not know of it: {}", failure.message), None);
                }
            }
            Event::Refused { pid, call, because } => {
                self.tell_refused(format!("{} was refused its {call}: {because}.", self.shown(*pid)), None);
            }
            Event::Taken { pid, transport, asked, port, instead, by, is_own } => {
                let who = self.shown(*pid);
                let (transport, asked, port, instead, is_own) = (*transport, *asked, *port, *instead, *is_own);
                let (sentence, hint) = taken::words(self.host, &Taken { who, transport, asked, port, instead, by, is_own });
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
            Event::Ended => {
                if let Some(main) = self.main {
                    let _ = self.record(Row::Ended(main));
                }
            }
        }
    }

    fn look(&mut self) -> Duration {
        // Nobody is waiting for this, and calls wait behind it.
        let _ = self.write(Duration::ZERO);
        BETWEEN_LOOKS
    }
}

impl Drop for Recorder<'_> {
    fn drop(&mut self) {
        // A row that stays is cleared away by the next run of the project.
        if let Some(run) = self.run {
            let _ = portward_store::hurried(AT_THE_END, || self.store.end_run(run));
        }
    }
}

/// Gives the caller a name in the session that it is inside of.
pub fn join(cx: &Context<'_, Acts>, outer: &Run, name: Option<&str>) -> Result<(), Failure> {
    let (Some(name), Some(own)) = (name, process_at(cx.machine, cx.caller.process.pid)) else { return Ok(()) };
    let mut store = Store::open(cx)?;
    let Some(row) = store.runs()?.into_iter().find(|row| row.supervisor == outer.supervisor) else { return Ok(()) };
    match portward_store::hurried(A_MOMENT, || store.add_service(row.id, own.id, name)) {
        // Without its name it goes by its program's.
        (Err(_), true) => Ok(()),
        (joined, _) => joined,
    }
}

/// How long the record is waited for after an event; calls wait behind it.
const A_MOMENT: Duration = Duration::from_millis(50);
/// How long the record's end is.
const AT_THE_END: Duration = Duration::from_secs(1);
/// Listeners of a run that are told and recorded. Who opens more than that in a loop fills nobody's screen or disk.
const MOST_LISTENERS: usize = 1000;
/// Sockets of a run that served past the calls and are told.
const MOST_STRAYS: usize = 20;
/// Between two looks at where the store is.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
