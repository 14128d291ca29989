//! All services of a project: which starts when, which ends when, and what becomes of each.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::Sender,
    },
    time::{Duration, Instant, UNIX_EPOCH},
};

use portward_model::{Moment, ProcessId, Sentence, Text, plan::Ready};
use portward_sys::{StateFolder, runtime};

use super::{
    Answers, Attached, Job, Keeping, Log, Order,
    follow::{self, Leave},
    phase::Phase,
    process::{Cx, Event, record_of},
    start,
    unit::Unit,
};
use crate::{
    control,
    record::{self, Record},
    runs::is_alive,
};

/// A project's services.
pub(super) struct All {
    pub(super) cx: Cx,
    pub(super) project: i64,
    root: Option<Text>,
    own: ProcessId,
    pub(super) state: StateFolder,
    pub(super) answers: Answers,
    pub(super) tell: Sender<Event>,
    pub(super) units: Vec<Unit>,
    attached: Vec<Attached>,
    orders: u64,
    starts: u32,
    /// Nothing is given time to end by itself.
    pub(super) hurries: Arc<AtomicBool>,
    /// What sessions told when they were asked last.
    news: runtime::News,
    asked_at: Option<Instant>,
    looked_at: Option<Instant>,
    /// Nobody looks any more.
    left: bool,
    /// Since when there has been nothing to do.
    idle: Option<Instant>,
}

impl All {
    pub(super) fn new(
        cx: Cx,
        (project, root): (i64, Option<Text>),
        own: ProcessId,
        (state, answers): (StateFolder, Answers),
        tell: Sender<Event>,
    ) -> Self {
        Self {
            cx,
            project,
            root,
            own,
            state,
            answers,
            tell,
            units: Vec::new(),
            attached: Vec::new(),
            orders: 0,
            starts: 0,
            hurries: Arc::default(),
            news: runtime::News::default(),
            asked_at: None,
            looked_at: None,
            left: false,
            idle: None,
        }
    }

    /// Takes up what a keeper before this one has left behind: sessions say that they are its services.
    pub(super) fn adopt(&mut self) {
        let now = self.cx.now();
        let before = super::client::written(&self.state, self.project);
        for record in self.records(None) {
            let (Some(kept), false) = (&record.kept, record.identity.as_ref().map(|own| &own.project.root) != self.root.as_ref())
            else {
                continue;
            };
            if kept.is_question || self.units.iter().any(|unit| unit.job.name == kept.service) {
                continue;
            }
            let known = before.as_ref().and_then(|before| before.services.iter().find(|other| other.name == kept.service));
            let job = Job::unknown(&kept.service, self.root.clone().unwrap_or_default(), known);
            let mut unit = Unit::new(job, Arc::default(), now);
            self.starts += 1;
            unit.begin(self.starts, now);
            unit.log_from = known.map_or(0, |known| known.log_from);
            unit.searched = unit.log_from;
            unit.supervisor = Some(record.supervisor);
            unit.contained = unit.job.compose.is_some();
            follow::adopted(self.cx, record.supervisor, (unit.job.name.clone(), unit.attempt), self.tell.clone());
            if known.is_some_and(|known| known.state == super::KeptState::Ready) {
                unit.settle(now);
            }
            unit.hear(self.cx.machine, record);
            self.units.push(unit);
        }
    }

