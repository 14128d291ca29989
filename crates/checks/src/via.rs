//! How each holder came by its socket: opened, inherited, passed or activated.
//!
//! The kernel does not record it, so it is reasoned from who holds the same socket now, who descends from
//! whom, and when each started:
//!
//! 1. A holder whose nearest holding ancestor is an activator (systemd, inetd and the like, which open
//!    sockets for others, `sd_listen_fds(3)`) was *activated*, when its descriptor is one that such a program
//!    hands over: 3 or above, or a standard stream for systemd and inetd.
//! 2. A holder with any other holding ancestor *inherited* the socket across `fork(2)` or `execve(2)`.
//! 3. A holder that cannot have opened it *inherited* it from one that has ended: a program that never listens, such as `sleep`
//!    or a shell; or a child that was forked, has executed nothing since, was adopted, and is still in a living session of
//!    its starter's. A daemon leaves that session.
//! 4. Of the other holders without a holding ancestor one *opened* it: the only one, or the oldest of several. The
//!    others were *passed* it (`SCM_RIGHTS`, `unix(7)`; `pidfd_getfd(2)`).
//!
//! Opened means: as far as living processes tell. Where that would be a guess the answer is hidden:
//!
//! - The reader sees only its own processes, and the socket was opened by another user: the opener may be
//!   unseen.
//! - A holder's chain of parents breaks before its end, while others hold the same socket.
//! - Siblings hold the same descriptor number and run the same program: workers whose parent opened the
//!   socket and closed or left it, or one that passed it on. Nothing tells the two apart.

use portward_model::{Holding, Need, Process, Seen, Snapshot, Socket, Text, Via};

/// How each holder of the socket at `socket_index` came by it, in the order of [`Snapshot::holders`].
pub fn via(snapshot: &Snapshot, socket_index: usize) -> Vec<(Holding, Seen<Via>)> {
    let holdings = snapshot.holders(socket_index);
    let Some(socket) = snapshot.sockets.get(socket_index) else { return Vec::new() };
    let mut pids: Vec<u32> = holdings.iter().map(|holding| holding.pid).collect();
    pids.dedup();
    let tops: Vec<Top<'_>> = tops(snapshot, holdings, &pids);
    holdings.iter().map(|holding| (*holding, one(snapshot, socket, holding, &pids, &tops))).collect()
}

/// A holder without a holding ancestor.
struct Top<'a> {
    process: &'a Process,
    fd: u32,
}

/// How far a chain of parents leads.
enum Chain<'a> {
    /// To this ancestor, which holds the socket too.
    Holder(&'a Process),
    /// To its end, without meeting a holder.
    Ended,
    /// To a parent that was not read.
    Broken,
}

