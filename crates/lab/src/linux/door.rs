//! The process that makes a scene's namespaces and starts the first one in them.

use portward_model::hint;

use std::{
    fs,
    io::Write,
    os::{fd::AsRawFd, unix::net::UnixStream},
    process::{Command, ExitCode},
};

use rustix::{
    io::{Errno, FdFlags},
    process::{Signal, getgid, getuid, set_parent_process_death_signal},
    thread::UnshareFlags,
};

use super::{FIRST, SELF, kernel};
use crate::{LabError, error::While};

/// Makes the namespaces, starts the first process and stays until it ends.
pub(super) fn run(lab: &str, which: &str, channel: &str) -> ExitCode {
    let Some(mut channel) = kernel::inherited(channel) else { return ExitCode::from(2) };
    match open(lab, which, &channel) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let line = serde_json::json!({ "failed": error });
            let _ = writeln!(channel, "{line}");
            ExitCode::from(2)
        }
    }
}

fn open(lab: &str, which: &str, channel: &UnixStream) -> Result<(), LabError> {
    let (user, group) = (getuid().as_raw(), getgid().as_raw());
    let spaces = UnshareFlags::NEWNET | UnshareFlags::NEWNS | UnshareFlags::NEWPID | UnshareFlags::NEWUTS | UnshareFlags::NEWIPC;
    match kernel::unshare(spaces | UnshareFlags::NEWUSER) {
        // Inside, whoever started it is called root, and is nobody more than before outside.
        Ok(()) => {
            fs::write("/proc/self/setgroups", "deny").or_say(|| "give up groups in its user namespace".to_owned())?;
            for (map, own) in [("uid_map", user), ("gid_map", group)] {
                fs::write(format!("/proc/self/{map}"), format!("0 {own} 1"))
                    .map_err(|error| forbidden(&format!("write the {map} of its user namespace"), &error.to_string()))?;
            }
        }
        // Root may do without a user namespace.
        Err(_) if user == 0 && kernel::unshare(spaces).is_ok() => {}
        Err(error) => return Err(forbidden("make private namespaces", &error.to_string())),
    }
    // After the namespaces: making one forgets it. If the starter has ended by now, the socket says so to the first process.
    set_parent_process_death_signal(Some(Signal::KILL)).or_say(|| "tie its end to its starter".to_owned())?;
    rustix::io::fcntl_setfd(channel, FdFlags::empty()).or_say(|| "pass its socket on".to_owned())?;
    let child =
        Command::new(SELF).arg0_portward().args([FIRST, lab, which, &channel.as_raw_fd().to_string()]).spawn().map_err(|error| {
            match error.raw_os_error().map(Errno::from_raw_os_error) {
                Some(Errno::NOMEM | Errno::AGAIN | Errno::NOSPC) => {
                    forbidden("start a process in its own pid namespace", &error.to_string())
                }
                _ => LabError::new(format!("the lab could not start its first process: {error}")),
            }
        });
    rustix::io::fcntl_setfd(channel, FdFlags::CLOEXEC).or_say(|| "keep its socket".to_owned())?;
    let mut child = child?;
    kernel::leave_keys_to_child();
    child.wait().or_say(|| "wait for its first process".to_owned())?;
    Ok(())
}

/// What forbids it, as far as the kernel's settings tell, and what would allow it.
pub(super) fn forbidden(doing: &str, error: &str) -> LabError {
    let setting = |path: &str| fs::read_to_string(format!("/proc/sys/{path}")).unwrap_or_default().trim().to_owned();
    for (path, bad, good) in [
        ("kernel/unprivileged_userns_clone", "0", "1"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
        ("user/max_user_namespaces", "0", "10000"),
        ("user/max_net_namespaces", "0", "10000"),
        ("user/max_pid_namespaces", "0", "10000"),
        ("user/max_mnt_namespaces", "0", "10000"),
    ] {
        if setting(path) == bad {
            let name = path.replace('/', ".");
            return LabError::new(format!("the kernel does not let a lab {doing}: {name} is {bad} ({error})")).hint(hint!(
                "sudo sysctl -w {}={}    or run the lab as root",
                name,
                good
            ));
        }
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if status.lines().any(|line| line.strip_prefix("Seccomp:").is_some_and(|mode| mode.trim() == "2")) {
        return LabError::new(format!("a system-call filter does not let a lab {doing} ({error}); containers have one"))
            .hint("docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined ...");
    }
    LabError::new(format!("the kernel does not let a lab {doing}: {error}")).hint("run the lab as root")
}

/// What a process of the scene is called.
pub(super) trait Called {
    /// `portward`, whatever the way to its file.
    fn arg0_portward(&mut self) -> &mut Self;
}

impl Called for Command {
    fn arg0_portward(&mut self) -> &mut Self {
        use std::os::unix::process::CommandExt;
        self.arg0("portward")
    }
}
