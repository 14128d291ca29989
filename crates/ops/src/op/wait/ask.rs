//! One try: a look at a goal, or a question to it.

use std::{
    io,
    net::IpAddr,
    path::Path,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{RecvTimeoutError, channel},
    },
    thread,
    time::Duration,
};

use portward_model::{
    AddressClass, DialTarget, Ended, Exchange, Lack, Met, Said, Seen, Sentence, Socket, SocketState, Text, Transport,
};
use portward_sys::{self as sys, Dial, Dialled, Dialling, Talk, Tls, Trust};
use portward_wire::{
    excuse,
    grpc::{self, Health},
    http1,
    protocol::{Greeting, Judgement},
};

use super::{expect::Expect, words};
use crate::{Failure, Look, View, target::Target};

/// What readiness means.
pub(super) enum Wish {
    Listening,
    Free,
    There,
    Connects,
    Speaks(Greeting, Option<Secure>),
    Asks { request: Vec<u8>, expect: Expect, secure: Option<Secure> },
    Serves { request: Vec<u8>, secure: Option<Secure> },
}

/// The TLS around a question.
#[derive(Clone)]
pub(super) struct Secure {
    pub(super) name: String,
    pub(super) anybody: bool,
    pub(super) roots: Option<String>,
    pub(super) inside: &'static [&'static [u8]],
}

/// What one try saw.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    pub(super) ready: bool,
    pub(super) saw: Sentence,
    pub(super) met: Meeting,
}

/// How near to its server a try came; the nearest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Meeting {
    /// There is no way to it.
    Nowhere,
    /// Nobody was there.
    Nobody,
    /// Somebody took the connection and said nothing.
    Silence,
    /// Somebody answered.
    Answer,
}

impl Sight {
    pub(super) fn ready(saw: impl Into<Sentence>) -> Self {
        Self { ready: true, saw: saw.into(), met: Meeting::Answer }
    }

    pub(super) fn not_yet(met: Meeting, saw: impl Into<Sentence>) -> Self {
        Self { ready: false, saw: saw.into(), met }
    }
}

/// How long a try may take, and whether it is still wanted.
#[derive(Clone, Copy)]
pub(super) struct Limits<'a> {
    pub(super) left: Duration,
    pub(super) wanted: &'a (dyn Fn() -> bool + Sync),
}

impl Wish {
    /// True where a try is a connection, which the server notices.
    pub(super) fn dials(&self, host: &dyn sys::Look, target: &Target) -> bool {
        match self {
            Self::Free | Self::There => false,
            // Another machine's listeners can only be asked.
            Self::Listening => !is_here(host, target),
            Self::Connects | Self::Speaks(..) | Self::Asks { .. } | Self::Serves { .. } => true,
        }
    }

    /// Tries once.
    pub(super) fn look(&self, host: &dyn Dial, target: &Target, limits: Limits<'_>) -> Result<Sight, Failure> {
        match self {
            Self::Free => free(host, target),
            Self::There => Ok(there(host, target)),
            Self::Listening if is_here(host, target) => listening(host, target),
            Self::Listening | Self::Connects | Self::Speaks(..) | Self::Asks { .. } | Self::Serves { .. } => {
                let places: Vec<DialTarget> = match target.path() {
                    Some(path) => vec![DialTarget::Unix(path.clone())],
                    None => target.dialled().into_iter().map(DialTarget::Inet).collect(),
                };
                any_of(&places, limits, &|at, limits| self.dial(host, at, limits))
            }
        }
    }

    /// One connection to one of its addresses.
    fn dial(&self, host: &dyn Dial, at: &DialTarget, limits: Limits<'_>) -> Result<Sight, Failure> {
        let greeted;
        let (bytes, secure): (&[u8], &Option<Secure>) = match self {
            Self::Speaks(greeting, secure) => {
                let name = match at {
                    DialTarget::Inet(address) => address.ip().to_string(),
                    DialTarget::Unix(_) => "localhost".to_owned(),
                };
                greeted = (greeting.send)(&name);
                (&greeted, secure)
            }
            Self::Asks { request, secure, .. } | Self::Serves { request, secure } => (request, secure),
            Self::Listening | Self::Free | Self::There | Self::Connects => (&[], &None),
        };
        let talks = !matches!(self, Self::Listening | Self::Free | Self::There | Self::Connects);
        let enough = &mut |heard: &[u8]| self.judge(heard, None).is_some();
        let talk = talks.then_some(Talk {
            said: Said::Greeting,
            listen_first: None,
            bytes,
            enough,
            patience: limits.left,
            most: MOST,
            farewell: FAREWELL,
            tls: secure.as_ref().map(Secure::tls),
        });
        let Dialled { met, exchange, secured, .. } = host.dial(Dialling {
            at,
            patience: limits.left.min(LONGEST_CONNECT),
            talk,
            pending: &mut || {},
            connected: &mut || {},
            wanted: limits.wanted,
        })?;
        Ok(match met {
            Met::Silence => Sight::not_yet(Meeting::Nobody, "no answer in time"),
            Met::Failed(number) => {
                let error = io::Error::from_raw_os_error(number);
                match error.kind() {
                    // A Unix path that does not exist yet is as refused as a port without a listener.
                    io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Sight::not_yet(Meeting::Nobody, NOBODY),
                    io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Sight::not_yet(Meeting::Nobody, "no answer in time"),
                    _ => Sight::not_yet(Meeting::Nowhere, error.to_string()),
                }
            }
            Met::Connected if !talks => Sight::ready("it answers"),
            Met::Connected => match (secured.and_then(|secured| words::insecure(&secured)), exchange) {
                (Some((met, fault)), _) => Sight::not_yet(met, fault),
                (None, Some(exchange)) => self.sight(&exchange),
                (None, None) => Sight::not_yet(Meeting::Silence, "it accepts and says nothing yet"),
            },
        })
    }

