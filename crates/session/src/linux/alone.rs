//! A supervisor that stands alone: what started it may end, by whatever signal, and the program goes on.
//!
//! It has a session of its own (`setsid(2)`), nobody's terminal, and the variables that it is given. Program and supervisor write
//! straight into a file, so that nothing breaks that somebody else would have to hold open.

use std::{
    ffi::OsString,
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Stdio},
};

use rustix::fd::{AsRawFd, OwnedFd};

use super::{
    channel::{Channel, News},
    front::block_signals,
    post::supervisor,
};
use crate::{Ended, Program, StartError};

/// A supervisor that was started and stands alone.
pub struct Alone {
    channel: Channel,
    child: Child,
    program: String,
}

/// Starts this program with `words` to supervise the program, in this folder. Its variables are the whole of its environment; what it
/// writes goes into `log`, which should be open for appending.
///
/// # Errors
///
/// Where no process could be started. Whether the program itself could is told by [`Alone::follow`].
pub fn stand_alone(program: &Program, order: &str, words: &[OsString], folder: &Path, log: OwnedFd) -> Result<Alone, StartError> {
    let no_process = |error: io::Error| StartError::Session(format!("No process for the supervisor: {error}."));
    let (ours, theirs) = Channel::pair().map_err(no_process)?;
    let front = rustix::process::getpid().as_raw_nonzero().get();
    let mut command = supervisor(order, words, -front, (&theirs, None), &[]);
    // The order is among the variables, and is put there again.
    let order: Vec<_> = command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
    command.env_clear().envs(program.environment.iter().map(|(name, value)| (name, value))).envs(order);
    command.current_dir(folder).stdin(Stdio::null());
    command.stdout(log.try_clone().map_err(no_process)?).stderr(log);
    let channel = theirs.as_raw_fd();
    // SAFETY: between fork and exec the closure makes system calls with numbers and sets of its own, and nothing that allocates.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(move || {
            rustix::process::setsid()?;
            block_signals();
            // What this process holds open is none of the program's business: locks, sockets of others.
            libc::close_range(3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC.cast_signed());
            if libc::fcntl(channel, libc::F_SETFD, 0) < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(())
        });
    }
    let child = command.spawn().map_err(|error| {
        if folder.is_dir() {
            no_process(error)
        } else {
            StartError::Session(format!("Its folder {} is not there.", folder.display()))
        }
    })?;
    Ok(Alone { channel: ours, child, program: program.name.to_string_lossy().into_owned() })
}

impl Alone {
    /// The supervisor's pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the program has ended, and says how. What it started may go on under its supervisor.
    ///
    /// # Errors
    ///
    /// Where it was not started, or its supervisor was killed.
    pub fn follow(&self) -> Result<Ended, StartError> {
        loop {
            match self.channel.receive() {
                Some(News::Ended(ended)) => return Ok(ended),
                Some(News::Failed(failure)) => return Err(failure.error(&self.program)),
                Some(News::Stopped(_) | News::Told(_) | News::Signal(_)) => {}
                None => {
                    let sentence = "Its supervisor was killed; what still runs of it can bind, listen and connect no more.";
                    return Err(StartError::Session(sentence.to_owned()));
                }
            }
        }
    }

    /// Waits until its supervisor has ended, and takes it in.
    pub fn gone(mut self) {
        let _ = self.child.wait();
    }
}

/// The environment of this process, for what runs on its behalf elsewhere.
pub fn environment() -> Vec<(OsString, OsString)> {
    std::env::vars_os().collect()
}
