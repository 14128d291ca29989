//! `portward guard status`: what is open, and what closes the rest.

use portward_model::Socket;
use portward_sys::{self as sys, Depth, StateSet, Transports};

use super::{
    Action,
    document::{Guarded, GuardedSocket, State},
    named::{Named, listens},
    scene::{Tables, describe},
};
use crate::{Failure, Look, View};

pub(super) fn status(host: &dyn sys::Look, named: &[Named]) -> Result<Guarded, Failure> {
    let tables = Tables::read(host);
    let mut guarded = Guarded { action: Action::Status, tables: tables.documents(), ..Guarded::default() };
    if named.is_empty() {
        let transports = Transports { tcp: true, udp: true, unix: false };
        let look = Look {
            transports,
            states: StateSet::Listening,
            owners: Some(Depth::Processes),
            clients: false,
            all_interfaces: true,
            ..Look::serving()
        };
        let view = look.take(host);
        let sockets = view.snapshot.sockets.iter().enumerate();
        let mine: Vec<usize> = sockets.filter(|(index, socket)| is_mine(&view, *index, socket)).map(|(index, _)| index).collect();
        add(&mut guarded, &view, &mine, &tables);
    }
    for named in named {
        let view = named.look(host)?;
        let serving = named.serving(&view);
        if serving.is_empty() {
            guarded.silent.push(named.name().to_owned());
        }
        add(&mut guarded, &view, &serving, &tables);
    }
    let is_open = |socket: &GuardedSocket| socket.state == State::Open;
    guarded.sockets.sort_by_key(|socket| (!is_open(socket), socket.port, socket.transport.name()));
    guarded.done = !guarded.sockets.iter().any(is_open);
    // A table that cannot be seen could only close what is told as open.
    guarded.gaps.extend(tables.gap.filter(|_| !guarded.done));
    Ok(guarded)
}

/// Root may close everybody's sockets, so it is told of all.
fn is_mine(view: &View, index: usize, socket: &Socket) -> bool {
    let own = view.snapshot.host.uid;
    let held = || view.snapshot.holders(index).iter().filter_map(|holding| view.snapshot.process(holding.pid));
    listens(socket) && (own == 0 || socket.uid == own || held().any(|process| process.uid == own))
}

fn add(guarded: &mut Guarded, view: &View, indices: &[usize], tables: &Tables) {
    let known: Vec<u64> = guarded.sockets.iter().map(|socket| socket.cookie).collect();
    let found = indices.iter().filter_map(|index| describe(view, *index, tables));
    guarded.sockets.extend(found.filter(|socket| !known.contains(&socket.cookie)));
    guarded.note(view);
}
