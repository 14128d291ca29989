//! A reader process: this program started once more to look where an answer may never come.
//!
//! A dead server's file system, or one behind a process that was stopped, holds whoever looks into it for ever, and not even
//! SIGKILL ends that. So the look is taken by a process that is given a time, and left alone when that is over.

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    os::unix::process::CommandExt,
    process::{Child, Command, ExitCode, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use portward_model::Text;
use rustix::event::PollFlags;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{projects, sources, standing, wait, whole};
use crate::SysError;

/// What a reader process is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Question {
    /// The projects of the directories that these processes are in.
    Projects(Vec<(u32, Text)>),
    /// The project at a directory, with what makes it the same one again.
    ProjectAt(Text),
    /// What stands at a path.
    Path(Text),
    /// What stands at a path as this process sees it.
    PathBelow(u32, Text),
    /// A file of a project, up to so many bytes.
    File(Text, u64),
    /// The known files of a project.
    Sources(Text),
}

/// Becomes a reader process, if this one was started for that.
pub(crate) fn entrance(arguments: &[OsString]) -> Option<ExitCode> {
    if arguments.get(1)? != WORD {
        return None;
    }
    let answered = || {
        let mut asked = Vec::new();
        io::stdin().lock().take(LONGEST).read_to_end(&mut asked)?;
        let answer = match serde_json::from_slice(&asked)? {
            Question::Projects(directories) => serde_json::to_vec(&projects::read_patiently(&directories))?,
            Question::ProjectAt(directory) => serde_json::to_vec(&projects::identity_patiently(&directory))?,
            Question::Path(path) => serde_json::to_vec(&standing::patiently(&path))?,
            Question::PathBelow(pid, path) => serde_json::to_vec(&standing::below_patiently(pid, &path))?,
            Question::File(path, limit) => serde_json::to_vec(&whole::read_patiently(&path, limit))?,
            Question::Sources(root) => serde_json::to_vec(&sources::patiently(&root).unwrap_or_default())?,
        };
        io::stdout().lock().write_all(&answer)
    };
    Some(if answered().is_ok() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// Asks a reader process, and waits so long for its answer.
///
/// # Errors
/// Where none came in time, or an earlier reader has not come back yet.
pub(super) fn ask<T: DeserializeOwned>(question: &Question, patience: Duration) -> Result<T, SysError> {
    let failed = |source: io::Error| SysError::Read { path: "a file system that may not answer".to_owned(), source };
    let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    // One that hangs is enough: who looks every second leaves one behind, not one for each look.
    if left.as_mut().is_some_and(|child| child.try_wait().is_ok_and(|ended| ended.is_none())) {
        return Err(failed(io::ErrorKind::TimedOut.into()));
    }
    let mut command = Command::new("/proc/self/exe");
    command.arg0("portward").arg(WORD).env_clear().current_dir("/");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(failed)?;
    let answer = exchange(&mut child, question, Instant::now() + patience);
    if answer.is_err() {
        let _ = child.kill();
    }
    *left = Some(child);
    let answer = answer.map_err(failed)?;
    serde_json::from_slice(&answer).map_err(|error| failed(error.into()))
}

fn exchange(child: &mut Child, question: &Question, end: Instant) -> io::Result<Vec<u8>> {
    let (Some(mut stdin), Some(mut stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    stdin.write_all(&serde_json::to_vec(question)?)?;
    drop(stdin);
    let mut answer = Vec::new();
    loop {
        if !wait(&stdout, PollFlags::IN, end)? {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let mut part = [0; 16 * 1024];
        let read = stdout.read(&mut part)?;
        if read == 0 {
            let _ = child.wait();
            return Ok(answer);
        }
        answer.extend(part.get(..read).unwrap_or_default());
        if answer.len() as u64 > LONGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
    }
}

/// The reader that was left alone last.
static LEFT: Mutex<Option<Child>> = Mutex::new(None);

/// The first argument of a reader process, hidden from help.
const WORD: &str = "file-reader";
/// How long a listing waits: a server that answers does so in a few milliseconds.
pub(super) const BRIEFLY: Duration = Duration::from_millis(300);
/// How long is waited for what a command cannot do without.
pub(super) const LONG: Duration = Duration::from_secs(5);
const LONGEST: u64 = 16 << 20;
