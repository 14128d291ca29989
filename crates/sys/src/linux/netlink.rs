//! Questions to the kernel over netlink, in this namespace and in others.

use std::{io, mem::MaybeUninit, thread};

use portward_model::{Family, Gap, Lack, Namespace, Need, Socket, Transport};
use portward_wire::{
    netlink::{InetAsk, PortFilter, Progress, StateSet, inet_request, read_sockets, unix_request},
    procfs,
};
use rustix::{
    fd::OwnedFd,
    net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink as nl, recv, sendto, socket_with},
};

use super::{kernel, namespaces, probe};
use crate::{Ask, SysError};

/// Sockets of each namespace, in turn; other namespaces are entered by a thread of their own, so that this
/// one never leaves its own.
pub(super) fn sockets(ask: &Ask, namespaces: &[Namespace], each: &mut dyn FnMut(Socket)) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for (namespace, netns) in namespaces.iter().zip(0u16..) {
        if namespace.own {
            dump(ask, netns, each, &mut gaps);
            continue;
        }
        let mut found = Vec::new();
        let entered = thread::scope(|scope| {
            let visitor = scope.spawn(|| {
                namespaces::enter(namespace)?;
                let mut gaps = Vec::new();
                dump(ask, netns, &mut |socket| found.push(socket), &mut gaps);
                Ok(gaps)
            });
            visitor.join().unwrap_or_else(|_| Err(enter_failed(namespace)))
        });
        match entered {
            Ok(inner) => gaps.extend(inner),
            Err(error) => gaps.push(error.gap(Lack::SocketsOf { netns: namespace.inode })),
        }
        found.into_iter().for_each(&mut *each);
    }
    gaps
}

fn enter_failed(namespace: &Namespace) -> SysError {
    SysError::Enter { inode: namespace.inode, source: io::ErrorKind::Other.into() }
}

fn dump(ask: &Ask, netns: u16, each: &mut dyn FnMut(Socket), gaps: &mut Vec<Gap>) {
    let mut connection = match Connection::open() {
        Ok(connection) => connection,
        Err(error) => {
            from_tables(ask, netns, each, gaps, &error);
            return;
        }
    };
    let free = matches!(ask.ports, Some(PortFilter::Held(port)) if ask.transports.tcp && probe::is_free(port));
    let request = |transport, family| {
        let states = if free && transport == Transport::Tcp { StateSet::Listening } else { ask.states };
        inet_request(&InetAsk { transport, family, states, ports: ask.ports, traffic: ask.traffic })
    };
    let each_family = [Some(Family::Ipv4), Some(Family::Ipv6)];
    let tcp = ask.transports.tcp.then_some(Transport::Tcp);
    for transport in tcp.into_iter().chain(ask.transports.udp.then_some(Transport::Udp)) {
        let mut families = &each_family[..];
        if transport == Transport::Tcp {
            match connection.dump(&request(transport, None), "socket", transport, netns, each) {
                // A kernel that no longer knows the older request is asked for each family.
                Err(_) => {}
                answered => {
                    note(answered, transport, gaps);
                    families = &[];
                }
            }
        }
        for family in families {
            note(connection.dump(&request(transport, *family), "socket", transport, netns, each), transport, gaps);
        }
    }
    if ask.transports.unix {
        note(connection.dump(&unix_request(ask.states), "Unix socket", Transport::Unix, netns, each), Transport::Unix, gaps);
    }
}

fn note(dumped: Result<bool, SysError>, transport: Transport, gaps: &mut Vec<Gap>) {
    let error = match dumped {
        Ok(false) => return,
        Ok(true) => None,
        Err(error) => Some(error.to_string()),
    };
    gaps.push(Gap { lack: Lack::Dump { transport }, need: Need::Command("ask again".into()), error });
}

