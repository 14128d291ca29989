//! One owner of a socket as scripts read it.

use portward_model::{Ancestor, Container, Holding, Need, Process, Project, Seen, Text, Via};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Absence, Supervised, rfc3339};
use crate::View;

/// One process that holds a socket.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Owner")]
pub struct OwnerDocument<'a> {
    /// Its pid.
    pub pid: u32,
    /// The thread whose own descriptor table holds the socket; `null` when the whole process does.
    pub tid: Option<u32>,
    /// When it started, RFC 3339; `null` for a process that vanished while it was read.
    pub started_at: Option<String>,
    /// The kernel's name for it.
    pub name: Text,
    /// The name a person would use: the script of an interpreter.
    pub title: String,
    /// Its arguments, secrets masked.
    pub argv: Option<&'a [Text]>,
    /// Why `argv` is `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub argv_gap: Option<Absence>,
    /// The path of its program.
    pub exe: Option<&'a Text>,
    /// Why `exe` is `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe_gap: Option<Absence>,
    /// True when the program's file was deleted or replaced since it started.
    pub exe_deleted: bool,
    /// Its current directory.
    pub cwd: Option<&'a Text>,
    /// Why `cwd` is `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd_gap: Option<Absence>,
    /// Its effective user.
    pub uid: u32,
    /// That user's name, or the number.
    pub user: Text,
    /// The descriptor's number.
    pub fd: u32,
    /// How it came by the socket.
    pub via: Option<Via>,
    /// Why `via` is `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via_gap: Option<Absence>,
    /// The container it runs in, or whose port it publishes.
    pub container: Option<&'a Container>,
    /// What keeps it running.
    pub supervisor: Option<Supervised>,
    /// The project it works for.
    pub project: Option<&'a Project>,
    /// Why it runs, in a short phrase.
    pub why: Option<&'a str>,
    /// Its parents, nearest first.
    pub ancestry: Vec<Ancestor>,
    /// Processor time used, in milliseconds.
    pub cpu_ms: Option<u64>,
    /// Resident memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// Number of threads.
    pub threads: Option<u32>,
}

impl<'a> OwnerDocument<'a> {
    /// Every owner of the socket at this position.
    pub fn all(view: &'a View, index: usize) -> Vec<Self> {
        portward_checks::via(&view.snapshot, index).into_iter().map(|(holding, via)| Self::of(view, &holding, &via)).collect()
    }

    fn of(view: &'a View, holding: &Holding, via: &Seen<Via>) -> Self {
        let Some(process) = view.snapshot.process(holding.pid) else { return Self::vanished(holding) };
        let story = view.story(process.id.pid);
        let ancestors = story.map(|story| story.ancestors.as_slice()).unwrap_or_default();
        Self {
            pid: process.id.pid,
            tid: holding.tid,
            started_at: Some(rfc3339(process.started_at)),
            name: process.name.clone(),
            title: process.title(),
            argv: process.argv.known().map(portward_model::CommandLine::arguments),
            argv_gap: Absence::of(&process.argv, "the command line"),
            exe: process.exe.known(),
            exe_gap: Absence::of(&process.exe, "the program's path"),
            exe_deleted: process.exe_deleted,
            cwd: process.cwd.known(),
            cwd_gap: Absence::of(&process.cwd, "the current directory"),
            uid: process.uid,
            user: view.user(process.uid),
            fd: holding.fd,
            via: via.known().copied(),
            via_gap: Absence::of(via, "how it came by the socket"),
            container: story.and_then(|story| story.container.as_ref()),
            supervisor: story.and_then(|story| story.supervisor.as_ref()).map(Supervised::from),
            project: story.and_then(|story| story.project.as_ref()),
            why: story.map(|story| story.why.as_str()).filter(|why| !why.is_empty()),
            ancestry: ancestors.iter().filter_map(|pid| view.snapshot.process(*pid)).map(ancestor).collect(),
            cpu_ms: Some(process.cpu_ms),
            memory_bytes: Some(process.memory_bytes),
            threads: Some(process.threads),
        }
    }

    /// A process that held the socket a moment ago, and had ended when its facts were read.
    fn vanished(holding: &Holding) -> Self {
        let gone = || Absence::of(&Seen::<()>::Gone, "the process");
        Self {
            pid: holding.pid,
            tid: holding.tid,
            started_at: None,
            name: Text::default(),
            title: String::new(),
            argv: None,
            argv_gap: gone(),
            exe: None,
            exe_gap: gone(),
            exe_deleted: false,
            cwd: None,
            cwd_gap: gone(),
            uid: 0,
            user: Text::default(),
            fd: holding.fd,
            via: None,
            via_gap: Absence::of(&Seen::<()>::Hidden(Need::Platform), "how it came by the socket"),
            container: None,
            supervisor: None,
            project: None,
            why: None,
            ancestry: Vec::new(),
            cpu_ms: None,
            memory_bytes: None,
            threads: None,
        }
    }
}

fn ancestor(process: &Process) -> Ancestor {
    Ancestor { pid: process.id.pid, name: Text::from_shown(&process.title()) }
}
