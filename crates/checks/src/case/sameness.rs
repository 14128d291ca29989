//! Whether two listeners are one service: workers of one parent, one unit, one container, one program started twice.

use portward_model::{Process, Seen, Socket};

use crate::{
    bind::words::{ancestors, container_of},
    case::{Case, talk},
    container_of_cgroup, docker_proxy, unit_of_cgroup,
};

/// How two listeners belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sameness {
    /// They are one service; the fact that says so.
    One(String),
    /// They are two programs; the fact that says so.
    Two(String),
    /// The holder of one or both is out of sight.
    Unknown,
}

/// How the listeners at these positions belong together.
pub(crate) fn sameness(case: &Case<'_>, one: (usize, &Socket), other: (usize, &Socket)) -> Sameness {
    let (left, right) = (case.holders(one.0), case.holders(other.0));
    let (Some(first), Some(second)) = (left.first(), right.first()) else { return Sameness::Unknown };
    if let Some(both) = left.iter().find(|process| right.iter().any(|other| other.id == process.id)) {
        return Sameness::One(format!("pid {} holds both", both.id.pid));
    }
    let is_parent = |parent: &Process, child: &Process| ancestors(case.snapshot, child).iter().any(|known| known.id == parent.id);
    for a in &left {
        for b in &right {
            let related = (is_parent(a, b) && !is_shell(a)) || (is_parent(b, a) && !is_shell(b));
            if related {
                return Sameness::One(format!("pid {} and pid {} are parent and child", a.id.pid, b.id.pid));
            }
        }
    }
    if let Some(fact) = together(case, first, second) {
        return Sameness::One(fact);
    }
    Sameness::Two(difference(first, second))
}

/// True when the process is what a person types commands into, so that kinship means nothing.
fn is_shell(process: &Process) -> bool {
    SHELLS.contains(&process.name.raw())
}

/// The fact that makes two processes one service.
fn together(case: &Case<'_>, first: &Process, second: &Process) -> Option<String> {
    let proxies = |process: &Process| {
        let proxy = docker_proxy(process, case.snapshot.host.uid)?;
        Some((proxy.container_address, proxy.container_port))
    };
    // One published port is two proxies, one for each family.
    if let (Some(one), Some(other)) = (proxies(first), proxies(second)) {
        let same =
            one == other || container_of(case.snapshot, first).is_some_and(|a| Some(a) == container_of(case.snapshot, second));
        return same.then(|| format!("both forward to port {} of one container", one.1));
    }
    if let (Seen::Known(one), Seen::Known(other)) = (&first.cgroup, &second.cgroup) {
        if let (Some(one), Some(other)) = (container_of_cgroup(one), container_of_cgroup(other)) {
            return (one == other).then(|| "both run in one container".to_owned());
        }
        if let (Some(one), Some(other)) = (unit_of_cgroup(one), unit_of_cgroup(other))
            && one == other
            && one.id.ends_with(".service")
            && !one.id.starts_with("user@")
            && same_program(first, second)
        {
            return Some(format!("both belong to {}", one.name));
        }
    }
    if !same_program(first, second) || !same_place(first, second) {
        return None;
    }
    let arguments = first.argv.known() == second.argv.known();
    let kin = first.parent == second.parent && first.parent > 1;
    // A master's workers may differ in their arguments (`--worker 1`); what a script starts may be anything.
    let master = case.snapshot.process(first.parent).filter(|parent| kin && !is_shell(parent));
    let by_master = master.is_some_and(|parent| is_spawned(first) || same_program(parent, first) || is_master(parent));
    if kin && (arguments || by_master) {
        return Some(format!("both are children of pid {} and run {}", first.parent, first.title()));
    }
    let apart = first.started_at.0.abs_diff(second.started_at.0);
    (arguments && apart < TOGETHER_MS).then(|| format!("both run {} and were started together", first.title()))
}

/// True for a program that calls itself the master of its workers, as gunicorn, nginx and php-fpm do.
fn is_master(process: &Process) -> bool {
    process.argv.known().and_then(|argv| argv.arguments().first()).is_some_and(|title| talk::has(title.raw(), "master"))
}

/// True for a worker of Python's `multiprocessing`, each with arguments of its own.
fn is_spawned(process: &Process) -> bool {
    let argv = process.argv.known().map(portward_model::CommandLine::arguments).unwrap_or_default();
    argv.iter().any(|argument| talk::has(argument.raw(), "multiprocessing"))
}

/// What is started within this time with the same words was started as one.
const TOGETHER_MS: u64 = 2000;

const SHELLS: &[&[u8]] = &[b"bash", b"zsh", b"fish", b"sh", b"dash", b"ksh", b"tmux: server", b"screen", b"init", b"systemd"];

fn same_program(first: &Process, second: &Process) -> bool {
    match (first.exe.known(), second.exe.known()) {
        (Some(one), Some(other)) => one == other && first.title() == second.title(),
        _ => first.title() == second.title(),
    }
}

fn same_place(first: &Process, second: &Process) -> bool {
    match (first.cwd.known(), second.cwd.known()) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

fn difference(first: &Process, second: &Process) -> String {
    if first.title() != second.title() {
        return format!("one runs {}, the other {}", first.title(), second.title());
    }
    if let (Some(one), Some(other)) = (first.exe.known(), second.exe.known())
        && one != other
    {
        return format!("one runs {one}, the other {other}");
    }
    if let (Some(one), Some(other)) = (first.cwd.known(), second.cwd.known())
        && one != other
    {
        return format!("one works in {one}, the other in {other}");
    }
    let apart = first.started_at.0.abs_diff(second.started_at.0) / 1000;
    format!("they have different parents, pid {} and pid {}, and were started {apart} s apart", first.parent, second.parent)
}
