//! Whether a thread has left a system call that was let go on.
//!
//! The kernel tells which call a thread waits in (`/proc/TID/syscall`), and nothing of one that runs. A call that does not wait takes
//! some microseconds of processor; who has had far more than that since is beyond it. A thread that gets no processor stays in
//! doubt, and is followed for so long only.

use std::{
    fs,
    time::{Duration, Instant},
};

/// A thread that was let go on with its call.
pub(super) struct Leaving {
    pub(super) tid: u32,
    since: Instant,
    /// Nanoseconds of processor that it had had by then, where the kernel counts them.
    had: Option<u64>,
}

impl Leaving {
    /// One that is let go on now.
    pub(super) fn now(tid: u32) -> Self {
        Self { tid, since: Instant::now(), had: processor_time(tid) }
    }

    /// True once the thread is beyond its call, has ended, or has been followed long enough.
    pub(super) fn has_left(&mut self) -> bool {
        if self.since.elapsed() >= LONGEST {
            return true;
        }
        match fs::read_to_string(format!("/proc/{}/syscall", self.tid)) {
            Ok(call) if call.starts_with("running") => self.is_far_beyond(),
            Ok(call) => call.split(' ').next().is_none_or(|number| !LISTEN.contains(&number)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_there(self.tid) => true,
            // No kernel that tells, or a thread that ends just now.
            Err(_) => self.is_far_beyond() || !is_there(self.tid),
        }
    }

    fn is_far_beyond(&self) -> bool {
        let had = self.had.zip(processor_time(self.tid));
        had.is_some_and(|(then, now)| now.saturating_sub(then) >= FAR_BEYOND)
    }
}

fn is_there(tid: u32) -> bool {
    fs::exists(format!("/proc/{tid}")).unwrap_or(false)
}

/// The first number of `/proc/TID/schedstat`.
fn processor_time(tid: u32) -> Option<u64> {
    fs::read_to_string(format!("/proc/{tid}/schedstat")).ok()?.split(' ').next()?.parse().ok()
}

/// The numbers of `listen(2)` as `/proc/TID/syscall` writes them: its own, and those of 32-bit programs, among which x86 has
/// `socketcall`. None of the others is a call that waits.
const LISTEN: &[&str] = if cfg!(target_arch = "x86_64") { &["50", "363", "102"] } else { &["201", "284"] };
/// In nanoseconds: `listen` takes about one microsecond, and an interrupt in its midst some hundred.
const FAR_BEYOND: u64 = 10_000_000;
/// How long a thread is followed that gets no processor.
const LONGEST: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::Leaving;

    fn tid() -> u32 {
        u32::try_from(rustix::thread::gettid().as_raw_nonzero().get()).unwrap()
    }

    #[test]
    fn who_waits_elsewhere_has_ended_or_has_computed_for_long_has_left() {
        let (tell, told) = channel();
        let (open, gate) = channel::<()>();
        let waits = std::thread::spawn(move || {
            tell.send(tid()).unwrap();
            let _ = gate.recv();
        });
        let mut leaving = Leaving::now(told.recv().unwrap());
        while !leaving.has_left() {
            std::thread::yield_now();
        }
        drop(open);
        let tid_of_ended = leaving.tid;
        waits.join().unwrap();
        assert!(Leaving::now(tid_of_ended).has_left());
        // One that computes without end tells nothing but its time.
        let (tell, told) = channel();
        let (stop, stopped) = channel::<()>();
        let computes = std::thread::spawn(move || {
            tell.send(tid()).unwrap();
            while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                std::hint::spin_loop();
            }
        });
        let mut leaving = Leaving::now(told.recv().unwrap());
        while !leaving.has_left() {
            std::thread::yield_now();
        }
        assert!(leaving.since.elapsed() < super::LONGEST, "it was known, and not given up");
        drop(stop);
        computes.join().unwrap();
    }
}
