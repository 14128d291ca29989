//! The namespace itself: made by the program's process before it becomes the program, entered by the process of its doors.

use std::{fs, io};

use rustix::{
    fd::AsFd,
    process::{Pid, PidfdFlags, getgid, getuid, pidfd_open},
    thread::{CapabilitySet, ThreadNameSpaceType, capabilities, move_into_thread_name_spaces},
};

/// Moves this process into a new network namespace with `lo` up. Without privilege it takes a user namespace as well, in which
/// user and group stay what they are.
pub(in crate::linux) fn enter_new() -> io::Result<()> {
    if is_privileged() {
        unshare(libc::CLONE_NEWNET)?;
    } else {
        let (user, group) = (getuid().as_raw(), getgid().as_raw());
        unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET)?;
        // user_namespaces(7): who has no privilege outside may map itself alone, and gives up changing its groups.
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
        fs::write("/proc/self/gid_map", format!("{group} {group} 1"))?;
    }
    portward_sys::loopback_up()
}

/// What the kernel says to one who wants such a namespace, found out by a process that ends at once.
pub(in crate::linux) fn is_possible() -> io::Result<()> {
    // SAFETY: a supervisor has one thread, so that its copy is whole.
    #[allow(unsafe_code)]
    let forked = unsafe { libc::fork() };
    match forked {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            let code = enter_new().err().map_or(0, |error| error.raw_os_error().unwrap_or(libc::EIO));
            // SAFETY: ends the copy without running what its original will run at its end.
            #[allow(unsafe_code)]
            unsafe {
                libc::_exit(code)
            }
        }
        child => {
            let child = Pid::from_raw(child).ok_or(io::ErrorKind::Other)?;
            let ended = rustix::process::waitpid(Some(child), rustix::process::WaitOptions::empty())?;
            match ended.and_then(|(_, status)| status.exit_status()) {
                Some(0) => Ok(()),
                Some(code) => Err(io::Error::from_raw_os_error(code)),
                None => Err(io::ErrorKind::Other.into()),
            }
        }
    }
}

/// Moves this process into the network namespace of another one, and into its user namespace where it has one of its own.
pub(super) fn enter(process: Pid) -> io::Result<()> {
    let process = pidfd_open(process, PidfdFlags::empty())?;
    let spaces =
        if is_privileged() { ThreadNameSpaceType::NETWORK } else { ThreadNameSpaceType::USER | ThreadNameSpaceType::NETWORK };
    Ok(move_into_thread_name_spaces(process.as_fd(), spaces)?)
}

fn is_privileged() -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN))
}

fn unshare(spaces: libc::c_int) -> io::Result<()> {
    // SAFETY: the call changes what this process, which has one thread, is a member of; it touches no memory.
    #[allow(unsafe_code)]
    let done = unsafe { libc::unshare(spaces) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
