//! A program whose calls nobody touches: it is told its port, and the socket table says where it really listens.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use portward_model::{Process, Socket, Transport, hint};
use portward_session::{Event, Witness};
use portward_sys::{Acts, Ask, Clock, Context, Depth, LO, Look, StateSet, Transports, Which};
use rustc_hash::FxHashSet;

use crate::{session::Recorder, told::Ran};

/// Looks where the programs of a run listen.
pub(crate) struct Watcher<'a> {
    host: &'a dyn Look,
    recorder: Recorder<'a>,
    /// The port that the program was told.
    port: u16,
    /// Cookies of the listeners that were looked at.
    known: FxHashSet<u64>,
    clock: &'a dyn Clock,
    begun: Instant,
}

impl<'a> Watcher<'a> {
    /// Watches what this process starts.
    pub(crate) fn new(cx: &Context<'a, Acts>, recorder: Recorder<'a>, port: u16) -> Self {
        let (host, clock) = (cx.machine, cx.clock);
        Self { host, recorder, port, known: FxHashSet::default(), clock, begun: clock.now() }
    }

    /// Listeners that were not there at the last look.
    fn fresh(&mut self) -> Option<Vec<Socket>> {
        let ask = Ask {
            transports: Transports { tcp: true, udp: false, unix: false },
            states: StateSet::Listening,
            ports: None,
            traffic: false,
        };
        let own = self.host.namespaces(&Which::Own).ok()?;
        let mut found = Vec::new();
        self.host.sockets(&ask, &own.value, &mut |socket| found.push(socket)).ok()?;
        let here: FxHashSet<u64> = found.iter().map(|socket| socket.cookie).collect();
        found.retain(|socket| !self.known.contains(&socket.cookie));
        self.known = here;
        Some(found)
    }

    fn tell(&mut self, process: &Process, serves: SocketAddr, pinned: bool) {
        let pid = process.id.pid;
        self.recorder.saw(&Event::Listening { pid, transport: Transport::Tcp, asked: None, serves, pinned });
        if serves.port() == self.port {
            return;
        }
        let (name, told) = (process.title(), self.port);
        let elsewhere = format!("{name} (pid {pid}) listens on {}, and not on {told}, which PORT told it.", serves.port());
        let hint = match portward_checks::flags(&name, told) {
            Some(flags) => hint!("{}    are the words that tell {}", flags, name),
            None => "portward run CMD    without --port-only moves it wherever it listens".into(),
        };
        self.recorder.tell(Ran { elsewhere: Some(elsewhere), hint: Some(hint), ..Ran::default() });
    }
}

impl Witness for Watcher<'_> {
    fn saw(&mut self, event: &Event) {
        self.recorder.saw(event);
    }

    fn look(&mut self) -> Duration {
        let _ = self.recorder.look();
        let pace = if self.clock.now().saturating_duration_since(self.begun) < EAGER { QUICK } else { SLOW };
        let Some(fresh) = self.fresh().filter(|fresh| !fresh.is_empty()) else { return pace };
        let (Ok(own), Ok(holders)) = (self.host.descendants(self.recorder.own.pid), self.host.holders(&fresh, Depth::Processes))
        else {
            return pace;
        };
        for (at, socket) in (0..).zip(&fresh) {
            let holder = holders.holdings.iter().find(|holding| holding.socket == at && own.contains(&holding.pid));
            let (Some(holder), Some((address, port))) = (holder, socket.address().zip(socket.port())) else { continue };
            let Ok(processes) = self.host.processes(&[holder.pid]) else { continue };
            let Some(process) = processes.first() else { continue };
            let pinned = portward_model::unmap(address).is_loopback() || socket.interface == LO;
            self.tell(process, SocketAddr::new(address, port), pinned);
        }
        pace
    }
}

/// How long a program is looked at often: most begin to listen in this time.
const EAGER: Duration = Duration::from_secs(30);
/// Between two looks then.
const QUICK: Duration = Duration::from_millis(250);
/// Between two looks later. It is told within a second where a program listens.
const SLOW: Duration = Duration::from_millis(900);
