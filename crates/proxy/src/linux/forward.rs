//! The forwarder: it listens on the real ports that are lent, and passes each connection on to the project that has the front.
//!
//! One thread and one `epoll` for all connections. A connection costs two descriptors and some two hundred bytes, so that thousands
//! of idle ones cost nothing; a thread for each direction of each would cost stacks, and `splice` two pipes more for each. Which
//! project a connection goes to is decided when it is accepted, by the thread that also carries out a switch: after a switch
//! was answered, no connection goes to the project before.

pub(super) mod door;

use door::bound_port;
pub use door::reserve;

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::{Duration, Instant},
};

use portward_model::{Loan, Standing, Transport};
use portward_sys::{LO, Lookup};
use rustix::{
    event::{Timespec, epoll},
    fd::OwnedFd,
    fs::inotify,
    io::Errno,
    net::{SocketFlags, accept_with},
};

use self::door::Door;
use super::flows::{Flows, reset};
use crate::Lender;

/// Lends until the lender says that it is over, then until the last connection has ended. The folders are watched: when
/// something changes in one of them, the lender is asked anew within milliseconds. Sockets that are `reserved` are listened on where their
/// ports are wished for.
///
/// # Errors
///
/// Where the system has no descriptors for the forwarder itself.
pub fn forward(lender: &mut dyn Lender, folders: &[PathBuf], reserved: Vec<OwnedFd>) -> io::Result<()> {
    // The name of `/proc/self/exe`, by which it was started, would tell nobody anything.
    let _ = rustix::thread::set_name(c"portward");
    let mut forwarder = Forwarder {
        epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
        lookup: Lookup::open()?,
        doors: BTreeMap::new(),
        reserved: BTreeMap::new(),
        flows: Flows::default(),
        spare: spare(),
    };
    for socket in reserved {
        if let Some(port) = bound_port(&socket) {
            forwarder.reserved.entry(port).or_default().push(socket);
        }
    }
    let watch = Watch::open(folders, &forwarder.epoll);
    let mut events = Vec::with_capacity(EVENTS);
    let mut asked = None::<Instant>;
    let mut due = Instant::now();
    let mut over = false;
    loop {
        let now = Instant::now();
        if now >= due {
            let wish = lender.wish();
            let loans = forwarder.settle(&wish.loans, lender);
            lender.done(&loans, forwarder.flows.number());
            over = wish.over;
            asked = Some(now);
            due = now + watch.as_ref().map_or(BLIND_PACE, |_| if wish.loans.is_empty() { IDLE_PACE } else { PACE });
            if let Some(watch) = &watch {
                watch.renew(folders);
            }
        }
        if over && forwarder.flows.number() == 0 && lender.may_end() {
            return Ok(());
        }
        let patience = if forwarder.flows.is_busy() { Duration::ZERO } else { due.saturating_duration_since(now) };
        match epoll::wait(&forwarder.epoll, rustix::buffer::spare_capacity(&mut events), Some(&timespec(patience))) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in events.drain(..) {
            match event.data.u64() {
                WATCH => {
                    watch.as_ref().map(Watch::drain);
                    // Many changes in a row are one.
                    due = due.min(asked.map_or(now, |asked| asked + RESPITE));
                }
                data if data & DOOR != 0 => forwarder.admit(u16::try_from(data & 0xFFFF).unwrap_or(0)),
                data => forwarder.flows.happened(data, event.flags, &forwarder.epoll),
            }
        }
        forwarder.flows.go_on(&forwarder.epoll);
    }
}

struct Forwarder {
    epoll: OwnedFd,
    lookup: Lookup,
    /// By the real port.
    doors: BTreeMap<u16, Door>,
    /// Sockets that were handed over, by their ports, where they are not listened on.
    reserved: BTreeMap<u16, Vec<OwnedFd>>,
    flows: Flows,
    /// A descriptor that is given up where there is no other, to turn a client away instead of letting it wait.
    spare: Option<OwnedFd>,
}

impl Forwarder {
    /// Makes a wish true: ports that are wished for no more are let go, those that stay change their target without being
    /// closed, new ones are taken where they are free.
    fn settle(&mut self, loans: &[Loan], lender: &mut dyn Lender) -> Vec<(Loan, Standing)> {
        let wished = |port: u16| loans.iter().any(|loan| loan.port == port);
        for port in self.doors.keys().copied().filter(|port| !wished(*port)).collect::<Vec<_>>() {
            self.close(port);
        }
        let mut settled = Vec::with_capacity(loans.len());
        for loan in loans {
            let targets = self.targets(loan.target);
            let standing = if targets.is_empty() {
                self.close(loan.port);
                Standing::Unserved
            } else if let Some(door) = self.doors.get_mut(&loan.port) {
                door.targets = targets;
                Standing::Lent
            } else {
                let door = match self.reserved.remove(&loan.port) {
                    Some(sockets) => Door::on(sockets, targets).map_err(|(standing, sockets)| {
                        self.reserved.insert(loan.port, sockets);
                        standing
                    }),
                    None => Door::open(loan.port, targets, &mut |port| lender.is_bound(port)),
                };
                match door {
                    Ok(door) => self.watch_door(loan.port, door),
                    Err(standing) => standing,
                }
            };
            settled.push((*loan, standing));
        }
        settled
    }

