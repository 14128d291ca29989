//! Which connections to try, and which never to.
//!
//! A connection is an event for some listeners: a debugger's rendezvous gives up after one that says nothing, a
//! one-shot server is used up, a socket unit starts its service, an ingest port stores what it is sent. So the doctor
//! looks first, declines where a connection could harm, and otherwise says the least that tells.

mod harm;
mod next;
mod watch;

use std::net::SocketAddr;

use portward_model::{Declined, DialTarget, SafeMethod, Said, Socket, SocketState, Text, Transport};
use portward_wire::protocol::{self, HTTP};

use super::{Asking, Case};
use crate::{
    Symptom,
    case::{
        dialled,
        forwarder::{Forwarder, forwarder},
        request,
    },
    cause::local_proxy,
    program,
};

pub(super) use harm::may_be_errands;
use harm::{Spared, why_not};
pub(super) use next::follow_up;
pub(super) use watch::{Watch, may_be_told, watch};

/// What to try and what not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Connections to try, in order.
    pub dials: Vec<PlannedDial>,
    /// Connections that would be wanted and are not made.
    pub declined: Vec<Declined>,
    /// True where connections are made whatever they cost.
    on_demand: bool,
}

impl Plan {
    /// True where a connection is not made; the reason is kept.
    fn declines(&mut self, spared: Option<Spared>, what: impl FnOnce() -> String) -> bool {
        let Some(Spared { because, on_demand }) = spared.filter(|spared| !(self.on_demand && spared.on_demand)) else {
            return false;
        };
        self.declined.push(Declined { what: what().into(), because, on_demand });
        true
    }
}

/// A connection to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedDial {
    /// Where to.
    pub at: DialTarget,
    /// What to say; `None` connects and closes.
    pub speech: Option<Speech>,
    /// How long a handshake may take, in milliseconds.
    pub patience_ms: u64,
    /// What it is for, in words.
    pub purpose: &'static str,
}

/// What to say on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speech {
    /// Which kind of words.
    pub said: Said,
    /// The protocol, as the greetings of `portward_wire` name it.
    pub protocol: &'static str,
    /// How long to listen before speaking, in milliseconds.
    pub listen_first_ms: u64,
    /// How long an answer may take, in milliseconds.
    pub patience_ms: u64,
    /// By which method, where it is a request.
    pub method: SafeMethod,
    /// True when the whole answer matters, not its head alone.
    pub with_body: bool,
}

impl Speech {
    fn new(said: Said, protocol: &'static str) -> Self {
        Self { said, protocol, listen_first_ms: 0, patience_ms: ANSWER_MS, method: SafeMethod::Head, with_body: false }
    }
}

/// Which connections to try for a case whose snapshot and vitals were read; those that cost something only on demand.
pub(super) fn plan(case: &Case<'_>, on_demand: bool) -> Plan {
    let mut plan = Plan { on_demand, ..Plan::default() };
    if case.asked.asking == Asking::Listen {
        return plan;
    }
    if case.is_blind() {
        plan.declined.push(Declined {
            what: format!("a connection to {}", case.asked.text).into(),
            because: "sockets cannot be read, so that nobody knows what a connection would meet".into(),
            on_demand: false,
        });
        return plan;
    }
    if let Some(path) = &case.asked.path {
        unix(case, path, &mut plan);
        return plan;
    }
    // No port, or none that can be: nobody can be dialled there.
    if case.asked.port == 0 {
        return plan;
    }
    if case.asked.transport != Transport::Tcp {
        if !case.served().is_empty() {
            plan.declined.push(Declined {
                what: format!("a datagram to {}", case.asked.text).into(),
                because: "a datagram is data to whoever receives it, and silence would prove nothing".into(),
                on_demand: false,
            });
        }
        return plan;
    }
    let mut spoken_to: Vec<usize> = Vec::new();
    for address in &case.asked.addresses {
        let at = SocketAddr::new(*address, case.asked.port);
        let takers = case.takers(*address);
        let Some((index, socket)) = takers.first() else {
            let far = !case.is_own_address(*address);
            let purpose = if far { "whether the other machine answers" } else { "what a client meets where nothing listens" };
            let patience_ms = if far { FAR_MS } else { NEAR_MS };
            let speech = if far { far_speech(case) } else { None };
            plan.dials.push(PlannedDial { at: DialTarget::Inet(at), speech, patience_ms, purpose });
            continue;
        };
        if spoken_to.contains(index) {
            continue;
        }
        spoken_to.push(*index);
        dial_listener(case, at, *index, socket, "what a client meets", &mut plan);
    }
    neighbours(case, &spoken_to, &mut plan);
    outside(case, &mut plan);
    if let Some(proxy) = local_proxy(case).filter(|_| !spoken_to.is_empty()) {
        let purpose = "whether the proxy that the environment names is there";
        plan.dials.push(PlannedDial { at: DialTarget::Inet(proxy), speech: None, patience_ms: NEAR_MS, purpose });
    }
    plan
}

