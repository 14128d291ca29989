//! Whether a line speaks of datagrams.

use portward_model::Transport;

/// The transport that a line names; `None` where it names none, or both.
pub(super) fn transport_in(line: &str) -> Option<Transport> {
    let lower = line.to_ascii_lowercase();
    let names = |words: &[&str]| lower.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| words.contains(&word));
    match (names(UDP), names(TCP)) {
        (true, false) => Some(Transport::Udp),
        (false, true) => Some(Transport::Tcp),
        (true, true) => of_call(&lower),
        (false, false) => None,
    }
}

/// Of two transports that of the call that failed, as Go writes it: `lookup shop on 127.0.0.1:53: read udp ...`.
fn of_call(lower: &str) -> Option<Transport> {
    let last = |name: &str| CALLS.iter().filter_map(|call| lower.rfind(&format!("{call} {name}"))).max();
    match (last("udp"), last("tcp")) {
        (Some(udp), tcp) if tcp.is_none_or(|tcp| tcp < udp) => Some(Transport::Udp),
        (_, Some(_)) => Some(Transport::Tcp),
        (_, None) => None,
    }
}

/// Go's operations on a connection (`net.OpError`).
const CALLS: &[&str] = &["read", "write", "dial", "listen"];

/// The transport that a program's words imply, where they name none: Node `send`s datagrams alone, and binds them where a server
/// `listen`s, but for the workers of a cluster, so that at a port for datagrams it was one of those; dig and its kin ask by UDP first.
pub(super) fn implied(line: &str, program: Option<&str>, port: Option<u32>) -> Option<Transport> {
    let has = |calls: &[&str]| calls.iter().any(|call| line.contains(call));
    let sent = has(&["send ECONNREFUSED", "send ENETUNREACH", "send EHOSTUNREACH", "send EMSGSIZE", "send EACCES"]);
    let bound =
        has(&["bind EADDRINUSE", "bind EACCES", "bind EADDRNOTAVAIL"]) && port.is_some_and(|port| DATAGRAMS.contains(&port));
    let asks = program.is_some_and(|program| matches!(program, "dig" | "snmp" | "snmpd"));
    (sent || bound || asks).then_some(Transport::Udp)
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
            ("dial tcp: lookup shop.test on 127.0.0.1:53: read udp 127.0.0.1:39871->127.0.0.1:53: read: refused", udp),
            ("connect ECONNREFUSED 127.0.0.1:5432", None),
        ] {
            assert_eq!(transport_in(line), expected, "{line}");
        }
    }
}
