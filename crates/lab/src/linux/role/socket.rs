//! Sockets as roles ask for them. Every role that listens takes these settings:
//!
//! - `listen`: `127.0.0.1:3000`, `[::]:3000`, or `unix:/run/app.sock`
//! - `backlog` (128), `v6only` (the kernel's), `reuseaddr` (true), `reuseport` (false), `mode` (of a Unix path, such as `"0600"`)

use std::{
    fs::{self, File, Permissions},
    net::SocketAddr,
    os::{fd::OwnedFd, unix::fs::PermissionsExt},
    path::PathBuf,
};

use rustix::{
    io::Errno,
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, accept, bind, listen, socket_with, sockopt},
};

use super::stage::Stage;
use crate::{LabError, error::While};

/// Where a socket is, or shall be.
pub(super) enum Place {
    /// An address and port.
    Inet(SocketAddr),
    /// A Unix path.
    Path(PathBuf),
}

/// Reads a place.
pub(super) fn place(text: &str) -> Result<Place, LabError> {
    match text.strip_prefix("unix:") {
        Some(path) => Ok(Place::Path(path.into())),
        None => text.parse().map(Place::Inet).map_err(|_| LabError::new(format!("`{text}` is no address with a port"))),
    }
}

impl Place {
    /// A socket of its family.
    pub(super) fn socket(&self, kind: SocketType) -> Result<OwnedFd, Errno> {
        let family = match self {
            Self::Inet(address) if address.is_ipv4() => AddressFamily::INET,
            Self::Inet(_) => AddressFamily::INET6,
            Self::Path(_) => AddressFamily::UNIX,
        };
        socket_with(family, kind, SocketFlags::CLOEXEC, None)
    }

    /// Binds a socket here.
    pub(super) fn bind(&self, socket: &OwnedFd) -> Result<(), Errno> {
        match self {
            Self::Inet(address) => bind(socket, address),
            Self::Path(path) => bind(socket, &SocketAddrUnix::new(path)?),
        }
    }

    /// Connects a socket to here.
    pub(super) fn connect(&self, socket: &OwnedFd) -> Result<(), Errno> {
        match self {
            Self::Inet(address) => rustix::net::connect(socket, address),
            Self::Path(path) => rustix::net::connect(socket, &SocketAddrUnix::new(path)?),
        }
    }
}

/// A bound socket as the settings say.
pub(super) fn bound(stage: &Stage, kind: SocketType) -> Result<OwnedFd, LabError> {
    let text = stage.needed("listen")?;
    let place = place(text)?;
    let doing = || format!("listen on {text}");
    let socket = place.socket(kind).or_say(doing)?;
    match &place {
        Place::Inet(address) => {
            sockopt::set_socket_reuseaddr(&socket, stage.flag("reuseaddr", true)?).or_say(doing)?;
            sockopt::set_socket_reuseport(&socket, stage.flag("reuseport", false)?).or_say(doing)?;
            if address.is_ipv6() {
                let otherwise = sockopt::ipv6_v6only(&socket).or_say(doing)?;
                sockopt::set_ipv6_v6only(&socket, stage.flag("v6only", otherwise)?).or_say(doing)?;
            }
        }
        // What an earlier run has left there, as servers do.
        Place::Path(path) if path.exists() => fs::remove_file(path).or_say(doing)?,
        Place::Path(_) => {}
    }
    place.bind(&socket).map_err(std::io::Error::from).or_say(doing)?;
    if let (Place::Path(path), Some(mode)) = (&place, stage.text("mode")?) {
        let mode = u32::from_str_radix(mode, 8).map_err(|_| LabError::new(format!("`{mode}` is no mode")))?;
        fs::set_permissions(path, Permissions::from_mode(mode)).or_say(doing)?;
    }
    Ok(socket)
}

/// A listening stream socket as the settings say.
pub(super) fn listening(stage: &Stage) -> Result<OwnedFd, LabError> {
    let socket = bound(stage, SocketType::STREAM)?;
    let backlog = stage.number("backlog")?.unwrap_or(128);
    listen(&socket, i32::try_from(backlog).unwrap_or(i32::MAX)).or_say(|| "listen".to_owned())?;
    Ok(socket)
}

/// The next connection, as a file; `None` when none could be had just now, as at the limit of descriptors.
pub(super) fn next(listener: &OwnedFd) -> Option<File> {
    loop {
        match accept(listener) {
            Ok(stream) => return Some(File::from(stream)),
            Err(Errno::INTR | Errno::CONNABORTED) => {}
            Err(_) => return None,
        }
    }
}
