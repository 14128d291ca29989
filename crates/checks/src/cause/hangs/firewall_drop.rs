cause! {
    "firewall-drop": "a firewall on this machine drops the packets",
    Absence, Endpoint(run),
    what: "Loopback loses no packets, and the kernel answers every first packet to an address of its own: with a handshake or with
a reset. Where a client gets neither, somebody takes the packets away: a rule of nftables or iptables on their way
in, out, or back, a VPN's kill switch, traffic control, or a BPF program.",
    evidence: "\
The listener stands at exactly this address, its queue has room and its count of drops did not rise, and the client stays
in SYN-SENT. Where the server's side shows SYN-RECV, the reply is what is dropped. As root, the rule itself.",
    fix: "Delete the rule.",
}

use portward_model::FirewallRule;

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    if !case.connects_by_tcp() || case.asked.path.is_some() {
        return Ruling::Silent;
    }
    let tried = |attempt: &&Attempt| attempt.met == Met::Silence && case.is_target(&attempt.at);
    let Some(attempt) = case.exam.attempts.iter().find(tried) else { return untried(case) };
    let Some(address) = address_of(attempt) else { return Ruling::Silent };
    let rules = dropping(case, address);
    let named = rules.first().filter(|rule| rule.port.is_some());
    if !case.is_own_address(address) && named.is_none() {
        // Whether the way there or the other machine swallows it cannot be told from here.
        return Ruling::Silent;
    }
    let mut evidence = Vec::new();
    match case.takers(address).first() {
        Some((index, socket)) => {
            let (before, after) = attempt.queue.unwrap_or((socket.queue, socket.queue));
            if after.used > after.limit || after.drops > before.drops {
                return Ruling::out("the listener itself dropped the packets".to_owned());
            }
            evidence.push(words::seen(case, *index, socket));
            let fact = format!("{} of at most {} connections wait in its queue, and it dropped nothing", after.used, after.limit);
            evidence.push(Evidence::new("sock_diag", fact));
        }
        None if case.is_own_address(address) => {
            let fact = format!("nothing listens there, and the reset that the kernel answers with did not come from {address}");
            evidence.push(Evidence::new("sock_diag", fact));
        }
        None => {}
    }
    evidence.push(words::tried(attempt));
    let half = attempt.meanwhile.iter().any(|s| s.state == SocketState::SynRecv && s.port() == Some(case.asked.port));
    let sent = attempt.meanwhile.iter().any(|s| {
        s.state == SocketState::SynSent && s.remote().is_some_and(|(to, port)| port == case.asked.port && to == address)
    });
    if half {
        let fact = "the server's side has answered the handshake (SYN-RECV), and the answer did not arrive";
        evidence.push(Evidence::new("sock_diag", fact));
    } else if sent {
        evidence.push(Evidence::new("sock_diag", "the client's first packet is out and unanswered (SYN-SENT)"));
    }
    let likelihood = match named {
        Some(rule) if !rule.narrowed => Likelihood::Certain,
        _ => Likelihood::Likely,
    };
    let fixes = fixes(case, &rules, &mut evidence);
    let what = if half { "The server's replies" } else { "Packets" };
    let only = rules.first().filter(|rule| named.is_some() || (rules.len() == 1 && !rule.narrowed));
    let text = only.map(|rule| format!(" by the rule `{}`", rule.text)).unwrap_or_default();
    let from_to = if half { "from" } else { "to" };
    let summary = format!("{what} {from_to} {} are dropped{text} on this machine.", words::address(address, case.asked.port));
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// Without a connection of our own, a rule that drops all of the port's packets is proof enough.
fn untried(case: &Case<'_>) -> Ruling {
    let dialled = |attempt: &Attempt| case.is_target(&attempt.at);
    let Some(address) = case.asked.addresses.first().copied() else { return Ruling::Silent };
    let rules = dropping(case, address);
    let certain = rules.first().is_some_and(|rule| rule.port.is_some() && !rule.narrowed && !rule.hook.raw().is_empty());
    if !certain || case.exam.attempts.iter().any(dialled) || case.served().is_empty() {
        return Ruling::Silent;
    }
    let mut evidence = Vec::new();
    let fixes = fixes(case, &rules, &mut evidence);
    let summary = format!("Packets to {} are dropped by a rule on this machine.", words::address(address, case.asked.port));
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

fn address_of(attempt: &Attempt) -> Option<IpAddr> {
    match &attempt.at {
        DialTarget::Inet(address) => Some(unmap(address.ip())),
        DialTarget::Unix(_) => None,
    }
}

/// Rules that drop packets to or from the port at this address, the most telling first.
fn dropping<'a>(case: &Case<'a>, address: IpAddr) -> Vec<&'a FirewallRule> {
    case.rules_to(Some(address), &[RuleVerdict::Drop])
}

