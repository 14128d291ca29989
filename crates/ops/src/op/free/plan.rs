//! Who is to be stopped, and who must not be.

use portward_checks::{Carries, container_of_cgroup};
use portward_model::{
    CommandLine, Lack, Own, Process, ProcessId, ProcessState, Seen, Sentence, ShellLine, SupervisorKind, Text, Transport, Via,
    shell,
};
use portward_sys::{self as sys, Depth, Signal};

use super::notes;
use crate::{
    Acts, Context, Failure, Freed, Look, Refused, Story, Supervised, View,
    document::{Gap, Refusal, absence_of_owners},
    named::{Known, own},
    target::Target,
};

/// A process that is to be stopped.
pub(super) struct Mark {
    pub(super) process: ProcessId,
    pub(super) name: String,
    pub(super) parent: u32,
    pub(super) state: ProcessState,
    /// Its arguments, by which one that is started in its place is known.
    pub(super) argv: Option<CommandLine>,
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
    /// The supervisor's pid, where it is a process.
    supervisor_pid: Option<u32>,
    pub(super) gaps: Vec<Gap>,
    pub(super) notes: Vec<Sentence>,
    /// The sessions that run.
    known: Known,
}

impl Plan {
    /// A plan for a caller who knows of these sessions.
    pub(super) fn of(known: Known) -> Self {
        Self { known, ..Self::default() }
    }

    /// The command that stops the session with this supervisor.
    fn stop(&self, supervisor: Option<u32>) -> ShellLine {
        let session = supervisor.and_then(|pid| self.known.supervised_by(pid));
        match session.and_then(|session| session.project.as_ref()) {
            Some(name) => ShellLine::from("portward stop").operand(name),
            None => ShellLine::from("portward stop"),
        }
    }

    /// Why a process of Portward's own is not stopped: what it does ends in another way.
    fn own(&self, process: &Process) -> Option<Refusal> {
        match Own::of(process)? {
            Own::Front => Some(self.known.front().map_or(Refusal::LendsPorts, |project| Refusal::Lends { project })),
            Own::Session => Some(Refusal::Supervises { stop: self.stop(Some(process.id.pid)) }),
            Own::Forward => Some(Refusal::Forwards { stop: ShellLine::from("portward forward remove").operand(process.id.pid) }),
            Own::Keeper | Own::Hands | Own::Command => None,
        }
    }

    /// Adds the holders of everything that serves the endpoint. Gives the endpoint that it turned out to be: a bare number whose
    /// port only UDP has is that of UDP.
    pub(super) fn add(
        &mut self,
        cx: &Context<'_, Acts>,
        itself: &Itself,
        target: &Target,
        tree: bool,
    ) -> Result<Target, Failure> {
        let look = Look { owners: Some(Depth::Threads), ..target.look() };
        let (mut target, mut view) = target.looked(cx.machine, &look);
        own::tell(cx, &self.known, &mut view);
        if view.snapshot.lacks(&Lack::Sockets) {
            return Err(Failure::system("Sockets cannot be read here, so nothing was stopped."));
        }
        self.gaps.extend(view.snapshot.gaps.iter().cloned());
        if let Some(note) = notes::another_machines(&view, &target) {
            self.note(note);
            return Ok(target);
        }
        let mut serving = target.serving(&view);
        if serving.is_empty()
            && let Some((udp, told)) = notes::udp_instead(&view, &target)
        {
            self.note(told);
            if let Some(udp) = udp {
                serving = udp.serving(&view);
                target = udp;
            }
        }
        if serving.is_empty() {
            for meant in self.known.elsewhere(&target.endpoint) {
                self.note(format!("{}.", meant.elsewhere()).into());
            }
            for note in notes::not_served(cx.machine, &view, &target) {
                self.note(note);
            }
        }
        let is_sure = target.behind(&view).is_none_or(|behind| behind.sure);
        for index in serving {
            if let Some(kept) = view.kept(index) {
                self.note(format!("{} is {kept}.", target.endpoint).into());
            }
            self.holders(cx, &view, itself, index, is_sure, tree)?;
        }
        Ok(target)
    }

