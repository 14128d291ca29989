//! One owner of a socket as scripts read it.

use std::{cell::RefCell, sync::Arc};

use portward_model::{Ancestor, Container, Holding, Need, Process, Project, Seen, Sentence, Text, Via};
use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Absence, Supervised, When};
use crate::View;

/// One process that holds a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Owner")]
pub struct OwnerDocument {
    /// Its pid.
    pub pid: u32,
    /// The thread whose own descriptor table holds the socket; `null` when the whole process does.
    pub tid: Option<u32>,
    /// The descriptor's number; with `ring`, that of the ring.
    pub fd: u32,
    /// True where the socket is registered with an `io_uring` of the process, and need be in no descriptor table.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ring: bool,
    /// How it came by the socket.
    pub via: Option<Via>,
    /// Why `via` is `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via_gap: Option<Absence>,
    /// The process itself, shared by all that it holds.
    #[serde(flatten)]
    pub process: Arc<ProcessDocument>,
}

/// What is known of a process that holds sockets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessDocument {
    /// When it started, RFC 3339; `null` for a process that vanished while it was read.
    pub started_at: Option<When>,
    /// The kernel's name for it.
    pub name: Text,
    /// The name a person would use: the script of an interpreter.
    pub title: String,
    /// Its arguments, secrets masked.
    pub argv: Option<Vec<Text>>,
    /// Why `argv` is `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub argv_gap: Option<Absence>,
    /// The path of its program.
    pub exe: Option<Text>,
    /// Why `exe` is `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe_gap: Option<Absence>,
    /// True when the program's file was deleted or replaced since it started.
    pub exe_deleted: bool,
    /// Its current directory.
    pub cwd: Option<Text>,
    /// Why `cwd` is `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd_gap: Option<Absence>,
    /// Its effective user.
    pub uid: u32,
    /// That user's name, or the number.
    pub user: Text,
    /// Its control group; `null` where it could not be read.
    pub cgroup: Option<Text>,
    /// The container it runs in, or whose port it publishes.
    pub container: Option<Container>,
    /// What keeps it running.
    pub supervisor: Option<Supervised>,
    /// The project it works for.
    pub project: Option<Project>,
    /// Why it runs, in a short phrase.
    pub why: Option<Sentence>,
    /// Its parents, nearest first.
    pub ancestry: Vec<Ancestor>,
    /// Processor time used, in milliseconds.
    pub cpu_ms: Option<u64>,
    /// Resident memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// Number of threads.
    pub threads: Option<u32>,
}

/// The documents of processes, each made once: one that holds ten thousand sockets is told ten thousand times.
#[derive(Default)]
pub(crate) struct Processes(RefCell<FxHashMap<u32, Arc<ProcessDocument>>>);

impl Processes {
    fn of(&self, view: &View, pid: u32) -> Arc<ProcessDocument> {
        let make =
            || Arc::new(view.snapshot.process(pid).map_or_else(ProcessDocument::vanished, |it| ProcessDocument::of(view, it)));
        Arc::clone(self.0.borrow_mut().entry(pid).or_insert_with(make))
    }

    /// Every owner of the socket at this position; how each came by it is left out where no column says it.
    pub(super) fn owners(&self, view: &View, index: usize, for_table: bool) -> Vec<OwnerDocument> {
        if for_table {
            let owner = |held: &Holding| {
                let process = self.of(view, held.pid);
                OwnerDocument { pid: held.pid, tid: held.tid, fd: held.fd, ring: held.ring, via: None, via_gap: None, process }
            };
            return view.snapshot.holders(index).iter().map(owner).collect();
        }
        let owner = |(holding, via): (Holding, Seen<Via>)| {
            let process = self.of(view, holding.pid);
            // Of a process that held the socket a moment ago nothing more is known.
            let via = if process.started_at.is_some() { via } else { Seen::Hidden(Need::Platform) };
            let via_gap = Absence::of(&via, "how it came by the socket");
            OwnerDocument {
                pid: holding.pid,
                tid: holding.tid,
                fd: holding.fd,
                ring: holding.ring,
                via: via.known().copied(),
                via_gap,
                process,
            }
        };
        portward_checks::via(&view.snapshot, index).into_iter().map(owner).collect()
    }
}

impl ProcessDocument {
    fn of(view: &View, process: &Process) -> Self {
        let story = view.story(process.id.pid);
        let ancestors = story.map(|story| story.ancestors.as_slice()).unwrap_or_default();
        Self {
            started_at: Some(When(process.started_at)),
            name: process.name.clone(),
            title: process.title(),
            argv: process.argv.known().map(|line| line.arguments().to_vec()),
            argv_gap: Absence::of(&process.argv, "the command line"),
            exe: process.exe.known().cloned(),
            exe_gap: Absence::of(&process.exe, "the program's path"),
            exe_deleted: process.exe_deleted,
            cwd: process.cwd.known().cloned(),
            cwd_gap: Absence::of(&process.cwd, "the current directory"),
            uid: process.uid,
            user: view.user(process.uid),
            cgroup: process.cgroup.known().cloned(),
            container: story.and_then(|story| story.container.clone()),
            supervisor: story.and_then(|story| story.supervisor.as_ref()).map(Supervised::from),
            project: story.and_then(|story| story.project.clone()),
            why: story.map(|story| story.why.clone()).filter(|why| !why.is_empty()),
            ancestry: ancestors.iter().filter_map(|pid| view.snapshot.process(*pid)).map(ancestor).collect(),
            cpu_ms: Some(process.cpu_ms),
            memory_bytes: Some(process.memory_bytes),
            threads: Some(process.threads),
        }
    }

    /// A process that held a socket a moment ago, and had ended when its facts were read.
    fn vanished() -> Self {
        let gone = || Absence::of(&Seen::<()>::Gone, "the process");
        Self { argv_gap: gone(), exe_gap: gone(), cwd_gap: gone(), ..Self::default() }
    }
}

fn ancestor(process: &Process) -> Ancestor {
    Ancestor { pid: process.id.pid, name: Text::from_shown(&process.title()) }
}
