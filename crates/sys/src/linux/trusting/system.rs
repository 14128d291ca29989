//! The system's own store: a folder of files that administrators add, from which a program makes what others read.
#![expect(clippy::disallowed_methods, reason = "the folders are root's alone, and root alone writes to them")]

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Anchor, Holds, Mounts, Refused, Store, done};
use crate::linux::programs;

pub(super) fn all(mounts: &Mounts) -> Vec<Store> {
    let found = PLACES.iter().filter_map(|&(folder, ending, program, afresh)| {
        let is_there = mounts.find(Path::new(folder)).is_ok_and(|place| place.is_folder());
        let program = programs::find(program).filter(|_| is_there)?;
        Some(Store::System { folder: folder.into(), ending, program, afresh })
    });
    // A machine has one; where it has the folders of several, the first is what its own program reads.
    found.take(1).collect()
}

pub(super) fn holds(folder: &Path, ending: &str, anchor: &Anchor<'_>) -> Holds {
    let read = Mounts::patient().find(&file(folder, ending, anchor)).and_then(|place| place.read(LONGEST));
    match read {
        Ok(bytes) if anchor.is(&bytes) => Holds::It,
        Ok(_) => Holds::Another,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Holds::Not,
        Err(error) => Holds::Unknown(error.into()),
    }
}

pub(super) fn add(folder: &Path, ending: &str, program: &Path, anchor: &Anchor<'_>) -> Result<(), Refused> {
    let (file, part) = (file(folder, ending, anchor), folder.join(format!(".{}.new", anchor.alias)));
    may_write(folder)?;
    let _ = fs::remove_file(&part);
    let written = write(&part, anchor.pem.as_bytes()).and_then(|()| fs::rename(&part, &file));
    if let Err(error) = written {
        let _ = fs::remove_file(&part);
        return Err(error.into());
    }
    done(program, &[], PATIENCE).map(drop)
}

pub(super) fn remove(
    folder: &Path,
    ending: &str,
    (program, afresh): (&Path, Option<&str>),
    anchor: &Anchor<'_>,
) -> Result<(), Refused> {
    may_write(folder)?;
    fs::remove_file(file(folder, ending, anchor))?;
    done(program, afresh.as_slice(), PATIENCE).map(drop)
}

fn write(part: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(part)?;
    file.write_all(bytes)?;
    // Everybody reads it, whatever the mask of who asks.
    file.set_permissions(fs::Permissions::from_mode(0o644))?;
    file.sync_all()
}

/// The bundles are root's, too, and a file without them would say what is not so.
fn may_write(folder: &Path) -> Result<(), Refused> {
    let is_root = rustix::process::geteuid().is_root();
    let may = is_root && rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok();
    if may { Ok(()) } else { Err(Refused::NotAllowed) }
}

/// The file of a certificate in the system's folder.
pub fn file(folder: &Path, ending: &str, anchor: &Anchor<'_>) -> PathBuf {
    folder.join(format!("{}{ending}", anchor.alias))
}

/// Of Debian and Ubuntu, of Fedora, of Arch, of openSUSE: the folder, how names in it end, what makes the bundles, and its word after
/// something was removed. Fedora's has no such word and needs none.
const PLACES: [(&str, &str, &str, Option<&str>); 4] = [
    ("/usr/local/share/ca-certificates", ".crt", "update-ca-certificates", Some("--fresh")),
    ("/etc/pki/ca-trust/source/anchors", ".pem", "update-ca-trust", None),
    ("/etc/ca-certificates/trust-source/anchors", ".pem", "update-ca-trust", None),
    ("/etc/pki/trust/anchors", ".pem", "update-ca-certificates", None),
];
/// Bytes of a certificate.
const LONGEST: u64 = 64 * 1024;
/// How long the bundles may take: Java's is among them.
const PATIENCE: Duration = Duration::from_mins(1);
