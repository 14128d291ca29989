//! One service as its keeper has it.

use std::{
    ffi::{OsStr, OsString},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::ffi::OsStrExt,
    sync::Arc,
    time::{Duration, Instant},
};

use portward_model::{
    Hint, Moment, ProcessId, Sentence, Transport,
    plan::{Ready, Restart},
    unmap,
};
use portward_session::{Ended, Program, StartError};
use portward_sys::{Cancel, Look};

use super::{
    InCompose, InComposePort, Job, Kept, KeptState, Said,
    phase::{Falls, Phase},
    say,
};
use crate::{
    record::Record,
    runs::{RunListener, listening, process_at},
};

/// A service.
pub(super) struct Unit {
    pub(super) job: Job,
    /// The environment of who asked for it.
    pub(super) common: Arc<Vec<(OsString, OsString)>>,
    pub(super) phase: Phase,
    pub(super) falls: Falls,
    /// The number of its start, among all that this keeper knows.
    pub(super) attempt: u32,
    pub(super) attempts: u32,
    /// When it was started.
    pub(super) began: Instant,
    pub(super) ready_at: Option<Instant>,
    pub(super) log_from: u64,
    /// Where its log was searched up to.
    pub(super) searched: u64,
    pub(super) supervisor: Option<ProcessId>,
    pub(super) record: Option<Record>,
    /// Where it serves, as a URL.
    url: Option<String>,
    /// How its program ended, while its supervisor is still there.
    pub(super) how: Option<How>,
    /// When what its program left behind is ended.
    pub(super) sweep_at: Option<Instant>,
    /// Its readiness is being asked.
    pub(super) asking: Option<Cancel>,
    pub(super) because: Option<Sentence>,
    /// It has taken longer than it may.
    pub(super) late: bool,
    /// What its readiness looked like last.
    pub(super) seen: Option<Sentence>,
    pub(super) said: Vec<Said>,
    pub(super) count: u32,
    /// When it began to listen somewhere, of one that does not where it should.
    pub(super) listens_since: Option<Instant>,
    pub(super) told_elsewhere: bool,
    /// When it is looked for a path at which it listens.
    pub(super) paths_at: Option<Instant>,
    pub(super) left: Vec<u32>,
    pub(super) killed: bool,
    pub(super) crashed: u32,
    /// The signal that ended its program last.
    signal: Option<i32>,
    /// It is to end, and whether it is to start again then.
    pub(super) ending: bool,
    pub(super) again: bool,
    /// It may have a container, of which nobody has seen the end.
    pub(super) contained: bool,
    /// That could not be taken away.
    pub(super) remains: bool,
}

/// How a service's program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// As programs end.
    Ended(Ended),
    /// It was not started, and another try would change nothing.
    Impossible(String),
    /// It was not started, or nobody knows how it ended.
    Unknown(String),
}

impl How {
    /// By the error of its start.
    pub(super) fn of(error: &StartError) -> Self {
        let words = say::not_started(error);
        match error {
            StartError::Session(_) => Self::Unknown(words),
            _ => Self::Impossible(words),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Ended(ended) => say::ending(*ended),
            Self::Impossible(words) | Self::Unknown(words) => words.clone(),
        }
    }
}

impl Unit {
    pub(super) fn new(job: Job, common: Arc<Vec<(OsString, OsString)>>, now: Instant) -> Self {
        Self {
            job,
            common,
            phase: Phase::Waiting,
            falls: Falls::default(),
            attempt: 0,
            attempts: 0,
            began: now,
            ready_at: None,
            log_from: 0,
            searched: 0,
            supervisor: None,
            record: None,
            url: None,
            how: None,
            sweep_at: None,
            asking: None,
            because: None,
            late: false,
            seen: None,
            said: Vec::new(),
            count: 0,
            listens_since: None,
            told_elsewhere: false,
            paths_at: None,
            left: Vec::new(),
            killed: false,
            crashed: 0,
            signal: None,
            ending: false,
            again: false,
            contained: false,
            remains: false,
        }
    }

    /// It is to be up from now on.
    pub(super) fn want(&mut self) {
        if self.phase == Phase::Stopping || self.ending {
            self.again = true;
            return;
        }
        if self.supervisor.is_none() {
            *self = Self {
                said: std::mem::take(&mut self.said),
                count: self.count,
                attempt: self.attempt,
                contained: self.contained,
                ..Self::new(self.job.clone(), Arc::clone(&self.common), self.began)
            };
        }
    }

