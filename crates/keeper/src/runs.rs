//! The runs that there are: whose supervisors live, what they were started for, and where their programs listen.
//!
//! Every supervisor answers for itself, all at once and within a moment. One that lives and does not answer is a run all the same, with
//! what the kernel knows of it. What supervisors of the release before this one have recorded in the lease store is read as well.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use portward_model::{
    Caller, Failure, Gap, Lack, Moment, Need, PortRange, Process, ProcessId, ProcessState, Rules, Text, Transport, unmap,
};
use portward_store::{ListenerRow, ProjectId, ProjectRow, RunRow, ServiceRow, Store, hurried};
use portward_sys::{Acts, Context, Look, Rights, path_of, runtime};
use serde::{Deserialize, Serialize};

use crate::{
    asking::{Asking, asked, unheard, unseen},
    control,
    lending::lending,
    record::{Ask, KeptAs, Record},
    told::{Listening, is_localhost},
};

/// A user's sessions, as their supervisors tell of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sessions {
    /// Those whose supervisors live, oldest first.
    pub runs: Vec<Run>,
    /// Supervisors that have ended without a word, such as killed ones.
    pub lost: Vec<ProcessId>,
    /// The project that has the real ports.
    pub front: Option<ProjectId>,
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
    /// The service that it is, where a project's keeper started it.
    pub kept: Option<KeptAs>,
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
    /// The root of the project that its process works in, where that is another one than the session's.
    #[serde(default)]
    pub from: Option<Text>,
    /// It speaks HTTP inside TLS, by its own word.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_secure: bool,
}

/// The sessions of the user who asks. Whoever reads runs reads them here.
pub fn sessions<R: Rights>(cx: &Context<'_, R>) -> Result<Sessions, Failure> {
    let (store, gap) = leases(cx);
    let mut found = sessions_by(cx, store.as_ref());
    found.gaps.extend(gap);
    Ok(found)
}

/// The same, with what this store says of projects.
pub fn sessions_by<R: Rights>(cx: &Context<'_, R>, store: Option<&Store<'_>>) -> Sessions {
    let mut found = told(cx.look(), cx.caller, Asking::default(), store);
    // A keeper that was killed has left its socket as well, and supervised nobody.
    found.lost.retain(|process| !crate::services::was_keeper(cx.caller, *process));
    found.front = hurried(A_MOMENT, || lending(cx.look(), cx.caller, store?).ok()??.holder(cx.look())).0;
    let known: Vec<ProcessId> = found.runs.iter().map(|run| run.supervisor).collect();
    match unheard(cx, &known) {
        Ok(pids) => found.gaps.extend(pids.iter().map(|pid| unseen(*pid, None))),
        Err(error) => found.gaps.push(error.gap(Lack::Sessions)),
    }
    found
}

/// The store, where it can be read in a moment: another program may keep it to itself.
fn leases<'h, R: Rights>(cx: &Context<'h, R>) -> (Option<Store<'h>>, Option<Gap>) {
    match hurried(A_MOMENT, || Store::reading(cx)).0 {
        Ok(store) => (store, None),
        Err(failure) => (None, Some(unread(failure))),
    }
}

fn unread(failure: Failure) -> Gap {
    let need = Need::Command("portward lease    says what is the matter with the store".into());
    Gap { lack: Lack::Leases, need, error: Some(failure.message) }
}

/// The sessions that there are, by what their supervisors tell; with what the store says of projects.
pub(crate) fn told(host: &dyn Look, caller: &Caller, asking: Asking<'_>, store: Option<&Store<'_>>) -> Sessions {
    let mut found = asked(host, caller, asking, store);
    if let Some(store) = store {
        let heard: Vec<ProcessId> = found.runs.iter().map(|run| run.supervisor).collect();
        match recorded(host, store) {
            Ok(older) => found.runs.extend(older.into_iter().filter(|run| !heard.contains(&run.supervisor))),
            Err(failure) => found.gaps.push(unread(failure)),
        }
        found.gaps.extend(store.gaps());
    }
    found.runs.sort_by_key(|run| (run.started_at, run.supervisor));
    found
}

