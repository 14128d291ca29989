//! What may be freed, as people write it: an endpoint, a range, a list, a pid, a name.

use std::{collections::BTreeSet, fmt, str::FromStr};

use portward_checks::service_port;
use portward_model::{Endpoint, EndpointHost, Hint, Lack, PortRange, ProcessId, Sentence, Text, Transport, hint};
use portward_sys::{Depth, PortFilter, Transports};

use crate::{
    Acts, Context, Failure, Look, View,
    named::{Found, Known, Meant, Twofold, session_words},
    target::Target,
};

/// An endpoint, a range of ports (`3000-3005`, `udp/5000-5010`), several of them with commas between, a process (`pid:4121`), or
/// the name of a program that serves something (`vite`, `name:vite`) or of a service (`postgres`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    text: String,
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Term {
    Endpoint(Endpoint),
    Range {
        transport: Transport,
        ports: PortRange,
    },
    Pid(u32),
    /// With the sentence that it is no endpoint, for where nothing has this name.
    Name {
        name: String,
        otherwise: Option<String>,
    },
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_path = ["/", "@", "./", "unix:"].iter().any(|start| text.starts_with(start));
        let is_list = text.contains(',') && !is_path && !text.contains("://");
        let words = if is_list { text.split(',').map(str::trim).collect() } else { vec![text] };
        let terms = words.into_iter().map(term).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), terms })
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

portward_model::written_as_text!(Wanted);

fn term(text: &str) -> Result<Term, String> {
    if let Some(pid) = text.strip_prefix("pid:") {
        let number = pid.parse().ok().filter(|pid| *pid > 0);
        return number.map(Term::Pid).ok_or_else(|| format!("`{}` is no pid: a pid is a number", Text::from(pid)));
    }
    if let Some(name) = text.strip_prefix("name:").filter(|name| !name.is_empty()) {
        return Ok(Term::Name { name: name.to_owned(), otherwise: None });
    }
    let error = match text.parse::<Endpoint>() {
        Ok(endpoint) => return Ok(Term::Endpoint(endpoint)),
        Err(error) => error.to_string(),
    };
    let (transport, ports) = match text.split_once('/') {
        Some(("udp", ports)) => (Transport::Udp, ports),
        Some(("tcp", ports)) => (Transport::Tcp, ports),
        _ => (Transport::Tcp, text),
    };
    let is_range = ports.contains('-') && ports.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    if is_range {
        return ports.parse().map(|ports| Term::Range { transport, ports }).map_err(|problem| format!("{problem}"));
    }
    let is_letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'+');
    if text.len() <= LONGEST_NAME && text.bytes().all(is_letter) && text.bytes().any(|b| b.is_ascii_alphabetic()) {
        return Ok(Term::Name { name: text.to_owned(), otherwise: Some(error) });
    }
    Err(error)
}

/// What the words stand for now.
#[derive(Default)]
pub(super) struct Aims {
    /// Endpoints whose holders are to be stopped.
    pub(super) targets: Vec<Target>,
    /// Endpoints of processes that were named themselves: they are to be free afterwards, and others that hold them stay.
    pub(super) served: Vec<Target>,
    /// Processes that were named, each with the look that found them.
    pub(super) named: Vec<(View, Vec<ProcessId>)>,
    /// What is to be said of how the words were understood.
    pub(super) notes: Vec<Sentence>,
    /// Ports of the project's own that bare numbers meant.
    pub(super) meant: Vec<Meant>,
}

impl Aims {
    /// Understands every word.
    pub(super) fn of(cx: &Context<'_, Acts>, words: &[Wanted], known: &Known) -> Result<Self, Failure> {
        let mut aims = Self::default();
        for term in words.iter().flat_map(|wanted| &wanted.terms) {
            match term {
                Term::Endpoint(endpoint) => {
                    Target::exact(endpoint)?;
                    let endpoint = aims.meant(cx, endpoint, known)?;
                    aims.targets.push(Target::of(endpoint, cx.machine)?);
                }
                Term::Range { transport, ports } => aims.range(cx, *transport, *ports)?,
                Term::Pid(pid) => {
                    let view = everything(cx)?;
                    let Some(process) = view.snapshot.process(*pid).map(|process| process.id).filter(|_| serves(&view, *pid))
                    else {
                        let told = format!("No process that can be seen serves anything as pid {pid}.");
                        return Err(Failure::usage(told).hint("portward list    says which do"));
                    };
                    aims.processes(cx, view, vec![process])?;
                }
                Term::Name { name, otherwise } if !aims.service(cx, name, known)? => {
                    aims.program(cx, name, otherwise.as_deref(), known)?;
                }
                Term::Name { .. } => {}
            }
        }
        Ok(aims)
    }

