//! Whether a line speaks of datagrams.

use portward_model::Transport;

/// The transport that a line names; `None` where it names none, or both.
pub(super) fn transport_in(line: &str) -> Option<Transport> {
    let lower = line.to_ascii_lowercase();
    let names = |words: &[&str]| lower.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| words.contains(&word));
    match (names(UDP), names(TCP)) {
        (true, false) => Some(Transport::Udp),
        (false, true) => Some(Transport::Tcp),
        (_, _) => None,
    }
}

/// Whether a bind that Node calls `bind` was one of a datagram socket: it says so of those, and `listen` of servers, but for the
/// workers of a cluster. At a port that is for datagrams first it was one of them.
pub(super) fn is_nodes_datagram(line: &str, port: Option<u32>) -> bool {
    ["bind EADDRINUSE", "bind EACCES", "bind EADDRNOTAVAIL"].iter().any(|call| line.contains(call))
        && port.is_some_and(|port| DATAGRAMS.contains(&port))
}

/// Ports of DNS, DHCP, TFTP, NTP, `NetBIOS`, SNMP, IKE, syslog, SSDP, mDNS, LLMNR and CoAP.
const DATAGRAMS: &[u32] = &[53, 67, 68, 69, 123, 137, 138, 161, 162, 500, 514, 1900, 5353, 5355, 5683];

/// Words for datagrams over IP: Go's networks, the kernel's types (socket(2)), Node's module.
const UDP: &[&str] = &["udp", "udp4", "udp6", "dgram", "sock_dgram", "ipproto_udp", "datagramsocket", "udpsocket", "quic"];

/// Words for TCP.
const TCP: &[&str] = &["tcp", "tcp4", "tcp6", "sock_stream", "ipproto_tcp", "serversocket", "tcplistener", "tcpconnectwrap"];

#[cfg(test)]
mod tests {
    use portward_model::Transport;

    use super::transport_in;

    #[test]
    fn datagrams_are_told_by_their_words() {
        let udp = Some(Transport::Udp);
        for (line, expected) in [
            ("listen udp :53: bind: address already in use", udp),
            ("failed to bind host port for 0.0.0.0:53/udp", udp),
            ("at dgram.js:332:20", udp),
            ("cannot bind UDP socket", udp),
            ("socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, 0)", udp),
            ("dial tcp 127.0.0.1:80: connect: connection refused", Some(Transport::Tcp)),
            ("could not listen on TCP or UDP port 53", None),
            ("connect ECONNREFUSED 127.0.0.1:5432", None),
        ] {
            assert_eq!(transport_in(line), expected, "{line}");
        }
    }
}
