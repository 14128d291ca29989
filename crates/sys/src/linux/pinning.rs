//! Pinning another program's socket to the loopback device, on a copy of its descriptor (`pidfd_getfd(2)`).

use std::{fs, io};

use portward_model::{Holding, ProcessId, Text};
use rustix::{io::Errno, net::sockopt};

use super::{actions, descriptors, device};
use crate::{Pinned, SysError};

/// Pins the very socket with this cookie, which this process holds by this descriptor.
pub(super) fn pin(process: ProcessId, holding: &Holding, cookie: u64) -> Result<Pinned, SysError> {
    // From here on the pid means this process and no other.
    let held = actions::hold(process)?;
    let socket = match descriptors::copy_of(&held, holding) {
        Ok(socket) => socket,
        Err(Errno::PERM | Errno::ACCESS) => return Ok(Pinned::Denied { ptrace_scope: ptrace_scope() }),
        Err(Errno::BADF | Errno::SRCH) => return Ok(Pinned::Gone),
        Err(Errno::NOSYS) => {
            return Err(SysError::Unsupported {
                what: "copies of another program's descriptor (pidfd_getfd, Linux 5.6)".to_owned(),
            });
        }
        Err(error) => return Err(failed(process, error.into())),
    };
    // The number may have come to mean another socket since it was listed.
    if sockopt::socket_cookie(&socket).ok() != Some(cookie) {
        return Ok(Pinned::Gone);
    }
    let before = device::pinned_to(&socket).unwrap_or_default();
    if before == device::LOOPBACK {
        return Ok(Pinned::Already);
    }
    match device::pin(&socket) {
        Ok(()) => Ok(Pinned::Now),
        Err(libc::EPERM) if !before.is_empty() => Ok(Pinned::Elsewhere { device: Text::new(&before) }),
        Err(number) => Err(failed(process, io::Error::from_raw_os_error(number))),
    }
}

fn failed(process: ProcessId, source: io::Error) -> SysError {
    SysError::Process { pid: process.pid, operation: "reached for its socket", source }
}

/// What Yama allows (`kernel.yama.ptrace_scope`), where the kernel has it and it forbids anything.
fn ptrace_scope() -> Option<u8> {
    let text = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").ok()?;
    text.trim().parse().ok().filter(|scope| *scope > 0)
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, os::fd::AsRawFd};

    use portward_model::{Holding, ProcessId};
    use rustix::net::sockopt;

    use super::pin;
    use crate::{Pinned, SysError, linux::processes};

    #[test]
    fn the_very_socket_and_no_other() {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let other = TcpListener::bind("0.0.0.0:0").unwrap();
        let own = processes::read(&[std::process::id()]).unwrap();
        let process = own.iter().find(|process| process.id.pid == std::process::id()).unwrap().id;
        let holding = |descriptor: i32| Holding { socket: 0, pid: process.pid, tid: None, fd: descriptor.cast_unsigned() };
        let cookie = sockopt::socket_cookie(&listener).unwrap();
        assert_eq!(pin(process, &holding(other.as_raw_fd()), cookie).unwrap(), Pinned::Gone);
        assert_eq!(pin(process, &holding(9_999), cookie).unwrap(), Pinned::Gone);
        assert_eq!(pin(process, &holding(listener.as_raw_fd()), cookie).unwrap(), Pinned::Now);
        assert_eq!(pin(process, &holding(listener.as_raw_fd()), cookie).unwrap(), Pinned::Already);
        let reused = ProcessId { started_ticks: process.started_ticks + 1, ..process };
        assert!(matches!(pin(reused, &holding(listener.as_raw_fd()), cookie), Err(SysError::Replaced { .. })));
    }
}
