//! Sockets that may have been meant instead.

use portward_checks::{Elsewhere, UnixPath};
use portward_model::{Namespace, PortRange, Socket, Transport};
use portward_sys::{Ask, Look, PortFilter, StateSet, Transports};

use crate::{
    Nearby, View,
    target::{Target, endpoint_words, holder_words},
};

/// Other sockets on the same port: another address, family, namespace or protocol.
pub(super) fn same_port(target: &Target, view: &View, chosen: &[usize]) -> Vec<Nearby> {
    let same = |index: usize, socket: &Socket| {
        socket.state.serves()
            && socket.port() == Some(target.endpoint.port)
            && target.path().is_none()
            && !chosen.contains(&index)
    };
    let found = view.snapshot.sockets.iter().enumerate().filter(|(index, socket)| same(*index, socket));
    found
        .map(|(index, socket)| Nearby {
            endpoint: endpoint_words(socket),
            owner: Some(holder_words(view, index)),
            how: how(target, view, socket),
        })
        .collect()
}

fn how(target: &Target, view: &View, socket: &Socket) -> String {
    let namespace = view.snapshot.namespaces.get(usize::from(socket.netns));
    if let Some(namespace) = namespace.filter(|namespace| !namespace.own) {
        let name = namespace.name.as_ref().map_or_else(|| namespace.inode.to_string(), portward_model::Text::shown);
        return format!("same port in network namespace {name}");
    }
    if socket.transport != target.endpoint.transport {
        return format!("same port, {}", socket.transport.name());
    }
    match (target.addresses.first(), socket.address()) {
        (Some(asked), Some(own)) if asked.is_ipv4() != own.is_ipv4() => "same port, other family".to_owned(),
        _ => "same port, other address".to_owned(),
    }
}

/// When nothing serves the endpoint: the same port elsewhere, otherwise ports with a similar number.
pub(super) fn find(host: &dyn Look, target: &Target, view: &View) -> Vec<Nearby> {
    let same = same_port(target, view, &[]);
    if !same.is_empty() {
        return same;
    }
    if let Some(path) = target.unix() {
        return namesakes(host, view, path);
    }
    let port = target.endpoint.port;
    let around = PortRange { first: port.saturating_sub(DISTANCE), last: port.saturating_add(DISTANCE) };
    let transport = target.endpoint.transport;
    let transports = Transports { tcp: transport == Transport::Tcp, udp: transport == Transport::Udp, unix: false };
    let ask = Ask { transports, states: StateSet::Listening, ports: Some(PortFilter::Local(around)), traffic: false };
    let own: Vec<Namespace> = view.snapshot.namespaces.iter().filter(|namespace| namespace.own).cloned().collect();
    let mut found: Vec<(u16, Nearby)> = Vec::new();
    let mut each = |socket: Socket| {
        let Some(own) = socket.port().filter(|_| socket.transport == transport) else { return };
        let nearby = Nearby {
            endpoint: endpoint_words(&socket),
            // Its owner is another question: naming it takes a walk over every process.
            owner: None,
            how: "a number close by".to_owned(),
        };
        found.push((own.abs_diff(port), nearby));
    };
    // Without an answer nothing is known to be near.
    let _ = host.sockets(&ask, &own, &mut each);
    found.sort_by_key(|(distance, _)| *distance);
    found.into_iter().map(|(_, nearby)| nearby).take(3).collect()
}

/// Sockets that serve by the name of a Unix path and have another file.
fn namesakes(host: &dyn Look, view: &View, path: UnixPath<'_>) -> Vec<Nearby> {
    let named = path.namesakes(&view.snapshot).into_iter().take(MOST_NAMESAKES);
    let told = named.filter_map(|index| {
        let socket = view.snapshot.sockets.get(index)?;
        let below = view.first_owner(index).and_then(|pid| host.path_below(pid, path.path).ok());
        let how = match Elsewhere::of(socket, below.as_ref()) {
            Elsewhere::InItsRoot => "the same path in another mount namespace",
            Elsewhere::Removed => "bound by this name; its file was removed or renamed, so no client reaches it by that",
            Elsewhere::Replaced => "bound by this name; another file stands there now",
            Elsewhere::Unknown => "bound by this name to another file",
        };
        Some(Nearby { endpoint: endpoint_words(socket), owner: Some(holder_words(view, index)), how: how.to_owned() })
    });
    told.collect()
}

/// Namesakes of a Unix path whose roots are looked into.
const MOST_NAMESAKES: usize = 4;
/// How far a dev server slides when its port is taken.
const DISTANCE: u16 = 10;
