//! Tables of the packet filter: listed, loaded, and held as long as this process lives.
//!
//! A table with `flags owner` belongs to the netlink socket that made it: nobody else may change it, and the kernel
//! removes it when that socket closes. The socket is that of a child, `nft -i`, which reads commands from a pipe and ends at
//! the pipe's end, so that the table goes when this process does, even by SIGKILL.

use std::{
    io::{Read, Write},
    mem::MaybeUninit,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, ChildStdin, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use portward_model::Text;
use portward_wire::firewall::{nft_has_owner, nft_tables};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::{FromRawFd, OwnedFd},
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open},
};

use super::programs;
use crate::{FilterHold, FilterTable, Released, SysError, host::HeldFilter};

/// Every table of the family `inet` whose name begins like this, whoever made it.
pub(super) fn list(prefix: &str) -> Result<Vec<FilterTable>, SysError> {
    let mut found = Vec::new();
    for name in names(prefix)? {
        // One that is gone since has nothing more to tell.
        let Some(Ok(table)) = name.plain().map(|name| ask(&["list", "table", INET, name], "")) else { continue };
        found.push(FilterTable { name, has_owner: nft_has_owner(&table) });
    }
    Ok(found)
}

fn names(prefix: &str) -> Result<Vec<Text>, SysError> {
    let tables = nft_tables(&ask(&["list", "tables"], "")?);
    let ours =
        tables.into_iter().filter(|(family, name)| family.raw() == INET.as_bytes() && name.raw().starts_with(prefix.as_bytes()));
    Ok(ours.map(|(_, name)| name).collect())
}

/// All of these rules, or none.
pub(super) fn load(rules: &str) -> Result<(), SysError> {
    ask(&["-f", "-"], rules).map(drop)
}

/// Commands of one line each, by a child that stays; they make the tables of these names.
pub(super) fn hold(commands: &[String], wanted: &[String]) -> Result<FilterHold, SysError> {
    // Told apart from now on: a signal that came before this would end both.
    let signals = ask_for_end().map_err(|source| SysError::Start { program: NFT.to_owned(), source })?;
    let mut command = programs::hermetic(&program()?, &["-i"]);
    // It would leave a history of its commands in its home, or in `/` without one; in a home that is no folder it cannot.
    command.env("HOME", "/dev/null");
    // A group of its own: what the terminal sends is for this process, which then lets go of the table.
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let started = |source| SysError::Start { program: NFT.to_owned(), source };
    let mut child = command.spawn().map_err(started)?;
    let said = Arc::new(Mutex::new(String::new()));
    let listening = child.stderr.take().map(|pipe| listen(pipe, Arc::clone(&said)));
    let stdin = child.stdin.take();
    let mut keeper = Keeper { child, stdin, said, listening, signals };
    for command in commands {
        let taken = keeper.stdin.as_mut().is_some_and(|stdin| writeln!(stdin, "{command}").and_then(|()| stdin.flush()).is_ok());
        if !taken {
            return Err(refused(&keeper.words()));
        }
    }
    let end = Instant::now() + PATIENCE;
    loop {
        let there = names("")?;
        if wanted.iter().all(|name| there.iter().any(|table| table.raw() == name.as_bytes())) {
            return Ok(FilterHold { held: Box::new(keeper) });
        }
        // It answers in milliseconds, and says nothing of what succeeded.
        if keeper.complained() || Instant::now() >= end {
            return Err(refused(&keeper.words()));
        }
        thread::sleep(PAUSE);
    }
}

fn program() -> Result<PathBuf, SysError> {
    programs::find(NFT).ok_or(SysError::Missing { program: NFT, package: "nftables" })
}

fn ask(arguments: &[&str], input: &str) -> Result<Vec<u8>, SysError> {
    let answer = programs::give(&program()?, arguments, input, PATIENCE).ok_or_else(|| refused("nft could not be started"))?;
    if answer.succeeded { Ok(answer.stdout) } else { Err(refused(&String::from_utf8_lossy(&answer.stderr))) }
}

