//! The front: the process that the user's shell started and waits for.
//!
//! It stands in for the program: signals that reach it alone go on to the program, it stops when the program stops, and it
//! ends as the program ended.

use std::{collections::VecDeque, mem::MaybeUninit};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::{AsRawFd, FromRawFd, OwnedFd},
    io::Errno,
    process::Pid,
    termios::{LocalModes, OutputModes, tcgetattr, tcgetpgrp},
};

use super::channel::{Channel, News};
use crate::{Ended, StartError};

/// Stands in for the program until it has ended, and passes on what is to be said of the run meanwhile.
pub(super) fn stand_in(channel: &Channel, program: &str, said: &mut dyn FnMut(&[u8])) -> Result<Ended, StartError> {
    let signals = Signals::open().map_err(|error| StartError::Session(format!("Signals cannot be read: {error}.")))?;
    let mut held = Held { said, words: VecDeque::new() };
    loop {
        let pace = held.give(is_free);
        let mut polled = [PollFd::new(channel, PollFlags::IN), PollFd::new(&signals.0, PollFlags::IN)];
        match poll(&mut polled, pace.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(StartError::Session(format!("The session cannot be waited for: {error}."))),
        }
        if !polled[1].revents().is_empty() {
            while let Some(signal) = signals.next() {
                if signal.is_for_us_alone() {
                    channel.send(&News::Signal(signal.number));
                }
            }
        }
        if polled[0].revents().is_empty() {
            continue;
        }
        match channel.receive() {
            Some(News::Stopped(signal)) => {
                held.give(is_free);
                stop(signal);
            }
            Some(News::Ended(ended)) => {
                held.give(|| true);
                return Ok(ended);
            }
            Some(News::Failed(failure)) => return Err(failure.error(program)),
            Some(News::Told(words)) => held.take(words),
            Some(News::Signal(_)) => {}
            // Killed, as by the kernel for want of memory. What it guarded stays shut.
            None => {
                held.give(|| true);
                let sentence = "The session's supervisor has ended before its program; what still runs can bind, listen and \
                                connect no more.";
                return Err(StartError::Session(sentence.to_owned()));
            }
        }
    }
}

/// What is to be said, while a program has the terminal to itself: a line would tear what it has drawn.
struct Held<'a> {
    said: &'a mut dyn FnMut(&[u8]),
    words: VecDeque<Vec<u8>>,
}

impl Held<'_> {
    fn take(&mut self, words: Vec<u8>) {
        // So many are never told in one run.
        if self.words.len() < MOST_HELD {
            self.words.push_back(words);
        }
    }

    /// Says what is held where somebody may; gives the time to the next try where something is left.
    fn give(&mut self, may: impl Fn() -> bool) -> Option<Timespec> {
        if !self.words.is_empty() && may() {
            self.words.drain(..).for_each(|words| (self.said)(&words));
        }
        (!self.words.is_empty()).then_some(NEXT_TRY)
    }
}

/// True where a line may be written to standard error: it is no terminal, its terminal is read by lines, or a shell waits there for
/// the next command. A program that reads single keys (`ICANON` off, termios(3)) draws on all of the screen, or may.
fn is_free() -> bool {
    let terminal = rustix::stdio::stderr();
    let Ok(modes) = tcgetattr(terminal) else { return true };
    let breaks_lines = modes.output_modes.contains(OutputModes::OPOST | OutputModes::ONLCR);
    modes.local_modes.contains(LocalModes::ICANON) || (breaks_lines && tcgetpgrp(terminal).is_ok_and(is_shell))
}

/// True for a process that goes by the name of a shell.
fn is_shell(pid: Pid) -> bool {
    let name = std::fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero())).unwrap_or_default();
    SHELLS.contains(&name.trim_end())
}

/// Shells that read commands, by the names of their processes.
const SHELLS: &[&str] =
    &["sh", "bash", "zsh", "fish", "dash", "ash", "ksh", "mksh", "tcsh", "csh", "nu", "elvish", "xonsh", "pwsh"];
/// Until it is looked again whether a terminal is free; a person looks up from a program that long.
const NEXT_TRY: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// What is held.
const MOST_HELD: usize = 2000;

