//! System calls of another program, reported to this one before they happen (`seccomp_unotify(2)`).
//!
//! A program starts with a filter; each call that the filter names waits until the listener's owner lets it go on,
//! or answers in its place. The filter is inherited by everything that the program starts and cannot be taken off. Where
//! nobody owns the listener any more, reported calls fail with `ENOSYS`.

mod caller;
mod door;
mod elder;
mod filter;

use std::{io, mem::MaybeUninit};

use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

pub use caller::{Callers, LONGEST_ADDRESS, LONGEST_MEMORY, socket_address};
pub use door::{Door, Prologue, without_background_stop};
pub use filter::{Filter, Reported, Test};

/// A call that waits for an answer.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The kernel's number of this report.
    pub id: u64,
    /// The thread that calls, as this process's pid namespace counts.
    pub tid: u32,
    /// Which system call.
    pub number: i64,
    /// True for one by the table of this processor's elder, with its number there ([`Call::by_own_numbers`]).
    pub is_elder: bool,
    /// Its arguments, as they stood in registers.
    pub arguments: [u64; 6],
}

/// The end of a filter that reports come out of.
#[derive(Debug)]
pub struct Listener(OwnedFd);

impl Listener {
    /// Asks the kernel to let caller and supervisor take turns on one processor (Linux 6.6): a call waits for its answer, and
    /// waking another processor takes longer than the answer. An older kernel goes on as it did.
    pub(super) fn take_turns(self) -> Self {
        // SAFETY: the call takes a number for its argument, and reads and writes no memory of ours.
        #[allow(unsafe_code)]
        let _ = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP) };
        self
    }

    /// The next report; `None` where its caller has gone meanwhile, or was interrupted.
    pub fn receive(&self) -> Option<Call> {
        let mut report = MaybeUninit::<libc::seccomp_notif>::zeroed();
        // SAFETY: the kernel wants the structure zeroed and writes it whole; all its fields are numbers, for which zero
        // is a value too.
        #[allow(unsafe_code)]
        let (done, report) = unsafe {
            let done = libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, report.as_mut_ptr());
            (done, report.assume_init())
        };
        let number = i64::from(report.data.nr);
        let is_elder = Some(report.data.arch) != filter::ARCHITECTURE;
        (done == 0).then_some(Call { id: report.id, tid: report.pid, number, is_elder, arguments: report.data.args })
    }

    /// True while the caller still waits: its thread cannot have become another one, and what was read of it is its own.
    pub fn is_valid(&self, call: &Call) -> bool {
        // SAFETY: the call reads one number of ours and writes nothing.
        #[allow(unsafe_code)]
        let done = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, std::ptr::from_ref(&call.id)) };
        done == 0
    }

    /// Lets the call go on as the program made it.
    pub fn proceed(&self, call: &Call) {
        let flags = u32::try_from(libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE).unwrap_or(1);
        self.send(libc::seccomp_notif_resp { id: call.id, val: 0, error: 0, flags });
    }

    /// Answers in the kernel's place: with a value, or with an error number.
    pub fn answer(&self, call: &Call, result: Result<i64, i32>) {
        let (val, error) = match result {
            Ok(value) => (value, 0),
            Err(errno) => (0, -errno),
        };
        self.send(libc::seccomp_notif_resp { id: call.id, val, error, flags: 0 });
    }

    fn send(&self, mut answer: libc::seccomp_notif_resp) {
        // SAFETY: the structure is ours and whole; the call reads it. It fails where the caller has gone.
        #[allow(unsafe_code)]
        let _ = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, std::ptr::from_mut(&mut answer)) };
    }

    /// Puts a descriptor of ours under a number of the caller's, in the place of what it has there (`SECCOMP_IOCTL_NOTIF_ADDFD`, Linux
    /// 5.9). The call still waits for its answer.
    ///
    /// # Errors
    /// Where the caller has gone, or the kernel is older.
    pub fn replace(&self, call: &Call, number: i32, with: &OwnedFd, closes_on_exec: bool) -> io::Result<()> {
        let raw = |number: i32| u32::try_from(number).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput));
        let order = libc::seccomp_notif_addfd {
            id: call.id,
            flags: u32::try_from(libc::SECCOMP_ADDFD_FLAG_SETFD).unwrap_or(1),
            srcfd: raw(with.as_raw_fd())?,
            newfd: raw(number)?,
            newfd_flags: if closes_on_exec { raw(libc::O_CLOEXEC)? } else { 0 },
        };
        // SAFETY: the structure is ours and whole; the call reads it.
        #[allow(unsafe_code)]
        let done = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ADDFD, std::ptr::from_ref(&order)) };
        if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// A second descriptor of the same listener, for another thread.
    pub fn share(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }
}

impl From<OwnedFd> for Listener {
    fn from(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP` of `linux/seccomp.h`.
const SYNC_WAKE_UP: libc::c_ulong = 1;
