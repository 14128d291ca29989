//! Time, as those read it who are not to read it themselves: tests own the clock.

use std::{
    thread,
    time::{Duration, Instant, SystemTime},
};

/// Where time comes from.
pub trait Clock: Send + Sync {
    /// Now, for measuring.
    fn now(&self) -> Instant;

    /// Now, as people and files write it.
    fn wall(&self) -> SystemTime;

    /// Lets time pass.
    fn pass(&self, time: Duration);
}

/// The machine's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn pass(&self, time: Duration) {
        thread::sleep(time);
    }
}
