//! The filter itself: a small program for the kernel (`seccomp(2)`).

use rustix::fd::{FromRawFd, OwnedFd, RawFd};

use super::elder;
use crate::linux::bpf::{
    JUMP, JUMP_IF_ANY_BIT, JUMP_IF_EQUAL, JUMP_IF_GREATER, JUMP_IF_GREATER_OR_EQUAL, LOAD_WORD, RETURN, Step, jump, step,
};

/// Which calls to report, and which to declare absent.
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    /// Calls that wait for an answer. A call that stands here more than once waits where any of its lines fits.
    pub reported: &'static [Reported],
    /// Numbers of calls that fail with `ENOSYS`, as if the kernel did not have them.
    pub absent: &'static [libc::c_long],
    /// True to do the same with calls by another table of numbers: those of this processor's elder, whose `socketcall` is reported
    /// whatever its arguments are. Every call by the x32 table is absent then.
    pub covers_other_tables: bool,
}

/// A call that waits for an answer.
#[derive(Clone, Copy, Debug)]
pub struct Reported {
    /// Its number.
    pub number: libc::c_long,
    /// What has to be true of its arguments, all of it; empty for every such call.
    pub when: &'static [Test],
}

/// What is asked of one argument of a call, counted from 0. A filter sees registers and follows no pointer.
#[derive(Clone, Copy, Debug)]
pub enum Test {
    /// A pointer that is not null.
    NotNull(u8),
    /// An `int` that is one of these.
    OneOf(u8, &'static [u32]),
    /// An `int` that is none of these.
    NoneOf(u8, &'static [u32]),
    /// An `int` with any of these bits.
    HasBits(u8, u32),
}

impl Reported {
    /// Every call of this number.
    #[must_use]
    pub const fn always(number: libc::c_long) -> Self {
        Self { number, when: &[] }
    }

    /// The steps: past them all where the call has not this number or a test fails, with the number loaded once more.
    fn steps(&self, number: u32) -> Option<Vec<Step>> {
        let mut steps = vec![jump(JUMP_IF_EQUAL, number, 0, FAILS)];
        steps.extend(self.when.iter().flat_map(Test::steps));
        steps.push(step(RETURN, libc::SECCOMP_RET_USER_NOTIF));
        let end = steps.len();
        for (at, step) in steps.iter_mut().enumerate() {
            for way in [&mut step.jt, &mut step.jf].into_iter().filter(|way| **way == FAILS) {
                *way = u8::try_from(end - at - 1).ok().filter(|length| *length != FAILS)?;
            }
        }
        if !self.when.is_empty() {
            steps.push(step(LOAD_WORD, NUMBER));
        }
        Some(steps)
    }
}

impl Test {
    /// The steps, which go on below themselves where the test holds.
    fn steps(&self) -> Vec<Step> {
        match *self {
            Self::NotNull(index) => vec![
                step(LOAD_WORD, high_half(index)),
                jump(JUMP_IF_GREATER, 0, 2, 0),
                step(LOAD_WORD, low_half(index)),
                jump(JUMP_IF_GREATER, 0, 0, FAILS),
            ],
            Self::OneOf(index, values) => {
                let mut steps = vec![step(LOAD_WORD, low_half(index))];
                let mut left = values.len();
                for value in values {
                    left -= 1;
                    let past = u8::try_from(left).unwrap_or(FAILS);
                    steps.push(jump(JUMP_IF_EQUAL, *value, past, if left == 0 { FAILS } else { 0 }));
                }
                steps
            }
            Self::NoneOf(index, values) => {
                let tests = values.iter().map(|value| jump(JUMP_IF_EQUAL, *value, FAILS, 0));
                std::iter::once(step(LOAD_WORD, low_half(index))).chain(tests).collect()
            }
            Self::HasBits(index, bits) => vec![step(LOAD_WORD, low_half(index)), jump(JUMP_IF_ANY_BIT, bits, 0, FAILS)],
        }
    }
}

impl Filter {
    /// The program; `None` on a processor whose numbers are not known here.
    pub(super) fn program(&self) -> Option<Vec<Step>> {
        let arch = ARCHITECTURE?;
        let mut body = vec![step(LOAD_WORD, NUMBER)];
        if self.covers_other_tables && cfg!(target_arch = "x86_64") {
            body.extend([jump(JUMP_IF_GREATER_OR_EQUAL, X32, 0, 1), step(RETURN, ABSENT)]);
        }
        for call in self.reported {
            body.extend(call.steps(u32::try_from(call.number).ok()?)?);
        }
        for call in self.absent {
            body.extend([jump(JUMP_IF_EQUAL, u32::try_from(*call).ok()?, 0, 1), step(RETURN, ABSENT)]);
        }
        body.push(step(RETURN, libc::SECCOMP_RET_ALLOW));
        let length = u32::try_from(body.len()).ok()?;
        let mut program = vec![step(LOAD_WORD, ARCH), jump(JUMP_IF_EQUAL, arch, 1, 0), step(JUMP, length)];
        program.extend(body);
        program.extend(if self.covers_other_tables { self.elder()? } else { vec![step(RETURN, libc::SECCOMP_RET_ALLOW)] });
        Some(program)
    }

    /// What becomes of calls by the elder table; `None` where one of them is not known in it.
    fn elder(&self) -> Option<Vec<Step>> {
        let mut steps = vec![step(LOAD_WORD, NUMBER)];
        for call in self.reported.iter().filter(|_| elder::HAS_ELDER) {
            steps.extend(call.steps(elder::number(call.number)?)?);
        }
        for call in self.absent.iter().filter(|_| elder::HAS_ELDER) {
            steps.extend([jump(JUMP_IF_EQUAL, elder::number(*call)?, 0, 1), step(RETURN, ABSENT)]);
        }
        if let Some(number) = elder::SOCKET_CALL {
            let mut within = vec![step(LOAD_WORD, low_half(0))];
            for among in self.reported.iter().filter_map(|call| elder::among_socket_calls(call.number)) {
                within.extend([jump(JUMP_IF_EQUAL, among, 0, 1), step(RETURN, libc::SECCOMP_RET_USER_NOTIF)]);
            }
            steps.push(jump(JUMP_IF_EQUAL, number, 0, u8::try_from(within.len()).ok()?));
            steps.extend(within);
        }
        steps.push(step(RETURN, libc::SECCOMP_RET_ALLOW));
        Some(steps)
    }
}

/// Puts a filter on this thread; gives its listener, or the error number.
pub(super) fn install(program: &[Step]) -> Result<OwnedFd, i32> {
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

/// Where the halves of an argument stand; every processor that is known here puts the low one first.
fn low_half(index: u8) -> u32 {
    ARGUMENTS + 8 * u32::from(index)
}

fn high_half(index: u8) -> u32 {
    low_half(index) + 4
}

/// `AUDIT_ARCH_*` of `linux/audit.h` for the system calls of this build.
pub(super) const ARCHITECTURE: Option<u32> = if cfg!(target_arch = "x86_64") {
    Some(0xC000_003E)
} else if cfg!(target_arch = "aarch64") {
    Some(0xC000_00B7)
} else if cfg!(target_arch = "riscv64") {
    Some(0xC000_00F3)
} else {
    None
};
/// Numbers of the x32 table carry this bit (`__X32_SYSCALL_BIT`).
const X32: u32 = 0x4000_0000;
/// `SECCOMP_RET_ERRNO` with `ENOSYS` (38), the same number on every processor that is known here.
const ABSENT: u32 = libc::SECCOMP_RET_ERRNO | 0x26;
/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const ARGUMENTS: u32 = 16;
/// Stands for the way past all steps of a call, until their number is known.
const FAILS: u8 = u8::MAX;

#[cfg(test)]
mod tests {
    use super::{
        ABSENT, ARCHITECTURE, Filter, JUMP, JUMP_IF_ANY_BIT, JUMP_IF_EQUAL, JUMP_IF_GREATER, JUMP_IF_GREATER_OR_EQUAL, LOAD_WORD,
        RETURN, Reported, Step, Test,
    };

    const CONDITIONAL: &[Reported] = &[
        Reported { number: libc::SYS_sendto, when: &[Test::NotNull(4)] },
        Reported { number: libc::SYS_sendmsg, when: &[Test::HasBits(2, 0x2000_0000)] },
        Reported { number: libc::SYS_setsockopt, when: &[Test::OneOf(1, &[1]), Test::OneOf(2, &[25, 26, 27])] },
        Reported { number: libc::SYS_socket, when: &[Test::NoneOf(0, &[1, 16])] },
        Reported { number: libc::SYS_setsockopt, when: &[Test::OneOf(1, &[41]), Test::OneOf(2, &[76])] },
        BIND,
    ];
    const HALF: u64 = 0xffff_ffff;
    const BIND: Reported = Reported::always(libc::SYS_bind);
    const CONNECT: Reported = Reported::always(libc::SYS_connect);

    /// What the kernel would do with a call.
    fn run(program: &[Step], arch: u32, number: u32, arguments: [u64; 6]) -> u32 {
        let halves = arguments.iter().flat_map(|argument| [*argument & HALF, *argument >> 32]);
        let halves = halves.map(|half| u32::try_from(half).unwrap());
        let data: Vec<u32> = [number, arch, 0, 0].into_iter().chain(halves).collect();
        let (mut at, mut loaded) = (0, 0);
        loop {
            let step = program[at];
            at += 1;
            let branch = |holds: bool| usize::from(if holds { step.jt } else { step.jf });
            match step.code {
                LOAD_WORD => loaded = data[step.k as usize / 4],
                JUMP => at += step.k as usize,
                JUMP_IF_EQUAL => at += branch(loaded == step.k),
                JUMP_IF_GREATER => at += branch(loaded > step.k),
                JUMP_IF_GREATER_OR_EQUAL => at += branch(loaded >= step.k),
                JUMP_IF_ANY_BIT => at += branch(loaded & step.k != 0),
                RETURN => return step.k,
                code => panic!("instruction {code:#x}"),
            }
        }
    }

    fn own(program: &[Step], number: libc::c_long, arguments: [u64; 6]) -> u32 {
        run(program, ARCHITECTURE.unwrap(), u32::try_from(number).unwrap(), arguments)
    }

    #[test]
    fn each_call_meets_its_verdict() {
        let filter = Filter { reported: &[BIND, CONNECT], absent: &[libc::SYS_io_uring_setup], covers_other_tables: true };
        let program = filter.program().unwrap();
        let own = |number| own(&program, number, [0; 6]);
        assert_eq!(own(libc::SYS_bind), libc::SECCOMP_RET_USER_NOTIF);
        assert_eq!(own(libc::SYS_connect), libc::SECCOMP_RET_USER_NOTIF);
        assert_eq!(own(libc::SYS_io_uring_setup), ABSENT);
        assert_eq!(own(libc::SYS_read), libc::SECCOMP_RET_ALLOW);
        if cfg!(target_arch = "x86_64") {
            assert_eq!(own(libc::SYS_bind | 0x4000_0000), ABSENT, "x32");
            let i386 = |number, first| run(&program, 0x4000_0003, number, [first, 0, 0, 0, 0, 0]);
            let reported = libc::SECCOMP_RET_USER_NOTIF;
            assert_eq!([i386(361, 3), i386(362, 3), i386(102, 2), i386(102, 3)], [reported; 4]);
            // The kernel takes an int; what stands above it in the register is noise.
            assert_eq!((i386(102, 7 << 32 | 2), i386(425, 0)), (reported, ABSENT));
            assert_eq!([i386(3, 0), i386(363, 3), i386(102, 1), i386(102, 9), i386(426, 0)], [libc::SECCOMP_RET_ALLOW; 5]);
        }
    }

    #[test]
    fn a_call_is_reported_where_its_arguments_ask_for_it() {
        let filter = Filter { reported: CONDITIONAL, absent: &[libc::SYS_io_uring_setup], covers_other_tables: false };
        let program = filter.program().unwrap();
        let is_reported = |number, arguments| match own(&program, number, arguments) {
            libc::SECCOMP_RET_USER_NOTIF => true,
            libc::SECCOMP_RET_ALLOW => false,
            verdict => panic!("{verdict:#x}"),
        };
        let to = |address| is_reported(libc::SYS_sendto, [3, 1, 1, 0, address, 16]);
        assert_eq!([to(0), to(1), to(1 << 32), to(0x7fff_0000_0000), to(u64::MAX)], [false, true, true, true, true]);
        let message = |flags| is_reported(libc::SYS_sendmsg, [3, 1, flags, 0, 0, 0]);
        assert_eq!([message(0), message(0x4000), message(0x2000_4000), message(1 << 32)], [false, false, true, false]);
        let option = |level, name| is_reported(libc::SYS_setsockopt, [3, level, name, 1, 4, 0]);
        assert_eq!([option(1, 25), option(1, 26), option(1, 27), option(41, 76)], [true; 4]);
        assert_eq!([option(1, 2), option(1, 76), option(6, 26), option(41, 26)], [false; 4]);
        let family = |family| is_reported(libc::SYS_socket, [family, 1, 0, 0, 0, 0]);
        assert_eq!(
            [family(1), family(16), family(1 << 32 | 1), family(2), family(10), family(40)],
            [false, false, false, true, true, true]
        );
        // The kernel takes an int; what stands above it in the register is the program's own noise.
        assert!(option(0x1_0000_0001, 0x700_0000_001a));
        if cfg!(target_arch = "x86_64") {
            let covered = Filter { covers_other_tables: true, ..filter }.program().unwrap();
            let i386 = |number, arguments| run(&covered, 0x4000_0003, number, arguments) == libc::SECCOMP_RET_USER_NOTIF;
            assert!(i386(369, [3, 1, 1, 0, 1, 16]) && !i386(369, [3, 1, 1, 0, 0, 0]), "sendto in registers");
            assert!(i386(102, [11, 1, 0, 0, 0, 0]), "sendto in memory");
            assert!(i386(366, [3, 1, 25, 0, 0, 0]) && !i386(366, [3, 1, 2, 0, 0, 0]));
        }
        assert!(is_reported(libc::SYS_bind, [0; 6]) && !is_reported(libc::SYS_recvfrom, [3, 1, 1, 0, 1, 1]));
        assert_eq!(own(&program, libc::SYS_io_uring_setup, [0; 6]), ABSENT, "the number is there again after each test");
    }

    #[test]
    fn a_filter_that_only_looks_leaves_other_tables_alone() {
        let filter = Filter { reported: &[CONNECT], absent: &[], covers_other_tables: false };
        let program = filter.program().unwrap();
        assert_eq!(run(&program, 0x4000_0003, 102, [0; 6]), libc::SECCOMP_RET_ALLOW);
        assert_eq!(own(&program, libc::SYS_bind, [0; 6]), libc::SECCOMP_RET_ALLOW);
    }
}
