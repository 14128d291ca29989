//! Interfaces, their addresses and routes (`rtnetlink(7)`, `linux/rtnetlink.h`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portward_model::{Family, Interface, InterfaceAddress, Text};

use super::{AF_INET, AF_INET6, NLM_F_DUMP, message, read_attributes};
use crate::{Reader, Truncated};

/// A route as the kernel tells it, with the interface by index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteReply {
    /// True for `RTN_LOCAL`: the address is this machine's own.
    pub local: bool,
    /// Index of the interface it leaves by; 0 for none.
    pub interface: u32,
    /// The gateway, if any.
    pub gateway: Option<IpAddr>,
    /// The preferred source address, if any.
    pub source: Option<IpAddr>,
}

/// A policy rule as far as its place matters (`ip-rule(8)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleReply {
    /// Its priority; lower ones are asked first.
    pub priority: u32,
    /// True when it looks up the table `local`.
    pub looks_up_local: bool,
}

/// A dump request for all interfaces.
pub fn link_request() -> Vec<u8> {
    // struct ifinfomsg: all zero asks for every interface. Counters are most of an answer and not wanted.
    let mut body = vec![0; 16];
    body.extend(super::attribute(IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS.to_ne_bytes()));
    message(RTM_GETLINK, NLM_F_DUMP, &body)
}

/// A dump request for all addresses.
pub fn address_request() -> Vec<u8> {
    // struct ifaddrmsg: family 0 asks for both.
    message(RTM_GETADDR, NLM_F_DUMP, &[0; 8])
}

