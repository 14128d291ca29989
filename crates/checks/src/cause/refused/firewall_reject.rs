cause! {
    "firewall-reject": "a firewall rejects the connection in the server's place",
    Rule, Endpoint(run),
    what: "A rule of the packet filter answers with a reset, which clients report as \"connection refused\", or with an ICMP
error, which becomes \"no route to host\" or a refusal. The server behind it never sees the packet, so restarting it
changes nothing.",
    evidence: "The kernel counts who refused: its own reset raises Tcp.OutRsts, a rule's reset raises Tcp.AttemptFails alone, an
ICMP error raises Icmp.InDestUnreachs. A listener that takes exactly this address, and is refused, is the other
half. With CAP_NET_ADMIN the rule itself, and its counter.",
    fix: "Remove the rule, or let the port through before it.",
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
    let sign = match case.standing() {
        Standing::Refused(attempt) => sign(case, first, attempt, 111),
        Standing::Failed(errno, attempt) => sign(case, first, attempt, errno),
        Standing::Untried => Some(Sign::Untried),
        Standing::Connected(_) | Standing::Silent(_) => None,
    };
    let attempt = match case.standing() {
        Standing::Refused(attempt) | Standing::Failed(_, attempt) => Some(attempt),
        _ => None,
    };
    let Some(sign) = sign else { return Ruling::Silent };
    if sign == Sign::OwnReset {
        return Ruling::out("the reset was the kernel's own (Tcp.OutRsts rose), not a rule's".to_owned());
    }
    let rule = rule(case, sign);
    let read = matches!(case.exam.firewall, Some(Seen::Known(_)));
    let likelihood = match (sign, rule) {
        (Sign::Untried, Some(rule)) if rule.port.is_some() && !rule.narrowed && !case.served().is_empty() => Likelihood::Likely,
        (Sign::Untried | Sign::OwnReset, _) => return Ruling::Silent,
        (Sign::Uncounted, None) => Likelihood::Possible,
        (Sign::Reset | Sign::Icmp | Sign::Unreachable, Some(rule))
            if rule.narrowed && rule.packets.is_none_or(|met| met == 0) =>
        {
            Likelihood::Likely
        }
        (Sign::Reset | Sign::Icmp | Sign::Unreachable, Some(_)) => Likelihood::Certain,
        // The rules were read and none rejects: another kind of filter may.
        (Sign::Reset | Sign::Icmp | Sign::Unreachable, None) if read => Likelihood::Possible,
        (Sign::Reset | Sign::Icmp | Sign::Unreachable, None) | (Sign::Uncounted, Some(_)) => Likelihood::Likely,
    };
    let mut evidence: Vec<Evidence> = attempt.into_iter().map(words::tried).collect();
    evidence.extend(case.takers(first).first().map(|(index, socket)| words::seen(case, *index, socket)));
    match sign {
        Sign::Reset => {
            let fact = "the attempt failed (Tcp.AttemptFails rose) and the kernel sent no reset of its own (Tcp.OutRsts did not)";
            evidence.push(Evidence::new("/proc/net/snmp", fact));
        }
        Sign::Icmp => {
            let fact = "an ICMP error came back for it (Icmp.InDestUnreachs or Icmp6.InDestUnreachs rose)";
            evidence.push(Evidence::new("/proc/net/snmp", fact));
        }
        Sign::Unreachable => {
            let fact = format!("{first} is this machine's own, so that no neighbour has to be found for it");
            evidence.push(Evidence::new("rtnetlink", fact));
        }
        Sign::Uncounted | Sign::OwnReset | Sign::Untried => {}
    }
    let mut fixes = Vec::new();
    if let Some(rule) = rule {
        let count = rule.packets.map(|packets| format!(", {packets} packets met it")).unwrap_or_default();
        evidence.push(Evidence::new("packet filter rules", format!("{}: {}{count}", rule.chain, rule.text)));
        fixes.extend(rule.removal.command().map(|command| Remedy::change("Remove the rule", command)));
    } else {
        let there = words::address(first, case.asked.port);
        fixes.push(offer::ask("Read the rules to find the one", there).behind("sudo "));
    }
    let place = words::address(first, case.asked.port);
    let summary = match rule {
        Some(rule) => format!("{place} is refused by a firewall rule in {}, not by its server.", rule.chain),
        None => format!("{place} is refused by something in front of its server, as a firewall does."),
    };
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// What the counters say of who refused.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// A reset that the kernel did not send.
    Reset,
    /// An ICMP error.
    Icmp,
    /// "No route to host", of an address of this machine's own.
    Unreachable,
    /// The kernel's own reset.
    OwnReset,
    /// A listener is there and was refused, and no counter was read.
    Uncounted,
    /// No connection was tried.
    Untried,
}

