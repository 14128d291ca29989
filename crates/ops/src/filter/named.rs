//! What filters mean beside what they say: a project's own ports, the names of projects and of services in sessions.

use portward_model::{Endpoint, Own, Project, Socket, Text, Transport};
use rustc_hash::FxHashSet;

use super::{Filter, Term, bare, words};
use crate::{Context, Failure, Meant, View, named::Known, target::holder_words};

/// What the words of a list mean in this project.
#[derive(Default)]
pub(crate) struct Named {
    /// What is known of sessions; `None` where no word asks for that.
    known: Option<Known>,
    /// Bare ports that are the project's own elsewhere.
    meant: Vec<Meant>,
    /// Names of services, with where they listen.
    services: Vec<(String, Transport, u16)>,
    /// Names of projects whose sessions run, or that have ports.
    projects: Vec<String>,
    /// Bare ports.
    bare: Vec<u16>,
}

impl Named {
    /// What the filters of a caller mean; nothing is read where no word can mean more than it says.
    pub(crate) fn of(cx: &Context<'_>, filters: &[Filter], project: Option<&str>) -> Result<Self, Failure> {
        let bare: Vec<u16> = bare(filters).collect();
        if bare.is_empty() && words(filters).next().is_none() && project.is_none() {
            return Ok(Self::default());
        }
        let known = Known::of(cx, project)?;
        let meant = bare.iter().filter_map(|port| known.meant(&Endpoint::any(*port))).collect();
        let mut services = Vec::new();
        for word in words(filters) {
            for found in known.all_services(word) {
                services.extend(found.places().map(|(transport, port)| (word.to_owned(), transport, port)));
            }
        }
        let is_project = |word: &&str| known.is_project(word);
        let projects = words(filters).filter(is_project).map(str::to_owned).collect();
        Ok(Self { meant, services, projects, bare, known: Some(known) })
    }

    /// The ports that bare numbers mean beside themselves.
    pub(super) fn ports(&self) -> impl Iterator<Item = u16> {
        self.meant.iter().map(|meant| meant.port)
    }

    /// What is known of sessions, where a word asked for that, or something in the view is a part of one.
    pub(crate) fn known_for(&self, cx: &Context<'_>, view: &View) -> Result<Known, Failure> {
        let own = |process: &portward_model::Process| matches!(Own::of(process), Some(Own::Session | Own::Front | Own::Forward));
        match &self.known {
            Some(known) => Ok(known.clone()),
            None if view.snapshot.processes.iter().any(own) => Known::of(cx, None),
            None => Ok(Known::default()),
        }
    }

    /// True for a socket that a term means beside what it says.
    pub(super) fn takes(&self, view: &View, term: &Term, index: usize, socket: &Socket) -> bool {
        let is = |transport: Transport, port: u16| {
            socket.port() == Some(port) && socket.transport == transport && socket.state.serves()
        };
        match term {
            Term::Ports(range) if range.first == range.last => {
                self.meant.iter().any(|meant| meant.asked == range.first && is(meant.transport, meant.port))
            }
            Term::Name(name, _) => {
                let serves = self.services.iter().any(|(word, transport, port)| word == name && is(*transport, *port));
                let of_project = self.projects.contains(name)
                    && view.snapshot.holders(index).iter().any(|holding| {
                        let story = view.story(holding.pid);
                        let above =
                            story.map(|story| story.ancestors.as_slice()).unwrap_or_default().iter().chain([&holding.pid]);
                        let supervises = |pid: &u32| self.known.as_ref().is_some_and(|known| known.is_supervisor_of(*pid, name));
                        story.and_then(|story| story.project.as_ref()).is_some_and(|own| is_called(own, name))
                            || above.into_iter().any(supervises)
                    });
                serves || of_project
            }
            _ => false,
        }
    }

    /// What bare numbers meant, with who has the real port in this view.
    pub(crate) fn told(&self, known: &Known, view: &View) -> Vec<Meant> {
        let stranger = |meant: &Meant| {
            let index = crate::named::also(known, &crate::named::real(meant), view)?;
            Some(holder_words(view, index))
        };
        self.meant.iter().map(|meant| Meant { stranger: stranger(meant), ..meant.clone() }).collect()
    }

    /// Where sessions serve the bare ports that were asked for.
    pub(crate) fn asked_for(&self, known: &Known) -> Vec<Meant> {
        let own: FxHashSet<u16> = self.meant.iter().map(|meant| meant.asked).collect();
        let ports = self.bare.iter().filter(|port| !own.contains(port));
        ports.flat_map(|port| known.elsewhere(&Endpoint::any(*port))).collect()
    }
}

/// True for a project with this whole name, or that of its worktree.
fn is_called(project: &Project, name: &str) -> bool {
    let is = |own: &Text| own.raw().eq_ignore_ascii_case(name.as_bytes());
    let both = |worktree: &Text| Text::new([project.name.raw(), b"@", worktree.raw()].concat());
    is(&project.name) || project.worktree.as_ref().is_some_and(|worktree| is(worktree) || is(&both(worktree)))
}
