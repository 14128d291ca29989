cause! {
    "loopback-down": "the loopback interface is down",
    Rule, Endpoint(run),
    what: "`lo` is not up, as in every fresh network namespace. Servers bind and listen as usual; every connection to 127.0.0.1
or ::1 fails with \"network unreachable\".",
    evidence: "The flags of `lo` (RTM_GETLINK) lack IFF_UP; a connection fails with ENETUNREACH and Ip.OutNoRoutes rises.",
    fix: "`ip link set lo up`",
}

use portward_model::shell;

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    if !case.connects() || !case.asked.addresses.iter().any(|address| unmap(*address).is_loopback()) {
        return Ruling::Silent;
    }
    let Some(loopback) = case.snapshot.interfaces.iter().find(|interface| interface.loopback) else { return Ruling::Silent };
    if loopback.up {
        return Ruling::out(format!("{} is up", loopback.name));
    }
    let mut evidence = vec![Evidence::new("rtnetlink", format!("{} is down", loopback.name))];
    evidence.extend(case.exam.attempts.iter().take(2).map(words::tried));
    let fixes = vec![Remedy::change("Bring it up", shell!("sudo ip link set {} up", loopback.name))];
    let summary = format!("The loopback interface {} is down, so nothing on it can be reached.", loopback.name);
    words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::Met;

    use crate::{case::scene::Scene, cause::Cases, fixture::machine};

    pub(crate) fn cases() -> Cases {
        let mut down = machine();
        down.interfaces[0].up = false;
        Cases {
            fires: vec![
                Scene::on(down.clone(), "127.0.0.1:3000").tried(Met::Failed(101)).rose(&[("Ip.OutNoRoutes", 1)]),
                Scene::on(down.clone(), "[::1]:3000"),
            ],
            silent: vec![Scene::connect("127.0.0.1:3000"), Scene::on(down, "192.168.1.20:3000")],
        }
    }
}