fn one(snapshot: &Snapshot, socket: &Socket, holding: &Holding, pids: &[u32], tops: &[Top<'_>]) -> Seen<Via> {
    let Some(process) = snapshot.process(holding.pid) else { return Seen::Gone };
    match chain(snapshot, process, pids) {
        Chain::Holder(ancestor) if activates(ancestor, holding.fd) => Seen::Known(Via::Activated),
        Chain::Holder(_) => Seen::Known(Via::Inherited),
        Chain::Broken if pids.len() > 1 => Seen::Hidden(Need::Root),
        Chain::Ended | Chain::Broken => top(snapshot, socket, process, tops),
    }
}

/// True where every holder of a socket only inherited it, from a program that has ended: nobody is left who would serve.
pub(crate) fn is_left_behind(snapshot: &Snapshot, socket_index: usize) -> bool {
    let holders = snapshot.holders(socket_index);
    let is_left = |holding: &Holding| snapshot.process(holding.pid).is_some_and(|process| outlives_opener(snapshot, process));
    !holders.is_empty() && holders.iter().all(is_left)
}

/// True for a process that cannot have opened the listener that it holds, where none of its ancestors holds it.
fn outlives_opener(snapshot: &Snapshot, process: &Process) -> bool {
    if never_listens(process) {
        return true;
    }
    let parent = snapshot.process(process.parent);
    let is_adopted = process.parent == 1 || parent.is_some_and(Process::adopts);
    let is_alone = process.session == process.id.pid || process.session == 0;
    let is_by_birth = parent.is_some_and(|parent| parent.session == process.session);
    process.forked && is_adopted && !is_alone && !is_by_birth && snapshot.process(process.session).is_some()
}

/// True for a program that opens no listener, whatever its arguments say.
fn never_listens(process: &Process) -> bool {
    let program = process.exe.known().map_or(process.name.raw(), Text::raw);
    let base = program.rsplit(|byte| *byte == b'/').next().unwrap_or(program);
    NEVER_LISTEN.iter().any(|name| name.as_bytes() == base)
}

/// Shells and the small tools that servers start: a script that waits, a pager, a log.
const NEVER_LISTEN: &[&str] = &[
    "sh",
    "bash",
    "dash",
    "ash",
    "ksh",
    "mksh",
    "fish",
    "tcsh",
    "csh",
    "sleep",
    "tail",
    "head",
    "cat",
    "tee",
    "cut",
    "tr",
    "sort",
    "uniq",
    "wc",
    "grep",
    "sed",
    "find",
    "xargs",
    "less",
    "more",
    "watch",
    "yes",
    "true",
    "dd",
    "gzip",
    "xz",
    "zstd",
    "tar",
    "timeout",
    "nohup",
    "env",
    "make",
    "logger",
    "flock",
    "inotifywait",
];

fn top(snapshot: &Snapshot, socket: &Socket, process: &Process, tops: &[Top<'_>]) -> Seen<Via> {
    if outlives_opener(snapshot, process) {
        return Seen::Known(Via::Inherited);
    }
    let opener_may_be_unseen = !snapshot.host.privileged && socket.uid != snapshot.host.uid;
    if opener_may_be_unseen {
        return Seen::Hidden(Need::Root);
    }
    if tops.len() <= 1 {
        return Seen::Known(Via::Opened);
    }
    if tops.iter().any(|other| is_twin(process, other, tops)) {
        return Seen::Hidden(Need::Platform);
    }
    let oldest = tops.iter().map(|top| top.process.id).min_by_key(|id| (id.started_ticks, id.pid));
    Seen::Known(if oldest == Some(process.id) { Via::Opened } else { Via::Passed })
}

/// True for another holder with the same parent, program and descriptor number.
fn is_twin(process: &Process, other: &Top<'_>, tops: &[Top<'_>]) -> bool {
    let own_fd = tops.iter().find(|top| top.process.id == process.id).map(|top| top.fd);
    other.process.id != process.id
        && other.process.parent == process.parent
        && Some(other.fd) == own_fd
        && other.process.exe.known().is_some()
        && other.process.exe == process.exe
}

fn tops<'a>(snapshot: &'a Snapshot, holdings: &[Holding], pids: &[u32]) -> Vec<Top<'a>> {
    let mut tops: Vec<Top<'a>> = Vec::new();
    for holding in holdings {
        let Some(process) = snapshot.process(holding.pid) else { continue };
        if tops.iter().any(|top| top.process.id == process.id) || matches!(chain(snapshot, process, pids), Chain::Holder(_)) {
            continue;
        }
        tops.push(Top { process, fd: holding.fd });
    }
    tops
}

/// Follows the parents of a process to the nearest that is among `pids`. A parent younger than its child is
/// a reused pid, and ends the chain as unknown.
fn chain<'a>(snapshot: &'a Snapshot, process: &'a Process, pids: &[u32]) -> Chain<'a> {
    let mut at = process;
    for _ in 0..LONGEST_CHAIN {
        if at.parent == 0 {
            return Chain::Ended;
        }
        let Some(parent) = snapshot.process(at.parent) else {
            // pid 1 is the end of every chain; unread, it is known not to be a holder only to one who sees all.
            return if at.parent == 1 && snapshot.host.privileged { Chain::Ended } else { Chain::Broken };
        };
        if parent.id.started_ticks > at.id.started_ticks || parent.id == process.id {
            return Chain::Broken;
        }
        if pids.contains(&parent.id.pid) {
            return Chain::Holder(parent);
        }
        at = parent;
    }
    Chain::Broken
}

/// More parents than any real chain has; a loop in a damaged snapshot ends here.
const LONGEST_CHAIN: usize = 256;

/// True for a program that opens sockets for the programs it starts, and would hand them over at this number.
fn activates(process: &Process, fd: u32) -> bool {
    let title = process.title();
    STREAM_ACTIVATORS.contains(&title.as_str()) || (fd >= 3 && ACTIVATORS.contains(&title.as_str()))
}

