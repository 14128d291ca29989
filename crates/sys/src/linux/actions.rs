//! Signals, sent only to the process that was meant.

use std::{
    os::unix::process::CommandExt,
    process::Command,
    time::{Duration, Instant},
};

use portward_model::ProcessId;
use portward_wire::procfs;
use rustix::{
    event::{PollFd, PollFlags, poll},
    fd::OwnedFd,
    io::Errno,
    process::{Pid, PidfdFlags, Signal as KernelSignal, pidfd_open, pidfd_send_signal},
};

use super::kernel;
use crate::{Signal, SysError};

/// A descriptor that stands for this process and no other. The start time is compared *after* the descriptor
/// was opened: from then on the pid cannot come to mean another process.
pub(super) fn hold(process: ProcessId) -> Result<OwnedFd, SysError> {
    let gone = SysError::Replaced { pid: process.pid };
    let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else { return Err(gone) };
    let descriptor = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(descriptor) => descriptor,
        Err(Errno::SRCH | Errno::INVAL) => return Err(gone),
        Err(error) => return Err(SysError::Process { pid: process.pid, operation: "opened", source: error.into() }),
    };
    let started = kernel::read(format!("/proc/{}/stat", process.pid))
        .ok()
        .and_then(|bytes| procfs::stat(&bytes).map(|stat| stat.started_ticks));
    if started == Some(process.started_ticks) { Ok(descriptor) } else { Err(gone) }
}

/// Replaces this program. Descriptors of ours are closed by the kernel in the same moment (`O_CLOEXEC`).
pub(super) fn become_program(command: &[String], variables: &[(&str, String)]) -> SysError {
    let (program, arguments) = command.split_first().map_or(("", &[][..]), |(program, rest)| (program.as_str(), rest));
    let source = Command::new(program).args(arguments).envs(variables.iter().map(|(name, value)| (name, value))).exec();
    SysError::Start { program: program.to_owned(), source }
}

pub(super) fn signal(process: ProcessId, signal: Signal) -> Result<(), SysError> {
    let descriptor = hold(process)?;
    let signal = match signal {
        Signal::Continue => KernelSignal::CONT,
        Signal::Term => KernelSignal::TERM,
        Signal::Kill => KernelSignal::KILL,
        Signal::Interrupt => KernelSignal::INT,
        Signal::HangUp => KernelSignal::HUP,
        Signal::Quit => KernelSignal::QUIT,
    };
    match pidfd_send_signal(&descriptor, signal) {
        Ok(()) => Ok(()),
        Err(Errno::SRCH) => Err(SysError::Replaced { pid: process.pid }),
        Err(error) => Err(SysError::Process { pid: process.pid, operation: "signalled", source: error.into() }),
    }
}

/// Waits on pidfds, which become readable when their process ends.
pub(super) fn wait_for_exit(processes: &[ProcessId], timeout: Duration) -> Result<Vec<ProcessId>, SysError> {
    let end = Instant::now() + timeout;
    let mut alive = Vec::new();
    for process in processes {
        match hold(*process) {
            Ok(descriptor) => alive.push((*process, descriptor)),
            Err(SysError::Replaced { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    while !alive.is_empty() {
        let left = end.saturating_duration_since(Instant::now());
        let mut polled: Vec<PollFd<'_>> = alive.iter().map(|(_, descriptor)| PollFd::new(descriptor, PollFlags::IN)).collect();
        match poll(&mut polled, Some(&super::timespec(left))) {
            Ok(0) => break,
            Ok(_) => {
                let ended: Vec<bool> = polled.iter().map(|entry| !entry.revents().is_empty()).collect();
                let mut ended = ended.into_iter();
                alive.retain(|_| !ended.next().unwrap_or(false));
            }
            Err(Errno::INTR) => {}
            Err(error) => {
                let pid = processes.first().map_or(0, |process| process.pid);
                return Err(SysError::Process { pid, operation: "watched", source: error.into() });
            }
        }
    }
    Ok(alive.into_iter().map(|(process, _)| process).collect())
}
