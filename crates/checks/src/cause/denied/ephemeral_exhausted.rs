cause! {
    "ephemeral-exhausted": "no source port is left for one more connection",
    Rule, Endpoint(run) if Case::connects_by_tcp,
    what: "Every connection to one destination needs a source port of its own, taken from net.ipv4.ip_local_port_range without the
reserved ones. When connections to the destination, those in TIME-WAIT among them, use them all, connect fails with
\"cannot assign requested address\" (EADDRNOTAVAIL), though the target's address is fine. Windows says WSAENOBUFS.",
    evidence: "The connections to the destination that hold a port of the range (sock_diag), against the size of the range
(/proc/sys/net/ipv4); a connect to a valid address that failed with EADDRNOTAVAIL.",
    fix: "Widen the range now; let the client keep connections and reuse them.",
}

use std::collections::{BTreeMap, BTreeSet};

use portward_model::{PortRules, shell};

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let met = refusal::met(case, EADDRNOTAVAIL).filter(|met| if met.seen { valid(case) } else { is_ipv4(case) });
    let told = case.paste.filter(|paste| case.says(CAUSE.code) || paste.symptom == Symptom::NoBuffer);
    let used = used(case);
    let capacity = case.snapshot.rules.as_ref().map(capacity);
    let connected = matches!(case.standing(), Standing::Connected(_));
    let full = capacity.is_some_and(|capacity| used.ports.len() >= capacity);
    let likelihood = match (full, told.is_some() || met.is_some()) {
        (true, _) if !connected => Likelihood::Certain,
        (_, true) => Likelihood::Likely,
        _ => return Ruling::Silent,
    };
    let mut evidence = Vec::new();
    if let (Some(capacity), Some(rules)) = (capacity, &case.snapshot.rules) {
        let kept = used.ports.len();
        let to = case.first_address().map_or_else(|| case.asked.text.clone(), |address| address.to_string());
        evidence.push(Evidence::new("sock_diag", format!("{kept} source ports are used by connections to {to}")));
        let fact = format!("{}, of which {capacity} ports are not reserved", rules.ephemeral);
        evidence.push(Evidence::new("/proc/sys/net/ipv4/ip_local_port_range", fact));
    }
    let text = met.is_none().then_some(told).flatten().map(words::text_line);
    evidence.extend(met.map(|met| met.evidence).or(text));
    let summary = match (full, capacity) {
        (true, Some(0)) => {
            "Every port of the ephemeral range is reserved, so no connection can be given a source port.".to_owned()
        }
        (true, Some(capacity)) => {
            format!("All {capacity} source ports for connections to {} are in use{}.", case.asked.text, by(case, &used))
        }
        _ => format!("No source port was left for one more connection to {}.", case.asked.text),
    };
    words::found(CAUSE.code, likelihood, summary, evidence, fixes(case, &used))
}

/// Connections to one destination, by what they cost: source ports.
#[derive(Default)]
struct Used {
    ports: BTreeSet<u16>,
    remembered: usize,
    /// Pids with the number of connections that they hold.
    holders: BTreeMap<u32, usize>,
}

fn used(case: &Case<'_>) -> Used {
    let Some(rules) = &case.snapshot.rules else { return Used::default() };
    let mut best = Used::default();
    for address in case.asked.addresses.iter().map(|address| unmap(*address)) {
        let mut used = Used::default();
        for (index, socket) in case.snapshot.sockets.iter().enumerate() {
            let to = socket.remote().map(|(remote, port)| (unmap(remote), port));
            let Some(port) = socket.port() else { continue };
            let counts = socket.transport == Transport::Tcp
                && case.is_own(socket)
                && to == Some((address, case.asked.port))
                && rules.is_ephemeral(port);
            if !counts || !used.ports.insert(port) {
                continue;
            }
            used.remembered += usize::from(socket.state == SocketState::TimeWait);
            if let Some(holding) = case.snapshot.holders(index).first() {
                *used.holders.entry(holding.pid).or_default() += 1;
            }
        }
        if used.ports.len() >= best.ports.len() {
            best = used;
        }
    }
    best
}

/// Ports that the kernel may give to connections.
pub(super) fn capacity(rules: &PortRules) -> usize {
    (rules.ephemeral.first..=rules.ephemeral.last).filter(|port| !rules.is_reserved(*port)).count()
}

/// True when no address that failed gives another reason for the error: for IPv4 none does.
fn valid(case: &Case<'_>) -> bool {
    let fits = |address: &IpAddr| {
        let address = unmap(*address);
        address.is_ipv4() || place::is_present(case.snapshot, address) || !case.is_own_address(address)
    };
    let failed = |address: &&IpAddr| {
        let at = DialTarget::Inet(std::net::SocketAddr::new(**address, case.asked.port));
        case.exam.attempts.iter().any(|attempt| attempt.at == at && attempt.met == Met::Failed(EADDRNOTAVAIL))
    };
    let mut failed = case.asked.addresses.iter().filter(failed).peekable();
    failed.peek().is_some() && failed.all(fits)
}