    /// What happened.
    pub(super) fn take(&mut self, event: Event) {
        let now = self.cx.now();
        match event {
            Event::Order(order) => self.order(*order, now),
            Event::Down(services) => self.down(&services),
            Event::Leave => self.left = true,
            Event::Ended { name, attempt, how } => {
                if let Some(unit) = self.unit(&name, attempt) {
                    let fine = how == super::unit::How::Ended(portward_session::Ended::Code(0));
                    unit.how = Some(how);
                    if fine && unit.job.ready == Ready::Done && unit.phase == Phase::Starting {
                        unit.phase = Phase::Done;
                    }
                    // What goes on of one that ended well is what it is there for: it became a daemon.
                    unit.sweep_at = (!fine).then(|| now + BEFORE_SWEEPING);
                }
            }
            Event::Gone { name, attempt } => {
                let (cx, hurries, tell) = (self.cx, Arc::clone(&self.hurries), self.tell.clone());
                if let Some(unit) =
                    self.unit(&name, attempt).filter(|unit| unit.supervisor.is_some() && unit.phase != Phase::Stopping)
                {
                    // A supervisor that was killed has left its program behind, with all that this listens at.
                    let main = unit.record.as_ref().and_then(|record| record.services.first()).map(|service| service.process);
                    match main.filter(|main| is_alive(cx.machine, *main)) {
                        Some(main) => {
                            let left = Some(name.clone());
                            follow::stop(cx, Some(main), (left, None), (name, attempt), hurries, tell);
                        }
                        None => unit.cease(now),
                    }
                }
            }
            Event::Looked { name, attempt, seen } => {
                if let Some(unit) = self.unit(&name, attempt).filter(|unit| unit.phase == Phase::Starting) {
                    match seen {
                        None => unit.settle(now),
                        seen => unit.seen = seen,
                    }
                }
            }
            Event::Ceased { name, attempt, left, killed, remains } => {
                let Some(unit) = self.unit(&name, attempt) else { return };
                unit.left = left;
                unit.killed |= killed;
                if unit.phase == Phase::Stopping {
                    (unit.contained, unit.remains) = (unit.contained && (unit.again || remains.is_some()), remains.is_some());
                    unit.hush();
                    (unit.supervisor, unit.record, unit.how) = (None, None, None);
                    (unit.phase, unit.because, unit.ending) = (Phase::Stopped, remains, false);
                    if std::mem::take(&mut unit.again) {
                        unit.want();
                    }
                } else if unit.supervisor.is_some() {
                    unit.cease(now);
                }
            }
        }
    }

    /// The service of a start; none where it was started anew since.
    fn unit(&mut self, name: &str, attempt: u32) -> Option<&mut Unit> {
        self.units.iter_mut().find(|unit| unit.job.name == name && unit.attempt == attempt)
    }

    fn order(&mut self, order: Order, now: Instant) {
        let word = |text: &Text| OsStr::from_bytes(text.raw()).to_owned();
        let common: Arc<Vec<(OsString, OsString)>> =
            Arc::new(order.environment.iter().map(|(name, value)| (word(name), word(value))).collect());
        // Whoever was there before has no say in what is wanted now.
        self.detach();
        self.hurries.store(false, Ordering::Relaxed);
        (self.left, self.idle) = (false, None);
        for job in order.jobs {
            let name = job.name.clone();
            match self.units.iter_mut().find(|unit| unit.job.name == name) {
                Some(unit) => (unit.job, unit.common) = (job, Arc::clone(&common)),
                None => self.units.push(Unit::new(job, Arc::clone(&common), now)),
            }
            let Some(unit) = self.units.iter_mut().find(|unit| unit.job.name == name) else { continue };
            unit.want();
            if order.again.contains(&name) && unit.is_there() {
                (unit.ending, unit.again) = (true, true);
            }
        }
        self.attached.extend(order.attached);
        self.orders += 1;
        self.turn();
    }

    /// Ends the services of those that have ended without a word.
    fn detach(&mut self) {
        let (host, attached) = (self.cx.machine, std::mem::take(&mut self.attached));
        let (left, gone) = attached.into_iter().partition::<Vec<_>, _>(|one| is_alive(host, one.process));
        self.attached = left;
        for one in gone {
            self.left = true;
            self.down(&one.services);
        }
    }

    /// Ends services with all that need them, or every one.
    fn down(&mut self, services: &[String]) {
        let mut names: BTreeSet<String> = services.iter().cloned().collect();
        if names.is_empty() {
            names = self.units.iter().map(|unit| unit.job.name.clone()).collect();
        }
        loop {
            let needs =
                |unit: &&Unit| !names.contains(&unit.job.name) && unit.job.after.iter().any(|after| names.contains(after));
            let more: Vec<String> = self.units.iter().filter(needs).map(|unit| unit.job.name.clone()).collect();
            if more.is_empty() {
                break;
            }
            names.extend(more);
        }
        for unit in self.units.iter_mut().filter(|unit| names.contains(&unit.job.name)) {
            unit.again = false;
            if unit.is_there() {
                unit.ending = true;
            } else {
                unit.hush();
                (unit.phase, unit.because) = (Phase::Stopped, None);
            }
        }
        self.end_next();
    }

