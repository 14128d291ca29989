//! What a supervisor does beside following its program.

use std::time::Duration;

use rustix::fd::BorrowedFd;

use crate::Event;

/// The duty of a supervisor: to answer calls, or to look.
pub(super) trait Duty {
    /// Where calls are reported, if anywhere.
    fn calls(&self) -> Option<BorrowedFd<'_>>;
    /// Answers the next call, if there is one.
    fn serve(&mut self);
    /// True while there is something to tell that calls did not have to wait for.
    fn is_telling(&self) -> bool {
        false
    }
    /// The time until there is more to tell; `None` where nothing waits for it.
    fn tells_in(&self) -> Option<Duration> {
        None
    }
    /// Tells the next of that.
    fn tell_next(&mut self) {}
    /// Does what is to be done now and then; gives the time to the next turn.
    fn look(&mut self) -> Duration;
    /// Tells of something that happened.
    fn tell(&mut self, event: &Event);
    /// Tells everything, and waits until it was heard, for so long at most.
    fn settle(&mut self, _: Duration) {}
}
