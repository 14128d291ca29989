//! Who is to be stopped, and who must not be.

use portward_model::{Lack, Process, ProcessId, ProcessState, Seen, SupervisorKind, Text, Via};
use portward_sys::{self as sys, Depth, Signal};

use crate::{
    Acts, Context, Failure, Freed, Look, Refused, Story, Supervised, View,
    document::{Gap, absence_of_owners},
    target::Target,
};

/// A process that is to be stopped.
pub(super) struct Mark {
    pub(super) process: ProcessId,
    pub(super) name: String,
}

impl Mark {
    pub(super) fn freed(&self, signal: Signal) -> Freed {
        Freed { pid: self.process.pid, name: self.name.clone(), signal }
    }

    pub(super) fn refused(&self, because: String) -> Refused {
        Refused { port: None, pid: self.process.pid, name: self.name.clone(), because }
    }
}

/// What follows from one look at each endpoint.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) marks: Vec<Mark>,
    pub(super) refused: Vec<Refused>,
    pub(super) supervisor: Option<Supervised>,
    pub(super) gaps: Vec<Gap>,
    left: Vec<(u32, Left)>,
}

impl Plan {
    /// Adds the holders of everything that serves the endpoint.
    pub(super) fn add(&mut self, cx: &Context<'_, Acts>, target: &Target, tree: bool) -> Result<(), Failure> {
        let host = cx.machine;
        let view = Look { owners: Some(Depth::Threads), clients: false, ..target.look() }.take(host);
        if view.snapshot.lacks(&Lack::Sockets) {
            return Err(Failure::system("Sockets cannot be read here, so nothing was stopped."));
        }
        self.gaps.extend(view.snapshot.gaps.iter().cloned());
        let itself = Itself::of(cx)?;
        for index in target.serving(&view) {
            let holders = portward_checks::via(&view.snapshot, index);
            if holders.is_empty() {
                let Some(socket) = view.snapshot.sockets.get(index) else { continue };
                let unit = view.cgroup(socket).and_then(portward_checks::unit_of_cgroup).map(|unit| unit.name);
                let name = format!("a process of user {}", view.user(socket.uid));
                let because = absence_of_owners(&view, socket).text;
                self.refuse(Left::Unseen { uid: socket.uid, unit }, 0, name, because.into_owned());
            }
            let activated = holders.iter().any(|(_, via)| *via == Seen::Known(Via::Activated));
            for (holding, via) in holders {
                // The supervisor that keeps a listener for its service is named, not stopped.
                let keeps_for_another = activated && via != Seen::Known(Via::Activated);
                match view.snapshot.process(holding.pid) {
                    Some(process) if keeps_for_another => {
                        let because =
                            "it keeps this socket open for the service that it starts on demand; stop its socket unit instead";
                        self.refuse(Left::Keeps, process.id.pid, process.title(), because.to_owned());
                    }
                    Some(process) => self.consider(host, &view, &itself, process, tree)?,
                    None => {}
                }
            }
        }
        Ok(())
    }

    fn consider(
        &mut self,
        host: &dyn sys::Look,
        view: &View,
        itself: &Itself,
        process: &Process,
        tree: bool,
    ) -> Result<(), Failure> {
        let story = view.story(process.id.pid);
        if let Some(supervisor) = story.and_then(|story| story.supervisor.as_ref()) {
            let known = self.supervisor.as_ref().is_some_and(|known| known.restarts || !supervisor.restarts);
            if !known && supervisor.kind != SupervisorKind::Shell {
                self.supervisor = Some(Supervised::from(supervisor));
            }
        }
        if let Some(because) = untouchable(itself, process, story) {
            self.refuse(Left::Untouchable, process.id.pid, process.title(), because);
            return Ok(());
        }
        if !tree {
            self.mark(process);
            return Ok(());
        }
        let top = story.and_then(|story| top_of_tree(view, itself, story)).unwrap_or(process);
        let mut pids = vec![top.id.pid];
        pids.extend(host.descendants(top.id.pid)?);
        for member in host.processes(&pids)?.iter().filter(|member| pids.contains(&member.id.pid)) {
            match untouchable(itself, member, None) {
                None => self.mark(member),
                Some(because) => self.refuse(Left::Untouchable, member.id.pid, member.title(), because),
            }
        }
        // From the top: a script that runner restarts has no time to.
        self.marks.sort_by_key(|mark| pids.iter().position(|pid| *pid == mark.process.pid));
        Ok(())
    }

