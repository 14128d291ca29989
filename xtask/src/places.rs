//! Where things are: the repository, cargo's output, the peers of the benchmarks.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::failure::{Failure, on_path};

/// The top of the repository.
pub(crate) fn root() -> PathBuf {
    // Cargo says where the package is now; the compiled-in place serves a binary that is run by hand.
    let package = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.parent().map_or_else(|| package.clone(), Path::to_path_buf)
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |given| root().join(given))
}

/// The debug binary of Portward.
pub(crate) fn debug_binary() -> PathBuf {
    target().join("debug/portward")
}

/// The release binary of Portward.
pub(crate) fn release_binary() -> PathBuf {
    target().join("release/portward")
}

/// Where programs for the tests are put that are no Debian packages; `portward-testkit` finds them there.
pub(crate) fn programs() -> PathBuf {
    target().join("programs")
}

/// Where the benchmarks' peers are installed.
pub(crate) fn peers() -> PathBuf {
    root().join("target/peers")
}

/// Every file below a directory, sorted; version control and build output are left out.
pub(crate) fn files_below(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_path_buf()];
    while let Some(next) = open.pop() {
        let entries = fs::read_dir(&next).map_err(|error| on_path("read", &next, &error))?;
        for entry in entries {
            let path = entry.map_err(|error| on_path("read", &next, &error))?.path();
            let name = path.file_name().unwrap_or_default();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                if name != "target" && name != ".git" && name != "node_modules" {
                    open.push(path);
                }
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Reads a text file.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| on_path("read", path, &error))
}

/// Writes a text file, with the directories above it.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| on_path("made", parent, &error))?;
    }
    fs::write(path, text).map_err(|error| on_path("written", path, &error))
}

/// The path as seen from the top of the repository, for sentences.
pub(crate) fn shown<'a>(root: &Path, path: &'a Path) -> std::path::Display<'a> {
    path.strip_prefix(root).unwrap_or(path).display()
}