    /// It begins, under this number.
    pub(super) fn begin(&mut self, attempt: u32, now: Instant) {
        self.phase = Phase::Starting;
        (self.contained, self.remains) = (self.job.compose.is_some(), false);
        (self.attempt, self.attempts, self.began) = (attempt, self.attempts.saturating_add(1), now);
        (self.ready_at, self.record, self.how, self.sweep_at) = (None, None, None, None);
        (self.because, self.late, self.seen) = (None, false, None);
        (self.listens_since, self.told_elsewhere, self.killed) = (None, false, false);
        self.paths_at = Some(now + LOOKED);
        self.left.clear();
        self.hush();
    }

    /// What its supervisor tells.
    pub(super) fn hear(&mut self, host: &dyn Look, record: Record) {
        self.record = Some(record);
        self.url = self.listener().and_then(|row| listening(row, process_at(host, row.pid).as_ref()).url);
    }

    /// Nobody asks any more whether it is ready.
    pub(super) fn hush(&mut self) {
        if let Some(asking) = self.asking.take() {
            asking.cancel();
        }
    }

    pub(super) fn say(&mut self, sentence: impl Into<Sentence>, hint: Option<Hint>) {
        self.count = self.count.saturating_add(1);
        self.said.push(Said { number: self.count, sentence: sentence.into(), hint });
        if self.said.len() > MOST_SAID {
            self.said.remove(0);
        }
    }

    /// It is ready.
    pub(super) fn settle(&mut self, now: Instant) {
        self.hush();
        self.phase = Phase::Ready;
        self.ready_at = Some(now);
        (self.because, self.late, self.seen) = (None, false, None);
    }

    /// Its supervisor has ended. One that was to end by its keeper's hand soon is down.
    pub(super) fn cease(&mut self, now: Instant) {
        self.fall(now);
        if std::mem::take(&mut self.ending) {
            (self.phase, self.because) = (Phase::Stopped, None);
            if std::mem::take(&mut self.again) {
                self.want();
            }
        }
    }

    /// Its supervisor has ended, and with it all that it had.
    fn fall(&mut self, now: Instant) {
        let how = self
            .how
            .take()
            .unwrap_or_else(|| How::Unknown("it ended, and how is not known: its keeper was killed before".to_owned()));
        self.hush();
        (self.supervisor, self.record, self.sweep_at) = (None, None, None);
        if self.phase == Phase::Done {
            return;
        }
        let (was_ready, words) = (self.ready_at.is_some(), how.words());
        self.signal = if let How::Ended(Ended::Signal(signal)) = how { Some(signal) } else { None };
        let fine = how == How::Ended(Ended::Code(0));
        if fine && self.job.ready == Ready::Done {
            self.phase = Phase::Done;
            self.because = None;
            return;
        }
        if fine && self.job.restart != Restart::Always && (was_ready || self.job.ports.is_empty()) {
            self.phase = Phase::Stopped;
            self.because = Some(portward_model::capitalised(&format!("{words}.")).into());
            return;
        }
        self.crashed = self.crashed.saturating_add(1);
        let early = if fine && !was_ready { " before it was ready" } else { "" };
        let told = format!("{words}{early}");
        // A program's own name keeps its letters.
        let alone = if matches!(how, How::Impossible(_)) { told.clone() } else { portward_model::capitalised(&told) };
        let gives_up = matches!(how, How::Impossible(_))
            || self.job.restart == Restart::Never
            || (fine && self.job.restart != Restart::Always);
        let rest = if gives_up { None } else { self.falls.next(now, self.ready_at.map(|at| now.saturating_duration_since(at))) };
        match rest {
            Some(rest) => {
                self.phase = Phase::Restarting(now + rest);
                self.because = Some(portward_model::capitalised(&format!("{told}.")).into());
            }
            None if gives_up => {
                self.phase = Phase::Failed;
                self.because = Some(format!("{alone}.").into());
            }
            None => {
                self.phase = Phase::Failed;
                self.because = Some(say::given_up(self.falls.lately(), &told).into());
            }
        }
    }

