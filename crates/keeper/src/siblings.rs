//! What else of a project is up: other sessions, and programs that were told its port.
//!
//! A supervisor asks before it hands a program over to a server that it has not seen begin. Who has the server's socket says whose
//! it is: what runs below a supervisor of the project, or in the project's folder. The word of another user's program is not taken.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use portward_model::{Caller, Process, Seen, Socket, Text, unmap};
use portward_store::{ProjectId, Stamp, Store};
use portward_sys::{Depth, Look, runtime::Lookout};

use crate::{
    asking::Asking,
    runs::{Run, RunListener, Sessions, process_at, told},
};

/// The project's sessions, as they told a moment ago.
pub(crate) struct Siblings<'h> {
    host: &'h dyn Look,
    caller: &'h Caller,
    /// What they told, by the port that they were asked about: one that binds at random has a thousand listeners to tell of.
    sessions: BTreeMap<u16, Sessions>,
    /// When they were asked.
    read: Option<(Stamp, u64)>,
    lookout: Lookout,
}

/// Which project's sessions are meant: by its number in the store, and by its root where it is not written down there yet. Two that
/// nobody has written down are no more one project than any others.
#[derive(Clone, Copy)]
pub(crate) struct Of<'a> {
    pub(crate) id: Option<ProjectId>,
    pub(crate) root: Option<&'a Text>,
    /// When its leases were read; where that is known, the store is not looked at again.
    pub(crate) read: Option<Stamp>,
}

impl Of<'_> {
    fn has(self, run: &Run) -> bool {
        match (self.id, run.project.id) {
            (Some(own), Some(other)) => own == other,
            _ => self.root == run.project.root.as_ref(),
        }
    }
}

/// Whose a server is by what has it.
pub(crate) enum Looked {
    /// The project's own.
    Own,
    /// These processes', which may be in a session of it.
    Others(Vec<u32>),
}

impl<'h> Siblings<'h> {
    /// Those of the caller's project; nobody has been asked yet.
    pub(crate) fn new(host: &'h dyn Look, caller: &'h Caller) -> Self {
        Self { host, caller, sessions: BTreeMap::new(), read: None, lookout: Lookout::new(caller) }
    }

    /// The project's sessions with what they have at a port, asked again where one of them may have news; at any, where none is named.
    fn sessions(&mut self, (store, project): (&Store<'_>, Of<'_>), port: Option<u16>) -> &Sessions {
        let stamp = Some((project.read.unwrap_or_else(|| store.stamp()), self.lookout.look(self.caller)));
        if self.read != stamp || self.sessions.len() >= MOST_PORTS {
            self.sessions.clear();
            self.read = stamp;
        }
        // Who they are every answer tells.
        let port = port.or_else(|| self.sessions.keys().next().copied()).unwrap_or_default();
        let Self { host, caller, .. } = self;
        self.sessions.entry(port).or_insert_with(|| {
            let mut sessions = told(*host, caller, Asking { port: Some(port), only: None }, Some(store));
            sessions.runs.retain(|run| project.has(run));
            sessions
        })
    }

    /// True where a server is the project's own.
    pub(crate) fn is_own(&mut self, place: (&Store<'_>, Of<'_>), root: Option<&Text>, server: &Socket) -> bool {
        match self.look(root, server) {
            Looked::Own => true,
            Looked::Others(pids) => self.is_anothers(place, &pids, server),
        }
    }

    /// Whose a server is by what has it, without a question to anybody.
    pub(crate) fn look(&self, root: Option<&Text>, server: &Socket) -> Looked {
        let host = self.host;
        let Ok(facts) = host.facts() else { return Looked::Others(Vec::new()) };
        // Only root may look into the programs of others.
        let may_look = facts.uid == 0 || server.uid == facts.uid;
        let holders = if may_look { host.holders(std::slice::from_ref(server), Depth::Processes).ok() } else { None };
        let pids: Vec<u32> = holders.iter().flat_map(|holders| &holders.holdings).map(|holding| holding.pid).collect();
        let is_in_folder = |pid| process_at(host, pid).is_some_and(|process| root.is_some_and(|root| works_in(&process, root)));
        if pids.iter().any(|pid| is_in_folder(*pid) || is_below(host, *pid, facts.pid)) || is_published(host, facts.uid, server) {
            return Looked::Own;
        }
        Looked::Others(pids)
    }

    /// True where another session of the project has a server, by these processes that have its socket.
    pub(crate) fn is_anothers(&mut self, place: (&Store<'_>, Of<'_>), pids: &[u32], server: &Socket) -> bool {
        if pids.is_empty() { self.is_told(place, server) } else { self.is_any_inside(place, pids) }
    }