fn fixes(case: &Case<'_>, rules: &[&FirewallRule], evidence: &mut Vec<Evidence>) -> Vec<Remedy> {
    let mut fixes = Vec::new();
    for rule in rules.iter().take(2) {
        let counted = rule.packets.map(|packets| format!(", {packets} packets so far")).unwrap_or_default();
        evidence.push(Evidence::new(rule.chain.shown(), format!("{}{counted}", rule.text)));
        let remove = |command| Remedy::change(format!("Delete the rule in {}", rule.chain), command);
        fixes.extend(rule.removal.command().map(remove));
    }
    let read = matches!(case.exam.firewall, Some(Seen::Known(_)));
    if read && rules.is_empty() {
        evidence.push(Evidence::new("packet filter", "none of its rules that could be read drops them"));
        fixes.push(Remedy::look("Look at traffic control and BPF programs", "sudo tc -s qdisc show; sudo bpftool net list"));
    }
    if !read {
        fixes.push(offer::ask("Read the rules, which takes root, and name the one", &case.asked.text).behind("sudo "));
    }
    fixes
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Attempt, Met, RuleVerdict, Seen, Socket, SocketState};

    use super::CAUSE;
    use crate::{
        case::scene::Scene,
        cause::Cases,
        doctor::diagnose,
        fixture::{connection, held, listener},
    };

    fn dropped() -> Scene {
        let mut socket = listener("127.0.0.1", 3000);
        socket.queue.limit = 128;
        let mut scene = Scene::on(held(socket), "127.0.0.1:3000").tried(Met::Silence).rose(&[("Tcp.RetransSegs", 1)]);
        last(&mut scene).meanwhile =
            vec![Socket { state: SocketState::SynSent, ..connection("127.0.0.1", 50_000, "127.0.0.1", 3000) }];
        scene.queue((0, 128, 0), (0, 128, 0))
    }

    fn last(scene: &mut Scene) -> &mut Attempt {
        scene.exam.attempts.last_mut().unwrap()
    }

    fn reply_dropped() -> Scene {
        let mut scene = dropped();
        let half = Socket { state: SocketState::SynRecv, ..connection("127.0.0.1", 3000, "127.0.0.1", 50_000) };
        last(&mut scene).meanwhile.push(half);
        scene
    }

    pub(crate) fn cases() -> Cases {
        let mut other = dropped().rule("input", "tcp dport 3001 drop", RuleVerdict::Drop, Some(3001), None);
        other.exam.attempts[0].met = Met::Connected;
        let mut eth = dropped().rule("input", "iifname \"eth0\" tcp dport 3000 drop", RuleVerdict::Drop, Some(3000), Some(9));
        let Some(Seen::Known(rules)) = &mut eth.exam.firewall else { panic!() };
        rules[0].interface = Some("eth0".into());
        eth.exam.attempts.clear();
        Cases {
            fires: vec![
                dropped(),
                dropped().rule("input", "tcp dport 3000 counter drop", RuleVerdict::Drop, Some(3000), Some(7)),
                dropped().rule("output", "oifname \"lo\" drop", RuleVerdict::Drop, None, Some(7)),
                reply_dropped().rule("output", "tcp sport 3000 drop", RuleVerdict::Drop, Some(3000), None),
                Scene::connect("127.0.0.1:3000").tried(Met::Silence),
                Scene::on(held(listener("0.0.0.0", 3000)), "127.0.0.1:3000").rule(
                    "input",
                    "tcp dport 3000 drop",
                    RuleVerdict::Drop,
                    Some(3000),
                    None,
                ),
            ],
            silent: vec![
                dropped().queue((2, 1, 8), (2, 1, 13)),
                dropped().queue((0, 128, 0), (0, 128, 2)),
                other,
                eth,
                Scene::connect("192.168.1.77:3000").tried(Met::Silence),
                Scene::connect("127.0.0.1:3000").tried(Met::Failed(111)),
            ],
        }
    }

    #[test]
    fn the_first_repair_deletes_the_rule() {
        let scene = dropped().rule("input", "tcp dport 3000 counter drop", RuleVerdict::Drop, Some(3000), Some(7));
        let cause = diagnose(&scene.case()).causes.remove(0);
        assert_eq!(cause.code, CAUSE.code);
        assert_eq!(
            cause.summary.to_string(),
            "Packets to 127.0.0.1:3000 are dropped by the rule `tcp dport 3000 counter drop` on this machine."
        );
        assert_eq!(cause.remedies[0].line(), "sudo nft delete rule inet filter input handle 4");
    }
}
