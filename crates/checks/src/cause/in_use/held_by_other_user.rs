cause! {
    "held-by-other-user": "another user's process holds the port",
    Reading, Bind(run),
    what: "The socket belongs to another user, and the reader may not see which process holds it. The kernel tells
everyone the socket and its user, and only root and that user the process.",
    evidence: "The uid and inode of the socket from sock_diag; no readable descriptor that refers to it.",
    fix: "Ask again as root to learn the process, and let that user or root stop it.",
}

use crate::{bind::words, cause::prelude::*};

fn run(view: &View<'_>) -> Option<Finding> {
    let (first, all) = words::of_kind(view, Kind::OtherUser)?;
    let summary = format!(
        "{} is held at {} by a process of user {}, which only root can name.",
        words::port(view),
        words::endpoint(view.snapshot, first.socket),
        words::user(view.snapshot, first.socket.uid)
    );
    let target = words::target(view);
    let fixes = vec![
        offer::explain("See the process", &target).behind("sudo "),
        offer::free("Stop what holds it", target).behind("sudo "),
        words::another_port(view),
    ];
    Some(words::cause(view, CAUSE.code, &all, summary, fixes))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Snapshot, Transport};

    use crate::{
        bind::BindQuestion,
        cause::{Binds, Cases},
        fixture::{held, listener, world},
    };

    fn hidden(uid: u32) -> Snapshot {
        let mut socket = listener("0.0.0.0", 8080);
        socket.uid = uid;
        let mut snapshot = world(vec![socket], Vec::new(), Vec::new());
        snapshot.host.privileged = false;
        snapshot
    }

    pub(crate) fn cases() -> Binds {
        let question = BindQuestion::new(Transport::Tcp, "0.0.0.0".parse().unwrap(), 8080);
        Cases {
            fires: vec![(hidden(33), question.clone()), (hidden(4_000_000), question.clone())],
            silent: vec![(hidden(1000), question.clone()), (held(listener("0.0.0.0", 8080)), question)],
        }
    }
}