    /// True where a session of the project has told that it serves there. That decides where nobody may be looked into who has the
    /// socket: a program that forbids it, or one in a user namespace of its own.
    fn is_told(&mut self, place: (&Store<'_>, Of<'_>), server: &Socket) -> bool {
        let is_of_the_user = self.host.facts().is_ok_and(|facts| facts.uid == 0 || facts.uid == server.uid);
        let at = |row: &RunListener| row.transport == server.transport && Some(row.serves.port()) == server.port();
        is_of_the_user && self.sessions(place, server.port()).runs.iter().any(|run| run.listeners.iter().any(at))
    }

    /// True where one of these processes is in a session of the project.
    fn is_any_inside(&mut self, place: (&Store<'_>, Of<'_>), pids: &[u32]) -> bool {
        let host = self.host;
        let sessions = self.sessions(place, None);
        pids.iter().any(|pid| sessions.above(host, *pid).is_some())
    }

    /// Ports at which a living run serves what was asked for at this address.
    pub(crate) fn elsewhere(&mut self, place: (&Store<'_>, Of<'_>), asked: SocketAddr) -> Vec<u16> {
        let listeners = self.sessions(place, Some(asked.port())).runs.iter().flat_map(|run| &run.listeners);
        let fits = |own: SocketAddr| own.port() == asked.port() && network_six(own) == network_six(asked);
        let mut ports: Vec<u16> = listeners.filter(|row| row.asked.is_some_and(fits)).map(|row| row.serves.port()).collect();
        ports.dedup();
        ports
    }
}

/// An address of IPv6 that others share the loopback with, by its port alone told from them.
fn network_six(address: SocketAddr) -> Option<IpAddr> {
    Some(unmap(address.ip())).filter(|ip| ip.is_ipv6() && !ip.is_loopback() && !ip.is_unspecified())
}

/// True where a container's proxy holds the port: whoever published a port of the project's block did it for the project. Such proxies
/// are root's, whose sockets nobody else may look into, and their arguments say what they hold.
fn is_published(host: &dyn Look, reader: u32, server: &Socket) -> bool {
    let holds = |process: &Process| {
        portward_checks::docker_proxy(process, reader)
            .is_some_and(|proxy| Some(proxy.host_port) == server.port() && proxy.transport == server.transport)
    };
    let may_be = server.uid == 0 || server.uid == reader;
    may_be && host.every_process().is_ok_and(|all| all.iter().any(holds))
}

/// True for what runs below a process.
fn is_below(host: &dyn Look, pid: u32, above: u32) -> bool {
    host.descendants(above).is_ok_and(|below| below.contains(&pid))
}

/// True where a process works in a folder or below it.
fn works_in(process: &Process, root: &Text) -> bool {
    let Seen::Known(cwd) = &process.cwd else { return false };
    let rest = cwd.raw().strip_prefix(root.raw());
    !root.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
}

/// Ports about which sessions were asked, and what they told is remembered.
const MOST_PORTS: usize = 64;

#[cfg(test)]
mod tests {
    use portward_model::{Moment, ProcessId, Seen, Text};
    use portward_store::ProjectId;

    use super::{Of, works_in};
    use crate::runs::{Run, RunProject, process_at};

    #[test]
    fn two_projects_that_the_store_does_not_know_are_two() {
        let run = |id, root: Option<&str>| Run {
            project: RunProject { id, root: root.map(Text::from), ..RunProject::default() },
            supervisor: ProcessId { pid: 1, started_ticks: 1 },
            rules: None,
            started_at: Moment(0),
            services: Vec::new(),
            listeners: Vec::new(),
            kept: None,
        };
        let root = Text::from("/shop");
        let of = |id: Option<i64>| Of { id: id.map(ProjectId), root: Some(&root), read: None };
        assert!(of(None).has(&run(None, Some("/shop"))) && !of(None).has(&run(None, Some("/blog"))));
        assert!(
            of(Some(1)).has(&run(Some(ProjectId(1)), Some("/moved")))
                && !of(Some(1)).has(&run(Some(ProjectId(2)), Some("/shop")))
        );
        // One of the two was written down a moment ago.
        assert!(of(None).has(&run(Some(ProjectId(1)), Some("/shop"))) && of(Some(1)).has(&run(None, Some("/shop"))));
        let nowhere = Of { id: None, root: None, read: None };
        assert!(nowhere.has(&run(None, None)) && !nowhere.has(&run(None, Some("/shop"))));
    }

    #[test]
    fn a_folder_is_not_one_that_begins_like_it() {
        let host = portward_sys::this_machine().unwrap();
        let mut process = process_at(host.as_ref(), portward_sys::this_caller().process.pid).unwrap();
        let mut works = |cwd: &str, root: &str| {
            process.cwd = Seen::Known(Text::from(cwd));
            works_in(&process, &Text::from(root))
        };
        assert!(works("/home/ann/shop", "/home/ann/shop") && works("/home/ann/shop/web", "/home/ann/shop"));
        assert!(!works("/home/ann/shop-old", "/home/ann/shop") && !works("/home/ann", "/home/ann/shop"));
        assert!(!works("/home/ann", ""), "no folder has nothing in it");
    }
}
