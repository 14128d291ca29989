//! The control group of a process as far as it keeps the process from running: frozen, or short of memory.
#![expect(clippy::disallowed_methods, reason = "hierarchies of control groups are the kernel's own")]

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use portward_model::{MemoryPressure, Text};
use portward_wire::procfs::{self, CgroupMount};

use super::kernel;
use crate::SysError;

/// Where control groups of both versions are mounted.
pub(super) struct Hierarchies {
    unified: Option<CgroupMount>,
    freezer: Option<CgroupMount>,
}

/// What the groups of one process say.
#[derive(Default)]
pub(super) struct Groups {
    /// `None` where no hierarchy that is mounted here can tell.
    pub(super) frozen: Option<bool>,
    pub(super) frozen_group: Option<Text>,
    pub(super) memory: Option<MemoryPressure>,
}

impl Hierarchies {
    pub(super) fn read() -> Result<Self, SysError> {
        let (unified, freezer) = procfs::cgroup_mounts(&kernel::file("/proc/self/mountinfo")?);
        Ok(Self { unified, freezer })
    }

    pub(super) fn of(&self, pid: u32) -> Groups {
        let mut groups = Groups::default();
        let Ok(bytes) = kernel::file(&format!("/proc/{pid}/cgroup")) else { return groups };
        let (unified, freezer) = procfs::group_paths(&bytes);
        if let (Some(mount), Some(group)) = (&self.unified, unified) {
            groups.memory = memory(&place(mount, group));
            groups.frozen = Some(false);
            // A frozen group freezes those below it; the one that somebody froze has the switch on.
            let switched = upwards(mount, group).find(|(folder, _)| number(folder, "cgroup.freeze") == Some(1));
            let settled = file(&place(mount, group), "cgroup.events").and_then(|bytes| procfs::keyed_number(&bytes, "frozen"));
            match switched {
                Some((_, name)) => groups.freeze(name),
                None if settled == Some(1) => groups.freeze(Text::new(group)),
                // Every group but the first has the file; one that is not below this mount has not.
                None if settled.is_none() && group != b"/" => groups.frozen = None,
                None => {}
            }
        }
        if let (Some(mount), Some(group)) = (&self.freezer, freezer)
            && groups.frozen != Some(true)
        {
            let holds = |folder: &Path, name| file(folder, name).is_some_and(|bytes| bytes.starts_with(b"FR"));
            groups.frozen = groups.frozen.or(Some(false));
            if holds(&place(mount, group), "freezer.state") {
                let switched = upwards(mount, group).find(|(folder, _)| number(folder, "freezer.self_freezing") == Some(1));
                groups.freeze(switched.map_or_else(|| Text::new(group), |(_, name)| name));
            }
        }
        groups
    }
}

impl Groups {
    fn freeze(&mut self, group: Text) {
        self.frozen = Some(true);
        self.frozen_group = Some(group);
    }
}

fn memory(folder: &Path) -> Option<MemoryPressure> {
    let kills = file(folder, "memory.events").and_then(|bytes| procfs::keyed_number(&bytes, "oom_kill"));
    let stalled = file(folder, "memory.pressure").and_then(|bytes| procfs::full_pressure(&bytes));
    (kills.is_some() || stalled.is_some()).then(|| MemoryPressure { kills: kills.unwrap_or(0), stalled: stalled.unwrap_or(0) })
}

/// The folder of a group. A part of the hierarchy may be mounted alone, as it is in containers.
fn place(mount: &CgroupMount, group: &[u8]) -> PathBuf {
    let root = mount.root.strip_suffix(b"/").unwrap_or(&mount.root);
    let below = group.strip_prefix(root).filter(|rest| rest.is_empty() || rest.starts_with(b"/")).unwrap_or(group);
    let below = below.strip_prefix(b"/").unwrap_or(below);
    Path::new(OsStr::from_bytes(&mount.path)).join(OsStr::from_bytes(below))
}

/// A group and those above it, nearest first, with their folders.
fn upwards<'a>(mount: &'a CgroupMount, group: &'a [u8]) -> impl Iterator<Item = (PathBuf, Text)> + 'a {
    let ends = std::iter::successors(Some(group.len()), |end| group.get(..*end)?.iter().rposition(|b| *b == b'/'));
    ends.filter_map(|end| group.get(..end))
        .filter(|group| !group.is_empty())
        .take(DEEPEST)
        .map(|group| (place(mount, group), Text::new(group)))
}

fn file(folder: &Path, name: &str) -> Option<Vec<u8>> {
    std::fs::read(folder.join(name)).ok()
}

fn number(folder: &Path, name: &str) -> Option<u64> {
    std::str::from_utf8(&file(folder, name)?).ok()?.trim().parse().ok()
}

/// Groups are not nested deeper by anything but a jest.
const DEEPEST: usize = 32;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use portward_wire::procfs::CgroupMount;

    use super::{place, upwards};

    #[test]
    fn groups_are_found_below_the_part_that_is_mounted() {
        let mount = CgroupMount { path: b"/sys/fs/cgroup".to_vec(), root: b"/docker/x".to_vec() };
        assert_eq!(place(&mount, b"/docker/x/a"), Path::new("/sys/fs/cgroup/a"));
        let whole = CgroupMount { path: b"/sys/fs/cgroup".to_vec(), root: b"/".to_vec() };
        assert_eq!(place(&whole, b"/a/b"), Path::new("/sys/fs/cgroup/a/b"));
        let names: Vec<String> = upwards(&whole, b"/a/b").map(|(_, name)| name.shown()).collect();
        assert_eq!(names, ["/a/b", "/a"]);
        assert_eq!(upwards(&whole, b"/").count(), 1);
    }
}
