cause! {
    "nat-redirect": "a redirection sends the connection elsewhere, where nothing listens",
    Rule, Endpoint(run),
    what: "A NAT rule (`redirect`, `dnat`) that was left behind, or whose target ended, turns packets for this port to another
one. The listener that every tool shows is never reached; the kernel's reset comes from the other port.",
    evidence: "A listener takes exactly this address, a connection is refused, and the reset is the kernel's own (Tcp.OutRsts
rose): it was sent for another port. With CAP_NET_ADMIN the rule itself.",
    fix: "Remove the rule, or start what it leads to.",
}

use portward_model::FirewallRule;

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    if !case.connects_by_tcp() || case.asked.port == 0 {
        return Ruling::Silent;
    }
    let Some(first) = case.asked.addresses.first().copied().filter(|address| case.is_own_address(*address)) else {
        return Ruling::Silent;
    };
    let Standing::Refused(attempt) = case.standing() else { return Ruling::Silent };
    let takers = case.takers(first);
    let own_reset = words::rose(attempt, "Tcp.OutRsts") > 0;
    let read = matches!(case.exam.firewall, Some(Seen::Known(_)));
    let rule = rule(case);
    let likelihood = match (takers.is_empty(), rule) {
        (false, Some(rule)) if own_reset && !rule.narrowed => Likelihood::Certain,
        (_, Some(_)) => Likelihood::Likely,
        (false, None) if own_reset && !read => Likelihood::Likely,
        // The rules were read, and none turns the packet: the listener may have come and gone around the attempt.
        (false, None) if own_reset => Likelihood::Possible,
        (_, None) => return Ruling::Silent,
    };
    let mut evidence = vec![words::tried(attempt)];
    evidence.extend(takers.first().map(|(index, socket)| words::seen(case, *index, socket)));
    if own_reset {
        let fact = "the kernel sent a reset of its own (Tcp.OutRsts rose), as for a port where nothing listens";
        evidence.push(Evidence::new("/proc/net/snmp", fact));
    }
    let mut fixes = Vec::new();
    let place = words::address(first, case.asked.port);
    if let Some(rule) = rule {
        let count = rule.packets.map(|packets| format!(", {packets} packets met it")).unwrap_or_default();
        evidence.push(Evidence::new("packet filter rules", format!("{}: {}{count}", rule.chain, rule.text)));
        fixes.extend(rule.removal.command().map(|command| Remedy::change("Remove the rule", command)));
    } else {
        fixes.push(offer::ask("Read the rules to find the one", &place).behind("sudo "));
    }
    let summary = match rule {
        Some(rule) => format!("{place} is turned elsewhere by a rule in {}, and nothing listens there.", rule.chain),
        None => format!("{place} has a listener, and connections to it end at a port where nothing listens."),
    };
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// The rule that turns packets for this port. What this machine sends itself passes no NAT at prerouting.
fn rule<'a>(case: &Case<'a>) -> Option<&'a FirewallRule> {
    let mut rules = case.rules_for(&[RuleVerdict::Redirect]).into_iter();
    rules.find(|rule| rule.port.is_some() && rule.hook.raw() != b"prerouting")
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Met, RuleVerdict};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener},
    };

    pub(crate) fn cases() -> Cases {
        let scene = || Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000");
        let both: &[(&str, u64)] = &[("Tcp.OutRsts", 1), ("Tcp.AttemptFails", 1)];
        let to = "tcp dport 3000 redirect to :3999";
        Cases {
            fires: vec![
                scene().tried(Met::Failed(111)).rose(both),
                scene().tried(Met::Failed(111)).rose(both).rule("output", to, RuleVerdict::Redirect, Some(3000), Some(1)),
                Scene::connect("127.0.0.1:3000").tried(Met::Failed(111)).rose(both).rule(
                    "output",
                    to,
                    RuleVerdict::Redirect,
                    Some(3000),
                    None,
                ),
            ],
            silent: vec![
                scene().tried(Met::Connected).rule("output", to, RuleVerdict::Redirect, Some(3000), Some(1)),
                scene().tried(Met::Failed(111)).rose(&[("Tcp.AttemptFails", 1)]),
                Scene::connect("127.0.0.1:3000").tried(Met::Failed(111)).rose(both),
                Scene::on(held(listener("127.0.0.2", 3000)), "127.0.0.1:3000").tried(Met::Failed(111)).rose(both),
            ],
        }
    }
}
