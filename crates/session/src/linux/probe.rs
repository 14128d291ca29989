//! Every call that a supervisor lives on, tried before the program starts: on a child that does nothing.
//!
//! Containers and sandboxes refuse some of them (Docker's default profile knows `pidfd_getfd` with `CAP_SYS_PTRACE` alone), and so do
//! kernels that let nobody trace (Yama). A program that was started all the same would find each of its binds refused. The filter
//! itself is tried by the program's own process, before it becomes the program ([`portward_sys::unotify::Door`]).

use std::{io, net::Ipv4Addr};

use portward_model::{Rules, Transport};
use portward_sys::{LO, Lookup, unotify::Callers};
use rustix::{
    fd::{AsRawFd, OwnedFd},
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType},
    process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, waitpid},
};

use super::{channel::Failure, sockets};
use crate::rules::Apply;

/// Fails with the first call that is refused here.
pub(super) fn every_call(rules: Rules) -> Result<(), Failure> {
    let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .map_err(|errno| refused("socket(AF_INET)", "nothing can be tried without a socket", errno.into()))?;
    let child = Idle::start().map_err(|error| refused("fork", "a supervisor starts a program", error))?;
    look_into(&child, &socket)?;
    drop(child);
    if rules.pins() {
        let pinned = sockets::pin(&socket).map_err(io::Error::from_raw_os_error);
        pinned.map_err(|error| refused("setsockopt(SO_BINDTODEVICE)", "what listens is shut in", error))?;
    }
    look_around(&socket)
}

/// What is done with each program that calls: its sockets are taken in hand, and what it asked for is read.
fn look_into(child: &Idle, socket: &OwnedFd) -> Result<(), Failure> {
    let tid = child.pid.as_raw_nonzero().get().unsigned_abs();
    let process = pidfd_open(child.pid, PidfdFlags::empty());
    process.map_err(|errno| refused("pidfd_open", "a program's sockets are found", errno.into()))?;
    let copy = Callers::default().socket(tid, socket.as_raw_fd());
    copy.map_err(|errno| refused("pidfd_getfd", "a program's sockets are taken in hand", errno.into()))?;
    // The child is a copy of this process, so that the same words stand at the same place.
    let words = Callers::memory(tid, WORDS.as_ptr() as u64, WORDS.len());
    words.map_err(|error| refused("process_vm_readv", "the address is read that a program asked for", error))?;
    Ok(())
}

/// What is asked of the kernel's list of sockets: who serves a port.
fn look_around(socket: &OwnedFd) -> Result<(), Failure> {
    let refused = |error| refused("sock_diag", "the kernel is asked who serves a port", error);
    let mut lookup = Lookup::open().map_err(refused)?;
    let has_place = rustix::net::bind(socket, &std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).is_ok();
    let place = sockets::name(socket).filter(|_| has_place && rustix::net::listen(socket, 0).is_ok());
    match place {
        Some(place) if lookup.server(Transport::Tcp, place, LO).is_none() => Err(refused(Errno::NOENT.into())),
        // Without the loopback's address nobody serves there, and nothing has to be found.
        _ => Ok(()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn refused(call: &str, purpose: &str, error: io::Error) -> Failure {
    Failure::Refused(format!("The call {call}, by which {purpose}, is refused here ({error}){}", around(call)))
}

/// Who refuses a look into a process, where that is known.
fn around(call: &str) -> String {
    if call != "pidfd_getfd" {
        return String::new();
    }
    let scope = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").ok();
    if let Some(scope @ 2..) = scope.and_then(|scope| scope.trim().parse::<u32>().ok()) {
        return format!(": kernel.yama.ptrace_scope is {scope}, and lets nobody look into a process");
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let is_filtered = status.lines().any(|line| line.strip_prefix("Seccomp:").is_some_and(|mode| mode.trim() == "2"));
    if is_filtered {
        ": a filter of system calls stands around, as in a container; Docker's lets it pass with --cap-add SYS_PTRACE".to_owned()
    } else {
        String::new()
    }
}

/// A process that waits to be ended: a child in this one's memory, which costs a tenth of a copy.
struct Idle {
    pid: Pid,
    _stack: Vec<u128>,
}

impl Idle {
    fn start() -> io::Result<Self> {
        let mut stack = vec![0_u128; STACK / size_of::<u128>()];
        let top = stack.as_mut_ptr_range().end.cast();
        // SAFETY: the child runs on the stack that is kept below until it has gone, and makes two calls that touch no memory.
        #[allow(unsafe_code)]
        let made = unsafe { libc::clone(wait, top, libc::CLONE_VM | libc::SIGCHLD, std::ptr::null_mut()) };
        let pid = Pid::from_raw(made.max(0)).ok_or_else(io::Error::last_os_error)?;
        Ok(Self { pid, _stack: stack })
    }
}

/// Ends with the thread that started it, and waits: every signal but KILL is blocked in a supervisor.
extern "C" fn wait(_: *mut libc::c_void) -> libc::c_int {
    // SAFETY: the calls take numbers, and the memory that they leave alone is another process's.
    #[allow(unsafe_code)]
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        loop {
            libc::pause();
        }
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        // It has not been waited for, so that the number is its own.
        let _ = kill_process(self.pid, Signal::KILL);
        while matches!(waitpid(Some(self.pid), WaitOptions::empty()), Err(Errno::INTR)) {}
    }
}

/// What the child waits on.
const STACK: usize = 16 * 1024;
/// What is read of the child.
static WORDS: [u8; 16] = *b"what it asks for";

#[cfg(test)]
mod tests {
    use portward_model::Rules;

    use super::every_call;

    #[test]
    fn nothing_is_refused_where_the_tests_run() {
        for rules in [Rules::default(), Rules { exposes: true, ..Rules::default() }] {
            assert!(every_call(rules).is_ok());
        }
    }
}
