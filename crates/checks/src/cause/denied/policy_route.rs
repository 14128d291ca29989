cause! {
    "policy-route": "a routing rule sends packets to this machine's own address elsewhere",
    Rule, Endpoint(run),
    what: "Packets to this machine's own addresses are found in the routing table `local`, which is asked first. A rule before it
(ip-rule(8)), as VPN clients and container tools leave behind, or a route of the kind `unreachable`, `prohibit` or
`blackhole`, takes them away: the connect fails with ENETUNREACH, EHOSTUNREACH, EACCES or EINVAL, or is never answered.",
    evidence: "The route that the kernel gives for the address (RTM_GETROUTE) is not `local`, or a rule stands before the table
`local` (RTM_GETRULE); the address is on an interface that is up; the connect failed before any answer.",
    fix: "Find the rule with `ip rule show` and delete it: `ip rule delete pref NUMBER`.",
}

use portward_model::shell;

use super::sandbox_denied::routed_away;
use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    if !case.connects() || place::loopback(case).is_none() {
        return Ruling::Silent;
    }
    let present = |address: IpAddr| place::is_present(case.snapshot, address);
    if !case.asked.addresses.iter().any(|address| present(unmap(*address))) {
        return Ruling::Silent;
    }
    let Some((address, attempt)) = place::affected(case, present) else {
        return Ruling::Silent;
    };
    let route = case.snapshot.routes.iter().find(|(to, _)| unmap(*to) == address).map(|(_, route)| route);
    let ruled = case.exam.network.as_ref().and_then(|network| network.rule_before_local);
    let met = attempt.map(|attempt| attempt.met);
    let astray = route.is_some_and(|route| !route.local);
    let likelihood = match met {
        _ if astray => Likelihood::Certain,
        // Nothing but routing gives these for an address that an interface has.
        Some(Met::Failed(ENETUNREACH | EINVAL)) if ruled == Some(true) => Likelihood::Certain,
        Some(Met::Failed(ENETUNREACH | EINVAL)) => Likelihood::Likely,
        // A rule may name the port, which a look-up of the address alone does not.
        Some(Met::Failed(EHOSTUNREACH | EACCES)) if routed_away(case) => Likelihood::Likely,
        _ => {
            return match route {
                Some(_) => Ruling::out(format!("the route to {address} is local")),
                None => Ruling::Silent,
            };
        }
    };
    let mut evidence = Vec::new();
    if let Some(route) = route {
        let by = route.interface.as_ref().map(|name| format!(", it leaves by {name}")).unwrap_or_default();
        let kind = if route.local { "is local" } else { "is not local" };
        evidence.push(Evidence::new("RTM_GETROUTE", format!("the route to {address} {kind}{by}")));
    }
    if ruled == Some(true) {
        evidence.push(Evidence::new("RTM_GETRULE", "a rule stands before the one that looks up the table `local`"));
    }
    evidence.push(Evidence::new("RTM_GETADDR", format!("{address} is on an interface that is up")));
    evidence.extend(attempt.map(words::tried));
    let (delete, show) = if address.is_ipv6() {
        let delete = "sudo ip -6 rule delete pref \"$(ip -6 rule show | awk -F: 'NR==1{print $1}')\"";
        (delete, shell!("ip -6 route get {}; ip -6 route show table local", address))
    } else {
        let delete = "sudo ip rule delete pref \"$(ip rule show | awk -F: 'NR==1{print $1}')\"";
        (delete, shell!("ip route get {}; ip route show table local", address))
    };
    let mut fixes = vec![Remedy::change("Delete the rule that stands before `from all lookup local`", delete)];
    if ruled != Some(true) {
        fixes.insert(0, Remedy::look("See the route that takes it", show));
    }
    let summary = format!("Packets to {address} are taken by a routing rule before the table of this machine's own addresses.");
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Met, NetworkSettings, Route, Vitals};

    use crate::{
        case::scene::{Scene, well},
        cause::Cases,
        fixture::{held, listener, machine},
    };

    fn ruled(scene: &mut Scene) {
        scene.exam.network = Some(NetworkSettings { rule_before_local: Some(true), ..NetworkSettings::default() });
    }

    fn route(scene: &mut Scene, local: bool) {
        let route = Route { local, interface: Some("eth0".into()), gateway: None, source: None };
        scene.snapshot.routes.push((scene.asked.addresses[0], route));
    }

    pub(crate) fn cases() -> Cases {
        let served = || Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000");
        let mut down = machine();
        down.interfaces[0].up = false;
        let mut confined = served().tried(Met::Failed(13)).but(ruled).but(|scene| route(scene, true));
        let reader = confined.snapshot.host.pid;
        confined.exam.vitals.push(Vitals { no_new_privileges: true, ..well(reader) });
        Cases {
            fires: vec![
                served().tried(Met::Failed(101)).but(ruled),
                served().tried(Met::Failed(101)),
                served().tried(Met::Silence).but(|scene| route(scene, false)),
                served().but(|scene| route(scene, false)),
                served().tried(Met::Failed(13)).but(ruled),
                served().tried(Met::Failed(13)).but(ruled).but(|scene| route(scene, true)),
            ],
            silent: vec![
                served().tried(Met::Connected).but(ruled),
                served().but(ruled),
                served().tried(Met::Failed(13)),
                confined,
                served().tried(Met::Silence).but(|scene| route(scene, true)),
                Scene::on(down, "127.0.0.1:3000").tried(Met::Failed(101)),
                Scene::connect("192.168.1.77:3000").tried(Met::Failed(101)).but(ruled),
            ],
        }
    }
}
