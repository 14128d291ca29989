//! What a port number means to people, to browsers and to this kernel.

mod services;

use portward_model::{PortClass, PortRules};

pub use services::{registered_port, service_port, spoken, usual_service};

/// The class of a port in words, with its range and RFC.
pub fn class_sentence(port: u16) -> String {
    let class = PortClass::of(port);
    let (name, meaning) = match class {
        PortClass::System => ("system", "well-known services, assigned by IANA under strict review"),
        PortClass::User => ("user", "assigned by IANA on request, and free for any program to use"),
        PortClass::Dynamic => ("dynamic", "assigned as needed, no fixed service"),
    };
    format!("{name}, {} (RFC 6335): {meaning}", class.range())
}

/// What this kernel's own rules say about a port, one sentence each; empty where none applies.
///
/// Sources: `ip_local_port_range`, `ip_local_reserved_ports` and `ip_unprivileged_port_start` in the
/// kernel's ip-sysctl document. A reserved port is no refusal: it may be bound by name, it is only kept
/// from being picked.
pub fn rule_sentences(port: u16, rules: &PortRules) -> Vec<String> {
    let mut sentences = Vec::new();
    if port == 0 {
        sentences.push(format!("0 asks the kernel to pick a free port, from {}", rules.ephemeral));
        return sentences;
    }
    if rules.is_ephemeral(port) {
        sentences.push(format!(
            "inside this kernel's ephemeral range {}: an outgoing connection may take it any time",
            rules.ephemeral
        ));
    }
    if let Some(range) = rules.reserved.iter().find(|range| range.contains(port)) {
        let where_from = if range.first == range.last { String::new() } else { format!(" (with {range})") };
        sentences.push(format!(
            "reserved by net.ipv4.ip_local_reserved_ports{where_from}: no outgoing connection is given it, and a program may bind it by name"
        ));
    }
    if port < rules.unprivileged_start {
        let start = rules.unprivileged_start;
        sentences.push(if rules.may_bind_privileged {
            format!("below {start}, where a bind needs CAP_NET_BIND_SERVICE: this user has it")
        } else {
            format!("below {start}, where a bind needs CAP_NET_BIND_SERVICE: this user lacks it")
        });
    }
    sentences
}

/// True when browsers refuse to send requests to this port: it is one of the Fetch standard's bad ports
/// (Fetch, section "Port blocking").
pub fn browser_blocks(port: u16) -> bool {
    BAD_PORTS.binary_search(&port).is_ok()
}

/// The Fetch standard's table of bad ports, ascending.
const BAD_PORTS: &[u16] = &[
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111,
    113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554,
    556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666,
    6667, 6668, 6669, 6679, 6697, 10080,
];

#[cfg(test)]
mod tests {
    use portward_model::{PortRange, PortRules};

    use super::{BAD_PORTS, browser_blocks, class_sentence, rule_sentences};

    fn rules() -> PortRules {
        PortRules {
            ephemeral: PortRange { first: 32768, last: 60999 },
            reserved: vec![PortRange { first: 40000, last: 40010 }, PortRange { first: 50000, last: 50000 }],
            unprivileged_start: 1024,
            bind_v6_only: false,
            nonlocal_bind: false,
            may_bind_privileged: false,
        }
    }

    #[test]
    fn bad_ports_are_ascending_and_exact() {
        assert!(BAD_PORTS.is_sorted_by(|a, b| a < b));
        assert_eq!(BAD_PORTS.len(), 83);
        for port in [0, 1, 69, 137, 161, 554, 2049, 4045, 4190, 5060, 5061, 6000, 6566, 6679, 6697, 10080] {
            assert!(browser_blocks(port), "{port}");
        }
        for port in [80, 443, 3000, 5173, 6001, 6670, 8080, 10081, 49342, 62893] {
            assert!(!browser_blocks(port), "{port}");
        }
    }

    #[test]
    fn classes_read_with_range_and_source() {
        assert_eq!(class_sentence(49342), "dynamic, 49152-65535 (RFC 6335): assigned as needed, no fixed service");
        assert!(class_sentence(80).starts_with("system, 0-1023 (RFC 6335)"));
        assert!(class_sentence(3000).starts_with("user, 1024-49151 (RFC 6335)"));
    }

    #[test]
    fn rules_speak_only_where_they_apply() {
        assert_eq!(rule_sentences(3000, &rules()), Vec::<String>::new());
        assert_eq!(
            rule_sentences(49342, &rules()),
            ["inside this kernel's ephemeral range 32768-60999: an outgoing connection may take it any time"]
        );
        let reserved = rule_sentences(40003, &rules());
        assert_eq!(reserved.len(), 1);
        assert!(reserved.iter().all(|text| text.contains("may bind it by name") && text.contains("40000-40010")));
        assert!(rule_sentences(50000, &rules()).iter().all(|text| !text.contains("(with")));
        assert!(rule_sentences(80, &rules()).iter().any(|text| text.ends_with("lacks it")));
        assert!(rule_sentences(80, &PortRules { may_bind_privileged: true, ..rules() }).iter().any(|t| t.ends_with("has it")));
        assert!(rule_sentences(0, &rules()).iter().all(|text| text.contains("pick a free port")));
    }
}
