//! A project's session, for the supervisor: which port is which, and the record of what listens where.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use portward_model::{Failure, Process, ProcessId, ProjectIdentity, Text};
use portward_session::{Event, Herald, Ports, Rules, Witness};
use portward_store::{ListenerRow, ProjectId, RunRow, ServiceRow, Stamp, Store};
use portward_sys::{Acts, Context, Look, Rights};

use crate::told::{Listening, Ran, Teller, url};

/// A project's ports, as its supervisor asks for them.
pub(crate) struct ProjectPorts<'h> {
    store: Store<'h>,
    identity: Option<ProjectIdentity>,
    /// Its number in this store.
    project: ProjectId,
    known: BTreeMap<u16, u16>,
    /// What it had in a store that was replaced by this one, as far as nobody else has it now.
    carried: BTreeMap<u16, u16>,
    /// Every port of the project, those of names as well.
    own: BTreeSet<u16>,
    /// When these were read.
    read: Option<Stamp>,
}

impl<'h> ProjectPorts<'h> {
    /// The ports of the project with this identity.
    pub(crate) fn open(cx: &Context<'h, Acts>, identity: Option<ProjectIdentity>) -> Result<Self, Failure> {
        let mut store = Store::open(cx)?;
        let project = store.project(identity.as_ref())?.id;
        let (known, carried) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { store, identity, project, known, carried, own: BTreeSet::new(), read: None })
    }

    /// Goes on in the store that has taken the place of this one, where the project may have another number.
    fn follow(&mut self) -> Result<(), Failure> {
        let Some(mut next) = self.store.successor()? else { return Ok(()) };
        let project = next.project(self.identity.as_ref())?.id;
        self.carried.append(&mut self.known);
        (self.store, self.project, self.read) = (next, project, None);
        Ok(())
    }

    /// Reads the mapping again where another process may have written.
    fn refresh(&mut self) {
        // None is made only to be read.
        if !self.store.is_gone() {
            let _ = self.follow();
        }
        let stamp = self.store.stamp();
        if self.read == Some(stamp) {
            return;
        }
        // What was known stays where the store cannot be read now.
        if let (Ok(mapping), Ok(own)) = (self.store.mapping(self.project), self.store.ports(self.project)) {
            self.known = mapping.into_iter().collect();
            self.own = own;
            if !self.carried.is_empty() {
                let rows = self.store.all().unwrap_or_default();
                self.carried.retain(|_, port| !rows.iter().any(|row| row.port == *port && row.id != self.project));
                self.own.extend(self.carried.values());
            }
            self.read = Some(stamp);
        }
    }
}

impl Ports for ProjectPorts<'_> {
    fn lease(&mut self, asked: u16) -> Result<u16, String> {
        self.follow().map_err(|failure| failure.message)?;
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
        self.known.get(&asked).or_else(|| self.carried.get(&asked)).copied()
    }

    fn all(&mut self) -> Vec<u16> {
        self.refresh();
        self.own.iter().copied().collect()
    }
}

/// Records what happens in a run, and tells of it.
pub(crate) struct Recorder<'a> {
    host: &'a dyn Look,
    store: Store<'a>,
    identity: Option<ProjectIdentity>,
    pub(crate) own: ProcessId,
    rules: Option<Rules>,
    run: i64,
    name: Option<String>,
    main: Option<ProcessId>,
    teller: Teller<Box<dyn FnMut(Ran) -> bool>>,
}

impl<'a> Recorder<'a> {
    /// Begins the record of a run in the project with this identity; this process is its supervisor.
    pub(crate) fn begin(
        cx: &Context<'a, Acts>,
        identity: Option<ProjectIdentity>,
        rules: Option<Rules>,
        name: Option<String>,
        herald: Herald,
    ) -> Result<Self, Failure> {
        let mut store = Store::open(cx)?;
        let host = cx.machine;
        // A process of its own, and not the caller's.
        let own = process_at(host, host.facts()?.pid)
            .ok_or_else(|| Failure::system("The supervisor's own process cannot be read in /proc."))?
            .id;
        let project = store.project(identity.as_ref())?.id;
        let run = store.begin_run(project, own, rules, &|supervisor| !is_alive(host, supervisor))?;
        // A document that does not fit a message is one that nobody takes.
        let say = move |told: Ran| serde_json::to_vec(&told).is_ok_and(|words| herald.say(&words));
        Ok(Self { host, store, identity, own, rules, run, name, main: None, teller: Teller::new(Box::new(say)) })
    }

