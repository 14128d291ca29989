cause! {
    "no-listener": "nothing listens on the port",
    Absence, Endpoint(run),
    what: "No socket of this machine listens on the port, at any address, in any network namespace that could be read. The
kernel itself answers a connection with a reset, and the client reads \"connection refused\".",
    evidence: "The tables of listening, bound and connected sockets (sock_diag) hold none with this port; a connection was
refused by the kernel's own reset (Tcp.OutRsts rose).",
    fix: "Start the service. Where a file of the project, a Compose file or a unit names the port, that is what to start.",
}

use portward_model::{ShellLine, Text, shell};

use super::service_disabled::{is_installed, unit};
use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    // A name without an address leads to no port.
    let unnamed = case.asked.name.is_some() && case.asked.addresses.is_empty();
    if !case.connects() || case.asked.port == 0 || case.asked.transport.is_unix() || unnamed {
        return Ruling::Silent;
    }
    if let Some((index, socket)) = case.listeners().next() {
        return Ruling::out(words::seen(case, index, socket).fact);
    }
    let far = case.first_address().is_some_and(|address| !case.is_own_address(address.ip()));
    let refused = matches!(case.standing(), Standing::Refused(_) | Standing::Untried);
    if far || !refused || case.here().any(|(_, socket)| socket.state.serves()) {
        return Ruling::Silent;
    }
    let udp = case.asked.transport == Transport::Udp;
    let does = if udp { "receives" } else { "listens" };
    let named = words::port(case);
    let named = if udp { named } else { named.to_lowercase() };
    let whose = if case.elsewhere().next().is_some() { "this network namespace" } else { "this machine" };
    let mut evidence = vec![Evidence::new("sock_diag", format!("no socket of {whose} {does} on {named}"))];
    if let Standing::Refused(attempt) = case.standing() {
        evidence.push(words::tried(attempt));
        if words::rose(attempt, "Tcp.OutRsts") > 0 {
            evidence.push(Evidence::new("/proc/net/snmp", "the kernel answered with a reset of its own (Tcp.OutRsts rose)"));
        }
    }
    let mut fixes = Vec::new();
    for mention in kin::mentions(case).take(3) {
        evidence.push(words::mentioned(mention));
        fixes.extend(starter(mention));
    }
    fixes.dedup();
    fixes.push(offer::wait("Start the service, and know when it listens", words::target(case)));
    let nothing = if udp { "Nothing receives" } else { "Nothing listens" };
    // Somebody answered the text's client: that nobody is there now is another matter.
    if case.symptom().is_some_and(Symptom::is_answer) {
        let summary = format!("{nothing} on {named} now; when the text was printed, a server answered.");
        return words::found(CAUSE.code, Likelihood::Possible, summary, evidence, fixes);
    }
    let summary = format!("{nothing} on {named}, at any address.");
    words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes)
}

/// How what a file describes is started.
fn starter(mention: &Mention) -> Option<Remedy> {
    let file = &mention.file;
    Some(match mention.kind {
        MentionKind::Compose => Remedy::change("Start the Compose project", shell!("docker compose -f {} up -d", file)),
        MentionKind::UnitEnabled | MentionKind::UnitDisabled => {
            // A file in a project's folder is no unit of this machine, and a template has no process of its own.
            let unit = Text::from_shown(&unit(mention).filter(|_| is_installed(mention))?);
            let user = file.lossy().contains("/systemd/user/");
            let start = ShellLine::from(if user { "systemctl --user start" } else { "sudo systemctl start" }).operand(unit);
            Remedy::change("Start the unit", start.typeable()?)
        }
        _ => Remedy::advice("Start what this file describes", file.shown(), Effect::Read),
    })
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::Met;

    use super::CAUSE;
    use crate::{
        case::scene::Scene,
        cause::Cases,
        doctor::diagnose,
        fixture::{held, listener},
    };

    pub(crate) fn cases() -> Cases {
        let refused = || Scene::connect("127.0.0.1:3000").tried(Met::Failed(111)).rose(&[("Tcp.OutRsts", 1)]);
        Cases {
            fires: vec![refused(), Scene::connect("127.0.0.1:3000")],
            silent: vec![
                Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000"),
                Scene::on(held(listener("::1", 3000)), "127.0.0.1:3000").tried(Met::Failed(111)),
                Scene::connect("127.0.0.1:3000").tried(Met::Silence),
                Scene::connect("192.168.1.77:3000").tried(Met::Failed(111)),
            ],
        }
    }

    #[test]
    fn the_reset_is_the_second_proof() {
        let scene = cases().fires.remove(0);
        let diagnosis = diagnose(&scene.case());
        assert_eq!(diagnosis.summary.to_string(), "Nothing listens on port 3000, at any address.");
        let sources: Vec<String> = diagnosis.causes[0].evidence.iter().map(|evidence| evidence.source.to_string()).collect();
        assert_eq!(sources, ["sock_diag", "connect(2)", "/proc/net/snmp"]);
        assert_eq!(diagnosis.causes[0].code, CAUSE.code);
    }
}
