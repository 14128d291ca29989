//! `portward wait`

use std::{io, net::IpAddr, path::PathBuf, time::Duration};

use clap::Args;
use portward_model::{AddressClass, DialTarget, Endpoint, Hint, Lack, Met, Said, Text};
use portward_sys::{self as sys, Dial, Dialling, Talk};
use portward_wire::protocol::{self, Greeting, Judgement, PROTOCOLS};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Context, Dials, Exit, Failure, Look, Never, Noun, Op, Sink, Span, document::Gap, target::Target};

/// Wait until something listens, answers, or has let go of a port
///
/// Without --ready it waits for a listener and connects to nothing. With --ready tcp it connects; with a
/// protocol it greets the server in that protocol and waits for a sound answer. With --free it waits until
/// the port can be bound.
#[derive(Args, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// The endpoints; all of them must be ready
    #[arg(value_name = "ENDPOINT", required = true)]
    pub endpoints: Vec<Endpoint>,
    /// Wait until the port can be bound
    #[arg(long, conflicts_with = "ready")]
    #[serde(default)]
    pub free: bool,
    /// How to ask: tcp connects; http, tls, postgres, mysql, redis and others speak the protocol
    #[arg(long, value_name = "tcp|PROTOCOL")]
    #[serde(default)]
    pub ready: Option<String>,
    /// Give up after this time; 0 waits for ever
    #[arg(long, short, value_name = "TIME", default_value = "60s")]
    #[serde(default = "a_minute")]
    pub timeout: Span,
}

fn a_minute() -> Span {
    Span(Duration::from_mins(1))
}

/// Whether everything became ready, and how long that took.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Waited {
    /// True when every endpoint was ready in time.
    pub ready: bool,
    /// How long it took, in milliseconds.
    pub waited_ms: u64,
    /// Each endpoint.
    pub endpoints: Vec<Awaited>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// One endpoint that was waited for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Awaited {
    /// As it was understood.
    pub endpoint: String,
    /// True when it was ready.
    pub ready: bool,
    /// What was seen last.
    pub saw: String,
}

impl Noun for Waited {
    fn exit(&self) -> Exit {
        if self.ready { Exit::Fine } else { Exit::Found }
    }
}

/// What readiness means.
enum Wish {
    Listening,
    Free,
    Connects,
    Speaks(Greeting),
}

impl Op for Wait {
    declare! { "wait", Read at Machine with Dials, emits Never, answers Waited;
    "portward wait 3000 && open http://localhost:3000" => "until something listens on 3000",
    "portward wait 5432 --ready postgres --timeout 30s" => "until PostgreSQL accepts sessions",
    "portward wait 3000 --free" => "until the port can be bound again",
    "portward wait 3000 8080 unix:/run/app.sock" => "for several at once" }

    fn run(self, cx: &Context<'_, Dials>, _: &mut Sink<'_, Never>) -> Result<Waited, Failure> {
        let wish = self.wish()?;
        for endpoint in &self.endpoints {
            Target::exact(endpoint)?;
        }
        let began = cx.now();
        let end = (!self.timeout.0.is_zero()).then(|| began + self.timeout.0);
        let targets: Vec<Target> =
            self.endpoints.into_iter().map(|endpoint| Target::of(endpoint, cx.machine)).collect::<Result<_, _>>()?;
        let directories: Vec<PathBuf> = targets.iter().filter_map(|target| directory(target.path()?)).collect();
        let mut told = false;
        let mut pause = Duration::from_millis(4);
        loop {
            let left = cx.left(end, LONGEST_PROBE);
            let seen: Vec<Awaited> =
                targets.iter().map(|target| look_at(cx.machine, target, &wish, left)).collect::<Result<_, _>>()?;
            let ready = seen.iter().all(|one| one.ready);
            let waited = cx.now().saturating_duration_since(began);
            let over = end.is_some_and(|end| began + waited >= end);
            if ready || over {
                let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
                return Ok(Waited { ready, waited_ms, endpoints: seen, gaps: Vec::new() });
            }
            if !told && waited > Duration::from_secs(1) {
                let waiting: Vec<&str> = seen.iter().filter(|one| !one.ready).map(|one| one.endpoint.as_str()).collect();
                cx.prompt.progress(&format!("waiting for {}", waiting.join(", ")));
                told = true;
            }
            cx.wait_for_change(&directories, cx.left(end, pause))?;
            // A socket that closes wakes the wait at once; for one that opens the kernel wakes nobody.
            pause = (pause * 5 / 4).min(Duration::from_millis(50));
        }
    }
}

impl Wait {
    fn wish(&self) -> Result<Wish, Failure> {
        match self.ready.as_deref() {
            None if self.free => Ok(Wish::Free),
            None => Ok(Wish::Listening),
            Some("tcp" | "unix" | "connect") => Ok(Wish::Connects),
            Some(name) => protocol::named(name).and_then(|known| known.greeting).map(Wish::Speaks).ok_or_else(|| {
                let greeted = PROTOCOLS.iter().filter(|known| known.greeting.is_some());
                let known: Vec<&str> = greeted.map(|known| known.name).collect();
                Failure::usage(format!("`{}` is no protocol that Portward can greet.", Text::from(name)))
                    .hint(Hint::listing("--ready takes tcp, ", &known))
            }),
        }
    }
}

fn directory(path: &Text) -> Option<PathBuf> {
    let path = PathBuf::from(std::str::from_utf8(path.raw()).ok().filter(|path| path.starts_with('/'))?);
    path.parent().map(PathBuf::from)
}

