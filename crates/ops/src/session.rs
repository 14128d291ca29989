//! A project's session, for the supervisor: which port is which, and the record of what listens where.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
};

use portward_model::{Process, ProcessId, Text};
use portward_session::{Event, Ports, Witness};
use portward_sys::Host;

use crate::{
    Cx, Failure, Sink,
    document::GapDocument,
    op::url::url,
    session::told::{Listening, Ran},
    store::{ListenerRow, ProjectId, RunRow, ServiceRow, Stamp, Store},
};

pub(crate) mod recipes;
pub(crate) mod told;
pub(crate) mod watched;

/// The variable by which a program knows the session that it runs in: the project's number.
pub(crate) const VARIABLE: &str = "PORTWARD_SESSION";

/// A project's ports, as its supervisor asks for them.
pub(crate) struct ProjectPorts<'h> {
    store: Store<'h>,
    project: ProjectId,
    known: BTreeMap<u16, u16>,
    /// Every port of the project, those of names as well.
    own: BTreeSet<u16>,
    /// When these were read.
    read: Option<Stamp>,
}

impl<'h> ProjectPorts<'h> {
    /// The ports of a project.
    pub(crate) fn open(host: &'h dyn Host, project: ProjectId) -> Result<Self, Failure> {
        Ok(Self { store: Store::open(host)?, project, known: BTreeMap::new(), own: BTreeSet::new(), read: None })
    }

    /// Reads the mapping again where another process may have written.
    fn refresh(&mut self) {
        let stamp = self.store.stamp();
        if self.read == Some(stamp) {
            return;
        }
        // What was known stays where the store cannot be read now.
        if let (Ok(mapping), Ok(own)) = (self.store.mapping(self.project), self.store.ports(self.project)) {
            self.known = mapping.into_iter().collect();
            self.own = own;
            self.read = Some(stamp);
        }
    }
}

impl Ports for ProjectPorts<'_> {
    fn lease(&mut self, asked: u16) -> Result<u16, String> {
        self.refresh();
        if let Some(port) = self.known.get(&asked) {
            return Ok(*port);
        }
        // A program that was told its own port, as by PORT, means that one.
        if self.own.contains(&asked) {
            return Ok(asked);
        }
        let lease = self.store.lease(self.project, asked).map_err(|failure| failure.message)?;
        self.known.insert(asked, lease.port);
        self.own.insert(lease.port);
        Ok(lease.port)
    }

    fn find(&mut self, asked: u16) -> Option<u16> {
        self.refresh();
        self.known.get(&asked).copied()
    }

    fn all(&mut self) -> Vec<u16> {
        self.refresh();
        self.own.iter().copied().collect()
    }
}

/// Records what happens in a run, and tells of it.
pub(crate) struct Recorder<'a, 's> {
    host: &'a dyn Host,
    store: Store<'a>,
    run: i64,
    name: Option<String>,
    main: Option<ProcessId>,
    out: RefCell<&'a mut Sink<'s, Ran>>,
    /// Lines that nobody took, since one that was taken.
    unsaid: Cell<usize>,
}

impl<'a, 's> Recorder<'a, 's> {
    /// Begins the record of a run; this process is its supervisor.
    pub(crate) fn begin(
        host: &'a dyn Host,
        project: ProjectId,
        name: Option<String>,
        out: &'a mut Sink<'s, Ran>,
    ) -> Result<Self, Failure> {
        let mut store = Store::open(host)?;
        let own = identity(host, std::process::id())
            .ok_or_else(|| Failure::system("The supervisor's own process cannot be read in /proc."))?;
        let run = store.begin_run(project, own.id, &|supervisor| !is_alive(host, supervisor))?;
        Ok(Self { host, store, run, name, main: None, out: RefCell::new(out), unsaid: Cell::new(0) })
    }

    /// The service that a process belongs to: the nearest one above it, or its own name.
    fn service_of(&self, process: Option<&Process>) -> String {
        let services = self.store.services(self.run).unwrap_or_default();
        let mut at = process.cloned();
        let mut steps = 0;
        while let Some(process) = at {
            if let Some(service) = services.iter().find(|service| service.process == process.id) {
                if service.name.is_empty() {
                    break;
                }
                return service.name.clone();
            }
            steps += 1;
            at = if steps < MOST_LEVELS { identity(self.host, process.parent) } else { None };
        }
        let own = process.map(Process::title).filter(|title| !title.is_empty());
        self.name.clone().or(own).unwrap_or_else(|| "?".to_owned())
    }

    pub(crate) fn tell(&self, told: Ran) {
        let mut out = self.out.borrow_mut();
        let unsaid = self.unsaid.get();
        // Where nobody reads any more, or not now, the program goes on all the same.
        let reads = unsaid == 0 || out.emit(Ran { gaps: vec![unread(unsaid)], ..Ran::default() });
        self.unsaid.set(match (reads, reads && out.emit(told)) {
            (true, true) => 0,
            (true, false) => 1,
            _ => unsaid.saturating_add(1),
        });
    }
}

