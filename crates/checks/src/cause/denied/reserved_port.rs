cause! {
    "reserved-port": "port 0 finds no port, because the range is reserved",
    Rule, Endpoint(run),
    what: "A bind to port 0 lets the kernel choose from net.ipv4.ip_local_port_range, without the ports of
net.ipv4.ip_local_reserved_ports. Where what is left is used up, the bind fails with \"address already in use\", though no port
was named. A bind to a reserved port by its number still works.",
    evidence: "The range and the reserved ports (/proc/sys/net/ipv4): how many are left; a bind to port 0 that failed.",
    fix: "Widen the range, or reserve fewer ports.",
}

use super::ephemeral_exhausted::capacity;
use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    if !case.listens() || case.asked.port != 0 || case.asked.path.is_some() {
        return Ruling::Silent;
    }
    let Some(rules) = &case.snapshot.rules else { return Ruling::Silent };
    let left = capacity(rules);
    let size = usize::from(rules.ephemeral.last.saturating_sub(rules.ephemeral.first)) + 1;
    let met = refusal::met(case, EADDRINUSE);
    if left > 0 && met.is_none() {
        return Ruling::out(format!("{left} ports of {} are not reserved", rules.ephemeral));
    }
    let likelihood = match (left, &met) {
        (0, _) => Likelihood::Certain,
        (_, Some(met)) if met.seen => Likelihood::Certain,
        _ => Likelihood::Likely,
    };
    let mut evidence = vec![Evidence::new(
        "/proc/sys/net/ipv4/ip_local_port_range",
        format!("{}: {size} ports, of which {left} are not reserved", rules.ephemeral),
    )];
    if !rules.reserved.is_empty() {
        let reserved: Vec<String> = rules.reserved.iter().map(ToString::to_string).collect();
        evidence.push(Evidence::new("/proc/sys/net/ipv4/ip_local_reserved_ports", reserved.join(",")));
    }
    evidence.extend(met.map(|met| met.evidence));
    let mut fixes = Vec::new();
    let widen = "sudo sysctl -w net.ipv4.ip_local_port_range='1024 65535'";
    if size < 60_000 {
        fixes.push(Remedy::change("Widen the range from which ports are chosen", widen));
    }
    fixes.push(Remedy::change("Reserve fewer ports", "sudo sysctl -w net.ipv4.ip_local_reserved_ports="));
    let summary = if left == 0 {
        format!("Port 0 finds no port: all of {} is reserved.", rules.ephemeral)
    } else {
        format!("Port 0 finds no port: the {left} ports of {} that are not reserved are in use.", rules.ephemeral)
    };
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use std::net::SocketAddr;

    use portward_model::{BindTry, PortRange, Snapshot};

    use crate::{case::scene::Scene, cause::Cases, fixture::machine};

    fn reserved(first: u16, last: u16) -> Snapshot {
        let mut snapshot = machine();
        if let Some(rules) = &mut snapshot.rules {
            rules.ephemeral = PortRange { first: 40000, last: 40007 };
            rules.reserved = vec![PortRange { first, last }];
        }
        snapshot
    }

    fn failed(scene: &mut Scene) {
        let at = SocketAddr::new(scene.asked.addresses[0], 0);
        scene.exam.tries.push(BindTry { at, reuse: true, failed: Some(98) });
    }

    pub(crate) fn cases() -> Cases {
        Cases {
            fires: vec![
                Scene::listen(reserved(40000, 40007), "127.0.0.1:0", true),
                Scene::listen(reserved(40001, 40007), "127.0.0.1:0", true).but(failed),
            ],
            silent: vec![
                Scene::listen(reserved(40001, 40007), "127.0.0.1:0", true),
                Scene::listen(reserved(40000, 40007), "127.0.0.1:40001", true),
                Scene::listen(machine(), "127.0.0.1:0", true),
            ],
        }
    }
}
