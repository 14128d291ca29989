//! The answer of `list`: compact facts inside, documents made one at a time as they are written or shown; or, where the answer
//! was read back, the documents themselves.

use std::{borrow::Cow, ops::Deref};

use portward_checks::Circle;
use portward_model::{Reach, Scope, Transport, Who};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Gap, SocketDocument, When, owner::Processes};
use crate::{Exit, Meant, Noun, Row, RowKind, View, entry::ErasedSerialize};

/// Endpoints and connections.
pub struct Listing {
    told: Told,
    pub(crate) facts: Facts,
}

/// What is said of all of them.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Facts {
    /// The first endpoint that other machines can reach.
    pub exposed: Option<Exposure>,
    /// Unix sockets that stand in no group because they rarely matter.
    pub minor_unix: usize,
    /// Ports that sessions keep free for their projects, and that stand in no group.
    #[serde(default)]
    pub held: usize,
    /// Where bare numbers meant a project's own ports: which.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub meant: Vec<Meant>,
    /// Where nothing that was asked for listens: which sessions ask for such a port, and where they serve it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked_for: Vec<Meant>,
    /// Where nothing was found: names of services and projects that come near.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<String>,
    /// Columns that were asked for, by name; empty for the usual ones.
    pub columns: Vec<String>,
    /// True when the caller named what to look for.
    pub filtered: bool,
    /// What the caller named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<String>,
    /// Where nothing that was asked for listens: how many connections have it, which `--all` lists.
    #[serde(default)]
    pub connections: usize,
    /// Network namespaces that were read.
    pub namespaces: usize,
    /// Other network namespaces that processes live in.
    pub other_namespaces: u32,
    /// When it was seen, RFC 3339.
    pub now: When,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Deref for Listing {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.facts
    }
}

enum Told {
    /// The facts of a look, its rows, and the positions of the chosen sockets in the order of the rows.
    Facts { view: Box<View>, rows: Vec<Row>, chosen: Vec<u32>, processes: Processes },
    /// What was read back.
    Documents { sockets: Vec<SocketDocument>, groups: Vec<Group> },
}

/// Sockets that one program serves under one port, or the two ends of one connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Group {
    /// What it is.
    pub kind: RowKind,
    /// What it carries.
    pub transport: Transport,
    /// The port; of a connection, the server's.
    pub port: Option<u16>,
    /// Positions in `sockets`.
    pub sockets: Vec<usize>,
    /// The pid to name first; `null` where none can be named.
    pub pid: Option<u32>,
    /// The widest reach, in a word.
    pub reach_word: Circle,
    /// Who can reach it.
    pub reach: Vec<Reach>,
}

/// An endpoint that other machines can reach, and the widest circle that can.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exposure {
    /// Its port.
    pub port: u16,
    /// Who, and what lets them in.
    pub reach: Reach,
}

/// One row: what it is, and the documents of its sockets, the one to name first in front.
pub struct RowDocument<'a> {
    /// What it shows.
    pub kind: RowKind,
    /// The port; of a connection, the server's.
    pub port: Option<u16>,
    /// The widest reach.
    pub circle: Circle,
    /// Its sockets.
    pub sockets: Vec<Cow<'a, SocketDocument>>,
}

impl Listing {
    /// The answer of a look.
    pub(crate) fn new(view: View, rows: Vec<Row>, chosen: Vec<u32>) -> Self {
        let facts = Facts {
            exposed: rows
                .iter()
                .find_map(|row| reached(&view, row))
                .and_then(|(port, reach)| Some(Exposure { port: port?, reach })),
            minor_unix: 0,
            held: 0,
            meant: Vec::new(),
            asked_for: Vec::new(),
            near: Vec::new(),
            columns: Vec::new(),
            filtered: false,
            asked: Vec::new(),
            connections: 0,
            namespaces: view.snapshot.namespaces.len(),
            other_namespaces: view.other_namespaces,
            now: When(view.snapshot.host.now),
            gaps: view.snapshot.gaps.clone(),
        };
        Self { told: Told::Facts { view: Box::new(view), rows, chosen, processes: Processes::default() }, facts }
    }

    /// The rows, each made when its turn comes.
    pub fn rows(&self) -> Box<dyn Iterator<Item = RowDocument<'_>> + '_> {
        match &self.told {
            Told::Facts { view, rows, processes, .. } => Box::new(rows.iter().filter_map(move |row| {
                let circle = circle(view, row)?;
                let document = |index: &u32| SocketDocument::among(view, processes, *index as usize, true).map(Cow::Owned);
                let sockets = row.sockets.iter().filter_map(document).collect();
                Some(RowDocument { kind: row.kind, port: row.port(view), circle, sockets })
            })),
            Told::Documents { sockets, groups } => Box::new(groups.iter().map(move |group| {
                let sockets = group.sockets.iter().filter_map(|at| sockets.get(*at)).map(Cow::Borrowed).collect();
                RowDocument { kind: group.kind, port: group.port, circle: group.reach_word, sockets }
            })),
        }
    }

