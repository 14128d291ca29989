//! The process of one side: it listens on the ports that have a door there, gives what it accepts to the other side, and passes
//! on what the other side gives it.

use std::{
    collections::VecDeque,
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
};

use portward_model::Transport;
use portward_proxy::Flows;
use portward_sys::{LO, Lookup};
use rustc_hash::FxHashMap;
use rustix::{
    event::{Timespec, epoll},
    fd::{AsFd, AsRawFd, OwnedFd, RawFd},
    io::Errno,
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
        SendFlags, SocketFlags, SocketType, accept_with, bind, listen, recv, recvmsg, send, sendmsg, socket_with, sockopt,
    },
};

use super::{Order, both, order};
use crate::linux::sockets;

/// Keeps the doors of this side until the supervisor has gone.
pub(super) fn keep(orders: &OwnedFd, peer: OwnedFd) -> io::Result<()> {
    // It ends with the supervisor, whose thread started it.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    if let Ok(name) = std::ffi::CString::new(crate::DOORS) {
        let _ = rustix::thread::set_name(&name);
    }
    close_all_but(&[orders.as_raw_fd(), peer.as_raw_fd()])?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, orders, epoll::EventData::new_u64(ORDERS), epoll::EventFlags::IN)?;
    epoll::add(&epoll, &peer, epoll::EventData::new_u64(PEER), epoll::EventFlags::IN)?;
    let mut keeper = Keeper {
        epoll,
        peer,
        doors: FxHashMap::default(),
        waiting: VecDeque::new(),
        is_stuck: false,
        lookup: Lookup::open()?,
        flows: Flows::default(),
    };
    let mut events = Vec::with_capacity(EVENTS);
    loop {
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let patience = keeper.flows.is_busy().then_some(&at_once);
        match epoll::wait(&keeper.epoll, rustix::buffer::spare_capacity(&mut events), patience) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in events.drain(..) {
            match event.data.u64() {
                ORDERS => {
                    if !keeper.obey(orders) {
                        return Ok(());
                    }
                }
                PEER => {
                    keeper.take();
                    keeper.hand_over();
                }
                data if data & DOOR != 0 => keeper.admit(u16::try_from(data & 0xFFFF).unwrap_or(0)),
                data => keeper.flows.happened(data, event.flags, &keeper.epoll),
            }
        }
        keeper.flows.go_on(&keeper.epoll);
    }
}

struct Keeper {
    epoll: OwnedFd,
    peer: OwnedFd,
    /// Listeners by port, with the target on the other side.
    doors: FxHashMap<u16, (Vec<OwnedFd>, u16)>,
    /// Clients for whom the channel to the other side had no room, each with its target. Nobody is taken in meanwhile.
    waiting: VecDeque<(OwnedFd, u16)>,
    is_stuck: bool,
    lookup: Lookup,
    flows: Flows,
}

impl Keeper {
    /// Carries out an order; false when nobody is there to give any.
    fn obey(&mut self, orders: &OwnedFd) -> bool {
        let mut message = [0; 8];
        let Ok((length @ 1.., _)) = recv(orders, &mut message[..], RecvFlags::empty()) else { return false };
        let Some((order, port, target)) = order(message.get(..length).unwrap_or_default()) else { return true };
        let done = match order {
            Order::Open => self.open(port, target).is_ok(),
            Order::Close => {
                self.doors.remove(&port);
                true
            }
            Order::Serves => {
                !self.doors.contains_key(&port)
                    && both(port).into_iter().any(|at| self.lookup.server(Transport::Tcp, at, LO).is_some())
            }
        };
        send(orders, &[message[1], u8::from(done)], SendFlags::NOSIGNAL).is_ok()
    }

    fn open(&mut self, port: u16, target: u16) -> io::Result<()> {
        if let Some((_, known)) = self.doors.get_mut(&port) {
            *known = target;
            return Ok(());
        }
        let mut listeners = Vec::with_capacity(2);
        for at in both(port) {
            let family = if at.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let listener = match socket_with(family, SocketType::STREAM, flags, None) {
                Err(Errno::AFNOSUPPORT) if at.is_ipv6() => continue,
                other => other?,
            };
            sockopt::set_socket_reuseaddr(&listener, true)?;
            match bind(&listener, &at) {
                Err(Errno::ADDRNOTAVAIL) if at.is_ipv6() => continue,
                other => other?,
            }
            sockets::pin(&listener).map_err(io::Error::from_raw_os_error)?;
            listen(&listener, BACKLOG)?;
            epoll::add(&self.epoll, &listener, epoll::EventData::new_u64(DOOR | u64::from(port)), self.welcome())?;
            listeners.push(listener);
        }
        self.doors.insert(port, (listeners, target));
        Ok(())
    }

