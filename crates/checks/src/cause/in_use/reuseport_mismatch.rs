cause! {
    "reuseport-mismatch": "the port is shared by another user only",
    Reading, Bind(run),
    what: "SO_REUSEPORT lets several sockets share a port, but only sockets of one user: the first one's (socket(7)). The
port is held by another user, so setting the option does not help.",
    evidence: "The uid of the socket from sock_diag and the reader's own.",
    fix: "Run as the same user, stop the holder, or take another port.",
}

use crate::{bind::words, cause::prelude::*};

fn run(view: &View<'_>) -> Option<Finding> {
    let (first, all) = words::of_kind(view, Kind::OtherUsersGroup)?;
    let summary = format!(
        "{} is held by user {}, and SO_REUSEPORT shares a port among sockets of one user only.",
        words::port(view),
        words::user(view.snapshot, first.socket.uid)
    );
    let fixes = vec![offer::free("Stop what holds it", words::target(view)).behind("sudo "), words::another_port(view)];
    Some(words::cause(view, CAUSE.code, &all, summary, fixes))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::Transport;

    use crate::{
        bind::BindQuestion,
        cause::{Binds, Cases},
        fixture::{held, listener},
    };

    pub(crate) fn cases() -> Binds {
        let mut shares = BindQuestion::new(Transport::Tcp, "0.0.0.0".parse().unwrap(), 8080);
        let plain = shares.clone();
        shares.options.reuse_port = true;
        let mut other = listener("0.0.0.0", 8080);
        other.uid = 33;
        Cases {
            fires: vec![(held(other.clone()), shares.clone())],
            silent: vec![(held(other), plain), (held(listener("0.0.0.0", 8080)), shares)],
        }
    }
}
