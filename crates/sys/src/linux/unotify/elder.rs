//! The table of system calls of this processor's elder, by which 32-bit programs call: other numbers, and on x86 one call for every
//! socket call, `socketcall(2)`, whose arguments stand in memory.
//!
//! A report by that table becomes the same report by our own, so that whoever answers knows one table. Arguments are as wide as a
//! register in both, and addresses of sockets have one layout; messages (`struct msghdr`) have not.

use rustix::io::Errno;

use super::{Call, Callers, Listener};

/// A call in both tables.
struct Row {
    own: libc::c_long,
    /// Its number in the elder's.
    number: u32,
    /// Its number among those of `socketcall`, and how many arguments it takes there; 0 where it is none of them.
    among: u32,
    takes: usize,
}

/// The number of a call in the elder table; `None` for one that is not known here.
pub(super) fn number(own: libc::c_long) -> Option<u32> {
    ROWS.iter().find(|row| row.own == own).map(|row| row.number)
}

/// The number of a call among those of `socketcall`; `None` where it is none.
pub(super) fn among_socket_calls(own: libc::c_long) -> Option<u32> {
    ROWS.iter().find(|row| row.own == own && row.among != 0 && SOCKET_CALL.is_some()).map(|row| row.among)
}

impl Call {
    /// The call by our own numbers, with its arguments. It is the same one for who made it by them.
    ///
    /// # Errors
    ///
    /// The error number for the caller, whose arguments cannot be read: `EACCES` where it may not be looked into.
    pub fn by_own_numbers(self, listener: &Listener) -> Result<Self, i32> {
        if !self.is_elder {
            return Ok(self);
        }
        let number = u32::try_from(self.number).ok();
        if number.is_none() || number != SOCKET_CALL {
            let row = ROWS.iter().find(|row| Some(row.number) == number);
            return row.map(|row| Self { number: row.own, ..self }).ok_or(libc::ENOSYS);
        }
        let [among, place, ..] = self.arguments;
        let row = ROWS.iter().find(|row| row.among != 0 && u64::from(row.among) == among & LOW_HALF).ok_or(libc::EINVAL)?;
        let bytes = Callers::memory(self.tid, place & LOW_HALF, row.takes * size_of::<u32>());
        let bytes = bytes.map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::FAULT | Errno::IO) => libc::EFAULT,
            _ => libc::EACCES,
        })?;
        if !listener.is_valid(&self) {
            return Err(libc::EINTR);
        }
        let mut arguments = [0; 6];
        for (argument, word) in arguments.iter_mut().zip(bytes.chunks_exact(size_of::<u32>())) {
            *argument = word.first_chunk().map_or(0, |word| u64::from(u32::from_ne_bytes(*word)));
        }
        Ok(Self { number: row.own, arguments, ..self })
    }
}

/// A call; the number in the elder table of x86, that of ARM, the number among socket calls, and how many arguments it takes there.
const fn row(own: libc::c_long, x86: u32, arm: u32, among: u32, takes: usize) -> Row {
    Row { own, number: if cfg!(target_arch = "x86_64") { x86 } else { arm }, among, takes }
}

/// `asm/unistd_32.h` of x86, `asm/unistd.h` of the ARM EABI, and `linux/net.h`.
const ROWS: &[Row] = &[
    row(libc::SYS_socket, 359, 281, 1, 3),
    row(libc::SYS_bind, 361, 282, 2, 3),
    row(libc::SYS_connect, 362, 283, 3, 3),
    row(libc::SYS_listen, 363, 284, 4, 2),
    row(libc::SYS_accept4, 364, 366, 18, 4),
    row(libc::SYS_getsockname, 367, 286, 6, 3),
    row(libc::SYS_sendto, 369, 290, 11, 6),
    row(libc::SYS_shutdown, 373, 293, 13, 2),
    row(libc::SYS_setsockopt, 366, 294, 14, 5),
    row(libc::SYS_getsockopt, 365, 295, 15, 5),
    row(libc::SYS_sendmsg, 370, 296, 16, 3),
    row(libc::SYS_sendmmsg, 345, 374, 20, 4),
    row(libc::SYS_execve, 11, 11, 0, 0),
    row(libc::SYS_execveat, 358, 387, 0, 0),
    row(libc::SYS_prctl, 172, 172, 0, 0),
    row(libc::SYS_prlimit64, 340, 369, 0, 0),
    row(libc::SYS_io_uring_setup, 425, 425, 0, 0),
    row(libc::SYS_io_uring_enter, 426, 426, 0, 0),
    row(libc::SYS_io_uring_register, 427, 427, 0, 0),
];
/// `socketcall` in the elder table, where there is one.
pub(super) const SOCKET_CALL: Option<u32> = if cfg!(target_arch = "x86_64") { Some(102) } else { None };
/// The processors whose elder's programs they run, too.
pub(super) const HAS_ELDER: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));
const LOW_HALF: u64 = 0xffff_ffff;

#[cfg(test)]
mod tests {
    use super::{ROWS, among_socket_calls, number};

    #[test]
    fn every_call_stands_in_the_table_once() {
        for row in ROWS {
            assert_eq!(ROWS.iter().filter(|other| other.own == row.own || other.number == row.number).count(), 1);
            assert_eq!(row.among == 0, row.takes == 0);
        }
        assert_eq!(number(libc::SYS_read), None);
        if cfg!(target_arch = "x86_64") {
            assert_eq!((number(libc::SYS_bind), among_socket_calls(libc::SYS_bind)), (Some(361), Some(2)));
            assert_eq!((number(libc::SYS_execve), among_socket_calls(libc::SYS_execve)), (Some(11), None));
        }
    }
}
