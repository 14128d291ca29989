//! Leases as documents, with what stands at their ports now.

use portward_model::{PortRange, Seen, Socket, SocketState, Text, Transport};
use portward_store::LeaseRow;
use portward_sys::{PortFilter, StateSet, Transports};
use rustc_hash::FxHashSet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Leases;
use crate::{Context, Look, View, document::rfc3339};

/// One lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeaseDocument {
    /// The project's name; `null` for what belongs to no project.
    pub project: Option<Text>,
    /// The project's root; `null` for what belongs to no project.
    pub root: Option<Text>,
    /// The lease's name; `null` for one that was taken by its port alone.
    pub name: Option<String>,
    /// The port that programs ask for; `null` for one that was taken by its name alone.
    pub asked: Option<u16>,
    /// The port that they get.
    pub port: u16,
    /// The hundred ports that it belongs to: `20300-20399`.
    pub block: String,
    /// When it was taken.
    pub created_at: String,
    /// What stands at the port now.
    pub state: LeaseState,
}

/// What stands at a leased port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeaseState {
    /// Something is bound there and does not listen.
    Held,
    /// Something listens, or receives datagrams.
    Listening,
    /// Nothing.
    Free,
    /// Nothing, and the project's folder is gone.
    Gone,
}

/// A project whose folder is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GoneProject {
    /// Its name.
    pub project: Text,
    /// Where it was.
    pub root: Text,
    /// Its hundreds of ports.
    pub blocks: Vec<String>,
}

/// How the store is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepairDocument {
    /// The file.
    pub store: String,
    /// True when nothing was wrong with it.
    pub sound: bool,
    /// Where the corrupt one stands; `null` for a sound one.
    pub copy: Option<String>,
    /// How many leases it holds now; `null` when there is no store, or a corrupt one was left as it is.
    pub saved: Option<usize>,
}

/// Leases with what stands at their ports.
pub(super) fn leases(cx: &Context<'_>, rows: Vec<LeaseRow>) -> Leases {
    let Some(view) = look(cx, rows.iter().map(|row| row.port), false) else { return Leases::default() };
    let gaps = view.snapshot.gaps.clone();
    let ports = |listens: bool| -> FxHashSet<u16> {
        let there = |socket: &&Socket| socket.state != SocketState::TimeWait && (!listens || listens_at(socket));
        view.snapshot.sockets.iter().filter(there).filter_map(Socket::port).collect()
    };
    let (listening, bound) = (ports(true), ports(false));
    let document = |row: LeaseRow| {
        let state = if listening.contains(&row.port) {
            LeaseState::Listening
        } else if bound.contains(&row.port) {
            LeaseState::Held
        } else if row.root.as_ref().is_some_and(|root| matches!(cx.machine.path_exists(root), Seen::Known(false))) {
            LeaseState::Gone
        } else {
            LeaseState::Free
        };
        LeaseDocument {
            project: row.project,
            root: row.root,
            name: row.name,
            asked: row.asked,
            port: row.port,
            block: row.block.to_string(),
            created_at: rfc3339(row.created_at),
            state,
        }
    };
    Leases { leases: rows.into_iter().map(document).collect(), gaps, ..Leases::default() }
}

/// True when the socket accepts connections or receives datagrams.
pub(super) fn listens_at(socket: &Socket) -> bool {
    socket.state == SocketState::Listen || (socket.transport == Transport::Udp && socket.state.serves())
}

/// A look at ports, in one question to the kernel; `None` where there is nothing to look at.
pub(super) fn look(cx: &Context<'_>, ports: impl Iterator<Item = u16> + Clone, owners: bool) -> Option<View> {
    let range = PortRange { first: ports.clone().min()?, last: ports.max()? };
    let look = Look {
        transports: Transports { tcp: true, udp: true, unix: false },
        states: StateSet::All,
        ports: Some(PortFilter::Local(range)),
        clients: false,
        interfaces: false,
        ..Look::serving()
    };
    Some(if owners { look } else { Look { owners: None, ..look } }.take(cx.machine))
}
