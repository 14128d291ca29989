//! Processes: who they are, where they came from, and threads with descriptor tables of their own.

use std::{
    hash::{BuildHasher, RandomState},
    io,
    mem::MaybeUninit,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    sync::{
        LazyLock, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use portward_model::{CommandLine, Moment, Need, Process, ProcessId, ProcessState, Seen, Text};
use portward_wire::procfs;
use rustc_hash::FxHashSet;
use rustix::{
    fd::OwnedFd,
    fs::{AtFlags, Mode, OFlags, RawDir, StatxFlags, open, openat, readlinkat, statx},
    io::Errno,
    time::{ClockId, clock_gettime},
};

use super::{
    files::Mounts,
    kernel,
    paths::{Part, Path, number},
};
use crate::SysError;

/// The `/proc` directory, opened as a place to start from.
pub(super) fn root() -> Result<OwnedFd, SysError> {
    open("/proc", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| SysError::Read { path: "/proc".to_owned(), source: error.into() })
}

/// Every pid that this reader can see.
pub(super) fn pids() -> Result<Vec<u32>, SysError> {
    let directory = root()?;
    let mut buffer = vec![MaybeUninit::uninit(); 32 * 1024];
    let mut entries = RawDir::new(directory, &mut buffer);
    let mut pids = Vec::with_capacity(256);
    while let Some(Ok(entry)) = entries.next() {
        pids.extend(number(entry.file_name().to_bytes()));
    }
    // A file system that is mounted here and is not proc has no pids at all, not even ours.
    if pids.is_empty() {
        return Err(SysError::Read {
            path: "/proc".to_owned(),
            source: io::Error::new(io::ErrorKind::NotFound, "it lists no process"),
        });
    }
    Ok(pids)
}

/// Those of these processes that have not ended (`/proc/PID/stat`), of which no more than that is read.
pub(super) fn living(processes: &[ProcessId]) -> Result<Vec<ProcessId>, SysError> {
    let root = root()?;
    let lives = |process: &ProcessId| {
        let mut path = Path::default();
        let path = path.of(&[process.pid.into(), Part::Name(b"/stat")]);
        let Ok(file) = openat(&root, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) else { return false };
        let mut line = [0; LONGEST_STAT];
        let length = rustix::io::read(&file, &mut line[..]).unwrap_or_default();
        let stat = line.get(..length).and_then(procfs::stat);
        stat.is_some_and(|stat| stat.started_ticks == process.started_ticks && stat.state != ProcessState::Exited)
    };
    Ok(processes.iter().copied().filter(lives).collect())
}

/// The processes with these pids and their ancestors.
pub(super) fn read(pids: &[u32]) -> Result<Vec<Process>, SysError> {
    let root = root()?;
    let boot = Boot::now();
    let mut known: FxHashSet<u32> = pids.iter().copied().collect();
    let mut round: Vec<u32> = known.iter().copied().collect();
    let mut processes: Vec<Process> = Vec::with_capacity(round.len() + 8);
    while !round.is_empty() {
        let fresh = read_all(&root, &round, boot);
        round = fresh.iter().map(|process| process.parent).filter(|parent| *parent != 0 && known.insert(*parent)).collect();
        processes.extend(fresh);
    }
    // Of a process that was left behind, whether its session's leader lives tells a daemon from a child. There are few.
    let adopters: FxHashSet<u32> = processes.iter().filter(|process| process.adopts()).map(|process| process.id.pid).collect();
    let left = |process: &&Process| process.forked && (process.parent == 1 || adopters.contains(&process.parent));
    let leaders: Vec<u32> = processes
        .iter()
        .filter(left)
        .map(|process| process.session)
        .filter(|leader| *leader != 0 && known.insert(*leader))
        .collect();
    processes.extend(read_all(&root, &leaders, boot));
    Ok(processes)
}

/// The processes with these pids, and no others.
pub(super) fn alone(pids: &[u32]) -> Result<Vec<Process>, SysError> {
    Ok(read_all(&root()?, pids, Boot::now()))
}

/// The arguments of these processes as they are, of those that run as the reader does, or of all where the reader is root. The
/// kernel shows them to everybody as a rule; who asks for more than what is harmless is shown no more than what is theirs.
pub(super) fn arguments(processes: &[ProcessId]) -> Result<Vec<(ProcessId, CommandLine)>, SysError> {
    let root = root()?;
    let reader = rustix::process::geteuid().as_raw();
    let mut files = Reader { root: &root, boot: Boot::now(), bytes: Vec::with_capacity(4096) };
    let own = |process: &ProcessId| Some((*process, files.open(*process, |owner| reader == 0 || owner == reader)?));
    Ok(processes.iter().filter_map(own).collect())
}

/// A number for what stands in a command line, equal for equal lines of one run of this program, and of no use to anybody else: what
/// it is made with is drawn at random and kept nowhere.
fn seal(bytes: &[u8]) -> u64 {
    static DRAWN: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    DRAWN.hash_one(bytes)
}

fn read_all(root: &OwnedFd, pids: &[u32], boot: Boot) -> Vec<Process> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut reader = Reader { root, boot, bytes: Vec::with_capacity(4096) };
        let mut found = Vec::new();
        while let Some(pid) = pids.get(next.fetch_add(1, Ordering::Relaxed)) {
            found.extend(reader.process(*pid));
        }
        found
    };
    if pids.len() < 48 {
        return work();
    }
    thread::scope(|scope| {
        let other = scope.spawn(work);
        let mut found = work();
        found.extend(other.join().unwrap_or_default());
        found
    })
}