/// Asks how a packet to `target` would be routed; `interface` is the zone of a link-local address, or 0.
pub fn route_request(target: IpAddr, interface: u32) -> Vec<u8> {
    let (family, length, octets) = match target {
        IpAddr::V4(v4) => (AF_INET, 32u8, v4.octets().to_vec()),
        IpAddr::V6(v6) => (AF_INET6, 128, v6.octets().to_vec()),
    };
    // struct rtmsg { family, dst_len, src_len, tos, table, protocol, scope, type, flags }
    let mut body = vec![family, length, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    body.extend(super::attribute(RTA_DST, &octets));
    if interface != 0 {
        body.extend(super::attribute(RTA_OIF, &interface.to_ne_bytes()));
    }
    message(RTM_GETROUTE, 0, &body)
}

/// A dump request for all policy rules of one family, in the order in which the kernel asks them.
pub fn rule_request(family: Family) -> Vec<u8> {
    // struct fib_rule_hdr: all but the family zero.
    let mut body = [0; 12];
    body[0] = if family == Family::Ipv6 { AF_INET6 } else { AF_INET };
    message(RTM_GETRULE, NLM_F_DUMP, &body)
}

/// Reads `struct ifinfomsg`; `None` when the message is of another type.
pub fn read_link(kind: u16, body: &[u8]) -> Result<Option<Interface>, Truncated> {
    if kind != RTM_NEWLINK {
        return Ok(None);
    }
    let mut fields = Reader::new(body);
    fields.take(4)?;
    let index = fields.u32()?;
    let flags = fields.u32()?;
    fields.take(4)?;
    let mut name = Text::default();
    let (mut driver, mut mtu) = (None, None);
    read_attributes(fields.rest(), &mut |kind, value| {
        match kind {
            IFLA_IFNAME => name = until_nul(value),
            IFLA_MTU => mtu = Some(Reader::new(value).u32()?),
            IFLA_LINKINFO => read_attributes(value, &mut |kind, value| {
                if kind == IFLA_INFO_KIND {
                    driver = Some(until_nul(value));
                }
                Ok(())
            })?,
            _ => {}
        }
        Ok(())
    })?;
    let loopback = flags & IFF_LOOPBACK != 0;
    Ok(Some(Interface { index, name, loopback, up: flags & IFF_UP != 0, kind: driver, mtu, addresses: Vec::new() }))
}

/// Reads `struct ifaddrmsg`: the interface's index and the address; `None` for another type or family.
pub fn read_address(kind: u16, body: &[u8]) -> Result<Option<(u32, InterfaceAddress)>, Truncated> {
    if kind != RTM_NEWADDR {
        return Ok(None);
    }
    let mut fields = Reader::new(body);
    let family = fields.u8()?;
    let prefix = fields.u8()?;
    fields.take(2)?;
    let index = fields.u32()?;
    let mut local = None;
    let mut peer = None;
    read_attributes(fields.rest(), &mut |kind, value| {
        match kind {
            // On a point-to-point link IFA_ADDRESS is the other end and IFA_LOCAL is ours.
            IFA_LOCAL => local = ip(family, value),
            IFA_ADDRESS => peer = ip(family, value),
            _ => {}
        }
        Ok(())
    })?;
    Ok(local.or(peer).map(|address| (index, InterfaceAddress { address, prefix })))
}

/// Reads `struct rtmsg`; `None` when the message is of another type.
pub fn read_route(kind: u16, body: &[u8]) -> Result<Option<RouteReply>, Truncated> {
    if kind != RTM_NEWROUTE {
        return Ok(None);
    }
    let mut fields = Reader::new(body);
    let family = fields.u8()?;
    fields.take(6)?;
    let mut route = RouteReply { local: fields.u8()? == RTN_LOCAL, ..RouteReply::default() };
    fields.take(4)?;
    read_attributes(fields.rest(), &mut |kind, value| {
        match kind {
            RTA_OIF => route.interface = Reader::new(value).u32()?,
            RTA_GATEWAY => route.gateway = ip(family, value),
            RTA_PREFSRC => route.source = ip(family, value),
            _ => {}
        }
        Ok(())
    })?;
    Ok(Some(route))
}

/// Reads `struct fib_rule_hdr`; `None` when the message is of another type.
pub fn read_rule(kind: u16, body: &[u8]) -> Result<Option<RuleReply>, Truncated> {
    if kind != RTM_NEWRULE {
        return Ok(None);
    }
    let mut fields = Reader::new(body);
    fields.take(4)?;
    let mut table = u32::from(fields.u8()?);
    fields.take(2)?;
    let action = fields.u8()?;
    fields.take(4)?;
    let mut priority = 0;
    read_attributes(fields.rest(), &mut |kind, value| {
        match kind {
            FRA_PRIORITY => priority = Reader::new(value).u32()?,
            FRA_TABLE => table = Reader::new(value).u32()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(Some(RuleReply { priority, looks_up_local: action == FR_ACT_TO_TBL && table == RT_TABLE_LOCAL }))
}

/// True when a rule is asked before the first one that looks up the table `local`, so that a packet to this
/// machine's own address may be sent elsewhere or refused. `rules` stand in the kernel's order.
pub fn rule_before_local(rules: &[RuleReply]) -> bool {
    rules.first().is_some_and(|rule| !rule.looks_up_local)
}

fn until_nul(bytes: &[u8]) -> Text {
    Text::new(bytes.split(|b| *b == 0).next().unwrap_or_default())
}

fn ip(family: u8, bytes: &[u8]) -> Option<IpAddr> {
    match family {
        AF_INET => bytes.first_chunk::<4>().map(|octets| IpAddr::V4(Ipv4Addr::from(*octets))),
        AF_INET6 => bytes.first_chunk::<16>().map(|octets| IpAddr::V6(Ipv6Addr::from(*octets))),
        _ => None,
    }
}

const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_EXT_MASK: u16 = 29;
const RTEXT_FILTER_SKIP_STATS: u32 = 8;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFF_UP: u32 = 1;
const IFF_LOOPBACK: u32 = 8;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const RTN_LOCAL: u8 = 2;
const RTM_NEWRULE: u16 = 32;
const RTM_GETRULE: u16 = 34;
const FRA_PRIORITY: u16 = 6;
const FRA_TABLE: u16 = 15;
const FR_ACT_TO_TBL: u8 = 1;
const RT_TABLE_LOCAL: u32 = 255;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PREFSRC: u16 = 7;

#[cfg(test)]
mod tests {
    use super::{read_address, read_link, read_rule, rule_before_local};
    use crate::netlink::attribute;

    #[test]
    fn a_bridge_is_known_by_its_driver() {
        let mut body = vec![0, 0, 1, 0];
        body.extend(3u32.to_ne_bytes());
        body.extend(1u32.to_ne_bytes());
        body.extend([0; 4]);
        body.extend(attribute(3, b"docker0\0"));
        body.extend(attribute(4, &1500u32.to_ne_bytes()));
        body.extend(attribute(18, &attribute(1, b"bridge\0")));
        let link = read_link(16, &body).unwrap().unwrap();
        assert_eq!((link.index, link.name.shown(), link.up, link.loopback), (3, "docker0".to_owned(), true, false));
        assert_eq!((link.kind.unwrap().shown().as_str(), link.mtu), ("bridge", Some(1500)));
    }

    #[test]
    fn a_rule_may_stand_before_the_table_local() {
        let rule = |action: u8, table: u8, priority: u32| {
            let mut body = vec![2, 0, 0, 0, table, 0, 0, action, 0, 0, 0, 0];
            body.extend(attribute(6, &priority.to_ne_bytes()));
            body.extend(attribute(15, &u32::from(table).to_ne_bytes()));
            read_rule(32, &body).unwrap().unwrap()
        };
        let (local, unreachable) = (rule(1, 255, 0), rule(7, 0, 0));
        assert!(!rule_before_local(&[local, rule(1, 254, 32766)]) && !rule_before_local(&[]));
        assert!(rule_before_local(&[unreachable, local]));
        assert!(rule_before_local(&[rule(1, 100, 5), rule(1, 255, 10)]));
        assert_eq!(read_rule(24, &[]), Ok(None));
        assert!(read_rule(32, &[2, 0]).is_err());
    }

    #[test]
    fn the_local_end_of_a_tunnel_is_ours() {
        let mut body = vec![2, 32, 0, 0];
        body.extend(5u32.to_ne_bytes());
        body.extend(attribute(1, &[10, 0, 0, 2]));
        body.extend(attribute(2, &[10, 0, 0, 1]));
        let (index, address) = read_address(20, &body).unwrap().unwrap();
        assert_eq!((index, address.address.to_string().as_str()), (5, "10.0.0.1"));
    }
}
