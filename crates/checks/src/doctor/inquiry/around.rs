//! What is read, put where it belongs; and what stands around an endpoint on which nobody listens: every process, and the files
//! that name its port.

use portward_model::{Lack, PathFacts, Process, Seen, Socket, SocketState, Text, Transport};

use super::{Fact, Inquiry, Task, Unread, Wanted, Wide};
use crate::doctor::{may_be_errands, may_be_told, suspects};

impl Inquiry {
    /// Puts what was read where it belongs. What answers another question tells nothing.
    pub(super) fn learn(&mut self, wanted: Wanted, fact: Fact) {
        match (wanted, fact) {
            (Wanted::Look(wide), Fact::Look(snapshot)) => self.saw(wide, *snapshot),
            (Wanted::Topic(_), Fact::Learnt(learnt)) => self.exam.learn(learnt),
            (Wanted::Path(path), Fact::Path(facts)) if self.asked.path.as_ref() == Some(&path) => self.stands(facts),
            // A pid or lock file of the text.
            (Wanted::Path(_), Fact::Path(facts)) => self.exam.paths.push(facts),
            (Wanted::PathBelow { pid, .. }, Fact::Path(facts)) => self.exam.below.push((pid, facts)),
            (Wanted::Vitals { pids, .. }, Fact::Vitals(vitals)) => {
                self.exam.vitals.retain(|known| !pids.contains(&known.pid));
                self.exam.vitals.extend(vitals);
            }
            (Wanted::Route(address), Fact::Route(route)) => self.snapshot.routes.push((address, route)),
            (Wanted::EveryProcess, Fact::Processes(processes)) => self.everybody(processes),
            (Wanted::Processes(_), Fact::Processes(own)) => self.ask_the_files(&own),
            (Wanted::Named(pids), Fact::Processes(processes)) => self.named(pids, processes),
            (Wanted::Projects(_), Fact::Projects(projects)) => self.snapshot.projects = projects,
            (Wanted::Told(_), Fact::Told(told)) => self.exam.told.extend(told),
            (Wanted::Errands(_), Fact::Errands(errands)) => self.exam.errands = errands,
            (Wanted::Moved, Fact::Moved(moved)) => self.exam.moved = moved,
            (Wanted::Mentions(_), Fact::Mentions(mentions)) => self.exam.mentions = mentions,
            (Wanted::Bind { at, reuse, .. }, Fact::Bind(failed)) => self.tried(at, reuse, failed),
            (Wanted::PathExists(_), Fact::Is(is)) => self.question.file_exists = is.known().copied(),
            (Wanted::MayCreate(_), Fact::Is(is)) => self.refusals.may_create = Some(is),
            (Wanted::Sample, Fact::Sample(sampled)) => self.sampled(sampled),
            _ => {}
        }
    }

    /// Notes what could not be read, where its absence leaves something open.
    pub(super) fn miss(&mut self, wanted: &Wanted, unread: &Unread) {
        match wanted {
            Wanted::Path(_) => self.lack(Lack::SocketFile, unread),
            Wanted::Vitals { .. } => self.lack(Lack::Vitals, unread),
            Wanted::EveryProcess => self.lack(Lack::OtherProcesses, unread),
            Wanted::Mentions(_) => self.lack(Lack::ProjectFiles, unread),
            Wanted::Processes(_) => self.ask_the_files(&[]),
            // The rest only adds to what is known; without it nothing is claimed.
            Wanted::Look(_)
            | Wanted::PathBelow { .. }
            | Wanted::Topic(_)
            | Wanted::Route(_)
            | Wanted::Named(_)
            | Wanted::Projects(_)
            | Wanted::Told(_)
            | Wanted::Errands(_)
            | Wanted::Moved
            | Wanted::Bind { .. }
            | Wanted::PathExists(_)
            | Wanted::MayCreate(_)
            | Wanted::Sample => {}
        }
    }

    /// Takes note of the processes that the text names, with their ancestors; who is not among them is gone.
    fn named(&mut self, pids: Vec<u32>, processes: Vec<Process>) {
        self.meet(processes);
        self.exam.named = pids;
    }

    /// Adds those processes to the snapshot that are not in it.
    fn meet(&mut self, processes: Vec<Process>) {
        let snapshot = &mut self.snapshot;
        let fresh: Vec<Process> = processes.into_iter().filter(|process| snapshot.process(process.id.pid).is_none()).collect();
        snapshot.processes.extend(fresh);
        snapshot.sort();
    }

    /// Every process that can be seen, where nobody has read them yet.
    pub(super) fn everybody_once(&self) -> Option<Task> {
        (!self.exam.every_process).then_some(Task::Read(Wanted::EveryProcess))
    }