/// What to say to another machine: the words of the URL's own clients, or nothing where no URL was given.
fn far_speech(case: &Case<'_>) -> Option<Speech> {
    let (known, scheme) = protocol::of_scheme(case.asked.scheme.as_deref()?)?;
    let method = request::method(case);
    match scheme.words {
        _ if scheme.tls => Some(Speech::new(Said::Tls, "tls")),
        "ws" => Some(Speech::new(Said::Upgrade, "http")),
        _ if *known == HTTP => Some(Speech { method, ..Speech::new(Said::Http, "http") }),
        _ => known.own_greeting().is_some().then(|| Speech::new(Said::Greeting, known.name)),
    }
}

/// From inside a container where nobody listens: the same port of the machine around it, which is its gateway.
fn outside(case: &Case<'_>, plan: &mut Plan) {
    let Some(network) = case.exam.network.as_ref().filter(|network| network.container.is_some() || network.wsl) else { return };
    let ephemeral = case.snapshot.rules.as_ref().is_some_and(|rules| rules.is_ephemeral(case.asked.port));
    let loopback = !case.asked.addresses.is_empty() && case.asked.addresses.iter().all(std::net::IpAddr::is_loopback);
    // A port that the system hands out may be a debugger's, and one connection would end its wait.
    if ephemeral || !loopback || case.listeners().next().is_some() {
        return;
    }
    if let Some(gateway) = network.gateway {
        let at = DialTarget::Inet(SocketAddr::new(gateway, case.asked.port));
        let purpose = "whether the machine outside serves it";
        plan.dials.push(PlannedDial { at, speech: None, patience_ms: NEAR_MS, purpose });
    }
}

/// A listener of the same port at another loopback address: that it answers proves the difference.
fn neighbours(case: &Case<'_>, spoken_to: &[usize], plan: &mut Plan) {
    if !spoken_to.is_empty() {
        return;
    }
    let near = case.listeners().filter(|(_, socket)| {
        socket.address().is_some_and(|address| portward_model::unmap(address).is_loopback() || address.is_unspecified())
    });
    for (index, socket) in near.take(2) {
        let Some(address) = socket.address() else { continue };
        let address = dialled(address);
        if why_not(case, index, socket).is_none() {
            let at = DialTarget::Inet(SocketAddr::new(address, case.asked.port));
            let purpose = "whether the listener beside it answers";
            plan.dials.push(PlannedDial { at, speech: None, patience_ms: NEAR_MS, purpose });
        }
    }
}

fn dial_listener(case: &Case<'_>, at: SocketAddr, index: usize, socket: &Socket, purpose: &'static str, plan: &mut Plan) {
    if plan.declines(why_not(case, index, socket), || format!("a connection to {at}")) {
        return;
    }
    plan.dials.push(PlannedDial { at: DialTarget::Inet(at), speech: speech(case, index), patience_ms: NEAR_MS, purpose });
}

fn unix(case: &Case<'_>, path: &Text, plan: &mut Plan) {
    let listening = case.listeners().find(|(_, socket)| socket.transport == Transport::Unix);
    let refused = listening.and_then(|(index, socket)| why_not(case, index, socket));
    if plan.declines(refused, || format!("a connection to {path}")) {
        return;
    }
    let other = case.listeners().next().filter(|_| listening.is_none());
    if let Some((_, socket)) = other {
        let kind = if socket.transport == Transport::UnixPacket { "packets" } else { "datagrams" };
        plan.declined.push(Declined {
            what: format!("a connection to {path}").into(),
            because: format!("it takes {kind}, and a stream is refused there whatever its health").into(),
            on_demand: false,
        });
    }
    let stream = other.is_none();
    if stream {
        let at = DialTarget::Unix(path.clone());
        // A client of HTTP asked there, so one more request is none that it has not seen.
        let told = case.paste.is_some_and(|paste| {
            let web = paste.program.is_some_and(|program| program == "curl") || paste.url_scheme.as_deref() == Some("http");
            web && matches!(paste.symptom, Symptom::NoAnswer | Symptom::EmptyReply | Symptom::Reset | Symptom::HttpStatus)
        });
        let speech = (told && listening.is_some()).then(|| Speech::new(Said::Http, "http"));
        plan.dials.push(PlannedDial { at, speech, patience_ms: NEAR_MS, purpose: "what a client meets" });
    }
}