    /// Takes in who knocks, for the other side. What is left waits for the next round.
    fn admit(&mut self, port: u16) {
        let Some((listeners, target)) = self.doors.get(&port).filter(|_| self.waiting.is_empty()) else { return };
        for listener in listeners {
            for _ in 0..KNOCKS {
                match accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                    Ok(client) => self.waiting.push_back((client, *target)),
                    Err(Errno::INTR | Errno::CONNABORTED) => {}
                    Err(_) => break,
                }
            }
        }
        if !self.waiting.is_empty() {
            self.hand_over();
        }
    }

    /// Gives clients to the other side as long as the channel has room. Both sides may be at it at once: one that waited for
    /// the other would wait for ever.
    fn hand_over(&mut self) {
        let was_stuck = self.is_stuck;
        self.is_stuck = false;
        while let Some((client, target)) = self.waiting.pop_front() {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            let descriptors = [client.as_fd()];
            if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
                continue;
            }
            let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
            // A client that cannot be handed on is closed, and knows.
            if sendmsg(&self.peer, &[IoSlice::new(&target.to_ne_bytes())], &mut ancillary, flags) == Err(Errno::AGAIN) {
                self.waiting.push_front((client, target));
                self.is_stuck = true;
                break;
            }
        }
        if self.is_stuck != was_stuck {
            self.turn_to();
        }
    }

    /// Waits for room in the channel, or for clients.
    fn turn_to(&self) {
        let room = if self.is_stuck { epoll::EventFlags::IN | epoll::EventFlags::OUT } else { epoll::EventFlags::IN };
        let _ = epoll::modify(&self.epoll, &self.peer, epoll::EventData::new_u64(PEER), room);
        for (port, (listeners, _)) in &self.doors {
            let data = epoll::EventData::new_u64(DOOR | u64::from(*port));
            for listener in listeners {
                let _ = epoll::modify(&self.epoll, listener, data, self.welcome());
            }
        }
    }

    /// What is waited for at a door: nothing while there is no room for clients.
    fn welcome(&self) -> epoll::EventFlags {
        if self.is_stuck { epoll::EventFlags::empty() } else { epoll::EventFlags::IN }
    }

    /// Takes a client from the other side, and dials for it here.
    fn take(&mut self) {
        let mut bytes = [0; 2];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let Ok(message) = recvmsg(&self.peer, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, flags) else { return };
        if message.bytes == 0 {
            // The other side has gone, and would be heard of for ever.
            let _ = epoll::delete(&self.epoll, &self.peer);
            return;
        }
        let clients = ancillary.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        let port = u16::from_ne_bytes(bytes);
        for client in clients.collect::<Vec<_>>() {
            self.flows.begin(client, both(port).to_vec(), &self.epoll);
        }
    }
}

/// Closes what this copy of the supervisor has and does not need: its ends of channels that somebody waits for the end of.
fn close_all_but(kept: &[RawFd]) -> io::Result<()> {
    let numbers: Vec<RawFd> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|number| *number > 2 && !kept.contains(number))
        .collect();
    for number in numbers {
        // SAFETY: this copy never goes back to what had the descriptor: it ends with `_exit`.
        #[allow(unsafe_code)]
        unsafe {
            libc::close(number);
        }
    }
    Ok(())
}

/// Connections that wait to be handed on.
const BACKLOG: i32 = 1024;
/// Clients taken in at once at one listener.
const KNOCKS: usize = 128;
/// Events taken at once.
const EVENTS: usize = 256;
/// Marks the events of doors; the port stands in the lowest bits. Flows are numbered from 0 and never get there.
const DOOR: u64 = 1 << 63;
/// The event of the channel to the supervisor.
const ORDERS: u64 = u64::MAX;
/// The event of the channel to the other side.
const PEER: u64 = u64::MAX - 1;

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, net::TcpStream};

    use portward_sys::Lookup;
    use rustc_hash::FxHashMap;
    use rustix::{
        event::epoll,
        net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socketpair, sockopt},
    };

    use super::{Flows, Keeper};

    #[test]
    fn clients_wait_until_the_other_side_has_room_for_them() {
        let (peer, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        sockopt::set_socket_send_buffer_size(&peer, 4096).unwrap();
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        let (doors, lookup, flows) = (FxHashMap::default(), Lookup::open().unwrap(), Flows::default());
        let mut keeper = Keeper { epoll, peer, doors, waiting: VecDeque::new(), is_stuck: false, lookup, flows };
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        keeper.open(port, 3000).unwrap();
        let clients: Vec<TcpStream> = (0..40).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
        // It comes back although nobody reads at the other end.
        keeper.admit(port);
        assert!(keeper.is_stuck && keeper.welcome().is_empty());
        let waiting = keeper.waiting.len();
        keeper.admit(port);
        assert_eq!(keeper.waiting.len(), waiting, "nobody else is taken in");
        let mut handed = 0;
        while handed < clients.len() {
            assert_eq!(recv(&other, &mut [0; 2][..], RecvFlags::DONTWAIT).unwrap().0, 2);
            handed += 1;
            keeper.hand_over();
        }
        assert!(!keeper.is_stuck && keeper.waiting.is_empty());
    }
}
