//! What a thread waits for, by the kernel function that it sleeps in (`proc_pid_wchan(5)`).
//!
//! The names are those of Linux 5.10 to 6.18. A thread whose wait is hidden or new to us is unknown, never idle.

use portward_model::Thread;

portward_model::worded! {
    /// What a thread is doing.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub(crate) enum Wait {
        /// It runs, or could if there were a processor for it.
        Running = "is on a processor",
        Disk = "waits for a disk and cannot be interrupted",
        Connecting = "waits for a connection of its own to be made",
        FileLock = "waits for a lock on a file",
        Child = "waits for a child to end",
        Writing = "writes to somebody who does not read",
        Pipe = "reads from a pipe",
        Sleeping = "sleeps for a time",
        /// It reads from a connection or terminal.
        Reading = "reads from one connection",
        Signal = "waits for a signal",
        Lock = "waits for another thread",
        /// It was stopped, traced or frozen.
        Halted = "is halted",
        /// Hidden, or in a function that is not known here.
        Unknown = "waits",
        /// It waits for any of many descriptors: an event loop with nothing to do.
        Polling = "waits for events",
        Accepting = "waits for a connection",
    }
    /// As the verb of a sentence about a thread.
    fn words
}

impl Wait {
    /// True where a new connection wakes the thread.
    pub(crate) fn is_ready(self) -> bool {
        matches!(self, Self::Accepting | Self::Polling)
    }
}

/// What a thread is doing.
pub(crate) fn wait_of(thread: &Thread) -> Wait {
    match thread.state {
        'R' => return Wait::Running,
        'T' | 't' => return Wait::Halted,
        _ => {}
    }
    let full = thread.waits_in.known().map(portward_model::Text::shown).unwrap_or_default();
    // Copies that the compiler made carry a suffix: `poll_schedule_timeout.constprop.0`.
    let name = full.split('.').next().unwrap_or_default();
    let call = thread.syscall.known().copied();
    let known = FUNCTIONS.iter().find(|(function, _)| *function == name).map(|(_, wait)| *wait);
    match known {
        // One function for every wait of a stream socket, so the call tells which; numbers of x86-64 and of arm64.
        Some(Wait::Reading) if matches!(call, Some(42 | 203)) => Wait::Connecting,
        Some(Wait::Reading) if matches!(call, Some(1 | 20 | 44 | 46 | 64 | 66 | 206 | 211)) => Wait::Writing,
        Some(Wait::Reading) if matches!(call, Some(43 | 202 | 242 | 288)) => Wait::Accepting,
        Some(wait) => wait,
        None if thread.state == 'D' => Wait::Disk,
        None if name.starts_with("futex_") => Wait::Lock,
        None if name.contains("epoll") || name.starts_with("io_cqring") => Wait::Polling,
        None if name.ends_with("nanosleep") => Wait::Sleeping,
        None => Wait::Unknown,
    }
}

const FUNCTIONS: &[(&str, Wait)] = &[
    ("inet_csk_accept", Wait::Accepting),
    ("inet_csk_wait_for_connect", Wait::Accepting),
    ("unix_accept", Wait::Accepting),
    ("do_epoll_wait", Wait::Polling),
    ("ep_poll", Wait::Polling),
    ("poll_schedule_timeout", Wait::Polling),
    ("do_select", Wait::Polling),
    ("do_poll", Wait::Polling),
    ("do_sys_poll", Wait::Polling),
    ("io_cqring_wait", Wait::Polling),
    ("__skb_wait_for_more_packets", Wait::Reading),
    ("wait_woken", Wait::Reading),
    ("sk_wait_data", Wait::Reading),
    ("unix_stream_read_generic", Wait::Reading),
    ("unix_stream_data_wait", Wait::Reading),
    ("sk_stream_wait_memory", Wait::Writing),
    ("sock_alloc_send_pskb", Wait::Writing),
    ("inet_wait_for_connect", Wait::Connecting),
    ("inet_stream_connect", Wait::Connecting),
    ("__inet_stream_connect", Wait::Connecting),
    ("unix_wait_for_peer", Wait::Connecting),
    ("hrtimer_nanosleep", Wait::Sleeping),
    ("do_nanosleep", Wait::Sleeping),
    ("locks_lock_inode_wait", Wait::FileLock),
    ("flock_lock_inode_wait", Wait::FileLock),
    ("fcntl_setlk", Wait::FileLock),
    ("do_wait", Wait::Child),
    ("do_wait4", Wait::Child),
    ("kernel_wait4", Wait::Child),
    ("pipe_read", Wait::Pipe),
    ("anon_pipe_read", Wait::Pipe),
    ("fifo_pipe_read", Wait::Pipe),
    ("pipe_wait", Wait::Pipe),
    ("pipe_write", Wait::Writing),
    ("anon_pipe_write", Wait::Writing),
    ("fifo_pipe_write", Wait::Writing),
    ("do_sigtimedwait", Wait::Signal),
    ("sigsuspend", Wait::Signal),
    ("__do_sys_pause", Wait::Signal),
    ("sys_pause", Wait::Signal),
    ("do_signal_stop", Wait::Halted),
    ("ptrace_stop", Wait::Halted),
    ("get_signal", Wait::Halted),
    ("do_freezer_trap", Wait::Halted),
    ("__refrigerator", Wait::Halted),
];

#[cfg(test)]
mod tests {
    use portward_model::Seen;

    use super::{Wait, wait_of};
    use crate::case::scene::thread;

    #[test]
    fn kernel_functions_read_as_waits() {
        for (state, function, call, wait) in [
            ('S', "inet_csk_accept", None, Wait::Accepting),
            ('S', "poll_schedule_timeout.constprop.0", Some(7), Wait::Polling),
            ('S', "do_epoll_wait", None, Wait::Polling),
            ('S', "wait_woken", Some(45), Wait::Reading),
            ('S', "wait_woken", Some(42), Wait::Connecting),
            ('S', "wait_woken", Some(44), Wait::Writing),
            ('S', "wait_woken", None, Wait::Reading),
            ('S', "__skb_wait_for_more_packets", Some(288), Wait::Accepting),
            ('S', "futex_wait_queue", Some(202), Wait::Lock),
            ('S', "futex_do_wait", None, Wait::Lock),
            ('S', "do_sigtimedwait.isra.0", None, Wait::Signal),
            ('R', "", None, Wait::Running),
            ('D', "nfs_wait_bit_killable", None, Wait::Disk),
            ('t', "ptrace_stop", None, Wait::Halted),
            ('S', "something_new", None, Wait::Unknown),
        ] {
            let mut thread = thread(1, state, function);
            thread.syscall = call.map_or(Seen::Unsupported, Seen::Known);
            assert_eq!(wait_of(&thread), wait, "{function}");
        }
    }
}
