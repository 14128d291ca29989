//! Who holds which socket: a walk over the descriptor tables of all processes.
//!
//! The walk is where the time of every listing goes, at about a microsecond per descriptor, so it does as
//! little as it can: one `statx` per process tells the number of its descriptors (Linux 6.2), a table
//! without any is not opened, a dense table is read by counting instead of listing the directory, and
//! large machines are walked by several threads, which take processes from one queue.

use std::{
    mem::MaybeUninit,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use portward_model::{Holding, ProcessState, Socket};
use portward_wire::procfs::{in_flight_descriptors, inode_of_link, registered_sockets, stat};
use rustc_hash::{FxHashMap, FxHashSet};
use rustix::{
    fd::OwnedFd,
    fs::{AtFlags, Mode, OFlags, RawDir, SeekFrom, StatxFlags, openat, readlinkat_raw, seek, statx},
    io::Errno,
};

use super::{
    kernel,
    paths::{Part, Path, number},
    processes,
};
use crate::{Depth, Holders, SysError};

/// Finds every holder of every socket that has an inode.
pub(super) fn find(sockets: &[Socket], depth: Depth) -> Result<Holders, SysError> {
    let wanted: FxHashMap<u64, u32> =
        sockets.iter().zip(0u32..).filter(|(socket, _)| socket.inode != 0).map(|(socket, at)| (socket.inode, at)).collect();
    let root = processes::root()?;
    let tables: Vec<(u32, Option<u32>)> = processes::pids()?.into_iter().map(|pid| (pid, None)).collect();
    let mut found = Holders::default();
    let own_namespace = super::namespace_inode("/proc/self/ns/net", "net");
    let mut others = FxHashSet::default();
    let mut rings = Vec::new();
    for part in walk(&root, &tables, &wanted, if open_files() > MANY { processors() } else { 1 }) {
        found.holdings.extend(part.holdings);
        found.hidden_processes += part.hidden;
        others.extend(part.namespaces);
        rings.extend(part.rings);
    }
    others.retain(|inode| Some(*inode) != own_namespace);
    found.other_namespaces = u32::try_from(others.len()).unwrap_or(u32::MAX);
    look_deeper(&root, sockets, &wanted, depth, &mut found, rings)?;
    Ok(found)
}

/// Threads may have descriptor tables of their own (`unshare(CLONE_FILES)`), and may outlive their group's
/// leader; a ring may hold the files that are registered with it; descriptors may wait in the queue of a Unix socket. None of
/// these is in any `/proc/PID/fd`.
fn look_deeper(
    root: &OwnedFd,
    sockets: &[Socket],
    wanted: &FxHashMap<u64, u32>,
    depth: Depth,
    found: &mut Holders,
    mut rings: Vec<Ring>,
) -> Result<(), SysError> {
    let held: FxHashSet<u32> = found.holdings.iter().map(|holding| holding.socket).collect();
    let reader = rustix::process::geteuid().as_raw();
    let mut lost: FxHashMap<u64, u32> = FxHashMap::default();
    for (&inode, &at) in wanted {
        let Some(socket) = sockets.get(at as usize) else { continue };
        // One process that nobody may look into is no reason to look into none of the others.
        if !held.contains(&at) && (reader == 0 || socket.uid == reader) {
            lost.insert(inode, at);
        }
    }
    let wanted = match depth {
        Depth::Processes if lost.is_empty() => return Ok(()),
        Depth::Processes => &lost,
        Depth::Threads => wanted,
    };
    let mut tables = Vec::new();
    for pid in processes::pids()? {
        tables.extend(processes::private_tables(pid).into_iter().map(|tid| (pid, Some(tid))));
    }
    for part in walk(root, &tables, wanted, 1) {
        found.holdings.extend(part.holdings);
        rings.extend(part.rings);
    }
    if !lost.is_empty() {
        found.holdings.extend(rings.into_iter().flat_map(|ring| registered(ring, &lost)));
    }
    let held: FxHashSet<u32> = found.holdings.iter().map(|holding| holding.socket).collect();
    // With processes hidden, the holder is most likely one of them, and every queue would be read in vain.
    let worth_it = depth == Depth::Threads || found.hidden_processes == 0;
    if worth_it && lost.values().any(|at| !held.contains(at)) {
        found.in_flight = in_flight()?;
    }
    Ok(())
}

/// A descriptor table to read: a process's, or that of one thread.
struct Table {
    pid: u32,
    tid: Option<u32>,
    /// Number of descriptors, where the kernel tells it (the directory's size, Linux 6.2).
    count: Option<u64>,
}

impl Table {
    fn new(root: &OwnedFd, (pid, tid): (u32, Option<u32>)) -> Self {
        if tid.is_some() {
            return Self { pid, tid, count: None };
        }
        let mut path = Path::default();
        let name = path.of(&[pid.into(), Part::Name(b"/fd")]);
        let size = statx(root, name, AtFlags::empty(), StatxFlags::SIZE).map(|stat| stat.stx_size);
        // A size of 0 is a table without descriptors or a kernel that does not count; own descriptors decide.
        Self { pid, tid, count: size.ok().filter(|size| *size > 0 || counts_descriptors(root)) }
    }
}

/// True when this kernel reports the number of descriptors as the directory's size: our own cannot be 0.
fn counts_descriptors(root: &OwnedFd) -> bool {
    static COUNTS: OnceLock<bool> = OnceLock::new();
    let counts = || statx(root, c"self/fd", AtFlags::empty(), StatxFlags::SIZE).is_ok_and(|stat| stat.stx_size > 0);
    *COUNTS.get_or_init(counts)
}

#[derive(Default)]
struct Found {
    holdings: Vec<Holding>,
    hidden: u32,
    namespaces: FxHashSet<u64>,
    rings: Vec<Ring>,
}

/// The descriptor of an `io_uring(7)`.
#[derive(Clone, Copy)]
struct Ring {
    pid: u32,
    tid: Option<u32>,
    fd: u32,
}

/// The sockets among the files that are registered with a ring, which no descriptor need refer to.
fn registered(ring: Ring, wanted: &FxHashMap<u64, u32>) -> Vec<Holding> {
    let Ring { pid, tid, fd } = ring;
    let of_process = || format!("/proc/{pid}/fdinfo/{fd}");
    let path = tid.map_or_else(of_process, |tid| format!("/proc/{pid}/task/{tid}/fdinfo/{fd}"));
    let inodes = registered_sockets(&kernel::file(&path).unwrap_or_default());
    let mut sockets: Vec<u32> = inodes.iter().filter_map(|inode| wanted.get(inode).copied()).collect();
    sockets.sort_unstable();
    sockets.dedup();
    sockets.into_iter().map(|socket| Holding { socket, pid, tid, fd, ring: true }).collect()
}

fn walk(root: &OwnedFd, tables: &[(u32, Option<u32>)], wanted: &FxHashMap<u64, u32>, threads: usize) -> Vec<Found> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut part = Found::default();
        let mut buffer = vec![MaybeUninit::uninit(); 16 * 1024];
        while let Some(table) = tables.get(next.fetch_add(1, Ordering::Relaxed)) {
            let table = Table::new(root, *table);
            if table.count != Some(0) {
                read_table(root, &table, wanted, &mut buffer, &mut part);
            }
        }
        part
    };
    if threads < 2 {
        return vec![work()];
    }
    thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut parts = vec![work()];
        parts.extend(workers.into_iter().filter_map(|worker| worker.join().ok()));
        parts
    })
}

