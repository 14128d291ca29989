//! The runs that there are: whose supervisors live, what they were started for, and where their programs listen.

use portward_model::{Failure, Gap, Moment, PortRange, Process, ProcessId, Rules, Text, Transport, unmap};
use portward_store::{ListenerRow, ProjectId, ProjectRow, RunRow, ServiceRow, Store};
use portward_sys::{Context, Look, Rights};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

use crate::told::{Listening, is_localhost, url_at};

/// A user's sessions, as their supervisors tell of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sessions {
    /// Those whose supervisors live, oldest first.
    pub runs: Vec<Run>,
    /// Supervisors that have ended without a word, such as killed ones.
    pub lost: Vec<ProcessId>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// A supervisor that lives, and what it supervises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The project that it was started in.
    pub project: RunProject,
    /// The supervisor's process.
    pub supervisor: ProcessId,
    /// The rules that its programs are under; `None` where their calls are left alone.
    pub rules: Option<Rules>,
    /// When it started.
    pub started_at: Moment,
    /// The programs that were started by name in it; the first is what the run was for.
    pub services: Vec<RunService>,
    /// Where its programs began to listen; some may have ceased since.
    pub listeners: Vec<RunListener>,
}

/// The project of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunProject {
    /// Its number in the reader's lease store; `None` where that does not know it, as after `HOME` has moved.
    pub id: Option<ProjectId>,
    /// What people call it: `shop`, `shop@fix-42`; empty for what belongs to no project.
    pub name: Text,
    /// Its root; `None` for what belongs to no project.
    pub root: Option<Text>,
    /// Its first block of ports; `None` where nobody knows it.
    pub block: Option<PortRange>,
}

/// A program that was started under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunService {
    /// Its process.
    pub process: ProcessId,
    /// The name; empty where it goes by its program's.
    pub name: String,
    /// True once that process has ended; what it started may go on.
    pub ended: bool,
}

/// A socket that began to listen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunListener {
    /// The process that asked.
    pub pid: u32,
    /// The service that it belongs to.
    pub service: String,
    /// TCP or UDP.
    pub transport: Transport,
    /// What was asked for; `None` where it listened without a bind.
    pub asked: Option<SocketAddr>,
    /// Where it stands.
    pub serves: SocketAddr,
    /// True when only this machine can reach it.
    pub pinned: bool,
}

/// The sessions of the user who asks. Whoever reads runs reads them here.
pub fn sessions<R: Rights>(cx: &Context<'_, R>) -> Result<Sessions, Failure> {
    match Store::reading(cx)? {
        Some(store) => recorded(cx.look(), &store),
        None => Ok(Sessions::default()),
    }
}

/// The sessions that stand in a store.
pub(crate) fn recorded(host: &dyn Look, store: &Store<'_>) -> Result<Sessions, Failure> {
    let projects = store.projects()?;
    let (alive, lost): (Vec<RunRow>, Vec<RunRow>) = store.runs()?.into_iter().partition(|run| is_alive(host, run.supervisor));
    let runs = alive.into_iter().map(|row| Run::of(row, &projects)).collect();
    Ok(Sessions { runs, lost: lost.into_iter().map(|row| row.supervisor).collect(), gaps: store.gaps() })
}

impl Sessions {
    /// Those of one project.
    pub fn of(&self, project: ProjectId) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(move |run| run.project.id == Some(project))
    }

    /// The run that a process belongs to: a supervisor takes in what loses its parent, so that it stands above all of its own.
    pub fn above(&self, host: &dyn Look, pid: u32) -> Option<&Run> {
        if self.runs.is_empty() {
            return None;
        }
        let mut above = Vec::new();
        let mut at = process_at(host, pid);
        while let Some(process) = at.filter(|_| above.len() < MOST_LEVELS) {
            at = process_at(host, process.parent);
            above.push(process.id);
        }
        self.runs.iter().find(|run| above.contains(&run.supervisor))
    }
}

