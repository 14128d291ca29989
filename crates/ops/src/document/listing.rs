//! The answer of `list`: compact facts inside, documents made one at a time as they are written.

use std::borrow::Cow;

use portward_model::{Reach, Transport};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{GapDocument, SocketDocument};
use crate::{Exit, Noun, Row, RowKind, View, entry::ErasedSerialize};

/// Endpoints and connections, with the facts behind them.
pub struct Listing {
    /// The facts.
    pub view: View,
    /// What a person is shown, in order.
    pub rows: Vec<Row>,
    /// Positions of the sockets that the filters let through, in the order of the rows.
    pub chosen: Vec<u32>,
    /// Unix sockets that were left out of the rows because they rarely matter.
    pub minor_unix: usize,
    /// Columns to show, by name; empty for the usual ones.
    pub columns: Vec<String>,
    /// True when the caller named what to look for, so that an empty list is an answer of its own.
    pub filtered: bool,
}

/// Sockets that one program serves under one port, or the two ends of one connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Group {
    /// `endpoint` or `connection`.
    pub kind: &'static str,
    /// What it carries.
    pub transport: Transport,
    /// The port; of a connection, the server's.
    pub port: Option<u16>,
    /// Positions in `sockets`.
    pub sockets: Vec<usize>,
    /// The pid to name first; `null` where none can be named.
    pub pid: Option<u32>,
    /// The widest reach, in a word.
    pub reach_word: &'static str,
    /// Who can reach it.
    pub reach: Vec<Reach>,
}

impl Listing {
    fn groups(&self) -> impl Iterator<Item = Group> + '_ {
        let mut place = vec![usize::MAX; self.view.snapshot.sockets.len()];
        for (at, socket) in self.chosen.iter().enumerate() {
            if let Some(slot) = place.get_mut(*socket as usize) {
                *slot = at;
            }
        }
        let group = move |row: &Row| {
            let socket = row.first(&self.view)?;
            let sockets =
                row.sockets.iter().filter_map(|index| place.get(*index as usize).copied()).filter(|at| *at != usize::MAX);
            let serves = row.kind == RowKind::Endpoint;
            Some(Group {
                kind: if serves { "endpoint" } else { "connection" },
                transport: socket.transport,
                port: row.port(&self.view),
                sockets: sockets.collect(),
                pid: row.sockets.first().and_then(|index| self.view.first_owner(*index as usize)),
                reach_word: if serves { portward_checks::reach_word(&self.view.snapshot, socket) } else { "its peer" },
                reach: if serves { portward_checks::reach(&self.view.snapshot, socket) } else { Vec::new() },
            })
        };
        self.rows.iter().filter_map(group)
    }

    fn sockets(&self) -> impl Iterator<Item = SocketDocument<'_>> {
        self.chosen.iter().filter_map(|index| SocketDocument::of(&self.view, *index as usize))
    }
}

impl Noun for Listing {
    fn exit(&self) -> Exit {
        if self.filtered && self.chosen.is_empty() { Exit::Found } else { Exit::Fine }
    }

    fn each_line(&self, line: &mut dyn FnMut(&dyn ErasedSerialize) -> std::io::Result<()>) -> std::io::Result<()> {
        self.sockets().try_for_each(|socket| line(&super::Document::new(&socket)))
    }
}

impl Serialize for Listing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Listing", 3)?;
        fields.serialize_field("sockets", &InTurn(self))?;
        fields.serialize_field("groups", &GroupsInTurn(self))?;
        let gaps: Vec<GapDocument> = self.view.snapshot.gaps.iter().map(GapDocument::from).collect();
        fields.serialize_field("gaps", &gaps)?;
        fields.end()
    }
}

/// Makes each socket's document when its turn comes and drops it after: forty thousand at once would not be small.
struct InTurn<'a>(&'a Listing);

impl Serialize for InTurn<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.sockets())
    }
}

/// The same for the groups.
struct GroupsInTurn<'a>(&'a Listing);

impl Serialize for GroupsInTurn<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.groups())
    }
}

impl JsonSchema for Listing {
    fn schema_name() -> Cow<'static, str> {
        "Listing".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Shape::json_schema(generator)
    }
}

/// The shape that [`Listing`] is written in.
#[derive(Serialize, JsonSchema)]
struct Shape<'a> {
    /// The sockets.
    sockets: Vec<SocketDocument<'a>>,
    /// How they belong together.
    groups: Vec<Group>,
    /// What could not be seen.
    gaps: Vec<GapDocument>,
}
