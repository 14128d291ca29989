//! The user's own client, run while its connects are noted.
//!
//! The program starts with a filter that reports each `connect(2)` of it and of everything that it starts
//! (`seccomp_unotify(2)`); the call itself is the program's own and is only looked at. Unseen stay connects by
//! `io_uring`, by calls of another architecture, and by sockets that were connected before. Where the filter cannot be
//! had, for one inside a session that has one already, the program is run all the same.
//!
//! Without `CAP_SYS_ADMIN` a filter takes `no_new_privs`, so that programs which gain rights when they start, such as
//! `sudo`, do not gain them here.

mod connects;
mod keeper;

use std::{
    io::{self, PipeReader, Read, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use portward_model::{Observed, Text};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open},
    termios::{tcgetpgrp, tcsetpgrp},
};

use self::connects::Connects;
use super::{
    surroundings,
    unotify::{Door, Filter, Prologue, Reported, without_background_stop},
};
use crate::SysError;

/// Runs a command to its end, or to the end of its time.
pub(super) fn run(command: &[String], patience: Duration) -> Result<Observed, SysError> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(SysError::Start { program: String::new(), source: io::ErrorKind::InvalidInput.into() });
    };
    let failed = |source: io::Error| SysError::Start { program: Text::from(program.as_str()).shown(), source };
    let end = Instant::now() + patience;
    let (out, out_writer) = io::pipe().map_err(failed)?;
    let (err, err_writer) = io::pipe().map_err(failed)?;
    let door = Door::new().map_err(failed)?;
    let terminal = Terminal::of_stdin();
    let mut builder = Command::new(program);
    builder.args(arguments).stdin(Stdio::inherit()).stdout(out_writer).stderr(err_writer);
    // A group of its own can be ended as a whole.
    builder.process_group(0);
    door.prepare(
        &mut builder,
        &CONNECTS,
        Prologue { takes_terminal: terminal.is_some(), ends_with_parent: true, ..Prologue::default() },
    );
    let child = builder.spawn().map_err(failed)?;
    // The builder holds the writing ends; with it gone, an end of the pipes is an end.
    drop(builder);
    let mut run = Run { child, pipes: [Some(out), Some(err)], printed: Vec::new(), connects: door.open().map(Connects::new) };
    let ended = run.until(end).map_err(failed)?;
    let code = run.finish(ended).map_err(failed)?;
    drop(terminal);
    let watched = run.connects.is_some();
    let connects = run.connects.take().map(Connects::into_noted).unwrap_or_default();
    Ok(Observed { code, connects, printed: Text::new(&run.printed), proxies: surroundings::proxies(), watched })
}

/// The terminal that standard input is, given to the program while it runs, as a shell does.
struct Terminal(Pid);

impl Terminal {
    fn of_stdin() -> Option<Self> {
        let before = tcgetpgrp(rustix::stdio::stdin()).ok()?;
        // One in the background has no terminal to give.
        (before == rustix::process::getpgrp()).then_some(Self(before))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        without_background_stop(|| {
            // It fails where the terminal is gone, and then nobody needs it.
            let _ = tcsetpgrp(rustix::stdio::stdin(), self.0);
        });
    }
}

/// A program that runs, and what was kept of it.
struct Run {
    child: Child,
    pipes: [Option<PipeReader>; 2],
    printed: Vec<u8>,
    connects: Option<Connects>,
}

