cause! {
    "port-held-by-connection": "a connection of an ended server still holds the port",
    Reading, Bind(run),
    what: "The server no longer listens, and a connection that it accepted is still open: in a worker that outlived it,
or half closed. Such a connection keeps the port unless it and the new socket both set SO_REUSEADDR; what a
server accepts inherits the option from the listener.",
    evidence: "The connection and its state from sock_diag, and no listener at the port.",
    fix: "End the process that keeps the connection, or restart with SO_REUSEADDR set in both the old and the new
server.",
}

use crate::{bind::words, cause::prelude::*};

fn run(view: &View<'_>) -> Option<Finding> {
    let (first, all) = words::of_kind(view, Kind::Connection)?;
    let count = if all.len() == 1 { "a connection".to_owned() } else { format!("{} connections", all.len()) };
    let unless = if view.question.options.reuse_address || view.question.options.reuse_port {
        "; a bind is refused unless the old server set SO_REUSEADDR too, which was not seen"
    } else {
        ""
    };
    let summary = format!(
        "{} is still held by {count} of {}, though nothing listens on it{unless}.",
        words::port(view),
        words::named(view.snapshot, first)
    );
    let mut fixes = words::holder_fixes(view, first);
    // What no process holds ends by itself; what one holds may stay for ever.
    let at = if words::holder(view.snapshot, first.index).is_some() { fixes.len() } else { 0 };
    fixes.insert(at, words::wait(view));
    Some(words::cause(view, CAUSE.code, &all, summary, fixes))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{SocketState, Transport};

    use crate::{
        bind::BindQuestion,
        cause::{Binds, Cases},
        fixture::{connection, held, listener},
    };

    pub(crate) fn cases() -> Binds {
        let question = BindQuestion::new(Transport::Tcp, "127.0.0.1".parse().unwrap(), 3000);
        let left = connection("127.0.0.1", 3000, "127.0.0.1", 40000);
        let mut half = left.clone();
        half.state = SocketState::CloseWait;
        let mut forming = left.clone();
        forming.state = SocketState::SynRecv;
        let mut served = held(listener("127.0.0.1", 3000));
        served.sockets.push(left.clone());
        Cases {
            fires: vec![(held(left.clone()), question.clone()), (held(half), question.clone())],
            silent: vec![
                (served, question.clone()),
                (held(forming), question.clone()),
                (held(connection("127.0.0.2", 3000, "127.0.0.1", 40000)), question),
            ],
        }
    }
}
