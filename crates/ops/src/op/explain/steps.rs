//! How data gets there: bind, listen, connect, route, accept, each with what is true of it now.

use std::net::{IpAddr, Ipv6Addr};

use portward_model::{AddressClass, Family, Queue, Route, Socket, SocketName, SocketState, Text, Transport};

use crate::{
    Step, View,
    target::{Target, endpoint_words, holder_words},
};

/// A socket that binds as asked, for reasoning about one that does not exist yet.
pub(super) fn imagined(target: &Target) -> Option<Socket> {
    let local = match target.addresses.first() {
        Some(address) => *address,
        None if target.path().is_none() => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        None => return None,
    };
    let transport = target.endpoint.transport;
    Some(Socket {
        transport,
        state: if transport == Transport::Udp { SocketState::Bound } else { SocketState::Listen },
        family: if local.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 },
        v6_only: local.is_ipv6().then_some(false),
        netns: 0,
        interface: 0,
        uid: 0,
        queue: Queue::default(),
        inode: 0,
        cookie: 0,
        cgroup: 0,
        traffic: None,
        name: SocketName::Inet { local, port: target.endpoint.port, remote: local, remote_port: 0 },
    })
}

pub(super) fn steps(
    view: &View,
    target: &Target,
    chosen: &[usize],
    route: Option<&Route>,
    clients: usize,
    elsewhere: bool,
) -> Vec<Step> {
    if elsewhere {
        let there = || "on that machine, which cannot be seen from here".to_owned();
        let serves = step(format!("a server binds {} there", target.endpoint), there(), None);
        let takes = step("its kernel completes the handshake, and the server accepts the connection", there(), None);
        let is_tcp = target.endpoint.transport == Transport::Tcp;
        return [serves, source(view), hop(view, target, route)].into_iter().chain(is_tcp.then_some(takes)).collect();
    }
    if let Some(path) = target.path() {
        return unix(view, path, chosen);
    }
    if target.endpoint.transport == Transport::Udp {
        return vec![bind(view, target, chosen, "receives"), source(view), hop(view, target, route)];
    }
    vec![bind(view, target, chosen, "listens"), source(view), hop(view, target, route), accept(view, chosen, clients)]
}

fn step(text: impl Into<String>, now: impl Into<String>, holds: Option<bool>) -> Step {
    Step { text: text.into(), now: now.into(), holds }
}

fn bind(view: &View, target: &Target, chosen: &[usize], verb: &str) -> Step {
    let text = format!("a server binds {} and {verb}", target.endpoint);
    match chosen.first().and_then(|index| Some((index, view.snapshot.sockets.get(*index)?))) {
        Some((index, socket)) if socket.state == SocketState::Bound && socket.transport == Transport::Tcp => {
            step(text, format!("bound by {}, but it never called listen", holder_words(view, *index)), Some(false))
        }
        Some((index, socket)) => step(text, format!("{} at {}", holder_words(view, *index), endpoint_words(socket)), Some(true)),
        None => step(text, "not yet", Some(false)),
    }
}

fn source(view: &View) -> Step {
    let text = "a client connects; the kernel picks its source port".to_owned();
    match &view.snapshot.rules {
        Some(rules) => {
            let reserved: Vec<String> = rules.reserved.iter().map(ToString::to_string).collect();
            let without =
                if reserved.is_empty() { String::new() } else { format!(", without the reserved {}", reserved.join(", ")) };
            step(text, format!("from {}{without}", rules.ephemeral), Some(true))
        }
        None => step(text, "the range could not be read", None),
    }
}

fn hop(view: &View, target: &Target, route: Option<&Route>) -> Step {
    let address = target.dialled().first().map(std::net::SocketAddr::ip);
    let class = address.map(AddressClass::of);
    let text = match class {
        Some(AddressClass::Loopback) => "the packet goes to the loopback device and turns round inside the kernel".to_owned(),
        _ => "the kernel looks up the route".to_owned(),
    };
    let lo_down = view.snapshot.interfaces.iter().any(|interface| interface.loopback && !interface.up);
    if class == Some(AddressClass::Loopback) && lo_down {
        return step(text, "the loopback device is down: every connection is refused as unreachable", Some(false));
    }
    let network = match class {
        Some(AddressClass::Loopback) if address.is_some_and(|address| address.is_ipv4()) => "127.0.0.0/8".to_owned(),
        _ => address.map(|address| address.to_string()).unwrap_or_default(),
    };
    let device = |route: &Route| route.interface.as_ref().map_or_else(|| "lo".to_owned(), Text::shown);
    match route {
        Some(route) if route.local => step(text, format!("route: local {network} dev {}", device(route)), Some(true)),
        Some(route) => {
            let gateway = route.gateway.map(|gateway| format!(" via {gateway}")).unwrap_or_default();
            step(text, format!("route: {network}{gateway} dev {}: it leaves this machine", device(route)), Some(true))
        }
        None if class == Some(AddressClass::Wildcard) => {
            step(text, "a wildcard is for binding; Linux sends a connect to it to this machine's loopback", Some(true))
        }
        None => step(text, "no route could be read", None),
    }
}

fn accept(view: &View, chosen: &[usize], clients: usize) -> Step {
    let text = "the kernel completes the handshake and queues the connection; the server accepts it".to_owned();
    let listener =
        chosen.iter().filter_map(|index| view.snapshot.sockets.get(*index)).find(|socket| socket.state == SocketState::Listen);
    match listener {
        Some(socket) => {
            let Queue { used, limit, .. } = socket.queue;
            let full = used > limit;
            let now = format!(
                "{used} of {limit} waiting to be accepted, {clients} connected{}",
                if full { ": the queue is full, new connections are dropped" } else { "" }
            );
            step(text, now, Some(!full))
        }
        None => step(text, "nobody accepts: a connect is refused at once", Some(false)),
    }
}

fn unix(view: &View, path: &Text, chosen: &[usize]) -> Vec<Step> {
    let is_abstract = path.raw().starts_with(b"@");
    let bound = chosen.first().map_or_else(|| ("not yet".to_owned(), false), |index| (holder_words(view, *index), true));
    let file =
        if is_abstract { "an abstract name has no file and no permissions" } else { "whoever may write to the file may connect" };
    vec![
        step(format!("a server binds {path} and listens"), bound.0, Some(bound.1)),
        step("a client connects by that name", file.to_owned(), Some(true)),
        step("both ends are sockets of this machine; no port, address or route takes part", "always so".to_owned(), Some(true)),
    ]
}
