//! Whether a bind would succeed: reasoned from the kernel's rules, and tried on sockets that never listen.

use std::net::SocketAddr;

use portward_model::{BindTry, Seen, Transport};

use super::{Inquiry, Task, Wanted};
use crate::{
    BindAnswer, BindHost, BindQuestion, Bound, Symptom, Verdict, bind,
    errno::{EACCES, EAFNOSUPPORT},
};

/// Where a bind was tried, whether with `SO_REUSEADDR`, and the error's number and words; `None` for one that succeeded.
type Tried = (SocketAddr, bool, Option<(i32, String)>);

/// What binds met, and what would refuse one of a path.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusals {
    tries: Vec<Tried>,
    pub(super) may_create: Option<Seen<bool>>,
}

impl Inquiry {
    /// Asks what throw-away binds meet, with `SO_REUSEADDR` and without; of a path, whether a file is or could be there.
    pub(super) fn tries(&mut self) {
        let transport = self.asked.transport;
        let path = self.asked.path.clone().filter(|path| !path.raw().starts_with(b"@"));
        let mut wanted: Vec<Wanted> = Vec::new();
        if let Some(path) = path {
            wanted.extend([Wanted::PathExists(path.clone()), Wanted::MayCreate(path)]);
        }
        if self.depth.probe && matches!(transport, Transport::Tcp | Transport::Udp) {
            for at in &self.bound {
                wanted.extend([true, false].map(|reuse| Wanted::Bind { transport, at: *at, reuse }));
            }
        }
        self.first(wanted.into_iter().map(Task::Read).collect::<Vec<_>>());
    }

    pub(super) fn tried(&mut self, at: SocketAddr, reuse: bool, failed: Option<(i32, String)>) {
        // A machine without IPv6 refuses the family, which says nothing of the port.
        let number = failed.as_ref().map(|(number, _)| *number).filter(|number| *number != EAFNOSUPPORT);
        self.exam.tries.push(BindTry { at, reuse, failed: number });
        self.refusals.tries.push((at, reuse, failed));
    }

    pub(super) fn judge(&mut self) {
        let found = self.found();
        // A program that was refused, and one with SO_REUSEADDR would not be: it does not set the option.
        let plain = self.paste.as_ref().is_some_and(|paste| paste.symptom == Symptom::InUse);
        let verdict = match (found.possible, found.because.is_empty()) {
            (Some(true), false) if plain => Verdict::Refused,
            (Some(true), _) => Verdict::Succeeds,
            (Some(false), _) => Verdict::Refused,
            (None, _) => Verdict::Depends,
        };
        let causes = if verdict == Verdict::Succeeds { Vec::new() } else { found.because };
        if verdict == Verdict::Succeeds {
            self.exam.tries.retain(|tried| tried.reuse == (self.asked.transport == Transport::Tcp));
        }
        self.bind = Some(BindAnswer { verdict, causes, rules: Vec::new() });
        // The twin of the holder, the reader's own project.
        if verdict != Verdict::Succeeds || plain {
            self.agenda.extend(self.everybody_once());
            self.agenda.extend([Task::Projects, Task::Mentions]);
        }
    }

    /// What the rules foresee, set right by what was tried; of the addresses of a name, for the first that is refused.
    fn found(&self) -> Bound {
        let first = self.found_at(None);
        let several = self.asked.name.is_some() && self.bound.len() > 1;
        if !several || first.possible != Some(true) || !first.because.is_empty() {
            return first;
        }
        let mut others = self.bound.iter().skip(1).map(|at| self.found_at(Some(*at)));
        others.find(|found| found.possible != Some(true) || !found.because.is_empty()).unwrap_or(first)
    }

    /// The same at one address, by default the question's own.
    fn found_at(&self, at: Option<SocketAddr>) -> Bound {
        let question = at.map_or_else(|| self.question.clone(), |at| BindQuestion::new(self.asked.transport, at.ip(), at.port()));
        let past_privileges = self.question.past_privileges;
        let question = BindQuestion { interface: self.zone_index(), past_privileges, ..question };
        let mut found = Bound::foreseen(bind(&self.snapshot, &question));
        if let BindHost::Path(path) = &question.host {
            if let Some(may_create) = &self.refusals.may_create {
                found.refuse_closed_folder(path, may_create);
            }
            return found;
        }
        let reuses = self.asked.transport == Transport::Tcp;
        let met = |reuse: bool| {
            let first = at.or_else(|| self.bound.first().copied())?;
            let mut tries = self.refusals.tries.iter();
            tries.find(|(at, with, _)| (*at, *with) == (first, reuse)).map(|(_, _, failed)| failed.clone())
        };
        // What the reader lacks, and who asked had, is no answer.
        let own = |tried: &Option<(i32, String)>| past_privileges && tried.as_ref().is_some_and(|(number, _)| *number == EACCES);
        if let Some(tried) = met(reuses).filter(|tried| !own(tried)) {
            let plain = if reuses && tried.is_none() { met(false).flatten() } else { None };
            found.agree(tried, plain);
        }
        found
    }

    /// The interface that the zone of a link-local address names.
    fn zone_index(&self) -> u32 {
        let Some(zone) = &self.zone else { return 0 };
        let named = self.snapshot.interfaces.iter().find(|interface| interface.name.raw() == zone.as_bytes());
        named.map(|interface| interface.index).or_else(|| zone.parse().ok()).unwrap_or(0)
    }
}
