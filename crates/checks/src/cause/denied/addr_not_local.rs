cause! {
    "addr-not-local": "no interface has the address",
    Absence, Bind(run),
    what: "A program can bind an address of this machine only, and gets EADDRNOTAVAIL for any other. The whole of
127.0.0.0/8 is local where lo has 127.0.0.1/8; an IPv6 address must be on an interface, one by one.
net.ipv4.ip_nonlocal_bind lifts the rule for IPv4.",
    evidence: "The addresses of every interface (RTM_GETADDR), and the setting.",
    fix: "Bind 0.0.0.0, [::] or an address that an interface has; bring up the VPN or interface that has the address.",
}

use portward_model::Interface;

use crate::{bind::words, cause::prelude::*};

fn run(view: &View<'_>) -> Option<Finding> {
    let address = unmap(view.address?);
    match AddressClass::of(address) {
        AddressClass::Wildcard | AddressClass::Multicast | AddressClass::Broadcast | AddressClass::Unix => return None,
        AddressClass::Loopback if view.snapshot.interfaces.is_empty() => return None,
        AddressClass::Loopback
        | AddressClass::Private
        | AddressClass::LinkLocal
        | AddressClass::Shared
        | AddressClass::Documentation
        | AddressClass::Global => {}
    }
    let interfaces = &view.snapshot.interfaces;
    if interfaces.iter().any(|interface| has(interface, address)) {
        return None;
    }
    let nonlocal = view.snapshot.rules.as_ref().map(|rules| rules.nonlocal_bind);
    let likelihood = match address {
        _ if interfaces.is_empty() => Likelihood::Possible,
        IpAddr::V4(_) if nonlocal == Some(true) => return None,
        // A namespace that never had an IPv4 address has no local table yet, and refuses nothing.
        IpAddr::V4(_) if interfaces.iter().flat_map(|interface| &interface.addresses).all(|found| found.address.is_ipv6()) => {
            Likelihood::Possible
        }
        IpAddr::V4(_) if nonlocal == Some(false) => Likelihood::Certain,
        // IPv6 has a setting of its own, net.ipv6.ip_nonlocal_bind, which is not read.
        IpAddr::V4(_) | IpAddr::V6(_) => Likelihood::Likely,
    };
    let (summary, fact) = if interfaces.is_empty() {
        let summary = format!("Address {address} may be none of this machine's: its interfaces could not be read.");
        (summary, "the interfaces could not be read".to_owned())
    } else {
        (format!("Address {address} is none of this machine's."), format!("the interfaces have {}", listed(interfaces)))
    };
    let any = if address.is_ipv4() { "0.0.0.0" } else { "[::]" };
    Some(Finding::new(
        CAUSE.code,
        likelihood,
        summary,
        vec![Evidence::new("RTM_GETADDR", fact)],
        vec![
            Remedy::look("See the addresses that can be bound", "ip address show"),
            offer::explain(format!("Bind {any} instead"), format!("{any}:{}", words::target(view).trim_start_matches("udp/"))),
        ],
    ))
}

/// True when the kernel counts the address as one of its own for this interface: the address itself, the
/// whole network of a loopback interface, or the broadcast address of an IPv4 network that is up
/// (`fib_add_ifaddr`).
fn has(interface: &Interface, address: IpAddr) -> bool {
    interface.addresses.iter().any(|found| match (found.address, address) {
        (IpAddr::V4(own), IpAddr::V4(asked)) => {
            let host_bits = u32::MAX.checked_shr(u32::from(found.prefix)).unwrap_or(0);
            let same_network = u32::from(own) & !host_bits == u32::from(asked) & !host_bits;
            let broadcast = interface.up && found.prefix < 31 && u32::from(asked) == u32::from(own) | host_bits;
            own == asked || (interface.loopback && same_network) || broadcast
        }
        (own, asked) => own == asked,
    })
}

fn listed(interfaces: &[Interface]) -> String {
    let all: Vec<String> =
        interfaces.iter().flat_map(|interface| &interface.addresses).map(|found| found.address.to_string()).collect();
    if all.is_empty() {
        return "no address".to_owned();
    }
    let shown = all.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if all.len() > SHOWN { format!("{shown} and {} more", all.len() - SHOWN) } else { shown }
}

/// Addresses that are listed as evidence.
const SHOWN: usize = 8;

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Likelihood, Snapshot, Transport};

    use super::run;
    use crate::{
        bind::{BindQuestion, View},
        cause::{Binds, Cases},
        fixture::machine,
    };

    fn asks(address: &str) -> BindQuestion {
        BindQuestion::new(Transport::Tcp, address.parse().unwrap(), 8080)
    }

    fn nonlocal() -> Snapshot {
        let mut snapshot = machine();
        if let Some(rules) = &mut snapshot.rules {
            rules.nonlocal_bind = true;
        }
        snapshot
    }

    fn blind() -> Snapshot {
        Snapshot { interfaces: Vec::new(), ..machine() }
    }

    pub(crate) fn cases() -> Binds {
        let mut bare = machine();
        bare.interfaces[0].addresses.clear();
        Cases {
            fires: vec![
                (machine(), asks("8.8.8.8")),
                (machine(), asks("192.168.1.21")),
                (machine(), asks("fd00::9")),
                (machine(), asks("::ffff:8.8.8.8")),
                (nonlocal(), asks("fd00::9")),
                (blind(), asks("10.0.0.1")),
                (bare.clone(), asks("127.0.0.1")),
                (bare, asks("::1")),
            ],
            silent: vec![
                (machine(), asks("127.0.0.1")),
                (machine(), asks("127.9.9.9")),
                (machine(), asks("::1")),
                (machine(), asks("0.0.0.0")),
                (machine(), asks("::")),
                (machine(), asks("192.168.1.20")),
                (machine(), asks("192.168.1.255")),
                (machine(), asks("::ffff:192.168.1.20")),
                (machine(), asks("224.0.0.1")),
                (nonlocal(), asks("8.8.8.8")),
                (blind(), asks("127.0.0.1")),
                (machine(), BindQuestion::any(Transport::Tcp, 8080)),
            ],
        }
    }

    #[test]
    fn how_sure_it_is() {
        let told = |snapshot: &Snapshot, address: &str| run(&View::new(snapshot, &asks(address))).map(|cause| cause.likelihood);
        assert_eq!(told(&machine(), "8.8.8.8"), Some(Likelihood::Certain));
        assert_eq!(told(&machine(), "fd00::9"), Some(Likelihood::Likely));
        assert_eq!(told(&blind(), "10.0.0.1"), Some(Likelihood::Possible));
        let mut fresh = machine();
        fresh.interfaces.retain(|interface| interface.loopback);
        fresh.interfaces[0].addresses.clear();
        assert_eq!(told(&fresh, "127.0.0.1"), Some(Likelihood::Possible));
    }
}
