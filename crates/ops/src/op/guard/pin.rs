//! `portward guard pin`: the sockets of running programs, one after the other.

use std::{collections::BTreeMap, net::SocketAddr};

use portward_checks::guard::{Closing, Why, Yama, paste};
use portward_model::{Namespace, Sentence, ShellLine, Socket, shell};
use portward_sys::{Act, Look, Pinned};

use super::{
    Action,
    document::{Done, Guarded, GuardedSocket, OpenConnection, RuleSet, State},
    named::{Named, listens},
    scene::{Tables, cannot, closing_of, describe, remedy, state},
};
use crate::{Failure, View};

pub(super) fn pin(host: &dyn Act, named: &[Named], dry_run: bool) -> Result<Guarded, Failure> {
    let mut guarded = Guarded { action: Action::Pin, dry_run, ..Guarded::default() };
    // All are looked at before one is touched: a name that makes no sense stops the whole command.
    let views: Vec<View> = named.iter().map(|named| named.look(host)).collect::<Result<_, _>>()?;
    let mut left = Vec::new();
    for (named, view) in named.iter().zip(views) {
        close(host, named, view, &mut guarded, &mut left)?;
    }
    if !left.is_empty() {
        guarded.rules.push(rule_set(&left, &ShellLine::default()));
    }
    let would = |socket: &GuardedSocket| dry_run && socket.did == Some(Done::WouldPin);
    let closed = |socket: &GuardedSocket| socket.state != State::Open || would(socket);
    guarded.done = guarded.silent.is_empty() && !guarded.sockets.is_empty() && guarded.sockets.iter().all(closed);
    guarded.limits = limits(&guarded);
    Ok(guarded)
}

/// Pins what serves one endpoint, looks again, and tells how it is then.
fn close(host: &dyn Act, named: &Named, first: View, guarded: &mut Guarded, left: &mut Vec<Closing>) -> Result<(), Failure> {
    let none = Tables::default();
    let mut tried: BTreeMap<u64, Result<Done, Why>> = BTreeMap::new();
    let mut view = first;
    // A server with several sockets, or one that listens anew meanwhile, shows new ones in the second look.
    for _ in 0..ROUNDS {
        let fresh: Vec<usize> = named
            .serving(&view)
            .into_iter()
            .filter(|index| {
                view.snapshot
                    .sockets
                    .get(*index)
                    .is_some_and(|socket| state(&view, socket, &none) == State::Open && !tried.contains_key(&socket.cookie))
            })
            .collect();
        if guarded.dry_run || fresh.is_empty() {
            break;
        }
        for index in fresh {
            if let Some(socket) = view.snapshot.sockets.get(index) {
                tried.insert(socket.cookie, attempt(host, &view, index, socket));
            }
        }
        view = named.look(host)?;
    }
    let serving = named.serving(&view);
    let is_open =
        |index: &usize| view.snapshot.sockets.get(*index).is_some_and(|socket| state(&view, socket, &none) == State::Open);
    // What a table of the guard's closes needs no pin; only root can see them.
    let tables = if serving.iter().any(is_open) { Tables::read(host) } else { Tables::default() };
    for index in &serving {
        let Some(mut socket) = describe(&view, *index, &tables) else { continue };
        let result = tried.remove(&socket.cookie);
        tell(&mut socket, result, guarded.dry_run);
        if socket.state == State::Open && socket.did == Some(Done::Refused) {
            let closing = view.snapshot.sockets.get(*index).map(closing_of);
            left.extend(closing.filter(|closing| !left.contains(closing)));
        }
        guarded.sockets.push(socket);
    }
    if serving.is_empty() {
        elsewhere(host, named, guarded);
    }
    let far = named.connections(&view).map(|(index, socket)| connection(&view, index, socket));
    guarded.connections.extend(far);
    guarded.note(&view);
    Ok(())
}

/// What became of a socket, in its document.
fn tell(socket: &mut GuardedSocket, tried: Option<Result<Done, Why>>, dry_run: bool) {
    let why = match (tried, socket.state) {
        (Some(Ok(done)), State::Pinned) => {
            socket.did = Some(done);
            None
        }
        (None, State::Pinned) => {
            socket.did = Some(Done::AlreadyPinned);
            None
        }
        (_, State::Loopback | State::Firewall) => None,
        (Some(Ok(_)), State::Open) => {
            Some(Why::Kernel { said: "the kernel took the pin, and its socket table does not show it".to_owned() })
        }
        (Some(Err(why)), State::Open | State::Pinned) => Some(why),
        // Foreseen, in a dry run; or it came to listen after the last round.
        (None, State::Open) if socket.why.is_some() => {
            socket.did = Some(Done::Refused);
            None
        }
        (None, State::Open) => {
            socket.did = dry_run.then_some(Done::WouldPin);
            None
        }
    };
    if let Some(why) = why {
        socket.did = Some(Done::Refused);
        socket.close = Some(remedy(Some(&why), Closing { transport: socket.transport, port: socket.port }));
        socket.refuse(why);
    }
}

