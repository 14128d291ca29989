//! What a forward goes to: places to dial, whatever it was called by.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use portward_keeper::{ForwardJob, Place, forwards};
use portward_model::{Endpoint, EndpointHost, Namespace, Text, Transport, hint};
use portward_sys::path_of;

use super::{
    Notes,
    spelling::{Spelt, Wanted},
};
use crate::{Acts, Context, Failure, Look, Op, Sink, named::Known, op::url::Url, target::Target};

/// What a forward goes to.
pub(super) struct Aim {
    /// As people call it.
    pub(super) words: String,
    /// Where it is dialled, the first choice first.
    pub(super) places: Vec<Place>,
    /// How what is sent is cut.
    pub(super) transport: Transport,
    /// The name that its leased port has.
    pub(super) lease: String,
    /// The endpoint to ask the doctor about; `None` where the doctor cannot dial it.
    pub(super) asked: Option<String>,
    /// The network namespace that it is dialled in; `None` for this one.
    pub(super) netns: Option<Namespace>,
    /// The port to listen at where it is free and none was named: that of a target that is elsewhere.
    pub(super) prefers: Option<u16>,
    /// Who serves it; `None` where nobody does yet.
    served_by: Option<String>,
    notes: Notes,
}

impl Aim {
    /// Finds what was asked for.
    pub(super) fn of(cx: &Context<'_, Acts>, spelt: &Spelt, netns: Option<&str>) -> Result<Self, Failure> {
        let mut notes = Vec::new();
        match (&spelt.target, netns) {
            (Wanted::Container(..), Some(_)) => {
                return Err(Failure::usage("A container has its own network namespace, and --netns names another.")
                    .hint("portward forward container:db:5432"));
            }
            (Wanted::Container(name, endpoint), None) => return container(cx, name, endpoint),
            (Wanted::Endpoint(endpoint), Some(word)) => return Self::elsewhere(endpoint, namespace(cx, word)?, word),
            (Wanted::Named(name), Some(_)) => {
                return Err(Failure::usage(format!(
                    "`{}` is a service of this network namespace, and --netns names another.",
                    Text::from(name.as_str())
                ))
                .hint("portward forward 5432 --netns PID"));
            }
            (Wanted::Endpoint(_) | Wanted::Named(_), None) => {}
        }
        let (endpoint, words) = match &spelt.target {
            Wanted::Endpoint(endpoint) => {
                let known = Known::of(cx, None)?;
                match known.meant_here(cx, endpoint) {
                    Some(meant) => {
                        notes.push(meant.sentence());
                        (meant.endpoint(), endpoint.to_string())
                    }
                    None => (endpoint.clone(), endpoint.to_string()),
                }
            }
            Wanted::Container(name, _) | Wanted::Named(name) => (named(cx, name)?, Text::from(name.as_str()).shown()),
        };
        let endpoint = absolute(cx, endpoint)?;
        let target = Target::of(endpoint, cx.machine)?;
        let (target, view) = target.looked(cx.machine, &Look { owners: Some(portward_sys::Depth::Processes), ..target.look() });
        notes.extend(target.note.clone());
        let serving = target.serving(&view);
        let served = serving.first().and_then(|index| view.snapshot.sockets.get(*index));
        let is_datagram = spelt.at.as_ref().is_some_and(|at| at.transport == Transport::Udp);
        let transport = match (target.endpoint.transport, served) {
            (Transport::Unix, Some(socket)) => socket.transport,
            (Transport::Unix, None) if is_datagram => Transport::UnixDatagram,
            (transport, _) => transport,
        };
        let places = match target.path() {
            Some(path) => vec![Place::Unix(path.clone())],
            None => dialled(&target).into_iter().map(Place::Inet).collect(),
        };
        let is_here = |place: &Place| match place {
            Place::Inet(address) => address.ip().is_loopback(),
            Place::Unix(_) => true,
        };
        Ok(Self {
            netns: None,
            prefers: Some(target.endpoint.port).filter(|_| !places.iter().any(is_here)),
            lease: lease(&words),
            asked: Some(target.endpoint.to_string()),
            served_by: serving.first().map(|index| portward_reading::holder_words(&view, *index)),
            words,
            places,
            transport,
            notes,
        })
    }

    /// What is in another network namespace, which nobody looks into from here.
    fn elsewhere(endpoint: &Endpoint, netns: Namespace, word: &str) -> Result<Self, Failure> {
        let places = match &endpoint.host {
            EndpointHost::Path(path) => vec![Place::Unix(path.clone())],
            EndpointHost::Ip(address, _) => vec![Place::Inet(SocketAddr::new(*address, endpoint.port))],
            EndpointHost::Name(name) if !portward_model::is_localhost(name) => {
                return Err(Failure::usage(format!(
                    "{name} is a name of this network namespace, and another one may know it as another machine."
                ))
                .hint("give an address"));
            }
            EndpointHost::Any | EndpointHost::Name(_) => [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]
                .map(|ip| Place::Inet(SocketAddr::new(ip, endpoint.port)))
                .to_vec(),
        };
        let words = format!("{endpoint} in {}", Text::from(word));
        Ok(Self {
            lease: lease(&words),
            prefers: Some(endpoint.port).filter(|port| *port != 0),
            asked: None,
            served_by: Some(words.clone()),
            words,
            places,
            transport: endpoint.transport,
            netns: Some(netns),
            notes: Vec::new(),
        })
    }

