//! A bare port in a project: the project's own, wherever its session serves it.

use std::net::SocketAddr;

use portward_model::{Endpoint, EndpointHost, Moved, Sentence, ShellLine, Text, Transport, hint};
use portward_sys::{Context, Depth, Rights};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Known;
use crate::{
    Acts, Failure, Look, View,
    op::ps::{Listening, Session},
    target::{Target, holder_words},
};

/// A port of a project's own localhost, where a bare number meant one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Meant {
    /// The project; `null` for a session outside any project.
    pub project: Option<Text>,
    /// The port that its programs ask for.
    pub asked: u16,
    /// The port that clients outside dial.
    pub port: u16,
    /// TCP or UDP.
    pub transport: Transport,
    /// The service; `null` where nothing of the project serves it now.
    pub service: Option<String>,
    /// The process that serves it; `null` where nothing does.
    pub pid: Option<u32>,
    /// Who has the asked port itself, which is `localhost:PORT`; `null` where nobody else does.
    pub stranger: Option<String>,
}

impl Meant {
    fn of(session: &Session, listening: &Listening, asked: u16, port: u16) -> Self {
        Self {
            project: session.project.clone(),
            asked,
            port,
            transport: listening.transport,
            service: Some(listening.service.clone()),
            pid: Some(listening.pid),
            stranger: None,
        }
    }

    /// The endpoint that it stands for.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint {
            transport_given: self.transport == Transport::Udp,
            ..Endpoint::at(self.transport, EndpointHost::Any, self.port)
        }
    }

    fn owner(&self) -> String {
        self.project.as_ref().map_or_else(|| "the session".to_owned(), Text::shown)
    }

    fn number(&self, port: u16) -> String {
        Endpoint { transport_given: self.transport == Transport::Udp, ..Endpoint::at(self.transport, EndpointHost::Any, port) }
            .to_string()
    }

    /// `shop's 3000, here 29200`
    pub fn words(&self) -> String {
        format!("{}'s {}, here {}", self.owner(), self.number(self.asked), self.number(self.port))
    }

    /// The same in a sentence, with who has the real port.
    pub fn sentence(&self) -> Sentence {
        let words = self.words();
        match &self.stranger {
            None => format!("This is {words}."),
            Some(stranger) => format!("This is {words}; localhost:{}, the real one, belongs to {stranger}.", self.asked),
        }
        .into()
    }

    /// `shop asked for 3000 and serves it at 29200`
    pub fn elsewhere(&self) -> String {
        let owner = self.project.as_ref().map_or_else(|| "A session outside any project".to_owned(), Text::shown);
        format!("{owner} asked for {} and serves it at {}", self.number(self.asked), self.number(self.port))
    }

    /// `node (pid 1335) -> localhost:29200`
    fn served(&self) -> String {
        match (&self.service, self.pid) {
            (Some(service), Some(pid)) => format!("{} (pid {pid}) at {}", Text::from_shown(service), self.port),
            _ => self.port.to_string(),
        }
    }
}

impl Known {
    /// The project's port that an endpoint means: a bare number, which its session serves or has a lease for. Every endpoint with a
    /// host is what it says.
    pub(crate) fn meant(&self, endpoint: &Endpoint) -> Option<Meant> {
        let is_bare = endpoint.host == EndpointHost::Any && endpoint.port_given && endpoint.scheme.is_none();
        let own = || self.sessions.iter().filter(|session| self.is_here(session));
        if !is_bare || own().next().is_none() {
            return None;
        }
        let asked =
            |meant: &Meant| meant.asked == endpoint.port && (!endpoint.transport_given || meant.transport == endpoint.transport);
        let served = own().flat_map(moved).filter(asked).reduce(|first, next| {
            // Of two the later one, and TCP before UDP.
            if next.transport == Transport::Udp && first.transport == Transport::Tcp { first } else { next }
        });
        served.or_else(|| {
            let tcp = endpoint.transport == Transport::Tcp;
            let (asked, port) = *self.leases.iter().find(|(asked, port)| *asked == endpoint.port && asked != port && tcp)?;
            let project = self.here.as_ref().map(|here| here.name.clone()).filter(|name| !name.is_empty());
            Some(Meant { project, asked, port, transport: Transport::Tcp, service: None, pid: None, stranger: None })
        })
    }

    /// The same, with who has the real port beside it. Where nothing of the project serves its own, and a program of its folder that
    /// was started without a session has the real one, that one is meant.
    pub(crate) fn meant_here<R: Rights>(&self, cx: &Context<'_, R>, endpoint: &Endpoint) -> Option<Meant> {
        let mut meant = self.meant(endpoint)?;
        let look = Look { owners: Some(Depth::Processes), clients: false, interfaces: false, ..Look::serving() };
        let real = real(&meant);
        let view = Look { transports: real.look().transports, ports: real.look().ports, ..look }.take(cx.look());
        let stranger = also(self, &real, &view);
        let root = self.here.as_ref().and_then(|here| here.root.as_ref());
        let of_folder = |index: usize| {
            let project = view.first_owner(index).and_then(|pid| view.story(pid)?.project.as_ref());
            root.is_some() && project.map(|project| &project.root) == root
        };
        if meant.pid.is_none() && stranger.is_some_and(of_folder) {
            return None;
        }
        meant.stranger = stranger.map(|index| holder_words(&view, index));
        Some(meant)
    }

