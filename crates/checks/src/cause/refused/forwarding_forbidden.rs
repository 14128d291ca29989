cause! {
    "forwarding-forbidden": "the far end forbids the forwarding",
    Said, Event(run),
    what: "The SSH server refuses to open the connection, or the listener, that the tunnel asks for (RFC 4254 sections 5.1 and 7): its
configuration has AllowTcpForwarding no, DisableForwarding, PermitOpen or PermitListen without this port, or the key is restricted in
authorized_keys. A port of the far end may also be taken already. The tunnel's own port here stands and is not at fault.",
    evidence: "The tunnel's own words.",
    fix: "Ask for the forwarding in sshd_config or authorized_keys of the far end; choose another port there, or end the old tunnel.",
}

use crate::{Vantage, cause::prelude::*};

fn run(case: &Case<'_>) -> Ruling {
    let Some(paste) = case.paste.filter(|paste| paste.vantage == Some(Vantage::FarEnd)) else { return Ruling::Silent };
    let line = paste.line.lossy().to_ascii_lowercase();
    let listens = line.contains("remote port forwarding failed");
    if !listens && !FORBIDDEN.iter().any(|words| line.contains(words)) {
        return Ruling::Silent;
    }
    let port = paste.port.map(|port| format!(" port {port}")).unwrap_or_default();
    let summary = if listens {
        format!(
            "The far end does not let the tunnel listen on{port}: it is taken there, or its configuration forbids it.",
            port = if port.is_empty() { " its port".to_owned() } else { port }
        )
    } else {
        "The SSH server forbids what the tunnel asks for: its configuration, or the key's, does not allow this forwarding."
            .to_owned()
    };
    let mut fixes = vec![Remedy::look(
        "See what the far end allows (as root there)",
        "sshd -T | grep -iE 'forwarding|permitopen|permitlisten|gatewayports'",
    )];
    if listens {
        fixes.insert(0, Remedy::look("See who has the port there", "ssh SERVER ss -tlnp"));
    }
    words::found(CAUSE.code, Likelihood::Likely, summary, vec![words::text_line(paste)], fixes)
}

const FORBIDDEN: &[&str] =
    &["administratively prohibited", "forwarding disabled", "forwarding is disabled", "not permitted", "permission denied"];

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use crate::{Symptom, Vantage, case::scene::Scene, cause::Cases};

    pub(crate) fn cases() -> Cases {
        let told = |line: &str| {
            Scene::nowhere()
                .said(Symptom::NotPermitted, None, line)
                .but(|scene| scene.paste.as_mut().unwrap().vantage = Some(Vantage::FarEnd))
        };
        Cases {
            fires: vec![
                told("channel 3: open failed: administratively prohibited: open failed"),
                told("Warning: remote port forwarding failed for listen port 8080"),
            ],
            silent: vec![told("channel 2: open failed: connect failed: Connection refused"), Scene::connect("127.0.0.1:3000")],
        }
    }
}