/// What supervisors of the release before this one have recorded, as far as they live.
fn recorded(host: &dyn Look, store: &Store<'_>) -> Result<Vec<Run>, Failure> {
    let (rows, _) = hurried(A_MOMENT, || Ok::<_, Failure>((store.runs()?, store.projects()?)));
    let (rows, projects) = rows?;
    Ok(rows.into_iter().filter(|row| is_alive(host, row.supervisor)).map(|row| Run::of(row, &projects)).collect())
}

impl Sessions {
    /// Those of one project.
    pub fn of(&self, project: ProjectId) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(move |run| run.project.id == Some(project))
    }

    /// The run that a process belongs to, the innermost of several: a supervisor takes in what loses its parent, so that it stands above
    /// all of its own.
    pub fn above(&self, host: &dyn Look, pid: u32) -> Option<&Run> {
        if self.runs.is_empty() {
            return None;
        }
        all_above(host, pid).iter().find_map(|above| self.runs.iter().find(|run| run.supervisor == *above))
    }
}

/// A process and all that are above it.
fn all_above(host: &dyn Look, pid: u32) -> Vec<ProcessId> {
    line_of(host, pid).into_iter().map(|process| process.id).collect()
}

/// A process and those above it, nearest first, in one reading.
pub(crate) fn line_of(host: &dyn Look, pid: u32) -> Vec<Process> {
    let mut read = host.processes(&[pid]).unwrap_or_default();
    let (mut line, mut next) = (Vec::new(), pid);
    while line.len() < MOST_LEVELS
        && let Some(at) = read.iter().position(|process| process.id.pid == next)
    {
        let process = read.swap_remove(at);
        next = process.parent;
        line.push(process);
    }
    line
}

impl RunProject {
    fn known(row: ProjectRow) -> Self {
        Self { id: Some(row.id), name: row.name, root: row.root, block: Some(row.block) }
    }
}

impl Run {
    /// By what its supervisor tells.
    pub(crate) fn told(record: Record, store: Option<&Store<'_>>) -> Self {
        let Record { supervisor, identity, block, rules, started_at, services, listeners, kept } = record;
        let known = store.and_then(|store| store.known_project(identity.as_ref()).ok().flatten());
        let unknown = || RunProject {
            id: None,
            name: identity.as_ref().map(portward_model::ProjectIdentity::title).unwrap_or_default(),
            root: identity.as_ref().map(|identity| identity.project.root.clone()),
            block,
        };
        Self { project: known.map_or_else(unknown, RunProject::known), supervisor, rules, started_at, services, listeners, kept }
    }

    /// By what the kernel knows of its supervisor: where that stands, and what it started.
    pub(crate) fn silent(host: &dyn Look, supervisor: &Process, all: &[Process], store: Option<&Store<'_>>) -> Self {
        let identity = supervisor.cwd.known().and_then(|cwd| host.project_at(&path_of(cwd)).ok().flatten());
        let programs = all.iter().filter(|process| {
            process.parent == supervisor.id.pid
                && process.state != ProcessState::Exited
                && process.name.raw() != portward_session::DOORS.as_bytes()
        });
        let service = |process: &Process| RunService { process: process.id, name: String::new(), ended: false };
        let record = Record {
            supervisor: supervisor.id,
            identity,
            block: None,
            rules: None,
            started_at: supervisor.started_at,
            services: programs.map(service).collect(),
            listeners: Vec::new(),
            kept: None,
        };
        Self::told(record, store)
    }