    /// Ends those whose turn it is: nothing that needs them is left.
    fn end_next(&mut self) {
        let busy = self.units.iter().filter(|unit| unit.ending && !unit.again && unit.is_there());
        let mut needed: BTreeSet<String> = busy.flat_map(|unit| unit.job.after.iter().cloned()).collect();
        // A step between two that run has ended long ago.
        loop {
            let above = self.units.iter().filter(|unit| needed.contains(&unit.job.name)).flat_map(|unit| &unit.job.after);
            let more: Vec<String> = above.filter(|after| !needed.contains(*after)).cloned().collect();
            if more.is_empty() {
                break;
            }
            needed.extend(more);
        }
        for unit in &mut self.units {
            let is_needed = needed.contains(&unit.job.name);
            if !unit.ending || !unit.is_there() || unit.phase == Phase::Stopping {
                continue;
            }
            if is_needed && !unit.again {
                continue;
            }
            unit.hush();
            unit.phase = Phase::Stopping;
            let start = (unit.job.name.clone(), unit.attempt);
            let leave = unit.job.compose.clone().filter(|_| unit.contained).map(|own| Leave { own, removes: !unit.again });
            follow::stop(self.cx, unit.supervisor, (None, leave), start, Arc::clone(&self.hurries), self.tell.clone());
        }
    }

    /// Looks at everything once.
    pub(super) fn turn(&mut self) {
        let now = self.cx.now();
        self.look(now);
        self.judge(now);
        self.start_next(now);
        self.end_next();
        if self.looked_at.is_none_or(|at| now.saturating_duration_since(at) >= A_WHILE) {
            self.looked_at = Some(now);
            self.detach();
            for unit in self.units.iter().filter(|unit| unit.supervisor.is_some()) {
                Log::of(&self.state, self.project, &unit.job.name).roll();
            }
        }
        let busy = self.units.iter().any(|unit| {
            unit.supervisor.is_some()
                || matches!(unit.phase, Phase::Restarting(_) | Phase::Stopping)
                || (unit.phase == Phase::Waiting && self.held(unit).is_none())
        });
        if busy {
            self.idle = None;
        } else {
            self.idle.get_or_insert(now);
        }
    }

    /// Asks sessions where there is news of one.
    fn look(&mut self, now: Instant) {
        let pids: Vec<ProcessId> = self.units.iter().filter_map(|unit| unit.supervisor).collect();
        if pids.is_empty() {
            return;
        }
        let news = runtime::news(self.cx.caller);
        let is_old = self.asked_at.is_none_or(|at| now.saturating_duration_since(at) >= LONGEST_TRUST);
        if news == self.news && !is_old {
            return;
        }
        (self.news, self.asked_at) = (news, Some(now));
        for record in self.records(Some(&pids)) {
            if let Some(unit) = self.units.iter_mut().find(|unit| unit.supervisor == Some(record.supervisor)) {
                unit.hear(self.cx.machine, record);
            }
        }
    }

    /// What sessions tell, these or all.
    fn records(&self, only: Option<&[ProcessId]>) -> Vec<Record> {
        let heard = runtime::ask(self.cx.caller, only, &control::question(&record::Ask::Run { port: None }), PATIENCE);
        let told = heard.into_iter().filter_map(|heard| {
            let record: Record = control::answer(&heard.said.ok()?).ok()?;
            (record.supervisor == heard.process && heard.pid == heard.process.pid).then_some(record)
        });
        told.collect()
    }

