//! A service that listens elsewhere than where it is declared: at another port, at another address, at a Unix socket.

use std::time::{Duration, Instant};

use portward_model::{Hint, Sentence, Text, Transport, hint, unmap};
use portward_sys::{Ask, Depth, Look, StateSet, Transports, Which};

use super::unit::{Unit, asks_for};
use crate::runs::RunListener;

impl Unit {
    /// Says once that it listens elsewhere than where it should.
    pub(super) fn look_elsewhere(&mut self, host: &dyn Look, now: Instant) {
        if self.told_elsewhere || self.job.port().is_none() {
            return;
        }
        let said = match self.other_address().or_else(|| self.other_port()) {
            None if self.paths_at.is_none_or(|at| now >= at) => {
                self.paths_at = Some(now + BETWEEN);
                self.unix_path(host)
            }
            said => said,
        };
        let Some((sentence, hint)) = said else { return };
        if now.saturating_duration_since(*self.listens_since.get_or_insert(now)) < ELSEWHERE {
            return;
        }
        self.told_elsewhere = true;
        self.say(sentence, Some(hint));
    }

    /// The port is right, and localhost does not lead there.
    fn other_address(&self) -> Option<(Sentence, Hint)> {
        let port = self.job.port()?;
        let rows = || self.rows().filter(|row| row.transport == port.transport && asks_for(row, port.asked));
        let is_localhost = |row: &RunListener| {
            let address = row.asked.map_or(row.serves.ip(), |asked| asked.ip());
            let address = unmap(address);
            address.is_unspecified()
                || address == std::net::IpAddr::from([127, 0, 0, 1])
                || address == std::net::Ipv6Addr::LOCALHOST
        };
        let first = rows().next().filter(|_| !rows().any(is_localhost))?;
        let asked = first.asked.unwrap_or(first.serves);
        let hint = hint!("have it listen at localhost:{}, where its users dial", port.asked);
        Some((format!("It listens at {asked} alone, and localhost:{} does not lead there.", port.asked).into(), hint))
    }

    /// It listens, and nowhere where it is declared.
    fn other_port(&self) -> Option<(Sentence, Hint)> {
        let port = self.job.port().filter(|_| self.ready_at.is_none() && self.listener().is_none())?;
        let declared =
            |row: &RunListener| self.job.ports.iter().any(|port| row.transport == port.transport && asks_for(row, port.asked));
        let mut rows = self.rows().filter(|row| !declared(row));
        let first = rows.next()?;
        let row = [first].into_iter().chain(rows).find(|row| row.transport == port.transport).unwrap_or(first);
        let asked = row.asked.map_or(row.serves.port(), |asked| asked.port());
        let asked = if asked == 0 { row.serves.port() } else { asked };
        let (declared, transport) = (port.asked, row.transport.name());
        let hint = if row.transport == Transport::Udp {
            hint!("port = \"udp/{}\"    in portward.toml, or have the program listen at {}", asked, declared)
        } else {
            hint!("port = {}    in portward.toml, or have the program listen at {}", asked, declared)
        };
        Some((format!("It listens at {transport}/{asked}, and is declared at {declared}.").into(), hint))
    }

    /// It listens at no port at all, and at a path.
    fn unix_path(&self, host: &dyn Look) -> Option<(Sentence, Hint)> {
        let port = self.job.port().filter(|_| self.ready_at.is_none() && self.rows().next().is_none())?;
        let supervisor = self.supervisor?;
        let ask = Ask {
            transports: Transports { tcp: false, udp: false, unix: true },
            states: StateSet::Listening,
            ports: None,
            traffic: false,
        };
        let space = host.namespaces(&Which::Own).ok()?;
        let mut found = Vec::new();
        host.sockets(&ask, &space.value, &mut |socket| found.push(socket)).ok()?;
        // Tools talk to their own workers at paths that pass.
        let is_meant = |path: &Text| {
            let path = path.raw();
            path.starts_with(self.job.root.raw()) || !PASSING.iter().any(|folder| path.starts_with(folder.as_bytes()))
        };
        found.retain(|socket| socket.path().is_some_and(is_meant));
        if found.is_empty() {
            return None;
        }
        let own = host.descendants(supervisor.pid).ok()?;
        let holders = host.holders(&found, Depth::Processes).ok()?;
        // Portward's own supervisor has a socket, too.
        let is_own = |pid: u32| pid != supervisor.pid && own.contains(&pid);
        let of_program = holders.holdings.iter().find(|holding| is_own(holding.pid))?;
        let path: &Text = found.get(usize::try_from(of_program.socket).ok()?)?.path()?;
        let hint = hint!("have it listen at port {}, or say by ready = when it is ready", port.asked);
        Some((format!("It listens at the Unix socket {path}, and is declared at {}.", port.asked).into(), hint))
    }

    fn rows(&self) -> impl Iterator<Item = &RunListener> {
        self.record.iter().flat_map(|record| &record.listeners)
    }
}

/// How long one has listened elsewhere before that is said: the port that is meant may come second.
const ELSEWHERE: Duration = Duration::from_millis(600);
/// Between two looks for a path of one that listens nowhere.
const BETWEEN: Duration = Duration::from_millis(300);
/// Folders of what passes.
const PASSING: &[&str] = &["/tmp/", "/var/tmp/", "/dev/shm/"];