/// Where netlink itself is refused (a sandbox), the tables of `/proc/net` remain.
fn from_tables(ask: &Ask, netns: u16, each: &mut dyn FnMut(Socket), gaps: &mut Vec<Gap>, why: &SysError) {
    let tables = [("tcp", Transport::Tcp, ask.transports.tcp), ("tcp6", Transport::Tcp, ask.transports.tcp)]
        .into_iter()
        .chain([("udp", Transport::Udp, ask.transports.udp), ("udp6", Transport::Udp, ask.transports.udp)]);
    for (file, transport, wanted) in tables {
        // A kernel without IPv6 has no tcp6.
        let Ok(bytes) = kernel::file(&format!("/proc/thread-self/net/{file}")) else { continue };
        if !wanted {
            continue;
        }
        for socket in procfs::read_table(&bytes, transport, netns) {
            let fits = match ask.states {
                StateSet::Listening | StateSet::Serving => socket.state.serves(),
                StateSet::Connected => !socket.state.serves(),
                StateSet::BoundOrConnected => socket.state != portward_model::SocketState::Listen,
                StateSet::All => true,
            };
            if fits {
                each(socket);
            }
        }
    }
    gaps.push(Gap {
        lack: Lack::SocketDetails,
        need: Need::Setting("netlink sockets allowed in this sandbox".to_owned()),
        error: Some(why.to_string()),
    });
}

/// One netlink socket and its buffer.
pub(super) struct Connection {
    pub(super) socket: OwnedFd,
    buffer: Box<[MaybeUninit<u8>]>,
}

impl Connection {
    /// To the socket monitor (`sock_diag(7)`).
    pub(super) fn open() -> Result<Self, SysError> {
        Self::to(Some(nl::SOCK_DIAG), "socket")
    }

    /// To one netlink family.
    pub(super) fn to(family: Option<rustix::net::Protocol>, what: &'static str) -> Result<Self, SysError> {
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, family);
        let socket = socket.map_err(|source| SysError::Netlink { what, source: source.into() })?;
        Ok(Self { socket, buffer: Box::new_uninit_slice(CHUNK) })
    }

    /// Sends one request and hands every socket of the answer to `each`; true when the kernel says the dump is torn.
    fn dump(
        &mut self,
        request: &[u8],
        what: &'static str,
        transport: Transport,
        netns: u16,
        each: &mut dyn FnMut(Socket),
    ) -> Result<bool, SysError> {
        let mut torn_dump = false;
        self.ask(request, what, &mut |chunk| {
            let progress = read_sockets(chunk, transport, netns, &mut |socket| each(socket));
            match progress {
                Ok(Progress::Done { torn }) => {
                    torn_dump = torn;
                    Ok(false)
                }
                Ok(Progress::More) => Ok(true),
                Ok(Progress::Refused(ENOENT)) => Ok(false),
                Ok(Progress::Refused(code)) => Err(io::Error::from_raw_os_error(code)),
                Err(error) => Err(io::Error::other(error)),
            }
        })?;
        Ok(torn_dump)
    }

    /// Sends one request and hands chunks of the answer to `each` until it says that was the last.
    pub(super) fn ask(
        &mut self,
        request: &[u8],
        what: &'static str,
        each: &mut dyn FnMut(&[u8]) -> io::Result<bool>,
    ) -> Result<(), SysError> {
        let failed = |source: io::Error| SysError::Netlink { what, source };
        let kernel = nl::SocketAddrNetlink::new(0, 0);
        sendto(&self.socket, request, SendFlags::empty(), &kernel).map_err(|error| failed(error.into()))?;
        loop {
            let received = recv(&self.socket, &mut *self.buffer, RecvFlags::empty());
            match received {
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(failed(error.into())),
                Ok(((chunk, _), _)) => {
                    if chunk.is_empty() || !each(chunk).map_err(failed)? {
                        return Ok(());
                    }
                }
            }
        }
    }
}

/// The kernel fills at most 32 KiB per answer (`NLMSG_GOODSIZE` doubled by `netlink_dump`).
const CHUNK: usize = 32 * 1024;
/// A kernel without a handler for the family asked about.
const ENOENT: i32 = 2;
