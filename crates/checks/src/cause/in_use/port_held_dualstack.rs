cause! {
    "port-held-dualstack": "a listener of the other family takes the port too",
    Reading, Bind(run),
    what: "An IPv6 socket on [::] that is not IPv6 only takes IPv4 as well, so a bind of 0.0.0.0 or of any IPv4 address
at its port is refused, and the other way round. The IPv4 tables show nothing: the socket is an IPv6 one.",
    evidence: "The family, address and IPV6_V6ONLY flag of the socket from sock_diag.",
    fix: "Stop the holder, let one side be IPv6 only (IPV6_V6ONLY, ipv6(7)), or drop the second listen where one program
asks for both.",
}

use crate::{bind::words, cause::prelude::*};

fn run(view: &View<'_>) -> Option<Finding> {
    let (first, all) = words::of_kind(view, Kind::DualStack)?;
    let held = words::endpoint(view.snapshot, first.socket);
    let both = if first.socket.serves_ipv4() && first.socket.serves_ipv6() { ", for IPv6 and IPv4 alike" } else { "" };
    let summary = format!(
        "{} is held at {held}{both} by {}, and {} overlaps it.",
        words::port(view),
        words::named(view.snapshot, first),
        view.asked()
    );
    let mut cause = words::cause(view, CAUSE.code, &all, summary, words::holder_fixes(view, first));
    let flag = match first.socket.v6_only {
        Some(true) => "IPV6_V6ONLY is 1",
        Some(false) => "IPV6_V6ONLY is 0: the socket takes IPv4 too",
        None => "IPV6_V6ONLY was not told, or the socket is an IPv4 one",
    };
    cause.evidence.push(Evidence::new("sock_diag", flag));
    Some(cause)
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Likelihood, Transport};

    use super::run;
    use crate::{
        bind::{BindQuestion, View},
        cause::{Binds, Cases},
        fixture::{held, listener},
    };

    fn asks(address: &str, v6_only: Option<bool>) -> BindQuestion {
        BindQuestion { v6_only, ..BindQuestion::new(Transport::Tcp, address.parse().unwrap(), 8080) }
    }

    pub(crate) fn cases() -> Binds {
        let mut only = listener("::", 8080);
        only.v6_only = Some(true);
        Cases {
            fires: vec![
                (held(listener("::", 8080)), asks("0.0.0.0", None)),
                (held(listener("::", 8080)), asks("127.0.0.1", None)),
                (held(listener("0.0.0.0", 8080)), asks("::", Some(false))),
                (held(listener("::ffff:127.0.0.1", 8080)), asks("127.0.0.1", None)),
            ],
            silent: vec![
                (held(only), asks("0.0.0.0", None)),
                (held(listener("::", 8080)), asks("::1", None)),
                (held(listener("::1", 8080)), asks("0.0.0.0", None)),
                (held(listener("0.0.0.0", 8080)), asks("::", Some(true))),
            ],
        }
    }

    #[test]
    fn an_untold_flag_makes_it_likely_only() {
        let mut socket = listener("::", 8080);
        socket.v6_only = None;
        let snapshot = held(socket);
        let cause = run(&View::new(&snapshot, &asks("0.0.0.0", None))).unwrap();
        assert_eq!(cause.likelihood, Likelihood::Likely);
        assert!(cause.summary.to_string().starts_with("Port 8080 is held at [::]:8080"), "{}", cause.summary);
    }
}
