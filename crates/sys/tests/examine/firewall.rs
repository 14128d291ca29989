//! Rules of a packet filter in a network of their own, and what a connection meets behind them.

use std::{fs, net::TcpListener, time::Duration};

use portward_model::{DialTarget, FirewallRule, Met, Need, RuleVerdict, Seen};
use portward_sys::{Dialling, this_machine};
use portward_testkit::{is_root, program};

use crate::inside::{in_own_network, must};

#[test]
fn without_the_right_they_are_hidden() {
    // As root of the machine they are known, or no tool is here; both are answers.
    let rules = this_machine().unwrap().firewall().unwrap();
    if !is_root() {
        assert_eq!(rules, Seen::Hidden(Need::Capability("CAP_NET_ADMIN".to_owned())));
    }
}

#[test]
fn rules_of_nftables() {
    if program("nft").is_some() {
        in_own_network("firewall::inside_with_nftables");
    }
}

#[test]
fn rules_of_iptables() {
    if program("iptables").is_some() && program("ip").is_some() {
        in_own_network("firewall::inside_with_iptables");
    }
}

fn rules() -> Vec<FirewallRule> {
    match this_machine().unwrap().firewall().unwrap() {
        Seen::Known(rules) => rules,
        other => panic!("{other:?}"),
    }
}

#[test]
#[ignore = "rules_of_nftables runs it in a network of its own"]
fn inside_with_nftables() {
    must("ip link set lo up");
    assert_eq!(rules(), []);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules");
    let listener = TcpListener::bind("127.0.0.1:3000").unwrap();
    let table = "table inet guard {\n chain incoming {\n type filter hook input priority 0; policy accept;\n \
        tcp dport 3000 counter drop comment \"left over\"\n tcp dport { 3001, 3002 } reject with tcp reset\n }\n}\n";
    fs::write(&file, table).unwrap();
    must(&format!("nft -f {}", file.display()));
    let (mut pending, mut connected) = (|| (), || ());
    let at = DialTarget::Inet(listener.local_addr().unwrap());
    let dial = Dialling {
        at: &at,
        patience: Duration::from_millis(100),
        talk: None,
        pending: &mut pending,
        connected: &mut connected,
        wanted: &|| true,
    };
    assert_eq!(this_machine().unwrap().dial(dial).unwrap().met, Met::Silence);
    let rules = rules();
    let shown: Vec<(u16, RuleVerdict)> = rules.iter().filter_map(|rule| Some((rule.port?, rule.verdict))).collect();
    let reset = RuleVerdict::RejectReset;
    assert_eq!(shown, [(3000, RuleVerdict::Drop), (3001, reset), (3002, reset)]);
    assert_eq!((rules[0].chain.shown().as_str(), rules[0].hook.shown().as_str()), ("inet guard incoming", "input"));
    assert!(rules[0].packets.is_some_and(|packets| packets > 0));
    assert!(rules[0].text.shown().ends_with("drop comment \"left over\""), "{}", rules[0].text);
    // What is said to remove the rule does, and the connection is made.
    must(rules[0].removal.command().unwrap().line());
    let (mut pending, mut connected) = (|| (), || ());
    let dial = Dialling {
        at: &at,
        patience: Duration::from_secs(20),
        talk: None,
        pending: &mut pending,
        connected: &mut connected,
        wanted: &|| true,
    };
    assert_eq!(this_machine().unwrap().dial(dial).unwrap().met, Met::Connected);
}

#[test]
#[ignore = "rules_of_iptables runs it in a network of its own"]
fn inside_with_iptables() {
    must("ip link set lo up");
    must("iptables -A INPUT -p tcp --dport 3000 -j REJECT --reject-with tcp-reset");
    must("iptables -t nat -A OUTPUT -p tcp --dport 3001 -j REDIRECT --to-ports 3999");
    let told = rules();
    let shown: Vec<(u16, RuleVerdict)> = told.iter().filter_map(|rule| Some((rule.port?, rule.verdict))).collect();
    assert!(shown.contains(&(3000, RuleVerdict::RejectReset)) && shown.contains(&(3001, RuleVerdict::Redirect)), "{told:?}");
    assert_eq!(shown.len(), 2, "{told:?}");
    for rule in told.iter().filter(|rule| rule.port.is_some()) {
        must(rule.removal.command().unwrap().line());
    }
    assert!(rules().iter().all(|rule| rule.port.is_none()));
}
