//! How the supervisor's threads share the processors with everybody else: who answers calls gets its turn soon, and who tells of them
//! steps back.

use std::mem::size_of;

use rustix::process::{getpriority_process, nice};

/// Has this thread get its turns soon, and short ones: a call waits for its answer, which takes some microseconds. Its share stays what
/// it is, so that it takes no right. Linux before 6.12 knows no such thing, and goes on as it did.
pub(super) fn answer_soon() {
    let Ok(own) = getpriority_process(None) else { return };
    let request = Attributes { size: SIZE, nice: own, slice: TURN_NS, ..Attributes::default() };
    // SAFETY: the kernel reads `size` bytes of a structure of ours and sets what the calling thread is scheduled by.
    #[allow(unsafe_code)]
    let _ = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, std::ptr::from_ref(&request), 0) };
}

/// Has this thread let others go first.
pub(super) fn step_back() {
    let _ = nice(STEP);
}

/// `struct sched_attr` of `linux/sched/types.h`, as far as its first version goes.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    /// `sched_runtime`: of an ordinary thread the length of its turns.
    slice: u64,
    deadline: u64,
    period: u64,
}

#[expect(clippy::cast_possible_truncation, reason = "48 bytes")]
const SIZE: u32 = size_of::<Attributes>() as u32;
/// The shortest turn that the kernel gives.
const TURN_NS: u64 = 100_000;
/// How far a thread steps back that nobody waits for.
const STEP: i32 = 5;

#[cfg(test)]
mod tests {
    use rustix::process::getpriority_process;

    use super::{STEP, answer_soon, step_back};

    #[test]
    fn a_thread_keeps_its_share_or_gives_of_it_and_no_other_does() {
        let share = || getpriority_process(None).unwrap();
        let before = share();
        let after = std::thread::spawn(move || {
            answer_soon();
            let soon = share();
            step_back();
            (soon, share())
        });
        assert_eq!(after.join().unwrap(), (before, (before + STEP).min(19)));
        assert_eq!(share(), before);
    }
}