impl Run {
    /// Serves the program until it ends (true) or the time is over (false).
    fn until(&mut self, end: Instant) -> io::Result<bool> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH)?;
        let ended = pidfd_open(pid, PidfdFlags::empty())?;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let pending = self.connects.as_mut().is_some_and(Connects::look);
            let wait = if pending { left.min(LOOK_AGAIN) } else { left };
            let mut polled = vec![PollFd::new(&ended, PollFlags::IN)];
            let listener = self.connects.as_ref().and_then(Connects::listener);
            polled.extend(listener.map(|listener| PollFd::from_borrowed_fd(listener, PollFlags::IN)));
            let pipes = polled.len();
            polled.extend(self.pipes.iter().flatten().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
            poll_for(&mut polled, wait)?;
            let came: Vec<PollFlags> = polled.iter().map(PollFd::revents).collect();
            let is_over = came.first().is_some_and(|came| !came.is_empty());
            let mut served = came.get(1..pipes).unwrap_or_default().iter();
            if let (Some(came), Some(connects)) = (served.next(), &mut self.connects) {
                connects.serve(*came);
            }
            self.copy(came.get(pipes..).unwrap_or_default());
            if is_over {
                return Ok(true);
            }
            if left.is_zero() {
                return Ok(false);
            }
        }
    }

    /// Passes on what the pipes hold; `came` are the events of the pipes that are open, in order.
    fn copy(&mut self, came: &[PollFlags]) {
        let mut came = came.iter();
        for pipe in &mut self.pipes {
            let Some(reader) = pipe else { continue };
            if came.next().is_none_or(PollFlags::is_empty) {
                continue;
            }
            let mut chunk = [0; 8192];
            let read = reader.read(&mut chunk).unwrap_or(0);
            let chunk = chunk.get(..read).unwrap_or_default();
            if chunk.is_empty() {
                *pipe = None;
                continue;
            }
            // Standard output is for the answer. Where nobody reads the talk, it is kept all the same.
            let _ = io::stderr().write_all(chunk);
            self.printed.extend_from_slice(chunk);
            let excess = self.printed.len().saturating_sub(MOST_PRINTED);
            if excess > MOST_PRINTED {
                self.printed.drain(..excess);
            }
        }
    }

    /// Ends what still runs after its time, takes what is left in the pipes, and gives the exit code.
    fn finish(&mut self, ended: bool) -> io::Result<Option<i32>> {
        if !ended {
            let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH)?;
            for signal in [Signal::TERM, Signal::KILL] {
                // The child has not been waited for, so that its group is still its own. One that ended has no need of it.
                let _ = kill_process_group(group, signal);
                if self.until(Instant::now() + TERMS)? {
                    break;
                }
            }
        }
        // A connect that was made at last is looked at to its end; output may be held open by what was left running.
        let last = Instant::now() + TERMS;
        while self.connects.as_mut().is_some_and(Connects::look) && Instant::now() < last {
            self.serve_for(LOOK_AGAIN)?;
        }
        while self.serve_for(Duration::ZERO)? {}
        let excess = self.printed.len().saturating_sub(MOST_PRINTED);
        self.printed.drain(..excess);
        let status = self.child.wait()?;
        if let Some(listener) = self.connects.as_mut().and_then(Connects::give_up) {
            keeper::keep(&listener);
        }
        Ok(if ended { status.code().or(status.signal().map(|signal| 128 + signal)) } else { None })
    }

    /// Copies and serves what there is within this time; false when there was nothing.
    fn serve_for(&mut self, time: Duration) -> io::Result<bool> {
        let listener = self.connects.as_ref().and_then(Connects::listener);
        let mut polled: Vec<PollFd<'_>> =
            listener.map(|listener| PollFd::from_borrowed_fd(listener, PollFlags::IN)).into_iter().collect();
        let pipes = polled.len();
        polled.extend(self.pipes.iter().flatten().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        let ready = poll_for(&mut polled, time)?;
        let came: Vec<PollFlags> = polled.iter().map(PollFd::revents).collect();
        if let (1, Some(came), Some(connects)) = (pipes, came.first(), &mut self.connects) {
            connects.serve(*came);
        }
        self.copy(came.get(pipes..).unwrap_or_default());
        Ok(ready)
    }
}

fn poll_for(polled: &mut [PollFd<'_>], time: Duration) -> io::Result<bool> {
    match poll(polled, Some(&super::timespec(time))) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Calls of another architecture or with other numbers are let through.
const CONNECTS: Filter = Filter { reported: &[Reported::always(libc::SYS_connect)], absent: &[], covers_other_tables: false };
const MOST_PRINTED: usize = 64 * 1024;
/// How often a connect is looked at that has not ended yet.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// How long a program has to end after it was asked, and a connect after its program ended.
const TERMS: Duration = Duration::from_millis(500);