impl Witness for Recorder<'_, '_> {
    fn saw(&mut self, event: &Event) {
        match event {
            Event::Started { pid } => {
                let Some(process) = identity(self.host, *pid) else { return };
                self.main = Some(process.id);
                // One without a name goes by its program's, which changes while launchers become what they launch.
                let _ = self.store.add_service(self.run, process.id, self.name.as_deref().unwrap_or_default());
            }
            Event::Listening { pid, transport, asked, serves, pinned } => {
                let process = identity(self.host, *pid);
                let service = self.service_of(process.as_ref());
                let row = ListenerRow {
                    pid: *pid,
                    service: service.clone(),
                    transport: *transport,
                    asked: *asked,
                    serves: *serves,
                    pinned: *pinned,
                };
                let recorded = self.store.add_listener(self.run, &row);
                self.tell(Ran { listener: Some(listening(&row)), ..Ran::default() });
                if let Err(failure) = recorded {
                    self.tell(Ran {
                        refused: Some(format!("portward ps will not know of it: {}", failure.message)),
                        ..Ran::default()
                    });
                }
            }
            Event::Refused { pid, call, because } => {
                let name = identity(self.host, *pid).map_or_else(|| "A process".to_owned(), |process| process.title());
                let sentence = format!("{} (pid {pid}) was refused its {call}: {because}.", Text::from(name.as_str()));
                self.tell(Ran { refused: Some(sentence), ..Ran::default() });
            }
            Event::Ended => {
                if let Some(main) = self.main {
                    let _ = self.store.end_service(self.run, main);
                }
            }
        }
    }
}

impl Drop for Recorder<'_, '_> {
    fn drop(&mut self) {
        // A row that stays is cleared away by the next run of the project.
        let _ = self.store.end_run(self.run);
    }
}

/// What is missing among the lines of a run.
fn unread(lines: usize) -> GapDocument {
    GapDocument {
        what: if lines == 1 { "1 line of this run".to_owned() } else { format!("{lines} lines of this run") },
        need: "portward ps    shows what listens".to_owned(),
        effect: "not said, since nobody read standard error".to_owned(),
    }
}

/// A listener as it is told.
pub(crate) fn listening(row: &ListenerRow) -> Listening {
    let port = row.serves.port();
    let host = match portward_model::unmap(row.serves.ip()) {
        ip if ip.is_unspecified() => "127.0.0.1".to_owned(),
        std::net::IpAddr::V4(v4) => v4.to_string(),
        std::net::IpAddr::V6(v6) => format!("[{v6}]"),
    };
    let url = match row.transport {
        portward_model::Transport::Udp => format!("udp/localhost:{port}"),
        _ => url(port, row.asked.map(|asked| asked.port())),
    };
    Listening {
        service: row.service.clone(),
        asked: row.asked.map(|asked| asked.to_string()),
        serves: format!("{host}:{port}"),
        url,
        pid: row.pid,
        pinned: row.pinned,
    }
}

/// The run that this process is inside of, by what its environment says and the processes above it confirm.
pub(crate) fn around(cx: &Cx<'_>) -> Result<Option<RunRow>, Failure> {
    if std::env::var_os(VARIABLE).is_none() {
        return Ok(None);
    }
    enclosing(cx)
}

/// The run that this process is inside of, by the processes above it alone.
pub(crate) fn enclosing(cx: &Cx<'_>) -> Result<Option<RunRow>, Failure> {
    let Some(store) = Store::reading(cx.host)? else { return Ok(None) };
    let runs = store.runs()?;
    Ok(run_above(cx.host, std::process::id(), &runs).cloned())
}

/// The run that a process belongs to: a supervisor takes in what loses its parent, so that it stands above all of its own.
pub(crate) fn run_above<'r>(host: &dyn Host, pid: u32, runs: &'r [RunRow]) -> Option<&'r RunRow> {
    let mut above = Vec::new();
    let mut at = identity(host, pid);
    while let Some(process) = at.filter(|_| above.len() < MOST_LEVELS) {
        at = identity(host, process.parent);
        above.push(process.id);
    }
    runs.iter().find(|run| above.contains(&run.supervisor))
}

/// Gives this process a name in the session that it is inside of.
pub(crate) fn join(cx: &Cx<'_>, outer: &RunRow, name: Option<&str>) -> Result<(), Failure> {
    let (Some(name), Some(own)) = (name, identity(cx.host, std::process::id())) else { return Ok(()) };
    Store::open(cx.host)?.add_service(outer.id, own.id, name)
}

/// True while the process with this identity lives.
pub(crate) fn is_alive(host: &dyn Host, process: ProcessId) -> bool {
    identity(host, process.pid).is_some_and(|found| found.id == process && found.state != portward_model::ProcessState::Exited)
}

/// What a service is called: what it was named, or its program's name of the moment; that of a listener where it has ended.
pub(crate) fn name_of(host: &dyn Host, service: &ServiceRow, run: &RunRow) -> String {
    if !service.name.is_empty() {
        return service.name.clone();
    }
    let process = identity(host, service.process.pid).filter(|process| process.id == service.process);
    let listener = || run.listeners.first().map(|row| row.service.clone());
    process.map(|process| process.title()).or_else(listener).unwrap_or_else(|| "?".to_owned())
}

/// A process as it is now.
pub(crate) fn identity(host: &dyn Host, pid: u32) -> Option<Process> {
    host.processes(&[pid]).ok()?.into_iter().find(|process| process.id.pid == pid)
}

/// Parents that are looked at above a process.
const MOST_LEVELS: usize = 64;
