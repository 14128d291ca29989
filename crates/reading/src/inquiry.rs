//! One inquiry of the doctor on a machine: what `portward_checks::doctor` wants to know is read, dialled or waited for, and told
//! it.

mod names;

use std::time::Duration;

use portward_checks::doctor::{
    Asked, Call, Called, Depth as HowFar, Diagnosis, Fact, Inquiry, Question, Sampled, Step, Unread, Wanted, Wide, has_enough,
};
use portward_model::{Caller, Examination, Moved, Need, Observed, PortRange, ProxySetting, Socket, SocketState, Text};
use portward_sys::{
    Ask, Context, Depth, Dial, Dialled, Dialling, Dials, PortFilter, StateSet, SysError, Talk, Transports, Which, noted,
};
use portward_wire::procfs::proxy_endpoint;

use crate::Look;

pub use names::NamesOf;

/// Asks one question, and gives all that was read with the answer. `moved` tells which sessions have moved the port.
pub fn inquire(
    cx: &Context<'_, Dials>,
    question: Question,
    observed: Option<Observed>,
    moved: &dyn Fn(&Asked) -> Vec<Moved>,
    depth: HowFar,
) -> (Inquiry, Diagnosis) {
    let runner = Runner { cx, host: cx.machine, moved, began: cx.machine.elapsed() };
    let known = Examination { proxies: noted(cx.machine, "proxies", || proxies(cx.caller)), observed, ..Examination::default() };
    Inquiry::new(question, depth, known).run(|inquiry, step| match cx.still_wanted() {
        Ok(()) => runner.answer(inquiry, step).map_err(|error| Unread { need: error.need(), why: error.to_string().into() }),
        Err(failure) => Err(Unread { need: Need::Platform, why: failure.message.into() }),
    })
}

/// Proxies that the caller's environment names, without their credentials.
fn proxies(caller: &Caller) -> Vec<ProxySetting> {
    let named = |name: &&str| {
        let value = caller.variable(name)?;
        let listed = name.eq_ignore_ascii_case("no_proxy");
        let value = if listed { value.clone() } else { proxy_endpoint(value.raw()) };
        Some(ProxySetting { variable: (*name).to_owned(), value })
    };
    Caller::PROXIES.iter().filter_map(named).collect()
}

/// A machine, for one question.
struct Runner<'a, 'c> {
    cx: &'a Context<'c, Dials>,
    host: &'a dyn Dial,
    moved: &'a dyn Fn(&Asked) -> Vec<Moved>,
    began: Duration,
}

impl Runner<'_, '_> {
    fn answer(&self, inquiry: &Inquiry, step: &Step) -> Result<Fact, SysError> {
        match step {
            Step::Read(wanted) => self.read(inquiry, wanted),
            Step::Dial(call) => self.dial(inquiry, call),
            Step::Watch { at_most_ms, progress } => {
                if let Some(progress) = progress {
                    self.cx.prompt.progress(progress);
                }
                // A listener that closes ends the wait; one that opens wakes nobody.
                self.host.wait_for_change(&[], Duration::from_millis(*at_most_ms))?;
                Ok(Fact::Waited)
            }
            Step::Done(_) => Ok(Fact::Waited),
        }
    }

    fn read(&self, inquiry: &Inquiry, wanted: &Wanted) -> Result<Fact, SysError> {
        let (host, port) = (self.host, inquiry.asked().port);
        Ok(match wanted {
            Wanted::Look(wide) => Fact::Look(Box::new(Self::look(inquiry, *wide).take(host).snapshot)),
            Wanted::Topic(topic) => Fact::Learnt(host.learn(*topic)?),
            Wanted::Path(path) => Fact::Path(host.path(path)?),
            Wanted::PathBelow { pid, path } => Fact::Path(host.path_below(*pid, path)?),
            Wanted::Vitals { pids, over_ms } => Fact::Vitals(host.vitals(pids, Duration::from_millis(*over_ms))?),
            Wanted::Route(address) => Fact::Route(host.route(*address, 0)?),
            Wanted::EveryProcess => Fact::Processes(host.every_process()?),
            Wanted::Processes(pids) | Wanted::Named(pids) => Fact::Processes(host.processes(pids)?),
            Wanted::Projects(folders) => Fact::Projects(host.projects(folders)?.value),
            Wanted::Told(processes) => Fact::Told(host.told(processes, port)?),
            Wanted::Errands(processes) => Fact::Errands(host.errands(processes)?),
            Wanted::Moved => Fact::Moved(noted(host, "moved", || (self.moved)(inquiry.asked()))),
            Wanted::Mentions(folders) => Fact::Mentions(host.mentions(folders, &[port])?),
            Wanted::Bind { transport, at, reuse } => Fact::Bind(host.try_bind(*transport, *at, *reuse)?),
            Wanted::PathExists(path) => Fact::Is(host.path_exists(path)),
            Wanted::MayCreate(path) => Fact::Is(host.may_create(path)),
            Wanted::Sample => Fact::Sample(self.sample(inquiry)),
        })
    }