    /// The listener at the port that its name means; of one that declares none, the first.
    pub(super) fn listener(&self) -> Option<&RunListener> {
        let rows = &self.record.as_ref()?.listeners;
        match self.job.port() {
            Some(port) => rows.iter().find(|row| row.transport == port.transport && asks_for(row, port.asked)),
            None => rows.iter().find(|row| row.transport == Transport::Tcp),
        }
    }

    /// True where its port is what its readiness is asked at.
    pub(super) fn asks_its_port(&self) -> bool {
        matches!(self.job.ready, Ready::Answers | Ready::Path(_))
    }

    /// True where something of it may be there: its supervisor, or a container.
    pub(super) fn is_there(&self) -> bool {
        self.supervisor.is_some() || self.contained
    }

    /// Where a container's port is that its name means.
    fn place_in<'c>(&self, own: &'c InCompose) -> Option<&'c InComposePort> {
        let port = self.job.port()?;
        own.places.iter().find(|place| (place.asked, place.transport) == (port.asked, port.transport))
    }

    /// What is told of it; `held` says that it waits for what does not come.
    pub(super) fn told(&self, (now, wall): (Instant, Moment), held: Option<Sentence>) -> Kept {
        let state = match self.phase {
            Phase::Waiting if held.is_some() => KeptState::Failed,
            Phase::Waiting => KeptState::Waiting,
            Phase::Starting if self.late => KeptState::Failed,
            Phase::Starting => KeptState::Starting,
            Phase::Ready => KeptState::Ready,
            Phase::Done => KeptState::Done,
            Phase::Restarting(_) => KeptState::Restarting,
            Phase::Failed => KeptState::Failed,
            Phase::Stopping => KeptState::Stopping,
            Phase::Stopped => KeptState::Stopped,
        };
        let main = self.record.as_ref().and_then(|record| record.services.first());
        let listener = self.listener();
        let contained = self.job.compose.as_ref().filter(|_| matches!(self.phase, Phase::Ready | Phase::Stopping));
        let place = contained.and_then(|own| self.place_in(own));
        let again_at = match self.phase {
            Phase::Restarting(at) => {
                let rest = i64::try_from(at.saturating_duration_since(now).as_millis()).unwrap_or(i64::MAX);
                Some(Moment(wall.0.saturating_add(rest)))
            }
            _ => None,
        };
        Kept {
            name: self.job.name.clone(),
            state,
            because: held.filter(|_| self.phase == Phase::Waiting).or_else(|| self.because.clone()),
            said: self.said.clone(),
            process: main.map(|service| service.process),
            supervisor: self.supervisor,
            asked: self.job.port().map(|port| port.asked),
            serves: listener.map(|row| dialled(row.serves)).or(place.map(|place| SocketAddr::from(([127, 0, 0, 1], place.at)))),
            url: listener.and(self.url.clone()).or_else(|| place.and(contained).and_then(|own| own.url.clone())),
            after: self.job.after.clone(),
            attempts: self.attempts,
            again_at,
            log_from: self.log_from,
            left: self.left.clone(),
            killed: self.killed,
            crashed: self.crashed,
            compose: self.job.compose.clone(),
            remains: self.remains,
            signal: self.signal,
        }
    }
}

/// True where a listener is what a program got that asked for this port.
pub(super) fn asks_for(row: &RunListener, asked: u16) -> bool {
    row.asked.is_some_and(|own| own.port() == asked)
}

/// Where a client dials a listener.
pub(super) fn dialled(serves: SocketAddr) -> SocketAddr {
    match unmap(serves.ip()) {
        ip if ip.is_unspecified() => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), serves.port()),
        ip => SocketAddr::new(ip, serves.port()),
    }
}

/// A service's program with the whole of its environment; its own variables stand over those of who asked.
pub(super) fn program_of(job: &Job, common: Vec<(OsString, OsString)>) -> Program {
    let word = |text: &portward_model::Text| OsStr::from_bytes(text.raw()).to_owned();
    let mut words = job.words.iter().map(word);
    let mut environment = common;
    environment.extend(job.environment.iter().map(|(name, value)| (name.into(), word(value))));
    Program { name: words.next().unwrap_or_default(), arguments: words.collect(), environment }
}

/// Remarks on a service that are kept.
const MOST_SAID: usize = 20;
/// How long a service has run before it is looked for a path.
const LOOKED: Duration = Duration::from_millis(300);
