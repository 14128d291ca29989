cause! {
    "cgroup-bpf-denied": "a rule of the control group denies it",
    Rule, Endpoint(run),
    what: "\
A small program that is attached to the control group decides over every connect and bind of the processes in it. systemd
attaches one for SocketBindDeny=, IPAddressDeny= and RestrictNetworkInterfaces= of a unit; container tools attach their own.
The call fails with EPERM, though no sandbox of the process itself does.",
    evidence: "The call failed with EPERM; the process has no system call filter (`Seccomp: 0` in /proc/PID/status).",
    fix: "Empty the setting of the unit; `systemctl show -p IPAddressDeny,SocketBindDeny UNIT` shows it.",
}

use super::sandbox_denied::ways_out;
use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let Some(met) = refusal::met(case, EPERM) else { return Ruling::Silent };
    let Some(vitals) = met.pid.and_then(|pid| case.vitals(pid)) else { return Ruling::Silent };
    if vitals.seccomp != 0 {
        return Ruling::Silent;
    }
    let mut evidence = vec![met.evidence];
    evidence.push(Evidence::new(format!("/proc/{}/status", vitals.pid), "Seccomp: 0, so that no filter of its own denies it"));
    let group = case.snapshot.process(vitals.pid).and_then(|process| process.cgroup.known());
    if let Some(group) = group {
        evidence.push(Evidence::new(format!("/proc/{}/cgroup", vitals.pid), group.shown()));
    }
    let what = if case.listens() { "bind" } else { "connection" };
    let place = group.map(|group| format!(" {group}")).unwrap_or_default();
    let summary = format!("A rule of the control group{place} denies the {what} to {}.", case.asked.text);
    let likelihood = if vitals.label.is_none() { Likelihood::Certain } else { Likelihood::Likely };
    words::found(CAUSE.code, likelihood, summary, evidence, ways_out(case, Some(vitals.pid), "IPAddressDeny= SocketBindDeny="))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{BindTry, Met, Vitals};

    use crate::{
        case::scene::{Scene, well},
        cause::Cases,
        fixture::{held, listener, machine},
    };

    pub(crate) fn cases() -> Cases {
        let served = || Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000");
        let tried = |scene: &mut Scene| {
            let at = "127.0.0.1:3001".parse().unwrap();
            scene.exam.tries.push(BindTry { at, reuse: true, failed: Some(1) });
        };
        Cases {
            fires: vec![
                served().tried(Met::Failed(1)).vitals(well(999_999)),
                Scene::listen(machine(), "127.0.0.1:3001", true).but(tried).vitals(well(999_999)),
            ],
            silent: vec![
                served().tried(Met::Failed(1)).vitals(Vitals { seccomp: 2, ..well(999_999) }),
                served().tried(Met::Failed(1)),
                served().tried(Met::Connected).vitals(well(999_999)),
            ],
        }
    }
}
