//! `portward explain`

pub(crate) mod bind;
mod nearby;
mod steps;

use std::net::IpAddr;

use clap::Args;
use portward_checks::{address_sentence, browser_blocks, check_doc, class_sentence, reach, rule_sentences, usual_service};
use portward_model::{
    AddressClass, Endpoint, Own, PortClass, Reach, Route, Scope, Seen, Sentence, Snapshot, Socket, SocketOptions, SocketState,
    SupervisorKind, Transport, capitalised,
};
use portward_sys::{Depth, Look, PortFilter, Tape, Which};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Bind, Client, Context, Exit, Failure, Looks, Nearby, Never, Noun, Op, Port, Sink, Step, View,
    document::{Gap, Proof, SocketDocument, When, leads},
    named::{Known, Meant, own},
    pairs,
    target::{Target, endpoint_words, holder_words, verb},
};

/// Say what an endpoint is, who holds it, who can reach it, and how data gets there
///
/// Takes whatever people paste: 49342, 127.0.0.1:49342, `[::1]:49342`, localhost:49342, a URL, udp/53,
/// <unix:/path>, web.shop.localhost. An endpoint that nobody uses gets as good an answer as one in use. In a project a bare 3000 is the
/// project's, wherever its session serves it, and localhost:3000 the real one.
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// The endpoint, or the code of a cause such as port-held-by-process
    #[arg(value_name = "ENDPOINT")]
    pub endpoint: String,
    /// Ask whether a bind would succeed, try one on a throw-away socket, and say precisely why not
    #[arg(long)]
    #[serde(default)]
    pub bind: bool,
    /// Show the arguments of your own processes as they are, secrets too; as root, those of all
    #[arg(long)]
    #[serde(default)]
    pub show_args: bool,
    /// The project whose ports are meant: its name, or its folder; otherwise the one that this is typed in
    #[arg(long, value_name = "PROJECT")]
    #[serde(default)]
    pub project: Option<String>,
}

/// What an endpoint is, from live facts.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Explained {
    /// The endpoint as it was understood.
    pub endpoint: String,
    /// The answer in a sentence or two.
    pub summary: Sentence,
    /// The address.
    pub address: Address,
    /// The port.
    pub port: Port,
    /// What the name means here, first choice first; empty for an address.
    pub resolves: Vec<IpAddr>,
    /// How the name was resolved, where that needs words.
    pub resolves_note: Option<Sentence>,
    /// Sockets that serve this endpoint.
    pub sockets: Vec<SocketDocument>,
    /// Who can reach it.
    pub reach: Vec<Reach>,
    /// Who is connected now.
    pub clients: Vec<Client>,
    /// Whether a bind would succeed.
    pub bind: Bind,
    /// Other sockets that may have been meant.
    pub nearby: Vec<Nearby>,
    /// How data gets there.
    pub steps: Vec<Step>,
    /// The address, where it is another machine's: what serves there is not seen from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<IpAddr>,
    /// Where a bare number meant a project's own port: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meant: Option<Meant>,
    /// Where nobody serves it, or the port is a session's: which sessions ask for it, and where they serve it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked_for: Vec<Meant>,
    /// True when the caller asked about a bind.
    pub asked_to_bind: bool,
    /// True when the caller asked to see arguments.
    #[serde(default)]
    pub asked_for_arguments: bool,
    /// The page of a cause, when its code was asked for instead of an endpoint.
    pub page: Option<String>,
    /// When it was seen, RFC 3339.
    pub now: When,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// An address, classified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    /// The address as it was given or resolved; `null` for "any" and for a name without one.
    pub value: Option<String>,
    /// What it is.
    pub class: AddressClass,
    /// Who a bind to it is for.
    pub scope: Scope,
    /// Both in a sentence, with the RFC.
    pub text: String,
}

impl Noun for Explained {
    fn exit(&self) -> Exit {
        let fine = if self.asked_to_bind { self.bind.possible == Some(true) } else { !self.sockets.is_empty() };
        if fine || self.page.is_some() { Exit::Fine } else { Exit::Found }
    }
}

impl Op for Explain {
    declare! { "explain", Read at Anywhere with Looks, emits Never, answers Explained;
    "portward explain 49342" => "what is this port, and who has it",
    "portward explain http://localhost:3000/cart" => "a URL as pasted from a browser",
    "portward explain 0.0.0.0:8080 --bind" => "would a bind succeed, and if not, precisely why",
    "portward explain time-wait" => "the page of a cause" }

