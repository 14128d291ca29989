cause! {
    "privileged-port": "the port needs a privilege that the program lacks",
    Rule, Both(run, refuse),
    what: "A bind below net.ipv4.ip_unprivileged_port_start (1024 unless changed) needs CAP_NET_BIND_SERVICE, and fails
with EACCES without it (ip(7), capabilities(7)). The setting belongs to the network namespace and holds for
TCP and UDP, IPv4 and IPv6.",
    evidence: "\
The setting from /proc/sys, and the reader's own capabilities; of a program that has less than the reader, its own text.",
    fix: "Take a port above it, give the program the capability, or lower the setting.",
}

use portward_model::shell;

use crate::{
    bind::{self},
    cause::prelude::*,
};

fn refuse(view: &View<'_>) -> Option<Finding> {
    let port = view.question.port;
    if view.question.transport.is_unix() || port == 0 || view.question.past_privileges {
        return None;
    }
    let (start, likelihood) = match &view.snapshot.rules {
        Some(rules) if !rules.may_bind_privileged && port < rules.unprivileged_start => {
            (rules.unprivileged_start, Likelihood::Certain)
        }
        // The usual start, where the kernel's own could not be read.
        None if port < 1024 && view.snapshot.host.uid != 0 => (1024, Likelihood::Likely),
        Some(_) | None => return None,
    };
    let user = bind::words::user(view.snapshot, view.snapshot.host.uid);
    let fact = match likelihood {
        Likelihood::Certain => format!("{start}, and the reader lacks CAP_NET_BIND_SERVICE"),
        Likelihood::Likely | Likelihood::Possible => format!("could not be read; it is {start} unless changed"),
    };
    let summary = format!("{} is below {start}, and user {user} lacks CAP_NET_BIND_SERVICE.", bind::words::port(view));
    Some(Finding::new(CAUSE.code, likelihood, summary, vec![Evidence::new(SETTING, fact)], ways_out(start, port)))
}

/// The rules of a bind judge the reader alone; the program of the text may have less than the reader.
fn run(case: &Case<'_>) -> Ruling {
    if !case.listens() || case.asked.port == 0 || case.asked.path.is_some() {
        return Ruling::Silent;
    }
    let rules = case.snapshot.rules.as_ref();
    let start = rules.map_or(1024, |rules| rules.unprivileged_start);
    let port = case.asked.port;
    let says = case.says(CAUSE.code);
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
        return Ruling::out(format!("{port} is not below {start}, where a bind needs a privilege"));
    }
    let mut evidence = vec![Evidence::new(SETTING, format!("{start}, and {port} is below it"))];
    let text = case.paste.filter(|_| says).map(words::text_line);
    evidence.extend(met.map(|met| met.evidence).or(text));
    let summary = format!("{} is below {start}, and the program lacks CAP_NET_BIND_SERVICE.", words::port(case));
    words::found(CAUSE.code, Likelihood::Certain, summary, evidence, ways_out(start, port))
}

fn ways_out(start: u16, port: u16) -> Vec<Remedy> {
    vec![
        offer::next("Use a port that needs no privilege", 8000u32.max(u32::from(start))),
        Remedy::change(
            "Lower the limit for every program",
            shell!("sudo sysctl -w net.ipv4.ip_unprivileged_port_start={}", port),
        ),
        Remedy::change("Give one program the capability", "sudo setcap cap_net_bind_service=+ep PROGRAM"),
    ]
}

const SETTING: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Snapshot, Transport};

    use crate::{
        BindQuestion, Call, Symptom,
        case::scene::Scene,
        cause::{Binds, Cases},
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

    pub(crate) fn binds() -> Binds {
        let tcp = |port| BindQuestion::new(Transport::Tcp, "127.0.0.1".parse().unwrap(), port);
        let mut unread = machine();
        unread.rules = None;
        let mut raised = machine();
        if let Some(rules) = &mut raised.rules {
            rules.unprivileged_start = 9000;
        }
        Cases {
            fires: vec![
                (machine(), tcp(80)),
                (machine(), BindQuestion { transport: Transport::Udp, ..tcp(53) }),
                (unread, tcp(80)),
                (raised, tcp(8080)),
            ],
            silent: vec![
                (machine(), tcp(1024)),
                (root(), tcp(80)),
                (machine(), tcp(0)),
                (machine(), BindQuestion::path("/x".into(), None)),
            ],
        }
    }
}
