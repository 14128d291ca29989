cause! {
    "ipv6-disabled": "IPv6 is switched off",
    Rule, Endpoint(run),
    what: "net.ipv6.conf.all.disable_ipv6 (or the one of `lo`) is 1, or the kernel has no IPv6 at all. No interface has an IPv6
address then, ::1 neither: a connect or bind to it fails with \"cannot assign requested address\" (EADDRNOTAVAIL), or with
\"address family not supported\" (EAFNOSUPPORT) where the kernel has no IPv6.",
    evidence: "The setting under /proc/sys/net/ipv6/conf, and the missing address (RTM_GETADDR).",
    fix: "Use 127.0.0.1, or switch IPv6 on with the setting.",
}

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let has_six = place::loopback(case).is_some_and(|lo| lo.addresses.iter().any(|own| own.address.is_ipv6()));
    // Where the kernel has the family, what refused it to a program is the program's own.
    let unsupported = refusal::met(case, EAFNOSUPPORT).filter(|met| met.seen || !has_six);
    let told = refusal::met(case, EADDRNOTAVAIL).filter(|met| !met.seen);
    let unusable = |address: IpAddr| address.is_ipv6() && !place::is_present(case.snapshot, address);
    let affected = place::affected(case, unusable);
    if let Some(told) = told.filter(|_| affected.is_none() && unsupported.is_none() && is_loopback_of_six(case)) {
        return elsewhere(case, told.evidence);
    }
    if affected.is_none() && unsupported.is_none() {
        return Ruling::Silent;
    }
    // An address of another machine needs IPv6 here just the same; one of another link does not tell.
    if let Some((address, _)) = affected
        && !address.is_loopback()
        && case.is_own_address(address)
    {
        return Ruling::Silent;
    }
    let off = case.exam.network.as_ref().and_then(|network| network.ipv6_disabled);
    if off == Some(false) && unsupported.is_none() {
        return Ruling::out("IPv6 is not disabled".to_owned());
    }
    // Without the setting, an address that is missing may be missing alone.
    if off.is_none() && unsupported.is_none() {
        return Ruling::Silent;
    }
    let mut evidence = Vec::new();
    if off == Some(true) {
        evidence.push(Evidence::new("/proc/sys/net/ipv6/conf", "disable_ipv6 is 1, or the kernel has no IPv6"));
    }
    if let Some(loopback) = place::loopback(case) {
        evidence.push(Evidence::new("RTM_GETADDR", format!("{} has {}", loopback.name, place::addresses(loopback))));
    }
    evidence.extend(affected.and_then(|(_, attempt)| attempt).map(words::tried));
    evidence.extend(unsupported.map(|refusal| refusal.evidence));
    let what = affected.map_or_else(|| "an IPv6 address".to_owned(), |(address, _)| address.to_string());
    let fixes = vec![
        Remedy::change("Switch IPv6 on", "sudo sysctl -w net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.lo.disable_ipv6=0"),
        offer::explain("Or use IPv4", format!("127.0.0.1:{}", case.asked.port)),
    ];
    let summary = format!("IPv6 is switched off on this machine, so {what} cannot be used.");
    let likelihood = if off == Some(true) { Likelihood::Certain } else { Likelihood::Likely };
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

fn is_loopback_of_six(case: &Case<'_>) -> bool {
    let six = |address: &IpAddr| address.is_ipv6() && unmap(*address).is_loopback();
    !case.asked.addresses.is_empty() && case.asked.addresses.iter().all(six)
}

/// The text's program had no `::1`, and this machine has: it ran in a network of its own, or IPv6 has been switched on since.
fn elsewhere(case: &Case<'_>, told: Evidence) -> Ruling {
    let mut evidence = vec![told];
    evidence.extend(
        place::loopback(case).map(|lo| Evidence::new("RTM_GETADDR", format!("{} has {} here", lo.name, place::addresses(lo)))),
    );
    let four = format!("127.0.0.1:{}", case.asked.port);
    let fixes = vec![
        offer::explain("Let the client use IPv4", four),
        Remedy::look("See whether its container has IPv6", "docker exec CONTAINER cat /proc/net/if_inet6"),
    ];
    let summary = "There was no ::1 where the text was printed, as in a container without IPv6; here there is.".to_owned();
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Met, NetworkSettings, Snapshot};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener, machine},
    };

    fn without(mut snapshot: Snapshot) -> Snapshot {
        for interface in &mut snapshot.interfaces {
            interface.addresses.retain(|found| found.address.is_ipv4());
        }
        snapshot
    }

    fn off(scene: &mut Scene) {
        scene.exam.network = Some(NetworkSettings { ipv6_disabled: Some(true), ..NetworkSettings::default() });
    }

    pub(crate) fn cases() -> Cases {
        let local = || Scene::on(without(machine()), "[::1]:3000");
        Cases {
            fires: vec![
                local().tried(Met::Failed(99)).but(off),
                local().but(off),
                Scene::listen(without(machine()), "[::1]:3000", true).but(off),
                local().tried(Met::Failed(97)),
                Scene::on(without(held(listener("::", 3000))), "[::1]:3000").tried(Met::Failed(99)).but(off),
            ],
            silent: vec![
                local().tried(Met::Failed(99)),
                Scene::connect("[::1]:3000").tried(Met::Failed(111)).but(off),
                Scene::on(without(held(listener("127.0.0.1", 3000))), "[::1]:3000")
                    .named("localhost", &["::1", "127.0.0.1"])
                    .but(off),
                local().named("localhost", &["127.0.0.1"]).tried(Met::Failed(111)).but(off),
            ],
        }
    }
}
