cause! {
    "seccomp-denied": "a system call filter denies it",
    Rule, Endpoint(run),
    what: "\
The program runs under a seccomp filter (seccomp(2)) that answers connect(2), bind(2) or socket(2) with EPERM: a sandbox of a
container, of a systemd unit (SystemCallFilter=, RestrictAddressFamilies=), of Flatpak or of the program's own. The network has
no part in it: no packet was sent.",
    evidence: "The call failed with EPERM; `Seccomp: 2` in /proc/PID/status of the process that called.",
    fix: "Allow the call in the profile of the sandbox, or run the program outside it.",
}

use portward_model::shell;

use super::sandbox_denied::ways_out;
use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let Some(met) = refusal::met(case, EPERM) else { return Ruling::Silent };
    let Some(vitals) = met.pid.and_then(|pid| case.vitals(pid)) else { return Ruling::Silent };
    if vitals.seccomp == 0 {
        return Ruling::out(format!("pid {} has no system call filter (Seccomp: 0)", vitals.pid));
    }
    let bonds = if vitals.no_new_privileges { ", NoNewPrivs: 1" } else { "" };
    let source = format!("/proc/{}/status", vitals.pid);
    let evidence = vec![met.evidence, Evidence::new(source, format!("Seccomp: {}{bonds}", vitals.seccomp))];
    let mut fixes = ways_out(case, Some(vitals.pid), "SystemCallFilter= RestrictAddressFamilies=");
    fixes.push(Remedy::look("See the filters of the process", shell!("grep -i seccomp /proc/{}/status", vitals.pid)));
    let what = if case.listens() { "bind" } else { "connection" };
    let summary = format!("A system call filter (seccomp) of pid {} denies the {what} to {}.", vitals.pid, case.asked.text);
    // A program of the control group answers the same, and would not be seen.
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{DialTarget, Met, Observed, ObservedConnect, Vitals};

    use crate::{
        case::scene::{Scene, well},
        cause::Cases,
        fixture::{held, listener},
    };

    fn filtered(pid: u32) -> Vitals {
        Vitals { seccomp: 2, no_new_privileges: true, ..well(pid) }
    }

    pub(crate) fn cases() -> Cases {
        let served = || Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000");
        let watched = |scene: &mut Scene| {
            let at = DialTarget::Inet("127.0.0.1:3000".parse().unwrap());
            let connects = vec![ObservedConnect { pid: 500, at, errno: Some(1) }];
            scene.exam.observed =
                Some(Observed { code: Some(1), connects, printed: "".into(), proxies: Vec::new(), watched: true });
        };
        Cases {
            fires: vec![
                served().tried(Met::Failed(1)).vitals(filtered(999_999)),
                served().tried(Met::Connected).but(watched).vitals(filtered(500)),
            ],
            silent: vec![
                served().tried(Met::Connected).vitals(filtered(999_999)),
                served().tried(Met::Failed(1)).vitals(well(999_999)),
                served().tried(Met::Failed(1)),
                served().tried(Met::Failed(13)).vitals(filtered(999_999)),
            ],
        }
    }
}