    fn run(self, cx: &Context<'_>, _: &mut Sink<'_, Never>) -> Result<Explained, Failure> {
        let page = check_doc(&self.endpoint).map(str::to_owned);
        let endpoint: Endpoint = if page.is_some() { Endpoint::any(0) } else { self.endpoint.parse()? };
        // A page stands in the program: no machine is read for it.
        let unread = page.as_ref().map(|_| Tape::of(Snapshot::unread()));
        let machine = unread.as_ref().map_or(cx.machine, |unread| unread);
        let known = if page.is_some() { Known::default() } else { Known::of(cx, self.project.as_deref())? };
        let meant = known.meant_here(cx, &endpoint);
        let target = Target::of(meant.as_ref().map_or(endpoint, Meant::endpoint), machine)?;
        let mut look = target.look();
        look.which = Which::All;
        look.ports = look.ports.map(|_| PortFilter::Held(target.endpoint.port));
        look.owners = Some(Depth::Threads);
        let mut view = look.take(machine);
        if page.is_some() {
            view.snapshot.gaps.clear();
        }
        own::tell(cx, &known, &mut view);
        if self.show_args && page.is_none() {
            view.open_arguments(machine, cx.caller.uid);
        }
        let chosen = target.serving(&view);
        for index in &chosen {
            let _: Seen<SocketOptions> = view.read_options(machine, *index);
        }
        let near = if chosen.is_empty() && page.is_none() {
            nearby::find(machine, &target, &view)
        } else {
            nearby::same_port(&target, &view, &chosen)
        };
        let asked_for = asked_for(&known, &target, &chosen);
        let bind = if page.is_some() {
            Bind { possible: None, proof: Proof::Rules, because: Vec::new() }
        } else {
            bind::answer(machine, &target, &view, self.bind)
        };
        let route = target.dialled().first().and_then(|address| route_to(machine, address.ip()));
        let clients = clients(&view, &target, &chosen);
        let elsewhere = elsewhere(&view, &target, &chosen, route.as_ref());
        Ok(Explained {
            endpoint: if page.is_some() { self.endpoint } else { target.endpoint.to_string() },
            summary: match elsewhere {
                Some(address) => foreign(&view, &target, address, route.as_ref()),
                None => with_sessions(summary(&view, &target, &chosen, &bind), meant.as_ref(), &asked_for),
            },
            meant,
            asked_for,
            address: address(&target),
            port: port(&target, &view),
            resolves: if matches!(target.endpoint.host, portward_model::EndpointHost::Name(_)) {
                target.addresses.clone()
            } else {
                Vec::new()
            },
            resolves_note: target.note.clone(),
            reach: if elsewhere.is_some() { Vec::new() } else { reaches(&view, &target, &chosen) },
            steps: steps::steps(&view, &target, &chosen, route.as_ref(), clients.len(), elsewhere.is_some()),
            elsewhere,
            clients,
            bind,
            nearby: near,
            asked_to_bind: self.bind,
            asked_for_arguments: self.show_args,
            page,
            gaps: view.snapshot.gaps.clone(),
            sockets: chosen.iter().filter_map(|index| SocketDocument::of(&view, *index)).collect(),
            now: When(view.snapshot.host.now),
        })
    }
}

/// Sessions that asked for the port, where nobody serves it; or the one that serves this port, which its programs call by another.
fn asked_for(known: &Known, target: &Target, chosen: &[usize]) -> Vec<Meant> {
    let Endpoint { transport, port, .. } = target.endpoint;
    if target.path().is_some() {
        return Vec::new();
    }
    match chosen {
        [] => known.elsewhere(&target.endpoint),
        _ => known.serves_at(transport, port).into_iter().collect(),
    }
}

/// The answer with what is known of the sessions that have to do with it.
fn with_sessions(summary: Sentence, meant: Option<&Meant>, asked_for: &[Meant]) -> Sentence {
    let said = match (meant, asked_for) {
        (Some(meant), _) => meant.sentence().to_string(),
        (None, asked) => asked.iter().map(|meant| format!("{}.", meant.elsewhere())).collect::<Vec<_>>().join(" "),
    };
    if said.is_empty() { summary } else { format!("{summary} {said}").into() }
}

fn route_to(host: &dyn Look, address: IpAddr) -> Option<Route> {
    if address.is_unspecified() { None } else { host.route(address, 0).ok() }
}

