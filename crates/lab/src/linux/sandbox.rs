//! The sandbox of a scene: what a program in it may not do, by the scene's `policy` file.

use std::{ffi::OsString, fs, os::unix::process::CommandExt, process::Command};

use rustix::io::Errno;

use super::{WORKPLACE, inside, kernel};
use crate::{Lab, LabError, Sandbox, error::While};

/// Runs a program in the sandbox of the scene, in this process's place.
pub(super) fn run(program: &[OsString]) -> Result<(), LabError> {
    let Some((name, words)) = program.split_first() else {
        return Err(LabError::new("the sandbox runs nothing").hint("sandbox curl http://127.0.0.1:3000/"));
    };
    enter(&inside::current()?)?;
    let error = Command::new(name).args(words).exec();
    Err(error).or_say(|| format!("run {}", name.to_string_lossy()))
}

/// Puts this thread, and what it starts from now on, into the sandbox of the scene, if it has one.
pub(super) fn enter(lab: &Lab) -> Result<(), LabError> {
    let Some(kind) = lab.world.sandbox else { return Ok(()) };
    let path = format!("{WORKPLACE}/policy");
    let policy = fs::read_to_string(&path).or_say(|| format!("read {path}"))?;
    let words = policy.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_ascii_whitespace);
    rustix::thread::set_no_new_privs(true).or_say(|| "give up new privileges".to_owned())?;
    let failed = match kind {
        Sandbox::Landlock => landlock(&words.filter_map(|word| word.parse().ok()).collect::<Vec<u16>>()),
        Sandbox::Seccomp => {
            let calls = words.filter_map(|word| CALLS.iter().find(|(name, _)| *name == word).map(|(_, call)| *call));
            kernel::refuse_calls(&calls.collect::<Vec<_>>())
        }
    };
    failed.map_err(|error| match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOSYS | Errno::OPNOTSUPP) => LabError::new("this lab needs a kernel with Landlock for networks, Linux 6.7"),
        _ => LabError::new(format!("the lab could not make its sandbox: {error}")),
    })
}

/// Allows TCP connections to these ports alone.
fn landlock(ports: &[u16]) -> std::io::Result<()> {
    let rules = kernel::landlock_ruleset(CONNECT_TCP)?;
    for port in ports {
        kernel::landlock_allow_port(&rules, CONNECT_TCP, *port)?;
    }
    kernel::landlock_restrict(&rules)
}

/// `LANDLOCK_ACCESS_NET_CONNECT_TCP`
const CONNECT_TCP: u64 = 1 << 1;
/// System calls that a policy may name.
const CALLS: &[(&str, i64)] = &[("connect", libc::SYS_connect), ("bind", libc::SYS_bind), ("listen", libc::SYS_listen)];
