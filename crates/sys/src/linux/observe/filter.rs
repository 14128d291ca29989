//! The filter that reports connects, and how the program that gets it hands its other end back.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::unix::process::CommandExt,
    process::Command,
};

use rustix::{
    fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
        SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
    },
    thread::{CapabilitySet, capabilities},
};

/// A pair of sockets: the program's end sends the listener of its filter, before it becomes the program.
pub(super) struct Door {
    ours: OwnedFd,
    theirs: OwnedFd,
}

impl Door {
    pub(super) fn new() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
        Ok(Self { ours, theirs })
    }

    /// Arranges what the child does before it becomes the program. Each part may fail; the program is run all the same.
    pub(super) fn prepare(&self, builder: &mut Command, terminal: bool) {
        let privileged = capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN));
        let theirs: RawFd = std::os::fd::AsRawFd::as_raw_fd(&self.theirs);
        let steps = move || {
            // SAFETY: the door outlives the builder's spawn, and this runs in a copy of this process during it.
            #[allow(unsafe_code)]
            let theirs = unsafe { BorrowedFd::borrow_raw(theirs) };
            before_exec(theirs, privileged, terminal);
            Ok(())
        };
        // SAFETY: the steps make system calls on values of their own and on the stack; they neither allocate nor
        // take a lock, as a copy of a process with threads must not.
        #[allow(unsafe_code)]
        unsafe {
            builder.pre_exec(steps);
        }
    }

    /// The listener, once the program was started; `None` where it got no filter.
    pub(super) fn open(self) -> Option<OwnedFd> {
        drop(self.theirs);
        let mut byte = [0];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        recvmsg(&self.ours, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, flags).ok()?;
        ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        })
    }
}

fn before_exec(door: BorrowedFd<'_>, privileged: bool, terminal: bool) {
    if terminal {
        without_background_stop(|| {
            let _ = rustix::termios::tcsetpgrp(rustix::stdio::stdin(), rustix::process::getpid());
        });
    }
    // Whoever looks at it answers its connects; it must not outlive that. Both calls only set a flag of this thread.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
    if !privileged && rustix::thread::set_no_new_privs(true).is_err() {
        return;
    }
    let Some(listener) = install() else { return };
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors = [listener.as_fd()];
    // Where it is not sent, it is closed with this copy's other descriptors, and connects would fail; so the failure
    // is made impossible beforehand: the message fits, and the socket is empty.
    if ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        let _ = sendmsg(door, &[IoSlice::new(b"x")], &mut ancillary, SendFlags::NOSIGNAL);
    }
}

/// Puts the filter on this thread; gives its listener.
fn install() -> Option<OwnedFd> {
    let arch = ARCHITECTURE?;
    let connect = u32::try_from(libc::SYS_connect).ok()?;
    let step = |code, k| libc::sock_filter { code, jt: 0, jf: 0, k };
    let unless = |k, jf| libc::sock_filter { code: JUMP_IF_EQUAL, jt: 0, jf, k };
    // Calls of another architecture or with other numbers are let through.
    let program = [
        step(LOAD, 4),
        unless(arch, 3),
        step(LOAD, 0),
        unless(connect, 1),
        step(RETURN, libc::SECCOMP_RET_USER_NOTIF),
        step(RETURN, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog { len: u16::try_from(program.len()).ok()?, filter: program.as_ptr().cast_mut() };
    let with = |flags: libc::c_ulong| {
        // SAFETY: seccomp(2) copies the filter, which lives until the call returns, and writes nothing of ours.
        #[allow(unsafe_code)]
        let listener =
            unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, std::ptr::from_ref(&filter)) };
        // SAFETY: the kernel just made this descriptor for us; nobody else has it.
        #[allow(unsafe_code)]
        RawFd::try_from(listener).ok().filter(|listener| *listener >= 0).map(|listener| unsafe { OwnedFd::from_raw_fd(listener) })
    };
    // Since Linux 5.19 a signal does not restart a call that was reported already (Go sends itself many).
    let listener = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    with(listener | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV).or_else(|| with(listener))
}

/// Does something to the terminal that would stop a process of the background (`SIGTTOU`).
pub(super) fn without_background_stop(change: impl FnOnce()) {
    let mut blocked = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: both sets are ours; the first is made empty before it is read, the second is written by the call that
    // reads the first. Only this thread's mask changes.
    #[allow(unsafe_code)]
    let changed = unsafe {
        libc::sigemptyset(blocked.as_mut_ptr());
        libc::sigaddset(blocked.as_mut_ptr(), libc::SIGTTOU);
        libc::pthread_sigmask(libc::SIG_BLOCK, blocked.as_ptr(), before.as_mut_ptr()) == 0
    };
    change();
    if changed {
        // SAFETY: the set was written by the call that succeeded above.
        #[allow(unsafe_code)]
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut());
        }
    }
}

/// `AUDIT_ARCH_*` of `linux/audit.h` for the system calls of this build.
const ARCHITECTURE: Option<u32> = if cfg!(target_arch = "x86_64") {
    Some(0xC000_003E)
} else if cfg!(target_arch = "aarch64") {
    Some(0xC000_00B7)
} else if cfg!(target_arch = "riscv64") {
    Some(0xC000_00F3)
} else {
    None
};
/// Instructions of `linux/bpf_common.h`: load a word, jump if equal, return.
const LOAD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
