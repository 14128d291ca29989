cause! {
    "self-connect": "a client is connected to itself and so holds the port",
    Reading, Bind(run),
    what: "A client that keeps dialling a local port where nothing listens can be given that very port as its source, and
TCP then connects it to itself (simultaneous open, RFC 9293 section 3.5). It looks like a server that echoes,
and the real server cannot bind.",
    evidence: "A connection whose local and remote ends are the same.",
    fix: "Stop the client that retries; move the service out of the ephemeral range; let clients check for themselves
after connect.",
}

use crate::{bind::words, cause::prelude::*};

fn run(view: &View<'_>) -> Option<Finding> {
    let (first, all) = words::of_kind(view, Kind::SelfConnect)?;
    let summary = format!(
        "{} is held by {}, which dialled it while nothing listened and is connected to itself.",
        words::port(view),
        words::named(view.snapshot, first)
    );
    let mut fixes = words::holder_fixes(view, first);
    fixes.insert(1.min(fixes.len()), words::port_outside_range(view));
    fixes.push(words::wait(view));
    Some(words::cause(view, CAUSE.code, &all, summary, fixes))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::Transport;

    use crate::{
        bind::BindQuestion,
        cause::{Binds, Cases},
        fixture::{connection, held},
    };

    pub(crate) fn cases() -> Binds {
        let question = BindQuestion::new(Transport::Tcp, "127.0.0.1".parse().unwrap(), 40000);
        Cases {
            fires: vec![(held(connection("127.0.0.1", 40000, "127.0.0.1", 40000)), question.clone())],
            silent: vec![
                (held(connection("127.0.0.1", 40000, "127.0.0.2", 40000)), question.clone()),
                (held(connection("127.0.0.1", 40000, "127.0.0.1", 5432)), question),
            ],
        }
    }
}