/// The first address, where all that are meant are of other machines: of no interface here, and not routed to this machine.
fn elsewhere(view: &View, target: &Target, chosen: &[usize], route: Option<&Route>) -> Option<IpAddr> {
    let first = *target.addresses.first()?;
    let interfaces = &view.snapshot.interfaces;
    let own = |address: IpAddr| interfaces.iter().flat_map(|interface| &interface.addresses).any(|own| own.address == address);
    let is_foreign = |address: &IpAddr| {
        let of_one = !matches!(
            AddressClass::of(*address),
            AddressClass::Wildcard | AddressClass::Loopback | AddressClass::Multicast | AddressClass::Broadcast
        );
        of_one && !own(portward_model::unmap(*address))
    };
    let known = !interfaces.is_empty() && chosen.is_empty() && !route.is_some_and(|route| route.local);
    (known && target.addresses.iter().all(is_foreign)).then_some(first)
}

/// What can be said from here of another machine's endpoint.
fn foreign(view: &View, target: &Target, address: IpAddr, route: Option<&Route>) -> Sentence {
    let container = view.snapshot.containers.iter().find(|container| container.addresses.contains(&address));
    let container =
        container.and_then(|container| container.name.as_ref()).map(|name| format!(" It is that of container {name}."));
    let way = match route {
        Some(Route { interface: Some(interface), gateway: Some(gateway), .. }) => {
            format!("it is reached by {interface} through {gateway}")
        }
        Some(Route { interface: Some(interface), .. }) => format!("it is on the network of {interface}"),
        Some(_) | None => "no route to it could be read".to_owned(),
    };
    let port = target.endpoint.port;
    let used = view.snapshot.sockets.iter().filter(|socket| {
        socket.transport == target.endpoint.transport
            && socket.remote().is_some_and(|(other, to)| to == port && target.addresses.contains(&other))
    });
    let connected = match used.count() {
        0 => String::new(),
        1 => " 1 connection leads there now.".to_owned(),
        many => format!(" {many} connections lead there now."),
    };
    let what = if target.endpoint.transport == Transport::Udp { "receives on" } else { "listens on" };
    format!(
        "{address} is not this machine: {way}. What {what} port {port} there, only that machine can say.{}{connected}",
        container.unwrap_or_default()
    )
    .into()
}

fn summary(view: &View, target: &Target, chosen: &[usize], bind: &Bind) -> Sentence {
    let snapshot = &view.snapshot;
    let Some(first) = chosen.first() else {
        let verb = if target.endpoint.transport == Transport::Udp { "receives" } else { "listens" };
        let verdict = match (bind.possible, bind.because.first()) {
            (Some(true), _) => "A bind would succeed now.".into(),
            (_, Some(cause)) => cause.summary.clone(),
            (_, None) => "Whether a bind would succeed cannot be told.".into(),
        };
        // What is bound to the file and out of sight is not nothing.
        if target.unix().is_some_and(|path| path.is_bound() == Some(true)) {
            return verdict;
        }
        return format!("Nothing {verb} on {}. {verdict}", target.endpoint).into();
    };
    let mut said: Vec<String> = Vec::new();
    let mut last = None;
    for index in chosen {
        let Some(socket) = snapshot.sockets.get(*index) else { continue };
        // Nobody who may be named is known by the user.
        let owner = Some((view.first_owner(*index), socket.uid));
        let endpoint = bound_as(target, socket);
        if owner == last {
            said.push(endpoint);
        } else {
            said.push(format!("{} {} {endpoint}", holder_words(view, *index), verb(socket)));
        }
        last = owner;
    }
    let since = view.first_owner(*first).and_then(|pid| snapshot.process(pid));
    let place = since.and_then(|process| view.story(process.id.pid));
    // An orphan without a project works for nobody.
    let works = |story: &&crate::Story| {
        let orphan = story.supervisor.as_ref().is_some_and(|supervisor| supervisor.kind == SupervisorKind::Orphan);
        !orphan || story.project.is_some() || story.container.is_some()
    };
    let place = place.filter(works).map(|story| story.why.clone()).filter(|why| !why.is_empty());
    let started = since.map(|process| format!(", started {} ago", age(view.age_s(process.started_at)))).unwrap_or_default();
    // Of Portward's own it is said what they do, and not for whom they work.
    let link = if since.and_then(Own::of).is_some() { "," } else { " for" };
    let place = view.kept(*first).map(ToString::to_string).or(place.map(|place| place.to_string()));
    let place = place.map(|place| format!("{link} {place}")).unwrap_or_default();
    let said = said.join(" and ");
    // A program's name keeps its own spelling.
    let said = if since.is_some() { said } else { capitalised(&said) };
    let leads =
        chosen.iter().find_map(|index| leads(view, *index)).map(|leads| format!(" It leads {leads}.")).unwrap_or_default();
    format!("{said}{started}{place}.{leads}").into()
}

