//! Waiting for a state of the world, with a deadline and without asserting a speed.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Asks `question` again and again until it has an answer; panics with `what` when none comes.
///
/// The deadline is far beyond what a busy machine needs: it ends a hung test, it measures nothing.
#[track_caller]
pub fn until<T>(what: &str, mut question: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {} s in vain: {what}", DEADLINE.as_secs());
        thread::sleep(PAUSE);
    }
}

/// How long a test waits for anything before it gives up.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);
/// How long a test sleeps between two questions.
pub(crate) const PAUSE: Duration = Duration::from_millis(5);
