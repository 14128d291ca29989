//! The server: a few threads that wait for all connections at once, and what they share.

mod connection;
mod worker;

use std::{
    io,
    net::TcpStream,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::Receiver,
    },
    thread,
    time::Duration,
};

use portward_sys::served::{Served, Watching};
use rustix::{
    event::{EventfdFlags, eventfd},
    fd::OwnedFd,
};
use rustls::ServerConfig;

use super::{
    door::Doors,
    log::{Log, Served as Request},
    plan::Plan,
    site::Site,
    talk::{Line, Talk},
};
use crate::linux::flows::raised_limit;

/// What all threads of a server have in common.
pub(super) struct Shared {
    pub(super) site: Site,
    pub(super) log: Log,
    tls: Option<Arc<ServerConfig>>,
    stopping: AtomicBool,
    /// Threads at work.
    threads: AtomicUsize,
    /// Connections that are open.
    connections: AtomicUsize,
    most: usize,
    /// By which each worker is woken, and what it is given back.
    workers: Vec<(OwnedFd, Mutex<Vec<TcpStream>>)>,
}

/// A server that runs. Dropped, it goes on until the process ends.
pub struct Server {
    shared: Arc<Shared>,
    /// Folders that are not watched for changes.
    pub unwatched: usize,
}

/// Counts something as long as it lives.
struct Counted<'c>(&'c AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Server {
    /// Begins to serve; with whom to hear of requests, where `told` says that they are wanted, or the failed ones alone.
    ///
    /// # Errors
    /// Where the system gives no threads, or does not tell of changes.
    pub fn start(
        served: Served,
        plan: Plan,
        doors: Doors,
        tls: Option<Arc<ServerConfig>>,
        (told, only_failures): (bool, bool),
    ) -> io::Result<(Self, Option<Receiver<Request>>)> {
        let limit = raised_limit().map_or(MOST_CONNECTIONS, |limit| usize::try_from(limit / 3).unwrap_or(MOST_CONNECTIONS));
        let count = thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MOST_WORKERS);
        let mut workers = Vec::with_capacity(count);
        for _ in 0..count {
            workers.push((eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?, Mutex::default()));
        }
        let (log, requests) = Log::new(told, only_failures);
        let shared = Arc::new(Shared {
            site: Site::new(served, plan, doors.port, tls.is_some()),
            log,
            tls,
            stopping: AtomicBool::new(false),
            threads: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            most: limit.clamp(8, MOST_CONNECTIONS),
            workers,
        });
        let doors = Arc::new(doors);
        for index in 0..count {
            let worker = worker::Worker::new(Arc::clone(&shared), index, Arc::clone(&doors))?;
            spawn(&shared, move || worker.run())?;
        }
        drop(doors);
        let unwatched = if shared.site.plan.reload { watch(&shared)? } else { 0 };
        Ok((Self { shared, unwatched }, requests))
    }

    /// Takes nobody in any more, and waits until the requests in flight are answered, or `enough` says that they have had their time. True
    /// where all of them were.
    pub fn stop(&self, mut enough: impl FnMut() -> bool) -> bool {
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.site.hub.end();
        for (bell, _) in &self.shared.workers {
            ring(bell);
        }
        while self.shared.threads.load(Ordering::Acquire) > 0 {
            if enough() {
                return false;
            }
        }
        true
    }

    /// Requests that were not told of, because whoever reads was too slow.
    pub fn untold(&self) -> u64 {
        self.shared.log.lost()
    }
}

impl Shared {
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// True where one more connection may be open.
    fn may_open(&self) -> bool {
        self.connections.load(Ordering::Relaxed) < self.most
    }

    /// Hands a connection to a thread that may wait; it comes back to this worker. `buffer` is what came and was not answered.
    fn hand_over(self: &Arc<Self>, worker: usize, stream: TcpStream, buffer: Vec<u8>, counted: Open) {
        let shared = Arc::clone(self);
        // Where no thread can be had the connection ends.
        let _ = spawn(self, move || {
            let Ok(_rights) = shared.site.served.rights() else { return };
            let Ok(line) = Line::new(stream, shared.tls.as_ref()) else { return };
            let back = Talk { line, buffer }.converse(&shared);
            drop(counted);
            if let (Some(stream), Some((bell, inbox))) = (back, shared.workers.get(worker)) {
                inbox.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
                ring(bell);
            }
        });
    }
}

/// A connection that counts as open.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.connections.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(shared))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs something in a thread that counts as one at work.
fn spawn(shared: &Arc<Shared>, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    shared.threads.fetch_add(1, Ordering::AcqRel);
    let counter = Arc::clone(shared);
    let begun = thread::Builder::new().name("serve".to_owned()).stack_size(STACK).spawn(move || {
        let _counted = Counted(&counter.threads);
        work();
    });
    if begun.is_err() {
        shared.threads.fetch_sub(1, Ordering::AcqRel);
    }
    begun.map(drop)
}

/// Watches the folder, in a thread of its own; how many folders are left out.
fn watch(shared: &Arc<Shared>) -> io::Result<usize> {
    let (to, from) = std::sync::mpsc::channel();
    let watched = Arc::clone(shared);
    thread::Builder::new().name("serve-watch".to_owned()).stack_size(STACK).spawn(move || {
        let site = &watched.site;
        let begun = site.served.rights().and_then(|rights| Ok((rights, Watching::new(&site.served)?)));
        let (_rights, mut watching) = match begun {
            Ok((rights, watching)) => {
                let _ = to.send(Ok(watching.left_out));
                (rights, watching)
            }
            Err(error) => return drop(to.send(Err(error))),
        };
        while !watched.is_stopping() {
            let changed = watching.wait(BETWEEN_LOOKS);
            if !changed.is_empty() {
                site.hub.changed(&changed);
            }
        }
    })?;
    from.recv().map_err(io::Error::other)?
}

fn ring(bell: &OwnedFd) {
    let _ = rustix::io::write(bell, &1_u64.to_ne_bytes());
}

/// Connections that are open at most.
const MOST_CONNECTIONS: usize = 2048;
/// More threads than this wait for nothing more.
const MOST_WORKERS: usize = 8;
/// Bytes of a thread's stack, of which it touches what it needs. Who packs as zstd keeps tables there.
const STACK: usize = 2 * 1024 * 1024;
/// Between two looks whether the server ends.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
