//! Sockets that listen for a forward, or receive its datagrams: on loopback addresses pinned to `lo`, and at paths of their own.

use std::{ffi::OsStr, net::SocketAddr, os::unix::ffi::OsStrExt};

use portward_model::Text;
use portward_sys::device::pin;
use rustix::{
    fd::OwnedFd,
    fs::{AtFlags, CWD, FileType, Mode, chmodat, fchmod, lstat, unlink},
    io::Errno,
    net::{AddressFamily, SocketType, bind, listen, sockopt},
};

use crate::{
    Kind, Place,
    linux::{
        forward::door::{self, BACKLOG},
        spot::{self, Maker, address, family},
    },
};

/// What makes a fresh socket.
type Make<'a> = &'a mut dyn FnMut(AddressFamily, SocketType) -> Result<OwnedFd, Errno>;

/// Why nothing stands at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stand {
    /// The place.
    pub place: Place,
    /// The kernel's number for the reason (`errno(3)`).
    pub errno: i32,
}

/// Sockets at all of these places, or at none of them: those of addresses are pinned to `lo`, the file of a Unix socket has this mode. A
/// machine without IPv6 has none at `::1`, where there is another. `is_bound` is asked whether a program has bound a port without
/// listening yet: it has come first.
///
/// # Errors
/// The first place that could not be had.
pub fn stand(places: &[Place], kind: Kind, mode: u32, is_bound: &mut dyn FnMut(u16) -> bool) -> Result<Vec<OwnedFd>, Stand> {
    let make = &mut |place: &Place| match place {
        Place::Inet(address) if kind == Kind::Datagrams => datagrams(*address, &mut spot::fresh),
        Place::Inet(address) => stream(*address, is_bound),
        Place::Unix(_) => unix(place, kind, mode, &mut spot::fresh),
    };
    all(places, kind, make)
}

/// The same with sockets of another network namespace, which this maker makes.
///
/// # Errors
/// The first place that could not be had.
pub fn stand_made(places: &[Place], kind: Kind, mode: u32, maker: &mut Maker) -> Result<Vec<OwnedFd>, Stand> {
    let make = &mut |place: &Place| match place {
        Place::Inet(address) if kind == Kind::Datagrams => datagrams(*address, maker),
        Place::Inet(address) => made_stream(*address, maker),
        Place::Unix(_) => unix(place, kind, mode, maker),
    };
    all(places, kind, make)
}

fn all(places: &[Place], kind: Kind, make: &mut dyn FnMut(&Place) -> Result<OwnedFd, Errno>) -> Result<Vec<OwnedFd>, Stand> {
    let failed = |place: &Place, error: Errno| Stand { place: place.clone(), errno: error.raw_os_error() };
    let mut sockets = Vec::with_capacity(places.len());
    let mut last = Errno::ADDRNOTAVAIL;
    for place in places {
        match make(place) {
            Ok(socket) => sockets.push((socket, place)),
            Err(error @ (Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT)) if place.is_ipv6() && places.len() > 1 => last = error,
            Err(error) => return Err(failed(place, error)),
        }
    }
    if let ([], [first, ..]) = (sockets.as_slice(), places) {
        return Err(failed(first, last));
    }
    // Only now, so that nobody is answered where another place could not be had.
    if kind != Kind::Datagrams {
        for (socket, place) in &sockets {
            listen(socket, BACKLOG).map_err(|error| failed(place, error))?;
        }
    }
    Ok(sockets.into_iter().map(|(socket, _)| socket).collect())
}

fn stream(at: SocketAddr, is_bound: &mut dyn FnMut(u16) -> bool) -> Result<OwnedFd, Errno> {
    let (socket, beside) = door::place(at)?;
    // What is left of connections keeps nobody away, but a program that has bound and is about to listen has come first.
    if beside && is_bound(at.port()) {
        return Err(Errno::ADDRINUSE);
    }
    is_there(&socket, at)?;
    Ok(socket)
}

fn made_stream(at: SocketAddr, maker: &mut Maker) -> Result<OwnedFd, Errno> {
    let socket = maker(family(&Place::Inet(at)), Kind::Stream.of_socket())?;
    if at.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    pin(&socket).map_err(Errno::from_raw_os_error)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &at)?;
    is_there(&socket, at)?;
    Ok(socket)
}

fn datagrams(at: SocketAddr, make: Make<'_>) -> Result<OwnedFd, Errno> {
    let socket = make(family(&Place::Inet(at)), Kind::Datagrams.of_socket())?;
    if at.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    pin(&socket).map_err(Errno::from_raw_os_error)?;
    bind(&socket, &at)?;
    is_there(&socket, at)?;
    Ok(socket)
}

/// A supervisor of a session moves what is bound inside of it.
fn is_there(socket: &OwnedFd, at: SocketAddr) -> Result<(), Errno> {
    if spot::own(socket) == Some(Place::Inet(at)) { Ok(()) } else { Err(Errno::ADDRNOTAVAIL) }
}

fn unix(place: &Place, kind: Kind, mode: u32, make: Make<'_>) -> Result<OwnedFd, Errno> {
    let socket = make(AddressFamily::UNIX, kind.of_socket())?;
    let Place::Unix(path) = place else { return Err(Errno::AFNOSUPPORT) };
    let mode = Mode::from_raw_mode(mode);
    // The file is made with the mode that its socket has (`unix_bind()` of `net/unix/af_unix.c`), less the process's mask: at no
    // moment may others connect who may not later.
    let _ = fchmod(&socket, mode);
    bind(&socket, &address(place)?)?;
    if !path.raw().starts_with(b"@") {
        let _ = chmodat(CWD, OsStr::from_bytes(path.raw()), mode, AtFlags::empty());
    }
    Ok(socket)
}

/// The files of Unix sockets that are listened at, which end with this value, where they are still the same.
pub(super) struct Files(Vec<(Text, (u64, u64))>);

impl Files {
    pub(super) fn of(listeners: &[OwnedFd]) -> Self {
        let path = |listener: &OwnedFd| match spot::own(listener)? {
            Place::Unix(path) if !path.raw().starts_with(b"@") => Some(path),
            Place::Unix(_) | Place::Inet(_) => None,
        };
        Self(listeners.iter().filter_map(path).filter_map(|path| Some((path.clone(), identity(&path)?))).collect())
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        for (path, file) in &self.0 {
            if identity(path) == Some(*file) {
                let _ = unlink(OsStr::from_bytes(path.raw()));
            }
        }
    }
}

/// Device and inode of what stands at a path, where that is a socket.
#[allow(clippy::unnecessary_cast, clippy::useless_conversion)] // Their kinds differ between processors.
fn identity(path: &Text) -> Option<(u64, u64)> {
    let found = lstat(OsStr::from_bytes(path.raw())).ok()?;
    (FileType::from_raw_mode(found.st_mode) == FileType::Socket).then_some((found.st_dev as u64, found.st_ino as u64))
}
