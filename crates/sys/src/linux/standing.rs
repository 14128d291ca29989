//! What stands at a path, whether a socket is bound to it, and whether this reader may connect to it.

use std::{
    ffi::OsStr,
    io::{self, ErrorKind},
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use portward_model::{FileKind, FolderFacts, PathFacts, SocketFile, Text};
use portward_wire::procfs;
use rustix::{
    fs::{Access, AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, StatxFlags, accessat, open, openat2, statx},
    io::Errno,
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, connect_unspec, socket_with},
};

use super::{
    files::Mounts,
    kernel,
    reader::{self, Question},
    rights::{Word, with_rights},
};
use crate::SysError;

/// Follows links, as connecting does. An abstract name (`@name`) has no file and nothing stands there.
///
/// # Errors
/// Where its file system did not answer in time.
pub(super) fn at(path: &Text) -> Result<PathFacts, SysError> {
    within(path, PATIENCE)
}

/// The same, with so much time for a file system that may not answer.
fn within(path: &Text, patience: Duration) -> Result<PathFacts, SysError> {
    let mounts = Mounts::now();
    let whole = absolute(path);
    if mounts.may_stall(Path::new(OsStr::from_bytes(whole.raw()))) {
        let facts: PathFacts = reader::ask(&Question::Path(whole), patience)?;
        return Ok(PathFacts { path: path.clone(), ..facts });
    }
    Ok(on(&mounts, path))
}

/// The same path from the root: a relative one begins in this process's own folder, and a reader process is in another. The kernel
/// says which folder that is without a look into it (`getcwd(2)`).
pub(super) fn absolute(path: &Text) -> Text {
    if path.is_empty() || path.raw().starts_with(b"/") || path.raw().starts_with(b"@") {
        return path.clone();
    }
    let whole = std::env::current_dir().map(|folder| folder.join(OsStr::from_bytes(path.raw())));
    whole.map_or_else(|_| path.clone(), |whole| Text::new(whole.as_os_str().as_bytes()))
}

/// Fails where the file system of a path does not answer, at the latest after so long.
pub(super) fn answers(path: &Text, patience: Duration) -> Result<(), SysError> {
    let is_file = !path.raw().starts_with(b"@");
    let whole = absolute(path);
    if is_file && Mounts::now().may_stall(Path::new(OsStr::from_bytes(whole.raw()))) {
        within(path, patience.min(PATIENCE)).map(drop)
    } else {
        Ok(())
    }
}

/// True where a look at a path comes back: at once, or within the time that a reader process is given. What has not answered is not
/// asked again for a while.
pub(crate) fn comes_back(path: &Path) -> bool {
    let mut silent = SILENT.lock().unwrap_or_else(PoisonError::into_inner);
    silent.retain(|(_, since)| since.elapsed() < FORGOTTEN);
    if silent.iter().any(|(known, _)| known == path) {
        return false;
    }
    let answered = answers(&Text::new(path.as_os_str().as_bytes()), PATIENCE).is_ok();
    if !answered {
        silent.push((path.to_owned(), Instant::now()));
    }
    answered
}

/// How long a look at one path may take where its file system may not answer; one that does answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// Paths whose file systems did not answer, and when.
static SILENT: Mutex<Vec<(PathBuf, Instant)>> = Mutex::new(Vec::new());
/// How long that is believed.
const FORGOTTEN: Duration = Duration::from_mins(1);

/// The same in a reader process, which may wait.
pub(super) fn patiently(path: &Text) -> PathFacts {
    on(&Mounts::patient(), path)
}

/// What stands at a path as a process sees it: below its root, and where the path is relative, below its folder. A process that
/// nobody waits for looks, since its mounts may be of any kind.
///
/// # Errors
/// Where its root may not be looked into, or did not answer in time.
pub(super) fn below(pid: u32, path: &Text) -> Result<PathFacts, SysError> {
    let found: Option<PathFacts> = reader::ask(&Question::PathBelow(pid, path.clone()), reader::LONG)?;
    found.ok_or_else(|| SysError::Unsupported { what: format!("a look from the root of process {pid}") })
}

