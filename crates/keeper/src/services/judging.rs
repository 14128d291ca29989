//! What became of services that were started: whether they are ready, and whether they take too long.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use portward_model::{Transport, plan::Ready};
use portward_sys::Cancel;

use super::{Log, Question, all::All, follow, phase::Phase, ready, start::start_of, unit::dialled};
use crate::runs::process_at;

impl All {
    /// What became of those that were started.
    pub(super) fn judge(&mut self, now: Instant) {
        let cx = self.cx;
        for unit in self.units.iter_mut().filter(|unit| unit.supervisor.is_some()) {
            if unit.sweep_at.is_some_and(|at| now >= at)
                && unit.phase != Phase::Stopping
                && let Some(supervisor) = unit.supervisor
            {
                unit.sweep_at = None;
                let start = (unit.job.name.clone(), unit.attempt);
                follow::stop(cx, Some(supervisor), (None, None), start, Arc::clone(&self.hurries), self.tell.clone());
            }
            if matches!(unit.phase, Phase::Starting | Phase::Ready) {
                unit.look_elsewhere(cx.machine, now);
            }
            if unit.phase != Phase::Starting {
                continue;
            }
            let start = (unit.job.name.clone(), unit.attempt);
            let runs = unit.record.as_ref().is_some_and(|record| !record.services.is_empty());
            match &unit.job.ready {
                Ready::Answers | Ready::Path(_) if unit.job.compose.is_some() => {
                    if runs && unit.asking.is_none() {
                        let (cancel, job) = (Cancel::default(), unit.job.clone());
                        unit.asking = Some(cancel.clone());
                        let (answers, tell) = (self.answers, self.tell.clone());
                        follow::apart(move || ready::contained(cx, answers, &job, start, &cancel, &tell));
                    }
                }
                Ready::Answers | Ready::Path(_) => {
                    let is_quiet = unit.job.ports.is_empty() && unit.job.ready == Ready::Answers;
                    if is_quiet && runs && unit.how.is_none() && now.saturating_duration_since(unit.began) >= RUNS {
                        unit.settle(now);
                    } else if let Some(row) = unit.listener().filter(|_| unit.asking.is_none() && !is_quiet) {
                        let spoken = || {
                            let process = process_at(cx.machine, row.pid);
                            portward_checks::spoken(process.as_ref(), row.asked.map(|asked| asked.port()))
                        };
                        let path = match &unit.job.ready {
                            Ready::Path(path) => Some(path.clone()),
                            _ => None,
                        };
                        let named = unit.job.protocol.clone().or_else(|| spoken().map(|(known, _)| known.name.to_owned()));
                        match named.or_else(|| path.is_some().then(|| "http".to_owned())) {
                            Some(protocol) if row.transport == Transport::Tcp => {
                                let question = Question { at: dialled(row.serves), protocol, path };
                                let cancel = Cancel::default();
                                unit.asking = Some(cancel.clone());
                                let (answers, tell) = (self.answers, self.tell.clone());
                                follow::apart(move || ready::ask(cx, answers, &question, start, &cancel, &tell));
                            }
                            // Nothing is known of what is spoken: that it listens is all that can be asked.
                            _ => unit.settle(now),
                        }
                    }
                }
                Ready::Log(text) => {
                    let log = Log::of(&self.state, self.project, &unit.job.name);
                    let (text, mut searched) = (text.clone(), unit.searched);
                    let found = log.holds(&mut searched, &text);
                    unit.searched = searched;
                    if found {
                        unit.settle(now);
                    }
                }
                Ready::Command(line) if unit.asking.is_none() && runs => {
                    let cancel = Cancel::default();
                    let (line, log) = (line.clone(), Log::of_questions(&self.state, self.project, &unit.job.name));
                    let own = start_of(self.cx.caller, &unit.job);
                    let (job, common, tell, attempt) = (unit.job.clone(), unit.common.to_vec(), self.tell.clone(), unit.attempt);
                    unit.asking = Some(cancel.clone());
                    follow::apart(move || ready::run(cx, (job, common), (line, own, log), attempt, &cancel, &tell));
                }
                Ready::Command(_) | Ready::Done => {}
            }
            let patience = Duration::from_millis(unit.job.patience_ms);
            if unit.phase == Phase::Starting && !unit.late && now.saturating_duration_since(unit.began) >= patience {
                unit.late = true;
                let own = unit.job.port().filter(|_| unit.job.compose.is_none());
                let nobody = own.filter(|_| unit.listener().is_none() && unit.asks_its_port());
                let nobody = nobody.map(|port| format!(": nothing of it listens at {}", port.asked)).unwrap_or_default();
                let saw = unit.seen.as_ref().map_or(nobody, |seen| format!(": {}", seen.clause()));
                unit.because = Some(format!("It is not ready after {} s{saw}.", patience.as_secs()).into());
            }
        }
    }
}

/// How long a service without a port runs before that is taken for well.
const RUNS: Duration = Duration::from_millis(400);
