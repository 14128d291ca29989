//! Whether a bind would succeed: reasoned from the kernel's rules, and on request tried.

use std::net::IpAddr;

use portward_checks::{BindHost, BindQuestion, bind};
use portward_model::{Cause, Evidence, Likelihood, Seen, Transport};
use portward_sys::Look;

use crate::{Bind, View, target::Target};

pub(crate) fn answer(host: &dyn Look, target: &Target, view: &View, try_it: bool) -> Bind {
    let endpoint = &target.endpoint;
    let file = target.path().filter(|path| !path.raw().starts_with(b"@"));
    let file_exists = file.and_then(|path| host.path_exists(path).known().copied());
    let question = BindQuestion { interface: zone_index(target, view), file_exists, ..target.question() };
    let answer = bind(&view.snapshot, &question);
    let mut found = Bind { possible: answer.possible(), proof: "rules", because: answer.causes };
    for cause in &mut found.because {
        // This is where that advice leads.
        cause.fixes.retain(|fix| !fix.command.starts_with("portward explain"));
    }
    let address = match &question.host {
        BindHost::Ip(address) => *address,
        BindHost::Any => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
        BindHost::Path(path) => {
            refuse_closed_folder(host, path, &mut found);
            return found;
        }
    };
    if try_it {
        let address = std::net::SocketAddr::new(address, endpoint.port);
        // On a machine without IPv6 "any" means IPv4, and the kernel says so by refusing the family.
        let reuses = endpoint.transport == Transport::Tcp;
        if let Ok(tried) = host.try_bind(endpoint.transport, address, reuses) {
            let plain =
                if reuses && tried.is_none() { host.try_bind(endpoint.transport, address, false).ok().flatten() } else { None };
            agree(&mut found, tried, plain);
        }
    }
    found
}

/// A path can be bound only where a file can be made.
fn refuse_closed_folder(host: &dyn Look, path: &portward_model::Text, found: &mut Bind) {
    if found.possible != Some(true) || path.raw().starts_with(b"@") {
        return;
    }
    match host.may_create(path) {
        Seen::Known(true) => {}
        Seen::Known(false) => {
            found.possible = Some(false);
            found.because.push(Cause {
                code: "bind-refused".to_owned(),
                likelihood: Likelihood::Certain,
                summary: format!("This user may not make a file at {path}, or its folder does not exist."),
                evidence: vec![Evidence::new("access(2)", "the folder is not there or not writable")],
                fixes: Vec::new(),
            });
        }
        _ => found.possible = None,
    }
}

/// True when a cause leads to this error number of `bind(2)`.
fn explains(code: &str, number: i32) -> bool {
    match number {
        EACCES => code == "privileged-port",
        EINVAL => code == "link-local-without-zone",
        EADDRNOTAVAIL => code == "addr-not-local",
        EADDRINUSE => !matches!(code, "privileged-port" | "link-local-without-zone" | "addr-not-local" | "multicast-over-tcp"),
        _ => false,
    }
}

const EACCES: i32 = 13;
const EINVAL: i32 = 22;
const EADDRINUSE: i32 = 98;
const EADDRNOTAVAIL: i32 = 99;

/// Sets the answer that was reasoned right by the one that the kernel gave.
///
/// `plain` is what a bind without `SO_REUSEADDR` met, where one with it succeeded: then the causes that were
/// found are what such a program would meet.
fn agree(found: &mut Bind, tried: Option<(i32, String)>, plain: Option<(i32, String)>) {
    found.proof = "tried";
    match tried {
        None => {
            found.possible = Some(true);
            match plain {
                None => found.because.clear(),
                Some((number, words)) => {
                    for cause in &mut found.because {
                        let fact = format!(
                            "a throw-away socket was bound with SO_REUSEADDR, and refused without: {words} (error {number})"
                        );
                        cause.evidence.push(Evidence::new("bind(2)", fact));
                    }
                }
            }
        }
        Some((number, words)) => {
            found.possible = Some(false);
            let evidence = Evidence::new("bind(2)", format!("a throw-away socket was refused: {words} (error {number})"));
            match found.because.iter_mut().find(|cause| explains(&cause.code, number)) {
                Some(cause) => {
                    cause.likelihood = Likelihood::Certain;
                    cause.evidence.push(evidence);
                }
                None => found.because.insert(
                    0,
                    Cause {
                        code: "bind-refused".to_owned(),
                        likelihood: Likelihood::Certain,
                        summary: format!(
                            "The kernel refuses the bind ({words}), and nothing that can be seen from here explains it."
                        ),
                        evidence: vec![evidence],
                        fixes: Vec::new(),
                    },
                ),
            }
        }
    }
}

fn zone_index(target: &Target, view: &View) -> u32 {
    let portward_model::EndpointHost::Ip(_, Some(zone)) = &target.endpoint.host else { return 0 };
    let named = view.snapshot.interfaces.iter().find(|interface| interface.name.raw() == zone.as_bytes());
    named.map(|interface| interface.index).or_else(|| zone.parse().ok()).unwrap_or(0)
}