/// What turns ticks since boot into moments.
#[derive(Clone, Copy)]
struct Boot {
    at_ms: i64,
    ticks_per_second: i64,
    page_bytes: u64,
}

impl Boot {
    fn now() -> Self {
        let wall = clock_gettime(ClockId::Realtime);
        let since = clock_gettime(ClockId::Boottime);
        let at_ms = (wall.tv_sec - since.tv_sec) * 1000 + (wall.tv_nsec - since.tv_nsec) / 1_000_000;
        let ticks_per_second = i64::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100).max(1);
        Self { at_ms, ticks_per_second, page_bytes: rustix::param::page_size() as u64 }
    }

    fn moment(self, ticks: u64) -> Moment {
        let ticks = i64::try_from(ticks).unwrap_or(i64::MAX / 1000);
        Moment(self.at_ms.saturating_add(ticks.saturating_mul(1000) / self.ticks_per_second))
    }
}

/// Reads one process after another with the same buffer.
struct Reader<'a> {
    root: &'a OwnedFd,
    boot: Boot,
    bytes: Vec<u8>,
}

impl Reader<'_> {
    fn process(&mut self, pid: u32) -> Option<Process> {
        let mut path = Path::default();
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(self.root, path.of(&[pid.into()]), flags, Mode::empty()).ok()?;
        let owner = statx(&directory, c"", AtFlags::EMPTY_PATH, StatxFlags::UID).ok()?.stx_uid;

        self.file(&directory, c"stat").ok()?;
        let ticks_per_second = u64::try_from(self.boot.ticks_per_second).unwrap_or(100);
        let stat = procfs::stat(&self.bytes)?;
        let mut process = Process {
            id: ProcessId { pid, started_ticks: stat.started_ticks },
            parent: stat.parent,
            state: stat.state,
            name: Text::new(stat.name),
            started_at: self.boot.moment(stat.started_ticks),
            uid: owner,
            session: stat.session,
            terminal: stat.terminal,
            forked: stat.forked,
            threads: stat.threads,
            cpu_ms: stat.cpu_ticks.saturating_mul(1000) / ticks_per_second,
            memory_bytes: stat.resident_pages.saturating_mul(self.boot.page_bytes),
            argv: Seen::Gone,
            exe: Seen::Gone,
            exe_deleted: false,
            cwd: Seen::Gone,
            cgroup: Seen::Gone,
            netns: Seen::Gone,
            inner_pid: None,
        };
        process.argv = seen(self.file(&directory, c"cmdline"), |()| CommandLine::sealed(&self.bytes, seal));
        process.cgroup = match self.file(&directory, c"cgroup") {
            Ok(()) => procfs::unified_cgroup(&self.bytes).map_or(Seen::Unsupported, Seen::Known),
            Err(error) => missing(error),
        };
        process.exe = link(&directory, c"exe");
        if let Seen::Known(exe) = &process.exe {
            // The kernel appends the word to the path of a file that is gone; a file may also be named so.
            let named_so = exe.raw().ends_with(b" (deleted)") && is_same_file(&directory, exe.raw());
            if let Some(path) = exe.raw().strip_suffix(b" (deleted)").filter(|_| !named_so) {
                process.exe_deleted = true;
                process.exe = Seen::Known(Text::new(path));
            }
        }
        process.cwd = link(&directory, c"cwd");
        process.netns = match link(&directory, c"ns/net") {
            Seen::Known(target) => procfs::inode_of_link(target.raw(), b"net").map_or(Seen::Unsupported, Seen::Known),
            other => other.map(|_| 0),
        };
        // The directory of a process that may not be dumped belongs to root whoever runs it.
        if owner == 0 && self.file(&directory, c"status").is_ok() {
            process.uid = procfs::effective_uid(&self.bytes).unwrap_or(owner);
            process.inner_pid = procfs::inner_pid(&self.bytes);
        }
        Some(process)
    }

    /// The arguments of a process as they are, where it is the one that is meant and its owner is to be shown them.
    fn open(&mut self, process: ProcessId, is_shown: impl Fn(u32) -> bool) -> Option<CommandLine> {
        let mut path = Path::default();
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(self.root, path.of(&[process.pid.into()]), flags, Mode::empty()).ok()?;
        let owner = statx(&directory, c"", AtFlags::EMPTY_PATH, StatxFlags::UID).ok()?.stx_uid;
        if !is_shown(owner) {
            return None;
        }
        self.file(&directory, c"stat").ok()?;
        if procfs::stat(&self.bytes)?.started_ticks != process.started_ticks {
            return None;
        }
        self.file(&directory, c"cmdline").ok()?;
        Some(CommandLine::open(&self.bytes))
    }

    /// Reads a file below the process's directory into the buffer.
    fn file(&mut self, directory: &OwnedFd, name: &std::ffi::CStr) -> Result<(), Errno> {
        self.bytes.clear();
        let file = openat(directory, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        loop {
            self.bytes.reserve(4096);
            let room = self.bytes.capacity() - self.bytes.len();
            let read = rustix::io::read(&file, rustix::buffer::spare_capacity(&mut self.bytes))?;
            // These files are made whole for one read: less than asked for is the end.
            if read < room || self.bytes.len() > LONGEST_FILE {
                return Ok(());
            }
        }
    }
}