    /// Adds the holders of one socket.
    fn holders(
        &mut self,
        cx: &Context<'_, Acts>,
        view: &View,
        itself: &Itself,
        index: usize,
        is_sure: bool,
        tree: bool,
    ) -> Result<(), Failure> {
        let holders = portward_checks::via(&view.snapshot, index);
        let Some(socket) = view.snapshot.sockets.get(index) else { return Ok(()) };
        if holders.is_empty() {
            let unit = view.cgroup(socket).and_then(portward_checks::unit_of_cgroup).map(|unit| unit.name);
            let name = format!("a process of user {}", view.user(socket.uid));
            let absence = absence_of_owners(view, socket).text;
            self.refuse(0, name, Refusal::Unseen { uid: socket.uid, unit, absence });
        }
        if !is_sure {
            for process in holders.iter().filter_map(|(holding, _)| view.snapshot.process(holding.pid)) {
                self.refuse(process.id.pid, process.title(), Refusal::PerhapsAnother);
            }
            return Ok(());
        }
        for note in notes::inherited(view, &holders) {
            self.note(note);
        }
        let activated = holders.iter().any(|(_, via)| *via == Seen::Known(Via::Activated));
        for (holding, via) in holders {
            // The supervisor that keeps a listener for its service is named, not stopped.
            let keeps_for_another = activated && via != Seen::Known(Via::Activated);
            match view.snapshot.process(holding.pid) {
                Some(process) if keeps_for_another => {
                    self.refuse(process.id.pid, process.title(), Refusal::KeepsForAnother);
                }
                Some(process) => self.consider(cx.machine, view, itself, process, (socket.transport, socket.port()), tree)?,
                None => {}
            }
        }
        Ok(())
    }

    /// Adds processes that were named themselves.
    pub(super) fn named(
        &mut self,
        cx: &Context<'_, Acts>,
        itself: &Itself,
        view: &View,
        processes: &[ProcessId],
        tree: bool,
    ) -> Result<(), Failure> {
        self.gaps.extend(view.snapshot.gaps.iter().cloned());
        for process in processes.iter().filter_map(|id| view.snapshot.process(id.pid)) {
            self.consider(cx.machine, view, itself, process, (Transport::Tcp, None), tree)?;
        }
        Ok(())
    }

    fn consider(
        &mut self,
        host: &dyn sys::Look,
        view: &View,
        itself: &Itself,
        process: &Process,
        at: (Transport, Option<u16>),
        tree: bool,
    ) -> Result<(), Failure> {
        let story = view.story(process.id.pid);
        if let Some(why) = self.own(process).or_else(|| untouchable(itself, process, story, at)) {
            self.refuse(process.id.pid, process.title(), why);
            return Ok(());
        }
        let above = story.map(|story| story.ancestors.as_slice()).unwrap_or_default();
        let looping = above
            .iter()
            .take(FEW_ABOVE)
            .filter_map(|pid| view.snapshot.process(*pid))
            .find(|above| portward_checks::is_loop(above));
        if let Some(shell) = looping {
            let name = Text::new(format!("the loop of {} (pid {})", shell.title(), shell.id.pid));
            let stop = Some(shell!("kill {}", shell.id.pid));
            let supervised = Supervised { kind: SupervisorKind::Script, name, restarts: true, stop };
            self.supervised(supervised, Some(shell.id.pid));
        } else if let Some(supervisor) = story.and_then(|story| story.supervisor.as_ref())
            && supervisor.kind != SupervisorKind::Shell
        {
            let own = supervisor.kind == SupervisorKind::Session;
            let stop = if own { Some(self.stop(supervisor.pid)) } else { supervisor.stop.clone() };
            self.supervised(Supervised { stop, ..Supervised::from(supervisor) }, supervisor.pid);
        }
        if !tree {
            self.mark(process);
            return Ok(());
        }
        let loop_above = looping.filter(|shell| shell.id.pid > 1 && itself.may_end(shell.id.pid));
        let top = loop_above.or_else(|| story.and_then(|story| top_of_tree(view, itself, story))).unwrap_or(process);
        let mut pids = vec![top.id.pid];
        pids.extend(host.descendants(top.id.pid)?);
        for member in host.processes(&pids)?.iter().filter(|member| pids.contains(&member.id.pid)) {
            match self.own(member).or_else(|| untouchable(itself, member, None, at)) {
                None => self.mark(member),
                Some(why) => self.refuse(member.id.pid, member.title(), why),
            }
        }
        // From the top: a script that runner restarts has no time to.
        self.marks.sort_by_key(|mark| pids.iter().position(|pid| *pid == mark.process.pid));
        Ok(())
    }