/// What to say to the listener, by its scheme, its program and its port; by the client's own method, where it may be repeated.
fn speech(case: &Case<'_>, index: usize) -> Option<Speech> {
    let scheme = case.asked.scheme.as_deref().or_else(|| case.paste.and_then(|paste| paste.url_scheme.as_deref()));
    let greeting = |protocol: &'static str| Some(Speech::new(Said::Greeting, protocol));
    let holder = case.holder(index);
    let leads = holder.and_then(|process| forwarder(process, case.asked.port, case.snapshot.host.uid));
    // What stands behind a tunnel and speaks first is far, and is not to be talked over.
    let first_ms =
        |listen_first_ms| if leads.as_ref().is_some_and(|leads| leads.is_far) { FAR_BANNER_MS } else { listen_first_ms };
    let said = if request::upgrades(case) { Said::Upgrade } else { Said::Http };
    let method = request::method(case);
    let http = |listen_first_ms| Some(Speech { listen_first_ms: first_ms(listen_first_ms), method, ..Speech::new(said, "http") });
    if let Some(known) = leads.as_ref().and_then(|leads| leads.speaks) {
        return greeting(known.name);
    }
    // What stands behind it is greeted, as far as its port tells who that is.
    if let Some(known) = leads.as_ref().filter(|leads| leads.blind && scheme.is_none()).and_then(Forwarder::leads_to)
        && known.own_greeting().is_some()
    {
        return greeting(known.name);
    }
    let by_program = holder.and_then(program::protocol_of);
    if let Some(known) = by_program.filter(|known| known.greeting.is_some() && **known != HTTP) {
        return greeting(known.name);
    }
    let scheme = scheme.and_then(protocol::of_scheme);
    // Out of sight, the scheme tells what may be said without harm.
    if let Some((known, _)) = scheme.filter(|(known, scheme)| holder.is_none() && !scheme.tls && known.own_greeting().is_some()) {
        return greeting(known.name);
    }
    match scheme.map(|(_, scheme)| (scheme.words, scheme.tls)) {
        Some(("ws", _)) => return Some(Speech { listen_first_ms: GLANCE_MS, ..Speech::new(Said::Upgrade, "http") }),
        Some(("http", _)) => return http(GLANCE_MS),
        Some((_, true)) => return Some(Speech { listen_first_ms: GLANCE_MS, ..Speech::new(Said::Tls, "tls") }),
        _ if by_program == Some(&HTTP) => return http(GLANCE_MS),
        _ => {}
    }
    if let Some((known, _)) =
        protocol::of_port(case.asked.port).filter(|(known, _)| holder.is_none() && known.own_greeting().is_some())
    {
        return greeting(known.name);
    }
    http(BANNER_MS)
}

/// The processes whose health matters to a case: holders of what stands at the port, at most 48.
pub(super) fn suspects(case: &Case<'_>) -> Vec<u32> {
    let mut pids: Vec<u32> = Vec::new();
    let listeners = case.here().filter(|(_, socket)| socket.state == SocketState::Listen || socket.state == SocketState::Bound);
    pids.extend(crate::case::subject::asker(case).map(|asker| asker.process.id.pid));
    for (index, _) in listeners.chain(case.here()) {
        for holding in case.snapshot.holders(index) {
            if !pids.contains(&holding.pid) && pids.len() < 48 {
                pids.push(holding.pid);
            }
        }
    }
    pids
}

/// On loopback a handshake takes well under a millisecond; the first SYN is sent again after a second.
const NEAR_MS: u64 = 250;
/// Another machine may be a continent away.
const FAR_MS: u64 = 1500;
/// How long a server that speaks first may take to do so.
const BANNER_MS: u64 = 25;
/// Long enough to tell a server that leaves at once from one that leaves when it is spoken to.
const GLANCE_MS: u64 = 5;
/// The same of one that stands behind a tunnel.
const FAR_BANNER_MS: u64 = 400;
/// How long an answer may take before something else is tried.
const ANSWER_MS: u64 = 2500;
/// How long one of a server of HTTP may take before it counts as silent: a first answer compiles, or looks a name up for five
/// seconds.
const SLOW_MS: u64 = 10_000;
/// How long an answer to a second question may take.
const SECOND_MS: u64 = 800;

#[cfg(test)]
mod tests {
    use portward_model::{DialTarget, Ended, NetworkSettings, ProxySetting, Said};

    use super::{follow_up, plan};
    use crate::{
        case::scene::Scene,
        fixture::{held, listener, machine, world},
    };

    fn goes_to(scene: &Scene, at: &str) -> bool {
        let at = DialTarget::Inet(at.parse().unwrap());
        plan(&scene.case(), false).dials.iter().any(|dial| dial.at == at && dial.speech.is_none())
    }