/// The same in a reader process. What others chose is found with no more than their rights.
pub(super) fn below_patiently(pid: u32, path: &Text) -> Option<PathFacts> {
    let name = path.raw();
    let base = if name.starts_with(b"/") { "root" } else { "cwd" };
    let base = open(format!("/proc/{pid}/{base}"), OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let owner = kernel::metadata(format!("/proc/{pid}")).ok()?.uid();
    let word = Word::Own.and(owner).unwrap_or(Word::Nobody);
    let mut facts = PathFacts { path: path.clone(), ..PathFacts::default() };
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let found = match with_rights(word, || openat2(&base, name, flags, Mode::empty(), ResolveFlags::IN_ROOT)) {
        Ok(found) => found,
        Err(Errno::NOENT | Errno::NOTDIR) => return Some(facts),
        Err(_) => return None,
    };
    let stat = statx(&found, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS | StatxFlags::MNT_ID).ok()?;
    let mounts = procfs::mounts(&kernel::read(format!("/proc/{pid}/mountinfo")).ok()?);
    let device = mounts.iter().find(|mount| mount.id == stat.stx_mnt_id).map(|mount| mount.device);
    tell(&mut facts, &stat, device.unwrap_or(stat.stx_dev_major << 20 | stat.stx_dev_minor));
    Some(facts)
}

fn on(mounts: &Mounts, path: &Text) -> PathFacts {
    let place = Path::new(OsStr::from_bytes(path.raw()));
    let mut facts = PathFacts { path: path.clone(), ..PathFacts::default() };
    if path.raw().starts_with(b"@") || path.is_empty() {
        return facts;
    }
    facts.stops_at = first_closed(mounts, place);
    facts.folders = folders(mounts, place);
    match mounts.find(place) {
        Ok(found) => {
            tell(&mut facts, found.facts(), found.device());
            facts.real = Text::new(found.path().as_os_str().as_bytes());
            facts.writable = may(place, Access::WRITE_OK);
            if facts.kind == Some(FileKind::File) && keeps_pid(place) {
                facts.pid = found.read(LONGEST_PID).ok().and_then(|bytes| pid(&bytes));
            }
            if facts.kind == Some(FileKind::Socket) {
                facts.bound = is_bound(&found.handle(), found.word());
            }
        }
        Err(error) => facts.closed = !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
    }
    facts.nearby = nearby(mounts, place);
    facts
}

/// Removes the file of a socket to which nobody is bound, in the folder where it was looked at. What was put in its place since, or
/// is a link to it, is left alone.
pub(super) fn remove(path: &Text, file: SocketFile) -> Result<(), SysError> {
    let place = Path::new(OsStr::from_bytes(path.raw()));
    let alone = |why| SysError::LeftAlone { path: path.shown(), why };
    let failed = |source: io::Error| SysError::Write { path: path.shown(), operation: "removed", source };
    let mounts = Mounts::now();
    if mounts.may_stall(place) {
        return Err(alone("its file system may not answer"));
    }
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = place.file_name().ok_or_else(|| alone("it is no file"))?;
    let folder = mounts.find(folder).map_err(failed)?;
    let found = folder.find(Path::new(name)).map_err(failed)?;
    // A link leads out of its folder, or has another name in it.
    if found.path() != folder.path().join(name) {
        return Err(alone("it is a link"));
    }
    let mut facts = PathFacts::default();
    tell(&mut facts, found.facts(), found.device());
    if facts.kind != Some(FileKind::Socket) || facts.file != Some(file) {
        return Err(alone("it is not the socket that it was"));
    }
    if is_bound(&found.handle(), found.word()) != Some(false) {
        return Err(alone("a socket is bound to it"));
    }
    folder.unlink(name).map_err(failed)
}

fn tell(facts: &mut PathFacts, stat: &rustix::fs::Statx, device: u32) {
    facts.kind = Some(match FileType::from_raw_mode(stat.stx_mode.into()) {
        FileType::Socket => FileKind::Socket,
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Folder,
        _ => FileKind::Other,
    });
    facts.inode = stat.stx_ino;
    facts.file = Some(SocketFile { device, inode: u32::try_from(stat.stx_ino & u64::from(u32::MAX)).unwrap_or(0) });
    facts.mode = u32::from(stat.stx_mode) & PERMISSIONS;
    (facts.uid, facts.gid) = (stat.stx_uid, stat.stx_gid);
}

/// Whether a socket is bound to a file, asked in a way that no server notices: a datagram socket that is connected to one of
/// another type is refused for its type (EPROTOTYPE), and one that nobody has for that (ECONNREFUSED), before anything reaches a
/// queue (`unix_find_bsd` in `net/unix/af_unix.c`). The kernel looks in every network namespace. `None` where this reader may not
/// ask. Of a datagram socket it notes that somebody connected, until that one disconnects (`unix_dgram_connect`).
fn is_bound(file: &str, word: Word) -> Option<bool> {
    let address = SocketAddrUnix::new(file).ok()?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None).ok()?;
    match with_rights(word, || connect(&socket, &address)) {
        Ok(()) => {
            // A kernel that does not note it has nothing to undo.
            let _ = connect_unspec(&socket);
            Some(true)
        }
        // A datagram socket may be another's alone, and refuse all others (EPERM).
        Err(Errno::PROTOTYPE | Errno::PERM) => Some(true),
        Err(Errno::CONNREFUSED) => Some(false),
        Err(_) => None,
    }
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
    use std::os::unix::net::{UnixDatagram, UnixListener};

    use portward_model::{FileKind, Text};
    use portward_wire::netlink::StateSet;
    use tempfile::TempDir;

    use super::{at, is_like, remove};
    use crate::{Answer, Ask, Look, Reading, Transports, linux::Linux};

    #[test]
    fn whether_a_socket_is_bound_to_a_file_is_asked_without_a_connection() {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        let told = |name: &str| at(&Text::new(path(name).into_os_string().into_encoded_bytes())).unwrap();
        let server = UnixListener::bind(path("stream")).unwrap();
        let datagram = UnixDatagram::bind(path("datagram")).unwrap();
        std::fs::rename(path("stream"), path("renamed")).unwrap();
        std::os::unix::fs::symlink("renamed", path("link")).unwrap();
        std::fs::write(path("plain"), "").unwrap();
        for name in ["renamed", "link", "datagram"] {
            assert_eq!((told(name).kind, told(name).bound), (Some(FileKind::Socket), Some(true)), "{name}");
        }
        assert_eq!((told("stream").kind, told("stream").bound, told("stream").closed), (None, None, false));
        assert_eq!((told("plain").kind, told("plain").bound), (Some(FileKind::File), None));
        server.set_nonblocking(true).unwrap();
        assert!(server.accept().is_err(), "nobody came");
        drop((server, datagram));
        assert_eq!((told("renamed").bound, told("datagram").bound), (Some(false), Some(false)));
    }

    #[test]
    fn only_what_nobody_has_and_is_still_the_same_is_removed() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("app.sock");
        let text = Text::new(path.clone().into_os_string().into_encoded_bytes());
        let file = || at(&text).unwrap().file.unwrap();
        let server = UnixListener::bind(&path).unwrap();
        assert!(remove(&text, file()).is_err(), "it is alive");
        let of_server = file();
        drop(server);
        std::fs::rename(&path, folder.path().join("kept")).unwrap();
        drop(UnixListener::bind(&path).unwrap());
        assert!(remove(&text, of_server).is_err(), "another one");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let linked = Text::new(link.into_os_string().into_encoded_bytes());
        assert!(remove(&linked, file()).is_err(), "a link");
        remove(&text, file()).unwrap();
        assert!(!path.exists());
        std::fs::write(&path, "mine").unwrap();
        assert!(remove(&text, file()).is_err() && path.exists(), "an ordinary file");
    }

    #[test]
    fn the_kernel_names_the_file_of_a_socket_as_the_path_does() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("named");
        let _server = UnixDatagram::bind(&path).unwrap();
        let path = Text::new(path.into_os_string().into_encoded_bytes());
        // A question leaves no trace: the kernel counts it among those that nobody is connected to.
        assert_eq!(at(&path).unwrap().bound, Some(true));
        let host = Linux::new();
        let own = host.namespaces(&crate::Which::Own).unwrap().value;
        let transports = Transports { tcp: false, udp: false, unix: true };
        let ask = Ask { transports, states: StateSet::Listening, ports: None, traffic: false };
        let mut files = Vec::new();
        let mut each =
            |socket: portward_model::Socket| files.extend(socket.path().is_some_and(|own| *own == path).then(|| socket.file()));
        let Answer::Sockets(_) = host.read(&Reading::Sockets(&ask, &own), &mut each).unwrap() else { panic!("no sockets") };
        assert_eq!(files, [at(&path).unwrap().file]);
        assert!(files[0].is_some());
    }

    #[test]
    fn names_alike() {
        assert!(is_like(b".s.PGSQL.5433", b".s.PGSQL.5432"));
        assert!(is_like(b"mysqld.sock", b"mysql.sock") && is_like(b"1.sock", b"2.sock"));
        assert!(is_like(b"redis-server.sock", b"redis.sock"));
        assert!(!is_like(b"docker.sock", b"dbus.sock") && !is_like(b"a.sock", b"b.sock"));
    }
}
