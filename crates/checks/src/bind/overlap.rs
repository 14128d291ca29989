//! Do two local addresses overlap, by the kernel's `inet_rcv_saddr_equal` (`net/ipv4/inet_connection_sock.c`).
//!
//! The table in the tests was read from a running kernel, one bind after another, for TCP and UDP alike.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portward_model::Family;

/// One of the two addresses.
#[derive(Clone, Copy)]
pub(crate) struct Side {
    pub(crate) family: Family,
    pub(crate) address: IpAddr,
    pub(crate) v6_only: bool,
}

/// True when a bind of `asker` meets `held`. A wildcard on either side matches everything of its families.
pub(crate) fn overlaps(asker: &Side, held: &Side) -> bool {
    match (asker.family, asker.address) {
        (Family::Unix, _) => false,
        (Family::Ipv6, IpAddr::V6(own)) => overlaps_v6(own, asker.v6_only, held),
        (Family::Ipv4 | Family::Ipv6, _) => !held.v6_only && overlaps_v4(v4_of(asker.address), v4_of(held.address)),
    }
}

/// `ipv6_rcv_saddr_equal`
fn overlaps_v6(own: Ipv6Addr, own_v6_only: bool, held: &Side) -> bool {
    let own_mapped = own.to_ipv4_mapped().is_some();
    let (held_mapped, held_any) = match held.address {
        IpAddr::V4(_) => (true, false),
        IpAddr::V6(v6) => (v6.to_ipv4_mapped().is_some(), v6.is_unspecified()),
    };
    if own_mapped && held_mapped {
        return !held.v6_only && overlaps_v4(v4_of(IpAddr::V6(own)), v4_of(held.address));
    }
    let own_any = own.is_unspecified();
    if held.address == IpAddr::V6(own) {
        return true;
    }
    (held_any && !(held.v6_only && own_mapped)) || (own_any && !(own_v6_only && held_mapped))
}

fn overlaps_v4(a: Ipv4Addr, b: Ipv4Addr) -> bool {
    a == b || a.is_unspecified() || b.is_unspecified()
}

/// The IPv4 address that the kernel keeps beside an IPv6 one: the mapped one, the wildcard for `::`, and for
/// any other a loopback address that no IPv4 socket asks for (`LOOPBACK4_IPV6`).
fn v4_of(address: IpAddr) -> Ipv4Addr {
    match address {
        IpAddr::V4(v4) => v4,
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv4Addr::UNSPECIFIED,
        IpAddr::V6(v6) => v6.to_ipv4_mapped().unwrap_or(Ipv4Addr::new(127, 0, 0, 6)),
    }
}

#[cfg(test)]
mod tests {
    use portward_model::Family;

    use super::{Side, overlaps};

    fn side(text: &str, v6_only: bool) -> Side {
        let address: std::net::IpAddr = text.parse().unwrap();
        Side { family: if address.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 }, address, v6_only }
    }

    fn sides() -> [Side; 8] {
        [
            side("0.0.0.0", false),
            side("127.0.0.1", false),
            side("127.0.0.2", false),
            side("::", false),
            side("::", true),
            side("::1", true),
            side("::ffff:127.0.0.1", false),
            side("::ffff:0.0.0.0", false),
        ]
    }

    /// Rows hold, columns ask; read from Linux 6.18, where x is `EADDRINUSE`.
    const MEASURED: [&str; 8] = ["xxxx..xx", "xx.x..xx", "x.xx...x", "xxxxxxxx", "...xxx..", "...xxx..", "xx.x..xx", "xxxx..xx"];

    #[test]
    fn as_a_running_kernel_answers() {
        for (held, row) in sides().iter().zip(MEASURED) {
            for (asker, expected) in sides().iter().zip(row.chars()) {
                assert_eq!(
                    overlaps(asker, held),
                    expected == 'x',
                    "held {} v6only {}, asked {} v6only {}",
                    held.address,
                    held.v6_only,
                    asker.address,
                    asker.v6_only
                );
            }
        }
    }

    /// Outgoing connections of a socket that was never bound, also read from a running kernel: an IPv6 one
    /// is not IPv6 only, and so stands in the way of 0.0.0.0.
    #[test]
    fn outgoing_connections_too() {
        for (held, row) in [(side("127.0.0.1", false), "xx.x..xx"), (side("::1", false), "x..xxx..")] {
            let answers: String = sides().iter().map(|asker| if overlaps(asker, &held) { 'x' } else { '.' }).collect();
            assert_eq!(answers, row, "{}", held.address);
        }
    }
}
