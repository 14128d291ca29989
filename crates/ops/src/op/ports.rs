//! `portward ports`

use clap::Args;
use portward_checks::{Circle, circle, reach_width};
use portward_model::{
    Reach, Sentence, Socket, Text, Transport, inert,
    plan::{DeclaredPort, Plan, Service},
};
use portward_reading::project::{Loaded, load};
use portward_store::Store;
use portward_sys::{StateSet, Transports};
use portward_wire::project_file::protocol_of;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Context, Exit, Failure, Look, Looks, Never, Noun, Op, Sink, document::Gap, named::Known};

/// Print this project's port table: what each service asks for, where it is served here, what it speaks, and who may reach it
///
/// The table comes from portward.toml, and from what runs: a port that a session of this project serves and no file declares is in it,
/// too. With --markdown it is a table for the README, of what the file declares alone, the same on every machine.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ports {
    /// A table for the README, without what differs between machines
    #[arg(long)]
    pub markdown: bool,
}

/// The ports of a project.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PortTable {
    /// Each port, in the order of the file.
    pub ports: Vec<PortRow>,
    /// True when a table for the README was asked for.
    pub markdown: bool,
    /// Why there is none; `null` where there is one.
    pub because: Option<Sentence>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// A port of a project.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PortRow {
    /// Its service; `web.debug` for a further port of `web`.
    pub service: String,
    /// The port that its program asks for.
    pub asked: u16,
    /// TCP or UDP.
    pub transport: Transport,
    /// Where a client dials on this machine; `null` where nothing was leased for it yet.
    pub serves: Option<String>,
    /// What is spoken there; `null` where neither the file nor the port says.
    pub protocol: Option<String>,
    /// What it is for.
    pub purpose: Option<Text>,
    /// The name under which others reach it.
    pub public: Option<String>,
    /// True when something serves it now.
    pub running: bool,
    /// The widest circle of those who may reach it now; `null` where nothing serves it.
    pub circle: Option<Circle>,
    /// Who may reach it now; empty where nothing serves it.
    pub reach: Vec<Reach>,
    /// The file that declares it; `null` for one that only runs.
    pub file: Option<String>,
    /// Its line there.
    pub line: Option<u32>,
}

impl PortTable {
    /// The table for a README, line by line: what is declared alone, the same on every machine.
    pub fn markdown_lines(&self) -> Vec<String> {
        markdown(&self.ports)
    }
}

impl PortRow {
    /// `3000`, `udp/8125`
    pub fn asked_words(&self) -> String {
        match self.transport {
            Transport::Udp => format!("udp/{}", self.asked),
            _ => self.asked.to_string(),
        }
    }
}

/// The table that a plan's README should hold.
pub(crate) fn markdown_of(plan: &Plan) -> Vec<String> {
    let ports = plan.services.iter().flat_map(|service| service.ports.iter().map(move |port| row(service, port)));
    markdown(&ports.collect::<Vec<_>>())
}

fn markdown(ports: &[PortRow]) -> Vec<String> {
    let line = |row: &PortRow| {
        let purpose = row.purpose.as_ref().map(ToString::to_string).unwrap_or_default();
        let protocol = row.protocol.clone().unwrap_or_default();
        let cells = [row.service.clone(), row.asked_words(), protocol, purpose, row.public.clone().unwrap_or_default()];
        let cells: Vec<String> = cells.iter().map(|cell| inert(cell).replace('|', "\\|")).collect();
        format!("| {} |", cells.join(" | "))
    };
    [MARKDOWN.to_owned(), "|---|---|---|---|---|".to_owned()].into_iter().chain(ports.iter().map(line)).collect()
}

/// The first line of the table, by which it is found again.
pub(crate) const MARKDOWN: &str = "| service | port | protocol | purpose | public name |";

impl Noun for PortTable {
    fn exit(&self) -> Exit {
        if self.ports.is_empty() { Exit::Found } else { Exit::Fine }
    }

    fn each_line(&self, line: &mut dyn FnMut(&dyn crate::ErasedSerialize) -> std::io::Result<()>) -> std::io::Result<()> {
        self.ports.iter().try_for_each(|port| line(&crate::Document::new(port)))
    }
}

impl Op for Ports {
    declare! { "ports", Read at Machine with Looks, emits Never, answers PortTable;
    "portward ports" => "web 3000 localhost:20300 http the shop's front",
    "portward ports --markdown" => "the same for the README" }
    const KEPT: bool = true;

