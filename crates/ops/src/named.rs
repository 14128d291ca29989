//! What a word means that somebody typed: a project's own port, a service, a project. Every command asks here.
//!
//! In a project a bare `3000` is the project's, wherever its session serves it; `localhost:3000` and every other host are the real
//! one. What is known comes from the sessions' own records, and is noted on a recording like every other reading.

pub(crate) mod own;
mod port;
mod project;
mod service;

use portward_model::{Gap, Lack, Need, Text};
use portward_store::{Store, here};
use portward_sys::{Context, Rights, noted};
use serde::{Deserialize, Serialize};

use crate::{
    Failure,
    op::ps::{self, Session, Sessions, number},
};
pub use port::Meant;
pub(crate) use port::{Twofold, also, real};
pub use portward_wire::distance;
pub(crate) use project::find as find_project;
pub(crate) use service::Found;

/// The sessions that run, and where the caller stands among them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Known {
    /// What runs.
    pub(crate) sessions: Vec<Session>,
    /// The project whose ports are meant; `None` outside any project and any session.
    pub(crate) here: Option<Place>,
    /// Every project that has ports.
    pub(crate) projects: Vec<Place>,
    /// Ports of the project whose ports are meant: what is asked for, and what it has for that.
    leases: Vec<(u16, u16)>,
    /// The names that the processes of the sessions go by, by pid.
    programs: Vec<(u32, Vec<String>)>,
    /// The forwarder of real ports, where it runs.
    forwarder: Option<u32>,
    /// Forwards that run: the process, and what it forwards to.
    #[serde(default)]
    forwards: Vec<(u32, String)>,
    /// What could not be seen.
    pub(crate) gaps: Vec<Gap>,
}

/// A project, or what runs outside any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Its number in the lease store; empty where it is not in there.
    pub(crate) id: String,
    /// What people call it; empty for what belongs to no project.
    pub(crate) name: Text,
    /// Its root; `None` for what belongs to no project.
    pub(crate) root: Option<Text>,
}

impl Known {
    /// What is known now, for a caller in its project, or in the one that it names. Where the records cannot be read nothing is, with
    /// a gap that says so.
    ///
    /// # Errors
    /// Where no project is called so.
    pub(crate) fn of<R: Rights>(cx: &Context<'_, R>, project: Option<&str>) -> Result<Self, Failure> {
        let mut known: Self = noted(cx.look(), "sessions", || Self::read(cx, true).unwrap_or_else(Self::unread));
        if let Some(word) = project {
            let place = project::named(cx, &known.projects, known.here.as_ref(), word)?;
            known.leases = noted(cx.look(), "leases of a project", || {
                let store = Store::reading(cx).ok().flatten();
                store.and_then(|store| leases(&store, &place).ok()).unwrap_or_default()
            });
            known.here = Some(place);
        }
        Ok(known)
    }

    /// The same for the caller's own sessions alone, without those of the user who called root.
    pub(crate) fn own<R: Rights>(cx: &Context<'_, R>, project: Option<&str>) -> Result<Self, Failure> {
        let mut known = Self::read(cx, false)?;
        if let Some(word) = project {
            known.here = Some(project::named(cx, &known.projects, known.here.as_ref(), word)?);
        }
        Ok(known)
    }

    fn read<R: Rights>(cx: &Context<'_, R>, with_beside: bool) -> Result<Self, Failure> {
        let store = Store::reading(cx)?;
        let own = portward_keeper::sessions_by(cx, store.as_ref());
        // A supervisor that has just begun is waited for by who asks it alone.
        let enclosing = match own.above(cx.look(), cx.caller.process.pid) {
            Some(run) => Some(number(&run.project)),
            None if cx.caller.session.is_some() => portward_keeper::enclosing(cx)?.map(|run| number(&run.project)),
            None => None,
        };
        let follows = ps::follows_containers(&own);
        let mut found = ps::told(cx.look(), own);
        if follows {
            ps::kept::publish(cx, &mut found.sessions);
        }
        let Sessions { sessions, gaps, .. } = if with_beside { ps::beside(cx, found)? } else { found };
        let mut known = Self { sessions, gaps, ..Self::default() };
        let identity = here(cx)?;
        known.here = identity.as_ref().map(|identity| Place {
            id: String::new(),
            name: identity.title(),
            root: Some(identity.project.root.clone()),
        });
        if let Some(store) = store {
            known.projects = store.projects()?.into_iter().map(Place::from).collect();
            // Found by what it is, wherever its folder has gone since.
            if identity.is_some()
                && let Some(row) = store.known_project(identity.as_ref())?
            {
                known.here = Some(row.into());
            }
            if let Some(id) = enclosing {
                known.here = known.projects.iter().find(|place| place.id == id).cloned().or(known.here);
            }
            if let Some(place) = &known.here {
                known.leases = leases(&store, place)?;
            }
            let lending = portward_keeper::lending(cx.look(), cx.caller, &store)?;
            known.forwarder = lending.and_then(|lending| lending.alive(cx.look())).map(|process| process.pid);
        }
        known.programs = service::programs(cx.look(), &known.sessions);
        let forwards = portward_keeper::known_forwards(cx.look(), cx.caller);
        known.forwards = forwards.into_iter().map(|forward| (forward.process.pid, forward.job.target)).collect();
        Ok(known)
    }

    fn unread(failure: Failure) -> Self {
        let need = Need::Command(failure.hint.unwrap_or_else(|| "portward lease repair".into()));
        Self { gaps: vec![Gap { lack: Lack::Leases, need, error: Some(failure.message) }], ..Self::default() }
    }

    /// True for a session of the project whose ports are meant.
    pub(crate) fn is_here(&self, session: &Session) -> bool {
        self.here.as_ref().is_some_and(|here| match &here.root {
            Some(_) => here.root == session.root,
            None => session.root.is_none() && here.id == session.id,
        })
    }

    /// Leaves out what is no session of the project whose ports are meant.
    pub(crate) fn keep_here(&mut self) {
        let mut sessions = std::mem::take(&mut self.sessions);
        sessions.retain(|session| self.is_here(session));
        self.sessions = sessions;
    }

    /// The session that a supervisor with this pid keeps.
    pub(crate) fn supervised_by(&self, pid: u32) -> Option<&Session> {
        self.sessions.iter().find(|session| session.supervisors.contains(&pid))
    }

    /// True for the process that lends real ports.
    pub(crate) fn is_forwarder(&self, pid: u32) -> bool {
        self.forwarder == Some(pid)
    }

    /// What a process forwards to, where it is a forward of the caller's.
    pub(crate) fn forwards_to(&self, pid: u32) -> Option<&str> {
        self.forwards.iter().find(|(own, _)| *own == pid).map(|(_, target)| target.as_str())
    }

    /// The name of the project that has the front.
    pub(crate) fn front(&self) -> Option<String> {
        self.sessions.iter().find(|session| session.front).map(session_words)
    }
}

/// `shop`, or what a session outside any project is called.
pub(crate) fn session_words(session: &Session) -> String {
    session.project.as_ref().map_or_else(|| "a session outside any project".to_owned(), Text::shown)
}

fn leases(store: &Store<'_>, place: &Place) -> Result<Vec<(u16, u16)>, Failure> {
    place.id.parse().map_or_else(|_| Ok(Vec::new()), |id| store.mapping(portward_store::ProjectId(id)))
}

impl From<portward_store::ProjectRow> for Place {
    fn from(row: portward_store::ProjectRow) -> Self {
        Self { id: row.id.0.to_string(), name: row.name, root: row.root }
    }
}
