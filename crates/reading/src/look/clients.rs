//! How many clients each listener has.

use portward_model::{Socket, SocketState, Traffic, Transport};
use rustc_hash::FxHashMap;

/// Counts the connections among these sockets for the listeners among them.
pub(super) fn count(sockets: &[Socket]) -> Vec<Clients> {
    let mut counter = Counter::new(sockets);
    for socket in sockets {
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

/// Counts connections as they come, without keeping them.
pub(super) struct Counter {
    listeners: FxHashMap<(u16, u16), Vec<(usize, Socket)>>,
    unix: FxHashMap<Box<[u8]>, usize>,
    /// One entry per socket that the counter was made with.
    pub(super) counts: Vec<Clients>,
}

impl Counter {
    /// A counter for the listeners among these sockets.
    pub(super) fn new(sockets: &[Socket]) -> Self {
        let mut listeners: FxHashMap<(u16, u16), Vec<(usize, Socket)>> = FxHashMap::default();
        let mut unix = FxHashMap::default();
        for (at, socket) in sockets.iter().enumerate() {
            match (socket.state, socket.port(), socket.path()) {
                (SocketState::Listen, Some(port), _) => {
                    listeners.entry((socket.netns, port)).or_default().push((at, socket.clone()));
                }
                (SocketState::Listen, None, Some(path)) => {
                    unix.insert(path.raw().into(), at);
                }
                _ => {}
            }
        }
        Self { listeners, unix, counts: vec![Clients::default(); sockets.len()] }
    }

    /// An accepted connection keeps its listener's local port; the listener with the exact address has it
    /// before a wildcard one, as the kernel chooses.
    pub(super) fn add(&mut self, socket: &Socket) {
        use SocketState::{CloseWait, Established, FinWait1, FinWait2};
        if !matches!(socket.state, Established | CloseWait | FinWait1 | FinWait2) {
            return;
        }
        let at = match (socket.port(), socket.address()) {
            (Some(port), Some(address)) if socket.transport == Transport::Tcp => {
                let Some(candidates) = self.listeners.get(&(socket.netns, port)) else { return };
                let fitting = || candidates.iter().filter(|(_, listener)| listener.takes(address));
                fitting().find(|(_, listener)| !listener.is_wildcard()).or_else(|| fitting().next()).map(|(at, _)| *at)
            }
            // An accepted Unix connection keeps its listener's path.
            _ => socket.path().and_then(|path| self.unix.get(path.raw())).copied(),
        };
        if let Some(count) = at.and_then(|at| self.counts.get_mut(at)) {
            count.number += 1;
            if let Some(flow) = socket.traffic.as_deref() {
                let sum = count.traffic.get_or_insert_default();
                sum.bytes_in = sum.bytes_in.saturating_add(flow.bytes_in);
                sum.bytes_out = sum.bytes_out.saturating_add(flow.bytes_out);
            }
        }
    }
}