    /// The endpoint that a bare port means in this project, which is told.
    fn meant(&mut self, cx: &Context<'_, Acts>, endpoint: &Endpoint, known: &Known) -> Result<Endpoint, Failure> {
        let Some(meant) = known.meant_here(cx, endpoint) else {
            return Ok(endpoint.clone());
        };
        if !(Twofold { command: "portward free", done: "stopped", meant: &meant }.is_projects(cx)?) {
            return Ok(endpoint.clone());
        }
        self.notes.push(format!("This is {}.", meant.words()).into());
        self.meant.push(meant.clone());
        Ok(meant.endpoint())
    }

    /// The ports of the service in a session that goes by this name; false where none does.
    fn service(&mut self, cx: &Context<'_, Acts>, name: &str, known: &Known) -> Result<bool, Failure> {
        let services = known.services(name);
        let told = |found: &Found<'_>| -> Sentence {
            let ports: Vec<String> = found.places().map(|(_, port)| port.to_string()).collect();
            let (service, session) = (Text::from_shown(&found.service.name), session_words(found.session));
            format!("This is {service} (pid {}) of {session}, at {}.", found.service.pid, ports.join(", ")).into()
        };
        self.notes.extend(services.iter().filter(|found| found.places().next().is_some()).map(told));
        let ports: BTreeSet<(Transport, u16)> = services.iter().flat_map(Found::places).collect();
        for (transport, port) in &ports {
            let endpoint = Endpoint { transport_given: true, ..Endpoint::at(*transport, EndpointHost::Any, *port) };
            self.targets.push(Target::of(endpoint, cx.machine)?);
        }
        Ok(!ports.is_empty())
    }

    /// Those ports of a range that something serves: the others are free.
    fn range(&mut self, cx: &Context<'_, Acts>, transport: Transport, ports: PortRange) -> Result<(), Failure> {
        let transports = Transports { tcp: transport == Transport::Tcp, udp: transport == Transport::Udp, unix: false };
        let ports = Some(PortFilter::Local(ports));
        let look = Look { transports, ports, owners: None, clients: false, interfaces: false, ..Look::serving() };
        let view = look.take(cx.machine);
        refuse_blind(&view)?;
        let serving = view.snapshot.sockets.iter().filter(|socket| socket.state.serves());
        let mut served: Vec<u16> = serving.filter_map(portward_model::Socket::port).collect();
        served.sort_unstable();
        served.dedup();
        for port in served {
            let endpoint = Endpoint { transport_given: true, ..Endpoint::at(transport, EndpointHost::Any, port) };
            self.targets.push(Target::of(endpoint, cx.machine)?);
        }
        Ok(())
    }

    /// Processes, and what they serve.
    fn processes(&mut self, cx: &Context<'_, Acts>, view: View, processes: Vec<ProcessId>) -> Result<(), Failure> {
        let snapshot = &view.snapshot;
        for (index, socket) in snapshot.sockets.iter().enumerate().filter(|(_, socket)| socket.state.serves()) {
            let held = snapshot.holders(index).iter().any(|holding| processes.iter().any(|process| process.pid == holding.pid));
            // A path that is not absolute is its server's own.
            let is_relative = socket.path().is_some_and(|path| !path.raw().starts_with(b"/") && !path.raw().starts_with(b"@"));
            let Some(endpoint) = Endpoint::of(socket).filter(|_| held && !is_relative) else { continue };
            if !self.served.iter().any(|known| known.endpoint == endpoint) {
                self.served.push(Target::of(endpoint, cx.machine)?);
            }
        }
        self.named.push((view, processes));
        Ok(())
    }

    /// The program of this name that serves something, or the usual port of the service of this name.
    fn program(&mut self, cx: &Context<'_, Acts>, name: &str, otherwise: Option<&str>, known: &Known) -> Result<(), Failure> {
        let view = everything(cx)?;
        let is_called = |process: &&portward_model::Process| {
            process.title().eq_ignore_ascii_case(name) || process.name.raw().eq_ignore_ascii_case(name.as_bytes())
        };
        let called = view.snapshot.processes.iter().filter(|process| serves(&view, process.id.pid)).filter(is_called);
        let called: Vec<ProcessId> = called.map(|process| process.id).collect();
        if !called.is_empty() {
            return self.processes(cx, view, called);
        }
        if let Some(port) = service_port(name) {
            let told = format!("No program called {name} serves anything; {name} is also the service on port {port}.");
            self.notes.push(told.into());
            self.targets.push(Target::of(Endpoint::any(port), cx.machine)?);
            return Ok(());
        }
        let told = otherwise.map_or_else(
            || format!("No program called `{}` serves anything here.", Text::from(name)),
            |error| format!("{error}, and no program of that name serves anything here."),
        );
        match known.near(name).as_slice() {
            [] => Err(Failure::usage(told).hint(hint!("portward list {}", name.to_owned()))),
            near => Err(Failure::usage(told).hint(Hint::listing("near: ", near))),
        }
    }
}

