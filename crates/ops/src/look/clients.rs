//! How many clients each listener has.

use portward_model::{Snapshot, Socket, SocketState, Traffic, Transport};
use portward_sys::{Ask, Host, StateSet, SysError, Transports};
use rustc_hash::FxHashMap;

use super::Look;

/// Counts by asking for the connections, without keeping them.
pub(super) fn ask(host: &dyn Host, look: &Look, snapshot: &Snapshot) -> Result<Vec<Clients>, SysError> {
    let mut counter = Counter::new(snapshot);
    let transports = Transports { tcp: look.transports.tcp, udp: false, unix: false };
    let ask = Ask { transports, states: StateSet::Connected, ports: look.ports, counters: look.traffic };
    host.sockets(&ask, &snapshot.namespaces, &mut |socket| counter.add(&socket))?;
    Ok(counter.counts)
}

/// Counts the connections that the snapshot holds.
pub(super) fn count(snapshot: &Snapshot) -> Vec<Clients> {
    let mut counter = Counter::new(snapshot);
    for socket in &snapshot.sockets {
        counter.add(socket);
    }
    counter.counts
}

/// The clients of one listener.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clients {
    pub(super) number: u32,
    /// What flowed through their connections, where it was asked for.
    pub(super) traffic: Option<Traffic>,
}

struct Counter<'a> {
    sockets: &'a [Socket],
    listeners: FxHashMap<(u16, u16), Vec<u32>>,
    unix: FxHashMap<&'a [u8], u32>,
    counts: Vec<Clients>,
}

impl<'a> Counter<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let mut listeners: FxHashMap<(u16, u16), Vec<u32>> = FxHashMap::default();
        let mut unix = FxHashMap::default();
        for (socket, at) in snapshot.sockets.iter().zip(0u32..) {
            match (socket.state, socket.port(), socket.path()) {
                (SocketState::Listen, Some(port), _) => listeners.entry((socket.netns, port)).or_default().push(at),
                (SocketState::Listen, None, Some(path)) => {
                    unix.insert(path.raw(), at);
                }
                _ => {}
            }
        }
        Self { sockets: &snapshot.sockets, listeners, unix, counts: vec![Clients::default(); snapshot.sockets.len()] }
    }

    /// An accepted connection keeps its listener's local port; the listener with the exact address has it
    /// before a wildcard one, as the kernel chooses.
    fn add(&mut self, socket: &Socket) {
        if !matches!(
            socket.state,
            SocketState::Established | SocketState::CloseWait | SocketState::FinWait1 | SocketState::FinWait2
        ) {
            return;
        }
        let at = match (socket.port(), socket.address()) {
            (Some(port), Some(address)) if socket.transport == Transport::Tcp => {
                let Some(candidates) = self.listeners.get(&(socket.netns, port)) else { return };
                let takes = |at: &&u32| self.sockets.get(**at as usize).is_some_and(|listener| listener.takes(address));
                let exact = |at: &&u32| self.sockets.get(**at as usize).is_some_and(|listener| !listener.is_wildcard());
                let fitting = || candidates.iter().filter(takes);
                fitting().find(exact).or_else(|| fitting().next()).copied()
            }
            // An accepted Unix connection keeps its listener's path.
            _ => socket.path().and_then(|path| self.unix.get(path.raw())).copied(),
        };
        if let Some(count) = at.and_then(|at| self.counts.get_mut(at as usize)) {
            count.number += 1;
            if let Some(flow) = socket.traffic.as_deref() {
                let sum = count.traffic.get_or_insert_default();
                sum.bytes_in = sum.bytes_in.saturating_add(flow.bytes_in);
                sum.bytes_out = sum.bytes_out.saturating_add(flow.bytes_out);
            }
        }
    }
}
