//! The port needs a privilege that the reader lacks.

use portward_model::{Effect, Evidence, Finding, Likelihood, Remedy};

use super::{Check, View, words};
use crate::offer;

pub(crate) const CHECK: Check = Check {
    code: "privileged-port",
    summary: "the port needs a privilege that the reader lacks",
    doc: DOC,
    run,
    #[cfg(test)]
    cases: tests::cases,
};

const DOC: &str = "\
## What it is

A bind below net.ipv4.ip_unprivileged_port_start (1024 unless changed) needs CAP_NET_BIND_SERVICE, and fails
with EACCES without it (ip(7), capabilities(7)). The setting belongs to the network namespace and holds for
TCP and UDP, IPv4 and IPv6.

## Evidence

The setting from /proc/sys, and the reader's own capabilities.

## Fix

Take a port above it, give the program the capability, or lower the setting.

";

fn run(view: &View<'_>) -> Option<Finding> {
    let port = view.question.port;
    if view.question.transport.is_unix() || port == 0 {
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
    let user = words::user(view.snapshot, view.snapshot.host.uid);
    let source = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
    let fact = match likelihood {
        Likelihood::Certain => format!("{start}, and the reader lacks CAP_NET_BIND_SERVICE"),
        Likelihood::Likely | Likelihood::Possible => format!("could not be read; it is {start} unless changed"),
    };
    Some(Finding::new(
        CHECK.code,
        likelihood,
        format!("{} is below {start}, and user {user} lacks CAP_NET_BIND_SERVICE.", words::port(view)),
        vec![Evidence::new(source, fact)],
        vec![
            offer::next("Use a port that needs no privilege", 8000u32.max(u32::from(start))),
            Remedy::command(
                "Lower the limit for every program",
                format!("sudo sysctl -w net.ipv4.ip_unprivileged_port_start={port}"),
                Effect::Change,
            ),
            Remedy::command("Give one program the capability", "sudo setcap cap_net_bind_service=+ep PROGRAM", Effect::Change),
        ],
    ))
}

#[cfg(test)]
mod tests {
    use portward_model::{Snapshot, Transport};

    use crate::{
        bind::{BindQuestion, Cases},
        fixture::machine,
    };

    fn allowed() -> Snapshot {
        let mut snapshot = machine();
        if let Some(rules) = &mut snapshot.rules {
            rules.may_bind_privileged = true;
        }
        snapshot
    }

    pub(crate) fn cases() -> Cases {
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
                (allowed(), tcp(80)),
                (machine(), tcp(0)),
                (machine(), BindQuestion::path("/x".into(), None)),
            ],
        }
    }
}
