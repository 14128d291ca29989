//! What is told of each request.

use std::{
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    time::{Duration, Instant, SystemTime},
};

/// A request that was answered.
#[derive(Clone, Debug)]
pub struct Served {
    /// When.
    pub at: SystemTime,
    /// The method; empty for what was no request.
    pub method: String,
    /// The target as it was sent, without its query.
    pub path: Vec<u8>,
    /// The status.
    pub status: u16,
    /// Bytes of the body that were sent.
    pub bytes: u64,
    /// From the end of its head to the last byte that the kernel took.
    pub took: Duration,
}

/// Where requests are told. Nothing waits for whoever reads: what they leave is counted.
#[derive(Debug)]
pub(super) struct Log {
    to: Option<SyncSender<Served>>,
    lost: AtomicU64,
    only_failures: bool,
}

impl Log {
    /// A log, and who reads it; none where nobody wants it.
    pub(super) fn new(wanted: bool, only_failures: bool) -> (Self, Option<Receiver<Served>>) {
        let (to, from) = sync_channel(WAITING);
        let (to, from) = if wanted { (Some(to), Some(from)) } else { (None, None) };
        (Self { to, lost: AtomicU64::new(0), only_failures }, from)
    }

    /// The time, where it is going to be told.
    pub(super) fn begin(&self) -> Option<Instant> {
        self.to.as_ref().map(|_| Instant::now())
    }

    /// Tells of a request.
    pub(super) fn tell(&self, began: Option<Instant>, (method, target): (&str, &str), status: u16, bytes: u64) {
        let (Some(to), Some(began)) = (&self.to, began) else { return };
        if self.only_failures && status < 400 {
            return;
        }
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        let path = path.as_bytes().get(..LONGEST).unwrap_or(path.as_bytes()).to_vec();
        let method = method.get(..LONGEST_METHOD).unwrap_or(method).to_owned();
        let told = Served { at: SystemTime::now(), method, path, status, bytes, took: began.elapsed() };
        if let Err(TrySendError::Full(_)) = to.try_send(told) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many were not told, because whoever reads was too slow.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// Requests that wait for whoever reads.
const WAITING: usize = 4096;
/// Bytes of a path that are told.
const LONGEST: usize = 2048;
/// Bytes of a method that are told.
const LONGEST_METHOD: usize = 32;
