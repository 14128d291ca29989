//! Sockets at places: the kernel's addresses, and the sockets that go with them.

use portward_model::Text;
use rustix::{
    fd::OwnedFd,
    io::Errno,
    net::{
        AddressFamily, SocketAddrAny, SocketAddrUnix, SocketFlags, SocketType, getpeername, getsockname, ipproto, socket_with,
        sockopt,
    },
};
use std::{ffi::OsStr, net::SocketAddr, os::unix::ffi::OsStrExt};

use crate::{Kind, Place};

/// Makes fresh sockets in one network namespace: of a family and a kind, that do not block and are closed when another program is
/// started. A socket stays in the namespace that it was made in, whoever uses it.
pub type Maker = Box<dyn FnMut(AddressFamily, SocketType) -> Result<OwnedFd, Errno> + Send>;

/// A maker of sockets in this process's own network namespace.
pub(super) fn here() -> Maker {
    Box::new(fresh)
}

/// A fresh socket of this process's own network namespace.
pub(super) fn fresh(family: AddressFamily, kind: SocketType) -> Result<OwnedFd, Errno> {
    let protocol = match (family, kind) {
        (AddressFamily::UNIX, _) => None,
        (_, SocketType::DGRAM) => Some(ipproto::UDP),
        (_, _) => Some(ipproto::TCP),
    };
    socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, protocol)
}

impl Kind {
    /// The kernel's word for it.
    pub(super) fn of_socket(self) -> SocketType {
        match self {
            Self::Stream => SocketType::STREAM,
            Self::Packets => SocketType::SEQPACKET,
            Self::Datagrams => SocketType::DGRAM,
        }
    }
}

/// The family of a place.
pub(super) fn family(place: &Place) -> AddressFamily {
    match place {
        Place::Inet(SocketAddr::V4(_)) => AddressFamily::INET,
        Place::Inet(SocketAddr::V6(_)) => AddressFamily::INET6,
        Place::Unix(_) => AddressFamily::UNIX,
    }
}

/// The kernel's address of a place.
pub(super) fn address(place: &Place) -> Result<SocketAddrAny, Errno> {
    Ok(match place {
        Place::Inet(address) => SocketAddrAny::from(*address),
        Place::Unix(path) => match path.raw().strip_prefix(b"@") {
            Some(name) => SocketAddrUnix::new_abstract_name(name)?.into(),
            None => SocketAddrUnix::new(OsStr::from_bytes(path.raw()))?.into(),
        },
    })
}

/// The place of a kernel's address; `None` where it has none, as a Unix client mostly has not.
pub(super) fn place(address: SocketAddrAny) -> Option<Place> {
    if let Ok(address) = SocketAddr::try_from(address.clone()) {
        return Some(Place::Inet(address));
    }
    let unix = SocketAddrUnix::try_from(address).ok().filter(|unix| !unix.is_unnamed())?;
    if let Some(name) = unix.abstract_name() {
        return (!name.is_empty()).then(|| Place::Unix(Text::new([b"@", name].concat())));
    }
    unix.path_bytes().filter(|path| !path.is_empty()).map(|path| Place::Unix(Text::new(path)))
}

/// Where a socket stands.
pub(super) fn own(socket: &OwnedFd) -> Option<Place> {
    place(getsockname(socket).ok()?)
}

/// Who is at the other end.
pub(super) fn peer(socket: &OwnedFd) -> Option<Place> {
    place(getpeername(socket).ok()??)
}

/// Sends what is written at once, where that is a question.
pub(super) fn hurry(socket: &OwnedFd, family: AddressFamily) {
    if family != AddressFamily::UNIX {
        let _ = sockopt::set_tcp_nodelay(socket, true);
    }
}
