//! What an IP address is: its class by RFC, and the scope of a bind to it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An address family as the kernel sees the socket, not as the address looks: a dual-stack socket with an
/// IPv4-mapped address is [`Family::Ipv6`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// `AF_INET`
    Ipv4,
    /// `AF_INET6`
    Ipv6,
    /// `AF_UNIX`
    Unix,
}

/// Who a bind is for, by its address and device alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// This machine only: 127.0.0.0/8, `::1`, a socket pinned to `lo`, a Unix socket.
    Loopback,
    /// One interface or one of its addresses.
    Interface,
    /// Every interface: 0.0.0.0 or ::.
    Every,
}

/// The class of an address, each with the RFC that defines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AddressClass {
    /// 0.0.0.0 or ::, RFC 1122 section 3.2.1.3 and RFC 4291 section 2.5.2.
    Wildcard,
    /// 127.0.0.0/8 or `::1`, RFC 1122 section 3.2.1.3 and RFC 4291 section 2.5.3.
    Loopback,
    /// 10/8, 172.16/12, 192.168/16 (RFC 1918) or `fc00::/7` (RFC 4193).
    Private,
    /// 169.254/16 (RFC 3927) or `fe80::/10` (RFC 4291 section 2.5.6).
    LinkLocal,
    /// 100.64.0.0/10, carrier-grade NAT and overlay networks, RFC 6598.
    Shared,
    /// 224.0.0.0/4 (RFC 5771) or `ff00::/8` (RFC 4291 section 2.7).
    Multicast,
    /// 255.255.255.255, RFC 919.
    Broadcast,
    /// 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24 (RFC 5737) or `2001:db8::/32` (RFC 3849).
    Documentation,
    /// Any other address: routable on the internet.
    Global,
    /// A file system path or abstract name, `unix(7)`.
    Unix,
}

impl AddressClass {
    /// The class of an address. An IPv4-mapped address has the class of the IPv4 address inside it.
    pub fn of(address: IpAddr) -> Self {
        match unmap(address) {
            IpAddr::V4(v4) => Self::of_v4(v4),
            IpAddr::V6(v6) => Self::of_v6(v6),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let [a, b, _, _] = address.octets();
        if address.is_unspecified() {
            Self::Wildcard
        } else if address.is_loopback() {
            Self::Loopback
        } else if address.is_private() {
            Self::Private
        } else if address.is_link_local() {
            Self::LinkLocal
        } else if a == 100 && (64..128).contains(&b) {
            Self::Shared
        } else if address.is_broadcast() {
            Self::Broadcast
        } else if address.is_multicast() {
            Self::Multicast
        } else if address.is_documentation() {
            Self::Documentation
        } else {
            Self::Global
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        let [first, second, ..] = address.segments();
        if address.is_unspecified() {
            Self::Wildcard
        } else if address.is_loopback() {
            Self::Loopback
        } else if first & 0xfe00 == 0xfc00 {
            Self::Private
        } else if first & 0xffc0 == 0xfe80 {
            Self::LinkLocal
        } else if address.is_multicast() {
            Self::Multicast
        } else if first == 0x2001 && second == 0x0db8 {
            Self::Documentation
        } else {
            Self::Global
        }
    }
}

/// The IPv4 address inside an IPv4-mapped one (RFC 4291 section 2.5.5.2), or the address itself.
pub fn unmap(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::AddressClass;

    #[test]
    fn classes_by_rfc() {
        for (text, class) in [
            ("0.0.0.0", AddressClass::Wildcard),
            ("::", AddressClass::Wildcard),
            ("127.9.8.7", AddressClass::Loopback),
            ("::1", AddressClass::Loopback),
            ("::ffff:127.0.0.1", AddressClass::Loopback),
            ("::ffff:0.0.0.0", AddressClass::Wildcard),
            ("192.168.1.20", AddressClass::Private),
            ("172.31.255.1", AddressClass::Private),
            ("172.32.0.1", AddressClass::Global),
            ("fd12::1", AddressClass::Private),
            ("fe80::1", AddressClass::LinkLocal),
            ("169.254.9.9", AddressClass::LinkLocal),
            ("100.100.1.1", AddressClass::Shared),
            ("100.128.0.1", AddressClass::Global),
            ("224.0.0.251", AddressClass::Multicast),
            ("ff02::fb", AddressClass::Multicast),
            ("255.255.255.255", AddressClass::Broadcast),
            ("203.0.113.9", AddressClass::Documentation),
            ("8.8.8.8", AddressClass::Global),
            ("2606:4700::1", AddressClass::Global),
        ] {
            assert_eq!(AddressClass::of(text.parse().unwrap()), class, "{text}");
        }
    }
}