/// The endpoint of a socket; of a Unix socket the path that was asked about, with the one that its server wrote where they differ.
fn bound_as(target: &Target, socket: &Socket) -> String {
    let (Some(asked), Some(path)) = (target.path(), socket.path()) else { return endpoint_words(socket) };
    if asked == path { endpoint_words(socket) } else { format!("{}, which it bound as {path}", target.endpoint) }
}

/// `41 s`, `9 m`, `3 h`, `12 d`.
pub fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} m", seconds / 60),
        3600..86400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86400),
    }
}

fn address(target: &Target) -> Address {
    if target.path().is_some() {
        let text = "a Unix socket: a file system path or an abstract name, reached by programs of this machine only (unix(7))"
            .to_owned();
        return Address { value: None, class: AddressClass::Unix, scope: Scope::Loopback, text };
    }
    match target.addresses.first() {
        Some(address) => {
            let class = AddressClass::of(*address);
            let scope = match class {
                AddressClass::Wildcard => Scope::Every,
                AddressClass::Loopback => Scope::Loopback,
                _ => Scope::Interface,
            };
            Address { value: Some(address.to_string()), class, scope, text: address_sentence(*address) }
        }
        None => Address {
            value: None,
            class: AddressClass::Wildcard,
            scope: Scope::Every,
            text: "no address was given: any address of this machine with this port".to_owned(),
        },
    }
}

fn port(target: &Target, view: &View) -> Port {
    let number = target.endpoint.port;
    if target.path().is_some() {
        return Port::default();
    }
    let rules = view.snapshot.rules.as_ref();
    let service = usual_service(target.endpoint.transport, number);
    let mut text = vec![class_sentence(number)];
    text.extend(service.map(|service| format!("usual service: {service}")));
    text.extend(rules.map(|rules| rule_sentences(number, rules)).unwrap_or_default());
    let blocked = browser_blocks(number) && target.endpoint.transport == Transport::Tcp;
    if blocked {
        text.push("browsers refuse to open it (ERR_UNSAFE_PORT): it is on the Fetch standard's list of bad ports".to_owned());
    }
    Port {
        number: Some(number),
        class: Some(PortClass::of(number)),
        ephemeral: rules.map(|rules| rules.is_ephemeral(number)),
        reserved: rules.map(|rules| rules.is_reserved(number)),
        privileged: rules.map(|rules| number < rules.unprivileged_start),
        blocked_by_browsers: blocked,
        service: service.map(str::to_owned),
        text,
    }
}

fn reaches(view: &View, target: &Target, chosen: &[usize]) -> Vec<Reach> {
    let snapshot = &view.snapshot;
    let mut all: Vec<Reach> = Vec::new();
    for index in chosen {
        let Some(socket) = snapshot.sockets.get(*index) else { continue };
        for one in reach(snapshot, socket) {
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    if chosen.is_empty() {
        // Who could reach a server that binds as asked: the same rules on a socket that does not exist yet.
        if let Some(socket) = steps::imagined(target) {
            return reach(snapshot, &socket);
        }
    }
    all
}

fn clients(view: &View, target: &Target, chosen: &[usize]) -> Vec<Client> {
    let snapshot = &view.snapshot;
    let listeners: Vec<_> = chosen.iter().filter_map(|index| snapshot.sockets.get(*index)).collect();
    let mut found = Vec::new();
    for (index, socket) in snapshot.sockets.iter().enumerate() {
        let Some((address, port)) = socket.remote().filter(|_| socket.transport == target.endpoint.transport) else { continue };
        let served = socket
            .address()
            .is_some_and(|own| listeners.iter().any(|listener| listener.netns == socket.netns && listener.takes(own)));
        if !served
            || socket.port() != Some(target.endpoint.port)
            || matches!(socket.state, SocketState::TimeWait | SocketState::Closed)
        {
            continue;
        }
        let other = pairs::other_end(view, index);
        let process = other.and_then(|other| view.first_owner(other)).and_then(|pid| snapshot.process(pid));
        found.push(Client {
            address: Some(portward_model::unmap(address).to_string()),
            port: Some(port),
            pid: process.map(|process| process.id.pid),
            name: process.map(portward_model::Process::title),
            state: socket.state,
        });
    }
    found
}
