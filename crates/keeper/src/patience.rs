//! How long a supervisor waits for the lease store.

use std::time::{Duration, Instant};

use portward_store::{Store, hurried};
use portward_sys::Clock;

/// How long a supervisor waits for the store: a moment, and not again for a while where that was in vain.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// When it was waited for in vain.
    vain: Option<Instant>,
    /// When it took far longer than it was to be waited for. Locks on the index of its log are waited for by the database itself, for ten
    /// seconds (`walTryBeginRead`), and a disk that does not answer by the kernel.
    slow: Option<Instant>,
}

impl Patience {
    /// Does something with the store; gives true beside its answer where another program keeps it to itself. There is no answer where
    /// the store is better left alone.
    pub(crate) fn hurried<T>(&mut self, clock: &dyn Clock, most: Duration, body: impl FnOnce() -> T) -> (Option<T>, bool) {
        let begun = clock.now();
        let lately = |at: Option<Instant>, time| at.is_some_and(|at| begun.saturating_duration_since(at) < time);
        if lately(self.slow, BETWEEN_SLOW) {
            return (None, true);
        }
        let is_spent = lately(self.vain, BETWEEN_WAITS);
        let (answer, in_vain) = hurried(if is_spent { Duration::ZERO } else { most }, body);
        let ended = clock.now();
        let is_slow = ended.saturating_duration_since(begun) >= SLOW;
        self.slow = is_slow.then_some(ended);
        match (in_vain, is_spent) {
            // Not to wait at all says little.
            (true, false) if !most.is_zero() => self.vain = Some(ended),
            (true, _) => {}
            (false, _) => self.vain = None,
        }
        (Some(answer), in_vain || is_slow)
    }

    /// The same at the start of a session, when no call waits yet: as long as others are seen to write there the store is only busy, as
    /// where two hundred sessions begin at once, and a block that is not written down now could be given to several.
    pub(crate) fn while_busy<'h, T>(
        &mut self,
        (clock, most): (&dyn Clock, Duration),
        store: &mut Store<'h>,
        body: &mut dyn FnMut(&mut Store<'h>) -> T,
    ) -> (Option<T>, bool) {
        let begun = clock.now();
        let stamp = |store: &Store<'h>| hurried(Duration::ZERO, || store.stamp()).0;
        loop {
            let before = stamp(store);
            let (answer, in_vain) = self.hurried(clock, most, || body(store));
            let is_over = clock.now().saturating_duration_since(begun) >= AT_THE_START;
            if !in_vain || is_over || answer.is_none() || stamp(store) == before {
                return (answer, in_vain);
            }
            *self = Self::default();
        }
    }
}

/// From a wait in vain to the next wait.
const BETWEEN_WAITS: Duration = Duration::from_secs(5);
/// How long a store that others write to is waited for at the start.
const AT_THE_START: Duration = Duration::from_secs(10);
/// What takes so long was not waited for in the usual way.
const SLOW: Duration = Duration::from_secs(1);
/// From that to the next try.
const BETWEEN_SLOW: Duration = Duration::from_mins(1);

#[cfg(test)]
pub(crate) mod tests {
    use std::{cell::Cell, time::Duration};

    use portward_sys::{Clock, SystemClock};

    use super::{BETWEEN_SLOW, Patience, SLOW};

    const A_MOMENT: Duration = Duration::from_millis(150);

    /// The machine's clock, set forward by hand.
    #[derive(Default)]
    pub(crate) struct Ahead(std::sync::atomic::AtomicU64);

    impl Ahead {
        pub(crate) fn ahead(&self, time: Duration) {
            self.pass(time);
        }
    }

    impl Clock for Ahead {
        fn now(&self) -> std::time::Instant {
            SystemClock.now() + Duration::from_millis(self.0.load(std::sync::atomic::Ordering::Relaxed))
        }

        fn wall(&self) -> std::time::SystemTime {
            SystemClock.wall()
        }

        fn pass(&self, time: Duration) {
            let millis = u64::try_from(time.as_millis()).unwrap();
            self.0.fetch_add(millis, std::sync::atomic::Ordering::Relaxed);
        }
    }

    #[test]
    fn what_took_far_too_long_is_left_alone_for_a_while() {
        let clock = Ahead::default();
        let mut patience = Patience::default();
        let tried = Cell::new(0);
        let mut turn = |took: Duration| {
            patience.hurried(&clock, A_MOMENT, || {
                tried.set(tried.get() + 1);
                clock.pass(took);
            })
        };
        assert_eq!(turn(Duration::ZERO), (Some(()), false));
        assert_eq!(turn(SLOW * 2), (Some(()), true), "its answer is late, and may be that of nobody");
        assert_eq!(turn(Duration::ZERO), (None, true));
        assert_eq!(tried.get(), 2);
        clock.pass(BETWEEN_SLOW);
        assert_eq!(turn(Duration::ZERO), (Some(()), false));
    }
}