impl Run {
    fn of(row: RunRow, projects: &[ProjectRow]) -> Self {
        let project = projects.iter().find(|project| project.id == row.project);
        let service = |service: ServiceRow| RunService { process: service.process, name: service.name, ended: service.ended };
        Self {
            project: RunProject {
                id: Some(row.project),
                name: project.map(|project| project.name.clone()).unwrap_or_default(),
                root: project.and_then(|project| project.root.clone()),
                block: project.map(|project| project.block),
            },
            supervisor: row.supervisor,
            rules: row.rules,
            started_at: row.started_at,
            services: row.services.into_iter().map(service).collect(),
            listeners: row.listeners.into_iter().map(Into::into).collect(),
        }
    }

    /// What one of its services is called: what it was named, or its program's name of the moment; that of a listener where it has ended.
    pub fn name_of(&self, host: &dyn Look, service: &RunService) -> String {
        if !service.name.is_empty() {
            return service.name.clone();
        }
        let process = process_at(host, service.process.pid).filter(|process| process.id == service.process);
        let listener = || self.listeners.first().map(|row| row.service.clone());
        let pid = service.process.pid;
        process.map(|process| called(pid, Some(&process))).or_else(listener).unwrap_or_else(|| called(pid, None))
    }
}

impl From<ListenerRow> for RunListener {
    fn from(row: ListenerRow) -> Self {
        let ListenerRow { pid, service, transport, asked, serves, pinned } = row;
        Self { pid, service, transport, asked, serves, pinned }
    }
}

impl From<RunListener> for ListenerRow {
    fn from(row: RunListener) -> Self {
        let RunListener { pid, service, transport, asked, serves, pinned } = row;
        Self { pid, service, transport, asked, serves, pinned }
    }
}

/// A listener as it is told.
pub fn listening(row: &RunListener) -> Listening {
    let port = row.serves.port();
    let host = match unmap(row.serves.ip()) {
        ip if ip.is_unspecified() => "127.0.0.1".to_owned(),
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    };
    // `localhost` is right for both families and every wildcard; other addresses of the loopback are called by themselves.
    let named = if unmap(row.serves.ip()).is_loopback() && !is_localhost(row.serves.ip()) { &host } else { "localhost" };
    let url = match row.transport {
        Transport::Udp => format!("udp/{named}:{port}"),
        _ => url_at(named, port, row.asked.map(|asked| asked.port())),
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
pub fn around<R: Rights>(cx: &Context<'_, R>) -> Result<Option<Run>, Failure> {
    if cx.caller.session.is_none() {
        return Ok(None);
    }
    let mut sessions = sessions(cx)?;
    // One that leaves calls alone holds nobody to its rules.
    sessions.runs.retain(|run| run.rules.is_some());
    Ok(sessions.above(cx.look(), cx.caller.process.pid).cloned())
}

/// The run that the caller is inside of, by the processes above it alone.
pub fn enclosing<R: Rights>(cx: &Context<'_, R>) -> Result<Option<Run>, Failure> {
    Ok(sessions(cx)?.above(cx.look(), cx.caller.process.pid).cloned())
}

/// True while the process with this identity lives.
pub fn is_alive(host: &dyn Look, process: ProcessId) -> bool {
    process_at(host, process.pid).is_some_and(|found| found.id == process && found.state != portward_model::ProcessState::Exited)
}

/// What a process without a name of its own goes by: its program, the name that the kernel still has for one that is ending,
/// or its number when it has gone.
pub(crate) fn called(pid: u32, process: Option<&Process>) -> String {
    process.map(Process::title).filter(|title| !title.is_empty()).unwrap_or_else(|| format!("pid {pid}"))
}

/// A process as it is now.
pub fn process_at(host: &dyn Look, pid: u32) -> Option<Process> {
    host.processes(&[pid]).ok()?.into_iter().find(|process| process.id.pid == pid)
}

/// Parents that are looked at above a process.
pub(crate) const MOST_LEVELS: usize = 64;

#[cfg(test)]
mod tests {
    use super::{called, process_at};

    #[test]
    fn a_process_that_has_gone_goes_by_its_number() {
        assert_eq!(called(42, None), "pid 42");
        let host = portward_sys::this_machine().unwrap();
        let own = process_at(host.as_ref(), portward_sys::this_caller().process.pid).unwrap();
        assert_eq!(called(own.id.pid, Some(&own)), own.title());
    }
}
