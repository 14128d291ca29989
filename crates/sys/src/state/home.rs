//! A user's home, and whether a look at it comes back.

use std::path::{Path, PathBuf};

#[cfg(target_os = "linux")]
pub(super) fn home_of(uid: u32) -> Option<PathBuf> {
    // Who has no HOME runs as no user with a home, but for root, whose variables may have been another's.
    let home = (uid == 0).then(|| crate::User::of(0))??.home;
    Some(home).filter(|home| home.is_absolute())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn home_of(_: u32) -> Option<PathBuf> {
    None
}

/// False where the file system of a path does not answer, as that of a dead server: whoever looks there waits for ever.
#[cfg(target_os = "linux")]
pub(super) fn comes_back(path: &Path) -> bool {
    crate::linux::comes_back(path)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn comes_back(_: &Path) -> bool {
    true
}
