//! Waiting for the kernel to say that something changed.
//!
//! The kernel tells every reader, without privilege, when a TCP or UDP socket is destroyed (the destroy groups
//! of `sock_diag(7)`) and when a directory changes (`inotify(7)`). It tells nobody without privilege when a
//! socket is opened, so whoever waits for that passes a short time and looks again.

use std::{path::PathBuf, time::Duration};

use rustix::{
    event::{PollFd, PollFlags, poll},
    fd::OwnedFd,
    fs::inotify,
    net::{AddressFamily, SocketFlags, SocketType, bind, netlink, socket_with},
};

use super::files::Mounts;

/// Returns after an event or after `timeout`, whichever is first. Where the kernel refuses to tell, it is the time.
pub(super) fn wait(directories: &[PathBuf], timeout: Duration) {
    let mut sources: Vec<OwnedFd> = destroyed().into_iter().collect();
    if !directories.is_empty() {
        sources.extend(changed(directories));
    }
    let mut polled: Vec<PollFd<'_>> = sources.iter().map(|source| PollFd::new(source, PollFlags::IN)).collect();
    // An interruption ends the wait early, which the caller's next look makes good.
    let _ = poll(&mut polled, Some(&super::timespec(timeout)));
}

fn destroyed() -> Option<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(netlink::SOCK_DIAG)).ok()?;
    bind(&socket, &netlink::SocketAddrNetlink::new(0, DESTROY_GROUPS)).ok()?;
    Some(socket)
}

fn changed(directories: &[PathBuf]) -> Option<OwnedFd> {
    let queue = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK).ok()?;
    let events = inotify::WatchFlags::CREATE | inotify::WatchFlags::DELETE | inotify::WatchFlags::MOVED_TO;
    let mounts = Mounts::now();
    for directory in directories.iter().filter(|directory| !mounts.may_stall(directory)) {
        inotify::add_watch(&queue, directory, events).ok()?;
    }
    Some(queue)
}

/// `SKNLGRP_INET_TCP_DESTROY` (1) to `SKNLGRP_INET6_UDP_DESTROY` (4) of `linux/sock_diag.h`, as bits.
const DESTROY_GROUPS: u32 = 0b1111;
