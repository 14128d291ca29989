//! How processes fare: threads, descriptors, bonds, and processor time across a pause.

use std::{
    collections::BTreeMap,
    io,
    os::unix::ffi::OsStrExt,
    thread,
    time::{Duration, Instant},
};

use portward_model::{Need, Seen, Text, Thread, Vitals};
use portward_wire::procfs;
use rustix::fs::{CWD, readlinkat};

use super::{frozen::Hierarchies, kernel, paths::number};
use crate::SysError;

/// Reads each process that lives; with `over`, processor time is read again after that time, of all at once.
pub(super) fn read(pids: &[u32], over: Duration) -> Result<Vec<Vitals>, SysError> {
    let hierarchies = Hierarchies::read()?;
    let start = Instant::now();
    let before: Vec<Option<Used>> = pids.iter().map(|pid| used(*pid)).collect();
    let mut all: Vec<(Vitals, Used)> =
        pids.iter().zip(before).filter_map(|(pid, used)| Some((one(*pid, &hierarchies)?, used?))).collect();
    if over.is_zero() {
        return Ok(all.into_iter().map(|(vitals, _)| vitals).collect());
    }
    let wanted_before: Vec<BTreeMap<u32, u64>> = all.iter().map(|(vitals, _)| wanted(vitals)).collect();
    thread::sleep(over.saturating_sub(start.elapsed()));
    let over_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    for ((vitals, before), wanted_before) in all.iter_mut().zip(wanted_before) {
        // A process that ended meanwhile, or whose pid is another's now, has no second reading.
        if let Some(after) = used(vitals.pid).filter(|after| after.started == before.started) {
            vitals.busy_ms = after.ticks.saturating_sub(before.ticks).saturating_mul(1000) / per_second;
            vitals.over_ms = over_ms;
            let rose = |(tid, now): (u32, u64)| Some(now.saturating_sub(*wanted_before.get(&tid)?));
            vitals.wanted_ms = wanted(vitals).into_iter().filter_map(rose).max().unwrap_or(0) / 1_000_000;
        }
    }
    Ok(all.into_iter().map(|(vitals, _)| vitals).collect())
}

/// Processor time of a process, and when it started.
#[derive(Clone, Copy)]
struct Used {
    ticks: u64,
    started: u64,
}

fn used(pid: u32) -> Option<Used> {
    let bytes = kernel::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = procfs::stat(&bytes)?;
    Some(Used { ticks: stat.cpu_ticks, started: stat.started_ticks })
}

/// The time that each thread ran or waited for a processor since it began, in nanoseconds (`Documentation/scheduler/sched-stats`).
fn wanted(vitals: &Vitals) -> BTreeMap<u32, u64> {
    let of = |thread: &Thread| {
        let text = kernel::read_to_string(format!("/proc/{}/task/{}/schedstat", vitals.pid, thread.tid)).ok()?;
        let mut numbers = text.split_ascii_whitespace().map_while(|number| number.parse::<u64>().ok());
        Some((thread.tid, numbers.next()?.saturating_add(numbers.next()?)))
    };
    vitals.threads.iter().filter_map(of).collect()
}

fn one(pid: u32, hierarchies: &Hierarchies) -> Option<Vitals> {
    let file = |name: &str| kernel::read(format!("/proc/{pid}/{name}"));
    let bonds = procfs::bonds(&file("status").ok()?);
    let groups = hierarchies.of(pid);
    let threads = threads(pid);
    Some(Vitals {
        pid,
        threads,
        tracer: bonds.tracer,
        descriptors: descriptors(pid),
        descriptor_limit: seen(file("limits"), |bytes| procfs::descriptor_limit(&bytes)),
        frozen: groups.frozen,
        frozen_group: groups.frozen_group,
        no_new_privileges: bonds.no_new_privileges,
        seccomp: bonds.seccomp,
        binds_low_ports: bonds.capabilities & CAP_NET_BIND_SERVICE != 0,
        groups: bonds.groups,
        label: file("attr/current").ok().and_then(|bytes| procfs::confining_label(&bytes)),
        busy_ms: 0,
        over_ms: 0,
        wanted_ms: 0,
        memory: groups.memory,
    })
}

fn threads(pid: u32) -> Vec<Thread> {
    let Ok(entries) = kernel::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let tids = entries.flatten().filter_map(|entry| number(entry.file_name().as_bytes())).take(MOST_THREADS);
    // `wchan` gives a zero both to a reader without the right and of a thread that sleeps nowhere. This link
    // asks for the same right and refuses plainly.
    let may_look = readlinkat(CWD, format!("/proc/{pid}/ns/net"), Vec::new()).is_ok();
    tids.filter_map(|tid| thread_of(pid, tid, may_look)).collect()
}

fn thread_of(pid: u32, tid: u32, may_look: bool) -> Option<Thread> {
    let file = |name: &str| kernel::read(format!("/proc/{pid}/task/{tid}/{name}"));
    let state = procfs::state_letter(&file("stat").ok()?)?;
    let waits_in = if may_look {
        seen(file("wchan"), |bytes| Some(if bytes == b"0" { Text::default() } else { Text::new(bytes) }))
    } else {
        Seen::Hidden(Need::Root)
    };
    let call = seen(file("syscall"), |bytes| procfs::system_call(&bytes));
    let argument = call.known().and_then(|(_, argument)| *argument);
    Some(Thread { tid, state, waits_in, syscall: call.map(|(number, _)| number), argument })
}

fn descriptors(pid: u32) -> Seen<u32> {
    let folder = format!("/proc/{pid}/fd");
    // Since Linux 6.2 the folder's size is their number, whoever asks; before, it was zero. It counts what counts
    // against the limit, so a thread that waits in accept adds the number that it has taken beforehand.
    match kernel::metadata(&folder) {
        Ok(metadata) if metadata.len() > 0 => Seen::Known(u32::try_from(metadata.len()).unwrap_or(u32::MAX)),
        Ok(_) => seen(kernel::read_dir(folder), |entries| u32::try_from(entries.count()).ok()),
        Err(error) => seen(Err::<(), _>(error), |()| None),
    }
}

fn seen<T, U>(result: io::Result<T>, known: impl FnOnce(T) -> Option<U>) -> Seen<U> {
    match result {
        Ok(value) => known(value).map_or(Seen::Unsupported, Seen::Known),
        Err(error) => match error.kind() {
            io::ErrorKind::PermissionDenied => Seen::Hidden(Need::Root),
            io::ErrorKind::NotFound => Seen::Gone,
            _ if error.raw_os_error() == Some(libc::ESRCH) => Seen::Gone,
            _ => Seen::Unsupported,
        },
    }
}

/// More threads say no more about why a process does not answer.
const MOST_THREADS: usize = 256;
/// Bit 10 of `linux/capability.h`.
const CAP_NET_BIND_SERVICE: u64 = 1 << 10;
