//! Where a forward listens, and who has that place where it cannot.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::OwnedFd,
};

use portward_keeper::{Kind, Place, Stand};
use portward_model::{Endpoint, EndpointHost, FileKind, SocketState, Text, Transport, hint};
use portward_store::{Store, here};
use portward_sys::{Ask, Depth, LO, StateSet, Which};

use super::{
    spelling::words,
    target::{Aim, absolute, namespace},
};
use crate::{Acts, Context, Failure, Kind as FailureKind, Look, target::Target};

/// Sockets that listen.
pub(super) struct Stood {
    pub(super) places: Vec<Place>,
    pub(super) sockets: Vec<OwnedFd>,
}

/// Listens where it was asked for, or at a leased port.
pub(super) fn stand(
    cx: &Context<'_, Acts>,
    aim: &Aim,
    (at, netns): (Option<&Endpoint>, Option<&str>),
    mode: Option<u32>,
) -> Result<Stood, Failure> {
    let is_free = |port: &u16| {
        let stood = portward_keeper::stand(&both(*port), Kind::Stream, 0, &mut |port| is_bound(cx, port));
        stood.is_ok() && *port >= FIRST_FREE
    };
    let places = match (at, aim.prefers.filter(|port| at.is_none() && is_free(port))) {
        (Some(at), _) => places(cx, aim, at)?,
        (None, Some(port)) => both(port),
        (None, None) => both(leased(cx, aim)?),
    };
    if let Some(word) = netns {
        return stand_in(cx, aim, word, places, mode);
    }
    let is_path = |place: &Place| matches!(place, Place::Unix(path) if !path.raw().starts_with(b"@"));
    if mode.is_some() && !places.iter().any(is_path) {
        return Err(Failure::usage("--mode is that of the file of a Unix socket, and it does not listen at one.")
            .hint("--allow-uid USER    says whose processes may connect"));
    }
    aim.refuse_loop(cx, &places)?;
    let kind = kind(aim.transport);
    let stand = || portward_keeper::stand(&places, kind, mode.unwrap_or(0o600), &mut |port| is_bound(cx, port));
    let stood = stand().or_else(|refused| if is_removed(cx, &refused) { stand() } else { Err(refused) });
    let sockets = stood.map_err(|refused| refusal(cx, aim, &refused))?;
    // A machine without IPv6 has one of the two.
    let has_six = sockets.len() == places.len();
    let places = places.into_iter().filter(|place| has_six || !place.is_ipv6()).collect();
    Ok(Stood { places, sockets })
}

/// Listens in another network namespace.
fn stand_in(cx: &Context<'_, Acts>, aim: &Aim, word: &str, places: Vec<Place>, mode: Option<u32>) -> Result<Stood, Failure> {
    let namespace = namespace(cx, word)?;
    let kind = kind(aim.transport);
    let stood = portward_keeper::stand_elsewhere(&namespace, (&places, kind), mode.unwrap_or(0o600))?;
    let sockets = stood.map_err(|Stand { place, errno }| {
        let error = std::io::Error::from_raw_os_error(errno);
        Failure::system(format!("Nothing can listen at {place} in network namespace {}: {error}.", Text::from(word)))
            .hint(hint!("portward list --netns {}", word))
    })?;
    let has_six = sockets.len() == places.len();
    let places = places.into_iter().filter(|place| has_six || !place.is_ipv6()).collect();
    Ok(Stood { places, sockets })
}

fn kind(transport: Transport) -> Kind {
    match transport {
        Transport::Tcp | Transport::Unix => Kind::Stream,
        Transport::UnixPacket => Kind::Packets,
        Transport::Udp | Transport::UnixDatagram => Kind::Datagrams,
    }
}

fn places(cx: &Context<'_, Acts>, aim: &Aim, at: &Endpoint) -> Result<Vec<Place>, Failure> {
    let at = absolute(cx, at.clone())?;
    let is_stream = matches!(aim.transport, Transport::Tcp | Transport::Unix);
    let asks_stream = at.transport == Transport::Tcp && at.transport_given;
    let asks_datagrams = at.transport == Transport::Udp;
    let is_path = matches!(at.host, EndpointHost::Path(_));
    if (is_stream && asks_datagrams)
        || (!is_stream && asks_stream && !is_path)
        || (aim.transport == Transport::UnixPacket && !is_path)
    {
        let asked = if asks_datagrams { "datagrams" } else { "a stream" };
        return Err(Failure::usage(format!(
            "{} is {}, and {at} is {asked}; one cannot be passed on as the other, as its pieces would be lost or made up.",
            aim.words,
            words(aim.transport)
        ))
        .hint(match aim.transport {
            Transport::UnixPacket => hint!("portward forward {} ./other.sock", aim.words),
            Transport::Tcp | Transport::Unix => hint!("portward forward {} {}", aim.words, at.port),
            Transport::Udp | Transport::UnixDatagram => hint!("portward forward {} udp/{}", aim.words, at.port),
        }));
    }
    Ok(match &at.host {
        EndpointHost::Path(path) => vec![Place::Unix(path.clone())],
        EndpointHost::Ip(address, _) => vec![Place::Inet(SocketAddr::new(portward_model::unmap(*address), at.port))],
        EndpointHost::Any | EndpointHost::Name(_) => both(at.port),
    })
}

fn both(port: u16) -> Vec<Place> {
    [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].map(|ip| Place::Inet(SocketAddr::new(ip, port))).to_vec()
}

