//! The user on whose behalf root works, and this program executed again as that user.
//!
//! What a user's files say may lead a process only where that user may go. So under `sudo`, `doas` and `pkexec` whatever is done to
//! the caller's own things is done by a process of the caller's: their groups, nothing that could give more rights
//! (`PR_SET_NO_NEW_PRIVS`), no terminal, no descriptors but two pipes. What comes out of them is that user's word.

use std::{
    env,
    ffi::OsString,
    io::{self, Write},
    os::unix::{ffi::OsStrExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use portward_model::Caller;
use rustix::{
    event::{PollFd, PollFlags, poll},
    fd::{AsRawFd, BorrowedFd, RawFd},
    io::Errno,
};

use super::{timespec, users::User};
use crate::Cancel;

/// The user who called root: by `sudo(8)`, `doas(1)` or `pkexec(1)`, as the system's user database knows them.
///
/// `None` for whoever is not root, and for root itself.
pub fn on_behalf_of(caller: &Caller) -> Option<User> {
    if caller.uid != 0 {
        return None;
    }
    let number = |name| std::str::from_utf8(caller.variable(name)?.raw()).ok()?.parse::<u32>().ok();
    let by_name = || User::named(caller.variable("DOAS_USER")?.raw());
    let user = number("SUDO_UID").or_else(|| number("PKEXEC_UID")).map_or_else(by_name, User::of);
    user.filter(|user| user.uid != 0)
}

/// A process of a user's that works for this one.
pub struct Hands {
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
    said: Vec<u8>,
}

impl Hands {
    /// Executes this program again as a user, with these arguments, and with the sockets that it is given at their numbers.
    ///
    /// # Errors
    /// Where the user may not execute this program, among others.
    pub fn of(user: &User, arguments: &[&str], handed: &[BorrowedFd<'_>]) -> io::Result<Self> {
        let mut command = Command::new("/proc/self/exe");
        command.arg0("portward").args(arguments).env_clear().envs(environment(user));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let kept: Vec<RawFd> = handed.iter().map(AsRawFd::as_raw_fd).collect();
        let (uid, gid, groups) = (user.uid, user.gid, user.groups.clone());
        // SAFETY: between fork and exec the closure makes system calls with numbers and a list of its own, and nothing that
        // allocates. They are made directly: the C library's own would look for other threads.
        #[allow(unsafe_code)]
        unsafe {
            command.pre_exec(move || {
                rustix::process::setsid()?;
                let done = |answer: libc::c_long| if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) };
                done(libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC))?;
                for descriptor in &kept {
                    done(libc::fcntl(*descriptor, libc::F_SETFD, 0).into())?;
                }
                done(libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()))?;
                done(libc::syscall(libc::SYS_setresgid, gid, gid, gid))?;
                done(libc::syscall(libc::SYS_setresuid, uid, uid, uid))?;
                done(libc::syscall(libc::SYS_prctl, libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
            });
        }
        let mut child = command.spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(to), Some(from)) => Ok(Self { child, to, from, said: Vec::new() }),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Says a line to it.
    pub fn tell(&mut self, line: &[u8]) -> io::Result<()> {
        self.to.write_all(line)?;
        self.to.write_all(b"\n")
    }

    /// The next line that it says.
    ///
    /// # Errors
    /// `TimedOut` after so long a silence, `FileTooLarge` for a line without end, `Interrupted` where nobody wants it any more, and
    /// `UnexpectedEof` where it has ended.
    pub fn hear(&mut self, patience: Duration, cancel: &Cancel) -> io::Result<Vec<u8>> {
        let end = Instant::now() + patience;
        loop {
            if let Some(at) = self.said.iter().position(|byte| *byte == b'\n') {
                let line = self.said.drain(..=at).take(at).collect();
                return Ok(line);
            }
            if self.said.len() > LONGEST_LINE {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            let left = end.saturating_duration_since(Instant::now());
            if cancel.is_cancelled() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            match poll(&mut [PollFd::new(&self.from, PollFlags::IN)], Some(&timespec(left.min(SLICE)))) {
                Ok(0) if left.is_zero() => return Err(io::ErrorKind::TimedOut.into()),
                Ok(0) | Err(Errno::INTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
            let mut part = [0; 16 * 1024];
            let read = rustix::io::read(&self.from, &mut part)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.said.extend(part.get(..read).unwrap_or_default());
        }
    }
}

impl Drop for Hands {
    fn drop(&mut self) {
        // It has said all, or nobody listens any more; a start of the next would wait for nothing of it.
        let _ = self.child.kill();
        let _ = self.child.try_wait();
    }
}

/// What of root's environment is the user's business, and what is the user's in every case.
fn environment(user: &User) -> Vec<(OsString, OsString)> {
    let name = OsString::from(std::ffi::OsStr::from_bytes(user.name.to_bytes()));
    let theirs = |folder: &Path| {
        let owner = rustix::fs::lstat(folder).map(|found| found.st_uid);
        owner == Ok(user.uid)
    };
    let folder = |name: &str| Some(PathBuf::from(env::var_os(name)?)).filter(|folder| theirs(folder));
    let runtime = PathBuf::from(format!("/run/user/{}", user.uid));
    let mut found = vec![("HOME".into(), user.home.clone().into()), ("USER".into(), name.clone()), ("LOGNAME".into(), name)];
    let runtime = folder("XDG_RUNTIME_DIR").or_else(|| Some(runtime).filter(|folder| theirs(folder)));
    found.extend(runtime.map(|folder| ("XDG_RUNTIME_DIR".into(), folder.into())));
    found.extend(folder("XDG_STATE_HOME").map(|folder| ("XDG_STATE_HOME".into(), folder.into())));
    let kept = KEPT.iter().copied().chain(Caller::PROXIES.iter().copied());
    found.extend(kept.filter_map(|name| Some((name.into(), env::var_os(name)?))));
    found
}

/// Variables that are no secret of root's and matter to what is done for the user.
const KEPT: &[&str] = &["PATH", "LANG", "LC_ALL", "TZ", "DISPLAY", "WAYLAND_DISPLAY", "BROWSER", Caller::SESSION];
/// Between two questions whether the answer is still wanted.
const SLICE: Duration = Duration::from_millis(50);
/// An answer about all of a user's leases is a hundredth of that.
const LONGEST_LINE: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use portward_model::{Caller, ProcessId, Text};

    use super::on_behalf_of;

    fn called(uid: u32, variables: &[(&str, &str)]) -> Option<u32> {
        let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), Text::from(*value))).collect();
        let process = ProcessId { pid: 1, started_ticks: 0 };
        on_behalf_of(&Caller { process, uid, cwd: None, environment, session: None }).map(|user| user.uid)
    }

    #[test]
    fn root_works_for_whom_the_system_knows() {
        for variables in [&[("SUDO_UID", "65534")][..], &[("PKEXEC_UID", "65534")], &[("DOAS_USER", "nobody")]] {
            assert_eq!(called(0, variables), Some(65534), "{variables:?}");
            // Whoever is not root can become nobody else, whatever the variables say.
            assert_eq!(called(1000, variables), None, "{variables:?}");
        }
        for nobody in [
            &[][..],
            &[("SUDO_UID", "0")],
            &[("SUDO_UID", "4000000123")],
            &[("SUDO_UID", "-1")],
            &[("SUDO_UID", "65534x")],
            &[("DOAS_USER", "no such user")],
            &[("DOAS_USER", "root")],
            &[("SUDO_UID", "4000000123"), ("DOAS_USER", "")],
        ] {
            assert_eq!(called(0, nobody), None, "{nobody:?}");
        }
    }
}
