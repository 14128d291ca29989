//! Who may connect: the processes of one user.
//!
//! The kernel says whose a client is: of a Unix socket by its peer's credentials (`SO_PEERCRED`, `unix(7)`), of TCP and UDP over the
//! loopback by the client's own socket (`sock_diag(7)`). A client that cannot be seen, as one in another network namespace, is not admitted.

use std::{io, net::SocketAddr};

use portward_model::Transport;
use portward_sys::{LO, Lookup};
use rustix::{fd::OwnedFd, net::sockopt::socket_peercred};

use crate::{
    Place,
    linux::spot::{own, peer},
};

/// The user who may connect.
pub struct Admission {
    uid: u32,
    lookup: Lookup,
}

impl Admission {
    /// Only processes of this user may connect.
    ///
    /// # Errors
    /// Where the kernel cannot be asked.
    pub fn of(uid: u32) -> io::Result<Self> {
        Ok(Self { uid, lookup: Lookup::open()? })
    }

    /// True for a client that was accepted and may stay; the error is whose it is, where that is known.
    pub(super) fn admits(&mut self, client: &OwnedFd) -> Result<(), Option<u32>> {
        let uid = match (peer(client), own(client)) {
            (Some(Place::Inet(there)), Some(Place::Inet(here))) => {
                self.lookup.connected(unmapped(there), unmapped(here), LO).map(|socket| socket.uid)
            }
            _ => socket_peercred(client).ok().map(|who| who.uid.as_raw()),
        };
        self.judged(uid)
    }

    /// The same for the sender of a datagram.
    pub(super) fn admits_sender(&mut self, from: SocketAddr) -> Result<(), Option<u32>> {
        let uid = self.lookup.server(Transport::Udp, from, LO).filter(|socket| socket.inode != 0).map(|socket| socket.uid);
        self.judged(uid)
    }

    fn judged(&self, uid: Option<u32>) -> Result<(), Option<u32>> {
        if uid == Some(self.uid) { Ok(()) } else { Err(uid) }
    }
}

/// The process at the other end of a Unix socket; `None` where it is in no pid namespace of ours.
pub(super) fn pid(client: &OwnedFd) -> Option<u32> {
    let pid = socket_peercred(client).ok()?.pid.as_raw_nonzero().get();
    u32::try_from(pid).ok().filter(|pid| *pid != 0)
}

fn unmapped(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(portward_model::unmap(address.ip()), address.port())
}
