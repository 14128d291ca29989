//! Sockets gathered into what a person would call one thing.

use portward_model::{SocketName, SocketState, Transport};
use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{View, pairs};

/// What a row shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowKind {
    /// Sockets that one program serves under one port, or one Unix socket.
    Endpoint,
    /// A connection, both ends where both are here; the server's end first.
    Connection,
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// What it shows.
    pub(crate) kind: RowKind,
    /// Positions of its sockets in the view, the one to name first in front.
    pub(crate) sockets: Vec<u32>,
}

impl Row {
    /// The socket to speak of.
    pub(crate) fn first<'a>(&self, view: &'a View) -> Option<&'a portward_model::Socket> {
        self.sockets.first().and_then(|index| view.snapshot.sockets.get(*index as usize))
    }

    /// The port it is known by: its own, and of a connection the server's.
    pub(crate) fn port(&self, view: &View) -> Option<u16> {
        let socket = self.first(view)?;
        match (self.kind, socket.remote()) {
            // Both ends are here and the server's is first, or it is clearly a client's.
            (RowKind::Connection, Some((_, remote))) if self.sockets.len() == 1 && !pairs::is_server_end(view, socket) => {
                Some(remote)
            }
            _ => socket.port(),
        }
    }

    /// The pid to name, if one may be seen.
    pub(crate) fn pid(&self, view: &View) -> Option<u32> {
        self.sockets.iter().find_map(|index| view.first_owner(*index as usize))
    }

    /// Clients of all its listeners together; `None` for what does not listen.
    pub(crate) fn clients(&self, view: &View) -> Option<u32> {
        self.sockets.iter().filter_map(|index| view.clients(*index as usize)).reduce(|a, b| a + b)
    }
}

/// Gathers the chosen sockets of a view into rows, ordered by port.
pub(crate) fn rows(view: &View, chosen: &[u32]) -> Vec<Row> {
    let mut rows = endpoints(view, chosen);
    rows.extend(pairs::connections(view, chosen).into_iter().map(|sockets| Row { kind: RowKind::Connection, sockets }));
    rows
}

fn endpoints(view: &View, chosen: &[u32]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut known: FxHashMap<Key, usize> = FxHashMap::default();
    for &index in chosen {
        let Some(socket) = view.snapshot.sockets.get(index as usize) else { continue };
        if !socket.state.serves() && socket.state != SocketState::Closed {
            continue;
        }
        let key = key(view, index as usize);
        if let Some(row) = key.and_then(|key| known.get(&key).copied()).and_then(|at| rows.get_mut(at)) {
            row.sockets.push(index);
        } else {
            if let Some(key) = key {
                known.insert(key, rows.len());
            }
            rows.push(Row { kind: RowKind::Endpoint, sockets: vec![index] });
        }
    }
    for row in &mut rows {
        // Wildcards speak for the rest, and IPv4 is what people dial first.
        row.sockets.sort_by_key(|index| {
            let socket = view.snapshot.sockets.get(*index as usize);
            socket.map(|socket| (!socket.is_wildcard(), socket.family, socket.address()))
        });
    }
    rows.sort_by_cached_key(|row| {
        let socket = row.first(view);
        let order = socket.map(|socket| match &socket.name {
            SocketName::Inet { port, .. } => (0, *port, Some(socket.transport), Vec::new()),
            SocketName::Unix { path, .. } => (1, 0, None, path.as_deref().map(|path| path.raw().to_vec()).unwrap_or_default()),
        });
        (order, socket.map(|socket| socket.netns), row.sockets.clone())
    });
    rows
}

/// What makes two sockets one endpoint: namespace, transport, state, port and program.
type Key = (u16, Transport, SocketState, u16, Holder);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Holder {
    /// The session and parent of the first holder: workers of one server share them.
    Process(u32),
    /// Nobody visible: user and control group.
    Hidden(u32, u64),
}

fn key(view: &View, index: usize) -> Option<Key> {
    let socket = view.snapshot.sockets.get(index)?;
    let port = socket.port()?;
    let holder = match view.first_owner(index) {
        Some(pid) => Holder::Process(server_of(view, pid)),
        None => Holder::Hidden(socket.uid, socket.cgroup),
    };
    Some((socket.netns, socket.transport, socket.state, port, holder))
}

/// The topmost process of the same program: the master of a pool of workers.
fn server_of(view: &View, pid: u32) -> u32 {
    let Some(process) = view.snapshot.process(pid) else { return pid };
    let parent = view.snapshot.process(process.parent);
    match (parent, &process.exe) {
        (Some(parent), portward_model::Seen::Known(exe)) if parent.exe.known() == Some(exe) && parent.name == process.name => {
            parent.id.pid
        }
        _ => pid,
    }
}
