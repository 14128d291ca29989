//! Ports that the kernel found for programs of the session: whoever wants a free port binds port 0, closes the socket and names
//! what it got. Such a port is a find, not one that somebody wrote down, and a lease for each would fill the project's blocks.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// The ports that were found a moment ago. One stays so for a while after it was named, because many servers name it twice, once
/// for each family.
#[derive(Default)]
pub(super) struct Finds(VecDeque<(u16, Instant)>);

impl Finds {
    pub(super) fn add(&mut self, port: u16, now: Instant) {
        self.0.retain(|(known, found)| *known != port && is_fresh(*found, now));
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back((port, now));
    }

    pub(super) fn contains(&self, port: u16, now: Instant) -> bool {
        self.0.iter().any(|(known, found)| *known == port && is_fresh(*found, now))
    }
}

fn is_fresh(found: Instant, now: Instant) -> bool {
    now.saturating_duration_since(found) <= FRESH
}

/// Who found a port names it at once, or starts a program that does.
const FRESH: Duration = Duration::from_secs(10);
/// Clients bind port 0 as well, and very often.
const MOST: usize = 64;

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{FRESH, Finds, MOST};

    #[test]
    fn a_find_is_one_for_a_while_and_among_few() {
        let now = Instant::now();
        let mut finds = Finds::default();
        finds.add(40_000, now);
        assert!(finds.contains(40_000, now) && finds.contains(40_000, now + FRESH) && !finds.contains(40_001, now));
        assert!(!finds.contains(40_000, now + FRESH * 2));
        finds.add(40_000, now + FRESH);
        assert!(finds.contains(40_000, now + FRESH * 2), "found again");
        for port in 1..=64 {
            finds.add(port, now + FRESH);
        }
        assert_eq!(finds.0.len(), MOST);
        assert!(!finds.contains(40_000, now + FRESH));
    }
}