    /// Begins the record anew in the store that has taken the place of this one.
    fn follow(&mut self) -> Result<(), Failure> {
        let Some(mut next) = self.store.successor()? else { return Ok(()) };
        let host = self.host;
        let project = next.project(self.identity.as_ref())?.id;
        let run = next.begin_run(project, self.own, self.rules, &|supervisor| !is_alive(host, supervisor))?;
        // The old file can be read as long as it is open.
        let before = self.store.runs().unwrap_or_default().into_iter().find(|row| row.id == self.run);
        for service in before.iter().flat_map(|row| &row.services) {
            next.add_service(run, service.process, &service.name)?;
            if service.ended {
                next.end_service(run, service.process)?;
            }
        }
        for listener in before.iter().flat_map(|row| &row.listeners) {
            next.add_listener(run, listener)?;
        }
        (self.store, self.run) = (next, run);
        Ok(())
    }

    /// The service that a process belongs to: the nearest one above it, or its own name.
    fn service_of(&self, pid: u32, process: Option<&Process>) -> String {
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
            at = if steps < MOST_LEVELS { process_at(self.host, process.parent) } else { None };
        }
        self.name.clone().unwrap_or_else(|| called(pid, process))
    }

    pub(crate) fn tell(&mut self, told: Ran) {
        self.teller.tell(told);
    }
}

impl Witness for Recorder<'_> {
    fn saw(&mut self, event: &Event) {
        match event {
            Event::Started { pid } => {
                let Some(process) = process_at(self.host, *pid) else { return };
                self.main = Some(process.id);
                // One without a name goes by its program's, which changes while launchers become what they launch.
                let _ = self.store.add_service(self.run, process.id, self.name.as_deref().unwrap_or_default());
            }
            Event::Listening { pid, transport, asked, serves, pinned } => {
                let process = process_at(self.host, *pid);
                let service = self.service_of(*pid, process.as_ref());
                let row = ListenerRow {
                    pid: *pid,
                    service: service.clone(),
                    transport: *transport,
                    asked: *asked,
                    serves: *serves,
                    pinned: *pinned,
                };
                let recorded = self.follow().and_then(|()| self.store.add_listener(self.run, &row));
                self.tell(Ran { listener: Some(listening(&row)), ..Ran::default() });
                if let Err(failure) = recorded {
                    self.tell(Ran {
                        refused: Some(format!("portward ps will not know of it: {}", failure.message)),
                        ..Ran::default()
                    });
                }
            }
            Event::Refused { pid, call, because } => {
                let name = process_at(self.host, *pid).map_or_else(|| "A process".to_owned(), |process| process.title());
                let sentence = format!("{} (pid {pid}) was refused its {call}: {because}.", Text::from_shown(&name));
                self.tell(Ran { refused: Some(sentence), ..Ran::default() });
            }
            Event::Strayed { pid, transport, serves, pinned } => {
                let name = process_at(self.host, *pid).map_or_else(|| "A process".to_owned(), |process| process.title());
                let end = if *pinned { "it is pinned to lo now" } else { "it could not be pinned to lo, and listens no more" };
                let (name, transport) = (Text::from_shown(&name), transport.name());
                let sentence = format!("{name} (pid {pid}) served {transport}/{serves} without a call that was seen; {end}.");
                self.tell(Ran { refused: Some(sentence), ..Ran::default() });
            }
            Event::Ended => {
                if let Some(main) = self.main {
                    let _ = self.store.end_service(self.run, main);
                }
            }
        }
    }

    fn look(&mut self) -> Duration {
        // None is made only to be written to by nobody else.
        if !self.store.is_gone() {
            let _ = self.follow();
        }
        BETWEEN_LOOKS
    }
}

