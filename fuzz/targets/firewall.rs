//! Any bytes as what a firewall's tool answers, in each of the three forms.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portward_wire::firewall::{Generation, iptables_rules, nft_has_owner, nft_rules, nft_tables, nft_texts};

fuzz_target!(|bytes: &[u8]| {
    let texts = nft_texts(bytes);
    assert!(texts.len() <= bytes.len());
    assert!(nft_tables(bytes).len() <= bytes.len());
    let _ = nft_has_owner(bytes);
    if let Some(ruleset) = nft_rules(bytes, &texts, true) {
        assert!(ruleset.rules.iter().all(|rule| rule.last_port.is_none_or(|last| rule.port < Some(last))));
    }
    for generation in [Generation::V4, Generation::V6] {
        for rule in iptables_rules(bytes, generation, false) {
            let line = rule.removal.command();
            assert!(line.is_none_or(|line| !line.to_string().contains(char::is_control)), "{rule:?}");
        }
    }
});
