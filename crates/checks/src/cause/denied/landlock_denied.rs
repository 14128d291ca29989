cause! {
    "landlock-denied": "a Landlock rule denies the port",
    Rule, Endpoint(run),
    what: "The program, or what started it, gave up the right to connect to (or bind) TCP ports other than those that it listed
(landlock(7), Linux 6.7 and later). The kernel answers EACCES before any packet is sent. No other program on the machine is
affected, so every check from another shell finds the port healthy.",
    evidence: "\
The call failed with EACCES on an address of this machine; the process has NoNewPrivs set, which Landlock asks for, and no
label of a security module that confines it.",
    fix: "Add the port to the rules of the sandbox, or run the program outside it.",
}

use super::sandbox_denied::{is_privilege, routed_away, ways_out};
use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let Some(met) = refusal::met(case, EACCES) else { return Ruling::Silent };
    let Some(vitals) = met.pid.and_then(|pid| case.vitals(pid)) else { return Ruling::Silent };
    if is_privilege(case) || routed_away(case) {
        return Ruling::Silent;
    }
    if !vitals.no_new_privileges {
        return Ruling::Silent;
    }
    let alone = vitals.label.is_none() && vitals.seccomp == 0;
    let likelihood = if alone { Likelihood::Certain } else { Likelihood::Likely };
    let status = Evidence::new(format!("/proc/{}/status", vitals.pid), "NoNewPrivs: 1, which Landlock asks for");
    let mut evidence = vec![met.evidence, status];
    if vitals.label.is_none() {
        let source = format!("/proc/{}/attr/current", vitals.pid);
        evidence.push(Evidence::new(source, "no label of a security module that confines it"));
    }
    let what = if case.listens() { "bind" } else { "connect to" };
    let summary = format!("A Landlock rule does not let pid {} {what} {}.", vitals.pid, case.asked.text);
    words::found(CAUSE.code, likelihood, summary, evidence, ways_out(case, Some(vitals.pid), "RestrictAddressFamilies="))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{BindTry, Met, NetworkSettings, Vitals};

    use crate::{
        case::scene::{Scene, well},
        cause::Cases,
        fixture::{held, listener, machine},
    };

    fn bonded(pid: u32) -> Vitals {
        Vitals { no_new_privileges: true, ..well(pid) }
    }

    pub(crate) fn cases() -> Cases {
        let served = || Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000");
        let tried = |scene: &mut Scene| {
            let at = "127.0.0.1:3001".parse().unwrap();
            scene.exam.tries.push(BindTry { at, reuse: true, failed: Some(13) });
        };
        let ruled = |scene: &mut Scene| {
            scene.exam.network = Some(NetworkSettings { rule_before_local: Some(true), ..NetworkSettings::default() });
        };
        Cases {
            fires: vec![
                served().tried(Met::Failed(13)).vitals(bonded(999_999)),
                served().tried(Met::Failed(13)).vitals(Vitals { seccomp: 2, ..bonded(999_999) }),
                Scene::listen(machine(), "127.0.0.1:3001", true).but(tried).vitals(bonded(999_999)),
            ],
            silent: vec![
                served().tried(Met::Connected).vitals(bonded(999_999)),
                served().tried(Met::Failed(13)).vitals(well(999_999)),
                served().tried(Met::Failed(1)).vitals(bonded(999_999)),
                served().tried(Met::Failed(13)).vitals(bonded(999_999)).but(ruled),
                Scene::listen(machine(), "127.0.0.1:81", true).but(tried).vitals(bonded(999_999)),
            ],
        }
    }
}
