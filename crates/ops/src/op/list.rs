//! `portward list`

use clap::{Args, ValueEnum};
use portward_model::{SocketState, Transport};
use portward_sys::{StateSet, Transports, Which};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Context, Failure, Listing, Look, Looks, Op, Sink, Span, View,
    filter::{self, Filter, Named},
    named::own,
    rows,
};

/// Show this machine's endpoints: who listens, where, for whom, and why
///
/// One row per endpoint: its port and addresses, who can reach it, the process, its project or unit or
/// container, its user, age and clients. Without filters it shows every listening TCP socket, every bound
/// UDP socket, and the Unix sockets that belong to a project or a well-known service.
///
/// Filters combine: words of one kind widen (`3000 5173`), words of different kinds narrow
/// (`user:ana 3000-3999`). Of a list with commas any part will do (`3000,postgres`), and the name of a service stands for its
/// usual port, too. In a project `3000` is the project's as well, wherever its session serves it; the names of projects and of services
/// in sessions (`shop`, `dev`) are words, too.
///
/// Ports that a session keeps free for its project are left out, unless they are asked for by number or with --all.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct List {
    /// A port, a range `3000-3999`, a list `80,443`, an address, a process or service name, or pid:, user:, project:, state:, unit:, container:
    #[arg(value_name = "FILTER")]
    pub filters: Vec<Filter>,
    /// Connections too; both ends of a loopback connection are one row
    #[arg(long, short)]
    pub all: bool,
    /// TCP sockets
    #[arg(long, short)]
    pub tcp: bool,
    /// UDP sockets
    #[arg(long, short)]
    pub udp: bool,
    /// Unix sockets, every one of them
    #[arg(long, short = 'x')]
    pub unix: bool,
    /// Network namespaces to read: `all`, or the name or inode of one
    #[arg(long, value_name = "all|NAME")]
    pub netns: Option<String>,
    /// Order of the rows
    #[arg(long, value_name = "COLUMN", default_value = "port")]
    pub sort: Order,
    /// Columns to show, in this order; `--columns help` names them
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// Columns for processor time, memory, threads and queues
    #[arg(long)]
    pub stats: bool,
    /// Show the arguments of your own processes as they are, secrets too; as root, those of all
    #[arg(long)]
    pub show_args: bool,
    /// The project whose ports are meant: its name, or its folder; otherwise the one that this is typed in
    #[arg(long, value_name = "PROJECT")]
    pub project: Option<String>,
    /// Show again every second, until stopped
    #[arg(long, short)]
    pub watch: bool,
    /// Time between two looks with --watch
    #[arg(long, value_name = "TIME", default_value = "1s")]
    pub every: Every,
}

/// One second, unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Every(pub Span);

impl Default for Every {
    fn default() -> Self {
        Self(Span(std::time::Duration::from_secs(1)))
    }
}

impl std::str::FromStr for Every {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

/// What rows are ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Port, then address
    #[default]
    Port,
    /// Process name
    Process,
    /// Pid
    Pid,
    /// User
    User,
    /// Youngest first
    Age,
    /// Most clients first
    Clients,
    /// Widest reach first
    Reach,
    /// Project or unit
    Project,
}

impl Op for List {
    declare! { "list", Read at Anywhere with Looks, emits Listing, answers Listing;
    "portward" => "every endpoint of this machine",
    "portward 3000" => "who has port 3000; in a project, its own 3000 as well",
    "portward shop" => "what a project serves",
    "portward list node 3000-3999" => "node's ports from 3000 to 3999",
    "portward list --all 5432" => "PostgreSQL and everyone connected to it, by process",
    "portward list --json | jq '.sockets[].local.port'" => "the same for scripts" }

    fn run(self, cx: &Context<'_>, out: &mut Sink<'_, Listing>) -> Result<Listing, Failure> {
        if self.watch {
            while out.emit(self.once(cx)?) {
                cx.sleep(self.every.0.0)?;
            }
        }
        self.once(cx)
    }
}

