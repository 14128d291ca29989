//! `portward watch`

use std::time::Duration;

use clap::Args;
use portward_checks::Circle;
use portward_model::SocketId;
use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Context, Failure, Look, Looks, Noun, Op, Sink, Span, View,
    document::{Gap, SocketDocument, When},
    filter::{self, Filter, Named},
};

/// Show endpoints as they open, close, change owner or reach
///
/// One line each, or one JSON document each with --json, until stopped. A socket that closes is seen at once, one
/// that opens within a tenth of a second.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Watch {
    /// Only these: a port, a range, an address, a process name, pid:, user:, project:
    #[arg(value_name = "FILTER")]
    pub filters: Vec<Filter>,
    /// Tell the desktop too
    #[arg(long)]
    pub notify: bool,
    /// Stop after this time
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<Span>,
    /// Stop after this many changes
    #[arg(long, value_name = "N")]
    pub count: Option<u32>,
}

/// What happened to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A socket began to serve.
    Opened,
    /// A socket stopped serving.
    Closed,
    /// Other processes hold it than before.
    Owner,
    /// Other clients can reach it than before.
    Reach,
}

/// One change.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// When it was seen, RFC 3339.
    pub at: When,
    /// The socket after the change; before it, when it closed.
    pub socket: SocketDocument,
    /// Who could reach it before and can now, when that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reach_word: Option<Circle>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Noun for Change {}

/// What was seen until the watch ended.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Watched {
    /// Number of changes.
    pub changes: u32,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Noun for Watched {}

impl Op for Watch {
    declare! { "watch", Read at Machine with Looks, emits Change, answers Watched;
    "portward watch" => "everything that opens and closes",
    "portward watch 3000-3999 --json" => "dev servers, one JSON document per change",
    "portward watch 5432 --notify" => "a desktop notice when the database comes or goes" }

    fn run(self, cx: &Context<'_>, out: &mut Sink<'_, Change>) -> Result<Watched, Failure> {
        let end = self.timeout.map(|timeout| cx.now() + timeout.0);
        let mut known = self.look(cx);
        let mut changes = 0;
        let mut looked_whole = cx.now();
        cx.prompt.progress("watching; Ctrl-C ends it");
        'watch: while end.is_none_or(|end| cx.now() < end) {
            cx.wait_for_change(&[], cx.left(end, TURN))?;
            // Owners cost a walk over all processes: look for them when sockets changed, and now and then.
            if !self.sockets_changed(cx, &known) && cx.now().saturating_duration_since(looked_whole) < WHOLE {
                continue;
            }
            looked_whole = cx.now();
            let fresh = self.look(cx);
            for change in differences(&known, &fresh) {
                if self.notify {
                    let (title, text) = notice(&change);
                    cx.prompt.notify(&title, &text);
                }
                changes += 1;
                if !out.emit(change) || self.count.is_some_and(|count| changes >= count) {
                    break 'watch;
                }
            }
            known = fresh;
        }
        Ok(Watched { changes, gaps: known.view.snapshot.gaps.clone() })
    }
}

/// One look, with its serving sockets by identity.
struct Known {
    view: View,
    sockets: FxHashMap<SocketId, usize>,
    /// Identities of everything that serves, chosen or not, to tell cheaply whether anything changed.
    all: Vec<SocketId>,
}

impl Watch {
    fn look(&self, cx: &Context<'_>) -> Known {
        let named = Named::of(cx, &self.filters, None).unwrap_or_default();
        let view =
            Look { clients: false, ports: filter::kernel_filter(&self.filters, &named), ..Look::serving() }.take(cx.machine);
        let chosen = filter::choose(cx.machine, &view, &self.filters, &named);
        let mut sockets = FxHashMap::default();
        for index in chosen {
            if let Some(socket) = view.snapshot.sockets.get(index as usize).filter(|socket| socket.state.serves()) {
                sockets.insert(view.snapshot.id(socket), index as usize);
            }
        }
        let all = identities(&view);
        Known { view, sockets, all }
    }

    fn sockets_changed(&self, cx: &Context<'_>, known: &Known) -> bool {
        let quick = Look {
            owners: None,
            clients: false,
            interfaces: false,
            // What a session begins to serve is among all.
            ports: filter::kernel_filter(&self.filters, &Named::default()).filter(|_| !filter::names_places(&self.filters)),
            ..Look::serving()
        };
        identities(&quick.take(cx.machine)) != known.all
    }
}

fn identities(view: &View) -> Vec<SocketId> {
    let serving = view.snapshot.sockets.iter().filter(|socket| socket.state.serves());
    let mut all: Vec<SocketId> = serving.map(|socket| view.snapshot.id(socket)).collect();
    all.sort_unstable();
    all
}

fn differences(before: &Known, after: &Known) -> Vec<Change> {
    let at = When(after.view.snapshot.host.now);
    let change = |kind, known: &Known, index, reach_word| {
        let socket = SocketDocument::of(&known.view, index)?;
        Some(Change { kind, at, socket, reach_word, gaps: Vec::new() })
    };
    let mut found = Vec::new();
    for (id, &index) in &before.sockets {
        match after.sockets.get(id) {
            None => found.extend(change(ChangeKind::Closed, before, index, None)),
            Some(&now) => {
                if owners(before, index) != owners(after, now) {
                    found.extend(change(ChangeKind::Owner, after, now, None));
                }
                if let (Some(was), Some(is)) = (reach(before, index), reach(after, now))
                    && was != is
                {
                    found.extend(change(ChangeKind::Reach, after, now, Some(is)));
                }
            }
        }
    }
    for (id, &index) in &after.sockets {
        if !before.sockets.contains_key(id) {
            found.extend(change(ChangeKind::Opened, after, index, None));
        }
    }
    // What closed before what opened, as a restart looks; then by port.
    found.sort_by_key(|change| (change.kind != ChangeKind::Closed, change.socket.local.as_ref().map(|end| end.port)));
    found
}

fn owners(known: &Known, index: usize) -> Vec<u32> {
    let mut pids: Vec<u32> = known.view.snapshot.holders(index).iter().map(|holding| holding.pid).collect();
    pids.dedup();
    pids
}

fn reach(known: &Known, index: usize) -> Option<Circle> {
    known.view.snapshot.sockets.get(index).map(|socket| portward_checks::circle(&known.view.snapshot, socket))
}

/// The change in words: what happened, and to what.
pub fn notice(change: &Change) -> (String, String) {
    let (endpoint, owner) = (change.socket.endpoint(), change.socket.holder());
    match change.kind {
        ChangeKind::Opened => (format!("{endpoint} opened"), owner),
        ChangeKind::Closed => (format!("{endpoint} closed"), owner),
        ChangeKind::Owner => (format!("{endpoint} changed owner"), owner),
        ChangeKind::Reach => (format!("{endpoint} changed reach"), change.reach_word.map_or("", Circle::words).to_owned()),
    }
}

/// The longest time that an opened socket stays unnoticed.
const TURN: Duration = Duration::from_millis(100);
/// How often owners and reach are looked at while no socket comes or goes.
const WHOLE: Duration = Duration::from_secs(2);
