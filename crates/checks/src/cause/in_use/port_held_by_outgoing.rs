cause! {
    "port-held-by-outgoing": "an outgoing connection took the port as its source",
    Reading, Bind(run),
    what: "The kernel gives each outgoing connection a source port from its ephemeral range. While that connection lives,
a bind of the port at its address, or at the wildcard, is refused, unless the client had set SO_REUSEADDR,
which clients hardly ever do. An IPv6 connection stands in the way of 0.0.0.0 too.",
    evidence: "A connection whose local port is the one asked for, whose remote end is the listening side; the range from
/proc/sys/net/ipv4/ip_local_port_range.",
    fix: "Use a port outside the ephemeral range, or reserve it with net.ipv4.ip_local_reserved_ports, which keeps
outgoing connections away and still lets a program bind it. Do not stop the client: it only uses the number.",
}

use portward_model::shell;

use crate::{bind::words, cause::prelude::*};

fn run(view: &View<'_>) -> Option<Finding> {
    let (first, all) = words::of_kind(view, Kind::Outgoing)?;
    let summary =
        format!("{} is the source port of an outgoing connection of {}.", words::port(view), words::named(view.snapshot, first));
    let port = view.question.port;
    let mut fixes = vec![words::port_outside_range(view)];
    if view.snapshot.rules.as_ref().is_none_or(|rules| rules.is_ephemeral(port)) {
        fixes.push(Remedy::change(
            "Keep outgoing connections away from it from now on, besides the ports that are reserved already",
            shell!("sudo sysctl -w net.ipv4.ip_local_reserved_ports={}", reserved(view)),
        ));
    }
    fixes.push(words::wait(view));
    let mut cause = words::cause(view, CAUSE.code, &all, summary, fixes);
    if let Some(rules) = view.snapshot.rules.as_ref().filter(|rules| rules.is_ephemeral(port)) {
        cause.evidence.push(Evidence::new(
            "/proc/sys/net/ipv4/ip_local_port_range",
            format!("{port} lies in {}, from which outgoing connections take their ports", rules.ephemeral),
        ));
    }
    Some(cause)
}

/// The setting replaces the whole list, so what is reserved already is repeated.
fn reserved(view: &View<'_>) -> String {
    let known = view.snapshot.rules.iter().flat_map(|rules| &rules.reserved).map(ToString::to_string);
    known.chain([view.question.port.to_string()]).collect::<Vec<_>>().join(",")
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Likelihood, PortRange, Transport};

    use super::run;
    use crate::{
        bind::{BindQuestion, View},
        cause::{Binds, Cases},
        fixture::{connection, held, listener, socket},
    };

    fn asks(address: &str) -> BindQuestion {
        BindQuestion::new(Transport::Tcp, address.parse().unwrap(), 49342)
    }

    pub(crate) fn cases() -> Binds {
        let out = connection("127.0.0.1", 49342, "127.0.0.1", 5432);
        let mut dialling = held(socket(Transport::Tcp, portward_model::SocketState::SynSent, "127.0.0.1", 49342));
        dialling.sockets[0] = portward_model::Socket { state: portward_model::SocketState::SynSent, ..out.clone() };
        let v6 = connection("::1", 49342, "::1", 5432);
        let mut to_listener = held(connection("127.0.0.1", 49342, "127.0.0.1", 50000));
        to_listener.sockets.push(listener("127.0.0.1", 50000));
        Cases {
            fires: vec![
                (held(out.clone()), asks("127.0.0.1")),
                (held(out.clone()), asks("0.0.0.0")),
                (held(v6.clone()), asks("0.0.0.0")),
                (dialling, asks("127.0.0.1")),
                (to_listener, asks("127.0.0.1")),
            ],
            silent: vec![
                (held(out.clone()), asks("127.0.0.2")),
                (held(v6), asks("127.0.0.1")),
                (held(listener("127.0.0.1", 49342)), asks("127.0.0.1")),
                (held(connection("127.0.0.1", 49342, "127.0.0.1", 49342)), asks("127.0.0.1")),
            ],
        }
    }

    #[test]
    fn certain_without_reuse_address_and_likely_with_it() {
        let mut snapshot = held(connection("127.0.0.1", 49342, "127.0.0.1", 5432));
        if let Some(rules) = &mut snapshot.rules {
            rules.reserved = vec![PortRange { first: 3000, last: 3999 }];
        }
        let mut question = asks("127.0.0.1");
        let cause = run(&View::new(&snapshot, &question)).unwrap();
        assert_eq!(cause.likelihood, Likelihood::Likely);
        assert!(cause.remedies.iter().any(|fix| fix.line() == "sudo sysctl -w net.ipv4.ip_local_reserved_ports=3000-3999,49342"));
        assert!(cause.remedies.iter().all(|fix| !fix.line().contains("portward free")));
        question.options.reuse_address = false;
        assert_eq!(run(&View::new(&snapshot, &question)).map(|cause| cause.likelihood), Some(Likelihood::Certain));
    }
}
