//! Strays: sockets of the session that serve the network because no call of theirs was seen.
//!
//! A call that is let go on is made by the kernel with what the caller's number means by then, and another thread may have put
//! another socket there since it was looked at (`dup2(2)`). Only calls on Unix sockets are let go on, because the kernel writes down
//! who makes them. After each such call the kernel is asked for everything that listens unpinned, until the caller has left the call,
//! and what is the session's is pinned. Now and then it is asked without a cause: a listener may have come over a Unix socket.
//!
//! All this is done by a thread of its own, so that no call waits for it.

use std::{
    fs,
    net::SocketAddr,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel},
    thread,
    time::{Duration, Instant},
};

use portward_model::{Namespace, PortRange, Socket, SocketState, Transport};
use portward_sys::{Act, Ask, Depth, LO, StateSet, Transports, Which, unotify::Callers};
use rustc_hash::{FxHashMap, FxHashSet};
use rustix::net::{Shutdown, ipproto, sockopt};

use super::{
    fences::{self, Filtered},
    leaving::Leaving,
    sockets,
};
use crate::Event;

/// The supervisor's end of the search.
pub(super) struct Strays {
    orders: Sender<Order>,
    found: Receiver<Event>,
}

enum Order {
    /// A thread goes on with a `listen`: look until it has left the call.
    Follow { tid: u32 },
    /// A thread goes on with a `bind`: look soon.
    LookSoon,
}

impl Strays {
    /// Begins the search among what runs below this process; `None` where there is no thread for it.
    pub(super) fn search() -> Option<Self> {
        let (orders, ordered) = channel();
        let (tell, found) = sync_channel(MOST_UNTOLD);
        let search = move || {
            if let Some(mut search) = Search::begin(tell) {
                search.go_on(&ordered);
            }
        };
        thread::Builder::new().name("strays".to_owned()).stack_size(STACK).spawn(search).ok()?;
        Some(Self { orders, found })
    }

    /// Has a caller followed out of a `listen` that goes on. False where nobody would: then it must not go on.
    pub(super) fn follow(&self, tid: u32) -> bool {
        self.orders.send(Order::Follow { tid }).is_ok()
    }

    /// Has somebody look in a moment.
    pub(super) fn look_soon(&self) {
        let _ = self.orders.send(Order::LookSoon);
    }

    /// What was found since this was asked.
    pub(super) fn found(&self) -> impl Iterator<Item = Event> + '_ {
        self.found.try_iter()
    }
}

/// The search itself.
struct Search {
    machine: Box<dyn Act>,
    namespaces: Vec<Namespace>,
    /// Ports that are given to whoever asks for any: a socket of UDP without a pin is a client's there, by the rules.
    ephemeral: PortRange,
    callers: Callers,
    leaving: Vec<Leaving>,
    /// Cookies of the session's sockets of UDP that have their fence.
    fenced: FxHashSet<u64>,
    /// What serves unpinned and is not the session's, by cookie.
    strangers: FxHashMap<u64, Stranger>,
    tell: SyncSender<Event>,
}

/// Somebody else's, as far as was seen.
#[derive(Clone, Copy)]
struct Stranger {
    looked: Instant,
    /// How often it was looked for: what is passed from hand to hand may be overlooked.
    times: u32,
}

/// A descriptor of a session's process.
struct Held {
    tid: u32,
    number: i32,
}

impl Search {
    fn begin(tell: SyncSender<Event>) -> Option<Self> {
        let machine = portward_sys::this_machine().ok()?;
        let namespaces = machine.namespaces(&Which::Own).ok()?.value;
        let ephemeral = machine.port_rules().map_or(EVERY_PORT, |rules| rules.ephemeral);
        let (callers, leaving) = (Callers::default(), Vec::new());
        let (fenced, strangers) = (FxHashSet::default(), FxHashMap::default());
        Some(Self { machine, namespaces, ephemeral, callers, leaving, fenced, strangers, tell })
    }

    /// Searches until the supervisor has gone.
    fn go_on(&mut self, ordered: &Receiver<Order>) {
        let mut next = Instant::now() + BETWEEN;
        let mut pause = FIRST_PAUSE;
        loop {
            let wait = if self.leaving.is_empty() { next.saturating_duration_since(Instant::now()) } else { pause };
            let order = ordered.recv_timeout(wait);
            pause = (pause * 2).min(LAST_PAUSE);
            if matches!(order, Err(RecvTimeoutError::Disconnected)) {
                return;
            }
            for order in order.into_iter().chain(ordered.try_iter()) {
                match order {
                    Order::Follow { tid } => {
                        pause = FIRST_PAUSE;
                        self.leaving.retain(|leaving| leaving.tid != tid);
                        self.leaving.push(Leaving::now(tid));
                    }
                    Order::LookSoon => next = next.min(Instant::now() + SOON),
                }
            }
            if !self.leaving.is_empty() {
                // Before the look, which then sees whatever their calls did.
                let left: Vec<bool> = self.leaving.iter_mut().map(Leaving::has_left).collect();
                self.look(false);
                let mut left = left.into_iter();
                self.leaving.retain(|_| !left.next().unwrap_or(false));
            }
            if Instant::now() >= next {
                self.look(true);
                next = Instant::now() + BETWEEN;
            }
        }
    }

