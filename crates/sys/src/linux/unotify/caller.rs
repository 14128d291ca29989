//! What belongs to a thread that waits in a reported call: its memory and its sockets.
#![expect(clippy::disallowed_methods, reason = "a thread's memory and status are the kernel's own files")]

use std::{
    fs::{self, File},
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    os::unix::fs::FileExt,
};

use portward_model::Text;
use portward_wire::procfs;
use rustix::{
    fd::OwnedFd,
    io::Errno,
    process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open},
};

/// Threads that have called before, each with the descriptor of its process: a server calls often.
#[derive(Debug, Default)]
pub struct Callers {
    known: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    tid: u32,
    /// A descriptor of its process.
    process: OwnedFd,
    /// The process's number, once somebody has asked for it.
    pid: Option<u32>,
}

impl Callers {
    /// A copy of the socket that a thread has under this number. Its process must be this user's and allow to be looked
    /// into (`ptrace(2)`, access mode attach). `MFILE` and `NFILE` are this process's own want of descriptors.
    pub fn socket(&mut self, tid: u32, descriptor: i32) -> Result<OwnedFd, Errno> {
        // No descriptor has such a number, and what wraps the system calls takes none.
        if descriptor < 0 {
            return Err(Errno::BADF);
        }
        match self.copied(tid, descriptor) {
            Err(Errno::MFILE | Errno::NFILE) if !self.known.is_empty() => {
                self.known.clear();
                self.copied(tid, descriptor)
            }
            answer => answer,
        }
    }

    fn copied(&mut self, tid: u32, descriptor: i32) -> Result<OwnedFd, Errno> {
        if let Some(at) = self.known.iter().position(|known| known.tid == tid) {
            match pidfd_getfd(&self.known[at].process, descriptor, PidfdGetfdFlags::empty()) {
                // The thread that had this number has ended; another one has it now.
                Err(Errno::SRCH) => drop(self.known.swap_remove(at)),
                answer => return answer,
            }
        }
        let process = open(tid)?;
        let copy = pidfd_getfd(&process, descriptor, PidfdGetfdFlags::empty());
        if copy.is_ok() {
            if self.known.len() >= MOST_KNOWN {
                self.known.remove(0);
            }
            self.known.push(Known { tid, process, pid: None });
        }
        copy
    }

    /// The process that a thread belongs to whose socket was copied for the call that it waits in: read once for each thread, because
    /// what the kernel writes of one takes longer than most calls. The thread's own number where that cannot be read.
    pub fn process_of(&mut self, tid: u32) -> u32 {
        let read = || Self::process(tid).unwrap_or(tid);
        match self.known.iter_mut().find(|known| known.tid == tid) {
            Some(known) => *known.pid.get_or_insert_with(read),
            None => read(),
        }
    }

    /// The process that a thread belongs to (`/proc/TID/status`; names in it need not be UTF-8).
    pub fn process(tid: u32) -> io::Result<u32> {
        let status = fs::read(format!("/proc/{tid}/status"))?;
        Ok(procfs::thread_group(&status).unwrap_or(tid))
    }