impl List {
    fn once(&self, cx: &Context<'_>) -> Result<Listing, Failure> {
        let named = Named::of(cx, &self.filters, self.project.as_deref())?;
        let mut view = self.look(&named).take(cx.machine);
        if self.show_args {
            view.open_arguments(cx.machine, cx.caller.uid);
        }
        if let Some(name) = self.netns.as_deref().filter(|name| *name != "all")
            && view.snapshot.namespaces.is_empty()
        {
            return Err(Failure::usage(format!("No network namespace is named `{}`.", portward_model::Text::from(name)))
                .hint("portward list --netns all    shows those that there are"));
        }
        if view.snapshot.sockets.is_empty() && view.snapshot.host.now.0 == 0 {
            return Err(Failure::system("Nothing could be read of this machine."));
        }
        let known = named.known_for(cx, &view)?;
        own::tell(cx, &known, &mut view);
        let mut chosen = filter::choose(cx.machine, &view, &self.filters, &named);
        let connections = self.connections();
        let closed = self.all || !self.filters.is_empty();
        let shown = |state: SocketState| (connections || state.serves()) && (closed || state != SocketState::Closed);
        chosen.retain(|index| view.snapshot.sockets.get(*index as usize).is_some_and(|socket| shown(socket.state)));
        let mut rows = rows::rows(&view, &chosen);
        let (mut minor_unix, mut held) = (0, 0);
        if !self.all && !filter::names_places(&self.filters) {
            rows.retain(|row| {
                let is_held = row.sockets.iter().all(|index| own::is_held(&view, *index as usize));
                held += usize::from(is_held);
                !is_held
            });
            // Where a supervisor answers its own user is nobody else's concern.
            rows.retain(|row| {
                let asks = !self.unix && row.sockets.iter().all(|index| own::is_answering(&view, *index as usize));
                minor_unix += usize::from(asks);
                !asks
            });
        }
        if !self.unix && self.filters.is_empty() {
            rows.retain(|row| {
                let minor = row.first(&view).is_some_and(|socket| is_minor(&view, socket, row));
                minor_unix += usize::from(minor);
                !minor
            });
        }
        order(&mut rows, &view, self.sort);
        let mut columns = self.columns.clone();
        if columns.is_empty() && self.stats {
            columns = ["port", "address", "process", "pid", "cpu", "memory", "threads", "queue", "clients", "in", "out"]
                .map(str::to_owned)
                .to_vec();
        }
        if columns.is_empty() && self.show_args {
            columns = ["port", "address", "process", "pid", "user", "command"].map(str::to_owned).to_vec();
        }
        let meant = named.told(&known, &view);
        let mut listing = Listing::new(view, rows, chosen);
        listing.facts.minor_unix = minor_unix;
        listing.facts.held = held;
        listing.facts.meant = meant;
        listing.facts.columns = columns;
        listing.facts.filtered = !self.filters.is_empty();
        if listing.count() == (0, 0) && listing.facts.filtered && !connections {
            // Only where nothing else can be said: a port may well be in use without a listener.
            let all = Self { all: true, ..self.clone() }.once(cx)?;
            listing.facts.connections = all.count().1;
            listing.facts.asked = self.filters.iter().map(ToString::to_string).collect();
            listing.facts.asked_for = named.asked_for(&known);
            listing.facts.near = filter::words(&self.filters).flat_map(|word| known.near(word)).collect();
        }
        Ok(listing)
    }

    fn connections(&self) -> bool {
        self.all || filter::wants_connections(&self.filters)
    }

    fn look(&self, named: &Named) -> Look {
        let any = self.tcp || self.udp || self.unix;
        let transports = if any { Transports { tcp: self.tcp, udp: self.udp, unix: self.unix } } else { Transports::ALL };
        let which = match self.netns.as_deref() {
            None => Which::Own,
            Some("all") => Which::All,
            Some(name) => Which::Named(name.to_owned()),
        };
        Look {
            transports,
            states: if self.connections() { StateSet::All } else { StateSet::Serving },
            ports: filter::kernel_filter(&self.filters, named),
            which,
            traffic: self.stats,
            ..Look::serving()
        }
    }
}

/// Unix sockets that rarely matter: neither of a project, nor of a program that serves on a port too, nor of a
/// service that people connect to by path.
fn is_minor(view: &View, socket: &portward_model::Socket, row: &crate::Row) -> bool {
    if !socket.transport.is_unix() {
        return false;
    }
    if socket.transport != Transport::Unix || socket.state != SocketState::Listen {
        return true;
    }
    let path = socket.path().map(portward_model::Text::raw).unwrap_or_default();
    let well_known = portward_checks::is_known_socket(path);
    let in_project =
        row.pid(view).and_then(|pid| view.story(pid)).is_some_and(|story| story.project.is_some() || story.container.is_some());
    !(well_known || in_project)
}

fn order(rows: &mut [crate::Row], view: &View, order: Order) {
    let process = |row: &crate::Row| row.pid(view).and_then(|pid| view.snapshot.process(pid));
    match order {
        Order::Port => {}
        Order::Process => {
            rows.sort_by_cached_key(|row| process(row).map_or_else(|| "~".to_owned(), |process| process.title().to_lowercase()));
        }
        Order::Pid => rows.sort_by_key(|row| row.pid(view).unwrap_or(u32::MAX)),
        Order::User => rows.sort_by_cached_key(|row| row.first(view).map(|socket| view.user(socket.uid))),
        Order::Age => rows.sort_by_key(|row| std::cmp::Reverse(process(row).map(|process| process.started_at))),
        Order::Clients => rows.sort_by_key(|row| std::cmp::Reverse(row.clients(view))),
        Order::Reach => rows.sort_by_cached_key(|row| {
            row.first(view).map(|socket| {
                std::cmp::Reverse(portward_checks::reach(&view.snapshot, socket).iter().map(|reach| reach.who).max())
            })
        }),
        Order::Project => rows.sort_by_cached_key(|row| {
            row.pid(view).and_then(|pid| view.story(pid)).map_or_else(|| "~".to_owned(), |story| story.why.to_string())
        }),
    }
}
