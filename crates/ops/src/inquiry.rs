//! One inquiry: reading everything that a diagnosis needs, in the order that is quickest and does no harm.
//!
//! Look first: the sockets of the port, their holders, how those fare. Connect only where the plan of
//! `portward_checks::doctor` allows it. Read more (every process, project files, the packet filter, other namespaces) only where
//! what was seen so far leaves the question open. A reading that fails leaves a gap; an inquiry goes on without it.

mod probes;
mod question;
mod surroundings;
mod watched;

use std::time::Duration;

use portward_checks::{
    BindAnswer, Paste, Symptom, Verdict as Bindable,
    doctor::{Asked, Asking, Case, Standing, diagnose, plan, suspects},
};
use portward_model::{BindTry, Ended, Examination, Exchange, Gap, Likelihood, Transport};
use portward_sys::{self as sys, Which};

use crate::{Cx, Look, View, op::explain::bind, target::Target};

pub(crate) use question::{Question, Words, understand};

/// How far an inquiry may go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    /// Make the connections that the plan allows.
    pub(crate) probe: bool,
    /// Watch for up to four seconds where something seems to be starting or crashing.
    pub(crate) watch: bool,
}

/// Everything that was read to answer one question.
pub(crate) struct Inquiry {
    pub(crate) asked: Asked,
    pub(crate) paste: Option<Paste>,
    pub(crate) view: View,
    pub(crate) exam: Examination,
    pub(crate) bind: Option<BindAnswer>,
    /// What the reader should know of how the question was understood.
    pub(crate) notes: Vec<String>,
    target: Target,
}

