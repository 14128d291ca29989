cause! {
    "debug-port-probed": "something that is no debugger connected to a debug port",
    Said, Endpoint(run),
    what: "A debugger's listener expects the first bytes of its own protocol. A port checker, a health check, a browser or a
scanner connected instead and closed, or sent HTTP. A JVM goes on listening; a development environment's one-shot
listener gives up, and the session is lost.",
    evidence: "The text: the handshake was closed before its time, or other bytes than JDWP-Handshake came.",
    fix: "Let nothing but the debugger connect there: take the port out of health checks and port scans.",
}

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let Some(paste) = case.paste else { return Ruling::Silent };
    let line = paste.line.lossy();
    let closed = line.contains("handshake failed - connection prematurally closed");
    let other = line.contains("handshake failed - received >");
    if !closed && !other {
        return Ruling::Silent;
    }
    let mut evidence = vec![Evidence::new(format!("line {} of the text", paste.line_number), line.into_owned())];
    if case.asked.port != 0 {
        match case.listeners().next() {
            Some((index, socket)) => evidence.push(words::seen(case, index, socket)),
            None => evidence.push(Evidence::new("sock_diag", format!("nothing listens on port {} now", case.asked.port))),
        }
    }
    let lost = case.asked.port != 0 && case.listeners().next().is_none();
    let first = if lost { "Start the debug session again" } else { "Attach the debugger now; the port still listens" };
    let fixes = vec![
        offer::explain(first, CAUSE.code),
        Remedy::advice("Take the port out of health checks and port scans", "see what connects: ss -tnp", Effect::Read),
    ];
    let what = if other { "sent other bytes than a debugger's" } else { "closed without a word" };
    let summary = format!("A debug port was touched by something that is no debugger: it connected and {what}.");
    words::found(CAUSE.code, Likelihood::Likely, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use crate::{
        Symptom,
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener},
    };

    pub(crate) fn cases() -> Cases {
        let closed = "Debugger failed to attach: handshake failed - connection prematurally closed";
        let other = "handshake failed - received >GET / HTTP/1.0< - expected >JDWP-Handshake<";
        let session = "Disconnected from the target VM, address: '127.0.0.1:62893', transport: 'socket'";
        Cases {
            fires: vec![
                Scene::connect("127.0.0.1:62893").said(Symptom::DebuggerFailed, None, closed),
                Scene::on(held(listener("127.0.0.1", 5005)), "127.0.0.1:5005").said(
                    Symptom::WrongProtocol,
                    Some("wrong-protocol"),
                    other,
                ),
            ],
            silent: vec![
                Scene::connect("127.0.0.1:62893"),
                Scene::connect("127.0.0.1:62893").said(Symptom::DebuggerEnded, Some("debug-session-ended"), session),
            ],
        }
    }
}
