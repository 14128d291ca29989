//! Packet filter rules of the network namespace that this process is in, by asking the firewall's own tools.
//!
//! The kernel tells them over netlink too, but as programs of its own small machine; only the tools know how to write
//! them down again, and how to remove one.

use std::time::Duration;

use portward_model::{FirewallRule, Need, Seen};
use portward_wire::firewall::{Generation, iptables_rules, nft_rules, nft_texts};
use rustix::{
    process::geteuid,
    thread::{CapabilitySet, capabilities},
};

use super::programs;

/// The rules; hidden without the right to administer the network, or without a tool that tells them.
pub(super) fn rules() -> Seen<Vec<FirewallRule>> {
    if !capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::NET_ADMIN)) {
        return denied();
    }
    let sudo = !geteuid().is_root();
    let mut tools = Tools::default();
    let ruleset = tools.ask("nft", &["-j", "list", "ruleset"]).and_then(|json| {
        // Without its words a rule is still told, by what it consists of.
        let words = tools.ask("nft", &["-a", "list", "ruleset"]).unwrap_or_default();
        nft_rules(&json, &nft_texts(&words), sudo)
    });
    let mut found = Vec::new();
    let complete = ruleset.as_ref().is_some_and(|ruleset| ruleset.has_tables && !ruleset.has_foreign);
    let answered = ruleset.is_some();
    found.extend(ruleset.into_iter().flat_map(|ruleset| ruleset.rules));
    if complete {
        return Seen::Known(found);
    }
    let mut saved_any = false;
    for (program, generation) in [("iptables-save", Generation::V4), ("ip6tables-save", Generation::V6)] {
        let Some(saved) = tools.ask(program, &["-c"]) else { continue };
        saved_any = true;
        let saved = iptables_rules(&saved, generation, sudo);
        // What iptables made in the newer machinery is better told by iptables itself, as far as it tells it.
        found.retain(|rule| !saved.iter().any(|other| other.chain == rule.chain));
        found.extend(saved);
    }
    match (answered || saved_any, tools.denied, tools.found) {
        (true, ..) => Seen::Known(found),
        (false, true, _) => denied(),
        (false, false, false) => Seen::Hidden(Need::Command("apt install nftables".into())),
        // The tools are there and say that this kernel has no packet filter.
        (false, false, true) => Seen::Unsupported,
    }
}

fn denied() -> Seen<Vec<FirewallRule>> {
    Seen::Hidden(Need::Capability("CAP_NET_ADMIN".to_owned()))
}

/// What became of the tools that were asked.
#[derive(Default)]
struct Tools {
    /// One of them is installed.
    found: bool,
    /// One of them was not allowed to look: the capability may be one of another user namespace than the network's.
    denied: bool,
}

impl Tools {
    fn ask(&mut self, name: &str, arguments: &[&str]) -> Option<Vec<u8>> {
        let program = programs::find(name)?;
        let answer = programs::run(&program, arguments, PATIENCE)?;
        self.found = true;
        if answer.succeeded {
            return Some(answer.stdout);
        }
        let complaint = String::from_utf8_lossy(&answer.stderr).to_lowercase();
        self.denied |= complaint.contains("permitted") || complaint.contains("permission denied");
        None
    }
}

const PATIENCE: Duration = Duration::from_secs(1);
