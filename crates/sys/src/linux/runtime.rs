//! Runtime sockets: where processes of this program that go on running answer the other ones of their user.
//!
//! One folder per user that nobody else may enter, and in it one socket for each process, named after its pid and start time, and after
//! its pid namespace where that is not the first: containers may share a home, and their processes have the same numbers. What is there
//! ends with its process: a socket that nobody listens at was left behind by one that was killed. The folder is opened before anything
//! is done in it, and looked at while it is open, so that nothing that somebody else made in its place is gone into.

mod asking;
mod doorway;
mod news;

use std::{
    fmt,
    io::{self, ErrorKind},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use portward_model::{Caller, ProcessId, Text};
use rustix::{
    fd::{AsFd, AsRawFd, OwnedFd},
    fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, lstat, mkdir, open, stat, statat, unlinkat},
    io::Errno,
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with},
};

use super::{Mounts, kernel_file, settings::own_pid_namespace};
use crate::{StateFolder, path_of};

pub use asking::{Heard, Unheard, ask};
pub use doorway::{Bell, Doorway};
pub use news::{Lookout, News, news};

/// A folder in which a user's processes may answer.
#[derive(Clone, Debug)]
pub struct RuntimeFolder {
    path: PathBuf,
    above: Above,
    uid: u32,
}

/// What the folder is in.
#[derive(Clone, Debug)]
enum Above {
    /// The user's folder for what ends with a login (`XDG_RUNTIME_DIR`).
    Runtime(PathBuf),
    /// The folder of leases.
    State(StateFolder),
    /// `/tmp`.
    Temporary,
}

/// Who is at the other end of a socket, as the kernel says (`SO_PEERCRED`, unix(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its process; 0 where that is in no pid namespace of ours.
    pub pid: u32,
    /// Its effective user.
    pub uid: u32,
}

/// A folder as it was found.
#[derive(Debug)]
struct Opened {
    path: PathBuf,
    folder: OwnedFd,
}

