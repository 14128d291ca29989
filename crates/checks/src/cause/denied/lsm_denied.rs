cause! {
    "lsm-denied": "a security profile (AppArmor, SELinux) denies it",
    Rule, Endpoint(run),
    what: "\
A security module confines the program by a profile (AppArmor) or a type (SELinux) that does not allow this connection or
this bind. The call fails with EACCES; the kernel's audit log has the line.",
    evidence: "The call failed with EACCES; /proc/PID/attr/current of the process names a profile that is enforced.",
    fix: "Allow it in the profile; the audit log tells the rule that is missing.",
}

use portward_model::{ShellLine, Text};

use super::sandbox_denied::{is_privilege, routed_away};
use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let Some(met) = refusal::met(case, EACCES) else { return Ruling::Silent };
    let Some(vitals) = met.pid.and_then(|pid| case.vitals(pid)) else { return Ruling::Silent };
    if is_privilege(case) || routed_away(case) {
        return Ruling::Silent;
    }
    let Some(label) = &vitals.label else {
        return Ruling::out(format!("no security profile confines pid {}", vitals.pid));
    };
    let evidence =
        vec![met.evidence, Evidence::new(format!("/proc/{}/attr/current", vitals.pid), format!("{label} is enforced"))];
    // The types of SELinux have colons; the profiles of AppArmor a mode in parentheses.
    let selinux = label.raw().split(|byte| *byte == b':').count() > 3;
    let profile = label.raw().split(|byte| *byte == b' ').next().map(Text::new);
    let mut fixes = Vec::new();
    if let Some(profile) = profile.filter(|profile| !selinux && profile.plain().is_some_and(|name| !name.is_empty())) {
        fixes.push(Remedy::change(
            "Let the profile complain instead of deny",
            ShellLine::from("sudo aa-complain").operand(profile),
        ));
        fixes.push(Remedy::look("See what it denied", "sudo journalctl -k --grep apparmor"));
    } else {
        let allow = "sudo ausearch -m avc -ts recent | audit2allow -M portward-local && sudo semodule -i portward-local.pp";
        fixes.push(Remedy::change("Allow what was denied lately", allow));
        fixes.push(Remedy::look("See what it denied", "sudo ausearch -m avc -ts recent"));
    }
    let what = if case.listens() { "bind" } else { "connect to" };
    let summary = format!("The security profile {label} does not let pid {} {what} {}.", vitals.pid, case.asked.text);
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Met, Vitals};

    use crate::{
        case::scene::{Scene, well},
        cause::Cases,
        fixture::{held, listener},
    };

    pub(crate) fn cases() -> Cases {
        let served = || Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000");
        let labelled = |label: &str| Vitals { label: Some(label.into()), ..well(999_999) };
        Cases {
            fires: vec![
                served().tried(Met::Failed(13)).vitals(labelled("snap.shop (enforce)")),
                served().tried(Met::Failed(13)).vitals(labelled("system_u:system_r:httpd_t:s0")),
            ],
            silent: vec![
                served().tried(Met::Connected).vitals(labelled("docker-default (enforce)")),
                served().tried(Met::Failed(13)).vitals(well(999_999)),
                served().tried(Met::Failed(111)).vitals(labelled("snap.shop (enforce)")),
            ],
        }
    }
}
