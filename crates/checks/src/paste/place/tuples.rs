//! Addresses as languages write them that have no literal of their own for one: tuples, and paths of a shell.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Place, is_name, port::number};

/// `('127.0.0.1', 8000)` as Python writes an address, `{'127.0.0.1', 8000}` as Erlang does; `connect("db",1883)`.
pub(super) fn tuple(line: &str, at: usize) -> Option<Place> {
    let quote = line.get(at..=at)?;
    if !line.get(..at)?.ends_with(['(', '{']) {
        return None;
    }
    let rest = line.get(at + 1..)?;
    let length = rest.bytes().take_while(|byte| is_name(*byte) || *byte == b':').take(256).count();
    let after = rest.get(length..)?.strip_prefix(quote)?.strip_prefix(',')?;
    let bare = after.trim_start_matches(' ');
    let (port, digits) = number(bare)?;
    let host = rest.get(..length)?;
    let between = quote.len() + 1 + after.len() - bare.len();
    Some(Place::new(at, at + 1 + length + between + digits, Some(host), Some(port)))
}

/// `{127, 0, 0, 1}` and `{0,0,0,0,0,0,0,1}` of Erlang and Elixir, with the port that may follow.
pub(super) fn braces(line: &str, at: usize) -> Option<Place> {
    let rest = line.get(at + 1..)?;
    let length = rest.bytes().take(64).position(|byte| byte == b'}')?;
    let parts: Option<Vec<u16>> = rest.get(..length)?.split(',').map(|part| part.trim().parse().ok()).collect();
    let host = match *parts?.as_slice() {
        [a, b, c, d] => {
            let [a, b, c, d] = [a, b, c, d].map(u8::try_from);
            Ipv4Addr::new(a.ok()?, b.ok()?, c.ok()?, d.ok()?).to_string()
        }
        ref groups => Ipv6Addr::from(<[u16; 8]>::try_from(groups).ok()?).to_string(),
    };
    let end = at + length + 2;
    let after = line.get(end..)?;
    let bare = after.trim_start_matches([',', ' ', ':']);
    let joined = after.len() - bare.len();
    let port = number(bare).filter(|_| (1..=2).contains(&joined)).filter(|(_, digits)| {
        let follows = bare.get(*digits..).unwrap_or_default();
        !follows.starts_with(|c: char| c.is_alphanumeric() || c == '.')
    });
    let end = port.map_or(end, |(_, digits)| end + joined + digits);
    Some(Place::new(at, end, Some(&host), port.map(|(port, _)| port)))
}

/// `/dev/tcp/127.0.0.1/3000` of shells.
pub(super) fn device(line: &str, at: usize) -> Option<Place> {
    let rest = line.get(at..)?.strip_prefix("/dev/tcp/")?;
    let (host, after) = rest.split_once('/')?;
    let (port, digits) = number(after)?;
    let named = host.len() < 256 && host.bytes().all(|byte| is_name(byte) || byte == b':');
    named.then(|| Place::new(at, at + 9 + host.len() + 1 + digits, Some(host), Some(port)))
}

/// `/ip4/127.0.0.1/tcp/5001`, an address of libp2p.
pub(super) fn multiaddress(line: &str, at: usize) -> Option<Place> {
    let rest = line.get(at + 1..)?;
    let mut parts = rest.splitn(4, '/');
    let (kind, host, transport, after) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if !matches!(kind, "ip4" | "ip6" | "dns" | "dns4" | "dns6") || !matches!(transport, "tcp" | "udp") {
        return None;
    }
    let (port, digits) = number(after)?;
    let named = host.len() < 256 && host.bytes().all(|byte| is_name(byte) || byte == b':');
    let end = at + 1 + kind.len() + host.len() + transport.len() + 3 + digits;
    named.then(|| Place::new(at, end, Some(host), Some(port)))
}
