cause! {
    "lo-mtu": "the loopback interface takes too short packets for IPv6",
    Rule, Endpoint(run),
    what: "\
IPv6 needs links that take packets of 1280 bytes (RFC 8200 section 5). Where the MTU of `lo` is set below that, the kernel
takes ::1 away without a word, and every connect or bind to it fails with \"cannot assign requested address\".",
    evidence: "The MTU of `lo` (RTM_GETLINK) is below 1280, and `lo` has no ::1 (RTM_GETADDR).",
    fix: "`ip link set lo mtu 65536`, then give `lo` its address again: raising the MTU alone does not bring ::1 back.",
}

use portward_model::shell;

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let Some(loopback) = place::loopback(case) else { return Ruling::Silent };
    let unusable = |address: IpAddr| address.is_ipv6() && address.is_loopback() && !place::is_present(case.snapshot, address);
    let Some((address, attempt)) = place::affected(case, unusable) else { return Ruling::Silent };
    let Some(mtu) = place::loopback_mtu(case) else { return Ruling::Silent };
    if mtu >= place::LEAST_MTU_OF_IPV6 {
        return Ruling::out(format!("{} takes packets of {mtu} bytes", loopback.name));
    }
    let mut evidence = vec![
        Evidence::new("RTM_GETLINK", format!("the MTU of {} is {mtu}, and IPv6 needs 1280", loopback.name)),
        Evidence::new("RTM_GETADDR", format!("{} has {}", loopback.name, place::addresses(loopback))),
    ];
    evidence.extend(attempt.map(words::tried));
    let name = &loopback.name;
    let command = shell!("sudo ip link set {} mtu 65536 && sudo ip -6 addr add ::1/128 dev {}", name, name);
    let fixes = vec![Remedy::change("Let it take longer packets, and give it ::1 again", command)];
    let summary = format!("{name} has an MTU of {mtu}, below the 1280 that IPv6 needs, so {address} does not exist.");
    words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Met, NetworkSettings, Snapshot};

    use crate::{case::scene::Scene, cause::Cases, fixture::machine};

    fn short(mtu: u32) -> Snapshot {
        let mut snapshot = machine();
        snapshot.interfaces[0].mtu = Some(mtu);
        snapshot.interfaces[0].addresses.retain(|found| found.address.is_ipv4());
        snapshot
    }

    pub(crate) fn cases() -> Cases {
        let mut whole = machine();
        whole.interfaces[0].mtu = Some(1000);
        let settings = NetworkSettings { loopback_mtu: Some(1000), ..NetworkSettings::default() };
        Cases {
            fires: vec![
                Scene::on(short(1000), "[::1]:3000").tried(Met::Failed(99)),
                Scene::on(short(65536), "[::1]:3000").but(|scene| scene.exam.network = Some(settings)),
                Scene::listen(short(1000), "[::1]:3000", true),
            ],
            silent: vec![
                Scene::on(short(65536), "[::1]:3000").tried(Met::Failed(99)),
                Scene::on(short(1000), "127.0.0.1:3000").tried(Met::Failed(111)),
                Scene::on(whole, "[::1]:3000").tried(Met::Failed(111)),
                Scene::on(short(1000), "[::1]:3000").named("localhost", &["::1", "127.0.0.1"]),
            ],
        }
    }
}
