//! What an address is, in one sentence with its RFC.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portward_model::{AddressClass, unmap};

/// What an address is and what follows from it, in one phrase that names its range and RFC.
///
/// An IPv4-mapped address is described by the IPv4 address inside it, and says that it is mapped.
pub fn address_sentence(address: IpAddr) -> String {
    let plain = unmap(address);
    let sentence = match AddressClass::of(address) {
        AddressClass::Wildcard => wildcard(plain),
        AddressClass::Loopback => loopback(plain),
        AddressClass::Private => match plain {
            IpAddr::V4(v4) => format!(
                "private: machines on the same network, and none on the internet directly ({}, RFC 1918)",
                private_block(v4)
            ),
            IpAddr::V6(_) => {
                "unique local: machines of the same site, and none on the internet directly (fc00::/7, RFC 4193)".to_owned()
            }
        },
        AddressClass::LinkLocal => match plain {
            IpAddr::V4(_) => {
                "link-local: machines on the same link only, taken where no DHCP answered (169.254.0.0/16, RFC 3927)".to_owned()
            }
            IpAddr::V6(_) => {
                "link-local: machines on the same link only, and it needs a zone such as %eth0 (fe80::/10, RFC 4291)".to_owned()
            }
        },
        AddressClass::Shared => {
            "shared: a provider's own network behind its NAT, or an overlay such as Tailscale (100.64.0.0/10, RFC 6598)"
                .to_owned()
        }
        AddressClass::Multicast => match plain {
            IpAddr::V4(_) => {
                "multicast: every machine that joined the group, for datagrams only (224.0.0.0/4, RFC 5771)".to_owned()
            }
            IpAddr::V6(_) => "multicast: every machine that joined the group, for datagrams only (ff00::/8, RFC 4291)".to_owned(),
        },
        AddressClass::Broadcast => "broadcast: every machine on the same link, for datagrams only (RFC 919)".to_owned(),
        AddressClass::Documentation => match plain {
            IpAddr::V4(v4) => {
                format!("documentation: for examples, never routed on the internet ({}, RFC 5737)", documentation_block(v4))
            }
            IpAddr::V6(_) => "documentation: for examples, never routed on the internet (2001:db8::/32, RFC 3849)".to_owned(),
        },
        AddressClass::Global => match plain {
            IpAddr::V4(_) => "public: routable on the internet, so anyone a firewall lets through".to_owned(),
            IpAddr::V6(_) => "public: routable on the internet, so anyone a firewall lets through (RFC 4291)".to_owned(),
        },
        AddressClass::Unix => "Unix socket: programs of this machine, by a file or a name (unix(7))".to_owned(),
    };
    if plain == address { sentence } else { format!("{plain} as an IPv6 socket writes it (IPv4-mapped, RFC 4291); {sentence}") }
}

fn wildcard(address: IpAddr) -> String {
    match address {
        IpAddr::V4(_) => "wildcard: every IPv4 address of this machine, on every interface; a client that dials it reaches \
                          this machine itself (RFC 1122)"
            .to_owned(),
        IpAddr::V6(_) => "wildcard: every IPv6 address of this machine, on every interface, and every IPv4 one too unless the \
                          socket is IPv6 only (RFC 4291)"
            .to_owned(),
    }
}

fn loopback(address: IpAddr) -> String {
    let inside = "this machine speaking to itself; nothing leaves it";
    match address {
        IpAddr::V6(_) => format!("loopback: {inside} (::1/128, RFC 4291); 127.0.0.1 is another endpoint"),
        IpAddr::V4(v4) if v4 == Ipv4Addr::LOCALHOST => format!("loopback: {inside} (127.0.0.0/8, RFC 1122)"),
        IpAddr::V4(v4) if v4 == Ipv4Addr::new(127, 0, 1, 1) => format!(
            "loopback: {inside} (127.0.0.0/8, RFC 1122); Debian and Ubuntu give it to the machine's own name, and it is another \
             endpoint than 127.0.0.1"
        ),
        IpAddr::V4(v4) if v4 == Ipv4Addr::new(127, 0, 0, 53) => format!(
            "loopback: {inside} (127.0.0.0/8, RFC 1122); systemd-resolved answers DNS here, and it is another endpoint than \
             127.0.0.1"
        ),
        IpAddr::V4(_) => {
            format!(
                "loopback: {inside} (127.0.0.0/8, RFC 1122); it is another endpoint than 127.0.0.1, and needs no set-up on Linux"
            )
        }
    }
}

