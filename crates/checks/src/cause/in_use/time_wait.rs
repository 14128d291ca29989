cause! {
    "time-wait": "closed connections of the port are still remembered",
    Reading, Bind(run),
    what: "The side that closes a TCP connection first keeps it in TIME-WAIT for a minute against late packets (RFC 9293
section 3.3.2). Until then the port is refused, unless the old socket and the new one both set SO_REUSEADDR:
setting it in the new server only does not help the first restart.",
    evidence: "Sockets in TIME-WAIT with this local port from sock_diag, and no listener.",
    fix: "Wait up to 60 s; set SO_REUSEADDR in the server from now on; as root the entries can be removed.",
}

use portward_model::shell;

use crate::{bind::words, cause::prelude::*};

fn run(view: &View<'_>) -> Option<Finding> {
    let (_, all) = words::of_kind(view, Kind::TimeWait)?;
    let count = if all.len() == 1 { "1 closed connection".to_owned() } else { format!("{} closed connections", all.len()) };
    let unless = if view.question.options.reuse_address || view.question.options.reuse_port {
        "; a bind is refused only if the server that ended had not set SO_REUSEADDR, which was not seen"
    } else {
        "; a bind without SO_REUSEADDR is refused"
    };
    let summary = format!("{} is kept for at most 60 s by {count} in TIME-WAIT{unless}.", words::port(view));
    let port = view.question.port;
    let fixes =
        vec![words::wait(view), Remedy::end("Remove them as root", shell!("sudo ss -K state time-wait 'sport = :{}'", port))];
    Some(words::cause(view, CAUSE.code, &all, summary, fixes))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Likelihood, Socket, SocketState, Transport};

    use super::run;
    use crate::{
        bind::{BindQuestion, View},
        cause::{Binds, Cases},
        fixture::{connection, listener, world},
    };

    fn asks(address: &str) -> BindQuestion {
        BindQuestion::new(Transport::Tcp, address.parse().unwrap(), 3000)
    }

    fn remembered() -> Socket {
        Socket { state: SocketState::TimeWait, inode: 0, ..connection("127.0.0.1", 3000, "127.0.0.1", 40000) }
    }

    pub(crate) fn cases() -> Binds {
        Cases {
            fires: vec![
                (world(vec![remembered()], Vec::new(), Vec::new()), asks("127.0.0.1")),
                (world(vec![remembered(), remembered()], Vec::new(), Vec::new()), asks("0.0.0.0")),
            ],
            silent: vec![
                (world(vec![remembered()], Vec::new(), Vec::new()), asks("127.0.0.2")),
                (world(vec![remembered(), listener("127.0.0.1", 3000)], Vec::new(), Vec::new()), asks("127.0.0.1")),
            ],
        }
    }

    #[test]
    fn the_answer_depends_on_the_options_of_both() {
        let snapshot = world(vec![remembered()], Vec::new(), Vec::new());
        let mut question = asks("127.0.0.1");
        let answer = crate::bind(&snapshot, &question);
        assert_eq!((answer.possible(), answer.sentence()), (None, "A bind may be refused."));
        question.options.reuse_address = false;
        let cause = run(&View::new(&snapshot, &question)).unwrap();
        assert_eq!(cause.likelihood, Likelihood::Certain);
        assert_eq!(cause.evidence[0].fact.to_string(), "127.0.0.1:3000 TIME_WAIT to 127.0.0.1:40000, held by the kernel alone");
    }
}
