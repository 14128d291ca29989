//! Why a process runs: its container, supervisor, project and script.

use portward_checks::{container_of_cgroup, docker_proxy, is_delegated, script, supervisor, why_sentence};
use portward_model::{Container, Process, Project, Sentence, Snapshot, Supervisor, Text, Transport};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{View, carried};

/// What a process belongs to and what started it.
#[derive(Clone, Debug)]
pub struct Story {
    /// The container it runs in, or whose port it publishes.
    pub container: Option<Container>,
    /// What keeps it running.
    pub supervisor: Option<Supervisor>,
    /// The project it works for.
    pub project: Option<Project>,
    /// Pids of its parents, nearest first.
    pub ancestors: Vec<u32>,
    /// All of it in a short phrase.
    pub why: Sentence,
}

impl View {
    /// Says anew why a process runs, for a caller that knows more of it than the look did.
    pub fn retell(&mut self, pid: u32, why: Sentence) {
        if let Some(story) = self.stories.get_mut(&pid) {
            story.why = why;
        }
    }

    /// Says what a socket is kept for that nobody listens on.
    pub fn keep(&mut self, socket: usize, why: Sentence) {
        self.kept.insert(socket, why);
    }

    /// What was said of that.
    pub fn kept(&self, socket: usize) -> Option<&Sentence> {
        self.kept.get(&socket)
    }
}

impl Story {
    pub(super) fn of(snapshot: &Snapshot, projects: &FxHashMap<&[u8], &Project>, process: &Process) -> Self {
        let ancestors = ancestors(snapshot, process);
        let container = container_of(snapshot, process);
        let supervisor = supervisor(process, &ancestors, container.as_ref());
        let mut project = if container.is_some() { None } else { project_of(projects, process, &ancestors) };
        let script = script(process, &ancestors);
        let why = why_sentence(project.as_ref(), container.as_ref(), script.as_ref(), supervisor.as_ref()).into();
        if let Some(project) = &mut project {
            project.script = script;
        }
        Self { container, supervisor, project, ancestors: ancestors.iter().map(|ancestor| ancestor.id.pid).collect(), why }
    }

    /// True where something that it belongs to is called like this, in any case: a container or its service, a project, a
    /// supervisor; a unit with its kind or without.
    pub fn is_of(&self, name: &str) -> bool {
        let container = self.container.iter().flat_map(|container| container.name.iter().chain(&container.service));
        let project = self.project.iter().flat_map(|project| std::iter::once(&project.name).chain(&project.worktree));
        let names = container.chain(project).chain(self.supervisor.iter().map(|supervisor| &supervisor.name));
        let mut parts =
            names.flat_map(|own| own.raw().strip_suffix(b".service").unwrap_or(own.raw()).split(|byte| *byte == b'/'));
        parts.any(|part| part.eq_ignore_ascii_case(name.as_bytes()))
    }
}

fn ancestors<'a>(snapshot: &'a Snapshot, process: &Process) -> Vec<&'a Process> {
    let mut chain: Vec<&Process> = Vec::new();
    let mut parent = process.parent;
    // A pid may have been reused between two reads, and a chain that bites its own tail would not end.
    while let Some(next) = snapshot.process(parent).filter(|next| next.id.pid != process.id.pid && chain.len() < LONGEST_CHAIN) {
        chain.push(next);
        parent = next.parent;
    }
    chain
}

fn container_of(snapshot: &Snapshot, process: &Process) -> Option<Container> {
    if let Some(proxy) = docker_proxy(process, snapshot.host.uid) {
        let target = snapshot.containers.iter().find(|container| container.addresses.contains(&proxy.container_address));
        let inner_port = Some(proxy.container_port);
        return Some(match target {
            Some(container) => Container { inner_port, ..container.clone() },
            None => unnamed("docker", &proxy.container_address.to_string(), inner_port),
        });
    }
    let group = carried::by(snapshot, process).unwrap_or(process).cgroup.known()?;
    let (runtime, id) = container_of_cgroup(group)?;
    // A user names groups below their own as they like: what is one's own to say is no name of another's container.
    let is_said = is_delegated(group, snapshot.host.uid);
    let known = snapshot.containers.iter().find(|container| !is_said && container.id.starts_with(&id));
    Some(known.cloned().unwrap_or_else(|| unnamed(runtime, &id, None)))
}