fn private_block(address: Ipv4Addr) -> &'static str {
    match address.octets() {
        [10, ..] => "10.0.0.0/8",
        [172, ..] => "172.16.0.0/12",
        _ => "192.168.0.0/16",
    }
}

fn documentation_block(address: Ipv4Addr) -> &'static str {
    match address.octets() {
        [192, ..] => "192.0.2.0/24",
        [198, ..] => "198.51.100.0/24",
        _ => "203.0.113.0/24",
    }
}

/// True for an address that needs a zone to be bound or dialled: link-local unicast, and multicast of
/// interface or link scope (RFC 4007 section 6, RFC 4291 section 2.7).
pub(crate) fn needs_zone(address: Ipv6Addr) -> bool {
    let [first, ..] = address.segments();
    first & 0xffc0 == 0xfe80 || (first & 0xff00 == 0xff00 && matches!(first & 0x000f, 1 | 2))
}

#[cfg(test)]
mod tests {
    use super::{address_sentence, needs_zone};

    fn said(text: &str) -> String {
        address_sentence(text.parse().unwrap())
    }

    #[test]
    fn loopback_reads_as_on_the_screen() {
        assert_eq!(said("127.0.0.1"), "loopback: this machine speaking to itself; nothing leaves it (127.0.0.0/8, RFC 1122)");
        assert!(said("127.8.8.8").contains("another endpoint than 127.0.0.1"));
        assert!(said("127.0.1.1").contains("machine's own name"));
        assert!(said("127.0.0.53").contains("systemd-resolved"));
        assert!(said("::1").contains("::1/128, RFC 4291"));
    }

    #[test]
    fn every_class_names_its_source() {
        for (address, part) in [
            ("0.0.0.0", "every IPv4 address"),
            ("::", "unless the socket is IPv6 only"),
            ("10.1.2.3", "10.0.0.0/8, RFC 1918"),
            ("172.16.0.1", "172.16.0.0/12, RFC 1918"),
            ("192.168.1.20", "192.168.0.0/16, RFC 1918"),
            ("fd00::1", "RFC 4193"),
            ("169.254.1.1", "RFC 3927"),
            ("fe80::1", "zone"),
            ("100.100.1.1", "RFC 6598"),
            ("224.0.0.251", "RFC 5771"),
            ("ff02::fb", "RFC 4291"),
            ("255.255.255.255", "RFC 919"),
            ("192.0.2.1", "192.0.2.0/24, RFC 5737"),
            ("198.51.100.1", "198.51.100.0/24"),
            ("203.0.113.1", "203.0.113.0/24"),
            ("2001:db8::1", "RFC 3849"),
            ("8.8.8.8", "public"),
            ("2606:4700::1", "public"),
        ] {
            assert!(said(address).contains(part), "{address}: {}", said(address));
        }
    }

    #[test]
    fn a_mapped_address_says_so_and_speaks_of_the_inner_one() {
        let text = said("::ffff:127.0.0.1");
        assert!(text.starts_with("127.0.0.1 as an IPv6 socket writes it"), "{text}");
        assert!(text.contains("loopback"), "{text}");
        assert!(said("::ffff:0.0.0.0").contains("every IPv4 address"));
    }

    #[test]
    fn zones_are_needed_on_links_only() {
        for (address, needed) in
            [("fe80::1", true), ("febf::1", true), ("fec0::1", false), ("ff02::fb", true), ("ff01::1", true), ("ff05::1", false)]
        {
            assert_eq!(needs_zone(address.parse().unwrap()), needed, "{address}");
        }
    }
}