fn seen<T, U>(result: Result<T, Errno>, known: impl FnOnce(T) -> U) -> Seen<U> {
    match result {
        Ok(value) => Seen::Known(known(value)),
        Err(error) => missing(error),
    }
}

fn missing<T>(error: Errno) -> Seen<T> {
    match error {
        Errno::ACCESS | Errno::PERM => Seen::Hidden(Need::Root),
        Errno::NOENT | Errno::SRCH => Seen::Gone,
        _ => Seen::Unsupported,
    }
}

/// True when the file at `path` is the program that the process runs.
fn is_same_file(directory: &OwnedFd, path: &[u8]) -> bool {
    let program = statx(directory, c"exe", AtFlags::STATX_DONT_SYNC, StatxFlags::INO);
    let path = std::path::Path::new(std::ffi::OsStr::from_bytes(path));
    program.is_ok_and(|program| {
        let mounts = Mounts::now();
        mounts.find(path).is_ok_and(|place| place.is((program.stx_dev_major, program.stx_dev_minor), program.stx_ino))
    })
}

fn link(directory: &OwnedFd, name: &std::ffi::CStr) -> Seen<Text> {
    seen(readlinkat(directory, name, Vec::new()), |target| Text::new(target.to_bytes()))
}

/// Pids whose parent, by any number of steps, is `ancestor`, nearest first.
pub(super) fn descendants(ancestor: u32) -> Result<Vec<u32>, SysError> {
    let mut parents = Vec::new();
    for pid in pids()? {
        if let Ok(bytes) = kernel::read(format!("/proc/{pid}/stat")) {
            parents.extend(procfs::stat(&bytes).map(|stat| (pid, stat.parent)));
        }
    }
    let mut found: Vec<u32> = Vec::new();
    let mut generation = vec![ancestor];
    while !generation.is_empty() {
        let next: Vec<u32> = parents
            .iter()
            .filter(|(pid, parent)| generation.contains(parent) && *pid != ancestor && !found.contains(pid))
            .map(|(pid, _)| *pid)
            .collect();
        found.extend(&next);
        generation = next;
    }
    Ok(found)
}

