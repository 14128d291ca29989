//! A socket is bound to the port and does not listen.

use portward_model::Finding;

use super::{Check, View, conflict::Kind, words};
use crate::offer;

pub(crate) const CHECK: Check = Check {
    code: "bound-not-listening",
    summary: "a socket is bound to the port and does not listen",
    doc: DOC,
    run,
    #[cfg(test)]
    cases: tests::cases,
};

const DOC: &str = "\
## What it is

A program bound the port and never called listen(2), or has not yet. Clients are refused, and so is a second
bind. No table under /proc/net shows such a socket, and neither do the usual tools.

## Evidence

sock_diag with the bound-inactive state (Linux 6.8 and later), or the descriptor itself.

## Fix

Let the program listen, or restart it. When both sockets set SO_REUSEADDR the second bind succeeds, and the
first to listen wins.

";

fn run(view: &View<'_>) -> Option<Finding> {
    let (first, all) = words::of_kind(view, Kind::Silent)?;
    let unless = if view.question.options.reuse_address || view.question.options.reuse_port {
        "; a second bind is refused unless it set SO_REUSEADDR too, which was not seen"
    } else {
        ""
    };
    let summary =
        format!("{} is bound by {}, which does not listen on it{unless}.", words::port(view), words::named(view.snapshot, first));
    let mut fixes = words::holder_fixes(view, first);
    fixes.push(offer::explain("See what the program waits for", words::target(view)));
    Some(words::cause(view, CHECK.code, &all, summary, fixes))
}

#[cfg(test)]
mod tests {
    use portward_model::{Likelihood, SocketState, Transport};

    use super::run;
    use crate::{
        bind::{BindQuestion, Cases, View},
        fixture::{held, listener, socket},
    };

    fn asks() -> BindQuestion {
        BindQuestion::new(Transport::Tcp, "127.0.0.1".parse().unwrap(), 4000)
    }

    pub(crate) fn cases() -> Cases {
        let silent = socket(Transport::Tcp, SocketState::Bound, "127.0.0.1", 4000);
        let udp = socket(Transport::Udp, SocketState::Bound, "127.0.0.1", 4000);
        Cases {
            fires: vec![(held(silent), asks())],
            silent: vec![
                (held(listener("127.0.0.1", 4000)), asks()),
                (held(socket(Transport::Tcp, SocketState::Bound, "127.0.0.2", 4000)), asks()),
                (held(udp), BindQuestion { transport: Transport::Udp, ..asks() }),
            ],
        }
    }

    #[test]
    fn without_reuse_address_it_is_certain() {
        let snapshot = held(socket(Transport::Tcp, SocketState::Bound, "127.0.0.1", 4000));
        let mut question = asks();
        assert_eq!(run(&View::new(&snapshot, &question)).map(|cause| cause.likelihood), Some(Likelihood::Possible));
        question.options.reuse_address = false;
        assert_eq!(run(&View::new(&snapshot, &question)).map(|cause| cause.likelihood), Some(Likelihood::Certain));
    }
}
