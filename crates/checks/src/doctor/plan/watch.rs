//! Whom to watch where nobody listens: processes that may be starting, or crash and start again.

use portward_model::{CommandLine, Process, ProcessState, Seen, Text};

use crate::case::kin::names_port;
use crate::{
    case::{Case, kin},
    why::{is_shell, starts_again},
};

/// Whom to watch for the port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::doctor) struct Watch {
    /// The processes whose children are followed: young ones and those that started them, at most 16. Empty where there
    /// is nothing to watch.
    pub parents: Vec<u32>,
    /// What is young, for the reader.
    pub who: String,
    /// True when something ties one of them to serving a port; otherwise a moment is enough unless something changes.
    pub near: bool,
}

/// Processes that have only just started, hold no listener and may be what will serve the port. A supervisor may be of any
/// age: between two lives of its child it has none, or one that only passes the time.
pub(in crate::doctor) fn watch(case: &Case<'_>) -> Watch {
    let snapshot = case.snapshot;
    let young = |process: &Process| process.started_at.seconds_until(snapshot.host.now) < YOUNG_S;
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for process in case.processes().filter(|process| young(process)) {
        if kin::is_reader(case, process)
            || !kin::ports_of(case, process.id.pid).is_empty()
            || kin::is_client(case, process.id.pid)
            || is_strange(case, process)
        {
            continue;
        }
        let parent = parent(case, process);
        let kept = parent.is_some_and(|parent| starts_again(parent) || says(case, parent));
        let of_a_shell = parent.is_some_and(is_shell);
        let passes_time = of_a_shell && PAUSES.contains(&process.title().as_str());
        let starts = kin::is_script(process) || runs_from_its_folder(process) || (of_a_shell && is_fresh(case, process));
        if says(case, process) || kept {
            near.push(process);
        } else if passes_time || starts {
            far.push(process);
        }
    }
    let is_near = !near.is_empty();
    near.extend(far);
    near.truncate(8);
    let who = near.first().map(|process| process.title()).unwrap_or_default();
    let mut parents: Vec<u32> = near.iter().map(|process| process.id.pid).collect();
    parents.extend(near.iter().filter_map(|process| parent(case, process)).map(|parent| parent.id.pid));
    parents.sort_unstable();
    parents.dedup();
    Watch { parents, who, near: is_near }
}

/// True for another user's process whose network is hidden and that says nothing of the port: on a busy machine such ones
/// come and go all the time.
fn is_strange(case: &Case<'_>, process: &Process) -> bool {
    process.uid != case.snapshot.host.uid && case.shares_network(process).is_none() && !says(case, process)
}

/// What started a process, unless that is the reader's own shell or the machine's first process.
fn parent<'a>(case: &Case<'a>, process: &Process) -> Option<&'a Process> {
    case.snapshot.process(process.parent).filter(|parent| parent.id.pid > 1 && !kin::is_reader(case, parent))
}

/// True when something ties a process to the port, be it a bare number among its arguments.
fn says(case: &Case<'_>, process: &Process) -> bool {
    let argv = process.argv.known().map(CommandLine::arguments).unwrap_or_default();
    argv.iter().any(|argument| names_port(argument.raw(), case.asked.port)) || kin::is_meant_to_serve(case, process)
}

/// True for a program that lies in the folder that it works in: what people build and start by hand.
fn runs_from_its_folder(process: &Process) -> bool {
    let (Seen::Known(exe), Seen::Known(cwd)) = (&process.exe, &process.cwd) else { return false };
    let inside = |exe: &Text| exe.raw().strip_prefix(cwd.raw()).is_some_and(|rest| rest.starts_with(b"/"));
    cwd.raw().len() > 1 && inside(exe)
}

/// True for a process that was made a moment ago, and may be about to become another program.
fn is_fresh(case: &Case<'_>, process: &Process) -> bool {
    process.started_at.seconds_until(case.snapshot.host.now) < 2
}