fn read_table(root: &OwnedFd, table: &Table, wanted: &FxHashMap<u64, u32>, buffer: &mut [MaybeUninit<u8>], part: &mut Found) {
    let mut path = Path::default();
    let mut link = [MaybeUninit::uninit(); 64];
    let name = match table.tid {
        None => path.of(&[table.pid.into(), Part::Name(b"/fd")]),
        Some(tid) => path.of(&[table.pid.into(), Part::Name(b"/task/"), tid.into(), Part::Name(b"/fd")]),
    };
    let directory = match openat(root, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
        Ok(directory) => directory,
        Err(Errno::ACCESS | Errno::PERM) => {
            // What has exited holds nothing. Where the kernel counts descriptors, that was seen by their number.
            part.hidden += u32::from(table.count.is_some() || is_alive(table.pid));
            return;
        }
        Err(_) => return,
    };
    if table.tid.is_none() {
        let mut path = Path::default();
        if let Ok((target, _)) = readlinkat_raw(root, path.of(&[table.pid.into(), Part::Name(b"/ns/net")]), &mut link) {
            part.namespaces.extend(inode_of_link(target, b"net"));
        }
    }
    let mut keep = |fd: u32, target: &[u8]| {
        let (pid, tid) = (table.pid, table.tid);
        match inode_of_link(target, b"socket") {
            Some(inode) => {
                let socket = wanted.get(&inode);
                part.holdings.extend(socket.map(|socket| Holding { socket: *socket, pid, tid, fd, ring: false }));
            }
            None if target == RING => part.rings.push(Ring { pid, tid, fd }),
            None => {}
        }
    };
    let Some(count) = table.count else {
        return list(&directory, buffer, 0, u64::MAX, &mut keep);
    };
    // Descriptors are handed out lowest first, so most tables have few holes: counting up saves the listing.
    let mut seen = 0;
    let mut holes = 0;
    let mut fd = 0u32;
    while seen < count && holes < FEW_HOLES {
        let mut path = Path::default();
        match readlinkat_raw(&directory, path.of(&[fd.into()]), &mut link) {
            Ok((target, _)) => {
                keep(fd, target);
                seen += 1;
            }
            Err(Errno::NOENT) => holes += 1,
            Err(_) => {
                // A process that ends meanwhile is refused, too.
                part.hidden += u32::from(is_alive(table.pid));
                return;
            }
        }
        fd += 1;
    }
    if seen < count {
        // The directory's position is the descriptor plus two, for `.` and `..` (`proc_readfd_common`).
        let _ = seek(&directory, SeekFrom::Start(u64::from(fd) + 2));
        list(&directory, buffer, fd, count - seen, &mut keep);
    }
}

