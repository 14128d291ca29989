//! What stands at a path, and whether this reader may connect to it.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{FileTypeExt, MetadataExt},
    },
    path::Path,
};

use portward_model::{FileKind, PathFacts, Text};
use rustix::fs::{Access, AtFlags, CWD, accessat};

/// Follows links, as connecting does. An abstract name (`@name`) has no file and nothing stands there.
pub(super) fn at(path: &Text) -> PathFacts {
    let place = Path::new(OsStr::from_bytes(path.raw()));
    let mut facts = PathFacts { path: path.clone(), ..PathFacts::default() };
    if path.raw().starts_with(b"@") || path.is_empty() {
        return facts;
    }
    facts.stops_at = first_closed(place);
    if let Ok(metadata) = fs::metadata(place) {
        let kind = metadata.file_type();
        facts.kind = Some(if kind.is_socket() {
            FileKind::Socket
        } else if kind.is_file() {
            FileKind::File
        } else if kind.is_dir() {
            FileKind::Folder
        } else {
            FileKind::Other
        });
        facts.inode = metadata.ino();
        facts.mode = metadata.mode() & PERMISSIONS;
        (facts.uid, facts.gid) = (metadata.uid(), metadata.gid());
        facts.writable = may(place, Access::WRITE_OK);
    }
    facts.nearby = nearby(place);
    facts
}

/// The first folder on the way that does not exist, is none, or may not be searched.
fn first_closed(place: &Path) -> Option<Text> {
    let mut folders: Vec<&Path> = place.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()).collect();
    folders.reverse();
    let closed = folders.into_iter().find(|folder| !folder.is_dir() || !may(folder, Access::EXEC_OK))?;
    Some(Text::new(closed.as_os_str().as_bytes()))
}

/// The kernel's own answer for this process's effective ids, access lists and capabilities included.
fn may(place: &Path, access: Access) -> bool {
    accessat(CWD, place, access, AtFlags::EACCESS).is_ok()
}

/// Other sockets of the folder with a name like this one's, such as `.s.PGSQL.5433` beside `.s.PGSQL.5432`.
fn nearby(place: &Path) -> Vec<Text> {
    let (Some(folder), Some(name)) = (place.parent(), place.file_name()) else { return Vec::new() };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let alike = entries.flatten().take(MOST_ENTRIES).filter(|entry| {
        let other = entry.file_name();
        other != name && is_like(other.as_bytes(), name.as_bytes()) && entry.file_type().is_ok_and(|kind| kind.is_socket())
    });
    let mut found: Vec<Text> = alike.take(MOST_NEARBY).map(|entry| Text::new(entry.path().as_os_str().as_bytes())).collect();
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
