cause! {
    "link-local-without-zone": "a link-local address was given without its zone",
    Rule, Bind(run),
    what: "Every interface has link-local addresses of its own (fe80::/10), so such an address, and a multicast group of
link scope, means something only together with an interface, its zone (RFC 4007). A bind without one fails
with EINVAL.",
    evidence: "The address itself, and no zone in the question.",
    fix: "Name the zone: [fe80::1%eth0]:3000.",
}

use crate::{address::needs_zone, cause::prelude::*};

fn run(view: &View<'_>) -> Option<Finding> {
    let Some(IpAddr::V6(address)) = view.address else { return None };
    if view.question.interface != 0 || !needs_zone(address) {
        return None;
    }
    let own =
        view.snapshot.interfaces.iter().find(|interface| {
            !interface.loopback && interface.addresses.iter().any(|found| found.address == IpAddr::V6(address))
        });
    let zone = own.map_or_else(|| "eth0".to_owned(), |interface| interface.name.shown());
    let port = view.question.port;
    let title = if own.is_some() { "Name the zone that has it" } else { "Name the zone, for example eth0" };
    Some(Finding::new(
        CAUSE.code,
        Likelihood::Certain,
        format!("[{address}] belongs to one link and needs a zone, such as [{address}%{zone}]:{port}."),
        vec![Evidence::new("RFC 4007", "a link-local address is unique on one link only, and no zone was given")],
        vec![offer::explain(title, format!("[{address}%{zone}]:{port}"))],
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
            fires: vec![
                (machine(), tcp("fe80::20")),
                (machine(), tcp("fe80::99")),
                (machine(), BindQuestion { transport: Transport::Udp, ..tcp("ff02::fb") }),
            ],
            silent: vec![
                (machine(), BindQuestion { interface: 2, ..tcp("fe80::20") }),
                (machine(), tcp("::1")),
                (machine(), tcp("127.0.0.1")),
                (machine(), BindQuestion { transport: Transport::Udp, ..tcp("ff05::fb") }),
            ],
        }
    }
}