    /// The parent of a process, and when it started in ticks since boot, which everybody may read (`/proc/PID/stat`).
    pub fn origin(pid: u32) -> Option<(u32, u64)> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        procfs::stat(&stat).map(|stat| (stat.parent, stat.started_ticks))
    }

    /// What the kernel calls a thread (`/proc/TID/comm`); of a program that has just begun, the beginning of its file's name.
    pub fn name(tid: u32) -> io::Result<Vec<u8>> {
        let mut name = fs::read(format!("/proc/{tid}/comm"))?;
        name.pop_if(|last| *last == b'\n');
        Ok(name)
    }

    /// The arguments that the program of a thread was started with, as they are.
    pub fn arguments(tid: u32) -> io::Result<Vec<Text>> {
        let bytes = fs::read(format!("/proc/{tid}/cmdline"))?;
        let bytes = bytes.strip_suffix(&[0]).unwrap_or(&bytes);
        Ok(bytes.split(|byte| *byte == 0).take(MOST_ARGUMENTS).map(Text::new).collect())
    }

    /// The bytes at an address of a thread's memory, at most [`LONGEST_ADDRESS`].
    pub fn memory(tid: u32, address: u64, length: usize) -> io::Result<Vec<u8>> {
        Self::much_memory(tid, address, length.min(LONGEST_ADDRESS))
    }

    /// The same of what is longer than an address, at most [`LONGEST_MEMORY`]: a datagram, or a filter.
    pub fn much_memory(tid: u32, address: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length.min(LONGEST_MEMORY)];
        if bytes.is_empty() {
            return Ok(bytes);
        }
        let Ok(start) = usize::try_from(address) else { return Err(io::ErrorKind::InvalidInput.into()) };
        let Some(pid) = i32::try_from(tid).ok().and_then(Pid::from_raw) else { return Err(io::ErrorKind::InvalidInput.into()) };
        let local = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
        let remote = libc::iovec { iov_base: start as *mut libc::c_void, iov_len: bytes.len() };
        // SAFETY: the kernel writes at most `iov_len` bytes into our buffer, which lives until the call returns; the
        // other address is the other process's and is only read.
        #[allow(unsafe_code)]
        let read = unsafe { libc::process_vm_readv(pid.as_raw_nonzero().get(), &raw const local, 1, &raw const remote, 1, 0) };
        if usize::try_from(read).ok() == Some(bytes.len()) {
            return Ok(bytes);
        }
        // Some sandboxes refuse the call and allow the file.
        File::open(format!("/proc/{tid}/mem"))?.read_exact_at(&mut bytes, address)?;
        Ok(bytes)
    }

    /// Writes bytes at an address of a thread's memory, all of them or an error. Whoever writes has just made sure that the thread
    /// still waits in its call ([`super::Listener::is_valid`]).
    pub fn write(tid: u32, address: u64, bytes: &[u8]) -> io::Result<()> {
        let Ok(start) = usize::try_from(address) else { return Err(io::ErrorKind::InvalidInput.into()) };
        let Some(pid) = i32::try_from(tid).ok().and_then(Pid::from_raw) else { return Err(io::ErrorKind::InvalidInput.into()) };
        let local = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        let remote = libc::iovec { iov_base: start as *mut libc::c_void, iov_len: bytes.len() };
        // SAFETY: the kernel reads `iov_len` bytes of our buffer, which lives until the call returns, and writes them into the other
        // process, whose memory it checks.
        #[allow(unsafe_code)]
        let written =
            unsafe { libc::process_vm_writev(pid.as_raw_nonzero().get(), &raw const local, 1, &raw const remote, 1, 0) };
        if usize::try_from(written).ok() == Some(bytes.len()) {
            return Ok(());
        }
        // Some sandboxes refuse the call and allow the file.
        fs::OpenOptions::new().write(true).open(format!("/proc/{tid}/mem"))?.write_all_at(bytes, address)
    }
}

/// A descriptor of the process that a thread belongs to; of the thread itself where the kernel can (Linux 6.9).
fn open(tid: u32) -> Result<OwnedFd, Errno> {
    let pid = |number: u32| i32::try_from(number).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH);
    // SAFETY: the call takes two numbers and makes a descriptor; a kernel that does not know the flag says EINVAL.
    #[allow(unsafe_code)]
    let made = unsafe { libc::syscall(libc::SYS_pidfd_open, tid, PIDFD_THREAD) };
    if let Ok(made) = i32::try_from(made)
        && made >= 0
    {
        // SAFETY: the kernel just made this descriptor for us; nobody else has it.
        #[allow(unsafe_code)]
        return Ok(unsafe { rustix::fd::FromRawFd::from_raw_fd(made) });
    }
    let process = Callers::process(tid).map_err(|error| match Errno::from_io_error(&error) {
        // That is no word about the thread.
        Some(own @ (Errno::MFILE | Errno::NFILE)) => own,
        _ => Errno::SRCH,
    })?;
    pidfd_open(pid(process)?, PidfdFlags::empty())
}

