//! `portward graph`

use std::net::IpAddr;

use clap::{Args, ValueEnum};
use portward_model::{Sentence, SocketState, Transport};
use portward_sys::{StateSet, Transports};
use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Context, Failure, Look, Looks, Never, Noun, Op, RowKind, Sink, View,
    document::Gap,
    filter::{self, Filter, Named},
    rows,
};

/// Show which program talks to which, both ends by process
///
/// Every connection between two programs of this machine, and from this machine to others, gathered by
/// program and port.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Graph {
    /// Only connections that touch these: a port, an address, a process name, pid:, user:, project:
    #[arg(value_name = "FILTER")]
    pub filters: Vec<Filter>,
    /// How to draw it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// Connections over Unix sockets too
    #[arg(long, short = 'x')]
    pub unix: bool,
}

/// How to draw a graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Lines for people
    #[default]
    Text,
    /// The document that --json gives
    Json,
    /// Graphviz
    Dot,
    /// Mermaid, for Markdown
    Mermaid,
}

/// Programs and who talks to whom.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Talk {
    /// The programs.
    pub nodes: Vec<Node>,
    /// The connections.
    pub edges: Vec<Edge>,
    /// How it was asked to be drawn.
    pub format: Format,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// One program, or another machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Node {
    /// Its position, which edges refer to.
    pub id: usize,
    /// The program's name, or the other machine's address.
    pub name: String,
    /// Its pid; `null` for another machine, and for a process that may not be seen.
    pub pid: Option<u32>,
    /// Why it runs.
    pub why: Option<Sentence>,
    /// True for another machine.
    pub remote: bool,
    /// Ports it serves.
    pub ports: Vec<u16>,
}

/// Connections from one program to one port of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Edge {
    /// The client's node.
    pub from: usize,
    /// The server's node.
    pub to: usize,
    /// What it carries.
    pub transport: Transport,
    /// The server's port; `null` for Unix sockets.
    pub port: Option<u16>,
    /// The server's path, for Unix sockets.
    pub path: Option<String>,
    /// Number of connections.
    pub connections: u32,
}

impl Noun for Talk {}

impl Op for Graph {
    declare! { "graph", Read at Anywhere with Looks, emits Never, answers Talk;
    "portward graph" => "who talks to whom",
    "portward graph postgres" => "everyone who talks to PostgreSQL",
    "portward graph --format mermaid" => "for a Markdown page",
    "portward graph --format dot | dot -Tsvg -o graph.svg" => "for Graphviz" }

    fn run(self, cx: &Context<'_>, _: &mut Sink<'_, Never>) -> Result<Talk, Failure> {
        let transports = Transports { tcp: true, udp: true, unix: self.unix };
        let view = Look { transports, states: StateSet::All, clients: false, ..Look::serving() }.take(cx.machine);
        let named = Named::of(cx, &self.filters, None)?;
        let chosen = filter::choose(cx.machine, &view, &self.filters, &named);
        let connected =
            |index: &u32| view.snapshot.sockets.get(*index as usize).is_some_and(|socket| socket.state != SocketState::TimeWait);
        let chosen: Vec<u32> = chosen.into_iter().filter(connected).collect();
        let mut drawing = Drawing::default();
        for row in rows::rows(&view, &chosen).iter().filter(|row| row.kind == RowKind::Connection) {
            drawing.connection(&view, &row.sockets, row.port(&view));
        }
        drawing.ports(&view);
        Ok(Talk { nodes: drawing.nodes, edges: drawing.edges, format: self.format, gaps: view.snapshot.gaps.clone() })
    }
}

#[derive(Default)]
struct Drawing {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    known: FxHashMap<Who, usize>,
}

/// What makes two nodes the same one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Who {
    Process(u32),
    User(Option<u32>),
    Far(IpAddr),
}

impl Drawing {
    fn connection(&mut self, view: &View, ends: &[u32], port: Option<u16>) {
        let (Some(server), client) = (ends.first(), ends.get(1)) else { return };
        let Some(socket) = view.snapshot.sockets.get(*server as usize) else { return };
        let own = self.program(view, *server as usize);
        let (from, to) = if let Some(client) = client {
            (self.program(view, *client as usize), own)
        } else {
            let Some((address, _)) = socket.remote() else { return };
            let address = portward_model::unmap(address);
            let other = self.node(Who::Far(address), address.to_string(), None);
            // The row's port is the server's: when it is not our own, we are the client.
            if socket.port() == port { (other, own) } else { (own, other) }
        };
        let path = socket.path().map(portward_model::Text::shown);
        let same = |edge: &&mut Edge| {
            edge.from == from && edge.to == to && edge.port == port && edge.transport == socket.transport && edge.path == path
        };
        match self.edges.iter_mut().find(same) {
            Some(edge) => edge.connections += 1,
            None => self.edges.push(Edge { from, to, transport: socket.transport, port, path, connections: 1 }),
        }
    }

    fn program(&mut self, view: &View, index: usize) -> usize {
        if let Some(process) = view.first_owner(index).and_then(|pid| view.snapshot.process(pid)) {
            let why = view.story(process.id.pid).map(|story| story.why.clone()).filter(|why| !why.is_empty());
            self.node(Who::Process(process.id.pid), process.title(), why)
        } else {
            let uid = view.snapshot.sockets.get(index).map(|socket| socket.uid);
            let user = uid.map(|uid| view.user(uid).shown()).unwrap_or_default();
            self.node(Who::User(uid), format!("a process of {user}"), None)
        }
    }

    fn node(&mut self, who: Who, name: String, why: Option<Sentence>) -> usize {
        let id = self.nodes.len();
        let known = *self.known.entry(who).or_insert(id);
        if known == id {
            let pid = if let Who::Process(pid) = who { Some(pid) } else { None };
            let remote = matches!(who, Who::Far(_));
            self.nodes.push(Node { id, name, pid, why, remote, ports: Vec::new() });
        }
        known
    }

    fn ports(&mut self, view: &View) {
        for (index, socket) in view.snapshot.sockets.iter().enumerate() {
            let Some(port) = socket.port().filter(|_| socket.state == SocketState::Listen) else { continue };
            let pids: Vec<u32> = view.snapshot.holders(index).iter().map(|holding| holding.pid).collect();
            for node in self.nodes.iter_mut().filter(|node| node.pid.is_some_and(|pid| pids.contains(&pid))) {
                if !node.ports.contains(&port) {
                    node.ports.push(port);
                }
            }
        }
    }
}
