cause! {
    "multicast-over-tcp": "a TCP socket cannot be bound to an IPv6 multicast address",
    Rule, Bind(run),
    what: "Multicast carries datagrams; the kernel refuses to bind a stream socket to an IPv6 multicast address with
EINVAL (`__inet6_bind`). It accepts an IPv4 one, though no client can ever connect to it.",
    evidence: "The address itself (ff00::/8, RFC 4291) and the transport.",
    fix: "Use UDP, or bind a unicast address.",
}

use crate::cause::prelude::*;

fn run(view: &View<'_>) -> Option<Finding> {
    let Some(IpAddr::V6(address)) = view.address else { return None };
    if !address.is_multicast() || view.question.transport != Transport::Tcp {
        return None;
    }
    let port = view.question.port;
    Some(Finding::new(
        CAUSE.code,
        Likelihood::Certain,
        format!("[{address}] is a multicast address, and TCP has no multicast."),
        vec![Evidence::new("bind(2)", "a stream socket and an address in ff00::/8 give EINVAL")],
        vec![offer::explain("Ask about UDP", format!("udp/[{address}]:{port}"))],
    ))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::Transport;

    use crate::{
        bind::BindQuestion,
        cause::{Binds, Cases},
        fixture::machine,
    };

    pub(crate) fn cases() -> Binds {
        let tcp = |address: &str| BindQuestion::new(Transport::Tcp, address.parse().unwrap(), 3000);
        Cases {
            fires: vec![(machine(), tcp("ff05::1"))],
            silent: vec![
                (machine(), BindQuestion { transport: Transport::Udp, ..tcp("ff05::1") }),
                (machine(), tcp("224.0.0.1")),
                (machine(), tcp("::1")),
            ],
        }
    }
}
