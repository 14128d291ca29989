//! How the supervisor shares the processors with everybody else: who answers calls gets its turn soon.

use std::mem::size_of;

use rustix::process::getpriority_process;

/// Has this thread get its turns soon, and short ones: a call waits for its answer, which takes some microseconds. Its share stays what
/// it is, so that it takes no right. Linux before 6.12 knows no such thing, and goes on as it did.
pub(super) fn answer_soon() {
    // SAFETY: the call takes a number and touches no memory of ours.
    #[allow(unsafe_code)]
    let policy = unsafe { libc::sched_getscheduler(0) };
    // Whoever was started to stay behind others, or before them, does so.
    let Some(own) = getpriority_process(None).ok().filter(|_| policy == libc::SCHED_OTHER) else { return };
    let request = Attributes { size: SIZE, nice: own, slice: TURN_NS, ..Attributes::default() };
    // SAFETY: the kernel reads `size` bytes of a structure of ours and sets what the calling thread is scheduled by.
    #[allow(unsafe_code)]
    let _ = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, std::ptr::from_ref(&request), 0) };
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

#[cfg(test)]
mod tests {
    use rustix::process::getpriority_process;

    use super::answer_soon;

    #[test]
    fn a_thread_keeps_its_share() {
        let share = || getpriority_process(None).unwrap();
        let before = share();
        let after = std::thread::spawn(move || {
            answer_soon();
            share()
        });
        assert_eq!((after.join().unwrap(), share()), (before, before));
    }
}