/// Reads every descriptor from `first` on by listing the directory; `most` is how many there can be.
fn list(directory: &OwnedFd, buffer: &mut [MaybeUninit<u8>], first: u32, most: u64, keep: &mut impl FnMut(u32, &[u8])) {
    let mut link = [MaybeUninit::uninit(); 64];
    let mut entries = RawDir::new(directory, buffer);
    let mut left = most;
    while left > 0
        && let Some(Ok(entry)) = entries.next()
    {
        let Some(fd) = number(entry.file_name().to_bytes()).filter(|fd| *fd >= first) else { continue };
        if let Ok((target, _)) = readlinkat_raw(directory, entry.file_name(), &mut link) {
            keep(fd, target);
        }
        left -= 1;
    }
}

/// Unix sockets in whose queues descriptors wait, as (pid, descriptor, number waiting).
fn in_flight() -> Result<Vec<(u32, u32, u32)>, SysError> {
    let mut found = Vec::new();
    for pid in processes::pids()? {
        let Ok(entries) = kernel::read_dir(format!("/proc/{pid}/fdinfo")) else { continue };
        for entry in entries.flatten() {
            let Some(fd) = number(entry.file_name().as_encoded_bytes()) else { continue };
            let waiting = kernel::file(&format!("/proc/{pid}/fdinfo/{fd}")).map_or(0, |bytes| in_flight_descriptors(&bytes));
            if waiting > 0 {
                found.push((pid, fd, waiting));
            }
        }
    }
    Ok(found)
}

/// False for a process that has exited, be it that threads of it live on: its own table is gone.
fn is_alive(pid: u32) -> bool {
    let bytes = kernel::file(&format!("/proc/{pid}/stat")).unwrap_or_default();
    stat(&bytes).is_some_and(|stat| stat.state != ProcessState::Exited)
}

/// Open files of the whole machine, the first number of `/proc/sys/fs/file-nr`: a bound for the descriptors to walk.
fn open_files() -> u64 {
    let bytes = kernel::file("/proc/sys/fs/file-nr").unwrap_or_default();
    let first = bytes.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    std::str::from_utf8(first).ok().and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn processors() -> usize {
    rustix::thread::sched_getaffinity(None).map_or(1, |set| (set.count() as usize).clamp(1, 8))
}

/// What the link of a ring's descriptor says.
const RING: &[u8] = b"anon_inode:[io_uring]";
/// Open files above which several threads walk: below it, starting one costs more.
const MANY: u64 = 4_000;
/// Holes in a table before it is listed instead of counted through.
const FEW_HOLES: u32 = 2;
