//! The question, and what every check needs to know of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portward_model::{Family, PathFacts, Snapshot, SocketOptions, Text, Transport};

use super::{
    conflict::{Conflict, conflicts},
    overlap::Side,
};
use crate::UnixPath;

/// Where a program asks to bind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindHost {
    /// No address named: `[::]` for both families, as most servers ask for, or 0.0.0.0 where no interface has
    /// an IPv6 address.
    Any,
    /// This address.
    Ip(IpAddr),
    /// A Unix path, or `@name`.
    Path(Text),
}

/// A bind that a program would ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindQuestion {
    /// What it would speak.
    pub transport: Transport,
    /// Where.
    pub host: BindHost,
    /// The port; 0 lets the kernel choose, and for Unix sockets.
    pub port: u16,
    /// Index of the interface it is pinned to, or of the zone of a link-local address; 0 for none.
    pub interface: u32,
    /// `IPV6_V6ONLY` where the program sets it; `None` leaves the kernel's default.
    pub v6_only: Option<bool>,
    /// The options that the program sets.
    pub options: SocketOptions,
    /// True where the program is known to have got past the question of privileges: it was refused for another reason.
    pub past_privileges: bool,
    /// Whether a file stands at the Unix path; `None` when nobody looked.
    pub file_exists: Option<bool>,
    /// What stands at the Unix path; `None` when nobody looked.
    pub standing: Option<PathFacts>,
}

impl BindQuestion {
    /// A bind to an address as most programs ask for it: TCP servers set `SO_REUSEADDR`, UDP programs do not.
    pub fn new(transport: Transport, address: IpAddr, port: u16) -> Self {
        Self { host: BindHost::Ip(address), ..Self::any(transport, port) }
    }

    /// A bind to a port without an address.
    pub fn any(transport: Transport, port: u16) -> Self {
        Self {
            transport,
            host: BindHost::Any,
            port,
            interface: 0,
            v6_only: None,
            options: SocketOptions { reuse_address: transport == Transport::Tcp, reuse_port: false, fenced: false },
            past_privileges: false,
            file_exists: None,
            standing: None,
        }
    }

    /// A bind of a stream socket to a Unix path, or to `@name`.
    pub fn path(path: Text, file_exists: Option<bool>) -> Self {
        Self { host: BindHost::Path(path), file_exists, ..Self::any(Transport::Unix, 0) }
    }
}

/// A question with the snapshot it is asked of, and the sockets in its way.
pub(crate) struct View<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) question: &'a BindQuestion,
    /// The address that would be bound; `None` for Unix sockets.
    pub(crate) address: Option<IpAddr>,
    /// The sockets that could refuse it.
    pub(crate) conflicts: Vec<Conflict<'a>>,
}

impl<'a> View<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot, question: &'a BindQuestion) -> Self {
        let address = match &question.host {
            BindHost::Ip(address) => Some(*address),
            BindHost::Any if question.transport.is_unix() => None,
            BindHost::Any => Some(wildcard(snapshot)),
            BindHost::Path(_) => None,
        };
        let conflicts =
            address.map(|address| conflicts(snapshot, question, &side(snapshot, question, address))).unwrap_or_default();
        Self { snapshot, question, address, conflicts }
    }

    /// The Unix path that would be bound, with what stands there.
    pub(crate) fn unix(&self) -> Option<UnixPath<'a>> {
        match &self.question.host {
            BindHost::Path(path) => Some(UnixPath { path, facts: self.question.standing.as_ref() }),
            BindHost::Ip(_) | BindHost::Any => None,
        }
    }

    /// The endpoint asked for, as people write it.
    pub(crate) fn asked(&self) -> String {
        let port = self.question.port;
        match (self.address, &self.question.host) {
            (_, BindHost::Path(path)) => path.shown(),
            (Some(IpAddr::V4(v4)), _) => format!("{v4}:{port}"),
            (Some(IpAddr::V6(v6)), _) => format!("[{v6}]:{port}"),
            (None, _) => port.to_string(),
        }
    }
}

fn wildcard(snapshot: &Snapshot) -> IpAddr {
    let mut addresses = snapshot.interfaces.iter().flat_map(|interface| &interface.addresses).peekable();
    let no_v6 = addresses.peek().is_some() && addresses.all(|found| found.address.is_ipv4());
    if no_v6 { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

fn side(snapshot: &Snapshot, question: &BindQuestion, address: IpAddr) -> Side {
    let family = if address.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
    let v6_only = match address {
        IpAddr::V4(_) => false,
        // A specific IPv6 address makes the socket IPv6 only (`__inet6_bind`).
        IpAddr::V6(v6) if !v6.is_unspecified() => v6.to_ipv4_mapped().is_none(),
        IpAddr::V6(_) => question.v6_only.unwrap_or_else(|| snapshot.rules.as_ref().is_some_and(|rules| rules.bind_v6_only)),
    };
    Side { family, address, v6_only }
}