fn serves(view: &View, pid: u32) -> bool {
    let snapshot = &view.snapshot;
    snapshot
        .sockets
        .iter()
        .enumerate()
        .any(|(index, socket)| socket.state.serves() && snapshot.holders(index).iter().any(|holding| holding.pid == pid))
}

/// Everything that serves in this namespace, with who holds it.
fn everything(cx: &Context<'_, Acts>) -> Result<View, Failure> {
    let look = Look { owners: Some(Depth::Processes), clients: false, interfaces: false, ..Look::serving() };
    let view = look.take(cx.machine);
    refuse_blind(&view)?;
    Ok(view)
}

fn refuse_blind(view: &View) -> Result<(), Failure> {
    if view.snapshot.lacks(&Lack::Sockets) {
        return Err(Failure::system("Sockets cannot be read here, so nothing was stopped."));
    }
    Ok(())
}

/// The longest name of a program that is looked for.
const LONGEST_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use portward_model::Transport;

    use super::{Term, Wanted};

    fn terms(text: &str) -> Vec<Term> {
        text.parse::<Wanted>().map(|wanted| wanted.terms).unwrap_or_default()
    }

    #[test]
    fn words_are_told_apart() {
        assert!(matches!(&terms("3000")[..], [Term::Endpoint(_)]));
        assert!(matches!(&terms("3000,udp/53, localhost:8080")[..], [Term::Endpoint(_), Term::Endpoint(_), Term::Endpoint(_)]));
        assert!(matches!(&terms("3000-3005")[..], [Term::Range { transport: Transport::Tcp, .. }]));
        assert!(matches!(&terms("udp/5000-5010,pid:7")[..], [Term::Range { transport: Transport::Udp, .. }, Term::Pid(7)]));
        assert!(matches!(&terms("vite")[..], [Term::Name { otherwise: Some(_), .. }]));
        assert!(matches!(&terms("name:3000")[..], [Term::Name { otherwise: None, .. }]));
        for path in ["/run/a,b.sock", "unix:/run/a,b.sock", "http://a:1/?x=1,2"] {
            assert!(matches!(&terms(path)[..], [Term::Endpoint(_)]), "{path}");
        }
    }

    #[test]
    fn nonsense_is_refused_in_a_sentence() {
        for bad in ["", "70000", "3999-3000", "3000,", "pid:x", "pid:0", "3000,70000", "🦀", "a b", "localhost:abc"] {
            assert!(bad.parse::<Wanted>().is_err(), "{bad}");
        }
        assert!("x".repeat(100_000).parse::<Wanted>().is_err());
    }
}
