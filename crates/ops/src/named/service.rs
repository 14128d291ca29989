//! Services of sessions, by every name that people have for one.

use portward_model::{Process, Text, Transport};
use portward_sys::Look;

use super::{Known, port::port_of, project, session_words};
use crate::op::ps::{Listening, Service, Session};

/// A service with its session.
#[derive(Clone, Copy)]
pub(crate) struct Found<'k> {
    pub(crate) session: &'k Session,
    pub(crate) service: &'k Service,
}

impl Found<'_> {
    /// Where it listens, first for browsers.
    pub(crate) fn listening(&self) -> Option<&Listening> {
        let tcp = |listening: &&Listening| listening.transport == Transport::Tcp;
        self.service.listeners.iter().find(tcp).or(self.service.listeners.first())
    }

    /// Where it listens: the ports that clients outside dial.
    pub(crate) fn places(&self) -> impl Iterator<Item = (Transport, u16)> {
        self.service.listeners.iter().filter_map(|own| Some((own.transport, port_of(&own.serves)?)))
    }
}

impl Known {
    /// The services that a word means: those of the project whose ports are meant, and where it means none of them, those of all others.
    pub(crate) fn services(&self, word: &str) -> Vec<Found<'_>> {
        let own = self.services_of(word, |session| self.is_here(session));
        if own.is_empty() { self.services_of(word, |session| !self.is_here(session)) } else { own }
    }

    /// The services of the project whose ports are meant, that a word means.
    pub(crate) fn own_services(&self, word: &str) -> Vec<Found<'_>> {
        self.services_of(word, |session| self.is_here(session))
    }

    /// The services of every project that a word means.
    pub(crate) fn all_services(&self, word: &str) -> Vec<Found<'_>> {
        self.services_of(word, |_| true)
    }

    /// By its name; where nothing has that, by what it was started with; then by its program, by a port, and by a pid.
    fn services_of(&self, word: &str, wanted: impl Fn(&Session) -> bool) -> Vec<Found<'_>> {
        let sessions = self.sessions.iter().filter(|session| wanted(session));
        let all: Vec<Found<'_>> =
            sessions.flat_map(|session| session.services.iter().map(move |service| Found { session, service })).collect();
        let number = word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse::<u32>().ok()).flatten();
        let pid = word.strip_prefix("pid:").and_then(|pid| pid.parse::<u32>().ok());
        let ways: [&dyn Fn(&Found<'_>) -> bool; 6] = [
            &|found| same(&found.service.name, word),
            &|found| self.commands(found).any(|command| was_started_by(command, word)),
            &|found| self.programs(found).any(|program| same(program, word)),
            &|found| number.is_some_and(|number| ports(found, true).any(|port| u32::from(port) == number)),
            &|found| number.is_some_and(|number| ports(found, false).any(|port| u32::from(port) == number)),
            &|found| number.or(pid).is_some_and(|pid| pids(found).any(|own| own == pid)),
        ];
        let by = |way: &dyn Fn(&Found<'_>) -> bool| all.iter().copied().filter(way).collect::<Vec<_>>();
        ways.into_iter().map(by).find(|found| !found.is_empty()).unwrap_or_default()
    }

    /// Sessions of the project that goes by a whole name.
    pub(crate) fn sessions_of(&self, word: &str) -> Vec<&Session> {
        project::sessions(&self.sessions, word)
    }

    /// True for the name of a project that has ports, or whose session runs.
    pub(crate) fn is_project(&self, word: &str) -> bool {
        self.projects.iter().any(|place| project::is_called(&place.name, word)) || !self.sessions_of(word).is_empty()
    }

    /// True for a process that supervises a session of the project with this name.
    pub(crate) fn is_supervisor_of(&self, pid: u32, word: &str) -> bool {
        self.sessions_of(word).iter().any(|session| session.supervisors.contains(&pid))
    }

    /// What a service was started with, as a person types it.
    fn commands<'k>(&'k self, found: &Found<'_>) -> impl Iterator<Item = &'k str> {
        let pid = found.service.pid;
        let names = self.programs.iter().filter(move |(own, _)| *own == pid).flat_map(|(_, names)| names);
        names.map(String::as_str).filter(|name| name.contains(' '))
    }

    /// What its processes are called.
    fn programs<'k>(&'k self, found: &'k Found<'_>) -> impl Iterator<Item = &'k str> {
        let service = found.service;
        let of = move |(pid, _): &&(u32, Vec<String>)| pids_of(service).any(|own| own == *pid);
        let programs = self.programs.iter().filter(of).flat_map(|(_, names)| names).map(String::as_str);
        programs.chain(service.listeners.iter().map(|listening| listening.service.as_str()))
    }

    /// The names that a word may have been meant for: of services of this project, or of all where it has none, and of projects.
    pub(crate) fn near(&self, word: &str) -> Vec<String> {
        let own = self.sessions.iter().any(|session| self.is_here(session));
        let sessions = self.sessions.iter().filter(|session| !own || self.is_here(session));
        let all = sessions.flat_map(|session| session.services.iter().map(move |service| Found { session, service }));
        let mut known: Vec<String> = Vec::new();
        for found in all {
            known.push(found.service.name.clone());
            known.extend(self.commands(&found).filter_map(script_of).map(str::to_owned));
            known.extend(self.programs(&found).filter(|name| !name.contains(' ')).map(str::to_owned));
        }
        known.extend(self.sessions.iter().map(session_words));
        portward_wire::near(word, known.iter().map(String::as_str)).into_iter().map(str::to_owned).collect()
    }
}

