//! The whole inquiry of the doctor, without a machine: it says what it wants to know next, is told what came back, and ends
//! with one diagnosis.
//!
//! Look first: the sockets of the port, their holders, how those fare. Connect only where the plan allows it. Read more (every
//! process, project files, the packet filter, other namespaces) only where what was seen so far leaves the question open.
//! What is read is read once. A reading that fails leaves a gap; an inquiry goes on without it.
//!
//! Whoever has a machine asks [`Inquiry::next`] and answers with [`Inquiry::tell`], again and again; so has a test that only
//! has a list of facts.

mod around;
mod binding;
mod dialling;
mod step;
mod watching;

use std::{
    collections::{BTreeSet, VecDeque},
    net::SocketAddr,
};

use portward_model::{Ended, Examination, Exchange, Gap, Lack, Said, Sentence, Snapshot, Topic, Transport};

use super::{Asked, Asking, Case, Diagnosis, Plan, PlannedDial, Question, Standing, diagnose, plan};
use crate::{BindAnswer, BindQuestion, Family, Paste, Symptom, case::request, doctor::verdict::is_certain};

use dialling::Dialling;
pub use dialling::{Call, has_enough};
pub use step::{Called, Fact, Sampled, Step, Unread, Wanted, Wide};
use watching::Watching;

/// How far an inquiry may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Make the connections that the plan allows.
    pub probe: bool,
    /// Watch for up to four seconds where something seems to be starting or crashing.
    pub watch: bool,
    /// Make those as well that may use up or disturb what listens: a person said so.
    pub on_demand: bool,
}

/// One question, everything that was read to answer it, and what is still to be read.
pub struct Inquiry {
    asked: Asked,
    paste: Option<Paste>,
    question: BindQuestion,
    bound: Vec<SocketAddr>,
    zone: Option<String>,
    depth: Depth,
    snapshot: Snapshot,
    exam: Examination,
    bind: Option<BindAnswer>,
    notes: Vec<Sentence>,
    agenda: VecDeque<Task>,
    pending: Option<Task>,
    /// The widest look so far.
    seen: Wide,
    /// The processes that were asked about.
    asked_about: BTreeSet<u32>,
    watching: Watching,
    refusals: binding::Refusals,
}

/// What is to be done next.
#[derive(Clone, Debug)]
enum Task {
    /// Ask for this.
    Read(Wanted),
    /// Make this connection.
    Dial(Dialling),
    /// Wait a moment for a change.
    Pause,
    /// Go the way that the first facts show.
    Begin,
    /// Make a plan of the connections.
    Plan,
    /// Ask what the last answer calls for, at most so many times more.
    FollowUp { left: u8 },
    /// Look wider where the connections leave the question open.
    Widen,
    /// The processes whose health matters now.
    Vitals { over_ms: u64 },
    /// Every process, where an owner is hidden that arguments may tell.
    Owners,
    /// The scripts of who may serve one client and end.
    Errands,
    /// Processes that may have been told the port.
    Told,
    /// The projects of every process.
    Projects,
    /// The files that may name the port.
    Mentions,
    /// Watch where something may be starting.
    Watch,
    /// Go on watching, or not.
    Watched,
    /// Look at what serves and fails, and at the packet filter.
    Closer { fails: bool, served: bool },
    /// The packet filter, where it may be in the way.
    Filter { fails: bool, served: bool },
    /// Look at every port where only connections have this one.
    FarEnds,
    /// Try the bind.
    Tries,
    /// Judge what was reasoned and tried.
    Judge,
}

impl Inquiry {
    /// Begins an inquiry; `exam` holds what is known beforehand: the proxies of the caller's environment, and what the caller's
    /// own client did where it was observed.
    pub fn new(question: Question, depth: Depth, exam: Examination) -> Self {
        let Question { asked, paste, bind, bound, zone, notes } = question;
        let mut agenda = VecDeque::from([Task::Read(Wanted::Look(Wide::default())), Task::Read(Wanted::Topic(Topic::Network))]);
        if asked.name.is_some() {
            agenda.push_back(Task::Read(Wanted::Topic(Topic::Hosts)));
        }
        agenda.push_back(Task::Begin);
        Self {
            asked,
            paste,
            question: bind,
            bound,
            zone,
            depth,
            snapshot: Snapshot::unread(),
            exam,
            bind: None,
            notes,
            agenda,
            pending: None,
            seen: Wide::default(),
            asked_about: BTreeSet::new(),
            watching: Watching::default(),
            refusals: binding::Refusals::default(),
        }
    }

