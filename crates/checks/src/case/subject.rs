//! Whom a text is about: the processes that it names by number or by a pid file, and the user whose rights were wanting.

use portward_model::{CommandLine, FolderFacts, PathFacts, Process, Text, Vitals};

use super::Case;
use crate::{Symptom, program};

/// A process that the text names.
pub(crate) struct Subject<'a> {
    /// Its number.
    pub(crate) pid: u32,
    /// The file that holds the number, where one does.
    pub(crate) file: Option<&'a PathFacts>,
    /// The process, where it is alive.
    pub(crate) process: Option<&'a Process>,
}

/// The processes that the text names, by number first; those whose place is not this machine's are nobody here.
pub(crate) fn subjects<'a>(case: &Case<'a>) -> Vec<Subject<'a>> {
    let Some(paste) = case.paste.filter(|paste| paste.vantage.is_none()) else { return Vec::new() };
    let of = |pid: u32, file| Subject { pid, file, process: case.snapshot.process(pid) };
    let file_of = |pid: u32| case.exam.paths.iter().find(|facts| facts.pid == Some(pid));
    let mut found: Vec<Subject<'_>> =
        paste.pids.iter().filter(|pid| case.exam.named.contains(pid)).map(|pid| of(*pid, file_of(*pid))).collect();
    for facts in case.exam.paths.iter().filter(|facts| paste.files.contains(&facts.path)) {
        if let Some(pid) = facts.pid
            && !found.iter().any(|known| known.pid == pid)
        {
            found.push(of(pid, Some(facts)));
        }
    }
    found
}

/// Whether a process is one that would print this program's words; `None` where its name does not tell.
pub(crate) fn is_of_program(process: &Process, program: &str) -> Option<bool> {
    let exe = process.exe.known().map(Text::lossy).unwrap_or_default();
    let base = exe.rsplit('/').next().unwrap_or_default().to_owned();
    let names = [process.title(), process.name.shown(), base];
    let argv = process.argv.known().map(CommandLine::arguments).unwrap_or_default();
    let argued = argv.iter().take(4).map(Text::lossy);
    let is = |name: &str| {
        let rest = name.rsplit('/').next().unwrap_or(name).strip_prefix(program);
        rest.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b':'))
    };
    let kin = program::named(program).is_some_and(|known| program::find(process, |found| std::ptr::eq(found, known)).is_some());
    let author = program::author(program);
    let alike = author.into_iter().flat_map(|author| author.processes.split(' ')).filter(|other| !other.is_empty());
    let other = alike.clone().any(|other| names.iter().any(|name| name.starts_with(other)));
    if kin || other || names.iter().any(|name| is(name)) || argued.clone().any(|argument| is(&argument)) {
        return Some(true);
    }
    // A runtime that the text's program does not run on is another program for sure.
    (program::named(program).is_some() || author.is_some_and(|author| !author.processes.is_empty())).then_some(false)
}

/// The user for whom the text's operation was refused, and how that is known.
pub(crate) struct Asker<'a> {
    pub(crate) process: &'a Process,
    pub(crate) vitals: Option<&'a Vitals>,
}

/// The process that was refused: one that the text names, or one of its program that is not root's; a master of root's
/// leaves the work to others.
pub(crate) fn asker<'a>(case: &Case<'a>) -> Option<Asker<'a>> {
    let refused = |paste: &&crate::Paste| matches!(paste.symptom, Symptom::PermissionDenied | Symptom::NotPermitted);
    let paste = case.paste.filter(|paste| paste.vantage.is_none()).filter(refused)?;
    let own = case.snapshot.host.pid;
    // Root is refused by no mode, and whoever holds what was dialled did not dial it.
    let may_be = |process: &&Process| {
        let held = case.listeners().any(|(index, _)| case.snapshot.holders(index).iter().any(|one| one.pid == process.id.pid));
        process.uid != 0 && process.id.pid != own && !held
    };
    let named = paste.pids.iter().filter_map(|pid| case.snapshot.process(*pid)).find(may_be);
    let of_program = || {
        let program = paste.program?;
        let alike = |process: &&Process| is_of_program(process, program) == Some(true);
        case.processes().filter(may_be).filter(alike).min_by_key(|process| process.id.pid)
    };
    let process = named.or_else(of_program)?;
    Some(Asker { process, vitals: case.vitals(process.id.pid) })
}

impl Asker<'_> {
    /// Whether this user has a right by the permission bits (`path_resolution(7)`); `None` where the groups would decide and
    /// are not known.
    fn has(&self, mode: u32, uid: u32, gid: u32, right: u32) -> Option<bool> {
        let bits = |shift: u32| mode >> shift & right == right;
        if self.process.uid == 0 {
            return Some(true);
        }
        if self.process.uid == uid {
            return Some(bits(6));
        }
        match self.vitals.filter(|vitals| !vitals.groups.is_empty()) {
            Some(vitals) if vitals.groups.contains(&gid) => Some(bits(3)),
            Some(_) => Some(bits(0)),
            None if bits(3) == bits(0) => Some(bits(0)),
            None => None,
        }
    }

    /// The first folder on the way that this user may not search.
    pub(crate) fn stopped_at<'f>(&self, facts: &'f PathFacts) -> Option<&'f FolderFacts> {
        facts.folders.iter().find(|folder| self.has(folder.mode, folder.uid, folder.gid, SEARCH) == Some(false))
    }

    /// Whether this user may write to what stands at the path, which connecting takes (`unix(7)`).
    pub(crate) fn may_write(&self, facts: &PathFacts) -> Option<bool> {
        self.has(facts.mode, facts.uid, facts.gid, WRITE)
    }
}

impl Asker<'_> {
    /// Whether this user may make a file in a folder.
    pub(crate) fn may_make(&self, folder: &FolderFacts) -> Option<bool> {
        self.has(folder.mode, folder.uid, folder.gid, WRITE | SEARCH)
    }
}

const SEARCH: u32 = 0o1;
const WRITE: u32 = 0o2;

#[cfg(test)]
mod tests {
    use super::is_of_program;
    use crate::fixture::process;

    #[test]
    fn a_process_is_known_by_what_it_runs() {
        for (argv, program, expected) in [
            (&["postgres", "-D", "/d"][..], "postgresql", Some(true)),
            (&["nginx: worker process"], "nginx", Some(true)),
            (&["puma 6.4.0 (tcp://localhost:3000) [shop]"], "rails", Some(true)),
            (&["chrome"], "postgresql", Some(false)),
            (&["python3", "x.py"], "gizmo", None),
        ] {
            assert_eq!(is_of_program(&process(7, 1, argv, 60), program), expected, "{argv:?} {program}");
        }
    }
}