/// The names that the processes of these sessions go by: titles, the kernel's names, programs, and what they were started with.
pub(super) fn programs(host: &dyn Look, sessions: &[Session]) -> Vec<(u32, Vec<String>)> {
    let mut wanted: Vec<u32> = sessions.iter().flat_map(|session| &session.services).flat_map(pids_of).collect();
    wanted.sort_unstable();
    wanted.dedup();
    if wanted.is_empty() {
        return Vec::new();
    }
    let processes = host.processes(&wanted).unwrap_or_default();
    processes.iter().filter(|process| wanted.contains(&process.id.pid)).map(|own| (own.id.pid, names(own))).collect()
}

fn names(process: &Process) -> Vec<String> {
    let mut names = vec![process.title(), process.name.shown()];
    names.extend(process.exe.known().and_then(|exe| exe.shown().rsplit('/').next().map(str::to_owned)));
    names.extend(portward_checks::script(process, &[]).map(|script| script.shown()));
    let argv = process.argv.known().map(|argv| argv.arguments().iter().map(Text::shown).collect::<Vec<_>>().join(" "));
    names.extend(argv.filter(|line| line.len() <= LONGEST_LINE));
    names.dedup();
    names
}

fn same(name: &str, word: &str) -> bool {
    !name.is_empty() && name.eq_ignore_ascii_case(word)
}

/// `npm run dev` by all of it, and by the last word, as the script is called.
fn was_started_by(command: &str, word: &str) -> bool {
    same(command, word) || script_of(command).is_some_and(|last| same(last, word))
}

fn script_of(command: &str) -> Option<&str> {
    let is_script = |own: &&str| !own.starts_with('-') && !own.bytes().all(|byte| byte.is_ascii_digit());
    command.rsplit(' ').find(is_script)
}

fn ports(found: &Found<'_>, asked: bool) -> impl Iterator<Item = u16> {
    let of = move |listening: &Listening| if asked { port_of(listening.asked.as_deref()?) } else { port_of(&listening.serves) };
    found.service.listeners.iter().filter_map(of).collect::<Vec<_>>().into_iter()
}

fn pids(found: &Found<'_>) -> impl Iterator<Item = u32> {
    pids_of(found.service).collect::<Vec<_>>().into_iter()
}

fn pids_of(service: &Service) -> impl Iterator<Item = u32> {
    std::iter::once(service.pid).chain(service.listeners.iter().map(|listening| listening.pid))
}

/// The longest command line that somebody types again.
const LONGEST_LINE: usize = 200;