    /// What is to be known when it begins: what was meant, and that nobody serves it yet.
    pub(super) fn notes(&self, _: &Context<'_, Acts>, _: &ForwardJob) -> Notes {
        let mut notes = self.notes.clone();
        let is_own = self.places.iter().all(|place| match place {
            Place::Inet(address) => address.ip().is_loopback(),
            Place::Unix(_) => true,
        });
        if self.served_by.is_none() && is_own {
            notes.push(format!("Nobody serves {} yet; until somebody does, each connection is reset.", self.words).into());
        }
        notes
    }

    /// Refuses a forward to itself, through others or without them.
    pub(super) fn refuse_loop(&self, cx: &Context<'_, Acts>, at: &[Place]) -> Result<(), Failure> {
        if self.netns.is_some() {
            return Ok(());
        }
        let others = forwards(cx.machine, cx.caller).live;
        let (mut next, mut through) = (self.places.clone(), Vec::new());
        for _ in 0..=others.len() {
            if let Some(place) = next.iter().find(|place| at.contains(place)) {
                let way = if through.is_empty() { String::new() } else { format!(", through {}", through.join(" and ")) };
                return Err(Failure::usage(format!("{place} would be forwarded to itself{way}, so that nothing ever answers."))
                    .hint(hint!("portward forward {}    without AT takes a leased port", self.words)));
            }
            let after = |place: &Place| others.iter().find(|other| other.job.at.iter().any(|own| Place::from(own) == *place));
            let Some(other) = next.iter().find_map(after) else { return Ok(()) };
            through.push(format!("the forward of pid {}", other.process.pid));
            next = other.job.targets.iter().map(Place::from).collect();
        }
        Ok(())
    }
}

/// A port of a container: by its network namespace, at its loopback and its addresses, where that may be entered; otherwise at its
/// addresses alone, which this machine reaches.
fn container(cx: &Context<'_, Acts>, name: &str, endpoint: &Endpoint) -> Result<Aim, Failure> {
    let look =
        Look { owners: Some(portward_sys::Depth::Processes), which: portward_sys::Which::All, clients: false, ..Look::serving() };
    let view = look.take(cx.machine);
    let is_called = |container: &portward_model::Container| {
        let named = |own: &Option<Text>| own.as_ref().is_some_and(|own| own.raw() == name.as_bytes());
        let service =
            container.service.as_ref().is_some_and(|own| own.raw().rsplit(|byte| *byte == b'/').next() == Some(name.as_bytes()));
        named(&container.name)
            || named(&container.service)
            || service
            || (name.len() >= SHORTEST_ID && container.id.starts_with(name))
    };
    let known = view.snapshot.containers.iter().find(|container| is_called(container));
    let within = |process: &&portward_model::Process| {
        view.story(process.id.pid)
            .and_then(|story| story.container.as_ref())
            .is_some_and(|own| own.inner_port.is_none() && is_called(own))
    };
    let process = view.snapshot.processes.iter().find(within);
    let netns = process.and_then(|process| {
        Some(Namespace { inode: *process.netns.known()?, name: None, pid: Some(process.id.pid), own: false })
    });
    let story = process.and_then(|process| view.story(process.id.pid)?.container.as_ref());
    let addresses: Vec<IpAddr> = known.or(story).map(|container| container.addresses.clone()).unwrap_or_default();
    if known.is_none() && process.is_none() {
        let names: Vec<String> = view.snapshot.containers.iter().filter_map(|own| own.name.as_ref()).map(Text::shown).collect();
        let failure = Failure::usage(format!("No container that can be seen from here is called `{}`.", Text::from(name)));
        return Err(match names.as_slice() {
            [] => failure.hint("portward list container:NAME --netns all    as root sees those of every user"),
            names => failure.hint(portward_model::Hint::listing("one of ", names)),
        });
    }
    let words = format!("container:{}:{endpoint}", Text::from(name));
    let entered = netns.as_ref().map(portward_keeper::can_enter);
    let mut aim = match (netns, entered) {
        (Some(netns), Some(Ok(()))) => Aim::elsewhere(endpoint, netns, name)?,
        (_, Some(Err(failure))) if addresses.is_empty() => return Err(failure),
        (_, _) => {
            if addresses.is_empty() {
                return Err(Failure::system(format!(
                    "Container {} has no address that can be read, and no process of it is seen.",
                    Text::from(name)
                ))
                .hint("the same command with sudo"));
            }
            let first = addresses.first().map(ToString::to_string).unwrap_or_default();
            let note = format!(
                "It is dialled at {first}, over the container's network: to enter its network namespace takes root (CAP_SYS_ADMIN), and \
                 what listens on its loopback alone is not reached."
            );
            Aim {
                lease: String::new(),
                words: String::new(),
                places: Vec::new(),
                transport: endpoint.transport,
                asked: None,
                netns: None,
                prefers: Some(endpoint.port),
                served_by: Some(name.to_owned()),
                notes: vec![note.into()],
            }
        }
    };
    aim.places.extend(addresses.into_iter().map(|address| Place::Inet(SocketAddr::new(address, endpoint.port))));
    aim.lease = lease(&words);
    aim.words = words;
    Ok(aim)
}

