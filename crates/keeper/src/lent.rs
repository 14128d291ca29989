//! Ports that a session has as long as it lives.
//!
//! A port that a program asks for is lent at first, in a row of the store that names this session, and the project's for good once
//! something has listened there. A program that listens on very many binds at random: what it got and does not serve any more is taken
//! back, and the next are given from blocks that the session is lent, in memory alone. There the port that was given first is given
//! anew once nothing has it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use portward_model::{PortRange, ProcessId};

/// What one session is lent.
pub(crate) struct Lent {
    /// The supervisor.
    pub(crate) holder: ProcessId,
    /// Asked ports whose port is lent to this session in the store, and since when.
    pub(crate) waiting: BTreeMap<u16, Instant>,
    /// Asked ports that are listened on, and not yet written down for good.
    pub(crate) listened: BTreeSet<u16>,
    /// Asked ports that became the project's in this session.
    pub(crate) kept: Vec<u16>,
    /// A program of the session binds at random.
    pub(crate) at_random: bool,
    /// Blocks whose ports are given in memory.
    pub(crate) blocks: Vec<PortRange>,
    /// Every port of theirs has been given.
    pub(crate) is_full: bool,
    /// When there was no port left.
    pub(crate) spent: Option<Instant>,
    given: BTreeMap<u16, u16>,
    /// Asked ports of those, the one that was given first in front.
    order: VecDeque<u16>,
}

impl Lent {
    pub(crate) fn to(holder: ProcessId) -> Self {
        Self {
            holder,
            waiting: BTreeMap::new(),
            listened: BTreeSet::new(),
            kept: Vec::new(),
            at_random: false,
            blocks: Vec::new(),
            is_full: false,
            spent: None,
            given: BTreeMap::new(),
            order: VecDeque::new(),
        }
    }

    /// True where the next port is to be given in memory.
    pub(crate) fn is_spent(&self) -> bool {
        self.at_random || self.waiting.len() >= MOST_LASTING
    }

    /// The port that was given in memory for an asked one.
    pub(crate) fn find(&self, asked: u16) -> Option<u16> {
        self.given.get(&asked).copied()
    }

    /// The ports that were given in memory.
    pub(crate) fn ports(&self) -> impl Iterator<Item = u16> + '_ {
        self.given.values().copied()
    }

    /// Notes that a port was given in memory.
    pub(crate) fn give(&mut self, asked: u16, port: u16) {
        self.given.insert(asked, port);
        self.order.push_back(asked);
    }

    /// Gives the port anew that was given first of those that nothing has. A call waits for this, so that only some are looked at; those
    /// that something has are looked at last the next time.
    pub(crate) fn give_anew(&mut self, asked: u16, is_held: &dyn Fn(u16) -> bool) -> Option<u16> {
        for _ in 0..self.order.len().min(AT_A_TIME) {
            let before = self.order.pop_front()?;
            let Some(port) = self.given.get(&before).copied() else { continue };
            if is_held(port) {
                self.order.push_back(before);
                continue;
            }
            self.given.remove(&before);
            self.give(asked, port);
            return Some(port);
        }
        None
    }

    /// Asked ports that have been lent for so long that whoever asked would serve them by now.
    pub(crate) fn overdue(&self, now: Instant) -> Vec<u16> {
        let is_overdue = |(asked, since): (&u16, &Instant)| {
            (!self.listened.contains(asked) && now.saturating_duration_since(*since) >= TERM).then_some(*asked)
        };
        self.waiting.iter().filter_map(is_overdue).collect()
    }
}

/// Ports of one run that become the project's for good. Who listens on more of them does so at random.
pub(crate) const MOST_LASTING: usize = 48;
/// Of those, the ones that stay the project's where a program binds at random and they are still served.
pub(crate) const MOST_SERVED: usize = 16;
/// Ports that are looked at for one call.
const AT_A_TIME: usize = 32;
/// How long a port is lent that nobody serves.
const TERM: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use portward_model::ProcessId;

    use super::{Lent, TERM};

    #[test]
    fn what_was_given_first_is_given_anew_unless_something_has_it() {
        let mut lent = Lent::to(ProcessId { pid: 7, started_ticks: 70 });
        for asked in 1..=3 {
            lent.give(asked, 20_000 + asked);
        }
        assert_eq!(lent.give_anew(9, &|port| port == 20_001), Some(20_002));
        assert_eq!([lent.find(1), lent.find(2), lent.find(9)], [Some(20_001), None, Some(20_002)]);
        assert_eq!(lent.give_anew(10, &|port| port == 20_001), Some(20_003), "the last one is given last");
        assert_eq!((1..=3).filter_map(|port| lent.give_anew(20 + port, &|_| false)).count(), 3);
        assert_eq!(lent.give_anew(11, &|_| true), None);
        assert_eq!(lent.ports().count(), 3);
    }

    #[test]
    fn what_nobody_serves_is_overdue_after_a_while() {
        let mut lent = Lent::to(ProcessId { pid: 7, started_ticks: 70 });
        let now = Instant::now();
        lent.waiting.extend([(1, now), (2, now), (3, now + TERM)]);
        lent.listened.insert(2);
        assert_eq!((lent.overdue(now), lent.overdue(now + TERM)), (vec![], vec![1]));
    }
}