impl RuntimeFolder {
    /// Where the caller's processes may answer, the best place first. Who asks looks in all of them: not everybody has the same
    /// variables, as under `cron` or `su`.
    pub fn all(asker: &Caller) -> Vec<Self> {
        let uid = asker.uid;
        let variable = asker.variable("XDG_RUNTIME_DIR").map(path_of).filter(|path| path.is_absolute());
        let usual = PathBuf::from(format!("/run/user/{uid}"));
        let of_login = variable.into_iter().chain([usual]);
        let mut all: Vec<Self> =
            of_login.map(|above| Self { path: above.join("portward"), above: Above::Runtime(above), uid }).collect();
        let state = StateFolder::find(asker);
        all.push(Self { path: state.path.join("run"), above: Above::State(state), uid });
        all.push(Self { path: Path::new("/tmp").join(format!("portward-{uid}")), above: Above::Temporary, uid });
        all.dedup_by(|one, other| one.path == other.path);
        all
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// True where it is this user's alone; it is made where it is missing.
    pub fn is_usable(&self) -> bool {
        self.open(true).is_ok()
    }

    /// Opens the folder; makes it where that is asked for.
    ///
    /// # Errors
    /// Where it is not this user's alone, in a sentence; `NotFound` where there is none.
    fn open(&self, make: bool) -> io::Result<Opened> {
        match &self.above {
            Above::Runtime(above) => {
                // Who sets the variable may be another user, as under `su` and `sudo -E`.
                if stat(above)?.st_uid != self.uid {
                    return Err(refused(above, "belongs to another user"));
                }
            }
            Above::State(state) if make => state.prepare()?,
            Above::State(state) => state.inspect()?,
            Above::Temporary => {}
        }
        let ours = |path: &Path| self.uid != 0 || Mounts::patient().is_ours_alone(path);
        let above = self.path.parent().unwrap_or(Path::new("/"));
        if !matches!(self.above, Above::Temporary) && !ours(above) {
            return Err(refused(above, "is below what belongs to another user"));
        }
        if make {
            match mkdir(&self.path, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = open(&self.path, flags, Mode::empty()).map_err(|error| match error {
            Errno::LOOP | Errno::NOTDIR => refused(&self.path, "is a link or no folder"),
            error => error.into(),
        })?;
        let found = fstat(&folder)?;
        if found.st_uid != self.uid {
            return Err(refused(&self.path, "belongs to another user"));
        }
        if found.st_mode & 0o077 != 0 {
            return Err(refused(&self.path, "is open to other users"));
        }
        Ok(Opened { path: self.path.clone(), folder })
    }
}

impl Opened {
    /// True while the path leads to this folder.
    fn has_its_name(&self) -> bool {
        let named = lstat(&self.path).map(|found| identity(&found));
        named.is_ok_and(|named| fstat(&self.folder).is_ok_and(|own| identity(&own) == named))
    }

    /// The sockets in it, by the processes that they are named after; those of other pid namespaces are none of ours.
    fn processes(&self) -> Vec<ProcessId> {
        self.names().filter_map(|name| process_of(&name)).take(MOST_SOCKETS).collect()
    }

    fn names(&self) -> impl Iterator<Item = String> {
        let entries = Dir::read_from(&self.folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned))
    }

    /// Takes a socket away at which nobody listens.
    fn take_away(&self, name: &str) {
        let is_socket = kind(self, name) == Some(FileType::Socket);
        if is_socket && self.dial(name).err() == Some(Errno::CONNREFUSED) {
            let _ = unlinkat(&self.folder, name, AtFlags::empty());
        }
    }

    /// True for what nobody has touched for a while: one that is bound, and does not listen yet, is young.
    fn is_old(&self, name: &str) -> bool {
        let changed =
            statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW).ok().and_then(|found| u64::try_from(found.st_mtime).ok());
        let then = changed.map(|changed| SystemTime::UNIX_EPOCH + Duration::from_secs(changed));
        then.and_then(|then| then.elapsed().ok()).is_some_and(|age| age >= OLD)
    }

    /// A path to something in this folder and in no other, short enough for a socket's address (`sockaddr_un`, 107 bytes).
    fn inside(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{name}", self.folder.as_raw_fd()))
    }

    /// A socket that is connected to one in this folder, or an error at once.
    fn dial(&self, name: &str) -> Result<OwnedFd, Errno> {
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
        connect(&socket, &SocketAddrUnix::new(self.inside(name))?)?;
        Ok(socket)
    }
}

/// The process that a socket with this path is named after, if it is one that a process answers at.
pub fn named_by(path: &Text) -> Option<ProcessId> {
    let name = path.raw().rsplit(|byte| *byte == b'/').next()?;
    process_of(std::str::from_utf8(name).ok()?)
}

/// The processes whose sockets stand in the caller's folders, whether they answer or not.
pub fn named(asker: &Caller) -> Vec<ProcessId> {
    let folders = RuntimeFolder::all(asker);
    let mut named: Vec<ProcessId> =
        folders.iter().flat_map(|folder| folder.open(false)).flat_map(|opened| opened.processes()).collect();
    named.sort_unstable();
    named.dedup();
    named
}

/// Takes away what processes left behind that were killed: a socket that nobody listens at, of a process that is none of the `living`.
/// Of very many some are looked at, from a place in their row that the number says: who begins beside two hundred others does
/// not read of all of them.
pub fn sweep(asker: &Caller, number: u64, living: &dyn Fn(&[ProcessId]) -> Vec<ProcessId>) {
    for opened in RuntimeFolder::all(asker).iter().flat_map(|folder| folder.open(false)) {
        let mut processes = opened.processes();
        processes.sort_unstable();
        let some = some_of(&processes, number);
        let living = living(&some);
        for process in some.into_iter().filter(|process| !living.contains(process)) {
            opened.take_away(&name_of(process));
        }
        // Whether a process of another pid namespace lives is not to be seen from here.
        let elsewhere: Vec<String> = opened.names().filter(|name| is_elsewhere(name)).collect();
        for name in some_of(&elsewhere, number).iter().filter(|name| opened.is_old(name)) {
            opened.take_away(name);
        }
    }
}

/// So many of them in a row, which goes on at the beginning.
fn some_of<T: Clone>(all: &[T], number: u64) -> Vec<T> {
    let begin = usize::try_from(number % (all.len() as u64).max(1)).unwrap_or(0);
    all.iter().cycle().skip(begin).take(all.len().min(MOST_SWEPT)).cloned().collect()
}

/// True for a process of the caller's own that would answer in the best of the caller's own folders, by the variables that it was
/// started with (`proc_pid_environ(5)`).
pub fn answers_here(asker: &Caller, pid: u32) -> bool {
    let Ok(environment) = kernel_file(&format!("/proc/{pid}/environ")) else { return false };
    let variable = |name: &&str| {
        let word = [name.as_bytes(), b"="].concat();
        let value = environment.split(|byte| *byte == 0).find_map(|line| line.strip_prefix(word.as_slice()))?;
        Some(((*name).to_owned(), Text::new(value)))
    };
    let environment = Caller::FOLDERS.iter().filter_map(variable).collect();
    let other = Caller { environment, ..asker.clone() };
    let best = |caller: &Caller| RuntimeFolder::all(caller).into_iter().find(|folder| folder.open(false).is_ok());
    // Where none is left the names alone tell.
    let named =
        |caller: &Caller| best(caller).or_else(|| RuntimeFolder::all(caller).into_iter().next()).map(|folder| folder.path);
    named(asker) == named(&other)
}

fn kind(opened: &Opened, name: &str) -> Option<FileType> {
    let found = statat(&opened.folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    Some(FileType::from_raw_mode(found.st_mode))
}

/// Device and inode.
#[allow(clippy::unnecessary_cast, clippy::useless_conversion)] // Their kinds differ between processors.
fn identity(found: &Stat) -> (u64, u64) {
    (found.st_dev as u64, found.st_ino as u64)
}

/// The name of the socket of a process of this pid namespace.
fn name_of(process: ProcessId) -> String {
    let ProcessId { pid, started_ticks } = process;
    match *ELSEWHERE {
        Some(namespace) => format!("{pid}.{started_ticks}.{namespace}"),
        None => format!("{pid}.{started_ticks}"),
    }
}

/// The process that a socket is named after; `None` for anything else that is there, and what another pid namespace has.
fn process_of(name: &str) -> Option<ProcessId> {
    let (pid, rest) = name.split_once('.')?;
    let ticks = rest.split('.').next()?;
    let process = ProcessId { pid: pid.parse().ok()?, started_ticks: ticks.parse().ok()? };
    (name_of(process) == name).then_some(process)
}

/// True for the name of a socket of another pid namespace.
fn is_elsewhere(name: &str) -> bool {
    let numbers = name.split('.').map(str::parse::<u64>).collect::<Result<Vec<u64>, _>>();
    numbers.is_ok_and(|numbers| matches!(numbers.len(), 2 | 3)) && process_of(name).is_none()
}

/// The inode of this process's pid namespace, where that is not the machine's first.
static ELSEWHERE: LazyLock<Option<u64>> = LazyLock::new(own_pid_namespace);

/// Who is at the other end.
fn peer_of(socket: &impl AsFd) -> io::Result<Peer> {
    let mut found = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    let mut length = libc::socklen_t::try_from(size_of::<libc::ucred>()).unwrap_or(0);
    // SAFETY: the kernel writes at most `length` bytes into a value of ours, and their number into `length`.
    #[allow(unsafe_code)]
    let done = unsafe {
        let value = std::ptr::from_mut(&mut found).cast();
        let number = socket.as_fd().as_raw_fd();
        libc::getsockopt(number, libc::SOL_SOCKET, libc::SO_PEERCRED, value, std::ptr::from_mut(&mut length))
    };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Peer { pid: found.pid.unsigned_abs(), uid: found.uid })
}

fn refused(path: &Path, why: impl fmt::Display) -> io::Error {
    let shown = Text::new(path.as_os_str().as_bytes());
    io::Error::new(ErrorKind::PermissionDenied, format!("{shown} {why}, and is not trusted"))
}

/// Sockets of one folder that are looked at.
const MOST_SOCKETS: usize = 4096;
/// The age from which a socket at which nobody listens was left behind.
const OLD: Duration = Duration::from_mins(1);
/// Those of them that one process looks at for what was left behind.
const MOST_SWEPT: usize = 32;

#[cfg(test)]
mod tests;