/// These may also hand a socket over as standard input (`StandardInput=socket`, `inetd(8)`).
const STREAM_ACTIVATORS: &[&str] = &["systemd", "systemd-socket-activate", "inetd", "xinetd", "tcpserver", "s6-tcpserver"];
const ACTIVATORS: &[&str] = &["systemfd", "einhorn", "circusd", "start_server", "catflap", "launchd", "dinit", "s6-fdholderd"];

#[cfg(test)]
mod tests {
    use portward_model::{Need, Process, Seen, Snapshot, Via};

    use super::via;
    use crate::fixture::{holding, listener, process, world};

    /// Holders as (pid, fd), answers in order of pid.
    fn answers(processes: Vec<Process>, holders: &[(u32, u32)]) -> Vec<Seen<Via>> {
        told(&snapshot(processes, holders))
    }

    fn snapshot(processes: Vec<Process>, holders: &[(u32, u32)]) -> Snapshot {
        world(vec![listener("127.0.0.1", 80)], processes, holders.iter().map(|(pid, fd)| holding(0, *pid, *fd)).collect())
    }

    fn told(snapshot: &Snapshot) -> Vec<Seen<Via>> {
        via(snapshot, 0).into_iter().map(|(_, via)| via).collect()
    }

    const OPENED: Seen<Via> = Seen::Known(Via::Opened);
    const INHERITED: Seen<Via> = Seen::Known(Via::Inherited);
    const PASSED: Seen<Via> = Seen::Known(Via::Passed);
    const ACTIVATED: Seen<Via> = Seen::Known(Via::Activated);

    fn init() -> Process {
        process(1, 0, &["/lib/systemd/systemd", "--system"], 90_000)
    }

    #[test]
    fn a_lone_holder_opened_it() {
        assert_eq!(answers(vec![init(), process(20, 1, &["vite"], 10)], &[(20, 3)]), [OPENED]);
    }

    #[test]
    fn what_a_dead_server_left_behind_is_inherited() {
        let sleep = || process(40, 1, &["sleep", "600"], 10);
        assert_eq!(answers(vec![init(), sleep()], &[(40, 3)]), [INHERITED]);
        let shell = || process(30, 29, &["-bash"], 900);
        let forked = |session| Process { forked: true, session, ..process(40, 1, &["python3", "serve.py"], 10) };
        assert_eq!(answers(vec![init(), shell(), forked(30)], &[(40, 3)]), [INHERITED]);
        // A daemon leads a session of its own, or is of one whose leader has ended; a program that was executed opened its own.
        assert_eq!(answers(vec![init(), forked(40)], &[(40, 3)]), [OPENED]);
        assert_eq!(answers(vec![init(), forked(39)], &[(40, 3)]), [OPENED]);
        let executed = Process { forked: false, ..forked(30) };
        assert_eq!(answers(vec![init(), shell(), executed], &[(40, 3)]), [OPENED]);
        // The first process of a container may be the starter itself.
        let first = process(1, 0, &["gunicorn"], 900);
        assert_eq!(answers(vec![first, forked(1)], &[(40, 3)]), [OPENED]);
        assert!(super::is_left_behind(&snapshot(vec![init(), sleep()], &[(40, 3)]), 0));
        let both = snapshot(vec![init(), sleep(), process(20, 1, &["vite"], 10)], &[(20, 3), (40, 3)]);
        assert!(!super::is_left_behind(&both, 0) && told(&both).contains(&OPENED));
    }

    #[test]
    fn children_inherit_from_the_parent_that_opened() {
        let master = process(20, 1, &["nginx"], 100);
        let workers = [21, 22, 23].map(|pid| process(pid, 20, &["nginx"], 90));
        let mut all = vec![init(), master];
        all.extend(workers);
        assert_eq!(answers(all, &[(20, 6), (21, 6), (22, 6), (23, 6)]), [OPENED, INHERITED, INHERITED, INHERITED]);
    }

    #[test]
    fn a_grandchild_inherits_through_one_that_closed_it() {
        let all = vec![init(), process(20, 1, &["a"], 100), process(21, 20, &["sh"], 90), process(22, 21, &["b"], 80)];
        assert_eq!(answers(all, &[(20, 3), (22, 3)]), [OPENED, INHERITED]);
    }

