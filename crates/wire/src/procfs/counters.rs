//! The kernel's counters: `/proc/net/snmp`, `/proc/net/netstat` and `/proc/net/snmp6`.

use portward_model::Counters;

/// Reads `/proc/net/snmp` or `/proc/net/netstat`, which are pairs of lines: a group with its names, and the same
/// group with its numbers. Only the groups that speak of IP, ICMP and TCP are kept. A number below zero, which
/// stands for no limit, is left out.
pub fn counters(bytes: &[u8], into: &mut Counters) {
    counters_of(bytes, GROUPS, into);
}

/// The same of these groups: `Udp.RcvbufErrors`.
pub fn counters_of(bytes: &[u8], groups: &[&str], into: &mut Counters) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    while let (Some(names), Some(numbers)) = (lines.next(), lines.next()) {
        let (Some((group, names)), Some((again, numbers))) = (names.split_once(':'), numbers.split_once(':')) else { continue };
        if group != again || !groups.contains(&group) {
            continue;
        }
        for (name, number) in names.split_ascii_whitespace().zip(numbers.split_ascii_whitespace()) {
            if let Ok(number) = number.parse() {
                into.insert(format!("{group}.{name}"), number);
            }
        }
    }
}

/// Reads `/proc/net/snmp6`, one counter a line with its group glued to it: `Icmp6InDestUnreachs` becomes
/// `Icmp6.InDestUnreachs`.
pub fn counters6(bytes: &[u8], into: &mut Counters) {
    counters6_of(bytes, GROUPS6, into);
}

/// The same of these groups: `Udp6.RcvbufErrors`.
pub fn counters6_of(bytes: &[u8], groups: &[&str], into: &mut Counters) {
    let text = String::from_utf8_lossy(bytes);
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(glued), Some(number)) = (words.next(), words.next()) else { continue };
        let named = groups.iter().find_map(|group| Some((group, glued.strip_prefix(group)?)));
        if let (Some((group, name)), Ok(number)) = (named, number.parse()) {
            into.insert(format!("{group}.{name}"), number);
        }
    }
}

const GROUPS: &[&str] = &["Ip", "Icmp", "Tcp", "TcpExt"];
const GROUPS6: &[&str] = &["Ip6", "Icmp6"];

#[cfg(test)]
mod tests {
    use portward_model::Counters;

    use super::{counters, counters_of, counters6, counters6_of};

    #[test]
    fn names_stand_above_their_numbers() {
        let mut found = Counters::new();
        let snmp = b"Ip: Forwarding DefaultTTL\nIp: 1 64\nIcmpMsg: OutType3\nIcmpMsg: 9\n\
            Tcp: RtoAlgorithm MaxConn OutRsts\nTcp: 1 -1 42\nUdp: InDatagrams\nUdp: 7\n";
        counters(snmp, &mut found);
        counters(b"TcpExt: ListenOverflows ListenDrops\nTcpExt: 5 6\nIpExt: InOctets\nIpExt: 8\nTcpExt: A B\n", &mut found);
        let listed: Vec<String> = found.iter().map(|(name, number)| format!("{name} {number}")).collect();
        let expected = [
            "Ip.DefaultTTL 64",
            "Ip.Forwarding 1",
            "Tcp.OutRsts 42",
            "Tcp.RtoAlgorithm 1",
            "TcpExt.ListenDrops 6",
            "TcpExt.ListenOverflows 5",
        ];
        assert_eq!(listed, expected);
        counters_of(snmp, &["Udp"], &mut found);
        assert_eq!((found.get("Udp.InDatagrams"), found.len()), (Some(&7), expected.len() + 1));
    }

    #[test]
    fn the_newer_family_glues_its_groups() {
        let mut found = Counters::new();
        counters6(
            b"Ip6InReceives                   \t12\nIcmp6InDestUnreachs\t3\nUdp6NoPorts 4\nUdpLite6NoPorts 1\nIp6\n",
            &mut found,
        );
        assert_eq!(found.get("Icmp6.InDestUnreachs"), Some(&3));
        assert_eq!(found.get("Ip6.InReceives"), Some(&12));
        assert_eq!(found.len(), 2);
        counters6_of(b"Udp6NoPorts 4\nUdpLite6NoPorts 1\n", &["Udp6"], &mut found);
        assert_eq!((found.get("Udp6.NoPorts"), found.len()), (Some(&4), 3));
    }

    #[test]
    fn groups_that_do_not_match_are_passed_over() {
        let mut found = Counters::new();
        counters(b"Tcp: A B\nIp: 1 2\nTcp\n\xff\xfe: 1\nTcp: A\n", &mut found);
        assert!(found.is_empty());
    }
}
