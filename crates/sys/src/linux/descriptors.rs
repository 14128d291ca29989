//! Copies of other processes' descriptors (`pidfd_getfd(2)`): what only a descriptor tells, or lets be done.

use portward_model::{Holding, Need, Seen, SocketOptions};
use rustix::{
    fd::OwnedFd,
    io::Errno,
    net::sockopt,
    process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open},
};

use super::fence;

/// Reads `SO_REUSEADDR` and `SO_REUSEPORT` of a held socket, and whether it has a fence. The copy is closed at once and changes nothing.
pub(super) fn options(holding: &Holding) -> Seen<SocketOptions> {
    match copy(holding) {
        Ok(socket) => match (sockopt::socket_reuseaddr(&socket), sockopt::socket_reuseport(&socket)) {
            (Ok(reuse_address), Ok(reuse_port)) => {
                let fenced = matches!(fence::filtered(&socket), Ok(fence::Filtered::Fenced(_)));
                Seen::Known(SocketOptions { reuse_address, reuse_port, fenced })
            }
            _ => Seen::Unsupported,
        },
        Err(Errno::PERM | Errno::ACCESS) => Seen::Hidden(Need::Root),
        Err(Errno::SRCH | Errno::BADF) => Seen::Gone,
        Err(_) => Seen::Unsupported,
    }
}

fn copy(holding: &Holding) -> Result<OwnedFd, Errno> {
    get(&open(holding.tid.unwrap_or(holding.pid), holding.tid.is_some())?, holding)
}

/// A copy of a descriptor of the process that `process`, a pidfd, stands for.
pub(super) fn copy_of(process: &OwnedFd, holding: &Holding) -> Result<OwnedFd, Errno> {
    match holding.tid {
        Some(tid) => get(&open(tid, true)?, holding),
        None => get(process, holding),
    }
}

/// A private table belongs to one thread, and a pidfd of Linux before 6.9 stands for a process only.
fn open(id: u32, is_thread: bool) -> Result<OwnedFd, Errno> {
    let flags = if is_thread { PidfdFlags::from_bits_retain(PIDFD_THREAD) } else { PidfdFlags::empty() };
    let raw = i32::try_from(id).map_err(|_| Errno::SRCH)?;
    pidfd_open(Pid::from_raw(raw).ok_or(Errno::SRCH)?, flags)
}

fn get(process: &OwnedFd, holding: &Holding) -> Result<OwnedFd, Errno> {
    let descriptor = i32::try_from(holding.fd).map_err(|_| Errno::BADF)?;
    pidfd_getfd(process, descriptor, PidfdGetfdFlags::empty())
}

/// `linux/pidfd.h`, Linux 6.9: `O_EXCL`.
const PIDFD_THREAD: u32 = 0o200;