/// True for a text's target in IPv4, of which every machine has a route or an address: one of IPv6 may be missing where
/// the text was printed.
fn is_ipv4(case: &Case<'_>) -> bool {
    case.asked.addresses.iter().any(|address| unmap(*address).is_ipv4())
}

/// `, 28,000 of them by load (pid 77)`
fn by(case: &Case<'_>, used: &Used) -> String {
    let most = used.holders.iter().max_by_key(|(_, count)| **count);
    let named = most.and_then(|(pid, count)| Some((case.snapshot.process(*pid)?, count)));
    match named {
        Some((process, count)) => format!(", {count} of them by {}", words::named(process)),
        None if used.remembered * 2 > used.ports.len() => format!(", {} of them by connections in TIME-WAIT", used.remembered),
        None => String::new(),
    }
}

fn fixes(case: &Case<'_>, used: &Used) -> Vec<Remedy> {
    let wide = case.snapshot.rules.as_ref().is_some_and(|rules| capacity(rules) > 60_000);
    let blocked = case.snapshot.rules.as_ref().is_some_and(|rules| capacity(rules) == 0);
    let mut fixes = Vec::new();
    if blocked {
        fixes.push(Remedy::change("Reserve fewer ports", "sudo sysctl -w net.ipv4.ip_local_reserved_ports="));
    }
    if !wide {
        let command = "sudo sysctl -w net.ipv4.ip_local_port_range='1024 65535'";
        fixes.push(Remedy::change("Widen the range from which source ports are taken", command));
    }
    if used.remembered > 0 {
        let command = "sudo sysctl -w net.ipv4.tcp_tw_reuse=1";
        fixes.push(Remedy::change("Let new connections take the ports of those in TIME-WAIT", command));
    }
    let title = "Let the client keep its connections and reuse them; see which one holds them";
    fixes.push(Remedy::look(title, shell!("ss -tnap 'dport = :{}'", case.asked.port)));
    fixes
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Met, PortRange, Snapshot};

    use super::run;
    use crate::{
        Symptom,
        case::scene::Scene,
        cause::Cases,
        check::Ruling,
        fixture::{connection, holding, listener, machine, process, world},
    };

    /// A range of eight ports, of which this many lead to the server at port 3000.
    fn busy(count: u16) -> Snapshot {
        let mut sockets = vec![listener("127.0.0.1", 3000)];
        sockets.extend((0..count).map(|at| connection("127.0.0.1", 40000 + at, "127.0.0.1", 3000)));
        let holdings = (1..=usize::from(count)).map(|at| holding(at, 77, 3)).collect();
        let mut snapshot = world(sockets, vec![process(77, 1, &["load"], 60)], holdings);
        if let Some(rules) = &mut snapshot.rules {
            rules.ephemeral = PortRange { first: 40000, last: 40009 };
            rules.reserved = vec![PortRange { first: 40008, last: 40009 }];
        }
        snapshot
    }

    pub(crate) fn cases() -> Cases {
        let mut bare = machine();
        bare.interfaces[0].addresses.retain(|found| found.address.is_ipv4());
        let told = || {
            let line = "dial tcp 127.0.0.1:3000: connect: cannot assign requested address";
            Scene::on(busy(0), "127.0.0.1:3000").said(Symptom::AddressNotAvailable, Some("ephemeral-exhausted"), line)
        };
        Cases {
            fires: vec![
                Scene::on(busy(8), "127.0.0.1:3000").tried(Met::Failed(99)),
                Scene::on(busy(8), "127.0.0.1:3000"),
                Scene::on(busy(3), "127.0.0.1:3000").tried(Met::Failed(99)),
                told(),
            ],
            silent: vec![
                Scene::on(busy(7), "127.0.0.1:3000").tried(Met::Connected),
                Scene::on(busy(7), "127.0.0.1:3000"),
                Scene::on(busy(8), "127.0.0.2:3000"),
                Scene::on(bare, "[::1]:3000").tried(Met::Failed(99)),
            ],
        }
    }

    #[test]
    fn it_counts_and_names_the_client() {
        let Ruling::Found(cause) = run(&cases().fires[0].case()) else { panic!("silent") };
        assert_eq!(
            cause.summary.to_string(),
            "All 8 source ports for connections to 127.0.0.1:3000 are in use, 8 of them by load (pid 77)."
        );
        assert_eq!(cause.evidence.len(), 3);
    }
}