/// A network namespace by its name, its number, or a process or container in it.
pub(super) fn namespace(cx: &Context<'_, Acts>, word: &str) -> Result<Namespace, Failure> {
    let unknown = || {
        Failure::usage(format!(
            "No network namespace is called `{}`, and no process that can be seen has that number.",
            Text::from(word)
        ))
        .hint("portward list --netns all    names those that can be entered")
    };
    if let Some(pid) = word.strip_prefix("pid:").unwrap_or(word).parse::<u32>().ok()
        && let Some(process) =
            cx.machine.processes(&[pid]).ok().and_then(|all| all.into_iter().find(|process| process.id.pid == pid))
    {
        let Some(inode) = process.netns.known() else {
            return Err(Failure {
                kind: crate::Kind::Denied,
                ..Failure::system(format!("The network namespace of pid {pid} cannot be read."))
            }
            .hint("the same command with sudo"));
        };
        return Ok(Namespace { inode: *inode, name: None, pid: Some(pid), own: false });
    }
    let found = cx.machine.namespaces(&portward_sys::Which::Named(word.to_owned()))?;
    found.value.into_iter().next().ok_or_else(unknown)
}

/// Where a client would dial: every address that was named, and of the loopback both, where it was not named by its address.
fn dialled(target: &Target) -> Vec<SocketAddr> {
    let both = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let is_localhost = matches!(&target.endpoint.host, EndpointHost::Name(name) if portward_model::is_localhost(name));
    if is_localhost {
        return both.map(|address| SocketAddr::new(address, target.endpoint.port)).to_vec();
    }
    target.dialled()
}

/// A service or a project, at the port that it has outside.
fn named(cx: &Context<'_, Acts>, name: &str) -> Result<Endpoint, Failure> {
    let url = Url { name: name.to_owned(), port: None, project: None };
    let answer = url.run(cx, &mut Sink::new(&mut |_| true)).map_err(|failure| Failure {
        message: format!("`{}` is no endpoint and no service: {}", Text::from(name), failure.message),
        ..failure
    })?;
    match (answer.port, answer.held) {
        (Some(port), _) => Ok(Endpoint::any(port)),
        (None, Some(held)) => Err(Failure::system(held.to_string()).hint(hint!("portward url {}", name))),
        (None, None) => {
            let failure = Failure::usage(format!(
                "`{}` is no endpoint, and no service or project of that name has a port.",
                Text::from(name)
            ));
            Err(match answer.near.first() {
                Some(near) => failure.hint(hint!("portward forward {}", near)),
                None => failure.hint("portward ps    lists services; an endpoint is 3000, udp/53, host:80 or unix:/path"),
            })
        }
    }
}

/// The same with a path that no folder is needed for.
pub(super) fn absolute(cx: &Context<'_, Acts>, endpoint: Endpoint) -> Result<Endpoint, Failure> {
    let EndpointHost::Path(path) = &endpoint.host else { return Ok(endpoint) };
    if path.raw().starts_with(b"@") || path.raw().starts_with(b"/") {
        return Ok(endpoint);
    }
    let Some(cwd) = &cx.caller.cwd else {
        return Err(Failure::usage(format!("{path} is relative, and this command's folder is not known.")));
    };
    let relative = path_of(path);
    let relative = relative.strip_prefix("./").map(std::path::Path::to_owned).unwrap_or(relative);
    let whole = portward_sys::text_of(&path_of(cwd).join(relative));
    if whole.raw().len() > LONGEST_PATH {
        return Err(Failure::usage(format!(
            "{whole} has {} bytes, and the path of a Unix socket has at most {LONGEST_PATH}.",
            whole.raw().len()
        ))
        .hint("a shorter path, or @name for an abstract socket"));
    }
    Ok(Endpoint { host: EndpointHost::Path(whole), ..endpoint })
}

/// The name of the leased port: what was asked for, in letters that such a name has.
fn lease(words: &str) -> String {
    let plain: String = words.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let parts: Vec<&str> = plain.split('-').filter(|part| !part.is_empty()).collect();
    let name = format!("forward-{}", parts.join("-"));
    name.chars().take(LONGEST_NAME).collect()
}

/// Bytes of a Unix socket's path (`unix(7)`).
const LONGEST_PATH: usize = 108;
/// Digits by which a container is told from others.
const SHORTEST_ID: usize = 6;
/// Letters of a lease's name.
const LONGEST_NAME: usize = 48;
