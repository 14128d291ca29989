//! Who is to be stopped, and who must not be.

use portward_model::{Lack, Process, ProcessId, ProcessState, Seen, ShellLine, SupervisorKind, Text, Via};
use portward_sys::{self as sys, Depth, Signal};

use crate::{
    Acts, Context, Failure, Freed, Look, Refused, Story, Supervised, View,
    document::{Gap, Refusal, absence_of_owners},
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

    pub(super) fn refused(&self, why: Refusal) -> Refused {
        Refused::new(self.process.pid, self.name.clone(), why)
    }
}

/// What follows from one look at each endpoint.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) marks: Vec<Mark>,
    pub(super) refused: Vec<Refused>,
    pub(super) supervisor: Option<Supervised>,
    pub(super) gaps: Vec<Gap>,
}

impl Plan {
    /// Adds the holders of everything that serves the endpoint.
    pub(super) fn add(&mut self, cx: &Context<'_, Acts>, target: &Target, tree: bool) -> Result<(), Failure> {
        let host = cx.machine;
        let look = Look { owners: Some(Depth::Threads), clients: false, ..target.look() };
        let (target, view) = target.looked(host, &look);
        let is_sure = target.behind(&view).is_none_or(|behind| behind.sure);
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
                let absence = absence_of_owners(&view, socket).text;
                self.refuse(0, name, Refusal::Unseen { uid: socket.uid, unit, absence });
            }
            let activated = holders.iter().any(|(_, via)| *via == Seen::Known(Via::Activated));
            if !is_sure {
                for process in holders.iter().filter_map(|(holding, _)| view.snapshot.process(holding.pid)) {
                    self.refuse(process.id.pid, process.title(), Refusal::PerhapsAnother);
                }
                continue;
            }
            for (holding, via) in holders {
                // The supervisor that keeps a listener for its service is named, not stopped.
                let keeps_for_another = activated && via != Seen::Known(Via::Activated);
                match view.snapshot.process(holding.pid) {
                    Some(process) if keeps_for_another => {
                        self.refuse(process.id.pid, process.title(), Refusal::KeepsForAnother);
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
        if let Some(why) = untouchable(itself, process, story) {
            self.refuse(process.id.pid, process.title(), why);
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
                Some(why) => self.refuse(member.id.pid, member.title(), why),
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

    /// Notes a refusal once: several sockets of one user and unit may have the same holder, which nobody sees.
    fn refuse(&mut self, pid: u32, name: String, why: Refusal) {
        let same = |known: &Refused| match (&known.why, &why) {
            (Refusal::Unseen { uid, unit, .. }, Refusal::Unseen { uid: other, unit: others, .. }) => {
                uid == other && unit == others
            }
            (known, why) => std::mem::discriminant(known) == std::mem::discriminant(why),
        };
        if !self.refused.iter().any(|known| known.pid == pid && same(known)) {
            self.refused.push(Refused::new(pid, name, why));
        }
    }
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

fn untouchable(itself: &Itself, process: &Process, story: Option<&Story>) -> Option<Refusal> {
    let pid = process.id.pid;
    if pid == 1 {
        return Some(Refusal::FirstProcess);
    }
    if pid == itself.pid {
        return Some(Refusal::ThisCommand);
    }
    if itself.parents.contains(&pid) {
        return Some(Refusal::AboveThisCommand);
    }
    if process.argv.known().is_some_and(portward_model::CommandLine::is_empty) && process.parent == KTHREADD {
        return Some(Refusal::KernelThread);
    }
    if process.state == ProcessState::Exited && process.threads <= 1 {
        return Some(Refusal::Exited);
    }
    let container = story.and_then(|story| story.container.as_ref())?;
    // A proxy only forwards: without it the container would keep running, published nowhere.
    container.inner_port?;
    let container = container.name.as_ref().map_or_else(|| container.id.clone(), Text::shown);
    let stop = story.and_then(|story| story.supervisor.as_ref()).and_then(|supervisor| supervisor.stop.clone());
    let stop = stop.unwrap_or_else(|| ShellLine::from("docker stop").operand(&container));
    Some(Refusal::Publishes { container, stop })
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