    fn mark(&mut self, process: &Process) {
        if !self.marks.iter().any(|mark| mark.process == process.id) {
            self.marks.push(Mark { process: process.id, name: process.title() });
        }
    }

    fn refuse(&mut self, left: Left, pid: u32, name: String, because: String) {
        if !self.left.contains(&(pid, left.clone())) {
            self.left.push((pid, left));
            self.refused.push(Refused { port: None, pid, name, because });
        }
    }
}

/// What makes two refusals the same one, beside the pid.
#[derive(Clone, PartialEq, Eq)]
enum Left {
    /// Whoever holds it cannot be seen: its user and unit.
    Unseen { uid: u32, unit: Option<Text> },
    /// It keeps a socket for another.
    Keeps,
    /// What it is.
    Untouchable,
}

/// The caller: its pid and those of its parents.
struct Itself {
    pid: u32,
    parents: Vec<u32>,
}

impl Itself {
    fn of(cx: &Context<'_, Acts>) -> Result<Self, Failure> {
        let pid = cx.caller.process.pid;
        let processes = cx.machine.processes(&[pid])?;
        let parent_of = |pid: u32| processes.iter().find(|process| process.id.pid == pid).map(|process| process.parent);
        let parents: Vec<u32> = std::iter::successors(parent_of(pid), |pid| parent_of(*pid)).take(64).collect();
        // Without the chain of parents nobody could be kept from stopping the shell that it was typed in.
        if pid == 0 || parents.is_empty() {
            return Err(Failure::system("Portward cannot tell which processes it descends from, so nothing was stopped."));
        }
        Ok(Self { pid, parents })
    }
}

fn untouchable(itself: &Itself, process: &Process, story: Option<&Story>) -> Option<String> {
    let pid = process.id.pid;
    if pid == 1 {
        return Some("it is pid 1, which starts and keeps everything else; it is never signalled".to_owned());
    }
    if pid == itself.pid {
        return Some("it is this very command".to_owned());
    }
    if itself.parents.contains(&pid) {
        return Some("this command runs inside it; stop it from somewhere else".to_owned());
    }
    if process.argv.known().is_some_and(portward_model::CommandLine::is_empty) && process.parent == KTHREADD {
        return Some("it is a thread of the kernel".to_owned());
    }
    if process.state == ProcessState::Exited && process.threads <= 1 {
        return Some("it has exited already and waits for its parent to notice".to_owned());
    }
    let container = story.and_then(|story| story.container.as_ref())?;
    // A proxy only forwards: without it the container would keep running, published nowhere.
    container.inner_port?;
    let name = container.name.as_ref().map_or_else(|| container.id.clone(), Text::shown);
    let stop = story.and_then(|story| story.supervisor.as_ref()).and_then(|supervisor| supervisor.stop.clone());
    Some(format!(
        "it publishes a port of container {name}, which would keep running; stop the container: {}",
        stop.unwrap_or_else(|| format!("docker stop {name}"))
    ))
}

/// The script or manager at the top of the holder's tree, unless this command runs inside it.
fn top_of_tree<'a>(view: &'a View, itself: &Itself, story: &Story) -> Option<&'a Process> {
    let supervisor = story.supervisor.as_ref()?;
    if !matches!(supervisor.kind, SupervisorKind::Script | SupervisorKind::Manager) {
        return None;
    }
    let pid = supervisor.pid.filter(|pid| *pid > 1 && *pid != itself.pid && !itself.parents.contains(pid))?;
    view.snapshot.process(pid)
}

/// The kernel's own parent of its threads.
const KTHREADD: u32 = 2;
