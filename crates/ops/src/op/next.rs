//! `portward next`

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use clap::Args;
use portward_checks::{BindQuestion, bind, browser_blocks};
use portward_model::{Finding, PortRange, Sentence, Transport};
use portward_sys::{self as sys, StateSet, SysError, Transports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Context, Exit, Failure, Look, Looks, Never, Noun, Op, Sink, View, document::Gap, holder_words};

/// Find ports that can really be bound, with the reason for each one skipped
///
/// A port is given when a server could bind it on both families, no outgoing connection is likely to take it,
/// and browsers open it. Each is proven on a throw-away socket that never listens.
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Next {
    /// Where to start, or the range to stay in
    #[arg(value_name = "FROM|RANGE", default_value = "3000")]
    #[serde(default = "from_3000")]
    pub range: From,
    /// How many ports
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    #[serde(default = "one")]
    pub number: u16,
}

fn from_3000() -> From {
    From(PortRange { first: 3000, last: u16::MAX })
}

fn one() -> u16 {
    1
}

/// A first port, or a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct From(PortRange);

impl FromStr for From {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let range: PortRange = text.parse().map_err(|error: portward_model::PortRangeError| error.to_string())?;
        if range.first == 0 {
            return Err("port 0 means \"any free port\"; start at 1 or above".to_owned());
        }
        Ok(Self(if text.contains('-') { range } else { PortRange { last: u16::MAX, ..range } }))
    }
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.last == u16::MAX { self.0.first.fmt(f) } else { self.0.fmt(f) }
    }
}

portward_model::written_as_text!(From);

/// Ports that can be bound.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Ports {
    /// The ports, lowest first; fewer than asked for when the range ends.
    pub ports: Vec<u16>,
    /// How many were asked for.
    pub wanted: u16,
    /// The ports that were passed over.
    pub skipped: Vec<Skipped>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// A run of ports that were passed over for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Skipped {
    /// The first of them.
    pub first: u16,
    /// The last of them.
    pub last: u16,
    /// Why.
    pub because: Sentence,
}

impl Noun for Ports {
    fn exit(&self) -> Exit {
        if self.ports.len() < usize::from(self.wanted) { Exit::Found } else { Exit::Fine }
    }
}

impl Op for Next {
    declare! { "next", Read at Anywhere with Looks, emits Never, answers Ports;
    "portward next" => "the first free port from 3000 up",
    "portward next 8000-8099 -n 3" => "three from a range",
    "PORT=$(portward next) npm run dev" => "hand one to a program" }

    fn run(self, cx: &Context<'_>, _: &mut Sink<'_, Never>) -> Result<Ports, Failure> {
        let transports = Transports { tcp: true, udp: false, unix: false };
        let view = Look { transports, states: StateSet::All, clients: false, rules: true, ..Look::serving() }.take(cx.machine);
        let range = self.range.0;
        // Asked for ports of the kernel's own range by name, it is not second-guessed.
        let ephemeral = view.snapshot.rules.as_ref().map(|rules| rules.ephemeral);
        let asked_inside = ephemeral.is_some_and(|ephemeral| ephemeral.contains(range.first) && ephemeral.contains(range.last));
        let mut found = Ports { ports: Vec::new(), wanted: self.number, skipped: Vec::new(), gaps: view.snapshot.gaps.clone() };
        let mut last = None;
        for port in range.first..=range.last {
            if found.ports.len() == usize::from(self.number) {
                break;
            }
            let reason = reason(cx.machine, &view, port, asked_inside)?;
            match (&reason, found.skipped.last_mut()) {
                (None, _) => found.ports.push(port),
                (Some(_), Some(run)) if reason == last => run.last = port,
                (Some(why), _) => found.skipped.push(Skipped { first: port, last: port, because: why.words(&view, port).into() }),
            }
            last = reason;
        }
        Ok(found)
    }
}

/// Why a port is passed over.
#[derive(PartialEq, Eq)]
enum Reason {
    Privileged { below: u16 },
    Ephemeral(PortRange),
    Browsers,
    Held { by: Option<u32>, user: u32 },
    Cause(Finding),
    Kernel { errno: i32, words: String },
}

impl Reason {
    fn words(&self, view: &View, port: u16) -> String {
        match self {
            Self::Privileged { below } => format!("below {below}, where a bind needs CAP_NET_BIND_SERVICE"),
            Self::Ephemeral(range) => {
                format!("in the kernel's ephemeral range {range}: an outgoing connection may take it any time")
            }
            Self::Browsers => "browsers refuse to open it (ERR_UNSAFE_PORT)".to_owned(),
            Self::Held { .. } => {
                let holder = view.serving(Transport::Tcp, port).next().map(|(index, _)| holder_words(view, index));
                format!("held by {}", holder.unwrap_or_default())
            }
            Self::Cause(cause) => cause.summary.clause().to_string(),
            Self::Kernel { words, .. } => format!("the kernel refuses a bind: {words}"),
        }
    }
}

fn reason(host: &dyn sys::Look, view: &View, port: u16, asked_inside: bool) -> Result<Option<Reason>, Failure> {
    if let Some(rules) = view.snapshot.rules.as_ref() {
        if port < rules.unprivileged_start && !rules.may_bind_privileged {
            return Ok(Some(Reason::Privileged { below: rules.unprivileged_start }));
        }
        if rules.is_ephemeral(port) && !asked_inside {
            return Ok(Some(Reason::Ephemeral(rules.ephemeral)));
        }
    }
    if browser_blocks(port) {
        return Ok(Some(Reason::Browsers));
    }
    if let Some((index, socket)) = view.serving(Transport::Tcp, port).next() {
        return Ok(Some(Reason::Held { by: view.first_owner(index), user: socket.uid }));
    }
    if view.snapshot.sockets.iter().any(|socket| socket.port() == Some(port)) {
        let answer = bind(&view.snapshot, &BindQuestion::any(Transport::Tcp, port));
        if let Some(cause) = answer.causes.into_iter().next() {
            return Ok(Some(Reason::Cause(cause)));
        }
    }
    for address in [IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::UNSPECIFIED)] {
        // Without SO_REUSEADDR: a program that forgets it must be able to bind, too.
        match host.try_bind(Transport::Tcp, SocketAddr::new(address, port), false) {
            Ok(Some((code, words))) if code != EAFNOSUPPORT => return Ok(Some(Reason::Kernel { errno: code, words })),
            // A snapshot cannot be tried; its sockets and rules have been asked.
            Ok(_) | Err(SysError::NotRecorded { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// A machine without IPv6.
const EAFNOSUPPORT: i32 = 97;
