//! One of the threads that wait for all connections at once.

use std::{
    io,
    net::TcpStream,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use rustix::{
    event::{
        Timespec,
        epoll::{self, CreateFlags, EventData, EventFlags},
    },
    fd::{AsFd, OwnedFd},
    io::Errno,
    net::{SocketFlags, accept_with, sockopt},
};

use super::{
    Open, Shared,
    connection::{Connection, Next},
};
use crate::linux::serve::{door::Doors, site::Recent};

/// One of the threads.
pub(super) struct Worker {
    shared: Arc<Shared>,
    index: usize,
    doors: Option<Arc<Doors>>,
    epoll: OwnedFd,
    /// Connections by their number, with how often the number was given.
    connections: Vec<(u32, Option<Connection>)>,
    free: Vec<u32>,
    recent: Recent,
    piece: Vec<u8>,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, index: usize, doors: Arc<Doors>) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        for (at, door) in doors.sockets.iter().enumerate() {
            // One of the workers is woken for a client, and not all of them.
            epoll::add(&epoll, door, EventData::new_u64(DOOR | at as u64), EventFlags::IN | EventFlags::EXCLUSIVE)?;
        }
        if let Some((bell, _)) = shared.workers.get(index) {
            epoll::add(&epoll, bell, EventData::new_u64(BELL), EventFlags::IN)?;
        }
        let (connections, free) = (Vec::new(), Vec::new());
        let piece = vec![0; PIECE];
        Ok(Self { shared, index, doors: Some(doors), epoll, connections, free, recent: Recent::default(), piece })
    }

    /// Serves until the server ends and nothing is in flight.
    pub(super) fn run(mut self) {
        let Ok(_rights) = Arc::clone(&self.shared).site.served.rights() else { return };
        let mut events = Vec::with_capacity(EVENTS);
        let mut swept = Instant::now();
        loop {
            events.clear();
            let wait = Timespec { tv_sec: 0, tv_nsec: if self.shared.is_stopping() { 20_000_000 } else { 500_000_000 } };
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&wait)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return,
            }
            let now = Instant::now();
            for event in &events {
                match event.data.u64() {
                    BELL => self.take_back(now),
                    door if door & DOOR != 0 => self.admit(usize::try_from(door & !DOOR).unwrap_or(0), now),
                    number => self.hear(number, event.flags, now),
                }
            }
            let is_stopping = self.shared.is_stopping();
            if is_stopping && let Some(doors) = self.doors.take() {
                for door in &doors.sockets {
                    let _ = epoll::delete(&self.epoll, door);
                }
            }
            if is_stopping || now.saturating_duration_since(swept) > SWEEP {
                swept = now;
                self.sweep(now);
                if is_stopping && self.connections.iter().all(|(_, connection)| connection.is_none()) {
                    return;
                }
            }
        }
    }

    /// Takes clients in.
    fn admit(&mut self, door: usize, now: Instant) {
        let Some(doors) = self.doors.clone() else { return };
        let Some(door) = doors.sockets.get(door) else { return };
        for _ in 0..KNOCKS {
            let client = match accept_with(door, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                Ok(client) => client,
                Err(Errno::INTR | Errno::CONNABORTED) => continue,
                // Without descriptors somebody has to go first.
                Err(Errno::MFILE | Errno::NFILE) if self.dismiss() => continue,
                Err(_) => return,
            };
            if !self.shared.may_open() && !self.dismiss() {
                continue;
            }
            let _ = sockopt::set_tcp_nodelay(&client, true);
            let (stream, counted) = (TcpStream::from(client), Open::new(&self.shared));
            if self.shared.tls.is_some() {
                self.shared.hand_over(self.index, stream, Vec::new(), counted);
            } else {
                self.keep(Connection::new(stream, counted, now));
            }
        }
    }

    /// Ends the connection that has been idle for the longest; false where none is.
    fn dismiss(&mut self) -> bool {
        let idle = self.connections.iter().enumerate().filter_map(|(at, (_, own))| Some((own.as_ref()?, at)));
        let oldest = idle.filter(|(own, _)| own.is_idle()).min_by_key(|(own, _)| own.since()).map(|(_, at)| at);
        oldest.is_some_and(|at| self.remove(at).is_some())
    }

    fn keep(&mut self, connection: Connection) {
        let at = if let Some(at) = self.free.pop() {
            at
        } else {
            let Ok(at) = u32::try_from(self.connections.len()) else { return };
            self.connections.push((0, None));
            at
        };
        let Some((given, slot)) = self.connections.get_mut(at as usize) else { return };
        *given = given.wrapping_add(1) & MOST_GIVEN;
        let data = EventData::new_u64(u64::from(*given) << 32 | u64::from(at));
        if epoll::add(&self.epoll, &connection.stream, data, EventFlags::IN | EventFlags::RDHUP).is_ok() {
            *slot = Some(connection);
        } else {
            self.free.push(at);
        }
    }

    fn remove(&mut self, at: usize) -> Option<Connection> {
        let connection = self.connections.get_mut(at)?.1.take()?;
        let _ = epoll::delete(&self.epoll, connection.stream.as_fd());
        self.free.extend(u32::try_from(at).ok());
        Some(connection)
    }

    /// Goes on with a connection on which something happened.
    fn hear(&mut self, number: u64, flags: EventFlags, now: Instant) {
        let Ok(at) = usize::try_from(number & u64::from(u32::MAX)) else { return };
        let given = number >> 32;
        let Some((own, Some(connection))) = self.connections.get_mut(at) else { return };
        if u64::from(*own) != given {
            return;
        }
        let had_room = flags.contains(EventFlags::OUT);
        let mut next = if had_room { connection.send(now) } else { Next::Wait { room: false } };
        if flags.intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR)
            && matches!(next, Next::Wait { room: false })
        {
            next = connection.read(&self.shared, &mut self.recent, &mut self.piece, now);
        }
        if had_room && matches!(next, Next::Wait { room: false }) && connection.has_more() {
            next = connection.answer(&self.shared, &mut self.recent, now);
        }
        self.go_on(at, &next, had_room);
    }

    fn go_on(&mut self, at: usize, next: &Next, had_room: bool) {
        match *next {
            Next::Wait { room } if room != had_room => {
                let Some((given, Some(connection))) = self.connections.get(at) else { return };
                let data = EventData::new_u64(u64::from(*given) << 32 | at as u64);
                // While there is no room nothing more is read.
                let flags = if room { EventFlags::OUT } else { EventFlags::IN | EventFlags::RDHUP };
                let _ = epoll::modify(&self.epoll, &connection.stream, data, flags);
            }
            Next::Wait { .. } => {}
            Next::Hand => {
                if let Some(connection) = self.remove(at) {
                    let (stream, buffer, counted) = connection.into_parts();
                    self.shared.hand_over(self.index, stream, buffer, counted);
                }
            }
            Next::Close => drop(self.remove(at)),
        }
    }

    /// Takes back what threads are done with.
    fn take_back(&mut self, now: Instant) {
        let shared = Arc::clone(&self.shared);
        let Some((bell, inbox)) = shared.workers.get(self.index) else { return };
        let _ = rustix::io::read(bell, &mut [0; 8]);
        let back = std::mem::take(&mut *inbox.lock().unwrap_or_else(PoisonError::into_inner));
        for stream in back {
            if stream.set_nonblocking(true).is_ok() {
                let counted = Open::new(&self.shared);
                self.keep(Connection::new(stream, counted, now));
            }
        }
    }

    /// Looks after those on which nothing happens.
    fn sweep(&mut self, now: Instant) {
        self.recent.sweep();
        for at in 0..self.connections.len() {
            let Some((_, Some(connection))) = self.connections.get_mut(at) else { continue };
            match connection.waited(&self.shared, now) {
                Next::Wait { .. } => {}
                next @ (Next::Hand | Next::Close) => self.go_on(at, &next, false),
            }
        }
    }
}

/// Marks the events of listeners; which one stands in the lowest bits.
const DOOR: u64 = 1 << 63;
/// Marks the event of the bell.
const BELL: u64 = u64::MAX;
/// As often as a number is told apart.
const MOST_GIVEN: u32 = 0x3fff_ffff;
/// Events taken at once.
const EVENTS: usize = 256;
/// Clients taken in at once.
const KNOCKS: usize = 64;
/// Bytes read at once.
const PIECE: usize = 16 * 1024;
/// Between two looks at all connections.
const SWEEP: Duration = Duration::from_secs(1);