    #[test]
    fn from_inside_a_container_the_machine_around_it_is_asked_once() {
        let inside = |target: &str, snapshot| {
            Scene::on(snapshot, target).but(|scene| {
                let gateway = Some("172.17.0.1".parse().unwrap());
                scene.exam.network =
                    Some(NetworkSettings { container: Some("docker".to_owned()), gateway, ..NetworkSettings::default() });
            })
        };
        assert!(goes_to(&inside("127.0.0.1:3000", machine()), "172.17.0.1:3000"));
        let mut outside = inside("127.0.0.1:3000", machine());
        outside.exam.network = None;
        assert!(!goes_to(&outside, "172.17.0.1:3000"), "only from inside");
        assert!(!goes_to(&inside("127.0.0.1:40000", machine()), "172.17.0.1:40000"), "it may be a debugger's");
        let served = held(listener("127.0.0.1", 3000));
        assert!(!goes_to(&inside("127.0.0.1:3000", served), "172.17.0.1:3000"), "it is served inside");
    }

    #[test]
    fn a_proxy_of_this_machine_is_asked_for_urls_that_it_would_get() {
        let url = |proxy: &str, scheme: Option<&str>| {
            Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000").but(|scene| {
                scene.asked.scheme = scheme.map(str::to_owned);
                scene.exam.proxies.push(ProxySetting { variable: "http_proxy".to_owned(), value: proxy.into() });
            })
        };
        assert!(goes_to(&url("localhost:3128", Some("http")), "127.0.0.1:3128"));
        assert!(!goes_to(&url("127.0.0.1:3128", Some("redis")), "127.0.0.1:3128"));
        assert!(!goes_to(&url("127.0.0.1:3128", None), "127.0.0.1:3128"));
        assert!(!goes_to(&url("10.0.0.1:3128", Some("http")), "10.0.0.1:3128"), "another machine's is its own affair");
    }

    fn next(scene: &Scene) -> Option<Said> {
        follow_up(&scene.case()).and_then(|dial| dial.speech).map(|speech| speech.said)
    }

    #[test]
    fn each_answer_calls_for_the_question_that_tells_more() {
        let bare = || Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000");
        let url = |scheme: &str| bare().but(|scene| scene.asked.scheme = Some(scheme.to_owned()));
        let forbidden = b"HTTP/1.1 403 Forbidden\r\n\r\n";
        let lost = b"HTTP/1.1 404 Not Found\r\n\r\n";
        let named = || url("http").named("shop.test", &["127.0.0.1"]).talked(Said::Http, forbidden, Ended::Enough);
        assert_eq!(next(&named()), Some(Said::HttpByLocalhost));
        assert_eq!(next(&named().talked(Said::HttpByLocalhost, forbidden, Ended::Enough)), Some(Said::Http));
        assert_eq!(next(&url("http").talked(Said::Http, lost, Ended::Enough)), None);
        let page = url("http").but(|scene| scene.asked.resource = Some("/x".to_owned()));
        assert_eq!(next(&page.clone().talked(Said::Http, lost, Ended::Enough)), Some(Said::Http));
        let again = page.talked(Said::Http, lost, Ended::Enough).talked(Said::Http, lost, Ended::Enough);
        assert_eq!(next(&again), None);
        assert_eq!(next(&url("ws").talked(Said::Upgrade, b"", Ended::Closed)), Some(Said::Tls));
        // Before a server is said to leave its clients, it is asked by the client's own method.
        let left = |by: &str| {
            let by = portward_model::Text::from(by);
            bare().talked(Said::Http, b"", Ended::Closed).but(|scene| {
                scene.exam.attempts[0].exchange.as_mut().unwrap().line = Some(by);
            })
        };
        let method =
            |scene: &Scene| follow_up(&scene.case()).and_then(|dial| dial.speech).map(|speech| (speech.said, speech.method));
        assert_eq!(method(&left("HEAD /")), Some((Said::Http, portward_model::SafeMethod::Get)));
        assert_eq!(next(&left("GET /")), Some(Said::Tls));
        assert_eq!(next(&url("https").talked(Said::Tls, b"\x15\x03\x03\x00\x02\x02\x28", Ended::Closed)), None);
        let mute = |scene: Scene| scene.talked(Said::Http, b"", Ended::Closed).talked(Said::Tls, b"", Ended::Closed);
        assert_eq!(next(&mute(bare())), None, "nobody complains, and its program is in sight");
        let hidden = Scene::on(world(vec![listener("127.0.0.1", 3000)], Vec::new(), Vec::new()), "127.0.0.1:3000");
        assert_eq!(next(&mute(hidden.clone())), Some(Said::Proxied));
        assert_eq!(next(&mute(hidden).talked(Said::Proxied, b"", Ended::Closed)), Some(Said::Greeting));
    }
}
