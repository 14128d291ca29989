//! The device that a socket is pinned to (`SO_BINDTODEVICE`, socket(7)).

use std::{io, mem::MaybeUninit};

use rustix::fd::{AsFd, AsRawFd};

/// Pins a socket to `lo`, unless it is already; gives the error number that the kernel gave. A process without privilege
/// may do it once, and not undo it (Linux 5.7).
pub fn pin(socket: &impl AsFd) -> Result<(), i32> {
    if pinned_to(socket).as_deref() == Some(LOOPBACK) {
        return Ok(());
    }
    let name = LOOPBACK;
    let length = libc::socklen_t::try_from(name.len()).map_err(|_| libc::EINVAL)?;
    // SAFETY: the kernel reads `length` bytes of a constant.
    #[allow(unsafe_code)]
    let done = unsafe {
        let socket = socket.as_fd().as_raw_fd();
        libc::setsockopt(socket, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, name.as_ptr().cast(), length)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)) }
}

/// Takes the pin off a socket, which takes `CAP_NET_RAW`; gives the error number that the kernel gave.
pub fn unpin(socket: &impl AsFd) -> Result<(), i32> {
    // SAFETY: of a name with no length the kernel reads nothing.
    #[allow(unsafe_code)]
    let done = unsafe {
        let socket = socket.as_fd().as_raw_fd();
        libc::setsockopt(socket, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, LOOPBACK.as_ptr().cast(), 0)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)) }
}

/// The name of the device that a socket is pinned to, empty for none; `None` where the kernel does not tell.
pub fn pinned_to(socket: &impl AsFd) -> Option<Vec<u8>> {
    let mut name = [MaybeUninit::<u8>::zeroed(); libc::IFNAMSIZ];
    let mut length = libc::socklen_t::try_from(name.len()).ok()?;
    // SAFETY: the kernel writes at most `length` bytes into our buffer, and its end into `length`.
    #[allow(unsafe_code)]
    let done = unsafe {
        let (socket, option) = (socket.as_fd().as_raw_fd(), libc::SO_BINDTODEVICE);
        libc::getsockopt(socket, libc::SOL_SOCKET, option, name.as_mut_ptr().cast(), std::ptr::from_mut(&mut length))
    };
    if done != 0 {
        return None;
    }
    let written = name.get(..usize::try_from(length).ok()?)?;
    // SAFETY: the buffer was zeroed when it was made.
    #[allow(unsafe_code)]
    let bytes = written.iter().map(|byte| unsafe { byte.assume_init() });
    Some(bytes.take_while(|byte| *byte != 0).collect())
}

/// The name of the loopback device, which is the same everywhere.
pub const LOOPBACK: &[u8] = b"lo";

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::{LOOPBACK, pin, pinned_to};

    #[test]
    fn a_pin_holds_and_may_be_asked_for_twice() {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        assert_eq!(pinned_to(&listener).as_deref(), Some(&b""[..]));
        pin(&listener).unwrap();
        pin(&listener).unwrap();
        assert_eq!(pinned_to(&listener).as_deref(), Some(LOOPBACK));
        assert!(listener.local_addr().is_ok());
    }
}
