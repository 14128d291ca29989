//! How long somebody waits for others that use the store.
//!
//! A command waits for as long as any honest writer may take. A supervisor, with whom a program's call waits, may not: whoever
//! locks the file and is stopped, or never lets go, would stop every program of the user.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use portward_sys::{Clock, SystemClock};

thread_local! {
    /// The patience of what this thread does now, if it has less than usual.
    static HURRY: Cell<Option<Hurry>> = const { Cell::new(None) };
}

#[derive(Clone, Copy)]
struct Hurry {
    most: Duration,
    /// When it ends; known once somebody has to be waited for.
    until: Option<Instant>,
    in_vain: bool,
}

/// Does something with stores on this thread, and waits for others at most so long in all of it. Gives true beside its answer where
/// that was not long enough: the answer is that of a store which another program keeps to itself.
pub fn hurried<T>(most: Duration, body: impl FnOnce() -> T) -> (T, bool) {
    let before = HURRY.replace(Some(Hurry { most, until: None, in_vain: false }));
    let answer = body();
    let in_vain = HURRY.replace(before).is_some_and(|hurry| hurry.in_vain);
    (answer, in_vain)
}

/// What is done when another process is writing: a sleep that no two processes share, and again, [`super::file::PATIENCE`] long, or as
/// long as [`hurried`] allows. Each look reads anew what was written meanwhile, so that a hundred which look every millisecond leave
/// the writer no processor.
pub(super) fn ask_again(count: i32) -> bool {
    let Some(mut hurry) = HURRY.get() else {
        portward_sys::step_aside(count.unsigned_abs());
        return count < 900;
    };
    let now = SystemClock.now();
    let goes_on = now < *hurry.until.get_or_insert(now + hurry.most);
    hurry.in_vain |= !goes_on;
    HURRY.set(Some(hurry));
    if goes_on {
        portward_sys::step_aside(count.unsigned_abs());
    }
    goes_on
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ask_again, hurried};

    #[test]
    fn who_is_in_a_hurry_asks_for_so_long_and_says_so() {
        let asks = |most| hurried(most, || (0..900).take_while(|count| ask_again(*count)).count());
        assert_eq!(asks(Duration::ZERO), (0, true));
        let (times, in_vain) = asks(Duration::from_millis(20));
        assert!((1..=20).contains(&times) && in_vain, "{times}");
        assert_eq!(hurried(Duration::ZERO, || hurried(Duration::from_mins(1), || ask_again(0))), ((true, false), false));
        assert!(ask_again(0) && !ask_again(900), "and everybody else as ever");
    }
}