    /// Lets a port go.
    fn close(&mut self, port: u16) {
        let Some(door) = self.doors.remove(&port) else { return };
        for listener in &door.listeners {
            let _ = epoll::delete(&self.epoll, listener);
        }
        if let Some(sockets) = door.close() {
            self.reserved.insert(port, sockets);
        }
    }

    /// Where the loopback serves a port.
    fn targets(&mut self, port: u16) -> Vec<SocketAddr> {
        let places = [SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))];
        places.into_iter().filter(|at| self.lookup.server(Transport::Tcp, *at, LO).is_some()).collect()
    }

    fn watch_door(&mut self, port: u16, door: Door) -> Standing {
        for listener in &door.listeners {
            let data = epoll::EventData::new_u64(DOOR | u64::from(port));
            if let Err(error) = epoll::add(&self.epoll, listener, data, epoll::EventFlags::IN) {
                return Standing::Failed(error.raw_os_error());
            }
        }
        self.doors.insert(port, door);
        Standing::Lent
    }

    /// Takes in who knocks at a port.
    fn admit(&mut self, port: u16) {
        let mut met = Vec::new();
        if let Some(door) = self.doors.get(&port) {
            for listener in &door.listeners {
                let targets = door.targets_for(listener);
                // What is left waits for the next round.
                for _ in 0..KNOCKS {
                    match accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                        Ok(client) => met.push((client, targets.clone())),
                        Err(Errno::INTR | Errno::CONNABORTED) => {}
                        Err(Errno::MFILE | Errno::NFILE) => {
                            // The client waits for an answer that it cannot get: it is turned away.
                            self.spare = None;
                            if let Ok(client) = accept_with(listener, SocketFlags::CLOEXEC) {
                                reset(client);
                            }
                            self.spare = spare();
                            break;
                        }
                        Err(_) => break,
                    }
                }
            }
        }
        for (client, targets) in met {
            self.flows.begin(client, targets, &self.epoll);
        }
    }
}

/// Changes in folders.
struct Watch(OwnedFd);

impl Watch {
    /// `None` where the system has no more of these, or the first folder's file system none.
    fn open(folders: &[PathBuf], epoll: &OwnedFd) -> Option<Self> {
        let watch = Self(inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK).ok()?);
        let (first, others) = folders.split_first()?;
        inotify::add_watch(&watch.0, first, changes()).ok()?;
        watch.renew(others);
        epoll::add(epoll, &watch.0, epoll::EventData::new_u64(WATCH), epoll::EventFlags::IN).ok()?;
        Some(watch)
    }

    /// Watches the folders that have the names now; the same one is watched once.
    fn renew(&self, folders: &[PathBuf]) {
        for folder in folders {
            let _ = inotify::add_watch(&self.0, folder, changes());
        }
    }

    fn drain(&self) {
        let mut events = [0; 4096];
        while rustix::io::read(&self.0, &mut events[..]).is_ok_and(|read| read > 0) {}
    }
}

/// What is reported: a socket shows its news by its time.
fn changes() -> inotify::WatchFlags {
    use inotify::WatchFlags;
    WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::DELETE | WatchFlags::ATTRIB
}

pub(super) fn spare() -> Option<OwnedFd> {
    rustix::fs::open("/", rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC, rustix::fs::Mode::empty()).ok()
}

pub(super) fn timespec(duration: Duration) -> Timespec {
    // Rounded up, so that nothing is asked a moment too early and then again.
    let duration = duration + Duration::from_micros(10);
    Timespec { tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX), tv_nsec: i64::from(duration.subsec_nanos()) }
}

/// Events taken at once.
pub(super) const EVENTS: usize = 512;
/// Clients taken in at once at one listener.
pub(super) const KNOCKS: usize = 128;
/// Between two looks at what is served and what has become free, while something is to be lent.
const PACE: Duration = Duration::from_millis(200);
/// While nothing is.
const IDLE_PACE: Duration = Duration::from_secs(1);
/// Where changes are not reported.
const BLIND_PACE: Duration = Duration::from_millis(10);
/// At least this long between two questions to the lender.
const RESPITE: Duration = Duration::from_millis(2);
/// Marks the events of the watch. Flows are numbered from 0 and never get there.
const WATCH: u64 = u64::MAX;
/// Marks the events of doors; the port stands in the lowest bits.
const DOOR: u64 = 1 << 63;

#[cfg(test)]
mod tests;