/// The port that this project, or this folder's user, has leased for the target.
fn leased(cx: &Context<'_, Acts>, aim: &Aim) -> Result<u16, Failure> {
    if aim.transport == Transport::UnixPacket {
        return Err(Failure::usage(format!(
            "{} is messages of connections, which only a Unix socket carries; say at which path.",
            aim.words
        ))
        .hint(hint!("portward forward {} ./other.sock", aim.words)));
    }
    let mut store = Store::open(cx)?;
    let project = store.project(here(&cx.looks())?.as_ref())?;
    Ok(store.named(project.id, &aim.lease)?.port)
}

/// True where a program has bound a port without listening yet.
fn is_bound(cx: &Context<'_, Acts>, port: u16) -> bool {
    let mut found = false;
    if let Ok(own) = cx.machine.namespaces(&Which::Own) {
        let mut each = |socket: portward_model::Socket| {
            // What is about to be listened on here is pinned to lo.
            found |= matches!(socket.state, SocketState::Bound | SocketState::Listen) && socket.interface != LO;
        };
        let _ = cx.machine.sockets(&Ask::tcp_at(port, StateSet::Serving), &own.value, &mut each);
    }
    found
}

/// Removes the file of a Unix socket that nobody has, where it is this user's; true where it did.
fn is_removed(cx: &Context<'_, Acts>, refused: &Stand) -> bool {
    let Place::Unix(path) = &refused.place else { return false };
    let facts = cx.machine.path(path).ok();
    let stale =
        facts.filter(|facts| facts.kind == Some(FileKind::Socket) && facts.bound == Some(false) && facts.uid == cx.caller.uid);
    let file = stale.and_then(|facts| facts.file);
    file.is_some_and(|file| cx.machine.remove_socket(path, file).is_ok())
}

/// Why nothing can listen there, and what helps.
fn refusal(cx: &Context<'_, Acts>, aim: &Aim, refused: &Stand) -> Failure {
    let Stand { place, errno } = refused;
    let error = std::io::Error::from_raw_os_error(*errno);
    let plain = Failure::system(format!("Nothing can listen at {place}: {error}."));
    match (place, error.kind()) {
        (Place::Unix(path), std::io::ErrorKind::AddrInUse) => taken_path(cx, path),
        (Place::Unix(path), std::io::ErrorKind::NotFound) => {
            Failure::system(format!("The folder of {path} is not there, so nothing can listen in it."))
                .hint("mkdir -p    makes it")
        }
        (Place::Inet(address), std::io::ErrorKind::AddrInUse) => {
            let who = holder(cx, aim, *address).unwrap_or_else(|| "another program".to_owned());
            let port = address.port();
            Failure::system(format!("Port {port} is held by {who}, so nothing else can listen at {place}.")).hint(hint!(
                "portward forward {}    takes a leased port; portward free {} ends what has this one",
                aim.words,
                port
            ))
        }
        (Place::Inet(address), std::io::ErrorKind::PermissionDenied) => Failure {
            kind: FailureKind::Denied,
            ..Failure::system(format!("Port {} could not be bound for the forward: {error}.", address.port()))
        }
        .hint("the same command with sudo, or without AT at a leased port"),
        (Place::Inet(_), std::io::ErrorKind::AddrNotAvailable) if cx.caller.session.is_some() => Failure::system(format!(
            "In a session a port is moved to the project's own, so nothing can listen at {place} itself."
        ))
        .hint("the same command in a shell outside `portward run`"),
        (Place::Unix(_) | Place::Inet(_), _) => plain,
    }
}

fn taken_path(cx: &Context<'_, Acts>, path: &Text) -> Failure {
    let facts = cx.machine.path(path).ok();
    let said = match facts {
        Some(facts) if facts.kind == Some(FileKind::Socket) && facts.bound == Some(false) => {
            return Failure::system(format!("{path} is a socket that user {} has left, and is not replaced.", facts.uid))
                .hint(hint!("sudo portward free {} --remove", path));
        }
        Some(facts) if facts.kind == Some(FileKind::Socket) => "is a socket that somebody has",
        None if path.raw().starts_with(b"@") => "is the name of a socket that somebody has",
        Some(_) | None => "is there and is no socket, and is left as it is",
    };
    Failure::system(format!("{path} {said}, so nothing else can listen at it.")).hint(hint!("portward explain {}", path))
}

/// Who has a port.
fn holder(cx: &Context<'_, Acts>, aim: &Aim, address: SocketAddr) -> Option<String> {
    let transport = if aim.transport == Transport::UnixDatagram { Transport::Udp } else { aim.transport };
    let transport = if transport == Transport::Udp { Transport::Udp } else { Transport::Tcp };
    let endpoint = Endpoint::at(transport, EndpointHost::Any, address.port());
    let target = Target { endpoint, addresses: Vec::new(), note: None, facts: None };
    let view = Look { owners: Some(Depth::Processes), ..target.look() }.take(cx.machine);
    let holds = |socket: &portward_model::Socket| socket.transport == transport && socket.port() == Some(address.port());
    let index = target.serving(&view).first().copied().or_else(|| view.snapshot.sockets.iter().position(holds))?;
    Some(portward_reading::holder_words(&view, index))
}

/// Below this one only root may listen, mostly.
const FIRST_FREE: u16 = 1024;
