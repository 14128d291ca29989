//! How a service stands with its keeper, and what follows when it falls.

use std::time::{Duration, Instant};

/// How a service stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It starts as soon as what it waits for is ready.
    Waiting,
    /// It was started, and is not ready.
    Starting,
    /// It is ready.
    Ready,
    /// It did what it was there for.
    Done,
    /// It is started again at this time.
    Restarting(Instant),
    /// It is not started again.
    Failed,
    /// It is being ended.
    Stopping,
    /// It is down.
    Stopped,
}

/// The falls of a service, which decide when it is started again.
#[derive(Clone, Debug, Default)]
pub(super) struct Falls {
    /// Those of the last minute.
    lately: Vec<Instant>,
    /// Those since it was well.
    row: u32,
    /// It has been ready for a while.
    pub(super) was_ready: bool,
}

impl Falls {
    /// It has fallen, after it was ready for so long if it was: how long it rests before the next start; `None` where it is given up.
    pub(super) fn next(&mut self, now: Instant, ready_for: Option<Duration>) -> Option<Duration> {
        self.was_ready |= ready_for.is_some_and(|time| time >= A_WHILE);
        if ready_for.is_some_and(|time| time >= WELL) {
            self.row = 0;
            self.lately.clear();
        }
        self.lately.retain(|at| now.saturating_duration_since(*at) < WINDOW);
        self.lately.push(now);
        if self.lately.len() >= if self.was_ready { MOST } else { MOST_AT_FIRST } {
            return None;
        }
        let rest = Duration::from_secs(1_u64 << self.row.min(5)).min(LONGEST_REST);
        self.row = self.row.saturating_add(1);
        Some(rest)
    }

    /// How often it has fallen within the last minute.
    pub(super) fn lately(&self) -> usize {
        self.lately.len()
    }
}

/// What counts together.
const WINDOW: Duration = Duration::from_mins(1);
/// So many falls within that, and it is given up.
const MOST: usize = 5;
/// The same of one that was never ready for a while: a mistake in a file is no accident.
const MOST_AT_FIRST: usize = 3;
/// The longest rest before a start.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// Who was ready for so long is no mistake in a file.
const A_WHILE: Duration = Duration::from_secs(5);
/// Who was ready for so long has recovered.
const WELL: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Falls;

    fn seconds(rests: &[Option<Duration>]) -> Vec<Option<u64>> {
        rests.iter().map(|rest| rest.map(|rest| rest.as_secs())).collect()
    }

    #[test]
    fn rests_double_up_to_half_a_minute() {
        let (mut falls, mut now) = (Falls { was_ready: true, ..Falls::default() }, Instant::now());
        let rests: Vec<_> = (0..7)
            .map(|_| {
                now += Duration::from_secs(20);
                falls.next(now, Some(Duration::from_secs(1)))
            })
            .collect();
        assert_eq!(seconds(&rests), [1, 2, 4, 8, 16, 30, 30].map(Some));
    }

    #[test]
    fn it_is_given_up_and_recovers() {
        let now = Instant::now();
        let mut falls = Falls::default();
        assert_eq!(seconds(&[falls.next(now, None), falls.next(now, None), falls.next(now, None)]), [Some(1), Some(2), None]);
        let mut falls = Falls { was_ready: true, ..Falls::default() };
        let rests: Vec<_> = (0..5).map(|_| falls.next(now, Some(Duration::ZERO))).collect();
        assert_eq!(seconds(&rests), [Some(1), Some(2), Some(4), Some(8), None]);
        assert_eq!(falls.next(now, Some(Duration::from_mins(2))), Some(Duration::from_secs(1)), "it was well in between");
        assert_eq!(falls.lately(), 1);
    }
}
