//! Sentences about an endpoint that are no refusal: why nobody is stopped, and what is odd about who is.

use std::net::{IpAddr, SocketAddr};

use portward_checks::Elsewhere;
use portward_model::{Endpoint, Holding, Seen, Sentence, Socket, SocketState, Transport, Via, unmap};
use portward_sys as sys;

use crate::{
    View, pairs,
    target::{Target, holder_words},
};

/// What listens at another machine's address is that machine's.
pub(super) fn another_machines(view: &View, target: &Target) -> Option<Sentence> {
    let interfaces = &view.snapshot.interfaces;
    let is_own = |address: &IpAddr| {
        let address = unmap(*address);
        address.is_loopback()
            || address.is_unspecified()
            || interfaces.iter().flat_map(|interface| &interface.addresses).any(|own| unmap(own.address) == address)
    };
    let far = !interfaces.is_empty() && !target.addresses.is_empty() && !target.addresses.iter().any(is_own);
    let address = target.addresses.first().filter(|_| far)?;
    Some(format!("{address} is no address of this machine: what listens there can only be stopped on that machine.").into())
}

/// A bare port that only UDP has: the endpoint with its transport, and what is to be said. A port that the kernel gives to clients
/// may be a client's, which is told and not stopped.
pub(super) fn udp_instead(view: &View, target: &Target) -> Option<(Option<Target>, Sentence)> {
    let endpoint = &target.endpoint;
    if endpoint.transport != Transport::Tcp || endpoint.transport_given || target.path().is_some() {
        return None;
    }
    let udp =
        Target { endpoint: Endpoint { transport: Transport::Udp, transport_given: true, ..endpoint.clone() }, ..target.clone() };
    let first = *udp.serving(view).first()?;
    let ephemeral = view.snapshot.rules.as_ref().is_some_and(|rules| rules.is_ephemeral(endpoint.port));
    let who = holder_words(view, first);
    if ephemeral {
        let told = format!(
            "Nothing listens on {endpoint} by TCP. {who} has {}, from the range that clients are given; to stop it say `{}`.",
            udp.endpoint, udp.endpoint
        );
        return Some((None, told.into()));
    }
    let told = format!("Nothing listens on {endpoint} by TCP; {who} receives on {} by UDP.", udp.endpoint);
    Some((Some(udp), told.into()))
}

/// Why nobody is stopped though the number, or the path, is about.
pub(super) fn not_served(host: &dyn sys::Look, view: &View, target: &Target) -> Vec<Sentence> {
    if let Some(path) = target.unix() {
        let named = path.namesakes(&view.snapshot).into_iter().take(MOST);
        let told = named.filter_map(|index| {
            let socket = view.snapshot.sockets.get(index)?;
            let pid = view.first_owner(index);
            let below = pid.and_then(|pid| host.path_below(pid, path.path).ok());
            let how = match Elsewhere::of(socket, below.as_ref()) {
                Elsewhere::InItsRoot => "in another mount namespace, where it is another file",
                Elsewhere::Removed => "whose file was removed or renamed since",
                Elsewhere::Replaced => "whose file was replaced since",
                Elsewhere::Unknown => "which is bound to another file",
            };
            let named = pid.map(|pid| format!(" To stop it say `pid:{pid}`.")).unwrap_or_default();
            Some(format!("{} has a socket of that name {how}, and is not stopped.{named}", holder_words(view, index)).into())
        });
        return told.collect();
    }
    let Target { endpoint, .. } = target;
    let has_port = |socket: &Socket| {
        socket.transport == endpoint.transport
            && socket.port() == Some(endpoint.port)
            && socket.remote().is_some()
            && socket.inode != 0
            && !matches!(socket.state, SocketState::TimeWait | SocketState::Closed)
            && (target.addresses.is_empty() || socket.address().is_some_and(|own| target.addresses.contains(&unmap(own))))
    };
    let connections: Vec<(usize, &Socket)> =
        view.snapshot.sockets.iter().enumerate().filter(|(_, socket)| has_port(socket)).collect();
    let told = connections.iter().take(MOST).filter_map(|(index, socket)| {
        let (address, port) = socket.remote()?;
        let who = holder_words(view, *index);
        let far = SocketAddr::new(unmap(address), port);
        let owner = |other: usize| view.first_owner(other).map(|_| holder_words(view, other));
        let other = pairs::other_end(view, *index).and_then(owner).map(|other| format!(" ({other})")).unwrap_or_default();
        let told = format!(
            "No server holds {endpoint}: {who} has it as its own port of a connection with {far}{other}, and is not stopped."
        );
        Some(told.into())
    });
    let mut told: Vec<Sentence> = told.collect();
    if connections.len() > MOST {
        told.push(format!("{} connections have {endpoint} as their own port.", connections.len()).into());
    }
    told
}

/// Holders that came by the socket through their parent.
pub(super) fn inherited(view: &View, holders: &[(Holding, Seen<Via>)]) -> Vec<Sentence> {
    let named = |pid: u32| view.snapshot.process(pid).map(|process| format!("{} (pid {pid})", process.title()));
    let opener = holders.iter().find(|(_, via)| *via == Seen::Known(Via::Opened)).map(|(holding, _)| holding.pid);
    let mut told: Vec<Sentence> = Vec::new();
    let mut say = |pid: u32, sentence: Option<String>| {
        let sentence =
            sentence.filter(|_| told.len() < MOST && holders.iter().filter(|(holding, _)| holding.pid == pid).count() > 0);
        told.extend(sentence.map(Sentence::from));
    };
    for (holding, via) in holders {
        let Some(process) = view.snapshot.process(holding.pid) else { continue };
        let who = named(holding.pid).unwrap_or_default();
        match via {
            // Nobody who holds it opened it: that was a server which has ended.
            Seen::Known(Via::Inherited) if opener.is_none() => {
                let sentence = format!("{who} serves nothing itself: it inherited the socket of a server that has ended.");
                say(holding.pid, Some(sentence));
            }
            // Workers of one program share their socket by design.
            Seen::Known(Via::Inherited) => {
                let from =
                    opener.filter(|opener| view.snapshot.process(*opener).is_some_and(|other| other.title() != process.title()));
                let sentence = from.and_then(named).map(|from| format!("{who} inherited the socket from {from}."));
                say(holding.pid, sentence);
            }
            Seen::Known(Via::Opened | Via::Passed | Via::Activated) | Seen::Hidden(_) | Seen::Gone | Seen::Unsupported => {}
        }
    }
    told
}

/// Sentences of one kind about one endpoint.
const MOST: usize = 3;
