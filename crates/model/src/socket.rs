//! One kernel socket, compact enough that forty thousand of them fit in a few megabytes.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AddressClass, Family, Scope, Text, unmap};

crate::worded! {
    /// What a socket carries.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
    pub named enum Transport {
        /// TCP, or the TCP subflow of an MPTCP socket.
        Tcp = "tcp",
        /// UDP
        Udp = "udp",
        /// Unix stream socket
        Unix = "unix",
        /// Unix datagram socket
        UnixDatagram = "unix_datagram",
        /// Unix sequenced-packet socket
        UnixPacket = "unix_packet",
    }
    /// The transport as it is written in an endpoint: `tcp`, `udp`, `unix`.
    fn name
}

impl Transport {
    /// True for the three kinds of Unix socket.
    pub fn is_unix(self) -> bool {
        matches!(self, Self::Unix | Self::UnixDatagram | Self::UnixPacket)
    }
}

crate::worded! {
    /// The state of a socket; TCP states by RFC 9293 section 3.3.2, with the kernel's additions.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
    pub named enum SocketState {
        /// Accepts connections.
        Listen = "listen",
        /// Holds a port or name without listening on it: a UDP socket, or a TCP socket that never called `listen`.
        Bound = "bound",
        /// Both sides are connected; for UDP, `connect` has fixed the peer.
        Established = "established",
        /// The first packet was sent, no answer yet.
        SynSent = "syn_sent",
        /// The first packet was answered, the handshake is not complete.
        SynRecv = "syn_recv",
        /// This side closed first and waits for the other's acknowledgement.
        FinWait1 = "fin_wait1",
        /// This side closed, the other has not yet.
        FinWait2 = "fin_wait2",
        /// The other side closed, this program has not yet.
        CloseWait = "close_wait",
        /// Both closed; the last acknowledgement is outstanding.
        LastAck = "last_ack",
        /// Both sides closed at once.
        Closing = "closing",
        /// Closed; the kernel keeps the pair for a minute against late packets.
        TimeWait = "time_wait",
        /// Neither bound nor connected.
        Closed = "closed",
    }
    /// The state as scripts and filters write it: `listen`, `time_wait`.
    fn name
}

impl SocketState {
    /// True for a socket that waits for others: a listener, or a bound datagram socket.
    pub fn serves(self) -> bool {
        matches!(self, Self::Listen | Self::Bound)
    }
}

/// The names of a socket's two ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocketName {
    /// Addresses and ports of a TCP or UDP socket.
    Inet {
        /// The local address; unspecified for a wildcard bind.
        local: IpAddr,
        /// The local port.
        port: u16,
        /// The remote address; unspecified when there is none.
        remote: IpAddr,
        /// The remote port; 0 when there is none.
        remote_port: u16,
    },
    /// A Unix socket.
    Unix {
        /// File system path, or `@name` for an abstract one; `None` when it was never bound.
        path: Option<Box<Text>>,
        /// Inode of the connected peer; 0 when there is none.
        peer: u64,
        /// The file that it was bound to, whatever stands at the path now or in another mount namespace; `None` for one without a
        /// path, and where the kernel does not tell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<SocketFile>,
    },
}

/// A file as `unix_diag` names that of a bound socket (`linux/unix_diag.h`, `struct unix_diag_vfs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SocketFile {
    /// The device, as the kernel numbers it inside (`MKDEV` of `linux/kdev_t.h`).
    pub device: u32,
    /// The lowest 32 bits of the inode.
    pub inode: u32,
}

/// A socket's identity. Inodes are reused; namespace, inode and cookie together are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SocketId {
    /// Inode of the network namespace.
    pub netns: u64,
    /// Inode of the socket; 0 for a socket that no descriptor can hold, such as `TIME_WAIT`.
    pub inode: u64,
    /// The kernel's socket cookie.
    pub cookie: u64,
}

/// How full a socket's queue is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Queue {
    /// Listeners: connections waiting to be accepted. Others: bytes waiting to be read.
    pub used: u32,
    /// Listeners: the backlog, in connections. Others: bytes not yet sent.
    pub limit: u32,
    /// Packets this socket dropped since it was opened.
    pub drops: u32,
}

/// What has flowed through a connection, by `TCP_INFO` (`linux/tcp.h`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Traffic {
    /// Bytes received (`tcpi_bytes_received`).
    pub bytes_in: u64,
    /// Bytes sent and acknowledged (`tcpi_bytes_acked`).
    pub bytes_out: u64,
}

/// One kernel socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Socket {
    /// What it carries.
    pub transport: Transport,
    /// Its state.
    pub state: SocketState,
    /// Its address family.
    pub family: Family,
    /// `IPV6_V6ONLY`; `None` for IPv4 and Unix sockets and where the kernel does not tell.
    pub v6_only: Option<bool>,
    /// Position of its network namespace in [`crate::Snapshot::namespaces`].
    pub netns: u16,
    /// Index of the interface it is pinned to, or of the zone of a link-local address; 0 for none.
    pub interface: u32,
    /// The user that opened it.
    pub uid: u32,
    /// Its queue.
    pub queue: Queue,
    /// Inode, 0 for a socket that no descriptor can hold.
    pub inode: u64,
    /// Cookie, never reused while the kernel runs.
    pub cookie: u64,
    /// Id of the version 2 control group it was opened in; 0 when unknown.
    pub cgroup: u64,
    /// What has flowed through it, where it was asked for and the kernel tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Box<Traffic>>,
    /// Its two ends.
    pub name: SocketName,
}

impl Socket {
    /// The local port; `None` for Unix sockets.
    pub fn port(&self) -> Option<u16> {
        match self.name {
            SocketName::Inet { port, .. } => Some(port),
            SocketName::Unix { .. } => None,
        }
    }