    /// Keeps the supervisor that matters most: one that starts what ends again.
    fn supervised(&mut self, supervisor: Supervised, pid: Option<u32>) {
        let known = self.supervisor.as_ref().is_some_and(|known| known.restarts || !supervisor.restarts);
        if !known {
            self.supervisor = Some(supervisor);
            self.supervisor_pid = pid;
        }
    }

    /// Who is to be stopped itself starts nothing again.
    pub(super) fn settle(&mut self) {
        if self.supervisor_pid.is_some_and(|pid| self.marks.iter().any(|mark| mark.process.pid == pid)) {
            self.supervisor = None;
            self.supervisor_pid = None;
        }
    }

    fn note(&mut self, note: Sentence) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn mark(&mut self, process: &Process) {
        if !self.marks.iter().any(|mark| mark.process == process.id) {
            self.marks.push(Mark {
                process: process.id,
                name: process.title(),
                parent: process.parent,
                state: process.state,
                argv: process.argv.known().cloned(),
            });
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
pub(super) struct Itself {
    pid: u32,
    parents: Vec<u32>,
}

impl Itself {
    pub(super) fn of(cx: &Context<'_, Acts>) -> Result<Self, Failure> {
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

    fn may_end(&self, pid: u32) -> bool {
        pid != self.pid && !self.parents.contains(&pid)
    }
}

fn untouchable(itself: &Itself, process: &Process, story: Option<&Story>, at: (Transport, Option<u16>)) -> Option<Refusal> {
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
    if process.argv.known().is_some_and(CommandLine::is_empty) && process.parent == KTHREADD {
        return Some(Refusal::KernelThread);
    }
    if process.state == ProcessState::Exited && process.threads <= 1 {
        return Some(Refusal::Exited);
    }
    let container = story.and_then(|story| story.container.as_ref());
    // What runs inside a container is its own affair; only outside is such a program a helper.
    let is_inside = process.cgroup.known().is_some_and(|group| container_of_cgroup(group).is_some());
    let carries = Carries::of(process).filter(|_| !is_inside);
    // A proxy only forwards: without it the container would keep running, published nowhere.
    if let Some(container) = container.filter(|container| container.inner_port.is_some() || carries.is_some()) {
        let container = container.name.as_ref().map_or_else(|| container.id.clone(), Text::shown);
        let stop = story.and_then(|story| story.supervisor.as_ref()).and_then(|supervisor| supervisor.stop.clone());
        let usual = if carries == Some(Carries::Podman) { "podman stop" } else { "docker stop" };
        let stop = stop.unwrap_or_else(|| ShellLine::from(usual).operand(&container));
        return Some(Refusal::Publishes { container, stop });
    }
    let carries = carries?;
    let find = match (carries, at) {
        (Carries::Podman, (_, Some(port))) => shell!("podman ps --filter publish={}", port),
        (Carries::Docker, (_, Some(port))) => shell!("docker ps --filter publish={}", port),
        (Carries::Podman, (_, None)) => ShellLine::from("podman ps"),
        (Carries::Docker, (_, None)) => ShellLine::from("docker ps"),
    };
    Some(Refusal::Carries { runtime: carries.command().to_owned(), find })
}

/// The script or manager at the top of the holder's tree, unless this command runs inside it.
fn top_of_tree<'a>(view: &'a View, itself: &Itself, story: &Story) -> Option<&'a Process> {
    let supervisor = story.supervisor.as_ref()?;
    if !matches!(supervisor.kind, SupervisorKind::Script | SupervisorKind::Manager) {
        return None;
    }
    let pid = supervisor.pid.filter(|pid| *pid > 1 && itself.may_end(*pid))?;
    view.snapshot.process(pid)
}

/// The kernel's own parent of its threads.
const KTHREADD: u32 = 2;
/// How far above a server the shell of its loop is looked for.
const FEW_ABOVE: usize = 3;