impl Drop for Recorder<'_> {
    fn drop(&mut self) {
        // A row that stays is cleared away by the next run of the project.
        let _ = self.store.end_run(self.run);
    }
}

/// A listener as it is told.
pub fn listening(row: &ListenerRow) -> Listening {
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

/// The run that the caller is inside of, by what its environment says and the processes above it confirm.
pub fn around<R: Rights>(cx: &Context<'_, R>) -> Result<Option<RunRow>, Failure> {
    if cx.caller.session.is_none() {
        return Ok(None);
    }
    let Some(store) = Store::reading(cx)? else { return Ok(None) };
    let mut runs = store.runs()?;
    // One that leaves calls alone holds nobody to its rules.
    runs.retain(|run| run.rules.is_some());
    Ok(run_above(cx.look(), cx.caller.process.pid, &runs).cloned())
}

/// The run that the caller is inside of, by the processes above it alone.
pub fn enclosing<R: Rights>(cx: &Context<'_, R>) -> Result<Option<RunRow>, Failure> {
    let Some(store) = Store::reading(cx)? else { return Ok(None) };
    let runs = store.runs()?;
    Ok(run_above(cx.look(), cx.caller.process.pid, &runs).cloned())
}

/// The run that a process belongs to: a supervisor takes in what loses its parent, so that it stands above all of its own.
pub fn run_above<'r>(host: &dyn Look, pid: u32, runs: &'r [RunRow]) -> Option<&'r RunRow> {
    let mut above = Vec::new();
    let mut at = process_at(host, pid);
    while let Some(process) = at.filter(|_| above.len() < MOST_LEVELS) {
        at = process_at(host, process.parent);
        above.push(process.id);
    }
    runs.iter().find(|run| above.contains(&run.supervisor))
}

/// Gives the caller a name in the session that it is inside of.
pub fn join(cx: &Context<'_, Acts>, outer: &RunRow, name: Option<&str>) -> Result<(), Failure> {
    let (Some(name), Some(own)) = (name, process_at(cx.machine, cx.caller.process.pid)) else { return Ok(()) };
    Store::open(cx)?.add_service(outer.id, own.id, name)
}

/// True while the process with this identity lives.
pub fn is_alive(host: &dyn Look, process: ProcessId) -> bool {
    process_at(host, process.pid).is_some_and(|found| found.id == process && found.state != portward_model::ProcessState::Exited)
}

/// What a service is called: what it was named, or its program's name of the moment; that of a listener where it has ended.
pub fn name_of(host: &dyn Look, service: &ServiceRow, run: &RunRow) -> String {
    if !service.name.is_empty() {
        return service.name.clone();
    }
    let process = process_at(host, service.process.pid).filter(|process| process.id == service.process);
    let listener = || run.listeners.first().map(|row| row.service.clone());
    let pid = service.process.pid;
    process.map(|process| called(pid, Some(&process))).or_else(listener).unwrap_or_else(|| called(pid, None))
}

/// What a process without a name of its own goes by: its program, the name that the kernel still has for one that is ending,
/// or its number when it has gone.
fn called(pid: u32, process: Option<&Process>) -> String {
    process.map(Process::title).filter(|title| !title.is_empty()).unwrap_or_else(|| format!("pid {pid}"))
}

/// A process as it is now.
pub fn process_at(host: &dyn Look, pid: u32) -> Option<Process> {
    host.processes(&[pid]).ok()?.into_iter().find(|process| process.id.pid == pid)
}

/// Between two looks at where the store is.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
/// Parents that are looked at above a process.
const MOST_LEVELS: usize = 64;

#[cfg(test)]
mod tests {
    use super::called;

    #[test]
    fn a_process_that_has_gone_goes_by_its_number() {
        assert_eq!(called(42, None), "pid 42");
        let host = portward_sys::this_machine().unwrap();
        let own = super::process_at(host.as_ref(), portward_sys::this_caller().process.pid).unwrap();
        assert_eq!(called(own.id.pid, Some(&own)), own.title());
    }
}