/// True when the process was started with listeners for it (`sd_listen_fds(3)`).
pub(super) fn activated(pid: u32) -> Seen<bool> {
    match kernel::read(format!("/proc/{pid}/environ")) {
        Ok(bytes) => {
            let number_of = |name| procfs::environment_value(&bytes, name).and_then(number);
            Seen::Known(number_of("LISTEN_PID") == Some(pid) && number_of("LISTEN_FDS").is_some_and(|count| count > 0))
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Seen::Hidden(Need::Root),
        Err(_) => Seen::Gone,
    }
}

/// Threads of a process whose descriptor table is not their leader's: threads that called
/// `unshare(CLONE_FILES)`, and every thread of a process whose leader has exited.
pub(super) fn private_tables(pid: u32) -> Vec<u32> {
    let tasks = format!("/proc/{pid}/task");
    // The link count is the number of threads plus two.
    if kernel::metadata(&tasks).map_or(0, |metadata| metadata.nlink()) <= 3 {
        return Vec::new();
    }
    let Ok(entries) = kernel::read_dir(&tasks) else { return Vec::new() };
    let threads = entries.flatten().filter_map(|entry| number(entry.file_name().as_encoded_bytes()));
    let mut distinct: Vec<u32> = Vec::new();
    for tid in threads.filter(|tid| *tid != pid) {
        // Whose tables may not be compared may not be read either: nothing is found in all of its threads' one by one.
        let own = same_table(pid, tid);
        if own.is_none() && may_compare() {
            return distinct;
        }
        let shared = own == Some(true) || distinct.iter().any(|other| same_table(*other, tid) == Some(true));
        if !shared && distinct.len() < MOST_TABLES {
            distinct.push(tid);
        }
    }
    distinct
}

/// True where this kernel compares descriptor tables at all (`CONFIG_KCMP`): our own with itself.
fn may_compare() -> bool {
    static MAY: OnceLock<bool> = OnceLock::new();
    *MAY.get_or_init(|| same_table(std::process::id(), std::process::id()) == Some(true))
}

/// Whether two threads share one descriptor table; `None` when the kernel does not tell.
fn same_table(one: u32, other: u32) -> Option<bool> {
    let (one, other) = (libc::c_long::from(one), libc::c_long::from(other));
    // SAFETY: kcmp(2) takes two thread ids, the constant KCMP_FILES (2) and two arguments that this kind
    // ignores; it reads no memory of ours and writes none.
    #[allow(unsafe_code)]
    let order = unsafe { libc::syscall(libc::SYS_kcmp, one, other, KCMP_FILES, 0 as libc::c_ulong, 0 as libc::c_ulong) };
    match order {
        0 => Some(true),
        1..=3 => Some(false),
        _ => None,
    }
}

const KCMP_FILES: libc::c_int = 2;
/// Threads with tables of their own are rare; a process with more than this many is not looked into further.
const MOST_TABLES: usize = 64;
/// Bytes of a process's line of numbers; it has some 400.
const LONGEST_STAT: usize = 1024;
/// No file of a process that Portward reads is longer, but for arguments made to be.
const LONGEST_FILE: usize = 128 * 1024;

#[cfg(test)]
mod tests {
    use portward_model::ProcessId;

    use super::{alone, living};

    #[test]
    fn a_process_is_read_alone_and_known_to_live_as_long_as_it_does() {
        let own = std::process::id();
        let read = alone(&[own, u32::MAX]).unwrap();
        assert_eq!(read.iter().map(|process| process.id.pid).collect::<Vec<_>>(), [own], "and nobody above it");
        let id = read[0].id;
        let before = ProcessId { started_ticks: id.started_ticks - 1, ..id };
        assert_eq!(living(&[before, id]).unwrap(), [id], "who had the number before has ended");
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let of_child = alone(&[child.id()]).unwrap()[0].id;
        assert_eq!(living(&[of_child]).unwrap(), [of_child]);
        child.kill().unwrap();
        rustix::process::waitid(
            rustix::process::WaitId::Pid(rustix::process::Pid::from_child(&child)),
            rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT,
        )
        .unwrap();
        assert_eq!(living(&[of_child]).unwrap(), [], "nobody has taken in its end yet");
        child.wait().unwrap();
    }
}
