//! Control groups by id: the id of a version 2 group is the inode of its directory (`cgroups(7)`).
#![expect(clippy::disallowed_methods, reason = "hierarchies of control groups are the kernel's own")]

use std::{
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use portward_model::Text;

use super::kernel;

/// Paths of the groups with these ids, found by walking the mounted hierarchy; ids of groups that are gone,
/// or outside the part that is mounted here, are left out.
pub(super) fn paths(ids: &[u64]) -> Vec<(u64, Text)> {
    let mut wanted: Vec<u64> = ids.iter().copied().filter(|id| *id != 0).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut found = Vec::new();
    let Some(mount) = (!wanted.is_empty()).then(mount).flatten() else { return found };
    let mut open = vec![mount.clone()];
    let mut budget = MOST_GROUPS;
    while let Some(directory) = open.pop() {
        if let Ok(metadata) = fs::symlink_metadata(&directory)
            && wanted.binary_search(&metadata.ino()).is_ok()
        {
            found.push((metadata.ino(), below(&mount, &directory)));
        }
        if found.len() == wanted.len() || budget == 0 {
            break;
        }
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) && budget > 0 {
                budget -= 1;
                open.push(entry.path());
            }
        }
    }
    found
}

fn below(mount: &Path, directory: &Path) -> Text {
    let path = directory.strip_prefix(mount).unwrap_or(directory);
    Text::new([b"/", path.as_os_str().as_bytes()].concat())
}

/// Where the version 2 hierarchy is mounted: the whole of `/sys/fs/cgroup`, or `unified` beside version 1.
fn mount() -> Option<PathBuf> {
    let bytes = kernel::file("/proc/self/mounts").ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let mut mounts = text.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let path = fields.next()?;
        (fields.next()? == "cgroup2").then(|| PathBuf::from(path))
    });
    mounts.next()
}

/// More groups than any machine has; a bound against a hierarchy that grows while it is walked.
const MOST_GROUPS: usize = 20_000;
