//! `/proc/net/tcp`, `tcp6`, `udp` and `udp6`: the reading of last resort, where netlink is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portward_model::{Family, Queue, Socket, SocketName, SocketState, Transport};

/// Reads one table. These files know neither `IPV6_V6ONLY`, nor control groups, nor devices, nor cookies, nor
/// sockets that are bound without listening: those fields are empty.
pub fn read_table(bytes: &[u8], transport: Transport, netns: u16) -> Vec<Socket> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().skip(1).filter_map(|line| read_line(line, transport, netns)).collect()
}

fn read_line(line: &str, transport: Transport, netns: u16) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (local, port) = address(fields.next()?)?;
    let (remote, remote_port) = address(fields.next()?)?;
    let state = match (u8::from_str_radix(fields.next()?, 16).ok()?, transport) {
        (1, _) => SocketState::Established,
        (2, _) => SocketState::SynSent,
        (3 | 12, _) => SocketState::SynRecv,
        (4, _) => SocketState::FinWait1,
        (5, _) => SocketState::FinWait2,
        (6, _) => SocketState::TimeWait,
        (7, _) => SocketState::Bound,
        (8, _) => SocketState::CloseWait,
        (9, _) => SocketState::LastAck,
        (10, _) => SocketState::Listen,
        (11, _) => SocketState::Closing,
        _ => return None,
    };
    let (sent, received) = fields.next()?.split_once(':')?;
    let uid = fields.nth(2)?.parse().ok()?;
    let inode = fields.nth(1)?.parse().ok()?;
    let number = |text: &str| u32::from_str_radix(text, 16).unwrap_or(0);
    Some(Socket {
        transport,
        state,
        family: if local.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 },
        v6_only: None,
        netns,
        interface: 0,
        uid,
        queue: Queue { used: number(received), limit: number(sent), drops: 0 },
        inode,
        cookie: 0,
        cgroup: 0,
        traffic: None,
        name: SocketName::Inet { local, port, remote, remote_port },
    })
}

/// `0100007F:1F90`: groups of four bytes in the host's order, then the port.
fn address(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let group = |at: usize| u32::from_str_radix(address.get(at * 8..at * 8 + 8)?, 16).ok().map(u32::to_ne_bytes);
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(group(0)?)),
        32 => {
            let groups = [group(0)?, group(1)?, group(2)?, group(3)?];
            let octets: [u8; 16] = groups.concat().try_into().ok()?;
            IpAddr::V6(Ipv6Addr::from(octets))
        }
        _ => return None,
    };
    Some((address, port))
}

#[cfg(test)]
mod tests {
    use portward_model::{SocketState, Transport};

    use super::read_table;

    #[test]
    fn both_families() {
        let table = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:1F90 00000000:0000 0A 00000080:00000001 00:00000000 00000000  1000        0 4242 1 0\n\
            1: 0000000000000000FFFF00000100007F:1F90 00000000000000000000000000000000:0000 06 0:0 00:0 0 0 0 0 3 0\n garbage\n";
        let sockets = read_table(table, Transport::Tcp, 0);
        assert_eq!(sockets.len(), 2);
        assert_eq!((sockets[0].address().unwrap().to_string().as_str(), sockets[0].port()), ("127.0.0.1", Some(8080)));
        assert_eq!((sockets[0].state, sockets[0].inode, sockets[0].uid), (SocketState::Listen, 4242, 1000));
        assert_eq!(sockets[1].address().unwrap().to_string(), "::ffff:127.0.0.1");
        assert_eq!(sockets[1].state, SocketState::TimeWait);
    }
}
