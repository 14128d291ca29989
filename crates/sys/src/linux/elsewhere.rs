//! Sockets of another network namespace, which a process made there hands over.
//!
//! A socket belongs to the namespace that it was made in, whoever uses it afterwards. So a process of this program enters the
//! namespace, makes what it is asked for, and does nothing else. Who may not enter a network namespace by itself may still be the owner
//! of the user namespace that it belongs to, and a process with one thread can enter that first (`setns(2)`).

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    path::Path,
};

use portward_model::Namespace;
use rustix::{
    fd::{AsFd, OwnedFd},
    io::Errno,
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
        SendFlags, SocketFlags, SocketType, ipproto, recv, recvmsg, send, sendmsg, socket_with, socketpair,
    },
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

use super::{kernel, namespaces};
use crate::SysError;

/// A process in another network namespace, which makes sockets there. It ends with this value.
#[derive(Debug)]
pub struct Elsewhere(OwnedFd);

impl Elsewhere {
    /// The two ends of a way to such a process: this one's, and the one that it is handed.
    ///
    /// # Errors
    /// Where this process may have no more descriptors.
    pub fn way() -> io::Result<(Self, OwnedFd)> {
        let (own, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(own), other))
    }

    /// Waits until the process has entered.
    ///
    /// # Errors
    /// Why it could not.
    pub fn entered(&self) -> io::Result<()> {
        let mut said = [0; 4];
        match recv(&self.0, &mut said[..], RecvFlags::empty()) {
            Ok((4, _)) => match i32::from_ne_bytes(said) {
                0 => Ok(()),
                errno => Err(io::Error::from_raw_os_error(errno)),
            },
            Ok(_) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// A fresh socket of that namespace, which does not block.
    ///
    /// # Errors
    /// The kernel's, or `PIPE` where the process has ended.
    pub fn socket(&mut self, family: AddressFamily, kind: SocketType) -> Result<OwnedFd, Errno> {
        let asked = [family.as_raw().to_ne_bytes()[0], kind.as_raw().to_ne_bytes()[0]];
        send(&self.0, &asked, SendFlags::NOSIGNAL)?;
        let mut errno = [0; 4];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let read = recvmsg(&self.0, &mut [IoSliceMut::new(&mut errno)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
        if read.bytes == 0 {
            return Err(Errno::PIPE);
        }
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(mut sockets) = message
                && let Some(socket) = sockets.next()
            {
                return Ok(socket);
            }
        }
        Err(Errno::from_raw_os_error(i32::from_ne_bytes(errno)))
    }
}

/// Becomes the process that makes sockets in a namespace, until nobody wants any. To be called while there is one thread.
pub fn make_sockets(way: &OwnedFd, namespace: &Namespace) {
    let errno = enter(namespace).map_or_else(|error| error.raw_os_error().unwrap_or(libc::EIO), |()| 0);
    if send(way, &errno.to_ne_bytes(), SendFlags::NOSIGNAL).is_err() || errno != 0 {
        return;
    }
    let mut asked = [0; 2];
    while let Ok((2, _)) = recv(way, &mut asked[..], RecvFlags::empty()) {
        let [family, kind] = asked;
        let made = make(AddressFamily::from_raw(family.into()), SocketType::from_raw(kind.into()));
        let errno = made.as_ref().map_or_else(|error| error.raw_os_error(), |_| 0).to_ne_bytes();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let handed = made.as_ref().ok().map(|socket| [socket.as_fd()]);
        if let Some(handed) = &handed {
            control.push(SendAncillaryMessage::ScmRights(handed));
        }
        if sendmsg(way, &[IoSlice::new(&errno)], &mut control, SendFlags::NOSIGNAL).is_err() {
            return;
        }
    }
}

fn make(family: AddressFamily, kind: SocketType) -> Result<OwnedFd, Errno> {
    let protocol = match (family, kind) {
        (AddressFamily::UNIX, _) => None,
        (_, SocketType::DGRAM) => Some(ipproto::UDP),
        (_, _) => Some(ipproto::TCP),
    };
    socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, protocol)
}

/// Enters, by way of the user namespace that it belongs to where that is needed.
fn enter(namespace: &Namespace) -> io::Result<()> {
    let entered = namespaces::enter(namespace).map_err(reason);
    match (entered, namespace.pid) {
        (Err(error), Some(pid)) if error.kind() == io::ErrorKind::PermissionDenied => {
            let user = kernel::open(Path::new(&format!("/proc/{pid}/ns/user")))?;
            move_into_link_name_space(user.as_fd(), Some(LinkNameSpaceType::User)).map_err(|_| error)?;
            namespaces::enter(namespace).map_err(reason)
        }
        (entered, _) => entered,
    }
}

fn reason(error: SysError) -> io::Error {
    match error {
        SysError::Enter { source, .. } => source,
        other => io::Error::other(other.to_string()),
    }
}
