//! The filter itself: a small program for the kernel (`seccomp(2)`).

use rustix::fd::{FromRawFd, OwnedFd, RawFd};

/// Which calls to report, and which to declare absent.
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    /// Numbers of calls that wait for an answer.
    pub reported: &'static [libc::c_long],
    /// Numbers of calls that fail with `ENOSYS`, as if the kernel did not have them.
    pub absent: &'static [libc::c_long],
    /// True to declare absent, too, what reaches the reported calls by another table of numbers: the 32-bit ones of this
    /// processor's elder, and x32.
    pub closes_other_tables: bool,
}

impl Filter {
    /// The program; `None` on a processor whose numbers are not known here.
    pub(super) fn program(&self) -> Option<Vec<libc::sock_filter>> {
        let arch = ARCHITECTURE?;
        let number = |number: &libc::c_long| u32::try_from(*number).ok();
        let mut body = vec![step(LOAD, NUMBER)];
        if self.closes_other_tables && cfg!(target_arch = "x86_64") {
            body.extend([jump(JUMP_IF_GREATER_OR_EQUAL, X32, 0, 1), step(RETURN, ABSENT)]);
        }
        for (calls, verdict) in [(self.reported, libc::SECCOMP_RET_USER_NOTIF), (self.absent, ABSENT)] {
            for call in calls {
                body.extend([jump(JUMP_IF_EQUAL, number(call)?, 0, 1), step(RETURN, verdict)]);
            }
        }
        body.push(step(RETURN, libc::SECCOMP_RET_ALLOW));
        let mut foreign = Vec::new();
        if self.closes_other_tables {
            foreign.push(step(LOAD, NUMBER));
            for call in OTHER_TABLE {
                foreign.extend([jump(JUMP_IF_EQUAL, *call, 0, 1), step(RETURN, ABSENT)]);
            }
        }
        foreign.push(step(RETURN, libc::SECCOMP_RET_ALLOW));
        let mut program = vec![step(LOAD, ARCH), jump(JUMP_IF_EQUAL, arch, u8::try_from(foreign.len()).ok()?, 0)];
        program.extend(foreign);
        program.extend(body);
        Some(program)
    }
}

/// Puts a filter on this thread; gives its listener, or the error number.
pub(super) fn install(program: &[libc::sock_filter]) -> Result<OwnedFd, i32> {
    let len = u16::try_from(program.len()).map_err(|_| libc::E2BIG)?;
    let filter = libc::sock_fprog { len, filter: program.as_ptr().cast_mut() };
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
    with(listener | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
        .or_else(|| with(listener))
        .ok_or_else(|| std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL))
}

fn step(code: u16, k: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt: 0, jf: 0, k }
}

fn jump(code: u16, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf, k }
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
/// Sockets and rings in the 32-bit table of this processor: `socketcall`, `bind`, `connect`, `listen` and
/// `io_uring_setup`, `_enter` and `_register` of `asm/unistd_32.h`, or those of the ARM EABI.
const OTHER_TABLE: &[u32] = if cfg!(target_arch = "x86_64") {
    &[102, 361, 362, 363, 425, 426, 427]
} else if cfg!(target_arch = "aarch64") {
    &[282, 283, 284, 425, 426, 427]
} else {
    &[]
};
/// Numbers of the x32 table carry this bit (`__X32_SYSCALL_BIT`).
const X32: u32 = 0x4000_0000;
/// `SECCOMP_RET_ERRNO` with `ENOSYS` (38), the same number on every processor that is known here.
const ABSENT: u32 = libc::SECCOMP_RET_ERRNO | 0x26;
/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
/// Instructions of `linux/bpf_common.h`: load a word, jump if equal or if not less, return.
const LOAD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_GREATER_OR_EQUAL: u16 = 0x35;
const RETURN: u16 = 0x06;

#[cfg(test)]
mod tests {
    use super::{ABSENT, ARCHITECTURE, Filter, JUMP_IF_EQUAL, JUMP_IF_GREATER_OR_EQUAL, LOAD, RETURN};

    /// What the kernel would do with a call.
    fn run(program: &[libc::sock_filter], arch: u32, number: u32) -> u32 {
        let (mut at, mut loaded) = (0, 0);
        loop {
            let step = program[at];
            at += 1;
            match step.code {
                LOAD => loaded = if step.k == 0 { number } else { arch },
                JUMP_IF_EQUAL => at += usize::from(if loaded == step.k { step.jt } else { step.jf }),
                JUMP_IF_GREATER_OR_EQUAL => at += usize::from(if loaded >= step.k { step.jt } else { step.jf }),
                RETURN => return step.k,
                code => panic!("instruction {code:#x}"),
            }
        }
    }

    #[test]
    fn each_call_meets_its_verdict() {
        let filter = Filter {
            reported: &[libc::SYS_bind, libc::SYS_connect],
            absent: &[libc::SYS_io_uring_setup],
            closes_other_tables: true,
        };
        let program = filter.program().unwrap();
        let own = |number: libc::c_long| run(&program, ARCHITECTURE.unwrap(), u32::try_from(number).unwrap());
        assert_eq!(own(libc::SYS_bind), libc::SECCOMP_RET_USER_NOTIF);
        assert_eq!(own(libc::SYS_connect), libc::SECCOMP_RET_USER_NOTIF);
        assert_eq!(own(libc::SYS_io_uring_setup), ABSENT);
        assert_eq!(own(libc::SYS_read), libc::SECCOMP_RET_ALLOW);
        if cfg!(target_arch = "x86_64") {
            assert_eq!(own(libc::SYS_bind | 0x4000_0000), ABSENT, "x32");
            let i386 = |number| run(&program, 0x4000_0003, number);
            assert_eq!([i386(102), i386(361), i386(425), i386(426), i386(427)], [ABSENT; 5]);
            assert_eq!(i386(3), libc::SECCOMP_RET_ALLOW);
        }
    }

    #[test]
    fn a_filter_that_only_looks_leaves_other_tables_alone() {
        let filter = Filter { reported: &[libc::SYS_connect], absent: &[], closes_other_tables: false };
        let program = filter.program().unwrap();
        assert_eq!(run(&program, 0x4000_0003, 102), libc::SECCOMP_RET_ALLOW);
        assert_eq!(run(&program, ARCHITECTURE.unwrap(), u32::try_from(libc::SYS_bind).unwrap()), libc::SECCOMP_RET_ALLOW);
    }
}
