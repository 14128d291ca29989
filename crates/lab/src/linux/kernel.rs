//! The calls that no safe library has. Each states why it is sound.
#![allow(unsafe_code)]

use std::{
    io,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
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

/// A Landlock ruleset that handles these rights of networks, `landlock_create_ruleset(2)`.
pub(super) fn landlock_ruleset(rights: u64) -> io::Result<OwnedFd> {
    // struct landlock_ruleset_attr: rights of files, rights of networks.
    let attributes = [0_u64, rights];
    let size = size_of_val(&attributes);
    // SAFETY: The address and size are those of a live array, which the kernel only reads.
    let made = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, attributes.as_ptr(), size, 0) };
    match RawFd::try_from(made) {
        // SAFETY: The kernel has just made this descriptor for this process, and nothing else owns it.
        Ok(number) if number >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(number) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Allows a port in a ruleset, `landlock_add_rule(2)`.
pub(super) fn landlock_allow_port(rules: &OwnedFd, rights: u64, port: u16) -> io::Result<()> {
    // struct landlock_net_port_attr: rights, port.
    let attributes = [rights, u64::from(port)];
    // SAFETY: The kernel reads this live array alone; rule type 2 (LANDLOCK_RULE_NET_PORT) has its layout.
    let result = unsafe { libc::syscall(libc::SYS_landlock_add_rule, rules.as_raw_fd(), 2, attributes.as_ptr(), 0) };
    done(result)
}

/// Puts this thread, and what it starts, under a ruleset, `landlock_restrict_self(2)`.
pub(super) fn landlock_restrict(rules: &OwnedFd) -> io::Result<()> {
    // SAFETY: The call takes numbers alone, and the descriptor is open.
    done(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0) })
}

/// Lets these system calls fail with `EPERM` in this thread and what it starts, seccomp(2).
pub(super) fn refuse_calls(calls: &[i64]) -> io::Result<()> {
    let instruction = |code: u32, k: u32, jt: usize| libc::sock_filter {
        code: u16::try_from(code).unwrap_or_default(),
        jt: u8::try_from(jt).unwrap_or(u8::MAX),
        jf: 0,
        k,
    };
    let numbers: Vec<u32> = calls.iter().filter_map(|call| u32::try_from(*call).ok()).collect();
    // The call's number is the first word of struct seccomp_data. Each comparison jumps over the rest and the "allow".
    let mut filter = vec![instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0)];
    for (at, number) in numbers.iter().enumerate() {
        filter.push(instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, *number, numbers.len() - at));
    }
    filter.push(instruction(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0));
    filter.push(instruction(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs(), 0));
    let length = libc::c_ushort::try_from(filter.len()).map_err(io::Error::other)?;
    let program = libc::sock_fprog { len: length, filter: filter.as_mut_ptr() };
    // SAFETY: The program's address and length are those of a live vector, which the kernel copies during the call.
    done(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) })
}

/// Lets a packet socket capture what arrives from now on, of every protocol, and not what leaves: packet(7).
pub(super) fn capture_arriving(socket: &OwnedFd) -> io::Result<()> {
    let yes: libc::c_int = 1;
    let size = libc::socklen_t::try_from(size_of_val(&yes)).map_err(io::Error::other)?;
    // SAFETY: The option's value is a live integer of the size that is given, which the kernel only reads.
    let set =
        unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, (&raw const yes).cast(), size) };
    done(set.into())?;
    // SAFETY: All its fields are numbers and arrays of numbers, for which zero is a value.
    let mut place: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    place.sll_family = libc::c_ushort::try_from(libc::AF_PACKET).unwrap_or_default();
    place.sll_protocol = libc::c_ushort::try_from(libc::ETH_P_ALL).unwrap_or_default().to_be();
    let size = libc::socklen_t::try_from(size_of_val(&place)).map_err(io::Error::other)?;
    // SAFETY: The address is a live sockaddr_ll of the size that is given, which the kernel only reads.
    done(unsafe { libc::bind(socket.as_raw_fd(), (&raw const place).cast(), size) }.into())
}

/// `linux/if_packet.h`
const PACKET_IGNORE_OUTGOING: libc::c_int = 23;

fn done(result: libc::c_long) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
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
