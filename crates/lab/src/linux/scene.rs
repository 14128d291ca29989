//! The side of whoever starts a lab.

use std::{
    ffi::OsString,
    io::{self, BufRead, BufReader, IsTerminal, Write},
    os::{fd::AsRawFd, unix::net::UnixStream},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use rustix::io::FdFlags;
use serde::{Deserialize, Serialize};

use super::{DOOR, FAULT, SELF, TWIN, door::Called, kernel};
use crate::{LabError, Tried, error::While};

/// A running lab. It ends when this is dropped, and with the process that holds it, however that ends.
pub struct Scene {
    tried: Tried,
    // Dropped in this order: at the socket's end everything inside ends, and the door with it.
    channel: Option<BufReader<UnixStream>>,
    door: Child,
}

/// What the first process says, a line each.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Word {
    /// The scene stands.
    Ready(Tried),
    /// It could not be built.
    Failed(LabError),
    /// The learner's program has ended with this code.
    Ended(u8),
}

/// What the first process is told once.
#[derive(Serialize, Deserialize)]
pub(super) struct Go {
    /// The program and its arguments; nothing is a shell.
    pub(super) program: Vec<Vec<u8>>,
    /// Where the learner stands.
    pub(super) directory: Option<PathBuf>,
}

impl Scene {
    /// Builds the scene of a lab, or its healthy twin, and tries what a learner would try.
    pub fn build(lab: &str, twin: bool) -> Result<Self, LabError> {
        Self::build_with(lab, twin, false)
    }

    /// The same, for a program that reads and writes pipes: [`Scene::streams`].
    pub(super) fn build_quiet(lab: &str) -> Result<Self, LabError> {
        Self::build_with(lab, false, true)
    }

    fn build_with(lab: &str, twin: bool, quiet: bool) -> Result<Self, LabError> {
        let (own, theirs) = UnixStream::pair().or_say(|| "make a socket".to_owned())?;
        rustix::io::fcntl_setfd(&theirs, FdFlags::empty()).or_say(|| "pass its socket on".to_owned())?;
        let mut door = Command::new(SELF);
        if quiet {
            door.stdin(Stdio::piped()).stdout(Stdio::piped());
        }
        let door = door
            .arg0_portward()
            .args([DOOR, lab, if twin { TWIN } else { FAULT }, &theirs.as_raw_fd().to_string()])
            .spawn()
            .or_say(|| "start this program again".to_owned())?;
        drop(theirs);
        let tried = Tried { sight: crate::Sight::Failed, saw: String::new() };
        let mut scene = Self { tried, channel: Some(BufReader::new(own)), door };
        match scene.next()? {
            Word::Ready(tried) => scene.tried = tried,
            Word::Failed(error) => return Err(error),
            Word::Ended(_) => return Err(LabError::new("the lab ended before it began")),
        }
        Ok(scene)
    }

    /// What the client of the scene met.
    pub fn tried(&self) -> &Tried {
        &self.tried
    }

    /// Runs a program in the scene, or a shell, on this process's own standard streams, and gives its exit code; then
    /// the scene ends. A program that a signal ended counts as 128 and the signal, as in shells.
    pub fn run(mut self, program: &[OsString]) -> Result<u8, LabError> {
        self.start(program)?;
        kernel::leave_keys_to_child();
        let ended = self.next();
        take_terminal_back();
        match ended? {
            Word::Ended(code) => Ok(code),
            Word::Failed(error) => Err(error),
            Word::Ready(_) => Err(LabError::new("the lab began twice")),
        }
    }

    /// Starts a program in the scene and does not wait for it.
    pub(super) fn start(&mut self, program: &[OsString]) -> Result<(), LabError> {
        let program = program.iter().map(|word| word.as_encoded_bytes().to_vec()).collect();
        let go = Go { program, directory: std::env::current_dir().ok() };
        let line = serde_json::to_string(&go).or_say(|| "write down the program".to_owned())?;
        let channel = self.channel.as_mut().map(BufReader::get_mut);
        channel.map_or(Ok(()), |channel| writeln!(channel, "{line}")).or_say(|| "speak to its first process".to_owned())
    }

    /// What the program reads, and what it writes; once, of a scene that was built for it.
    pub(super) fn streams(&mut self) -> Option<(ChildStdin, ChildStdout)> {
        self.door.stdin.take().zip(self.door.stdout.take())
    }

    fn next(&mut self) -> Result<Word, LabError> {
        let mut line = String::new();
        let read = self.channel.as_mut().map_or(Ok(0), |channel| channel.read_line(&mut line));
        if read.or_say(|| "hear its first process".to_owned())? == 0 {
            return Err(LabError::new("the lab's first process ended early"));
        }
        serde_json::from_str(&line).or_say(|| "understand its first process".to_owned())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        drop(self.channel.take());
        // It ends when the first process has; there is nothing to do about one that cannot be waited for.
        let _ = self.door.wait();
    }
}

/// An interactive shell makes itself the terminal's foreground and cannot see who was that before, from its namespace.
fn take_terminal_back() {
    if io::stdin().is_terminal() {
        // Without it the next shell takes the terminal by itself, as it does from every job that has ended.
        let _ = rustix::termios::tcsetpgrp(io::stdin(), rustix::process::getpgrp());
    }
}

/// Standard streams of what runs beside the learner.
pub(super) fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped())
}
