cause! {
    "listen-v6only-wildcard": "the server listens on every IPv6 address and takes no IPv4",
    Rule, Endpoint(run),
    what: "A socket on `[::]` takes IPv4 too, unless IPV6_V6ONLY is set: by the program, by its library, or by the setting
net.ipv6.bindv6only. Then a client that dials an IPv4 address is refused although \"it listens on everything\".",
    evidence: "A listener on [::] with the port whose INET_DIAG_SKV6ONLY is 1 (sock_diag), and none that takes the dialled IPv4
address; net.ipv6.bindv6only where it is the setting that did it.",
    fix: "Clear IPV6_V6ONLY, add an IPv4 listener, or dial an IPv6 address.",
}

use portward_model::Family;

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let Some(dialled) = case.unserved().filter(IpAddr::is_ipv4) else { return Ruling::Silent };
    let loopback = case.snapshot.loopback_index();
    let wildcard = case.listeners().find(|(_, socket)| {
        let open = socket.interface == 0 || socket.interface == loopback;
        socket.family == Family::Ipv6 && socket.is_wildcard() && !socket.serves_ipv4() && open
    });
    let Some((index, socket)) = wildcard else { return Ruling::Silent };
    let mut evidence = vec![words::seen(case, index, socket)];
    evidence.extend(case.exam.attempts.iter().take(3).map(words::tried));
    let mut fixes = Vec::new();
    if case.snapshot.rules.as_ref().is_some_and(|rules| rules.bind_v6_only) {
        evidence
            .push(Evidence::new("/proc/sys/net/ipv6/bindv6only", "1: a wildcard takes no IPv4 unless its program asks for it"));
        let command = "sudo sysctl -w net.ipv6.bindv6only=0";
        fixes.push(Remedy::change("Let wildcards take IPv4 too, then start the server again", command));
    }
    let setting = "clear IPV6_V6ONLY (nginx: listen [::]:PORT ipv6only=off; Node: ipv6Only: false), or listen on 0.0.0.0";
    fixes.push(Remedy::advice("Let it take IPv4 too", setting, Effect::Change));
    let beside = words::address(std::net::Ipv6Addr::LOCALHOST.into(), case.asked.port);
    fixes.push(offer::explain("Or dial an IPv6 address", beside));
    let likelihood = if socket.v6_only == Some(true) { Likelihood::Certain } else { Likelihood::Likely };
    let who = words::who(case, index, socket);
    let summary = format!(
        "{who} listens on {} for IPv6 only, and the client dialled {}.",
        words::endpoint(case.snapshot, socket),
        words::address(dialled, case.asked.port)
    );
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Met, Snapshot};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener},
    };

    fn wildcard(only: Option<bool>) -> Snapshot {
        let mut socket = listener("::", 5173);
        socket.v6_only = only;
        held(socket)
    }

    pub(crate) fn cases() -> Cases {
        let mut by_setting = wildcard(Some(true));
        if let Some(rules) = &mut by_setting.rules {
            rules.bind_v6_only = true;
        }
        Cases {
            fires: vec![
                Scene::on(wildcard(Some(true)), "127.0.0.1:5173").tried(Met::Failed(111)),
                Scene::on(by_setting, "127.0.0.1:5173"),
                Scene::on(wildcard(Some(true)), "192.168.1.20:5173").tried(Met::Failed(111)),
                Scene::on(wildcard(Some(true)), "0.0.0.0:5173").tried(Met::Failed(111)),
            ],
            silent: vec![
                Scene::on(wildcard(Some(false)), "127.0.0.1:5173").tried(Met::Connected),
                Scene::on(held(listener("::ffff:127.0.0.1", 5173)), "127.0.0.1:5173").tried(Met::Connected),
                Scene::on(held(listener("::ffff:0.0.0.0", 5173)), "127.0.0.1:5173"),
                Scene::on(wildcard(Some(true)), "[::1]:5173").tried(Met::Connected),
                Scene::on(held(listener("::1", 5173)), "127.0.0.1:5173").tried(Met::Failed(111)),
            ],
        }
    }
}