/// The processes that may have been told the port elsewhere than in their arguments: scripts and young programs, at most 64,
/// the youngest first.
pub(in crate::doctor) fn may_be_told<'a>(case: &Case<'a>) -> Vec<&'a Process> {
    let now = case.snapshot.host.now;
    let age = |process: &Process| process.started_at.seconds_until(now);
    let wanted = |process: &&Process| {
        let own = !kin::is_reader(case, process) && process.state == ProcessState::Alive;
        own && (kin::is_script(process) || age(process) < YOUNG_S || !kin::ports_of(case, process.id.pid).is_empty())
    };
    let mut found: Vec<&Process> = case.processes().filter(wanted).collect();
    found.sort_by_key(|process| age(process));
    found.truncate(MOST_TOLD);
    found
}

/// Processes whose environments are looked at.
const MOST_TOLD: usize = 64;
/// Programs that a loop waits with.
const PAUSES: &[&str] = &["sleep", "usleep", "inotifywait"];
/// A process older than this has long bound what it will bind, in seconds.
const YOUNG_S: u64 = 15;

#[cfg(test)]
mod tests {
    use portward_model::{Met, Process};

    use super::watch;
    use crate::{
        case::scene::Scene,
        fixture::{holding, listener, process, world},
    };

    fn watched(processes: Vec<Process>) -> (Vec<u32>, bool) {
        let scene = Scene::on(world(Vec::new(), processes, Vec::new()), "127.0.0.1:3000").tried(Met::Failed(111));
        let found = watch(&scene.case());
        (found.parents, found.near)
    }

    #[test]
    fn the_young_and_those_that_started_them_are_watched() {
        assert_eq!(
            watched(vec![process(50, 1, &["nodemon"], 900), process(61, 50, &["node", "app.js"], 2)]),
            (vec![50, 61], true)
        );
        assert_eq!(watched(vec![process(61, 1, &["./serve", "--port", "3000"], 2)]), (vec![61], true));
        assert_eq!(
            watched(vec![process(50, 1, &["bash", "run.sh"], 900), process(61, 50, &["sleep", "1"], 0)]),
            (vec![50, 61], false)
        );
        assert_eq!(watched(vec![process(61, 1, &["node", "app.js"], 0)]), (vec![61], false), "nothing ties it to the port");
    }

    #[test]
    fn strangers_are_watched_only_where_they_name_the_port() {
        let stranger = |argv: &[&str]| {
            let mut process = process(61, 1, argv, 2);
            process.uid = 4000;
            process.netns = portward_model::Seen::Unsupported;
            vec![process]
        };
        assert_eq!(watched(stranger(&["node", "app.js"])).0, Vec::<u32>::new());
        assert_eq!(watched(stranger(&["node", "app.js", "--port", "3000"])), (vec![61], true));
    }

    #[test]
    fn the_old_the_others_and_the_reader_are_not() {
        assert_eq!(watched(vec![process(61, 1, &["./serve", "--port", "3000"], 900)]).0, Vec::<u32>::new());
        assert_eq!(watched(vec![process(61, 1, &["cc1", "a.c"], 1)]).0, Vec::<u32>::new());
        assert_eq!(watched(vec![process(61, 1, &["sleep", "1"], 1)]).0, Vec::<u32>::new());
        let fork = vec![process(50, 1, &["bash", "run.sh"], 900), process(61, 50, &["bash", "run.sh"], 0)];
        assert_eq!(watched(fork), (vec![50, 61], false), "what a shell has just forked may become anything");
        let up = world(vec![listener("127.0.0.1", 8081)], vec![process(61, 1, &["node", "app.js"], 2)], vec![holding(0, 61, 5)]);
        assert_eq!(watch(&Scene::on(up, "127.0.0.1:3000").tried(Met::Failed(111)).case()).parents, Vec::<u32>::new());
        let own = world(
            Vec::new(),
            vec![process(50, 1, &["bash", "ask.sh"], 2), process(60, 50, &["python3", "ask.py"], 1)],
            Vec::new(),
        );
        let scene = Scene::on(own, "127.0.0.1:3000").tried(Met::Failed(111)).but(|scene| scene.snapshot.host.pid = 60);
        assert_eq!(watch(&scene.case()).parents, Vec::<u32>::new());
    }
}