    /// By the record of a supervisor of the release before this one.
    fn of(row: RunRow, projects: &[ProjectRow]) -> Self {
        let project = projects.iter().find(|project| project.id == row.project);
        let service = |service: ServiceRow| RunService { process: service.process, name: service.name, ended: service.ended };
        Self {
            project: project.cloned().map_or_else(RunProject::default, RunProject::known),
            supervisor: row.supervisor,
            rules: row.rules,
            started_at: row.started_at,
            services: row.services.into_iter().map(service).collect(),
            listeners: row.listeners.into_iter().map(Into::into).collect(),
            kept: None,
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
        Self { pid, service, transport, asked, serves, pinned, from: None, is_secure: false }
    }
}

/// A listener as it is told; the process that serves tells what it speaks, where it can be seen.
pub fn listening(row: &RunListener, process: Option<&Process>) -> Listening {
    let port = row.serves.port();
    let host = match unmap(row.serves.ip()) {
        ip if ip.is_unspecified() => "127.0.0.1".to_owned(),
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    };
    // `localhost` is right for both families and every wildcard; other addresses of the loopback are called by themselves.
    let named = if unmap(row.serves.ip()).is_loopback() && !is_localhost(row.serves.ip()) { &host } else { "localhost" };
    let spoken = portward_checks::spoken(process, row.asked.map(|asked| asked.port()));
    let scheme = spoken.filter(|_| row.transport == Transport::Tcp).and_then(|(known, tls)| known.scheme(tls));
    let scheme = if row.is_secure { Some("https") } else { scheme };
    Listening {
        service: row.service.clone(),
        asked: row.asked.map(|asked| asked.to_string()),
        serves: format!("{host}:{port}"),
        transport: row.transport,
        url: scheme.map(|scheme| format!("{scheme}://{named}:{port}")),
        pid: row.pid,
        pinned: row.pinned,
        from: row.from.clone(),
    }
}

/// The run that the caller is inside of, by what its environment says and the processes above it confirm.
pub fn around<R: Rights>(cx: &Context<'_, R>) -> Result<Option<Run>, Failure> {
    // One that leaves calls alone holds nobody to its rules.
    let inside = if cx.caller.session.is_some() { enclosing(cx)? } else { None };
    Ok(inside.filter(|run| run.rules.is_some()))
}

/// The run that the caller is inside of, by the processes above it alone. Nobody else is asked.
pub fn enclosing<R: Rights>(cx: &Context<'_, R>) -> Result<Option<Run>, Failure> {
    let host = cx.look();
    let above = all_above(host, cx.caller.process.pid);
    let is_above = |run: &Run| above.contains(&run.supervisor);
    let store = leases(cx).0;
    let mut runs = asked(host, cx.caller, Asking { only: Some(&above), ..Asking::default() }, store.as_ref()).runs;
    if !runs.iter().any(is_above)
        && let Some(store) = &store
    {
        runs.extend(recorded(host, store).unwrap_or_default());
    }
    // The innermost one, where one leaves calls alone and another does not.
    let place = |run: &Run| above.iter().position(|process| *process == run.supervisor);
    Ok(runs.into_iter().filter(is_above).min_by_key(place))
}

/// Gives the caller a name in the session that it is inside of. Where its supervisor does not take it, it goes by its program's.
pub fn join(cx: &Context<'_, Acts>, outer: &Run, name: Option<&str>) {
    if let Some(name) = name {
        let ask = control::question(&Ask::Name { name: name.to_owned() });
        runtime::ask(cx.caller, Some(&[outer.supervisor]), &ask, A_MOMENT);
    }
}

/// True while the process with this identity lives.
pub fn is_alive(host: &dyn Look, process: ProcessId) -> bool {
    host.living(&[process]).is_ok_and(|living| living.contains(&process))
}

/// What a process without a name of its own goes by: its program, the name that the kernel still has for one that is ending,
/// or its number when it has gone.
pub(crate) fn called(pid: u32, process: Option<&Process>) -> String {
    process.map(Process::title).filter(|title| !title.is_empty()).unwrap_or_else(|| format!("pid {pid}"))
}

/// A process as it is now.
pub fn process_at(host: &dyn Look, pid: u32) -> Option<Process> {
    host.alone(&[pid]).ok()?.into_iter().find(|process| process.id.pid == pid)
}

/// How long the store is waited for, and a supervisor that is told a name: sessions are known without.
const A_MOMENT: Duration = Duration::from_millis(200);
/// Parents that are looked at above a process.
const MOST_LEVELS: usize = 64;

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