    /// What a conversation that is over comes to.
    fn sight(&self, exchange: &Exchange) -> Sight {
        let heard = exchange.heard.raw();
        if let Some(sight) = self.judge(heard, Some(exchange.ended)) {
            return sight;
        }
        if heard.is_empty() {
            return Sight::not_yet(
                Meeting::Silence,
                match exchange.ended {
                    Ended::Closed => "it accepts and closes without a word",
                    Ended::Reset => "it accepts and resets the connection",
                    Ended::Enough | Ended::Silence => "it accepts and says nothing yet",
                },
            );
        }
        Sight::not_yet(Meeting::Silence, "it answers, and not to the end")
    }

    /// What was heard so far, and how it ended if it has; `None` where more may come.
    fn judge(&self, heard: &[u8], ended: Option<Ended>) -> Option<Sight> {
        let whole = ended == Some(Ended::Closed);
        match self {
            Self::Speaks(greeting, _) => match (greeting.judge)(heard) {
                Judgement::Ready => Some(Sight::ready("it answers")),
                Judgement::NotReady(why) => {
                    let own = excuse(heard).map_or_else(String::new, |words| format!(" ({words})"));
                    Some(Sight::not_yet(Meeting::Answer, format!("it answers: {why}{own}")))
                }
                Judgement::NeedMore => None,
            },
            Self::Asks { expect, .. } => match http1::read(heard, ended.is_some() && !heard.is_empty()) {
                http1::Read::NeedMore => None,
                http1::Read::Other(other) => Some(Sight::not_yet(Meeting::Answer, words::other(other, "HTTP"))),
                http1::Read::Answer(answer) => match expect.judge(&answer, whole || heard.len() >= MOST) {
                    Some(Ok(saw)) => Some(Sight::ready(saw)),
                    Some(Err(saw)) => Some(Sight::not_yet(Meeting::Answer, saw)),
                    None if ended.is_some() => {
                        let said = format!("it answers {}, and its body has not come to its end", answer.status);
                        Some(Sight::not_yet(Meeting::Answer, said))
                    }
                    None => None,
                },
            },
            Self::Serves { .. } => match grpc::judge(heard, ended.is_some()) {
                Health::NeedMore => None,
                Health::Serving => Some(Sight::ready("it serves")),
                health => Some(Sight::not_yet(Meeting::Answer, words::health(&health))),
            },
            Self::Listening | Self::Free | Self::There | Self::Connects => Some(Sight::ready("it answers")),
        }
    }
}

impl Secure {
    fn tls(&self) -> Tls<'_> {
        let trust = if self.anybody { Trust::Anybody } else { Trust::Roots(self.roots.as_deref().map(Path::new)) };
        Tls { name: &self.name, protocols: self.inside, trust }
    }
}