    /// The file that a Unix socket was bound to, where that is known.
    pub fn file(&self) -> Option<SocketFile> {
        match self.name {
            SocketName::Unix { file, .. } => file,
            SocketName::Inet { .. } => None,
        }
    }

    /// The local address; `None` for Unix sockets.
    pub fn address(&self) -> Option<IpAddr> {
        match self.name {
            SocketName::Inet { local, .. } => Some(local),
            SocketName::Unix { .. } => None,
        }
    }

    /// The remote address and port of a connected socket.
    pub fn remote(&self) -> Option<(IpAddr, u16)> {
        match self.name {
            SocketName::Inet { remote, remote_port, .. } if remote_port != 0 => Some((remote, remote_port)),
            SocketName::Inet { .. } | SocketName::Unix { .. } => None,
        }
    }

    /// The path of a Unix socket that has one.
    pub fn path(&self) -> Option<&Text> {
        match &self.name {
            SocketName::Unix { path, .. } => path.as_deref(),
            SocketName::Inet { .. } => None,
        }
    }

    /// True when the local address is 0.0.0.0 or ::, an IPv4-mapped wildcard included.
    pub fn is_wildcard(&self) -> bool {
        self.address().is_some_and(|address| AddressClass::of(address) == AddressClass::Wildcard)
    }

    /// Who the bind is for by its address and device; `loopback_index` is the index of `lo`.
    pub fn scope(&self, loopback_index: u32) -> Scope {
        let Some(address) = self.address() else { return Scope::Loopback };
        if AddressClass::of(address) == AddressClass::Loopback || (self.interface != 0 && self.interface == loopback_index) {
            Scope::Loopback
        } else if self.is_wildcard() && self.interface == 0 {
            Scope::Every
        } else {
            Scope::Interface
        }
    }

    /// True when an IPv4 client can reach it: an IPv4 socket, a mapped address, or a dual-stack wildcard.
    pub fn serves_ipv4(&self) -> bool {
        match (self.family, self.address()) {
            (Family::Ipv4, _) => true,
            (Family::Ipv6, Some(IpAddr::V6(v6))) => {
                v6.to_ipv4_mapped().is_some() || (v6.is_unspecified() && self.v6_only == Some(false))
            }
            _ => false,
        }
    }

    /// True when an IPv6 client can reach it: an IPv6 socket whose address is not IPv4-mapped.
    pub fn serves_ipv6(&self) -> bool {
        self.family == Family::Ipv6 && self.address().is_some_and(|address| unmap(address).is_ipv6())
    }

    /// True when a packet for `target` would be taken by this socket as the kernel matches addresses
    /// (`inet_csk` lookup: exact address, then wildcard; a dual-stack wildcard takes IPv4 too).
    pub fn takes(&self, target: IpAddr) -> bool {
        let Some(own) = self.address().map(unmap) else { return false };
        let target = unmap(target);
        if self.is_wildcard() {
            return if target.is_ipv4() { self.serves_ipv4() } else { self.serves_ipv6() };
        }
        own == target
    }
}

/// Options of a socket that only its holder's descriptor tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SocketOptions {
    /// `SO_REUSEADDR`
    pub reuse_address: bool,
    /// `SO_REUSEPORT`
    pub reuse_port: bool,
    /// A filter on the socket takes what comes by the loopback device, and answers of peers that the program asked; of Portward's own
    /// making, in a session or by `guard pin`.
    #[serde(default)]
    pub fenced: bool,
}

#[cfg(test)]
mod tests {
    use super::{Family, Queue, Scope, Socket, SocketName, SocketState, Transport};

    fn listener(address: &str, v6_only: Option<bool>) -> Socket {
        let local: std::net::IpAddr = address.parse().unwrap();
        Socket {
            transport: Transport::Tcp,
            state: SocketState::Listen,
            family: if local.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 },
            v6_only,
            netns: 0,
            interface: 0,
            uid: 0,
            queue: Queue::default(),
            inode: 1,
            cookie: 1,
            cgroup: 0,
            traffic: None,
            name: SocketName::Inet { local, port: 80, remote: local, remote_port: 0 },
        }
    }

    #[test]
    fn forty_thousand_sockets_stay_small() {
        assert!(size_of::<Socket>() <= 120, "{}", size_of::<Socket>());
    }

    #[test]
    fn dual_stack_is_told_from_v6_only() {
        assert!(listener("::", Some(false)).serves_ipv4());
        assert!(!listener("::", Some(true)).serves_ipv4());
        assert!(listener("::ffff:127.0.0.1", Some(false)).serves_ipv4());
        assert!(!listener("::ffff:127.0.0.1", Some(false)).serves_ipv6());
        assert!(!listener("::1", Some(false)).serves_ipv4());
    }

    #[test]
    fn a_target_is_matched_as_the_kernel_does() {
        let lo = "127.0.0.1".parse().unwrap();
        assert!(listener("0.0.0.0", None).takes(lo));
        assert!(listener("::", Some(false)).takes(lo));
        assert!(!listener("::", Some(true)).takes(lo));
        assert!(!listener("127.0.0.2", None).takes(lo));
        assert!(listener("::ffff:127.0.0.1", Some(false)).takes(lo));
        assert!(!listener("0.0.0.0", None).takes("::1".parse().unwrap()));
    }

    #[test]
    fn a_pin_to_lo_is_loopback() {
        let mut socket = listener("::", Some(false));
        assert_eq!(socket.scope(1), Scope::Every);
        socket.interface = 1;
        assert_eq!(socket.scope(1), Scope::Loopback);
        socket.interface = 2;
        assert_eq!(socket.scope(1), Scope::Interface);
    }
}