    /// Asks for what serves unpinned, and takes in what is the session's. A thorough look asks for UDP as well, and for those that
    /// were somebody else's some time ago.
    fn look(&mut self, thorough: bool) {
        let now = Instant::now();
        let mut here = self.unpinned(thorough);
        if thorough {
            self.strangers.retain(|cookie, _| here.iter().any(|socket| socket.cookie == *cookie));
            self.fenced.retain(|cookie| here.iter().any(|socket| socket.cookie == *cookie));
        }
        here.retain(|socket| !self.fenced.contains(&socket.cookie));
        here.retain(|socket| self.strangers.get(&socket.cookie).is_none_or(|stranger| thorough && stranger.is_due(now)));
        if here.is_empty() {
            return;
        }
        let own = self.session();
        for (socket, held) in held_among(&own, here) {
            let is_ours = match &held {
                // What began to listen while a call went on is the caller's own doing.
                Some(_) if !thorough => true,
                // A copy may be in the hands of somebody outside, whose listener it is.
                Some(_) => self.is_all_ours(&own, &socket),
                None => false,
            };
            match held.filter(|_| is_ours) {
                Some(held) => self.take_in(&held, &socket),
                None if thorough => {
                    let stranger = self.strangers.entry(socket.cookie).or_insert(Stranger { looked: now, times: 0 });
                    *stranger = Stranger { looked: now, times: stranger.times.saturating_add(1) };
                }
                None => {}
            }
        }
    }

    /// What serves in the session's network and is not pinned to `lo`.
    fn unpinned(&self, thorough: bool) -> Vec<Socket> {
        let transports = Transports { tcp: true, udp: thorough, unix: false };
        let ask = Ask { transports, states: StateSet::Listening, ports: None, traffic: false };
        let mut found = Vec::new();
        let _ = self.machine.sockets(&ask, &self.namespaces, &mut |socket| {
            let is_stray = match socket.transport {
                Transport::Tcp => socket.state == SocketState::Listen && socket.interface != LO,
                // One that is bound to another device has no pin to get.
                Transport::Udp => {
                    let named = socket.port().is_some_and(|port| port != 0 && !self.ephemeral.contains(port));
                    socket.state == SocketState::Bound && socket.interface == 0 && named
                }
                Transport::Unix | Transport::UnixDatagram | Transport::UnixPacket => false,
            };
            if is_stray {
                found.push(socket);
            }
        });
        found
    }

    /// The processes of the session: callers that are followed first, then everything below the supervisor.
    fn session(&self) -> Vec<u32> {
        let mut own: Vec<u32> = self.leaving.iter().map(|leaving| leaving.tid).collect();
        let below = children_below(std::process::id()).or_else(|| self.machine.descendants(std::process::id()).ok());
        own.extend(below.unwrap_or_default());
        own
    }

    /// True where nobody outside the session holds a socket, as far as is seen.
    fn is_all_ours(&self, own: &[u32], socket: &Socket) -> bool {
        let Ok(holders) = self.machine.holders(std::slice::from_ref(socket), Depth::Processes) else { return false };
        holders.holdings.iter().all(|holding| holding.pid == std::process::id() || own.contains(&holding.pid))
    }

    /// Pins a socket; one that has another pin listens no more.
    fn take_in(&mut self, held: &Held, socket: &Socket) {
        let Ok(copy) = self.callers.socket(held.tid, held.number) else { return };
        // The number may have come to mean another socket. Of MPTCP the TCP socket below it is listed, which has its own cookie.
        let is_mptcp = sockopt::socket_protocol(&copy).ok().flatten() == Some(ipproto::MPTCP);
        if sockets::cookie(&copy) != socket.cookie && !is_mptcp {
            return;
        }
        let pinned = match socket.transport {
            Transport::Udp => match fences::raise(&copy) {
                Ok(before) => {
                    self.fenced.insert(socket.cookie);
                    // Its pin went when it sent to the outside.
                    if matches!(before, Filtered::Fenced(_)) {
                        return;
                    }
                    let _ = sockets::pin(&copy);
                    true
                }
                Err(_) => sockets::pin(&copy).is_ok(),
            },
            _ => sockets::pin(&copy).is_ok(),
        };
        if !pinned && rustix::net::shutdown(&copy, Shutdown::Both).is_err() {
            return;
        }
        let Some((address, port)) = socket.address().zip(socket.port()) else { return };
        let pid = Callers::process(held.tid).unwrap_or(held.tid);
        let event = Event::Strayed { pid, transport: socket.transport, serves: SocketAddr::new(address, port), pinned };
        // Of very many some are not told.
        let _ = self.tell.try_send(event);
    }
}

