//! The connections of an inquiry: made one after another, each between two readings of the kernel's counters.

use portward_model::{Attempt, Counters, DialTarget, Ended, Met, Queue, Said, Socket, Text};
use portward_wire::protocol;

use super::{Called, Inquiry, PlannedDial, Task};
use crate::{case::request, doctor::Speech, errno::ECONNREFUSED};

/// A connection to make.
#[derive(Clone, Debug)]
pub struct Call {
    /// Where to, for how long, and what kind of words.
    pub dial: PlannedDial,
    /// The words; `None` connects and closes.
    pub bytes: Option<Vec<u8>>,
}

/// A connection that is made, once or several times.
#[derive(Clone, Debug)]
pub(super) struct Dialling {
    dial: PlannedDial,
    /// How often it was refused before, and how often at a quiet moment.
    again: usize,
    quiet: usize,
    /// What is said, in one line.
    line: Option<Text>,
}

impl Dialling {
    pub(super) fn of(dial: PlannedDial) -> Self {
        Self { dial, again: 0, quiet: 0, line: None }
    }
}

impl Inquiry {
    /// The connection with its words, which are kept in one line for when it has been made.
    pub(super) fn call(&self, dialling: &mut Dialling) -> Call {
        let dial = dialling.dial.clone();
        let (bytes, line) = dial.speech.map(|speech| self.words(&speech)).unzip();
        dialling.line = line.flatten();
        Call { dial, bytes }
    }

    /// Takes what a connection met for one attempt; and makes it again where the counters do not tell yet who refused it.
    ///
    /// The kernel's own refusal raises `Tcp.OutRsts` each time, a packet filter's never does, and on a busy machine others
    /// raise it as well. So one refusal without a rise is the proof; several with it are as good as one can have.
    pub(super) fn called(&mut self, dialling: Dialling, called: Called) {
        let Dialling { dial, mut again, mut quiet, line } = dialling;
        let queue = self.listener_of(&dial.at).and_then(|(cookie, before)| {
            let now = called.sockets.iter().find(|socket| socket.cookie == cookie)?;
            Some((before, now.queue))
        });
        // A connection that nobody took stays in the queue when its client has closed it.
        let accepted = match (called.met, &called.exchange, queue) {
            (Met::Connected, Some(exchange), _) if !exchange.heard.raw().is_empty() => Some(true),
            (Met::Connected, _, Some((before, after))) if self.asked.path.is_none() => Some(after.used <= before.used),
            // A Unix listener that was asked and kept its silence has had time enough to take the connection.
            (Met::Connected, Some(exchange), Some((before, after))) if exchange.ended == Ended::Silence => {
                Some(after.used <= before.used)
            }
            _ => None,
        };
        if again > 0 {
            self.exam.attempts.pop();
        }
        let rose = rose(&called.before, &called.after);
        let by = |name: &str| rose.get(name).copied().unwrap_or(0);
        let (resets, failures) = (by("Tcp.OutRsts"), by("Tcp.AttemptFails"));
        let Called { met, took_us, mut exchange, from, meanwhile, .. } = called;
        if let (Some(exchange), Some(speech)) = (&mut exchange, &dial.speech)
            && exchange.said == speech.said
        {
            exchange.line = line;
        }
        let at = dial.at.clone();
        self.exam.attempts.push(Attempt { at, met, took_us, rose, meanwhile, queue, accepted, exchange, from });
        let served = matches!(&dial.at, DialTarget::Inet(at) if !self.case().takers(at.ip()).is_empty());
        let open = met == Met::Failed(ECONNREFUSED) && resets > 0;
        if served && open && again < MOST_REFUSALS && quiet < QUIET_REFUSALS {
            quiet += usize::from(resets == 1 && failures == 1);
            again += 1;
            self.first([Task::Dial(Dialling { again, quiet, ..Dialling::of(dial) })]);
        } else if again > 0 {
            self.notes.push(format!("{} connections were made, to tell who refuses them", again + 1).into());
        }
    }

    /// The cookie and queue of the listener that takes a connection to this address.
    fn listener_of(&self, at: &DialTarget) -> Option<(u64, Queue)> {
        let case = self.case();
        let (_, socket): (usize, &Socket) = match at {
            DialTarget::Inet(address) => *case.takers(address.ip()).first()?,
            DialTarget::Unix(_) => case.listeners().next()?,
        };
        Some((socket.cookie, socket.queue))
    }

    /// The bytes that a client of the protocol says first, and what they are in one line.
    fn words(&self, speech: &Speech) -> (Vec<u8>, Option<Text>) {
        let case = self.case();
        let greeting = |name: &str| protocol::named(name).and_then(|known| known.greeting);
        match speech.said {
            Said::Nothing => (Vec::new(), None),
            Said::Http | Said::HttpByLocalhost | Said::Upgrade | Said::Proxied => {
                let request = request::of(&case, speech.said, speech.method);
                let header: &[u8] = if speech.said == Said::Proxied { b"PROXY UNKNOWN\r\n" } else { b"" };
                ([header, &request.bytes()].concat(), Some(Text::from(request.line().as_str())))
            }
            Said::Tls => (greeting(speech.protocol).map(|known| (known.send)(&request::name(&case))).unwrap_or_default(), None),
            Said::Greeting if speech.protocol == protocol::UWSGI.name => {
                (protocol::uwsgi_request(&request::name(&case)), Some(Text::from(speech.protocol)))
            }
            Said::Greeting => {
                let bytes = greeting(speech.protocol).map(|known| (known.send)(&request::name(&case))).unwrap_or_default();
                (bytes, Some(Text::from(speech.protocol)))
            }
        }
    }
}

/// True when what was heard so far tells what it can tell.
pub fn has_enough(speech: &Speech, heard: &[u8]) -> bool {
    if heard.is_empty() || b"HTTP/".starts_with(heard) {
        return false;
    }
    if heard.starts_with(b"HTTP/") {
        // A refusal's reason stands in the body.
        return !speech.with_body && heard.windows(4).any(|window| window == b"\r\n\r\n");
    }
    match speech.said {
        Said::Tls => heard.len() >= 7,
        Said::Http | Said::HttpByLocalhost | Said::Upgrade | Said::Proxied | Said::Nothing | Said::Greeting => {
            heard.len() >= 4 || heard.contains(&b'\n') || speech.said == Said::Greeting
        }
    }
}

fn rose(before: &Counters, after: &Counters) -> Counters {
    let by = |name: &String, now: u64| now.saturating_sub(before.get(name).copied().unwrap_or(0));
    after.iter().filter(|(name, now)| by(name, **now) > 0).map(|(name, now)| (name.clone(), by(name, *now))).collect()
}

/// How often a connection is refused at most, beyond the first time: on a busy machine one of so many meets a quiet moment.
const MOST_REFUSALS: usize = 24;
/// How many refusals of quiet moments are enough.
const QUIET_REFUSALS: usize = 3;
