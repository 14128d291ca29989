cause! {
    "family-denied": "the program may not make sockets of this address family",
    Rule, Event(run),
    what: "socket(2) failed with \"address family not supported\" (EAFNOSUPPORT) before any address was named, though the kernel has the
family. What confines the program took it away: `RestrictAddressFamilies=` of a systemd unit, a seccomp profile of a container or of a
sandbox; or the program was built without it.",
    evidence: "The text or the call that failed; the loopback interface, which has an address of the family.",
    fix: "Allow the family (AF_INET6, AF_INET, AF_UNIX, AF_NETLINK) in the unit or the profile, or tell the program to use the other one.",
}

use crate::{Call, cause::prelude::*};

fn run(case: &Case<'_>) -> Ruling {
    let told = case.paste.filter(|paste| paste.errno == Some(EAFNOSUPPORT) || paste.call == Some(Call::Socket));
    let unmade = |paste: &&crate::Paste| match paste.symptom {
        Symptom::AddressNotAvailable => paste.errno == Some(EAFNOSUPPORT),
        Symptom::PermissionDenied | Symptom::NotPermitted => paste.call == Some(Call::Socket),
        _ => false,
    };
    let Some(paste) = told.filter(unmade) else { return Ruling::Silent };
    let six = paste.host.as_deref().is_none_or(|host| host.contains(':'));
    let off = case.exam.network.as_ref().and_then(|network| network.ipv6_disabled) == Some(true);
    let loopback = place::loopback(case);
    let has_six = loopback.is_some_and(|lo| lo.addresses.iter().any(|own| own.address.is_ipv6()));
    if six && (off || !has_six) {
        return Ruling::Silent;
    }
    let mut evidence = vec![words::text_line(paste)];
    evidence.extend(loopback.map(|lo| Evidence::new("RTM_GETADDR", format!("{} has {}", lo.name, place::addresses(lo)))));
    let family = if six { "IPv6" } else { "this address family" };
    let fixes = vec![
        Remedy::look("See what the unit of the program allows", "systemctl show -p RestrictAddressFamilies UNIT"),
        Remedy::look("See whether a filter is on the process (Seccomp: 2)", "grep -H Seccomp /proc/PID/status"),
    ];
    let summary =
        format!("The kernel has {family}, and the program may not make a socket of it: a filter or its build forbids it.");
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::NetworkSettings;

    use crate::{Call, Symptom, case::scene::Scene, cause::Cases, fixture::machine};

    pub(crate) fn cases() -> Cases {
        let told = |scene: Scene, host: Option<&str>| {
            let line = "socket: address family not supported by protocol";
            scene.said(Symptom::AddressNotAvailable, None, line).but(|scene| {
                let paste = scene.paste.as_mut().unwrap();
                (paste.errno, paste.call, paste.host) = (Some(97), Some(Call::Socket), host.map(str::to_owned));
            })
        };
        let mut four = machine();
        for interface in &mut four.interfaces {
            interface.addresses.retain(|own| own.address.is_ipv4());
        }
        let off = |scene: &mut Scene| {
            scene.exam.network = Some(NetworkSettings { ipv6_disabled: Some(true), ..NetworkSettings::default() });
        };
        Cases {
            fires: vec![told(Scene::nowhere(), None), told(Scene::listen(machine(), "[::]:8080", true), Some("::"))],
            silent: vec![told(Scene::on(four, "[::1]:80"), Some("::1")).but(off), Scene::connect("[::1]:80")],
        }
    }
}
