cause! {
    "loopback-addr-missing": "the loopback interface lacks its address",
    Rule, Endpoint(run),
    what: "`lo` is up, but 127.0.0.1 (or ::1) was removed from it. A connect fails with \"network unreachable\", or leaves by the
default route and is never answered; a bind fails with \"cannot assign requested address\". Servers that were bound before
still listen.",
    evidence: "The addresses of every interface (RTM_GETADDR) do not hold the asked one; what a connection met.",
    fix: "`ip addr add 127.0.0.1/8 dev lo`, and `ip -6 addr add ::1/128 dev lo` for IPv6.",
}

use portward_model::shell;

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let Some(loopback) = place::loopback(case) else { return Ruling::Silent };
    if !case.asked.addresses.iter().any(|address| unmap(*address).is_loopback()) {
        return Ruling::Silent;
    }
    let unusable = |address: IpAddr| address.is_loopback() && !place::is_present(case.snapshot, address);
    let Some((address, attempt)) = place::affected(case, unusable) else {
        return Ruling::out(format!("{} has {}", loopback.name, place::addresses(loopback)));
    };
    // A route of the table `local` makes an address usable that no interface has.
    if case.snapshot.routes.iter().any(|(to, route)| *to == address && route.local) {
        return Ruling::out(format!("{address} is routed to this machine"));
    }
    let network = case.exam.network.as_ref();
    let explained = network.is_some_and(|network| network.ipv6_disabled == Some(true))
        || place::loopback_mtu(case).is_some_and(|mtu| mtu < place::LEAST_MTU_OF_IPV6);
    if address.is_ipv6() && explained {
        return Ruling::Silent;
    }
    let mut evidence =
        vec![Evidence::new("RTM_GETADDR", format!("{} is up and has {}", loopback.name, place::addresses(loopback)))];
    evidence.extend(attempt.map(words::tried));
    let name = &loopback.name;
    let command = match address {
        IpAddr::V4(_) => shell!("sudo ip addr add 127.0.0.1/8 dev {}", name),
        IpAddr::V6(_) => shell!("sudo ip -6 addr add ::1/128 dev {}", name),
    };
    let fixes = vec![Remedy::change("Give it its address again", command)];
    let likelihood = if address.is_ipv6() && network.is_none() { Likelihood::Likely } else { Likelihood::Certain };
    words::found(CAUSE.code, likelihood, format!("{name} is up but does not have the address {address}."), evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Met, NetworkSettings, Snapshot};

    use crate::{
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener, machine},
    };

    fn without(mut snapshot: Snapshot, v4: bool) -> Snapshot {
        snapshot.interfaces[0].addresses.retain(|found| found.address.is_ipv4() != v4);
        snapshot
    }

    pub(crate) fn cases() -> Cases {
        let mut down = without(machine(), true);
        down.interfaces[0].up = false;
        let known = |scene: &mut Scene| scene.exam.network = Some(NetworkSettings::default());
        Cases {
            fires: vec![
                Scene::on(without(machine(), true), "127.0.0.1:3000").tried(Met::Failed(101)),
                Scene::on(without(held(listener("127.0.0.1", 3000)), true), "127.0.0.1:3000"),
                Scene::on(without(held(listener("0.0.0.0", 3000)), true), "127.0.0.1:3000").tried(Met::Silence),
                Scene::on(without(machine(), false), "[::1]:3000").tried(Met::Failed(99)).but(known),
                Scene::listen(without(machine(), true), "127.0.0.1:3000", true),
            ],
            silent: vec![
                Scene::connect("127.0.0.1:3000").tried(Met::Failed(111)),
                Scene::connect("127.9.9.9:3000").tried(Met::Failed(111)),
                Scene::on(down, "127.0.0.1:3000").tried(Met::Failed(101)),
                Scene::on(without(machine(), true), "127.0.0.1:3000").tried(Met::Failed(111)),
                Scene::on(without(held(listener("::", 3000)), true), "[::1]:3000")
                    .named("localhost", &["::1", "127.0.0.1"])
                    .tried(Met::Connected),
            ],
        }
    }
}
