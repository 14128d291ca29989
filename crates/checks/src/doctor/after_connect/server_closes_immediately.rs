//! The server closes every connection at once.

use portward_model::{Effect, Ended, Evidence, Fix, Likelihood, Said};

use crate::doctor::{Case, Check, Ruling, Standing, words};

pub(super) const CHECK: Check = Check {
    code: "server-closes-immediately",
    summary: "the server closes every connection without a word",
    doc: DOC,
    covers: &[],
    run,
    #[cfg(test)]
    cases: tests::cases,
};

const DOC: &str = "\
## What it is

The server accepts and closes at once, without an answer: an allow-list that refuses this client, a full house, a worker that
fails as it starts. Clients report an empty reply; one that has already sent its request reads a reset
instead, because closing with unread data sends one.

## Evidence

The handshake was completed; then came an end (FIN) or a reset before a single byte.

## Fix

Read the server's own log for the moment of the connection.

";

fn run(case: &Case<'_>) -> Ruling {
    if !case.connects() {
        return Ruling::Silent;
    }
    let Standing::Connected(attempt) = case.standing() else { return Ruling::Silent };
    let Some(exchange) = &attempt.exchange else { return Ruling::Silent };
    if !exchange.heard.raw().is_empty() {
        return Ruling::Out(format!("it sent {} bytes", exchange.heard.raw().len()));
    }
    // An end after a question may be the answer to the question; only one before any word is this.
    if exchange.said != Said::Nothing || exchange.ended != Ended::Closed {
        return Ruling::Silent;
    }
    let served = case.served();
    let Some((index, socket)) = served.first() else { return Ruling::Silent };
    let evidence = vec![
        words::tried(attempt),
        Evidence::new("read(2)", format!("the server closed after {} ms without a byte", exchange.first_ms)),
    ];
    let who = words::who(case, *index, socket);
    let fixes =
        vec![Fix::new("Find its log and its supervisor", format!("portward explain {}", words::target(case)), Effect::Read)];
    words::found(CHECK.code, Likelihood::Likely, format!("{who} accepts connections and closes them at once."), evidence, fixes)
}

#[cfg(test)]
mod tests {
    use portward_model::{Ended, Said};

    use crate::{
        doctor::{Cases, scene::Scene},
        fixture::{held, listener},
    };

    pub(crate) fn cases() -> Cases {
        let scene = || Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000");
        Cases {
            fires: vec![scene().talked(Said::Nothing, b"", Ended::Closed)],
            silent: vec![
                scene().talked(Said::Http, b"HTTP/1.1 200 OK\r\n\r\n", Ended::Enough),
                scene().talked(Said::Nothing, b"SSH-2.0-x\r\n", Ended::Enough),
            ],
        }
    }
}
