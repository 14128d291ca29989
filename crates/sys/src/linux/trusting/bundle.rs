//! One file with all that the system believes, and one certificate more: for programs that are told a file in the place of the system's.

use std::{io, path::Path};

use super::{Anchor, Mounts};
use crate::{FileMark, StateFolder};

/// A file in this folder with the system's authorities and this one; `None` where the system has no such file. It is made anew where the
/// system's has changed since.
///
/// # Errors
/// Where it cannot be read or written.
pub(super) fn bundle(folder: &StateFolder, anchor: &Anchor<'_>) -> io::Result<Option<String>> {
    let mounts = Mounts::patient();
    let Some(system) = of_system(&mounts) else { return Ok(None) };
    let name = name_of(anchor.fingerprint);
    // By all of its mark, and not by which is newer: an update may bring an older file.
    let mark = FileMark::of(Path::new(system)).map(|mark| format!("# {mark:?} {system}\n"));
    let Some(mark) = mark else { return Ok(None) };
    let is_fresh =
        folder.is_private(&name)? && folder.mark(&name).is_some() && folder.read_from(&name, 0, mark.len())? == mark.as_bytes();
    if !is_fresh {
        let mut bytes = mark.into_bytes();
        bytes.extend(mounts.find(Path::new(system))?.read(LONGEST)?);
        bytes.push(b'\n');
        bytes.extend(anchor.pem.as_bytes());
        folder.replace_soon(&name, &bytes)?;
    }
    Ok(Some(name))
}

/// The same file without this certificate, where there is one.
pub(super) fn empty(folder: &StateFolder, fingerprint: &str) -> io::Result<()> {
    let name = name_of(fingerprint);
    if folder.mark(&name).is_none() {
        return Ok(());
    }
    let mounts = Mounts::patient();
    match of_system(&mounts) {
        Some(system) => folder.replace(&name, &mounts.find(Path::new(system))?.read(LONGEST)?),
        None => folder.remove(&name),
    }
}

/// The system's own file.
fn of_system(mounts: &Mounts) -> Option<&'static str> {
    BUNDLES.iter().copied().find(|path| mounts.find(Path::new(path)).is_ok_and(|place| place.is_file()))
}

fn name_of(fingerprint: &str) -> String {
    format!("bundle-{fingerprint}.pem")
}

/// Where distributions keep the file: Debian and Arch, Fedora, openSUSE, Alpine.
const BUNDLES: [&str; 4] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"];
/// Bytes of such a file.
const LONGEST: u64 = 16 * 1024 * 1024;
