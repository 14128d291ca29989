//! Where sockets stand: those that listen, and those that are dialled.

use std::{fmt, net::SocketAddr};

use portward_model::Text;

/// Where a socket listens, or is dialled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// An address with its port.
    Inet(SocketAddr),
    /// The path of a Unix socket, or `@name` for an abstract one (`unix(7)`).
    Unix(Text),
}

/// How what is sent is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It is not: TCP, and Unix sockets of the kind `SOCK_STREAM`.
    #[default]
    Stream,
    /// Connections of messages: Unix sockets of the kind `SOCK_SEQPACKET`.
    Packets,
    /// Datagrams: UDP, and Unix sockets of the kind `SOCK_DGRAM`.
    Datagrams,
}

impl Place {
    /// True for an address of IPv6.
    pub fn is_ipv6(&self) -> bool {
        matches!(self, Self::Inet(address) if address.is_ipv6())
    }
}

impl From<SocketAddr> for Place {
    fn from(address: SocketAddr) -> Self {
        Self::Inet(address)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}