impl Stranger {
    fn is_due(self, now: Instant) -> bool {
        self.times < EAGER_TIMES || now.saturating_duration_since(self.looked) >= BETWEEN_STRANGERS
    }
}

/// Each of these sockets, with a descriptor of the session for it where there is one.
fn held_among(own: &[u32], wanted: Vec<Socket>) -> Vec<(Socket, Option<Held>)> {
    let mut missing = wanted.len();
    let mut found: Vec<(Socket, Option<Held>)> = wanted.into_iter().map(|socket| (socket, None)).collect();
    for pid in own {
        for tid in std::iter::once(*pid).chain(threads_apart(*pid)) {
            let Ok(entries) = fs::read_dir(format!("/proc/{tid}/fd")) else { continue };
            for entry in entries.flatten() {
                if missing == 0 {
                    return found;
                }
                let Some(inode) = fs::read_link(entry.path()).ok().and_then(|target| inode_of(target.to_str()?)) else {
                    continue;
                };
                let number = entry.file_name().to_str().and_then(|number| number.parse().ok());
                let place = found.iter_mut().find(|(socket, held)| socket.inode == inode && held.is_none());
                if let (Some((_, held)), Some(number)) = (place, number) {
                    *held = Some(Held { tid, number });
                    missing -= 1;
                }
            }
        }
    }
    found
}

/// Everything below a process, by the kernel's own lists of children; `None` where it keeps none (`CONFIG_PROC_CHILDREN`).
fn children_below(pid: u32) -> Option<Vec<u32>> {
    let children = |pid: u32| -> Vec<u32> {
        let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
        let lists = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
        lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()).collect()
    };
    fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    let mut found = children(pid);
    let mut at = 0;
    while let Some(next) = found.get(at).copied() {
        let below = children(next);
        found.extend(below.into_iter().filter(|pid| !found.contains(pid)).collect::<Vec<_>>());
        at += 1;
    }
    Some(found)
}

/// Threads whose descriptors are not their process's (`unshare(CLONE_FILES)`), or of which that is not known.
fn threads_apart(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let threads = tasks.flatten().filter_map(|task| task.file_name().to_str()?.parse::<u32>().ok());
    threads.filter(|tid| *tid != pid && !shares_descriptors(pid, *tid)).collect()
}

fn shares_descriptors(pid: u32, tid: u32) -> bool {
    // SAFETY: the call compares two threads by their numbers, and touches no memory of ours.
    #[allow(unsafe_code)]
    let order = unsafe { libc::syscall(libc::SYS_kcmp, pid, tid, KCMP_FILES, 0, 0) };
    order == 0
}

/// The inode in `socket:[123]`.
fn inode_of(target: &str) -> Option<u64> {
    target.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// Between two looks without a cause.
const BETWEEN: Duration = Duration::from_secs(5);
/// From a `bind` that went on to the look for it: one look for many.
const SOON: Duration = Duration::from_millis(20);
/// Between two looks at somebody else's, who may have passed it on meanwhile.
const BETWEEN_STRANGERS: Duration = Duration::from_secs(30);
/// Looks in a row before somebody else's is taken to be that.
const EAGER_TIMES: u32 = 3;
/// Between the looks after a call that went on; at first most callers are about to leave it.
const FIRST_PAUSE: Duration = Duration::from_micros(30);
const LAST_PAUSE: Duration = Duration::from_millis(2);
/// What is found and not told yet.
const MOST_UNTOLD: usize = 16;
/// The messages of the kernel are read into memory of the heap.
const STACK: usize = 256 * 1024;
const EVERY_PORT: PortRange = PortRange { first: 1, last: u16::MAX };
/// `linux/kcmp.h`
const KCMP_FILES: i32 = 2;

#[cfg(test)]
mod tests {
    use super::{children_below, inode_of, threads_apart};

    #[test]
    fn inodes_of_sockets_alone() {
        assert_eq!(inode_of("socket:[4711]"), Some(4711));
        assert_eq!([inode_of("pipe:[4711]"), inode_of("socket:[]"), inode_of("/tmp/socket:[1]")], [None; 3]);
    }

    #[test]
    fn everything_below_a_process() {
        let mut child = std::process::Command::new("sh").args(["-c", "sleep 60 & wait"]).spawn().unwrap();
        let both = || {
            children_below(std::process::id()).is_none_or(|found| {
                found.contains(&child.id()) && children_below(child.id()).is_some_and(|below| below.len() == 1)
            })
        };
        while !both() {
            std::thread::yield_now();
        }
        for pid in children_below(child.id()).unwrap_or_default() {
            let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        }
        child.wait().unwrap();
        assert!(threads_apart(std::process::id()).is_empty(), "every thread here shares its descriptors");
    }
}