fn sign(case: &Case<'_>, first: IpAddr, attempt: &Attempt, errno: i32) -> Option<Sign> {
    let icmp = words::rose(attempt, "Icmp.InDestUnreachs") + words::rose(attempt, "Icmp6.InDestUnreachs") > 0;
    // A rule's refusal raises no reset, whatever else goes on; somebody else's datagram may raise the ICMP count.
    if errno == 111 && words::rose(attempt, "Tcp.OutRsts") > 0 {
        return Some(Sign::OwnReset);
    }
    // The error numbers that ICMP's unreachable codes become (icmp_err_convert, tab_unreach).
    if icmp && matches!(errno, 13 | 92 | 101 | 111 | 112 | 113) {
        return Some(Sign::Icmp);
    }
    if errno != 111 {
        // Nothing else says so of an address of one's own: no neighbour has to be found for it.
        let unrouted = words::rose(attempt, "Ip.OutNoRoutes") > 0;
        return (errno == 113 && !unrouted).then_some(Sign::Unreachable);
    }
    if words::rose(attempt, "Tcp.AttemptFails") > 0 {
        return Some(Sign::Reset);
    }
    (!case.takers(first).is_empty()).then_some(Sign::Uncounted)
}

/// The rule that rejects in this way. The rules may have been read before the attempt: a count of nothing speaks only
/// against one for any port.
fn rule<'a>(case: &Case<'a>, sign: Sign) -> Option<&'a FirewallRule> {
    let of = |verdicts: &[RuleVerdict]| {
        case.rules_for(verdicts).into_iter().find(|rule| rule.port.is_some() || rule.packets != Some(0))
    };
    let any = || of(&[RuleVerdict::RejectReset, RuleVerdict::RejectIcmp]);
    match sign {
        Sign::Reset => of(&[RuleVerdict::RejectReset]),
        // On a busy machine the ICMP error may have been for somebody else.
        Sign::Icmp => of(&[RuleVerdict::RejectIcmp]).or_else(any),
        Sign::Unreachable => of(&[RuleVerdict::RejectIcmp]),
        Sign::OwnReset | Sign::Uncounted | Sign::Untried => any(),
    }
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
        let reject = "tcp dport 3000 counter packets 1 bytes 60 reject with tcp reset";
        let with_rule = |scene: Scene, packets| scene.rule("input", reject, RuleVerdict::RejectReset, Some(3000), packets);
        let reset = || scene().tried(Met::Failed(111)).rose(&[("Tcp.AttemptFails", 1)]);
        let nothing = Scene::connect("127.0.0.1:3000").tried(Met::Failed(111));
        Cases {
            fires: vec![
                reset(),
                with_rule(reset(), Some(1)),
                scene().tried(Met::Failed(113)).rose(&[("Icmp.InDestUnreachs", 1)]),
                scene().tried(Met::Failed(111)).rose(&[("Icmp.InDestUnreachs", 1), ("Tcp.AttemptFails", 1)]),
                Scene::on(held(listener("::1", 3000)), "[::1]:3000").tried(Met::Failed(13)).rose(&[("Icmp6.InDestUnreachs", 1)]),
                scene().tried(Met::Failed(113)),
                with_rule(scene(), Some(1)),
                scene().tried(Met::Failed(113)).rule("output", "reject", RuleVerdict::RejectIcmp, None, Some(2)),
            ],
            silent: vec![
                scene().tried(Met::Connected),
                with_rule(scene().tried(Met::Connected), Some(0)),
                scene().tried(Met::Failed(111)).rose(&[("Tcp.AttemptFails", 1), ("Tcp.OutRsts", 1)]),
                scene().tried(Met::Silence),
                nothing.rose(&[("Tcp.AttemptFails", 1), ("Tcp.OutRsts", 1), ("Icmp.InDestUnreachs", 3)]),
                Scene::connect("192.168.1.77:3000").tried(Met::Failed(113)),
                scene().rule("input", "tcp dport 3001 reject", RuleVerdict::RejectIcmp, Some(3001), None),
            ],
        }
    }
}
