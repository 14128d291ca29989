//! Datagrams that are passed on: one socket for each client, so that answers find their way back, until nothing was sent for a while.
//!
//! What a destination has no room for is lost, as on any network. A client whose server refuses is passed on to the next place of the
//! server, with its last datagram, while none has answered.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rustc_hash::FxHashMap;
use rustix::{
    event::epoll,
    fd::OwnedFd,
    io::Errno,
    net::{AddressFamily, RecvFlags, SendFlags, SocketAddrAny, SocketAddrUnix, bind, connect, recv, recvfrom, send, sendto},
};

use super::{Admission, Door, PassEnd};
use crate::{
    Kind, Place,
    linux::{
        flows::{HowEnded, raised_limit},
        spot::{Maker, address, family, place},
    },
};

/// Clients, each with its socket.
pub(super) struct Datagrams {
    maker: Maker,
    idle: Duration,
    most: usize,
    /// By the listener and the address that it sends from; one that has none cannot be answered.
    numbers: FxHashMap<(usize, Option<Place>), u64>,
    clients: FxHashMap<u64, Client>,
    next: u64,
    /// When it was looked last who is to be forgotten.
    looked: Instant,
    came: Vec<(u64, Option<Place>)>,
    ended: Vec<(u64, u64, u64, PassEnd)>,
    /// Users who were turned away already: each is told of once.
    refused: Vec<Option<u32>>,
    buffer: Vec<u8>,
}

struct Client {
    door: usize,
    place: Option<Place>,
    /// Where answers go.
    back: Option<SocketAddrAny>,
    server: OwnedFd,
    targets: Arc<[Place]>,
    /// Which of the targets comes next, where this one refuses.
    next: usize,
    /// The last datagram, while nobody has answered.
    unanswered: Option<Vec<u8>>,
    last: Instant,
    sent: u64,
    received: u64,
}

impl Datagrams {
    pub(super) fn new(maker: Maker, idle: Duration) -> Self {
        let most = raised_limit().map_or(MOST, |limit| usize::try_from(limit.saturating_sub(64)).unwrap_or(MOST).clamp(1, MOST));
        Self {
            maker,
            idle,
            most,
            numbers: FxHashMap::default(),
            clients: FxHashMap::default(),
            next: 0,
            looked: Instant::now(),
            came: Vec::new(),
            ended: Vec::new(),
            refused: Vec::new(),
            buffer: vec![0; LONGEST],
        }
    }

    /// Clients that came since somebody asked last.
    pub(super) fn came(&mut self) -> Vec<(u64, Option<Place>)> {
        std::mem::take(&mut self.came)
    }

    /// Clients that were forgotten since.
    pub(super) fn ended(&mut self) -> Vec<(u64, u64, u64, PassEnd)> {
        std::mem::take(&mut self.ended)
    }

    /// Between two looks at who is to be forgotten, so that nobody stays a quarter longer than is said.
    fn pace(&self) -> Duration {
        self.idle / 4
    }

    /// When there may be somebody to forget.
    pub(super) fn due(&self, now: Instant) -> Option<Duration> {
        (!self.clients.is_empty()).then(|| self.looked + self.pace()).map(|next| next.saturating_duration_since(now))
    }

    /// Forgets clients for whom nothing was sent for long.
    pub(super) fn forget(&mut self, now: Instant) {
        if now.saturating_duration_since(self.looked) < self.pace() {
            return;
        }
        self.looked = now;
        let idle = |client: &Client| now.saturating_duration_since(client.last) >= self.idle;
        let over: Vec<u64> = self.clients.iter().filter(|(_, client)| idle(client)).map(|(number, _)| *number).collect();
        for number in over {
            self.end(number, PassEnd::Idle);
        }
    }

    pub(super) fn cut_all(&mut self) {
        for number in self.clients.keys().copied().collect::<Vec<_>>() {
            self.end(number, PassEnd::Connection(HowEnded::Cut));
        }
    }

    fn end(&mut self, number: u64, how: PassEnd) {
        if let Some(client) = self.clients.remove(&number) {
            self.numbers.remove(&(client.door, client.place));
            self.ended.push((number, client.sent, client.received, how));
        }
    }

    /// Passes on what has come to a listener, and gives who was turned away. `only_known` takes in no other client.
    pub(super) fn received(
        &mut self,
        (at, door): (usize, &Door),
        mut admission: Option<&mut Admission>,
        only_known: bool,
        epoll: &OwnedFd,
    ) -> Vec<(Option<u32>, Option<Place>)> {
        let mut turned_away = Vec::new();
        for _ in 0..SHARE {
            let mut buffer = std::mem::take(&mut self.buffer);
            let read = recvfrom(&door.listener, &mut buffer[..], RecvFlags::TRUNC);
            self.buffer = buffer;
            let (length, from) = match read {
                // One that is longer than any that is passed on is lost.
                Ok((length, whole, _)) if whole > length => continue,
                Ok((length, _, from)) => (length, from),
                // An answer that could not be delivered is told at the next call.
                Err(Errno::INTR | Errno::CONNREFUSED | Errno::HOSTUNREACH) => continue,
                Err(_) => break,
            };
            let client = from.clone().and_then(place);
            let key = (at, client.clone());
            let number = match self.numbers.get(&key).copied() {
                Some(number) => number,
                None if only_known && !self.numbers.is_empty() => continue,
                None => {
                    if let (Some(admission), Some(Place::Inet(address))) = (admission.as_mut(), &client)
                        && let Err(uid) = admission.admits_sender(*address)
                    {
                        if !self.refused.contains(&uid) {
                            self.refused.push(uid);
                            turned_away.push((uid, client));
                        }
                        continue;
                    }
                    self.begin((at, door), client, from, epoll)
                }
            };
            self.send(number, length, epoll);
        }
        turned_away
    }

