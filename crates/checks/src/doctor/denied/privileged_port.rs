//! A program lacks the privilege that its port needs, as its own text says.

use portward_model::{Effect, Evidence, Likelihood, Remedy};

use super::refusal;
use crate::offer;
use crate::{
    bind::privileged_port,
    doctor::{Case, Check, Ruling, words},
};

pub(super) const CHECK: Check = Check {
    code: "privileged-port",
    summary: "the port needs a privilege that the program lacks",
    doc: privileged_port::CHECK.doc,
    covers: &[],
    run,
    #[cfg(test)]
    cases: tests::cases,
};

/// The rules of a bind judge the reader alone; the program of the text may have less than the reader.
fn run(case: &Case<'_>) -> Ruling {
    if !case.listens() || case.asked.port == 0 || case.asked.path.is_some() {
        return Ruling::Silent;
    }
    let rules = case.snapshot.rules.as_ref();
    let start = rules.map_or(1024, |rules| rules.unprivileged_start);
    let port = case.asked.port;
    let says = case.says(CHECK.code);
    let met = refusal::met(case, EACCES);
    let by_reader = rules.is_some_and(|rules| !rules.may_bind_privileged);
    // What the reader itself lacks is told by the rules of the bind.
    if by_reader && port < start {
        return Ruling::Silent;
    }
    if met.is_none() && !says {
        return Ruling::Silent;
    }
    if port >= start {
        return Ruling::Out(format!("{port} is not below {start}, where a bind needs a privilege"));
    }
    let mut evidence =
        vec![Evidence::new("/proc/sys/net/ipv4/ip_unprivileged_port_start", format!("{start}, and {port} is below it"))];
    let text = case.paste.filter(|_| says).map(words::text_line);
    evidence.extend(met.map(|met| met.evidence).or(text));
    let fixes = vec![
        offer::next("Use a port that needs no privilege", 8000u32.max(u32::from(start))),
        Remedy::command(
            "Lower the limit for every program",
            format!("sudo sysctl -w net.ipv4.ip_unprivileged_port_start={port}"),
            Effect::Change,
        ),
        Remedy::command("Give one program the capability", "sudo setcap cap_net_bind_service=+ep PROGRAM", Effect::Change),
    ];
    let summary = format!("{} is below {start}, and the program lacks CAP_NET_BIND_SERVICE.", words::port(case));
    words::found(CHECK.code, Likelihood::Certain, summary, evidence, fixes)
}

/// `EACCES`, errno(3).
const EACCES: i32 = 13;

#[cfg(test)]
mod tests {
    use portward_model::Snapshot;

    use crate::{
        Call, Symptom,
        doctor::{Cases, scene::Scene},
        fixture::machine,
    };

    fn root() -> Snapshot {
        let mut snapshot = machine();
        if let Some(rules) = &mut snapshot.rules {
            rules.may_bind_privileged = true;
        }
        snapshot
    }

    fn told(snapshot: Snapshot, target: &str) -> Scene {
        let line = "Error: listen EACCES: permission denied";
        Scene::listen(snapshot, target, true).said(Symptom::PermissionDenied, None, line).but(|scene| {
            let paste = scene.paste.as_mut().unwrap();
            (paste.errno, paste.call) = (Some(13), Some(Call::Listen));
        })
    }

    pub(crate) fn cases() -> Cases {
        Cases {
            fires: vec![told(root(), "127.0.0.1:81")],
            silent: vec![
                told(machine(), "127.0.0.1:81"),
                told(root(), "127.0.0.1:8080"),
                Scene::listen(root(), "127.0.0.1:81", true),
            ],
        }
    }
}