    #[test]
    fn systemd_activates_and_its_service_children_inherit() {
        let all = vec![init(), process(20, 1, &["cupsd"], 100), process(21, 20, &["cupsd"], 50)];
        assert_eq!(answers(all, &[(1, 40), (20, 3), (21, 3)]), [OPENED, ACTIVATED, INHERITED]);
    }

    #[test]
    fn a_user_manager_activates_too() {
        let all =
            vec![init(), process(900, 1, &["/usr/lib/systemd/systemd", "--user"], 500), process(950, 900, &["pipewire"], 400)];
        assert_eq!(answers(all, &[(900, 20), (950, 3)]), [OPENED, ACTIVATED]);
    }

    #[test]
    fn inetd_hands_over_a_standard_stream_and_others_do_not() {
        let all = |name: &str| vec![init(), process(20, 1, &[name], 100), process(21, 20, &["svc"], 50)];
        assert_eq!(answers(all("inetd"), &[(20, 5), (21, 0)]), [OPENED, ACTIVATED]);
        assert_eq!(answers(all("systemfd"), &[(20, 3), (21, 3)]), [OPENED, ACTIVATED]);
        assert_eq!(answers(all("systemfd"), &[(20, 3), (21, 1)]), [OPENED, INHERITED]);
    }

    #[test]
    fn a_pid_1_that_is_no_systemd_passes_on_by_fork() {
        let all = vec![process(1, 0, &["gunicorn"], 100), process(7, 1, &["gunicorn"], 90)];
        assert_eq!(answers(all, &[(1, 5), (7, 5)]), [OPENED, INHERITED]);
    }

    #[test]
    fn an_unrelated_holder_was_passed_it() {
        let all = vec![init(), process(20, 1, &["old"], 100), process(30, 1, &["new"], 10)];
        assert_eq!(answers(all, &[(20, 3), (30, 4)]), [OPENED, PASSED]);
    }

    #[test]
    fn the_children_of_a_receiver_inherit() {
        let all = vec![init(), process(20, 1, &["old"], 100), process(30, 1, &["new"], 50), process(31, 30, &["new"], 10)];
        assert_eq!(answers(all, &[(20, 3), (30, 4), (31, 4)]), [OPENED, PASSED, INHERITED]);
    }

    #[test]
    fn siblings_that_share_program_and_number_are_not_guessed_about() {
        let all = vec![init(), process(20, 1, &["worker"], 100), process(21, 1, &["worker"], 100)];
        let hidden = Seen::Hidden(Need::Platform);
        assert_eq!(answers(all, &[(20, 5), (21, 5)]), [hidden.clone(), hidden]);
    }

    #[test]
    fn several_descriptors_of_one_process_agree() {
        assert_eq!(answers(vec![init(), process(20, 1, &["dup"], 10)], &[(20, 3), (20, 9)]), [OPENED, OPENED]);
    }

    #[test]
    fn an_unseen_opener_is_not_replaced_by_a_guess() {
        let mut snapshot = snapshot(vec![process(20, 1, &["worker"], 10)], &[(20, 3)]);
        snapshot.host.privileged = false;
        assert_eq!(told(&snapshot), [OPENED]);
        snapshot.sockets[0].uid = 0;
        assert_eq!(told(&snapshot), [Seen::Hidden(Need::Root)]);
    }

    #[test]
    fn a_broken_chain_among_several_holders_is_hidden() {
        let all = vec![init(), process(20, 1, &["a"], 100), process(30, 29, &["b"], 10)];
        assert_eq!(answers(all, &[(20, 3), (30, 3)]), [OPENED, Seen::Hidden(Need::Root)]);
    }

    #[test]
    fn a_reused_parent_pid_is_no_ancestor() {
        let all = vec![init(), process(20, 1, &["young"], 5), process(30, 20, &["old"], 500)];
        assert_eq!(answers(all, &[(20, 3), (30, 4)]), [PASSED, Seen::Hidden(Need::Root)]);
    }

    #[test]
    fn vanished_holders_and_loops_are_survived() {
        assert_eq!(answers(vec![init()], &[(77, 3)]), [Seen::Gone]);
        let looped = vec![process(20, 21, &["a"], 5), process(21, 20, &["b"], 5)];
        assert_eq!(answers(looped, &[(20, 3)]), [OPENED]);
        assert!(via(&world(Vec::new(), Vec::new(), Vec::new()), 9).is_empty());
    }
}
