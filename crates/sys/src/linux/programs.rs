//! Programs of the machine that are run for their answer, within a time.

use std::{
    env,
    ffi::OsString,
    io::{Read, Write},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::PollFlags,
    process::{Pid, PidfdFlags, pidfd_open},
};

use super::files::{Mounts, Place};

/// What a program answered.
pub(super) struct Answer {
    /// True when it ended by itself with code 0.
    pub(super) succeeded: bool,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

/// The program of this name in the folders of `PATH`, and where programs of administrators stand.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(ADMINISTRATORS.iter().map(PathBuf::from));
    // A relative folder would mean another program in every directory.
    let mounts = Mounts::now();
    folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join(name)).find(|path| is_program(&mounts, path))
}

/// True for a program that may be run.
pub(super) fn is_trusted(path: &Path) -> bool {
    is_program(&Mounts::now(), path)
}

/// Root runs what root alone could have put there.
fn is_program(mounts: &Mounts, path: &Path) -> bool {
    let is_ours = |file: Place| file.is_file() && file.word().can_be_trusted();
    mounts.find(path).is_ok_and(is_ours) && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// Runs a program without a shell, in the C locale, for at most `patience`; it is killed and reaped afterwards.
/// `None` where it cannot be started.
pub(super) fn run(program: &Path, arguments: &[&str], patience: Duration) -> Option<Answer> {
    give(program, arguments, "", patience)
}

/// The same, with a short text on its standard input.
pub(super) fn give(program: &Path, arguments: &[&str], input: &str, patience: Duration) -> Option<Answer> {
    take(hermetic(program, arguments), input, patience).ok()
}

/// What a command answers. It is killed and reaped where it takes longer.
pub(super) fn take(mut command: Command, input: &str, patience: Duration) -> std::io::Result<Answer> {
    let stdin = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
    let mut child = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that reads nothing of it says why by itself.
        let _ = stdin.write_all(input.as_bytes());
    }
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let said = thread::spawn(move || drain(stdout));
    let complained = thread::spawn(move || drain(stderr));
    let ended = wait(&child, Instant::now() + patience);
    if !ended {
        // It fails only when the program has ended since.
        let _ = child.kill();
    }
    let status = child.wait()?;
    Ok(Answer {
        succeeded: ended && status.success(),
        stdout: said.join().unwrap_or_default(),
        stderr: complained.join().unwrap_or_default(),
    })
}

/// A program that is started without a shell, in the C locale, with an environment of ours.
pub(super) fn hermetic(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("LC_ALL", "C").env("PATH", search_path()).current_dir("/");
    command
}

fn search_path() -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let given = env::split_paths(&path).filter(|folder| folder.as_os_str().as_bytes().starts_with(b"/"));
    env::join_paths(given.chain(ADMINISTRATORS.iter().map(PathBuf::from))).unwrap_or_default()
}

/// True when the child ended before the time was over.
pub(super) fn wait(child: &Child, end: Instant) -> bool {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let Some(Ok(descriptor)) = pid.map(|pid| pidfd_open(pid, PidfdFlags::empty())) else { return false };
    super::wait(&descriptor, PollFlags::IN, end).unwrap_or(false)
}

/// Reads to the end, so that the program never waits for its reader, and keeps the first part.
fn drain(pipe: Option<impl Read>) -> Vec<u8> {
    let mut kept = Vec::new();
    if let Some(mut pipe) = pipe {
        // An answer that breaks off is judged as far as it came.
        let _ = pipe.by_ref().take(LONGEST_ANSWER).read_to_end(&mut kept);
        let _ = std::io::copy(&mut pipe, &mut std::io::sink());
    }
    kept
}

const ADMINISTRATORS: &[&str] = &["/usr/sbin", "/sbin", "/usr/bin", "/bin"];
const LONGEST_ANSWER: u64 = 8 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{find, run};

    #[test]
    fn answers_and_their_ends() {
        let shell = find("sh").unwrap();
        let answer = run(&shell, &["-c", "echo said; echo complained >&2; echo $LC_ALL"], Duration::from_mins(1)).unwrap();
        assert!(answer.succeeded);
        assert_eq!((answer.stdout.as_slice(), answer.stderr.as_slice()), (&b"said\nC\n"[..], &b"complained\n"[..]));
        assert!(!run(&shell, &["-c", "exit 3"], Duration::from_mins(1)).unwrap().succeeded);
        assert!(!run(&shell, &["-c", "exec sleep 600"], Duration::from_millis(20)).unwrap().succeeded);
        assert_eq!(find("no-program-has-this-name"), None);
    }
}