/// The address and port in a `sockaddr_in` or `sockaddr_in6`; `None` for what is shorter, or of another family.
pub fn socket_address(bytes: &[u8]) -> Option<SocketAddr> {
    let family = i32::from(u16::from_ne_bytes(*bytes.first_chunk()?));
    let port = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
    match family {
        libc::AF_INET => {
            let address = Ipv4Addr::from(*bytes.get(4..)?.first_chunk::<4>()?);
            Some(SocketAddr::V4(SocketAddrV4::new(address, port)))
        }
        libc::AF_INET6 => {
            let address = Ipv6Addr::from(*bytes.get(8..)?.first_chunk::<16>()?);
            let scope = bytes.get(24..).and_then(<[u8]>::first_chunk).map_or(0, |scope| u32::from_ne_bytes(*scope));
            Some(SocketAddr::V6(SocketAddrV6::new(address, port, 0, scope)))
        }
        _ => None,
    }
}

/// `struct sockaddr_storage`
pub const LONGEST_ADDRESS: usize = 128;
/// More than any datagram.
pub const LONGEST_MEMORY: usize = 64 * 1024;
/// `PIDFD_THREAD` of `linux/pidfd.h`.
const PIDFD_THREAD: libc::c_uint = libc::O_EXCL as libc::c_uint;
/// Threads whose descriptors are kept.
const MOST_KNOWN: usize = 12;
/// So many words of a command line are looked at.
const MOST_ARGUMENTS: usize = 256;

#[cfg(test)]
mod tests {
    use super::{Callers, socket_address};

    #[test]
    fn addresses_as_programs_give_them() {
        let family = |family: i32| u16::try_from(family).unwrap().to_ne_bytes();
        let shown = |bytes: &[u8]| socket_address(bytes).map(|address| address.to_string());
        let v4 = [&family(libc::AF_INET)[..], &[0x0b, 0xb8, 127, 0, 0, 1], &[0; 8]].concat();
        assert_eq!(shown(&v4).as_deref(), Some("127.0.0.1:3000"));
        let mut loopback = [0; 16];
        loopback[15] = 1;
        let v6 = [&family(libc::AF_INET6)[..], &[0x0b, 0xb8, 0, 0, 0, 0], &loopback, &0u32.to_ne_bytes()].concat();
        assert_eq!(shown(&v6).as_deref(), Some("[::1]:3000"));
        assert_eq!(shown(&family(libc::AF_NETLINK)), None);
        for length in 0..8 {
            assert_eq!(shown(&v4[..length]), None);
        }
    }

    #[test]
    fn a_thread_with_any_name_belongs_to_its_process() {
        let own = std::thread::spawn(|| {
            rustix::thread::set_name(c"\xff\xfe").unwrap();
            Callers::process(u32::try_from(rustix::thread::gettid().as_raw_nonzero().get()).unwrap())
        });
        assert_eq!(own.join().unwrap().unwrap(), std::process::id());
    }

    #[test]
    fn memory_and_sockets_of_this_very_thread() {
        let words = *b"here I stand";
        let tid = std::process::id();
        assert_eq!(Callers::memory(tid, words.as_ptr() as u64, words.len()).unwrap(), words);
        let own = vec![0; words.len()];
        Callers::write(tid, own.as_ptr() as u64, &words).unwrap();
        // The compiler knows of no write; it is asked to look.
        assert_eq!(std::hint::black_box(own), words);
        assert!(Callers::write(tid, 8, &words).is_err(), "no memory there");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut callers = Callers::default();
        for _ in 0..2 {
            let copy = callers.socket(tid, std::os::fd::AsRawFd::as_raw_fd(&listener)).unwrap();
            let copied = std::net::TcpListener::from(copy).local_addr().unwrap();
            assert_eq!(copied, listener.local_addr().unwrap());
        }
        assert!(callers.socket(tid, 9999).is_err());
        assert_eq!((Callers::process(tid).unwrap(), callers.process_of(tid), callers.process_of(tid)), (tid, tid, tid));
        for negative in [-1, i32::MIN] {
            assert_eq!(callers.socket(tid, negative).unwrap_err(), rustix::io::Errno::BADF);
        }
    }
}