/// Pins one socket through the first of its holders that lets it.
fn attempt(host: &dyn Act, view: &View, index: usize, socket: &Socket) -> Result<Done, Why> {
    if let Some(why) = cannot(view, index) {
        return Err(why);
    }
    let own = view.snapshot.host.uid;
    let mut last = Why::Gone;
    for holding in view.snapshot.holders(index) {
        let Some(process) = view.snapshot.process(holding.pid) else { continue };
        last = match host.pin(process.id, holding, socket) {
            Ok(Pinned::Now) => return Ok(Done::Pinned),
            Ok(Pinned::Already) => return Ok(Done::AlreadyPinned),
            Ok(Pinned::Denied { ptrace_scope }) => match ptrace_scope {
                _ if process.uid != own => Why::OtherUser { user: view.user(process.uid).shown() },
                Some(scope) => Why::Yama { scope: Yama(scope) },
                None => Why::Hides,
            },
            Ok(Pinned::Elsewhere { device }) => Why::OtherDevice { device: device.shown() },
            Ok(Pinned::Gone) | Err(portward_sys::SysError::Replaced { .. }) => Why::Gone,
            Err(error) => Why::Kernel { said: error.to_string() },
        };
    }
    Err(last)
}

/// Where nothing serves an endpoint here: what serves its port in other namespaces.
fn elsewhere(host: &dyn Look, named: &Named, guarded: &mut Guarded) {
    let view = named.look_everywhere(host);
    let found = named.elsewhere(&view);
    if found.is_empty() {
        guarded.silent.push(named.name().to_owned());
        return;
    }
    for (index, namespace) in found {
        let Some(socket) = view.snapshot.sockets.get(index).filter(|socket| listens(socket)) else { continue };
        let Some(mut document) = describe(&view, index, &Tables::default()) else { continue };
        let closing = closing_of(socket);
        let why = Why::OtherNamespace { name: words(namespace) };
        document.did = Some(Done::Refused);
        document.state = State::Open;
        document.refuse(why);
        let inside = door(namespace);
        document.close = inside.clone().map(|inside| inside.then("portward guard pin").word(closing.endpoint()).behind("sudo "));
        guarded.sockets.push(document);
        if let Some(inside) = inside {
            let rules = rule_set(&[closing], &inside);
            if !guarded.rules.contains(&rules) {
                guarded.rules.push(rules);
            }
        }
    }
}

fn words(namespace: &Namespace) -> String {
    match &namespace.name {
        Some(name) => format!("network namespace {name}"),
        None => format!("network namespace {}", namespace.inode),
    }
}

/// What stands before a command to run it in a network namespace.
fn door(namespace: &Namespace) -> Option<ShellLine> {
    let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    match (&namespace.name, namespace.pid) {
        (Some(name), _) if plain(&name.lossy()) && !name.raw().starts_with(b"-") => Some(shell!("ip netns exec {}", name)),
        (_, Some(pid)) => Some(shell!("nsenter --target {} --net", pid)),
        (_, None) => None,
    }
}

pub(super) fn connection(view: &View, index: usize, socket: &Socket) -> OpenConnection {
    let end = |end: Option<(std::net::IpAddr, u16)>| {
        end.map_or_else(String::new, |(address, port)| SocketAddr::new(portward_model::unmap(address), port).to_string())
    };
    let owner = view.first_owner(index).and_then(|pid| view.snapshot.process(pid));
    OpenConnection {
        peer: end(socket.remote()),
        local: end(socket.address().zip(socket.port())),
        pid: owner.map(|process| process.id.pid),
        name: owner.map(portward_model::Process::title),
    }
}

/// The rules that close these ports, in a namespace that `inside` enters.
pub(super) fn rule_set(closings: &[Closing], inside: &ShellLine) -> RuleSet {
    RuleSet {
        endpoints: closings.iter().map(|closing| closing.endpoint()).collect(),
        paste: paste(closings, inside),
        remove: closings
            .iter()
            .map(|closing| inside.clone().then("nft delete table inet").word(closing.table()).behind("sudo "))
            .collect(),
    }
}

/// What is true of pins, and how far they go.
fn limits(guarded: &Guarded) -> Vec<Sentence> {
    let has = |wanted: &[Done]| guarded.sockets.iter().any(|socket| socket.did.is_some_and(|did| wanted.contains(&did)));
    if !has(&[Done::Pinned, Done::AlreadyPinned, Done::WouldPin]) {
        return Vec::new();
    }
    vec![
        "A pinned socket answers on 127.0.0.1 and ::1, as far as its family goes; by this machine's own network addresses not even \
         this machine reaches it."
            .into(),
        "It lasts until the program listens anew, as after a restart; only CAP_NET_RAW could undo it.".into(),
    ]
}

/// Looks at what came to listen meanwhile.
const ROUNDS: usize = 3;