/// Asks the addresses of one name: the first gets a start, since mostly one server has them all. One that is ready is enough;
/// otherwise the one that came nearest is told of. A stranger that is mute on one address holds up nobody on the other.
fn any_of(
    places: &[DialTarget],
    limits: Limits<'_>,
    one: &(dyn Fn(&DialTarget, Limits<'_>) -> Result<Sight, Failure> + Sync),
) -> Result<Sight, Failure> {
    if let [only] = places {
        return one(only, limits);
    }
    let over = AtomicBool::new(false);
    let wanted = || !over.load(Ordering::Relaxed) && (limits.wanted)();
    thread::scope(|scope| {
        let (tell, told) = channel();
        let mut waiting = places.iter();
        let mut running = 0;
        let mut nearest: Option<Sight> = None;
        loop {
            if let Some(at) = waiting.next() {
                let (tell, wanted) = (tell.clone(), &wanted);
                scope.spawn(move || tell.send(one(at, Limits { wanted, ..limits })));
                running += 1;
            }
            if running == 0 {
                return Ok(nearest.unwrap_or_else(|| Sight::not_yet(Meeting::Nobody, NOBODY)));
            }
            let answer = if waiting.len() > 0 {
                told.recv_timeout(HEAD_START)
            } else {
                told.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match answer {
                Ok(Ok(sight)) if !sight.ready => {
                    running -= 1;
                    if nearest.as_ref().is_none_or(|nearest| sight.met > nearest.met) {
                        nearest = Some(sight);
                    }
                }
                Ok(done) => {
                    over.store(true, Ordering::Relaxed);
                    return done;
                }
                Err(RecvTimeoutError::Timeout) => {}
                // Whoever asks tells, so that nobody is running.
                Err(RecvTimeoutError::Disconnected) => running = 0,
            }
        }
    })
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

fn listening(host: &dyn sys::Look, target: &Target) -> Result<Sight, Failure> {
    let (target, view) = target.looked(host, &quick(target));
    refuse_blind(&view)?;
    let serving = target.serving(&view);
    // What receives datagrams never listens.
    let is_ready = |socket: &Socket| {
        matches!(socket.transport, Transport::Udp | Transport::UnixDatagram) || socket.state == SocketState::Listen
    };
    Ok(match serving.iter().filter_map(|index| view.snapshot.sockets.get(*index)).find(|socket| is_ready(socket)) {
        Some(socket) => Sight::ready(format!("{} is open", crate::target::endpoint_words(socket))),
        // In a namespace that this reader may not enter; that it is bound is all there is to see.
        None if serving.is_empty() && target.unix().is_some_and(|path| path.is_bound() == Some(true)) => {
            Sight::ready("a socket that is out of sight is bound to its file")
        }
        None if serving.is_empty() => Sight::not_yet(Meeting::Nobody, NOBODY),
        None => Sight::not_yet(Meeting::Nobody, "a socket is bound there and does not listen"),
    })
}

/// A look that saw no socket because sockets cannot be read must not be taken for an empty port.
fn refuse_blind(view: &View) -> Result<(), Failure> {
    match view.snapshot.gaps.iter().find(|gap| gap.lack == Lack::Sockets) {
        Some(gap) => Err(Failure::system(format!("Sockets cannot be read here: {}.", gap.effect()))),
        None => Ok(()),
    }
}

fn free(host: &dyn sys::Look, target: &Target) -> Result<Sight, Failure> {
    let (target, view) = target.looked(host, &quick(target));
    refuse_blind(&view)?;
    if let Some(socket) = target.serving(&view).first().and_then(|index| view.snapshot.sockets.get(*index)) {
        let saw = format!("{} is still open", crate::target::endpoint_words(socket));
        return Ok(Sight::not_yet(Meeting::Answer, saw));
    }
    if let Some(path) = target.unix().filter(|path| !path.is_abstract() && !path.is_vacant()) {
        let saw = match path.is_bound() {
            Some(false) => "its file is still there, and no socket is bound to it: a bind fails until it is removed",
            Some(true) | None => "its file is still there",
        };
        return Ok(Sight::not_yet(Meeting::Answer, saw));
    }
    for address in target.dialled() {
        if target.path().is_some() {
            break;
        }
        if let Some((_, words)) = host.try_bind(target.endpoint.transport, address, true)? {
            return Ok(Sight::not_yet(Meeting::Answer, format!("a bind to {address} is refused: {words}")));
        }
    }
    Ok(Sight::ready("it can be bound"))
}

fn there(host: &dyn sys::Look, target: &Target) -> Sight {
    match target.path().map_or(Seen::Unsupported, |path| host.path_exists(path)) {
        Seen::Known(true) => Sight::ready("it is there"),
        Seen::Known(false) | Seen::Gone => Sight::not_yet(Meeting::Nobody, "it is not there"),
        Seen::Hidden(_) | Seen::Unsupported => Sight::not_yet(Meeting::Nobody, "whether it is there cannot be seen"),
    }
}

/// The path of a folder that tells of a change.
pub(super) fn folder(path: &Text) -> Option<std::path::PathBuf> {
    let path = std::path::PathBuf::from(std::str::from_utf8(path.raw()).ok().filter(|path| path.starts_with('/'))?);
    path.parent().map(std::path::PathBuf::from)
}

const NOBODY: &str = "nothing listens there";
/// A connection that is not made by then is made anew: what the kernel repeats by itself comes ever more rarely.
const LONGEST_CONNECT: Duration = Duration::from_secs(5);
/// What one address of a name is given before the next one is asked as well.
const HEAD_START: Duration = Duration::from_secs(2);
/// What is given to an answer that goes on: a server that is cut off in it logs an error at every try.
const FAREWELL: Duration = Duration::from_millis(250);
/// Bytes of an answer that are looked through.
const MOST: usize = 1 << 20;