    /// Starts those whose turn it is.
    fn start_next(&mut self, now: Instant) {
        let ready: BTreeSet<String> = self
            .units
            .iter()
            .filter(|unit| matches!(unit.phase, Phase::Ready | Phase::Done))
            .map(|unit| unit.job.name.clone())
            .collect();
        for at in 0..self.units.len() {
            let Some(unit) = self.units.get_mut(at) else { continue };
            let may = match unit.phase {
                Phase::Waiting => unit.job.after.iter().all(|after| ready.contains(after)),
                Phase::Restarting(at) => now >= at,
                _ => false,
            };
            if may {
                self.starts += 1;
                start::begin(self.cx, (&self.state, self.project), unit, self.starts, self.tell.clone());
            }
        }
    }

    /// Why one that waits will not start; `None` where that may come.
    fn held(&self, unit: &Unit) -> Option<Sentence> {
        unit.job.after.iter().find_map(|after| {
            let other = self.units.iter().find(|other| other.job.name == *after);
            let why = match other.map(|other| other.phase) {
                None => "is not there",
                Some(Phase::Failed) => "has failed",
                Some(Phase::Stopped) => "has ended",
                Some(Phase::Starting) if other.is_some_and(|other| other.late) => "is not ready in time",
                Some(Phase::Waiting) if other.is_some_and(|other| self.held(other).is_some()) => "does not start either",
                _ => return None,
            };
            Some(format!("It waits for {}, which {why}.", Text::from(after.as_str())).into())
        })
    }

    /// What is told.
    pub(super) fn keeping(&self) -> Keeping {
        let now = self.cx.now();
        let wall = self.cx.clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
        // In tenths of a second, so that the moment of a start does not move with every look.
        let wall = Moment(i64::try_from(wall.as_millis() / 100 * 100).unwrap_or(i64::MAX));
        let held = |unit: &Unit| if unit.phase == Phase::Waiting { self.held(unit) } else { None };
        let services = self.units.iter().map(|unit| unit.told((now, wall), held(unit))).collect();
        Keeping { keeper: self.own, services, orders: self.orders }
    }

    /// Writes it down, for the keeper after this one.
    pub(super) fn write(&self) {
        if let Ok(bytes) = serde_json::to_vec(&self.keeping()) {
            let _ = self.state.replace(&record_of(self.project), &bytes);
        }
    }

    /// Nothing is left that a keeper after this one could take up.
    pub(super) fn forget(&self) {
        let _ = self.state.remove(&record_of(self.project));
    }

    /// How long nothing is looked at.
    pub(super) fn pace(&self) -> Duration {
        let now = self.cx.now();
        let pace = |unit: &Unit| match unit.phase {
            Phase::Starting => BETWEEN_LOOKS,
            Phase::Restarting(at) => at.saturating_duration_since(now).min(A_WHILE),
            _ => A_WHILE,
        };
        self.units.iter().map(pace).min().unwrap_or(A_WHILE).max(Duration::from_millis(1))
    }

    /// True where this keeper has nothing to do any more.
    pub(super) fn is_over(&self) -> bool {
        let Some(idle) = self.idle else { return false };
        let all_down = self.units.iter().all(|unit| unit.phase == Phase::Stopped);
        let patience = match (all_down, self.left) {
            (true, true) => Duration::ZERO,
            (true, false) => LAST_LOOK,
            (false, _) => LONGEST_IDLE,
        };
        self.cx.now().saturating_duration_since(idle) >= patience
    }
}

/// Between two looks while something starts.
const BETWEEN_LOOKS: Duration = Duration::from_millis(8);
/// Between two looks otherwise.
const A_WHILE: Duration = Duration::from_millis(250);
/// What sessions told is asked anew after this time.
const LONGEST_TRUST: Duration = Duration::from_secs(2);
/// How long sessions have to answer.
const PATIENCE: Duration = Duration::from_millis(300);
/// How long what a program left behind has after it ended badly.
const BEFORE_SWEEPING: Duration = Duration::from_millis(300);
/// How long a keeper stays whose services are down, for whoever asked for that.
const LAST_LOOK: Duration = Duration::from_secs(5);
/// The same of one whose services have ended by themselves.
const LONGEST_IDLE: Duration = Duration::from_mins(10);