    /// Takes in a client.
    fn begin(&mut self, (at, door): (usize, &Door), client: Option<Place>, from: Option<SocketAddrAny>, epoll: &OwnedFd) -> u64 {
        if self.clients.len() >= self.most
            && let Some(oldest) = self.clients.iter().min_by_key(|(_, client)| client.last).map(|(number, _)| *number)
        {
            self.end(oldest, PassEnd::Crowded);
        }
        let number = self.next;
        self.next += 1;
        self.came.push((number, client.clone()));
        let mut next = 0;
        match dial(&door.targets, &mut next, &mut self.maker, epoll, number) {
            Ok(server) => {
                let back = client.as_ref().and(from);
                self.numbers.insert((at, client.clone()), number);
                let now = Instant::now();
                let targets = Arc::clone(&door.targets);
                let (sent, received, unanswered) = (0, 0, None);
                self.clients.insert(
                    number,
                    Client { door: at, place: client, back, server, targets, next, unanswered, last: now, sent, received },
                );
            }
            Err(error) => self.ended.push((number, 0, 0, PassEnd::Connection(error.into()))),
        }
        number
    }

    /// Sends what was read last.
    fn send(&mut self, number: u64, length: usize, epoll: &OwnedFd) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        let bytes = self.buffer.get(..length).unwrap_or_default();
        client.last = Instant::now();
        if client.received == 0 {
            client.unanswered = Some(bytes.to_vec());
        }
        match send(&client.server, bytes, SendFlags::NOSIGNAL) {
            Ok(_) => client.sent += length as u64,
            // No room: it is lost.
            Err(Errno::AGAIN | Errno::NOBUFS | Errno::INTR | Errno::MSGSIZE) => {}
            Err(error) => self.refused(number, error, epoll),
        }
    }

    /// The server refuses: the next place of it is tried, while it has not answered at this one.
    fn refused(&mut self, number: u64, error: Errno, epoll: &OwnedFd) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        let mut last = error;
        while client.received == 0 && client.next < client.targets.len() {
            match dial(&client.targets, &mut client.next, &mut self.maker, epoll, number) {
                Ok(server) => client.server = server,
                Err(error) => {
                    last = error;
                    break;
                }
            }
            let again = client.unanswered.as_deref().unwrap_or_default();
            match send(&client.server, again, SendFlags::NOSIGNAL) {
                Ok(_) => return,
                Err(error) => last = error,
            }
        }
        self.end(number, PassEnd::Connection(last.into()));
    }

    /// Passes on what a server has answered.
    pub(super) fn answered(&mut self, number: u64, doors: &[Door], epoll: &OwnedFd) {
        for _ in 0..SHARE {
            let Some(client) = self.clients.get_mut(&number) else { return };
            match recv(&client.server, &mut self.buffer[..], RecvFlags::TRUNC) {
                Ok((length, whole)) if whole > length => {}
                Ok((length, _)) => {
                    client.last = Instant::now();
                    client.unanswered = None;
                    let bytes = self.buffer.get(..length).unwrap_or_default();
                    if let (Some(door), Some(back)) = (doors.get(client.door), &client.back)
                        && sendto(&door.listener, bytes, SendFlags::NOSIGNAL, back).is_ok()
                    {
                        client.received += length as u64;
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(error) => return self.refused(number, error, epoll),
            }
        }
    }
}

/// A socket that sends to the next place that can be sent to.
fn dial(targets: &[Place], next: &mut usize, maker: &mut Maker, epoll: &OwnedFd, number: u64) -> Result<OwnedFd, Errno> {
    let mut last = Errno::ADDRNOTAVAIL;
    while let Some(target) = targets.get(*next) {
        *next += 1;
        let mut made = || -> Result<OwnedFd, Errno> {
            let socket = maker(family(target), Kind::Datagrams.of_socket())?;
            if family(target) == AddressFamily::UNIX {
                // The kernel chooses a name, without which nobody could answer (`unix(7)`, autobind).
                bind(&socket, &SocketAddrUnix::new_unnamed())?;
            }
            connect(&socket, &address(target)?)?;
            epoll::add(epoll, &socket, epoll::EventData::new_u64(number), epoll::EventFlags::IN)?;
            Ok(socket)
        };
        match made() {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Clients that are remembered at once.
const MOST: usize = 16 * 1024;
/// Datagrams that are passed on before others have their turn.
const SHARE: usize = 64;
/// Bytes of the longest datagram: of UDP 65,507, of a Unix socket what `net.core.wmem_max` allows.
const LONGEST: usize = 1 << 20;
