//! Whose ports the helper of a rootless container listens on.
//!
//! `rootlessport` of Podman gets its orders over its standard input, so that its arguments name no container. Its child has entered the
//! network namespace to which it passes connections on; the container's own processes are of the same one.

use portward_checks::container_of_cgroup;
use portward_model::{Process, Snapshot};
use portward_sys as sys;
use rustc_hash::FxHashSet;

/// Reads, for each such helper that holds a socket, its child and one process of the container that it serves.
pub(super) fn read(host: &dyn sys::Look, snapshot: &mut Snapshot) {
    if !snapshot.processes.iter().any(is_helper) {
        return;
    }
    // What cannot be read leaves the helper without its container, which is what is said of it then.
    let Ok(pids) = host.descendants(FIRST) else { return };
    let Ok(all) = host.processes(&pids) else { return };
    let mut found: Vec<Process> = Vec::new();
    for helper in snapshot.processes.iter().filter(|process| is_helper(process)) {
        let Some(child) = child(&all, helper) else { continue };
        found.extend([Some(child), inside(&all, child)].into_iter().flatten().cloned());
    }
    let mut known: FxHashSet<u32> = snapshot.processes.iter().map(|process| process.id.pid).collect();
    snapshot.processes.extend(found.into_iter().filter(|process| known.insert(process.id.pid)));
}

/// A process of the container that a helper serves; `None` for any other program, and where its namespace has no container's process.
pub(super) fn by<'s>(snapshot: &'s Snapshot, helper: &Process) -> Option<&'s Process> {
    if !is_helper(helper) {
        return None;
    }
    inside(&snapshot.processes, child(&snapshot.processes, helper)?)
}

fn is_helper(process: &Process) -> bool {
    process.name.raw() == b"rootlessport"
}

/// What a helper started in another network namespace.
fn child<'p>(among: &'p [Process], helper: &Process) -> Option<&'p Process> {
    let own = helper.netns.known();
    let is_child = |process: &&Process| process.parent == helper.id.pid && process.netns.known().is_some();
    among.iter().filter(is_child).find(|process| own.is_some() && process.netns.known() != own)
}

/// A process in a container, of the same user and network namespace.
fn inside<'p>(among: &'p [Process], child: &Process) -> Option<&'p Process> {
    let is_container = |process: &Process| process.cgroup.known().is_some_and(|group| container_of_cgroup(group).is_some());
    among.iter().find(|process| {
        process.netns.known().is_some()
            && process.netns.known() == child.netns.known()
            && process.id != child.id
            && is_container(process)
    })
}

/// The first process of the machine, or of what this is in.
const FIRST: u32 = 1;

#[cfg(test)]
mod tests {
    use portward_model::{Process, Seen, Snapshot, Text};

    use super::by;

    /// A copy of this process as another one.
    fn process(pid: u32, parent: u32, name: &str, netns: u64, cgroup: &str) -> Process {
        let machine = portward_sys::this_machine().unwrap();
        let mut process = machine.processes(&[std::process::id()]).unwrap().pop().unwrap();
        (process.id.pid, process.parent, process.name) = (pid, parent, Text::from(name));
        (process.netns, process.cgroup) = (Seen::Known(netns), Seen::Known(Text::from(cgroup)));
        process
    }

    #[test]
    fn a_container_is_found_by_the_network_of_its_helpers_child() {
        let id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        let group = format!("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{id}.scope/container");
        let helper = process(10, 1, "rootlessport", 1, "/user.slice");
        let mut snapshot = Snapshot {
            processes: vec![
                helper.clone(),
                process(11, 10, "rootlessport-ch", 7, "/user.slice"),
                process(20, 1, "conmon", 1, &format!("/user.slice/libpod-conmon-{id}.scope")),
                process(21, 20, "httpd", 7, &group),
                process(22, 20, "other", 8, &group.replace("0123", "4567")),
            ],
            ..Snapshot::unread()
        };
        assert_eq!(by(&snapshot, &helper).map(|process| process.id.pid), Some(21));
        assert!(by(&snapshot, &process(10, 1, "python3", 1, "/")).is_none(), "any other program's child");
        // With a network that several share, such as one bridge, nobody says which it is.
        snapshot.processes.retain(|process| process.id.pid != 21);
        assert!(by(&snapshot, &helper).is_none());
    }
}