    /// How many endpoints and connections there are.
    pub fn count(&self) -> (usize, usize) {
        let kinds: (usize, usize) = match &self.told {
            Told::Facts { rows, .. } => (endpoints(rows.iter().map(|row| row.kind)), rows.len()),
            Told::Documents { groups, .. } => (endpoints(groups.iter().map(|group| group.kind)), groups.len()),
        };
        (kinds.0, kinds.1 - kinds.0)
    }

    fn sockets(&self) -> Box<dyn Iterator<Item = Cow<'_, SocketDocument>> + '_> {
        match &self.told {
            Told::Facts { view, chosen, processes, .. } => {
                let document = move |index: &u32| SocketDocument::among(view, processes, *index as usize, false).map(Cow::Owned);
                Box::new(chosen.iter().filter_map(document))
            }
            Told::Documents { sockets, .. } => Box::new(sockets.iter().map(Cow::Borrowed)),
        }
    }

    fn groups(&self) -> Box<dyn Iterator<Item = Cow<'_, Group>> + '_> {
        match &self.told {
            Told::Facts { view, rows, chosen, .. } => {
                let mut place = vec![usize::MAX; view.snapshot.sockets.len()];
                for (at, socket) in chosen.iter().enumerate() {
                    if let Some(slot) = place.get_mut(*socket as usize) {
                        *slot = at;
                    }
                }
                Box::new(rows.iter().filter_map(move |row| group(view, row, &place)).map(Cow::Owned))
            }
            Told::Documents { groups, .. } => Box::new(groups.iter().map(Cow::Borrowed)),
        }
    }
}

fn endpoints(kinds: impl Iterator<Item = RowKind>) -> usize {
    kinds.filter(|kind| *kind == RowKind::Endpoint).count()
}

fn circle(view: &View, row: &Row) -> Option<Circle> {
    let socket = row.first(view)?;
    Some(match row.kind {
        RowKind::Endpoint => portward_checks::circle(&view.snapshot, socket),
        RowKind::Connection => Circle::Peer,
    })
}

fn group(view: &View, row: &Row, place: &[usize]) -> Option<Group> {
    let socket = row.first(view)?;
    let sockets = row.sockets.iter().filter_map(|index| place.get(*index as usize).copied()).filter(|at| *at != usize::MAX);
    let serves = row.kind == RowKind::Endpoint;
    Some(Group {
        kind: row.kind,
        transport: socket.transport,
        port: row.port(view),
        sockets: sockets.collect(),
        pid: row.sockets.first().and_then(|index| view.first_owner(*index as usize)),
        reach_word: circle(view, row)?,
        reach: if serves { portward_checks::reach(&view.snapshot, socket) } else { Vec::new() },
    })
}

/// How another machine reaches it, with its port, where it has one; `None` for what no other machine can reach.
fn reached(view: &View, row: &Row) -> Option<(Option<u16>, Reach)> {
    let socket = row.first(view).filter(|_| row.kind == RowKind::Endpoint)?;
    if socket.scope(view.snapshot.loopback_index()) == Scope::Loopback {
        return None;
    }
    let reach = portward_checks::reach(&view.snapshot, socket);
    let widest = reach.into_iter().max_by_key(|reach| portward_checks::reach_width(reach.who))?;
    let others = matches!(widest.who, Who::Lan | Who::Vpn | Who::Internet);
    others.then(|| (socket.port(), widest))
}

impl Noun for Listing {
    fn exit(&self) -> Exit {
        let empty = match &self.told {
            Told::Facts { chosen, .. } => chosen.is_empty(),
            Told::Documents { sockets, .. } => sockets.is_empty(),
        };
        if self.filtered && empty { Exit::Found } else { Exit::Fine }
    }

    fn each_line(&self, line: &mut dyn FnMut(&dyn ErasedSerialize) -> std::io::Result<()>) -> std::io::Result<()> {
        self.sockets().try_for_each(|socket| line(&super::Document::new(socket.as_ref())))
    }
}

impl Serialize for Listing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            sockets: InTurn<'a>,
            groups: GroupsInTurn<'a>,
            #[serde(flatten)]
            facts: &'a Facts,
        }
        Written { sockets: InTurn(self), groups: GroupsInTurn(self), facts: &self.facts }.serialize(serializer)
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

impl<'de> Deserialize<'de> for Listing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let shape = Shape::deserialize(deserializer)?;
        Ok(Self { told: Told::Documents { sockets: shape.sockets, groups: shape.groups }, facts: shape.facts })
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
#[derive(Deserialize, JsonSchema)]
struct Shape {
    /// The sockets.
    sockets: Vec<SocketDocument>,
    /// How they belong together.
    groups: Vec<Group>,
    /// The rest.
    #[serde(flatten)]
    facts: Facts,
}
