//! The endpoints of a run that were told: a program that listens at one again and again, or starts anew, is told once.

use std::{net::SocketAddr, time::Instant};

use portward_model::Transport;
use portward_sys::{LO, Lookup};
use rustc_hash::FxHashMap;

/// What is told: the transport, what was asked for, and where it stands.
pub(crate) type Endpoint = (Transport, Option<SocketAddr>, SocketAddr);

/// Every endpoint that was told.
#[derive(Default)]
pub(crate) struct Endpoints {
    known: FxHashMap<Endpoint, Known>,
    lookup: Option<Lookup>,
}

/// What is known of one.
struct Known {
    pid: u32,
    /// Since when nothing has served there, as far as was looked.
    closed: Option<Instant>,
}

/// What a listener is, of whom somebody is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meeting {
    /// It is new, or was closed for a while.
    New,
    /// It was told, and another process has it now.
    Another,
    /// It was told, of this process.
    Known,
}

impl Endpoints {
    /// A process has begun to listen at an endpoint.
    pub(crate) fn meet(&mut self, endpoint: Endpoint, pid: u32, now: Instant) -> Meeting {
        let before = self.known.get(&endpoint).map(|known| (known.pid, known.closed));
        if before.is_some() || self.known.len() < MOST {
            self.known.insert(endpoint, Known { pid, closed: None });
        }
        match before {
            Some((_, Some(closed))) if now.saturating_duration_since(closed) >= A_WHILE => Meeting::New,
            Some((before, _)) if before == pid => Meeting::Known,
            Some(_) => Meeting::Another,
            None => Meeting::New,
        }
    }

    /// Looks which of them nothing serves any more. Of very many none is looked at, and each stays told.
    pub(crate) fn look(&mut self, now: Instant) {
        if self.known.is_empty() || self.known.len() > MOST_LOOKED_AT {
            return;
        }
        if self.lookup.is_none() {
            self.lookup = Lookup::open().ok();
        }
        let Some(lookup) = &mut self.lookup else { return };
        for ((transport, _, serves), known) in &mut self.known {
            let is_served = lookup.server(*transport, dialled(*serves), LO).is_some();
            known.closed = if is_served { None } else { known.closed.or(Some(now)) };
        }
    }
}

/// Where somebody dials who wants what stands here.
fn dialled(serves: SocketAddr) -> SocketAddr {
    if serves.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], serves.port())) } else { serves }
}

/// A server that starts anew, as after each change of a file, is away for less.
const A_WHILE: std::time::Duration = std::time::Duration::from_secs(10);
/// Endpoints that are remembered, and those of which it is looked whether they are served.
const MOST: usize = 4096;
const MOST_LOOKED_AT: usize = 64;

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, time::Instant};

    use portward_model::Transport;

    use super::{A_WHILE, Endpoints, Meeting};

    #[test]
    fn an_endpoint_is_told_once_until_it_was_closed_for_a_while() {
        let mut endpoints = Endpoints::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = (Transport::Tcp, Some("127.0.0.1:3000".parse().unwrap()), listener.local_addr().unwrap());
        let now = Instant::now();
        let later = now + A_WHILE;
        assert_eq!(endpoints.meet(endpoint, 7, now), Meeting::New);
        assert_eq!((endpoints.meet(endpoint, 7, later), endpoints.meet(endpoint, 8, later)), (Meeting::Known, Meeting::Another));
        let (_, asked, serves) = endpoint;
        assert_eq!(endpoints.meet((Transport::Udp, asked, serves), 8, now), Meeting::New);
        // It is served, then not, and comes back soon and late.
        endpoints.look(now);
        drop(listener);
        assert_eq!(endpoints.meet(endpoint, 8, later), Meeting::Known);
        endpoints.look(now);
        assert_eq!(endpoints.meet(endpoint, 9, now), Meeting::Another);
        endpoints.look(now);
        endpoints.look(later);
        assert_eq!(endpoints.meet(endpoint, 9, later), Meeting::New);
    }
}
