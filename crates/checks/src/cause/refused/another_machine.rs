cause! {
    "another-machine": "the address belongs to another machine, and it does not serve",
    Absence, Endpoint(run),
    what: "The dialled address is none of this machine's. From here only the way there can be seen, and what came back: a
refusal means that the machine (or a firewall in front of it) is up and answered; silence means that nobody did.",
    evidence: "The addresses of the interfaces and the route to the target (rtnetlink); what a connection met.",
    fix: "Run `portward doctor` on that machine, or correct the address.",
}

use portward_model::{ShellLine, shell};

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    if !case.connects() || case.asked.path.is_some() || case.asked.port == 0 {
        return Ruling::Silent;
    }
    let Some(first) = case.asked.addresses.first().copied() else { return Ruling::Silent };
    let route = case.snapshot.routes.iter().find(|(address, _)| *address == first).map(|(_, route)| route);
    let unread = case.snapshot.interfaces.is_empty() && route.is_none();
    if unread || case.is_own_address(first) || route.is_some_and(|route| route.local) {
        return Ruling::Silent;
    }
    let mut evidence = vec![Evidence::new("rtnetlink", format!("{first} is the address of no interface here"))];
    if let Some(route) = route {
        let interface = route.interface.as_ref().map(|name| format!(" by {name}")).unwrap_or_default();
        let gateway = route.gateway.map_or_else(|| ", on the same network".to_owned(), |gateway| format!(" through {gateway}"));
        evidence.push(Evidence::new("RTM_GETROUTE", format!("packets to it leave{interface}{gateway}")));
    }
    let (met, likelihood) = match case.standing() {
        Standing::Connected(_) => return Ruling::Silent,
        Standing::Refused(attempt) => {
            evidence.push(words::tried(attempt));
            ("it refused the connection", Likelihood::Likely)
        }
        Standing::Silent(attempt) => {
            evidence.push(words::tried(attempt));
            ("it did not answer", Likelihood::Likely)
        }
        Standing::Failed(errno, attempt) => {
            evidence.push(words::tried(attempt));
            let met = match errno {
                101 => "no route leads to it",
                113 => "nobody on the way there knows it",
                // What this machine itself forbids has causes of its own.
                1 | 13 | 99 => return Ruling::Silent,
                _ => "the connection failed",
            };
            (met, Likelihood::Likely)
        }
        Standing::Untried if case.asked.transport != Transport::Tcp && case.symptom().is_none() => return Ruling::Silent,
        Standing::Untried => ("nothing was tried", Likelihood::Possible),
    };
    let host = case.asked.name.clone().unwrap_or_else(|| first.to_string());
    let fixes = vec![
        Remedy::look("Ask on that machine", ShellLine::from("ssh").operand(host).then("portward doctor").word(case.asked.port)),
        Remedy::look("See the way there", shell!("ip route get {}", first)),
    ];
    let summary = format!("{first} is not this machine; {met}, and from here only the route can be seen.");
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use std::net::IpAddr;

    use portward_model::{Met, Route, Text};

    use crate::{case::scene::Scene, cause::Cases, fixture::machine};

    pub(crate) fn cases() -> Cases {
        let mut routed = machine();
        let gateway: IpAddr = "192.168.1.1".parse().unwrap();
        let route = Route { local: false, interface: Some(Text::from("eth0")), gateway: Some(gateway), source: None };
        routed.routes.push(("10.1.2.3".parse().unwrap(), route));
        let mut any_ip = machine();
        let local = Route { local: true, interface: Some(Text::from("lo")), gateway: None, source: None };
        any_ip.routes.push(("10.1.2.3".parse().unwrap(), local));
        let mut unread = machine();
        unread.interfaces.clear();
        Cases {
            fires: vec![
                Scene::connect("192.168.1.77:3000").tried(Met::Failed(111)),
                Scene::on(routed, "10.1.2.3:5432").tried(Met::Silence),
                Scene::connect("192.168.1.77:3000").tried(Met::Failed(113)),
            ],
            silent: vec![
                Scene::connect("192.168.1.77:3000").tried(Met::Connected),
                Scene::connect("192.168.1.20:3000").tried(Met::Failed(111)),
                Scene::on(any_ip, "10.1.2.3:3000").tried(Met::Failed(111)),
                Scene::on(unread, "192.168.1.77:3000").tried(Met::Failed(111)),
                Scene::connect("127.0.0.1:3000").tried(Met::Failed(111)),
            ],
        }
    }
}