    fn run(self, cx: &Context<'_>, _: &mut Sink<'_, Never>) -> Result<PortTable, Failure> {
        let loaded = load(cx)?;
        let mut ports: Vec<PortRow> = Vec::new();
        for service in &loaded.plan.services {
            ports.extend(service.ports.iter().map(|port| row(service, port)));
        }
        let mut gaps = Vec::new();
        if !self.markdown {
            gaps = lives(cx, &loaded, &mut ports)?;
        }
        let because = ports.is_empty().then(|| {
            let root = loaded.identity.as_ref().map(|identity| identity.project.root.shown());
            let place = root.unwrap_or_else(|| "This folder".to_owned());
            match &loaded.file {
                Some(_) => format!("{place} declares no ports.").into(),
                None => format!("{place} has no portward.toml, and none of its programs serves anything.").into(),
            }
        });
        Ok(PortTable { ports, markdown: self.markdown, because, gaps })
    }
}

fn row(service: &Service, port: &DeclaredPort) -> PortRow {
    let name = port.name.as_ref().map_or_else(|| service.name.clone(), |name| format!("{}.{name}", service.name));
    let is_first = service.port() == Some(port);
    PortRow {
        service: name,
        asked: port.asked,
        transport: port.transport,
        serves: None,
        protocol: protocol_of(service, port).filter(|_| port.transport == Transport::Tcp).map(|(known, _)| known.name.to_owned()),
        purpose: service.description.as_deref().filter(|_| is_first).map(Text::from),
        public: service.public.clone().filter(|_| is_first),
        running: false,
        circle: None,
        reach: Vec::new(),
        file: Some(port.origin.file.clone()),
        line: Some(port.origin.line),
    }
}

/// Adds where each is served here, who may reach it, and what runs without being declared.
fn lives(cx: &Context<'_>, loaded: &Loaded, ports: &mut Vec<PortRow>) -> Result<Vec<Gap>, Failure> {
    let mut gaps = Vec::new();
    let mut leased = Vec::new();
    if let Some(store) = Store::reading(cx)? {
        gaps.extend(store.gaps());
        if let Some(project) = store.known_project(loaded.identity.as_ref())? {
            leased = store.mapping(project.id)?;
        }
    }
    let known = Known::own(cx, None)?;
    let listening: Vec<_> =
        known.sessions.iter().filter(|session| known.is_here(session)).flat_map(|session| &session.services).collect();
    let number = |address: &str| address.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
    let mut served: Vec<(Transport, u16, u16, String)> = Vec::new();
    for listener in listening.iter().flat_map(|service| &service.listeners) {
        if let (Some(asked), Some(port)) = (listener.asked.as_deref().and_then(number), number(&listener.serves)) {
            served.push((listener.transport, asked, port, listener.service.clone()));
        }
    }
    for (transport, asked, _, service) in &served {
        if !ports.iter().any(|row| (row.transport, row.asked) == (*transport, *asked)) {
            ports.push(PortRow {
                service: service.clone(),
                asked: *asked,
                transport: *transport,
                serves: None,
                protocol: None,
                purpose: None,
                public: None,
                running: true,
                circle: None,
                reach: Vec::new(),
                file: None,
                line: None,
            });
        }
    }
    let transports = Transports { tcp: true, udp: true, unix: false };
    let look = Look { transports, states: StateSet::Serving, owners: None, clients: false, ..Look::serving() };
    let view = look.take(cx.look());
    gaps.extend(view.snapshot.gaps.iter().cloned());
    for row in ports {
        let live = served.iter().find(|(transport, asked, ..)| (*transport, *asked) == (row.transport, row.asked));
        let port = live.map(|(_, _, port, _)| *port);
        let port = port.or_else(|| leased.iter().find(|(asked, _)| *asked == row.asked).map(|(_, port)| *port));
        let Some(port) = port else { continue };
        row.serves = Some(format!("localhost:{port}"));
        let serving: Vec<&Socket> = view.serving(row.transport, port).map(|(_, socket)| socket).collect();
        row.running = !serving.is_empty();
        let width =
            |socket: &&&Socket| portward_checks::reach(&view.snapshot, socket).iter().map(|one| reach_width(one.who)).max();
        row.circle = serving.iter().max_by_key(width).map(|socket| circle(&view.snapshot, socket));
        for reach in serving.iter().flat_map(|socket| portward_checks::reach(&view.snapshot, socket)) {
            if !row.reach.contains(&reach) {
                row.reach.push(reach);
            }
        }
    }
    Ok(gaps)
}
