//! A process that answers for programs which outlive their observer.
//!
//! A program whose filter nobody listens to fails in every later connect (`ENOSYS`). So where a client left something
//! running, a copy of this process stays behind, lets every call through, and ends with the last of them.

use rustix::fd::{AsFd, AsRawFd, RawFd};

use crate::linux::unotify::Listener;

/// Leaves a keeper behind, where somebody still has the filter.
pub(super) fn keep(listener: &Listener) {
    let descriptor = listener.as_fd().as_raw_fd();
    // SAFETY: poll(2) writes to one structure of ours.
    #[allow(unsafe_code)]
    let nobody = unsafe {
        let mut polled = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
        libc::poll(std::ptr::from_mut(&mut polled), 1, 0) > 0 && polled.revents & libc::POLLIN == 0
    };
    if nobody {
        return;
    }
    // SAFETY: the child makes system calls on values of its own and leaves by _exit, as the copy of a process with
    // threads must. It forks once more, so that it is not this process's to wait for; the first child is waited for.
    #[allow(unsafe_code)]
    unsafe {
        let first = libc::fork();
        if first == 0 {
            libc::setsid();
            if libc::fork() == 0 {
                answer(descriptor);
            }
            libc::_exit(0);
        }
        if first > 0 {
            libc::waitpid(first, std::ptr::null_mut(), 0);
        }
    }
}

/// Lets every call through until nobody has the filter; never returns.
///
/// # Safety
///
/// To be called in a child that has no other threads; it closes every descriptor but the listener.
#[allow(unsafe_code)]
unsafe fn answer(listener: RawFd) -> ! {
    // SAFETY: this process has no other thread, and nothing in it uses a descriptor but what follows. The structures
    // are zeroed, as the kernel wants them, and consist of numbers.
    unsafe {
        // An open pipe would let a reader of the observer's output wait for this process too.
        if libc::dup2(listener, 0) == 0 {
            libc::syscall(libc::SYS_close_range, 1, libc::c_uint::MAX, 0);
        }
        libc::chdir(c"/".as_ptr());
        loop {
            let mut polled = libc::pollfd { fd: 0, events: libc::POLLIN, revents: 0 };
            if libc::poll(std::ptr::from_mut(&mut polled), 1, -1) < 0 {
                continue;
            }
            if polled.revents & libc::POLLIN == 0 {
                libc::_exit(0);
            }
            let mut report: libc::seccomp_notif = std::mem::zeroed();
            if libc::ioctl(0, libc::SECCOMP_IOCTL_NOTIF_RECV, std::ptr::from_mut(&mut report)) == 0 {
                let mut proceed = libc::seccomp_notif_resp { id: report.id, val: 0, error: 0, flags: 1 };
                libc::ioctl(0, libc::SECCOMP_IOCTL_NOTIF_SEND, std::ptr::from_mut(&mut proceed));
            }
        }
    }
}
