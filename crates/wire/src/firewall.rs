//! Packet filter rules, as the tools of the firewalls tell them.
//!
//! Only what bears on TCP is kept: a rule for another protocol cannot stop a connection. A rule that names several
//! ports is told once for each, so that whoever looks for a port finds it.

mod iptables;
mod nft;

pub use iptables::{Generation, iptables_rules};
pub use nft::{Ruleset, nft_has_owner, nft_rules, nft_tables, nft_texts};

use portward_model::{FirewallRule, Removal, RuleVerdict, Text};

/// What a rule says, before it is told for each of its ports.
#[derive(Clone, Debug)]
struct Draft {
    chain: Text,
    hook: Text,
    text: Text,
    verdict: RuleVerdict,
    packets: Option<u64>,
    /// First and last, inclusive; none for any port.
    ports: Vec<(u16, u16)>,
    interface: Option<Text>,
    narrowed: bool,
    removal: Removal,
}

impl Draft {
    fn tell(self, found: &mut Vec<FirewallRule>) {
        let any = [None];
        let named: Vec<Option<(u16, u16)>> = self.ports.iter().copied().map(Some).take(MOST_PORTS).collect();
        for ports in if named.is_empty() { &any[..] } else { &named } {
            if found.len() >= MOST_RULES {
                return;
            }
            found.push(FirewallRule {
                chain: self.chain.clone(),
                hook: self.hook.clone(),
                text: self.text.clone(),
                verdict: self.verdict,
                packets: self.packets,
                port: ports.map(|(first, _)| first),
                last_port: ports.filter(|(first, last)| first < last).map(|(_, last)| last),
                interface: self.interface.clone(),
                narrowed: self.narrowed,
                removal: self.removal.clone(),
            });
        }
    }
}

/// Every port but these.
fn others(mut ports: Vec<(u16, u16)>) -> Vec<(u16, u16)> {
    ports.sort_unstable();
    let mut found = Vec::new();
    let mut next = Some(0u16);
    for (first, last) in ports {
        if let Some(start) = next.filter(|start| *start < first) {
            found.push((start, first - 1));
        }
        next = next.and_then(|start| last.checked_add(1).map(|after| start.max(after)));
    }
    found.extend(next.map(|start| (start, u16::MAX)));
    found
}

/// A set with more elements says its first ones.
const MOST_PORTS: usize = 64;
/// No rule set that a person can mend has more.
const MOST_RULES: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::others;

    #[test]
    fn every_port_but_some() {
        assert_eq!(others(vec![(22, 22)]), [(0, 21), (23, 65535)]);
        assert_eq!(others(vec![(80, 90), (0, 10)]), [(11, 79), (91, 65535)]);
        assert_eq!(others(vec![(100, 65535)]), [(0, 99)]);
        assert_eq!(others(vec![(5, 9), (6, 7)]), [(0, 4), (10, 65535)]);
    }
}