    /// What was asked.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// What a program printed.
    pub fn paste(&self) -> Option<&Paste> {
        self.paste.as_ref()
    }

    /// The machine, as far as it was read.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// How the endpoint behaves, as far as it was read.
    pub fn exam(&self) -> &Examination {
        &self.exam
    }

    /// How the question was understood and what was done, where that needs words.
    pub fn notes(&self) -> &[Sentence] {
        &self.notes
    }

    /// The connections that would be made now, and those that would not.
    pub fn plan(&self) -> Plan {
        plan(&self.case(), self.depth.on_demand)
    }

    /// The facts as a diagnosis wants them.
    pub fn case(&self) -> Case<'_> {
        Case {
            snapshot: &self.snapshot,
            exam: &self.exam,
            asked: &self.asked,
            paste: self.paste.as_ref(),
            bind: self.bind.as_ref(),
        }
    }

    /// What is to be done next. After anything but [`Step::Done`] the answer is due, by [`Inquiry::tell`].
    #[expect(clippy::should_implement_trait, reason = "an inquiry is no iterator: each step but the last waits for its answer")]
    pub fn next(&mut self) -> Step {
        loop {
            let Some(mut task) = self.agenda.pop_front() else { return Step::Done(Box::new(diagnose(&self.case()))) };
            let step = match &mut task {
                Task::Read(wanted) => Step::Read(wanted.clone()),
                Task::Dial(dialling) => Step::Dial(self.call(dialling)),
                Task::Pause => Step::Watch { at_most_ms: watching::PAUSE_MS, progress: self.progress() },
                _ => {
                    self.decide(&task);
                    continue;
                }
            };
            self.pending = Some(task);
            return step;
        }
    }

    /// Tells what came back. An answer to something that was not asked for is passed over.
    pub fn tell(&mut self, came: Result<Fact, Unread>) {
        match (self.pending.take(), came) {
            (Some(Task::Read(wanted)), Ok(fact)) => self.learn(wanted, fact),
            (Some(Task::Read(wanted)), Err(unread)) => self.miss(&wanted, &unread),
            (Some(Task::Dial(dialling)), Ok(Fact::Called(called))) => self.called(dialling, *called),
            (Some(Task::Dial(_)), Err(unread)) => self.lack(Lack::Connection, &unread),
            (Some(Task::Pause), Ok(_)) => self.first([Task::Read(Wanted::Sample)]),
            // Where nobody can wait, nothing is watched.
            (Some(Task::Pause), Err(unread)) => self.lack(Lack::Future, &unread),
            _ => {}
        }
    }

    /// Runs the inquiry on answers that are at hand; for whoever has no machine.
    pub fn run(mut self, mut answer: impl FnMut(&Self, &Step) -> Result<Fact, Unread>) -> (Self, Diagnosis) {
        loop {
            match self.next() {
                Step::Done(diagnosis) => return (self, *diagnosis),
                step => {
                    let came = answer(&self, &step);
                    self.tell(came);
                }
            }
        }
    }

    fn decide(&mut self, task: &Task) {
        match *task {
            Task::Begin => self.begin(),
            Task::Plan => self.dials(),
            Task::FollowUp { left } => self.follow_up(left),
            Task::Widen => self.widen(),
            Task::Vitals { over_ms } => self.ask_how_they_fare(over_ms),
            Task::Owners => self.ask_for_hidden_owners(),
            Task::Errands => self.ask_for_errands(),
            Task::Told => self.ask_who_was_told(),
            Task::Projects => self.ask_for_projects(),
            Task::Mentions => self.ask_for_mentions(),
            Task::Watch => self.begin_to_watch(),
            Task::Watched => self.go_on_watching(),
            Task::Closer { fails, served } => {
                if served && self.needs_a_closer_look() {
                    self.closer();
                }
                self.agenda.push_back(Task::Filter { fails, served });
            }
            Task::Filter { fails, served } => {
                if matches!(self.case().standing(), Standing::Silent(_) | Standing::Failed(..)) || (fails && served) {
                    self.first([Task::Read(Wanted::Topic(Topic::Firewall))]);
                }
            }
            Task::FarEnds => self.far_ends(),
            Task::Tries => self.tries(),
            Task::Judge => self.judge(),
            Task::Read(_) | Task::Dial(_) | Task::Pause => {}
        }
    }

    fn begin(&mut self) {
        let (pids, files) = self.paste.as_ref().map(|paste| (paste.pids.clone(), paste.files.clone())).unwrap_or_default();
        let named = files.into_iter().filter(|file| file.raw().starts_with(b"/")).map(|file| Task::Read(Wanted::Path(file)));
        self.agenda.extend(named);
        self.agenda.extend((!pids.is_empty()).then_some(Task::Read(Wanted::Named(pids))));
        // Whose rights were wanting is told by the program that was refused, and by the user it runs as.
        let refused =
            self.paste.as_ref().is_some_and(|paste| matches!(paste.symptom, Symptom::PermissionDenied | Symptom::NotPermitted));
        self.agenda.extend(refused.then_some(Task::Read(Wanted::EveryProcess)));
        if self.asked.is_nowhere() {
            return;
        }
        if self.case().is_blind() {
            self.exam.declined = self.plan().declined;
            return;
        }
        let file = self.asked.path.clone().filter(|path| !path.raw().starts_with(b"@"));
        self.agenda.extend(file.map(|path| Task::Read(Wanted::Path(path))));
        self.agenda.push_back(Task::Vitals { over_ms: 0 });
        match self.asked.asking {
            Asking::Connect => {
                let routes = self.asked.addresses.iter().take(4).map(|address| Task::Read(Wanted::Route(*address)));
                self.agenda.extend(routes);
                self.agenda.extend([Task::Owners, Task::Errands, Task::Plan, Task::Widen]);
            }
            Asking::Listen => {
                self.agenda.extend([Task::FarEnds, Task::Read(Wanted::Moved), Task::Tries, Task::Judge]);
            }
        }
    }

    fn dials(&mut self) {
        let mut planned = self.plan();
        if let Some(method) = request::unrepeated(&self.case()).filter(|_| !planned.dials.is_empty()) {
            let note =
                format!("the text's {method} was not repeated, since it may change something; HEAD was asked in its place");
            self.notes.push(note.into());
        }
        self.exam.declined = planned.declined;
        if !self.depth.probe {
            return;
        }
        // What is certain before anything was asked needs no long wait to be shown.
        if is_certain(&self.case(), Family::Hangs) {
            for speech in planned.dials.iter_mut().filter_map(|dial| dial.speech.as_mut()) {
                speech.patience_ms = speech.patience_ms.min(DECIDED_MS);
            }
        }
        let dials: Vec<Task> = planned.dials.into_iter().map(|dial| Task::Dial(Dialling::of(dial))).collect();
        self.first(dials.into_iter().chain([Task::FollowUp { left: MOST_FOLLOW_UPS }]));
    }

    /// Each answer may call for one more question. Where the server has gone meanwhile, there is nobody to ask further.
    fn follow_up(&mut self, left: u8) {
        let gone = left < MOST_FOLLOW_UPS
            && self.exam.attempts.last().is_some_and(|attempt| attempt.met != portward_model::Met::Connected);
        if left == 0 || gone {
            return;
        }
        if let Some(next) = super::follow_up(&self.case()) {
            self.first([Task::Dial(Dialling::of(next)), Task::FollowUp { left: left - 1 }]);
        }
    }

    fn widen(&mut self) {
        let (fails, served) = {
            let case = self.case();
            (case.fails_to_connect(), !case.served().is_empty())
        };
        if (fails && !served) || self.may_be_dying() {
            let wide = Wide { every_port: true, every_namespace: true, every_transport: true };
            self.agenda.push_back(Task::Read(Wanted::Look(wide)));
            self.agenda.extend(self.everybody_once());
            self.agenda.extend([Task::Told, Task::Read(Wanted::Moved), Task::Mentions, Task::Vitals { over_ms: 0 }]);
            self.agenda.extend((self.depth.watch && self.depth.probe).then_some(Task::Watch));
        }
        if self.may_fail_behind() {
            let wide = Wide { every_port: true, ..Wide::default() };
            self.agenda.extend((!self.seen.covers(wide)).then_some(Task::Read(Wanted::Look(wide))));
            self.agenda.push_back(Task::Mentions);
        }
        self.agenda.push_back(Task::Closer { fails, served });
    }

    /// True when an answer may be that of a server which asked another one in vain: its project's files may tell which.
    fn may_fail_behind(&self) -> bool {
        let told = self.exam.attempts.iter().filter_map(|attempt| attempt.exchange.as_ref());
        let failed = |told: &Exchange| {
            let upgrade = told.said == Said::Upgrade && told.heard.raw().is_empty() && told.ended != Ended::Silence;
            upgrade || matches!(told.heard.raw().get(9..12), Some(b"500" | b"502" | b"503" | b"504"))
        };
        told.filter(|told| told.ended != Ended::Silence).any(failed) && self.exam.mentions.is_empty()
    }

    /// True when a listener is there and something about it is not as it should be.
    fn needs_a_closer_look(&self) -> bool {
        let case = self.case();
        let waiting = case.served().iter().any(|(_, socket)| socket.queue.used > 0);
        let silent = self.exam.attempts.iter().any(|attempt| {
            attempt.exchange.as_ref().is_some_and(|exchange| exchange.heard.raw().is_empty())
                || attempt.queue.is_some_and(|(before, after)| after.used > before.used)
        });
        waiting || silent || matches!(case.standing(), Standing::Silent(_))
    }

    /// What holders are busy with, and their other connections.
    fn closer(&mut self) {
        // Who closes without a word may be a proxy whose service lives in another namespace.
        let left =
            |exchange: &Exchange| exchange.heard.raw().is_empty() && matches!(exchange.ended, Ended::Closed | Ended::Reset);
        let every_namespace = self.exam.attempts.iter().filter_map(|attempt| attempt.exchange.as_ref()).any(left);
        let wide = Wide { every_port: true, every_namespace, every_transport: false };
        let look = (!self.seen.covers(wide)).then_some(Task::Read(Wanted::Look(wide)));
        let over_ms = if self.depth.probe { BUSY_MS } else { 0 };
        self.first(look.into_iter().chain([Task::Vitals { over_ms }]));
    }

    /// True when a server that has only just started left a connection without an answer, or was refused to the client whose
    /// words were pasted: it may be one that starts and ends again and again.
    fn may_be_dying(&self) -> bool {
        let case = self.case();
        let now = self.snapshot.host.now;
        let young = case.serving_processes().iter().any(|(process, _)| process.started_at.seconds_until(now) < NEW_S);
        let mut cut = self.exam.attempts.iter().filter_map(|attempt| attempt.exchange.as_ref());
        let cut = cut.next_back().is_some_and(|exchange| exchange.heard.raw().is_empty() && exchange.ended != Ended::Silence);
        young && (cut || case.symptom() == Some(Symptom::Refused))
    }

    /// Looks at every port where only connections have this one: whether they lead to a listener of this machine tells the
    /// client's end from the server's.
    fn far_ends(&mut self) {
        let case = self.case();
        let alone = case.listeners().next().is_none() && case.here().any(|(_, socket)| socket.remote().is_some());
        if alone && self.asked.transport == Transport::Tcp {
            let wide = Wide { every_port: true, ..Wide::default() };
            self.first([Task::Read(Wanted::Look(wide))]);
        }
    }

    /// Takes a look for what is known from now on.
    fn saw(&mut self, wide: Wide, mut snapshot: Snapshot) {
        let is_first = wide == Wide::default();
        let blind = snapshot.lacks(&Lack::Sockets);
        if blind && !is_first {
            // What was seen before is better than nothing.
            if wide.every_transport {
                let elsewhere = |gap: Gap| Gap { lack: Lack::Elsewhere { lack: Box::new(gap.lack) }, ..gap };
                self.snapshot.gaps.extend(snapshot.gaps.into_iter().map(elsewhere));
            }
            return;
        }
        snapshot.routes = std::mem::take(&mut self.snapshot.routes);
        let before = std::mem::replace(&mut self.snapshot, snapshot);
        // A look holds the holders alone.
        if self.exam.every_process {
            self.everybody(before.processes);
        }
        self.seen = wide;
        self.exam.every_port |= wide.every_port;
    }

    /// Puts tasks before all others, in their order.
    fn first(&mut self, tasks: impl IntoIterator<Item = Task, IntoIter: DoubleEndedIterator>) {
        for task in tasks.into_iter().rev() {
            self.agenda.push_front(task);
        }
    }

    fn lack(&mut self, lack: Lack, unread: &Unread) {
        self.snapshot.gaps.push(Gap { lack, need: unread.need.clone(), error: Some(unread.why.to_string()) });
    }
}

#[cfg(test)]
mod tests;

/// A server that is younger, in seconds, may have ended and been started again just now.
const NEW_S: u64 = 10;
/// How long an answer may take that what was seen already makes impossible, in milliseconds.
const DECIDED_MS: u64 = 400;
/// Over how long it is compared what a server is busy with, in milliseconds.
const BUSY_MS: u64 = 120;
/// Questions after the first ones: most servers answer the first or second; one that leaves every language is asked in all.
const MOST_FOLLOW_UPS: u8 = 12;
