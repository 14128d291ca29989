//! Places in an address as programs write it: `sockaddr_in` and `sockaddr_in6`, byte by byte, changed only where they must
//! be, so that flow labels, scopes and lengths stay the program's own.

use std::net::IpAddr;

use portward_model::unmap;

/// The port in an address.
pub(crate) fn port(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))
}

/// Writes another port into an address.
pub(crate) fn set_port(bytes: &mut [u8], port: u16) {
    if let Some(place) = bytes.get_mut(2..4) {
        place.copy_from_slice(&port.to_be_bytes());
    }
}

/// Writes another address over the one in it: of IPv4 in disguise where it was so, and of its own family otherwise.
pub(crate) fn set_address(bytes: &mut [u8], address: IpAddr) {
    let family = bytes.first_chunk().map(|family| i32::from(u16::from_ne_bytes(*family)));
    match (family, address) {
        (Some(AF_INET), IpAddr::V4(v4)) => {
            if let Some(place) = bytes.get_mut(4..8) {
                place.copy_from_slice(&v4.octets());
            }
        }
        (Some(AF_INET6), address) => {
            let v6 = match address {
                IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                IpAddr::V6(v6) => v6,
            };
            if let Some(place) = bytes.get_mut(8..24) {
                place.copy_from_slice(&v6.octets());
            }
            // A zone belongs to the address that has gone.
            if let Some(scope) = bytes.get_mut(24..28) {
                scope.fill(0);
            }
        }
        _ => {}
    }
}

/// What an address means to one that binds or dials it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 127.0.0.0/8, `::1`, and these mapped.
    Loopback,
    /// 0.0.0.0, `::` and `::ffff:0.0.0.0`: every address to a server, the loopback to a client.
    Any,
    /// A group of receivers.
    Multicast,
    /// An address of one interface, or of another machine.
    Other,
}

impl Kind {
    pub(crate) fn of(address: IpAddr) -> Self {
        let address = unmap(address);
        if address.is_loopback() {
            Self::Loopback
        } else if address.is_unspecified() {
            Self::Any
        } else if address.is_multicast() {
            Self::Multicast
        } else {
            Self::Other
        }
    }
}

/// Their numbers, the same on every Linux (`linux/socket.h`).
const AF_INET: i32 = 2;
const AF_INET6: i32 = 10;

#[cfg(test)]
mod tests {
    use super::{AF_INET, AF_INET6, Kind, set_address, set_port};

    #[test]
    fn only_what_must_change_changes() {
        let family = |family: i32| u16::try_from(family).unwrap().to_ne_bytes();
        let mut v4 = vec![0, 0, 0x0b, 0xb8, 192, 168, 1, 20, 1, 2, 3, 4, 5, 6, 7, 8];
        v4[..2].copy_from_slice(&family(AF_INET));
        set_port(&mut v4, 20300);
        set_address(&mut v4, "127.64.1.2".parse().unwrap());
        assert_eq!(v4[2..], [0x4f, 0x4c, 127, 64, 1, 2, 1, 2, 3, 4, 5, 6, 7, 8]);
        set_address(&mut v4, "::1".parse().unwrap());
        assert_eq!(v4[4..8], [127, 64, 1, 2], "another family has no room in it");
        let mut v6 = vec![0; 28];
        v6[..2].copy_from_slice(&family(AF_INET6));
        v6[24] = 7;
        set_address(&mut v6, "127.64.1.2".parse().unwrap());
        assert_eq!(v6[8..24], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 64, 1, 2]);
        assert_eq!(v6[24], 0, "the zone has gone with its address");
        set_address(&mut v6, "::1".parse().unwrap());
        assert_eq!(v6[8..24], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        for length in 0..8 {
            set_port(&mut vec![0; length], 1);
            set_address(&mut vec![0; length], "127.64.1.2".parse().unwrap());
        }
    }

    #[test]
    fn addresses_are_told_apart() {
        let kind = |text: &str| Kind::of(text.parse().unwrap());
        assert_eq!(kind("127.0.0.2"), Kind::Loopback);
        assert_eq!(kind("::ffff:127.0.0.1"), Kind::Loopback);
        assert_eq!(kind("::"), Kind::Any);
        assert_eq!(kind("::ffff:0.0.0.0"), Kind::Any);
        assert_eq!(kind("224.0.0.251"), Kind::Multicast);
        assert_eq!(kind("fe80::1"), Kind::Other);
        assert_eq!(kind("10.0.0.1"), Kind::Other);
    }
}
