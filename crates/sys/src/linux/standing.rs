//! What stands at a path, and whether this reader may connect to it.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};

use portward_model::{FileKind, FolderFacts, PathFacts, SocketFile, Text};
use rustix::fs::{Access, AtFlags, CWD, FileType, accessat};

use super::{
    files::Mounts,
    reader::{self, Question},
};
use crate::SysError;

/// Follows links, as connecting does. An abstract name (`@name`) has no file and nothing stands there.
///
/// # Errors
/// Where its file system did not answer in time.
pub(super) fn at(path: &Text) -> Result<PathFacts, SysError> {
    let mounts = Mounts::now();
    if mounts.may_stall(Path::new(OsStr::from_bytes(path.raw()))) {
        return reader::ask(&Question::Path(path.clone()), reader::LONG);
    }
    Ok(on(&mounts, path))
}

/// Fails where the file system of a path does not answer.
pub(super) fn answers(path: &Text) -> Result<(), SysError> {
    let is_file = !path.raw().starts_with(b"@");
    if is_file && Mounts::now().may_stall(Path::new(OsStr::from_bytes(path.raw()))) { at(path).map(drop) } else { Ok(()) }
}

/// The same in a reader process, which may wait.
pub(super) fn patiently(path: &Text) -> PathFacts {
    on(&Mounts::patient(), path)
}

fn on(mounts: &Mounts, path: &Text) -> PathFacts {
    let place = Path::new(OsStr::from_bytes(path.raw()));
    let mut facts = PathFacts { path: path.clone(), ..PathFacts::default() };
    if path.raw().starts_with(b"@") || path.is_empty() {
        return facts;
    }
    facts.stops_at = first_closed(mounts, place);
    facts.folders = folders(mounts, place);
    if let Ok(found) = mounts.find(place) {
        let stat = found.facts();
        facts.kind = Some(match FileType::from_raw_mode(stat.stx_mode.into()) {
            FileType::Socket => FileKind::Socket,
            FileType::RegularFile => FileKind::File,
            FileType::Directory => FileKind::Folder,
            _ => FileKind::Other,
        });
        facts.inode = stat.stx_ino;
        // The kernel's own number of a device is twenty bits of its minor number below twelve of its major one.
        let device = stat.stx_dev_major << 20 | stat.stx_dev_minor;
        facts.file = Some(SocketFile { device, inode: u32::try_from(stat.stx_ino & u64::from(u32::MAX)).unwrap_or(0) });
        facts.mode = u32::from(stat.stx_mode) & PERMISSIONS;
        (facts.uid, facts.gid) = (stat.stx_uid, stat.stx_gid);
        facts.writable = may(place, Access::WRITE_OK);
        facts.pid = facts
            .kind
            .filter(|kind| *kind == FileKind::File && keeps_pid(place))
            .and_then(|_| pid(&found.read(LONGEST_PID).ok()?));
    }
    facts.nearby = nearby(mounts, place);
    facts
}

/// The first folder on the way that does not exist, is none, or may not be searched.
fn first_closed(mounts: &Mounts, place: &Path) -> Option<Text> {
    let is_folder = |folder: &Path| mounts.find(folder).is_ok_and(|folder| folder.is_folder());
    let mut folders: Vec<&Path> = place.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()).collect();
    folders.reverse();
    let closed = folders.into_iter().find(|folder| !is_folder(folder) || !may(folder, Access::EXEC_OK))?;
    Some(Text::new(closed.as_os_str().as_bytes()))
}

/// Mode and owner of each folder on the way.
fn folders(mounts: &Mounts, place: &Path) -> Vec<FolderFacts> {
    let mut above: Vec<&Path> =
        place.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()).take(MOST_FOLDERS).collect();
    above.reverse();
    let facts = |folder: &Path| {
        let found = mounts.find(folder).ok()?;
        let stat = found.facts();
        let (mode, path) = (u32::from(stat.stx_mode) & PERMISSIONS, Text::new(folder.as_os_str().as_bytes()));
        Some(FolderFacts { path, mode, uid: stat.stx_uid, gid: stat.stx_gid })
    };
    above.into_iter().map_while(facts).collect()
}

/// True for a file that by its name holds the number of a process: no other is ever read for one.
fn keeps_pid(place: &Path) -> bool {
    let name = place.file_name().map(OsStr::as_bytes).unwrap_or_default();
    PID_FILES.iter().any(|end| name.ends_with(end))
}

/// The number that such a file begins with, and that stands alone in its line.
fn pid(bytes: &[u8]) -> Option<u32> {
    let line = bytes.split(|byte| *byte == b'\n').next()?.trim_ascii();
    super::paths::number(line).filter(|pid| *pid > 0)
}

/// The kernel's own answer for this process's effective ids, access lists and capabilities included.
fn may(place: &Path, access: Access) -> bool {
    accessat(CWD, place, access, AtFlags::EACCESS).is_ok()
}

/// Other sockets of the folder with a name like this one's, such as `.s.PGSQL.5433` beside `.s.PGSQL.5432`.
fn nearby(mounts: &Mounts, place: &Path) -> Vec<Text> {
    let (Some(folder), Some(name)) = (place.parent(), place.file_name()) else { return Vec::new() };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = mounts.find(folder) else { return Vec::new() };
    let is_socket = |other: &OsStr| {
        let found = entries.find(Path::new(other));
        found.is_ok_and(|found| FileType::from_raw_mode(found.facts().stx_mode.into()) == FileType::Socket)
    };
    let names = entries.names(MOST_ENTRIES).into_iter();
    let alike = names.filter(|other| other != name && is_like(other.as_bytes(), name.as_bytes()) && is_socket(other));
    let mut found: Vec<Text> =
        alike.take(MOST_NEARBY).map(|other| Text::new(folder.join(other).as_os_str().as_bytes())).collect();
    found.sort();
    found
}

/// True when two names differ in digits alone, or share at least their first four letters.
fn is_like(one: &[u8], other: &[u8]) -> bool {
    let letters = |name: &[u8]| -> Vec<u8> { name.iter().filter(|b| !b.is_ascii_digit()).map(u8::to_ascii_lowercase).collect() };
    let (one, other) = (letters(one), letters(other));
    let shared = one.iter().zip(&other).take_while(|(a, b)| a == b).filter(|(a, _)| a.is_ascii_alphabetic()).count();
    one == other || shared >= SHARED_LETTERS
}

/// `x.pid`, `.s.PGSQL.5432.lock`, `.X99-lock`.
const PID_FILES: &[&[u8]] = &[b".pid", b".lock", b"-lock"];
/// A server may write more below its pid: its folder, its port.
const LONGEST_PID: u64 = 4_096;
const MOST_FOLDERS: usize = 64;
const PERMISSIONS: u32 = 0o7777;
const SHARED_LETTERS: usize = 4;
const MOST_NEARBY: usize = 8;
/// A folder with more entries than this is not one of sockets.
const MOST_ENTRIES: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn names_alike() {
        assert!(is_like(b".s.PGSQL.5433", b".s.PGSQL.5432"));
        assert!(is_like(b"mysqld.sock", b"mysql.sock") && is_like(b"1.sock", b"2.sock"));
        assert!(is_like(b"redis-server.sock", b"redis.sock"));
        assert!(!is_like(b"docker.sock", b"dbus.sock") && !is_like(b"a.sock", b"b.sock"));
    }
}