    /// Takes what stands at the asked path. A socket that is bound there and not in sight is in another network namespace; of one
    /// that only has the name, its holder's root tells whether it ever was this path's.
    fn stands(&mut self, facts: PathFacts) {
        self.question.standing = Some(facts.clone());
        self.exam.paths.push(facts);
        let case = self.case();
        let Some(unix) = case.unix() else { return };
        let mut next = Vec::new();
        let wide = Wide { every_namespace: true, ..Wide::default() };
        if unix.is_bound() == Some(true) && !unix.behind(&self.snapshot).sure && !self.seen.covers(wide) {
            next.push(Task::Read(Wanted::Look(wide)));
        }
        for (index, ..) in case.namesakes().into_iter().take(MOST_NAMESAKES) {
            let holder = self.snapshot.holders(index).first().map(|holding| holding.pid);
            next.extend(holder.map(|pid| Task::Read(Wanted::PathBelow { pid, path: unix.path.clone() })));
        }
        self.first(next);
    }

    /// Adds every process that can be seen to the snapshot.
    pub(super) fn everybody(&mut self, processes: Vec<Process>) {
        self.meet(processes);
        self.exam.every_process = true;
    }

    /// Asks how the processes fare that matter now, and the reader itself: those that were not asked about before, and where it
    /// is compared what they are busy with, all of them.
    pub(super) fn ask_how_they_fare(&mut self, over_ms: u64) {
        let mut pids = suspects(&self.case());
        pids.push(self.snapshot.host.pid);
        pids.sort_unstable();
        pids.dedup();
        pids.retain(|pid| over_ms > 0 || !self.asked_about.contains(pid));
        self.asked_about.extend(&pids);
        self.first((!pids.is_empty()).then_some(Task::Read(Wanted::Vitals { pids, over_ms })));
    }

    /// Asks for the projects of every process's folder.
    pub(super) fn ask_for_projects(&mut self) {
        let processes = &self.snapshot.processes;
        let mut folders: Vec<(u32, Text)> =
            processes.iter().filter_map(|process| Some((process.id.pid, process.cwd.known()?.clone()))).collect();
        folders.sort_by(|(_, a), (_, b)| a.cmp(b));
        folders.dedup_by(|(_, a), (_, b)| a == b);
        self.first([Task::Read(Wanted::Projects(folders))]);
    }

    /// Asks for every process where who holds a listener is hidden: the arguments of others are not.
    pub(super) fn ask_for_hidden_owners(&mut self) {
        let case = self.case();
        let hidden = case.served().iter().any(|(index, _)| case.holders(*index).is_empty());
        self.first(self.everybody_once().filter(|_| hidden));
    }

    /// Asks for the scripts of who holds the listeners, or may, before anybody is dialled.
    pub(super) fn ask_for_errands(&mut self) {
        let asked: Vec<Process> = may_be_errands(&self.case()).into_iter().cloned().collect();
        self.first((!asked.is_empty()).then_some(Task::Read(Wanted::Errands(asked))));
    }

    /// Asks which processes were told to serve the port elsewhere than in their arguments.
    pub(super) fn ask_who_was_told(&mut self) {
        let asked: Vec<Process> = may_be_told(&self.case()).into_iter().cloned().collect();
        self.exam.told.clear();
        self.first([Task::Read(Wanted::Told(asked))]);
    }

    /// Asks for the reader's own folder first, where it is not known.
    pub(super) fn ask_for_mentions(&mut self) {
        if self.asked.port == 0 {
            return;
        }
        let own = self.snapshot.host.pid;
        match self.snapshot.process(own).map(|own| own.cwd.clone()) {
            Some(Seen::Known(_)) => self.ask_the_files(&[]),
            _ => self.first([Task::Read(Wanted::Processes(vec![own]))]),
        }
    }

    /// Asks for the lines of project and service files that name the port: of the reader's own project, and of the
    /// projects of the processes that have to do with the port.
    fn ask_the_files(&mut self, own: &[Process]) {
        let mut folders: Vec<Text> = Vec::new();
        let mut add = |process: &Process| {
            if let Seen::Known(folder) = &process.cwd
                && !folders.contains(folder)
                && folders.len() < FOLDERS
            {
                folders.push(folder.clone());
            }
        };
        let (snapshot, case) = (&self.snapshot, self.case());
        let reader = snapshot.host.pid;
        snapshot.process(reader).into_iter().for_each(&mut add);
        own.iter().filter(|process| process.id.pid == reader).for_each(&mut add);
        // A development server that finds its port taken goes on to the next few numbers.
        let near = |socket: &Socket| {
            let port = socket.port().filter(|_| socket.state == SocketState::Listen && socket.transport == Transport::Tcp);
            port.is_some_and(|port| port.abs_diff(self.asked.port) <= NEAR) && case.is_own(socket)
        };
        let beside = snapshot.sockets.iter().enumerate().filter(|(_, socket)| near(socket));
        for (index, _) in case.here().chain(beside) {
            case.holders(index).into_iter().for_each(&mut add);
        }
        self.first([Task::Read(Wanted::Mentions(folders))]);
    }
}

/// How far the port of a server may be from the one that it was meant to have.
const NEAR: u16 = 10;
/// Folders that are searched, the reader's own first.
const FOLDERS: usize = 8;
/// Namesakes of a Unix path whose roots are looked into.
const MOST_NAMESAKES: usize = 4;