/// Stops as the program did, until somebody continues us.
fn stop(signal: i32) {
    // A shell shows the signal that stopped its job; those of the terminal are blocked here, so it is the one that is not.
    let _ = signal;
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
}

/// Ends this process by a signal, as the program was.
pub fn die_by(signal: i32) -> ! {
    // SAFETY: the calls take numbers and a set of our own; the last one does not return.
    #[allow(unsafe_code)]
    unsafe {
        // The program has written its core; this process has none to show.
        let nothing = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        libc::setrlimit(libc::RLIMIT_CORE, std::ptr::from_ref(&nothing));
        libc::signal(signal, libc::SIG_DFL);
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal);
        libc::kill(libc::getpid(), signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), std::ptr::null_mut());
        libc::_exit(128 + signal)
    }
}

/// Signals of this process, read instead of taken.
pub(super) struct Signals(pub(super) OwnedFd);

/// A signal that arrived.
pub(super) struct Arrived {
    pub(super) number: i32,
    code: i32,
}

impl Signals {
    /// Reads every signal that can be blocked; they must be.
    pub(super) fn open() -> std::io::Result<Self> {
        let all = every_signal();
        // SAFETY: the set is whole and read only; the descriptor is new and ours.
        #[allow(unsafe_code)]
        unsafe {
            let made = libc::signalfd(-1, std::ptr::from_ref(&all), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
            if made < 0 { Err(std::io::Error::last_os_error()) } else { Ok(Self(OwnedFd::from_raw_fd(made))) }
        }
    }

    pub(super) fn next(&self) -> Option<Arrived> {
        let mut found = MaybeUninit::<libc::signalfd_siginfo>::zeroed();
        let size = size_of::<libc::signalfd_siginfo>();
        // SAFETY: the kernel writes one whole structure of numbers, or nothing.
        #[allow(unsafe_code)]
        let (read, found) = unsafe {
            let read = libc::read(self.0.as_raw_fd(), found.as_mut_ptr().cast(), size);
            (read, found.assume_init())
        };
        let number = i32::try_from(found.ssi_signo).ok()?;
        (usize::try_from(read).ok() == Some(size)).then_some(Arrived { number, code: found.ssi_code })
    }
}

impl Arrived {
    /// True for one that somebody sent; what the terminal sends, the program gets as well as we do.
    fn is_for_us_alone(&self) -> bool {
        self.number != libc::SIGCHLD && self.code <= 0
    }
}

/// Every signal.
fn every_signal() -> libc::sigset_t {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the call makes the set whole.
    #[allow(unsafe_code)]
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        all.assume_init()
    }
}

/// The signals of a set, by their numbers.
pub(super) fn numbers_of(set: &libc::sigset_t) -> Vec<i32> {
    // SAFETY: the set is whole and read only.
    #[allow(unsafe_code)]
    let is_member = |number: &i32| unsafe { libc::sigismember(std::ptr::from_ref(set), *number) == 1 };
    (1..=libc::SIGRTMAX()).filter(is_member).collect()
}

/// The set of these signals.
pub(super) fn mask_of(numbers: impl Iterator<Item = i32>) -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: the first call makes the set whole, the others put numbers in it and refuse those that are none.
    #[allow(unsafe_code)]
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for number in numbers {
            libc::sigaddset(set.as_mut_ptr(), number);
        }
        set.assume_init()
    }
}

/// Blocks every signal that can be; gives the mask before.
pub(super) fn block_signals() -> libc::sigset_t {
    let all = every_signal();
    let mut before = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: one set is read, the other is written whole; this thread's mask is what changes.
    #[allow(unsafe_code)]
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, std::ptr::from_ref(&all), before.as_mut_ptr());
        before.assume_init()
    }
}

/// Gives this thread a mask back.
pub(super) fn restore_signals(mask: &libc::sigset_t) {
    // SAFETY: the set is whole and read only; this thread's mask is what changes.
    #[allow(unsafe_code)]
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, std::ptr::from_ref(mask), std::ptr::null_mut());
    }
}
