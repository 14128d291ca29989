//! What stands around an endpoint on which nobody listens: every process, and the files that name its port.

use portward_checks::doctor::may_be_told;
use portward_model::{Moved, Process, Seen, Socket, SocketState, Text, Transport};
use portward_sys::Look;

use super::Inquiry;
use crate::{session::is_alive, store::Store};

/// Adds every process that can be seen to the snapshot.
pub(super) fn processes(host: &dyn Look, inquiry: &mut Inquiry) {
    match host.every_process() {
        Ok(processes) => {
            let snapshot = &mut inquiry.view.snapshot;
            let fresh: Vec<Process> =
                processes.into_iter().filter(|process| snapshot.process(process.id.pid).is_none()).collect();
            snapshot.processes.extend(fresh);
            snapshot.sort();
            inquiry.exam.every_process = true;
        }
        Err(error) => inquiry.view.gap("processes", "whether one is starting or has crashed is not known", &error),
    }
}

/// Places the folders of every process in their projects.
pub(super) fn projects(host: &dyn Look, inquiry: &mut Inquiry) {
    let processes = &inquiry.view.snapshot.processes;
    let mut folders: Vec<(u32, Text)> =
        processes.iter().filter_map(|process| Some((process.id.pid, process.cwd.known()?.clone()))).collect();
    folders.sort_by(|(_, a), (_, b)| a.cmp(b));
    folders.dedup_by(|(_, a), (_, b)| a == b);
    if let Ok(projects) = host.projects(&folders) {
        inquiry.view.snapshot.projects = projects;
    }
}

/// Reads which processes were told to serve the port elsewhere than in their arguments.
pub(super) fn told(host: &dyn Look, inquiry: &mut Inquiry) {
    let asked: Vec<Process> = may_be_told(&inquiry.case()).into_iter().cloned().collect();
    // It only adds to what is known; without it nothing is claimed.
    inquiry.exam.told = host.told(&asked, inquiry.asked.port).unwrap_or_default();
}

/// Reads which sessions that run have a program that asked for the port, and where it went.
pub(super) fn moved(host: &dyn Look, inquiry: &mut Inquiry) {
    // It only adds to what is known; without it nothing is claimed.
    let Ok(Some(store)) = Store::reading(host) else { return };
    let (Ok(runs), Ok(projects)) = (store.runs(), store.projects()) else { return };
    for run in runs.iter().filter(|run| is_alive(host, run.supervisor)) {
        let project = projects.iter().find(|project| project.id == run.project);
        for listener in &run.listeners {
            let port = listener.serves.port();
            let asked = listener.asked.is_some_and(|asked| asked.port() == inquiry.asked.port);
            if asked && port != inquiry.asked.port && listener.transport == inquiry.asked.transport {
                inquiry.exam.moved.push(Moved {
                    port,
                    service: Text::from_shown(&listener.service),
                    project: project.map(|project| project.name.clone()).unwrap_or_default(),
                    root: project.and_then(|project| project.root.clone()).unwrap_or_default(),
                });
            }
        }
    }
}

/// Reads the lines of project and service files that name the port: of the reader's own project, and of the
/// projects of the processes that have to do with the port.
pub(super) fn mentions(host: &dyn Look, inquiry: &mut Inquiry) {
    if inquiry.asked.port == 0 {
        return;
    }
    let mut folders: Vec<Text> = Vec::new();
    let mut add = |folder: &Text| {
        if !folders.contains(folder) && folders.len() < FOLDERS {
            folders.push(folder.clone());
        }
    };
    let snapshot = &inquiry.view.snapshot;
    if let Some(own) = snapshot.process(snapshot.host.pid)
        && let Seen::Known(folder) = &own.cwd
    {
        add(folder);
    }
    if let Ok(own) = host.processes(&[snapshot.host.pid])
        && let Some(Seen::Known(folder)) = own.iter().find(|process| process.id.pid == snapshot.host.pid).map(|own| &own.cwd)
    {
        add(folder);
    }
    let case = inquiry.case();
    // A development server that finds its port taken goes on to the next few numbers.
    let near = |socket: &Socket| {
        let port = socket.port().filter(|_| socket.state == SocketState::Listen && socket.transport == Transport::Tcp);
        port.is_some_and(|port| port.abs_diff(inquiry.asked.port) <= NEAR) && case.is_own(socket)
    };
    let beside = snapshot.sockets.iter().enumerate().filter(|(_, socket)| near(socket));
    for (index, _) in case.here().chain(beside) {
        for process in case.holders(index) {
            if let Seen::Known(folder) = &process.cwd {
                add(folder);
            }
        }
    }
    let ports = [inquiry.asked.port];
    match host.mentions(&folders, &ports) {
        Ok(mentions) => inquiry.exam.mentions = mentions,
        Err(error) => inquiry.view.gap("project files", "which of them names the port is not known", &error),
    }
}

/// How far the port of a server may be from the one that it was meant to have.
const NEAR: u16 = 10;
/// Folders that are searched, the reader's own first.
const FOLDERS: usize = 8;