impl Inquiry {
    /// The facts as a diagnosis wants them.
    pub(crate) fn case(&self) -> Case<'_> {
        Case {
            snapshot: &self.view.snapshot,
            exam: &self.exam,
            asked: &self.asked,
            paste: self.paste.as_ref(),
            bind: self.bind.as_ref(),
        }
    }

    /// Reads what the question needs.
    pub(crate) fn make(cx: &Cx<'_>, question: Question, reach: Reach) -> Self {
        let host = cx.host;
        let Question { asked, paste, target, notes, observed } = question;
        let mut exam = Examination { proxies: host.proxies(), observed, ..Examination::default() };
        let view = Look { all_interfaces: asked.path.is_none(), ..target.look() }.take(host);
        exam.network = host.network().ok();
        if asked.name.is_some() {
            exam.hosts = host.hosts().ok();
        }
        let mut inquiry = Self { asked, paste, view, exam, bind: None, notes, target };
        if inquiry.case().is_blind() {
            inquiry.exam.declined = plan(&inquiry.case()).declined;
            return inquiry;
        }
        inquiry.paths(host);
        inquiry.vitals(host, Duration::ZERO);
        match inquiry.asked.asking {
            Asking::Connect => inquiry.connect(cx, reach),
            Asking::Listen => inquiry.listen(cx, reach),
        }
        inquiry
    }

    fn connect(&mut self, cx: &Cx<'_>, reach: Reach) {
        let host = cx.host;
        self.routes(host);
        if reach.probe {
            probes::run(host, self);
        }
        let (fails, served) = {
            let case = self.case();
            (case.fails_to_connect(), !case.served().is_empty())
        };
        if (fails && !served) || self.may_be_dying() {
            self.surroundings(host);
            if reach.watch && reach.probe && !self.is_explained() {
                watched::starting(cx, self);
            }
        }
        if served && self.needs_a_closer_look() {
            self.closer(host, reach);
        }
        if matches!(self.case().standing(), Standing::Silent(_) | Standing::Failed(..)) || (fails && served) {
            self.exam.firewall = host.firewall().ok();
        }
    }

    fn listen(&mut self, cx: &Cx<'_>, reach: Reach) {
        let host = cx.host;
        let wanted = matches!(self.asked.transport, Transport::Tcp | Transport::Udp) && reach.probe;
        self.far_ends(host);
        let found = bind::answer(host, &self.target, &self.view, wanted);
        if wanted {
            for address in self.target.bound() {
                for reuse in [true, false] {
                    if let Ok(tried) = host.try_bind(self.asked.transport, address, reuse) {
                        // A machine without IPv6 refuses the family, which says nothing of the port.
                        let failed = tried.map(|(number, _)| number).filter(|number| *number != EAFNOSUPPORT);
                        self.exam.tries.push(BindTry { at: address, reuse, failed });
                    }
                }
            }
        }
        // A program that was refused, and one with SO_REUSEADDR would not be: it does not set the option.
        let plain = self.paste.as_ref().is_some_and(|paste| paste.symptom == Symptom::InUse);
        let verdict = match (found.possible, found.because.is_empty()) {
            (Some(true), false) if plain => Bindable::Refused,
            (Some(true), _) => Bindable::Succeeds,
            (Some(false), _) => Bindable::Refused,
            (None, _) => Bindable::Depends,
        };
        let causes = if verdict == Bindable::Succeeds { Vec::new() } else { found.because };
        if verdict == Bindable::Succeeds {
            self.exam.tries.retain(|tried| tried.reuse == (self.asked.transport == Transport::Tcp));
        }
        self.bind = Some(BindAnswer { verdict, causes, rules: Vec::new() });
        if verdict != Bindable::Succeeds || plain {
            self.everybody(host);
        }
    }

    /// Looks at every port where only connections have this one: whether they lead to a listener of this machine tells the
    /// client's end from the server's.
    fn far_ends(&mut self, host: &dyn sys::Look) {
        let case = self.case();
        let alone = case.listeners().next().is_none() && case.here().any(|(_, socket)| socket.remote().is_some());
        if alone && self.asked.transport == Transport::Tcp {
            let whole = Look { ports: None, clients: false, all_interfaces: true, ..self.target.look() }.take(host);
            if !whole.snapshot.gaps.iter().any(|gap| gap.what == "sockets") {
                self.view = whole;
            }
        }
    }

    /// Adds every process and what the files say to a look at one port's own sockets: the twin of the holder, the reader's
    /// own project.
    fn everybody(&mut self, host: &dyn sys::Look) {
        surroundings::processes(host, self);
        surroundings::projects(host, self);
        self.mentions(host);
    }

    /// True when what was seen proves why nobody listens, so that watching would show nothing more.
    fn is_explained(&self) -> bool {
        let diagnosis = diagnose(&self.case());
        let first = diagnosis.causes.first();
        first.is_some_and(|first| {
            first.code == "served-in-session"
                || (first.likelihood == Likelihood::Certain && EXPLAINING.contains(&first.code.as_str()))
        })
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

    /// True when a server that has only just started left a connection without an answer, or was refused to the client whose
    /// words were pasted: it may be one that starts and ends again and again.
    fn may_be_dying(&self) -> bool {
        let case = self.case();
        let now = self.view.snapshot.host.now;
        let young = case.serving_processes().iter().any(|(process, _)| process.started_at.seconds_until(now) < NEW_S);
        let mut cut = self.exam.attempts.iter().filter_map(|attempt| attempt.exchange.as_ref());
        let cut = cut.next_back().is_some_and(|exchange| exchange.heard.raw().is_empty() && exchange.ended != Ended::Silence);
        young && (cut || case.symptom() == Some(Symptom::Refused))
    }

    /// What holders are busy with, and their other connections.
    fn closer(&mut self, host: &dyn sys::Look, reach: Reach) {
        let mut look = Look { ports: None, clients: false, ..self.target.look() };
        // Who closes without a word may be a proxy whose service lives in another namespace.
        let left =
            |exchange: &Exchange| exchange.heard.raw().is_empty() && matches!(exchange.ended, Ended::Closed | Ended::Reset);
        if self.exam.attempts.iter().filter_map(|attempt| attempt.exchange.as_ref()).any(left) {
            look.which = Which::All;
        }
        let mut whole = look.take(host);
        if !whole.snapshot.gaps.iter().any(|gap| gap.what == "sockets") {
            whole.snapshot.routes = std::mem::take(&mut self.view.snapshot.routes);
            self.view = whole;
        }
        let over = if reach.probe { Duration::from_millis(120) } else { Duration::ZERO };
        self.vitals(host, over);
    }

    fn vitals(&mut self, host: &dyn sys::Look, over: Duration) {
        let mut pids = suspects(&self.case());
        let own = self.view.snapshot.host.pid;
        if !pids.contains(&own) {
            pids.push(own);
        }
        match host.vitals(&pids, over) {
            Ok(vitals) => self.exam.vitals = vitals,
            Err(error) => self.view.gap("how processes fare", "whether they are stopped or stuck is not known", &error),
        }
    }

    fn routes(&mut self, host: &dyn sys::Look) {
        for address in self.asked.addresses.iter().take(4) {
            if let Ok(route) = host.route(*address, 0) {
                self.view.snapshot.routes.push((*address, route));
            }
        }
    }

    fn paths(&mut self, host: &dyn sys::Look) {
        let Some(path) = self.asked.path.clone().filter(|path| !path.raw().starts_with(b"@")) else { return };
        match host.path(&path) {
            Ok(facts) => self.exam.paths.push(facts),
            Err(error) => self.view.gap("the socket's file", "whether it exists and may be used is not known", &error),
        }
    }

    /// Looks again at every namespace, every process and the project's files: for a port on which nobody listens.
    fn surroundings(&mut self, host: &dyn sys::Look) {
        let look = Look { ports: None, which: Which::All, clients: false, all_interfaces: true, ..self.target.look() };
        let mut look = look;
        look.transports = portward_sys::Transports::ALL;
        let mut wide = look.take(host);
        if wide.snapshot.gaps.iter().any(|gap| gap.what == "sockets") {
            // What was seen before is better than nothing.
            self.view.snapshot.gaps.extend(wide.snapshot.gaps.into_iter().map(|gap| Gap { what: ELSEWHERE.to_owned(), ..gap }));
        } else {
            wide.snapshot.routes = std::mem::take(&mut self.view.snapshot.routes);
            self.view = wide;
        }
        surroundings::processes(host, self);
        surroundings::told(host, self);
        surroundings::moved(host, self);
        self.mentions(host);
        self.vitals(host, Duration::ZERO);
    }

    fn mentions(&mut self, host: &dyn sys::Look) {
        surroundings::mentions(host, self);
    }
}

/// What a second look at sockets would have shown.
const ELSEWHERE: &str = "sockets of other namespaces and transports";

/// A server that is younger, in seconds, may have ended and been started again just now.
const NEW_S: u64 = 10;
/// Causes of a listener's absence that time does not change.
const EXPLAINING: &[&str] =
    &["one-shot-server", "jdwp-busy", "waiting-for-debugger", "proc-stopped", "proc-traced-stop", "proc-frozen"];
/// `EAFNOSUPPORT`, errno(3).
const EAFNOSUPPORT: i32 = 97;