fn look_at(host: &dyn Dial, target: &Target, wish: &Wish, left: Duration) -> Result<Awaited, Failure> {
    let (ready, saw) = match wish {
        Wish::Free => free(host, target)?,
        Wish::Listening if is_here(host, target) => listening(host, target)?,
        // Another machine's listeners can only be asked.
        Wish::Listening | Wish::Connects => greet(host, target, &[], &mut |_| Judgement::Ready, left)?,
        Wish::Speaks(greeting) => {
            let name = target.dialled().first().map_or_else(|| "localhost".to_owned(), |address| address.ip().to_string());
            greet(host, target, &(greeting.send)(&name), &mut |heard| (greeting.judge)(heard), left)?
        }
    };
    Ok(Awaited { endpoint: target.endpoint.to_string(), ready, saw })
}

fn is_here(host: &dyn sys::Look, target: &Target) -> bool {
    let local = |address: &IpAddr| match AddressClass::of(*address) {
        AddressClass::Loopback | AddressClass::Wildcard | AddressClass::Unix => true,
        _ => host
            .interfaces()
            .is_ok_and(|all| all.iter().any(|interface| interface.addresses.iter().any(|own| own.address == *address))),
    };
    target.addresses.iter().all(local)
}

fn quick(target: &Target) -> Look {
    Look { owners: None, clients: false, interfaces: false, all_interfaces: false, rules: false, ..target.look() }
}

fn listening(host: &dyn sys::Look, target: &Target) -> Result<(bool, String), Failure> {
    let (target, view) = target.looked(host, &quick(target));
    refuse_blind(&view)?;
    let serving = target.serving(&view);
    let is_ready = |socket: &portward_model::Socket| {
        target.endpoint.transport == portward_model::Transport::Udp || socket.state == portward_model::SocketState::Listen
    };
    match serving.iter().filter_map(|index| view.snapshot.sockets.get(*index)).find(|socket| is_ready(socket)) {
        Some(socket) => Ok((true, format!("{} is open", crate::target::endpoint_words(socket)))),
        None if serving.is_empty() => Ok((false, "nothing listens there".to_owned())),
        None => Ok((false, "a socket is bound there and does not listen".to_owned())),
    }
}

/// A look that saw no socket because sockets cannot be read must not be taken for an empty port.
fn refuse_blind(view: &crate::View) -> Result<(), Failure> {
    match view.snapshot.gaps.iter().find(|gap| gap.lack == Lack::Sockets) {
        Some(gap) => Err(Failure::system(format!("Sockets cannot be read here: {}.", gap.effect()))),
        None => Ok(()),
    }
}

fn free(host: &dyn sys::Look, target: &Target) -> Result<(bool, String), Failure> {
    let (target, view) = target.looked(host, &quick(target));
    refuse_blind(&view)?;
    if let Some(socket) = target.serving(&view).first().and_then(|index| view.snapshot.sockets.get(*index)) {
        return Ok((false, format!("{} is still open", crate::target::endpoint_words(socket))));
    }
    if let Some(path) = target.unix().filter(|path| !path.is_abstract() && !path.is_vacant()) {
        let saw = match path.is_bound() {
            Some(false) => "its file is still there, and no socket is bound to it: a bind fails until it is removed",
            Some(true) | None => "its file is still there",
        };
        return Ok((false, saw.to_owned()));
    }
    for address in target.dialled() {
        if target.path().is_some() {
            break;
        }
        if let Some((_, words)) = host.try_bind(target.endpoint.transport, address, true)? {
            return Ok((false, format!("a bind to {address} is refused: {words}")));
        }
    }
    Ok((true, "it can be bound".to_owned()))
}

fn greet(
    host: &dyn Dial,
    target: &Target,
    greeting: &[u8],
    judge: &mut dyn FnMut(&[u8]) -> Judgement,
    left: Duration,
) -> Result<(bool, String), Failure> {
    let places: Vec<DialTarget> = match target.path() {
        Some(path) => vec![DialTarget::Unix(path.clone())],
        None => target.dialled().into_iter().map(DialTarget::Inet).collect(),
    };
    let patience = left.min(LONGEST_PROBE);
    let mut saw = "nothing listens there".to_owned();
    for at in &places {
        let is_heard = judge(&[]) == Judgement::Ready;
        let enough = &mut |heard: &[u8]| !matches!(judge(heard), Judgement::NeedMore);
        let talk = Talk { said: Said::Greeting, listen_first: Duration::ZERO, bytes: greeting, enough, patience };
        let talk = (!is_heard).then_some(talk);
        let dialled = host.dial(Dialling { at, patience, talk, pending: &mut || {}, connected: &mut || {} })?;
        saw = match dialled.met {
            Met::Connected => match judge(dialled.exchange.as_ref().map_or(&[], |exchange| exchange.heard.raw())) {
                Judgement::Ready => return Ok((true, "it answers".to_owned())),
                Judgement::NotReady(why) => format!("it answers: {why}"),
                Judgement::NeedMore => "it accepts and says nothing yet".to_owned(),
            },
            Met::Silence => "no answer in time".to_owned(),
            Met::Failed(number) => {
                let error = io::Error::from_raw_os_error(number);
                match error.kind() {
                    // A Unix path that does not exist yet is as refused as a port without a listener.
                    io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => saw,
                    io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "no answer in time".to_owned(),
                    _ => error.to_string(),
                }
            }
        };
    }
    Ok((false, saw))
}

/// One attempt never takes longer: a server that is slow to start is asked again.
const LONGEST_PROBE: Duration = Duration::from_secs(2);