/// What nft complained about: its first line, which names the reason.
fn refused(said: &str) -> SysError {
    let lower = said.to_lowercase();
    let denied = lower.contains("permitted") || lower.contains("permission denied");
    let line = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it gave no reason");
    let line = line.split_once("Error: ").map_or(line, |(_, line)| line);
    let line: String = line.trim().chars().take(LONGEST_WORDS).collect();
    SysError::Filter { said: Text::from_shown(line.as_str()).shown(), denied }
}

/// The child that owns the tables, and how it is spoken to.
struct Keeper {
    child: Child,
    stdin: Option<ChildStdin>,
    said: Arc<Mutex<String>>,
    listening: Option<JoinHandle<()>>,
    signals: OwnedFd,
}

impl HeldFilter for Keeper {
    fn wait(&mut self, enough: &dyn Fn() -> bool) -> Released {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let Some(Ok(child)) = pid.map(|pid| pidfd_open(pid, PidfdFlags::empty())) else {
            return Released::Lost(self.words());
        };
        loop {
            let mut polled = [PollFd::new(&self.signals, PollFlags::IN), PollFd::new(&child, PollFlags::IN)];
            match poll(&mut polled, Some(&SLICE)) {
                Err(Errno::INTR) => {}
                Err(error) => return Released::Lost(error.to_string()),
                Ok(_) if !polled[0].revents().is_empty() || enough() => {
                    self.end();
                    return Released::Asked;
                }
                Ok(_) if !polled[1].revents().is_empty() => return Released::Lost(self.words()),
                Ok(_) => {}
            }
        }
    }
}

impl Keeper {
    /// Closes the pipe and waits for the child, so that the table is gone when this returns.
    fn end(&mut self) {
        self.stdin = None;
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let ended = match pid.map(|pid| pidfd_open(pid, PidfdFlags::empty())) {
            Some(Ok(child)) => by(Instant::now() + PATIENCE, &child),
            _ => false,
        };
        if !ended {
            // It fails only when it has ended since.
            let _ = self.child.kill();
        }
        // It is this process's own child and has ended, or is about to.
        let _ = self.child.wait();
        if let Some(listening) = self.listening.take() {
            // A thread that only reads has nothing to tell of its end.
            let _ = listening.join();
        }
    }

    fn complained(&self) -> bool {
        !self.said.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Ends the child, and gives what it complained about.
    fn words(&mut self) -> String {
        self.end();
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.end();
    }
}

fn by(end: Instant, child: &OwnedFd) -> bool {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match poll(&mut [PollFd::new(child, PollFlags::IN)], Some(&super::timespec(left))) {
            Err(Errno::INTR) => {}
            answered => return answered.is_ok_and(|ready| ready > 0),
        }
    }
}

fn listen(mut pipe: impl Read + Send + 'static, said: Arc<Mutex<String>>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut piece = [0; 1024];
        while let Ok(read @ 1..) = pipe.read(&mut piece) {
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            if said.len() < LONGEST_COMPLAINT {
                said.push_str(&String::from_utf8_lossy(piece.get(..read).unwrap_or_default()));
            }
        }
    })
}

/// Takes the signals that ask a process to end, to be read instead; it stays so until this process ends.
fn ask_for_end() -> std::io::Result<OwnedFd> {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the calls fill a set of our own, block its signals in this thread, and give a descriptor that is new and ours.
    #[allow(unsafe_code)]
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        if libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut()) != 0 {
            return Err(std::io::Error::last_os_error());
        }
        let made = libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        if made < 0 { Err(std::io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(made)) }
    }
}

const NFT: &str = "nft";
/// The family of tables that meet both IP versions.
const INET: &str = "inet";
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(2);
/// Between two looks whether it is enough.
const SLICE: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// A sentence of nft is cut here: it quotes what it was given.
const LONGEST_WORDS: usize = 200;
const LONGEST_COMPLAINT: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::refused;
    use crate::SysError;

    #[test]
    fn what_nft_says_is_one_line() {
        let said = "/dev/stdin:1:1-9: Error: Could not process rule: Operation not permitted\ntable inet x\n^^^^\n";
        let SysError::Filter { said, denied } = refused(said) else { panic!("another error") };
        assert_eq!((said.as_str(), denied), ("Could not process rule: Operation not permitted", true));
        let SysError::Filter { said, denied } = refused("\n") else { panic!("another error") };
        assert_eq!((said.as_str(), denied), ("it gave no reason", false));
    }
}
