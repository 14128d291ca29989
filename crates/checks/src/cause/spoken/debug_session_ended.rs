cause! {
    "debug-session-ended": "a debug session is over, and its port with it",
    Said, Endpoint(run),
    what: "\"Disconnected from the target VM, address: '127.0.0.1:62893', transport: 'socket'\" is the last line of a debug
session, not an error. The development environment opened a port for this one run, the program connected to it, and
the program has ended. The port means nothing any more.",
    evidence: "The text itself; nothing listens on the port now, and it lies in the range that is handed out as needed.",
    fix: "Nothing is broken here. Read the lines above it: the exit code and the last exception tell why the program ended.",
}

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    let Some(paste) = case.paste.filter(|_| case.says(CAUSE.code)) else { return Ruling::Silent };
    let mut evidence = vec![words::text_line(paste)];
    if case.asked.port != 0 {
        match case.listeners().next() {
            Some((index, socket)) => evidence.push(words::seen(case, index, socket)),
            None => evidence.push(Evidence::new("sock_diag", format!("nothing listens on port {} now", case.asked.port))),
        }
    }
    let fixes =
        vec![offer::explain("Read the exit code and the exception above that line, and run it again", "debug-session-ended")];
    let summary = "The debugged program has ended, and its debug port ended with it; the port is not the problem.";
    words::found(CAUSE.code, Likelihood::Certain, summary, evidence, fixes)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use crate::{Symptom, case::scene::Scene, cause::Cases};

    pub(crate) fn cases() -> Cases {
        Cases {
            fires: vec![Scene::connect("127.0.0.1:62893").said(
                Symptom::DebuggerEnded,
                Some("debug-session-ended"),
                "Disconnected from the target VM, address: '127.0.0.1:62893', transport: 'socket'",
            )],
            silent: vec![Scene::connect("127.0.0.1:62893")],
        }
    }
}