    /// A look as wide as it is wanted, with what a diagnosis needs of each socket.
    fn look(inquiry: &Inquiry, wide: Wide) -> Look {
        let unix = inquiry.asked().path.is_some();
        let own = Transports { tcp: !unix, udp: !unix, unix };
        let ports = PortRange { first: inquiry.asked().port, last: inquiry.asked().port };
        Look {
            transports: if wide.every_transport { Transports::ALL } else { own },
            states: StateSet::All,
            ports: (!unix && !wide.every_port).then_some(PortFilter::Either(ports)),
            which: if wide.every_namespace { Which::All } else { Which::Own },
            clients: false,
            all_interfaces: !unix || wide.every_transport,
            rules: true,
            ..Look::serving()
        }
    }

    /// Makes one connection, between two readings of what it may change.
    fn dial(&self, inquiry: &Inquiry, call: &Call) -> Result<Fact, SysError> {
        let before = self.host.counters().unwrap_or_default();
        let speech = call.dial.speech;
        let mut enough = |heard: &[u8]| speech.is_some_and(|speech| has_enough(&speech, heard));
        let talk = speech.zip(call.bytes.as_deref()).map(|(speech, bytes)| Talk {
            said: speech.said,
            listen_first: Some(Duration::from_millis(speech.listen_first_ms)),
            bytes,
            enough: &mut enough,
            patience: Duration::from_millis(speech.patience_ms),
            most: Talk::FEW,
            farewell: Talk::SHORT,
            tls: None,
        });
        let mut meanwhile = Vec::new();
        let dialled = self.host.dial(Dialling {
            at: &call.dial.at,
            patience: Duration::from_millis(call.dial.patience_ms),
            talk,
            pending: &mut || meanwhile = self.sockets(inquiry),
            connected: &mut || {},
            wanted: &|| true,
        })?;
        let after = self.host.counters().unwrap_or_default();
        let sockets = self.sockets(inquiry);
        let Dialled { met, took_us, exchange, from, .. } = dialled;
        Ok(Fact::Called(Box::new(Called { met, took_us, exchange, from, before, after, meanwhile, sockets })))
    }

    /// The sockets of the asked port as they are now, without their holders.
    fn sockets(&self, inquiry: &Inquiry) -> Vec<Socket> {
        let (path, port) = (inquiry.asked().path.as_ref(), inquiry.asked().port);
        let ask = Ask {
            transports: Transports { tcp: path.is_none(), udp: false, unix: path.is_some() },
            states: if path.is_some() { StateSet::Serving } else { StateSet::All },
            ports: path.is_none().then_some(PortFilter::Either(PortRange { first: port, last: port })),
            traffic: false,
        };
        let mut found = Vec::new();
        let file = path.and_then(|path| inquiry.exam().path(path)).and_then(|facts| facts.file);
        let is_its = |socket: &Socket| file.is_some() && socket.file() == file;
        let wanted = |socket: &Socket| path.is_none_or(|path| socket.path() == Some::<&Text>(path) || is_its(socket));
        let mut each = |socket: Socket| {
            if wanted(&socket) && socket.state != SocketState::TimeWait && found.len() < MOST {
                found.push(socket);
            }
        };
        // Without an answer there is nothing to compare; the connection itself was made all the same.
        let _ = self.host.sockets(&ask, &Self::own(inquiry), &mut each);
        found
    }

    /// Who listens at the port now, and everybody: for one moment of a watch. What cannot be read is not there.
    fn sample(&self, inquiry: &Inquiry) -> Sampled {
        let at_ms = u64::try_from(self.host.elapsed().saturating_sub(self.began).as_millis()).unwrap_or(u64::MAX);
        let port = inquiry.asked().port;
        let ask = Ask::tcp_at(port, StateSet::Listening);
        let mut sockets: Vec<Socket> = Vec::new();
        let _ = self.host.sockets(&ask, &Self::own(inquiry), &mut |socket| sockets.push(socket));
        let held = if sockets.is_empty() { None } else { self.host.holders(&sockets, Depth::Processes).ok() };
        let mut listeners: Vec<u32> = held.iter().flat_map(|held| &held.holdings).map(|holding| holding.pid).collect();
        listeners.sort_unstable();
        listeners.dedup();
        let processes = self.host.every_process().unwrap_or_default();
        Sampled { at_ms, listening: !sockets.is_empty(), listeners, processes }
    }

    fn own(inquiry: &Inquiry) -> Vec<portward_model::Namespace> {
        inquiry.snapshot().namespaces.iter().filter(|namespace| namespace.own).cloned().collect()
    }
}

/// Sockets that a reading of one port keeps.
const MOST: usize = 4096;