    /// Where sessions of other projects serve what was asked for, and where this one's does, where the port was not meant as its own.
    pub(crate) fn elsewhere(&self, endpoint: &Endpoint) -> Vec<Meant> {
        let asked = |meant: &Meant| meant.asked == endpoint.port && meant.transport == endpoint.transport;
        let is_here = matches!(&endpoint.host, EndpointHost::Any)
            || matches!(&endpoint.host, EndpointHost::Ip(address, _) if address.is_loopback() || address.is_unspecified())
            || matches!(&endpoint.host, EndpointHost::Name(name) if portward_model::is_localhost(name));
        self.sessions.iter().filter(|_| is_here).flat_map(moved).filter(asked).collect()
    }

    /// The same as the doctor's inquiry has it.
    pub(crate) fn moved(&self, meant: Meant) -> Moved {
        let of = |session: &&Session| session.project == meant.project && moved(session).any(|own| own.port == meant.port);
        let session = self.sessions.iter().find(of);
        Moved {
            port: meant.port,
            service: Text::from(meant.service.unwrap_or_default().as_str()),
            project: meant.project.unwrap_or_default(),
            root: session.and_then(|session| session.root.clone()).unwrap_or_default(),
            pid: meant.pid,
            here: session.is_some_and(|session| self.is_here(session)),
        }
    }

    /// Which session's port this one is, by the port that clients outside dial.
    pub(crate) fn serves_at(&self, transport: Transport, port: u16) -> Option<Meant> {
        self.sessions.iter().flat_map(moved).find(|meant| meant.port == port && meant.transport == transport)
    }
}

/// Every port of a session that is another one outside.
fn moved(session: &Session) -> impl Iterator<Item = Meant> {
    let listeners = session.services.iter().flat_map(|service| &service.listeners);
    listeners.filter_map(move |listening| {
        let (asked, port) = (port_of(listening.asked.as_deref()?)?, port_of(&listening.serves)?);
        (asked != port).then(|| Meant::of(session, listening, asked, port))
    })
}

pub(super) fn port_of(address: &str) -> Option<u16> {
    address.parse::<SocketAddr>().ok().map(|address| address.port())
}

/// The asked port itself, as everybody outside has it.
pub(crate) fn real(meant: &Meant) -> Target {
    let endpoint = Endpoint { port: meant.asked, ..meant.endpoint() };
    Target { endpoint, addresses: Vec::new(), note: None, facts: None }
}

/// The first socket that serves the real port and is no part of lending it.
pub(crate) fn also(known: &Known, real: &Target, view: &View) -> Option<usize> {
    let lends = |index: &usize| view.snapshot.holders(*index).iter().any(|holding| known.is_forwarder(holding.pid));
    real.serving(view).into_iter().find(|index| !lends(index))
}

/// A word that means two things: what is to be done with which of them.
pub(crate) struct Twofold<'a> {
    /// The command, such as `portward free`.
    pub(crate) command: &'static str,
    /// What becomes of what is meant, such as `stopped`.
    pub(crate) done: &'static str,
    /// What it means in this project.
    pub(crate) meant: &'a Meant,
}

impl Twofold<'_> {
    /// True where the project's port is meant: nobody else has the real one, or the person says so.
    ///
    /// # Errors
    /// Where nobody is there to ask, with both spellings; and where neither is meant.
    pub(crate) fn is_projects(&self, cx: &Context<'_, Acts>) -> Result<bool, Failure> {
        let Self { command, done, meant } = self;
        let Some(stranger) = &meant.stranger else { return Ok(true) };
        let (asked, owner) = (meant.asked, meant.owner());
        let told = format!("{asked} is two things here: {owner}'s, {}, and the real one of {stranger}.", meant.served());
        let nothing = |why: &str| {
            Failure::usage(format!("{told} {why} nothing was {done}.")).hint(hint!(
                "{} {}    or {} localhost:{}",
                ShellLine::from(*command),
                meant.number(meant.port),
                ShellLine::from(*command),
                asked
            ))
        };
        match cx.prompt.confirm(&format!("{told} Is {owner}'s meant?")) {
            Some(true) => Ok(true),
            None => Err(nothing("It does not say which is meant, so")),
            Some(false) => match cx.prompt.confirm(&format!("Is the real one meant, localhost:{asked}?")) {
                Some(true) => Ok(false),
                Some(false) | None => Err(nothing("Neither was meant, so")),
            },
        }
    }
}
