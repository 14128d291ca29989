//! The calls that no safe library has. Each states why it is sound.
#![allow(unsafe_code)]

use std::{
    io,
    os::{
        fd::{FromRawFd, OwnedFd, RawFd},
        unix::net::UnixStream,
    },
};

use rustix::{
    io::FdFlags,
    thread::{UnshareFlags, unshare_unsafe},
};

/// Moves this process into new namespaces.
///
/// The caller has one thread and keeps no descriptor table to itself.
pub(super) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    // SAFETY: Without UnshareFlags::FILES no descriptor table is parted, which is what makes the call unsafe: other
    // threads could hold descriptors that this one no longer has.
    assert!(!flags.contains(UnshareFlags::FILES), "descriptor tables stay shared");
    Ok(unsafe { unshare_unsafe(flags) }?)
}

/// The socket that this process was started with, by the number in its arguments. From now on nobody inherits it.
pub(super) fn inherited(number: &str) -> Option<UnixStream> {
    let number: RawFd = number.parse().ok().filter(|number| *number > 2)?;
    // SAFETY: The number comes from the process that started this one and left that descriptor open for it; this
    // process has just begun and nothing in it owns a descriptor above the standard three. A number that is not open makes
    // the next call fail, and the value is forgotten without being closed twice.
    let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
    if rustix::io::fcntl_setfd(&descriptor, FdFlags::CLOEXEC).is_ok() {
        return Some(UnixStream::from(descriptor));
    }
    std::mem::forget(descriptor);
    None
}

/// Lets this process go on at Ctrl-C, Ctrl-\ and when it speaks from the background: its child decides.
pub(super) fn leave_keys_to_child() {
    for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGTTOU] {
        // SAFETY: Setting a disposition to "ignore" installs no code, and no thread depends on the old one.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Attaches to a process as a debugger does, and stops it. It goes on when this process ends.
pub(super) fn trace(pid: i32) -> io::Result<()> {
    for request in [libc::PTRACE_SEIZE, libc::PTRACE_INTERRUPT] {
        // SAFETY: Neither request reads or writes memory of either process; address and data are null as they must be.
        let result = unsafe { libc::ptrace(request, pid, std::ptr::null_mut::<u8>(), std::ptr::null_mut::<u8>()) };
        if result == -1 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
