//! Files below `/proc` and `/sys`, which the kernel makes up as they are read: they answer at once, and are whatever the kernel
//! says. What hangs below a process's `cwd` and `root` is not among them. Beside them the few files of the system that root
//! alone can write.
#![expect(clippy::disallowed_methods, reason = "it is the way to the kernel's own files")]

use std::{
    fs::{File, Metadata, ReadDir},
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::SysError;

/// A file, whole.
pub(super) fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    // Such a file has no length, and each read makes it up anew: there is room for most of them at once.
    let mut bytes = Vec::with_capacity(USUAL);
    File::open(made_up(path.as_ref()))?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A file, opened.
pub(super) fn open(path: impl AsRef<Path>) -> io::Result<File> {
    File::open(path)
}

/// A file, as text.
pub(super) fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    std::fs::read_to_string(made_up(path.as_ref()))
}

/// The entries of a folder.
pub(super) fn read_dir(path: impl AsRef<Path>) -> io::Result<ReadDir> {
    std::fs::read_dir(made_up(path.as_ref()))
}

/// What a link says.
pub(super) fn read_link(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    std::fs::read_link(made_up(path.as_ref()))
}

/// What stands there.
pub(super) fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    std::fs::metadata(made_up(path.as_ref()))
}

/// A file of the kernel or of the system, whole, or why not, as an error of ours.
pub(crate) fn file(path: &str) -> Result<Vec<u8>, SysError> {
    std::fs::read(path).map_err(|source| SysError::Read { path: path.to_owned(), source })
}

/// Bytes that nearly all of them have less of.
const USUAL: usize = 8 * 1024;

fn made_up(path: &Path) -> &Path {
    debug_assert!(path.starts_with("/proc") || path.starts_with("/sys"), "{} is no file of the kernel", path.display());
    path
}
