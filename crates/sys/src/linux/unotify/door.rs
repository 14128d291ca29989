//! How a program that gets a filter hands the filter's listener to the process that started it.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::unix::process::CommandExt,
    process::Command,
};

use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd, RawFd},
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
        SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
    },
    thread::{CapabilitySet, capabilities},
};

use super::{
    Listener,
    filter::{Filter, install},
};

/// A pair of sockets: the program's end sends the listener of its filter, before it becomes the program.
pub struct Door {
    ours: OwnedFd,
    theirs: OwnedFd,
}

/// What the child does beside taking its filter, before it becomes the program.
#[derive(Clone, Copy, Debug, Default)]
pub struct Prologue {
    /// Take the terminal that standard input is, as the foreground.
    pub takes_terminal: bool,
    /// Get `SIGTERM` when the thread that started it ends.
    pub ends_with_parent: bool,
    /// The signals to block; `None` leaves them as they are.
    pub mask: Option<libc::sigset_t>,
    /// Fail to start where the filter cannot be had; otherwise the program is run all the same.
    pub must_be_filtered: bool,
}

impl Door {
    /// A door for one program.
    pub fn new() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
        Ok(Self { ours, theirs })
    }

    /// Arranges what the child does before it becomes the program.
    pub fn prepare(&self, builder: &mut Command, filter: &Filter, prologue: Prologue) {
        let privileged = capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN));
        let program = filter.program();
        let theirs: RawFd = std::os::fd::AsRawFd::as_raw_fd(&self.theirs);
        let steps = move || {
            // SAFETY: the door outlives the builder's spawn, and this runs in a copy of this process during it.
            #[allow(unsafe_code)]
            let theirs = unsafe { BorrowedFd::borrow_raw(theirs) };
            match before_exec(theirs, program.as_deref(), privileged, &prologue) {
                Err(number) if prologue.must_be_filtered => {
                    // Said apart, so that it is not taken for the program's own error.
                    let _ = rustix::net::send(theirs, &number.to_ne_bytes(), SendFlags::NOSIGNAL);
                    Err(io::Error::from_raw_os_error(number))
                }
                _ => Ok(()),
            }
        };
        // SAFETY: the steps make system calls on values of their own and on the stack; they neither allocate nor
        // take a lock, as a copy of a process with threads must not.
        #[allow(unsafe_code)]
        unsafe {
            builder.pre_exec(steps);
        }
    }

    /// The error number with which the kernel refused the filter, once the program was not started; `None` where the program
    /// itself is the reason.
    pub fn refused(&self) -> Option<i32> {
        let mut number = [0; 4];
        let (length, _) = rustix::net::recv(&self.ours, &mut number[..], RecvFlags::DONTWAIT).ok()?;
        (length == number.len()).then(|| i32::from_ne_bytes(number))
    }

    /// The listener, once the program was started; `None` where it got no filter.
    pub fn open(self) -> Option<Listener> {
        drop(self.theirs);
        let mut byte = [0];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        recvmsg(&self.ours, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, flags).ok()?;
        ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next().map(|own| Listener::from(own).take_turns()),
            _ => None,
        })
    }
}

fn before_exec(
    door: BorrowedFd<'_>,
    program: Option<&[libc::sock_filter]>,
    privileged: bool,
    prologue: &Prologue,
) -> Result<(), i32> {
    if prologue.takes_terminal {
        without_background_stop(|| {
            let _ = rustix::termios::tcsetpgrp(rustix::stdio::stdin(), rustix::process::getpid());
        });
    }
    if let Some(mask) = &prologue.mask {
        // SAFETY: the set is whole and read only; this thread's mask is what changes.
        #[allow(unsafe_code)]
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, std::ptr::from_ref(mask), std::ptr::null_mut());
        }
    }
    if prologue.ends_with_parent {
        // Whoever looks at it answers its calls; it must not outlive that. The call only sets a flag of this thread.
        let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
    }
    if !privileged {
        rustix::thread::set_no_new_privs(true).map_err(rustix::io::Errno::raw_os_error)?;
    }
    let listener = install(program.ok_or(libc::ENOSYS)?)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors = [listener.as_fd()];
    // Where it is not sent, it is closed with this copy's other descriptors, and reported calls would fail; so the failure
    // is made impossible beforehand: the message fits, and the socket is empty.
    if ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        let _ = sendmsg(door, &[IoSlice::new(b"x")], &mut ancillary, SendFlags::NOSIGNAL);
    }
    Ok(())
}

/// Does something to the terminal that would stop a process of the background (`SIGTTOU`).
pub fn without_background_stop(change: impl FnOnce()) {
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