fn unnamed(runtime: &str, id: &str, inner_port: Option<u16>) -> Container {
    Container {
        runtime: runtime.to_owned(),
        id: id.to_owned(),
        name: None,
        image: None,
        service: None,
        inner_port,
        addresses: Vec::new(),
    }
}

/// The project of its own directory, or of the script runner that started it: servers often move to `/`.
fn project_of(projects: &FxHashMap<&[u8], &Project>, process: &Process, ancestors: &[&Process]) -> Option<Project> {
    let near = std::iter::once(process).chain(ancestors.first().copied().filter(|parent| parent.session == process.session));
    near.filter_map(|process| process.cwd.known())
        .find_map(|directory| projects.get(directory.raw()))
        .map(|project| (*project).clone())
}

/// Directories that may lie in a project, one pid for each.
pub(super) fn directories(snapshot: &Snapshot) -> Vec<(u32, Text)> {
    let mut seen = FxHashSet::default();
    let mut found = Vec::new();
    for holding in &snapshot.holdings {
        let Some(process) = snapshot.process(holding.pid) else { continue };
        let parent = snapshot.process(process.parent).filter(|parent| parent.session == process.session);
        for process in std::iter::once(process).chain(parent) {
            let Some(directory) = process.cwd.known() else { continue };
            if seen.insert(directory.raw()) {
                found.push((process.id.pid, directory.clone()));
            }
        }
    }
    found
}

/// True where the runtimes of the machine have their sockets.
fn is_usual(path: &Text) -> bool {
    (path.raw().starts_with(b"/run/") || path.raw().starts_with(b"/var/run/")) && !path.raw().starts_with(b"/run/user/")
}

/// More runtimes than any machine has.
const MOST_RUNTIMES: usize = 8;

/// Sockets of container runtimes to ask, when some holder is in a container or publishes one.
pub(super) fn runtimes(snapshot: &Snapshot) -> Vec<Text> {
    let in_container = |process: &Process| process.cgroup.known().is_some_and(|path| container_of_cgroup(path).is_some());
    let publishes = |process: &Process| docker_proxy(process, snapshot.host.uid).is_some();
    if !snapshot.processes.iter().any(|process| in_container(process) || publishes(process)) {
        return Vec::new();
    }
    let mut found: Vec<Text> = Vec::new();
    // A daemon with a socket of its own says so in its arguments, `-H unix:///path`.
    for process in snapshot.processes.iter().filter(|process| process.name.raw() == b"dockerd") {
        let arguments = process.argv.known().map(portward_model::CommandLine::arguments).unwrap_or_default();
        for argument in arguments {
            if let Some(at) = argument.raw().windows(7).position(|window| window == b"unix://") {
                found.push(Text::new(argument.raw().get(at + 7..).unwrap_or_default()));
            }
        }
    }
    for socket in snapshot.sockets.iter().filter(|socket| socket.transport == Transport::Unix && socket.state.serves()) {
        let path = socket.path().map(Text::raw).unwrap_or_default();
        if path.ends_with(b"docker.sock") || path.ends_with(b"podman.sock") {
            found.push(Text::new(path));
        }
    }
    if found.is_empty() {
        found.push(Text::from("/run/docker.sock"));
    }
    // Anybody may make sockets of such names, and as many as they like: those where runtimes have theirs come first.
    found.sort_unstable_by(|one, other| is_usual(other).cmp(&is_usual(one)).then(one.cmp(other)));
    found.dedup();
    found.truncate(MOST_RUNTIMES);
    found
}

const LONGEST_CHAIN: usize = 64;
