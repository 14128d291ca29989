//! One socket as the guard sees it: closed by what, open to whom, and whether it could be pinned.

use portward_checks::guard::{Closing, Facts, PREFIX, Why, foreseen};
use portward_model::{Lack, Scope, ShellLine, Socket, Text, Who};
use portward_sys::{FilterTable, Look, SysError};

use super::document::{GuardTable, GuardedSocket, State, TableState};
use crate::{
    View,
    document::{Gap, absence_of_owners, device},
    endpoint_words,
};

/// The guard's tables, as far as they may be seen.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) found: Vec<(Closing, TableState)>,
    /// Why they may not be seen.
    pub(super) gap: Option<Gap>,
}

impl Tables {
    /// Reads them; without the tool of the packet filter there are none.
    pub(super) fn read(host: &dyn Look) -> Self {
        match host.filter_tables(PREFIX) {
            Ok(tables) => Self::of(&tables),
            Err(SysError::Missing { .. }) => Self::default(),
            Err(error) => Self { found: Vec::new(), gap: Some(error.gap(Lack::FilterTables)) },
        }
    }

    pub(super) fn of(tables: &[FilterTable]) -> Self {
        let found = tables.iter().filter_map(|table| {
            let closing = Closing::of_table(std::str::from_utf8(table.name.raw()).ok()?)?;
            Some((closing, if table.has_owner { TableState::Held } else { TableState::Lasting }))
        });
        Self { found: found.collect(), gap: None }
    }

    pub(super) fn state_of(&self, closing: Closing) -> Option<TableState> {
        self.found.iter().find(|(found, _)| *found == closing).map(|(_, state)| *state)
    }

    pub(super) fn documents(&self) -> Vec<GuardTable> {
        let mut found = self.found.clone();
        found.sort_unstable_by_key(|(closing, _)| (closing.port, *closing));
        found.into_iter().map(|(closing, state)| document(closing, state)).collect()
    }
}

/// A table as it is told.
pub(super) fn document(closing: Closing, state: TableState) -> GuardTable {
    GuardTable { endpoint: closing.endpoint(), table: closing.table(), state }
}

/// What closes this socket's port at the packet filter.
pub(super) fn closing_of(socket: &Socket) -> Closing {
    Closing { transport: socket.transport, port: socket.port().unwrap_or_default() }
}

/// How a socket of this namespace stands.
pub(super) fn state(view: &View, socket: &Socket, tables: &Tables) -> State {
    let loopback = view.snapshot.loopback_index();
    match socket.scope(loopback) {
        Scope::Loopback if socket.interface == loopback => State::Pinned,
        Scope::Loopback => State::Loopback,
        Scope::Interface | Scope::Every if tables.state_of(closing_of(socket)).is_some() => State::Firewall,
        Scope::Interface | Scope::Every => State::Open,
    }
}

/// The socket at this position, with what would close it.
pub(super) fn describe(view: &View, index: usize, tables: &Tables) -> Option<GuardedSocket> {
    let socket = view.snapshot.sockets.get(index)?;
    let state = state(view, socket, tables);
    let open = state == State::Open;
    let why = if open { cannot(view, index) } else { None };
    let closing = closing_of(socket);
    let owner = view.first_owner(index).and_then(|pid| view.snapshot.process(pid));
    let reach = portward_checks::reach(&view.snapshot, socket).into_iter().filter(|reach| is_other(reach.who));
    let close = open.then(|| remedy(why.as_ref(), closing));
    let mut document = GuardedSocket {
        endpoint: endpoint_words(socket),
        transport: socket.transport,
        port: closing.port,
        pid: owner.map(|process| process.id.pid),
        name: owner.map(portward_model::Process::title),
        user: view.user(socket.uid),
        state,
        did: None,
        code: None,
        because: None,
        why: None,
        reach: if open { reach.collect() } else { Vec::new() },
        close,
        cookie: socket.cookie,
    };
    if let Some(why) = why {
        document.refuse(why);
    }
    Some(document)
}

/// The command that closes a port, where this stands in the way of a pin.
pub(super) fn remedy(why: Option<&Why>, closing: Closing) -> ShellLine {
    let pin = ShellLine::from("portward guard pin").word(closing.endpoint());
    match why {
        None => pin,
        Some(why) if why.yields_to_root() => pin.behind("sudo "),
        Some(_) => pin.then("--firewall").behind("sudo "),
    }
}

/// Why the socket at this position cannot be pinned, as far as that can be told without trying.
pub(super) fn cannot(view: &View, index: usize) -> Option<Why> {
    let snapshot = &view.snapshot;
    let socket = snapshot.sockets.get(index)?;
    let holders = snapshot.holders(index);
    let users: Vec<u32> = holders.iter().filter_map(|holding| snapshot.process(holding.pid)).map(|process| process.uid).collect();
    let containers = holders.iter().filter_map(|holding| view.story(holding.pid)?.container.as_ref());
    let publisher = containers.clone().find(|container| container.inner_port.is_some());
    let lo = snapshot.loopback_index();
    foreseen(Facts {
        address: socket.address(),
        device: device(snapshot, socket).filter(|_| socket.interface != lo),
        publishes: publisher.map(|container| container.name.as_ref().map_or_else(|| container.id.clone(), Text::shown)),
        holders: &users,
        user: (socket.uid, view.user(socket.uid).shown()),
        hidden: view.hidden_processes > 0,
        own: snapshot.host.uid,
        privileged: snapshot.host.privileged,
        absence: absence_of_owners(view, socket).text,
    })
}

/// True for whoever is not a program of this very machine.
fn is_other(who: Who) -> bool {
    match who {
        Who::Container | Who::Lan | Who::Vpn | Who::Internet => true,
        Who::SameUser | Who::OtherUser | Who::WebPage => false,
    }
}
