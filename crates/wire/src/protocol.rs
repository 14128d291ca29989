//! The protocols that Portward knows, one entry each: how it is called, where it is usual, how its server is greeted and known.
//!
//! Whatever asks which protocol a port, a scheme, a name, a socket or an answer belongs to asks [`PROTOCOLS`]. An entry is one
//! file, and its name in the list.
//!
//! A listening socket proves little: the kernel completes a handshake for a program that is stopped or still starting. A
//! [`Greeting`] says the least that a client may say, and judges what comes back; it sends no credentials and changes nothing.
//! What was heard without a greeting is recognised by the first bytes that a specification fixes, never by the port alone.
#![cfg_attr(test, allow(clippy::unwrap_used))]

use portward_model::{ShellLine, Text};

macro_rules! protocols {
    ($($name:ident,)*) => {
        $(mod $name;)*

        /// Every protocol.
        pub const PROTOCOLS: &[Protocol] = &[$($name::PROTOCOL),*];
    };
}

protocols! {
    http,
    tls,
    postgres,
    mysql,
    redis,
    memcached,
    mongodb,
    amqp,
    mqtt,
    nats,
    smtp,
    ssh,
    http2,
    ftp,
    imap,
    pop3,
    vnc,
    kafka,
    fastcgi,
    uwsgi,
    socks,
    elastic,
    docker,
    jdwp,
    inspector,
    debugpy,
    sink,
}

pub use uwsgi::uwsgi_request;

/// HTTP/1.x.
pub const HTTP: Protocol = http::PROTOCOL;
/// HTTP/2 without TLS.
pub const HTTP2: Protocol = http2::PROTOCOL;
/// SOCKS.
pub const SOCKS: Protocol = socks::PROTOCOL;
/// uwsgi.
pub const UWSGI: Protocol = uwsgi::PROTOCOL;
/// TLS.
pub const TLS: Protocol = tls::PROTOCOL;
/// `MySQL` and `MariaDB`.
pub const MYSQL: Protocol = mysql::PROTOCOL;
/// `PostgreSQL`.
pub const POSTGRES: Protocol = postgres::PROTOCOL;
/// What keeps whatever it is sent.
pub const SINK: Protocol = sink::PROTOCOL;

/// What is known of one protocol.
#[derive(Clone, Copy, Debug)]
pub struct Protocol {
    /// Its name, as `portward wait --ready NAME` takes it.
    pub name: &'static str,
    /// As people call it.
    pub title: &'static str,
    /// Other names of it, and of what it is best known by.
    pub aliases: &'static [&'static str],
    /// Words of a line of settings that is about it, in small letters; none where no name is so plain.
    pub words: &'static [&'static str],
    /// The schemes of its URLs, the usual one first.
    pub schemes: &'static [Usual],
    /// Its TCP ports, the usual one first.
    pub ports: &'static [Usual],
    /// Who speaks first.
    pub first: First,
    /// How it is greeted, where a greeting harms nobody and tells something.
    pub greeting: Option<Greeting>,
    /// What these first bytes of a server tell, if they are this protocol's and no other's. Safe on any bytes.
    pub recognise: fn(answer: &[u8]) -> Option<Words>,
    /// Answers that real servers gave.
    pub samples: &'static [&'static [u8]],
    /// A client at a shell, with `HOST` and `PORT` in it; empty where none is usual.
    pub client: &'static str,
    /// The same through a Unix socket, with `PATH`, or `FOLDER` and `PORT`, in it.
    pub by_path: &'static str,
    /// Parts of the names of its Unix sockets.
    pub sockets: &'static [&'static str],
    /// Why a mere connection is no small thing, after the server's name; `None` where it is.
    pub event: Option<&'static str>,
}

/// Protocols are told apart by their names.
impl PartialEq for Protocol {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Protocol {}

/// A port on which a protocol is usual, or a scheme of its URLs with the port that it means.
#[derive(Clone, Copy, Debug)]
pub struct Usual {
    /// Its number.
    pub port: u16,
    /// What people find there, as a short phrase; the scheme as it is written.
    pub words: &'static str,
    /// True when the protocol is spoken inside TLS.
    pub tls: bool,
}

/// Who speaks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// The client; the server waits for it.
    Client,
    /// The server, as soon as it has taken the connection.
    Server,
}

/// What a server's words say beside its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// Nothing that a cause would need.
    Any,
    /// That all its places are taken.
    Full,
    /// That it refuses this user, password or token.
    NoEntry,
}

/// How to greet one protocol.
#[derive(Clone, Copy, Debug)]
pub struct Greeting {
    /// What counts as ready, in one line.
    pub summary: &'static str,
    /// What the client says first, to a host by this name or address; empty where the server speaks first.
    pub send: fn(host: &str) -> Vec<u8>,
    /// What an answer means: all bytes that came so far. Safe on any bytes.
    pub judge: fn(answer: &[u8]) -> Judgement,
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The server speaks the protocol and takes work.
    Ready,
    /// It answered, and is not ready; the reason continues a sentence: `it is starting up`.
    NotReady(&'static str),
    /// What came so far could still become either.
    NeedMore,
}

impl Protocol {
    /// A protocol of which nothing is known but its name; entries begin with it.
    const fn named(name: &'static str) -> Self {
        Self {
            name,
            title: name,
            aliases: &[],
            words: &[],
            schemes: &[],
            ports: &[],
            first: First::Client,
            greeting: None,
            recognise: |_| None,
            samples: &[],
            client: "",
            by_path: "",
            sockets: &[],
            event: None,
        }
    }

    /// A client at a shell for this endpoint; what tells more of it where none is usual.
    pub fn client_for(&self, host: &str, port: u16) -> ShellLine {
        let client = if self.client.is_empty() { "portward explain PORT" } else { self.client };
        ShellLine::named(client, &[("HOST", host.into()), ("PORT", Text::new(port.to_string()))])
    }

    /// The same by a Unix socket; `None` where its path cannot be typed, or no client takes one.
    pub fn client_by(&self, path: &Text, port: u16) -> Option<ShellLine> {
        let folder = path.raw().rsplitn(2, |byte| *byte == b'/').nth(1).map_or_else(|| path.clone(), Text::new);
        let words = [("PATH", path.clone()), ("FOLDER", folder), ("PORT", Text::new(port.to_string()))];
        (!self.by_path.is_empty()).then(|| ShellLine::named(self.by_path, &words)).and_then(ShellLine::typeable)
    }

    /// True when its servers show themselves in what they say.
    pub fn shows(&self) -> bool {
        !self.samples.is_empty()
    }

    /// Its greeting, if its servers wait for one and understand nothing else: not that of HTTP or TLS, which carry others.
    pub fn own_greeting(&self) -> Option<Greeting> {
        self.greeting.filter(|_| self.first == First::Client && *self != HTTP && *self != TLS)
    }

    /// The scheme that is usual for it, with or without TLS.
    pub fn scheme(&self, tls: bool) -> Option<&'static str> {
        self.schemes.iter().find(|scheme| scheme.tls == tls).map(|scheme| scheme.words)
    }

    /// True when a path is that of one of its sockets.
    pub fn is_path(&self, path: &[u8]) -> bool {
        self.sockets.iter().any(|part| has(path, part))
    }
}

impl Usual {
    const fn with_tls(self) -> Self {
        Self { tls: true, ..self }
    }
}

/// The protocol of this name, or best known by it.
pub fn named(name: &str) -> Option<&'static Protocol> {
    PROTOCOLS.iter().find(|known| known.name == name || known.aliases.contains(&name))
}

/// The protocol of a URL's scheme.
pub fn of_scheme(name: &str) -> Option<(&'static Protocol, Usual)> {
    PROTOCOLS.iter().find_map(|known| Some((known, *known.schemes.iter().find(|scheme| scheme.words == name)?)))
}

/// The protocol that is usual on a TCP port.
pub fn of_port(port: u16) -> Option<(&'static Protocol, Usual)> {
    PROTOCOLS.iter().find_map(|known| Some((known, *known.ports.iter().find(|usual| usual.port == port)?)))
}

/// The protocol whose server said this first, and what its words tell.
pub fn recognise(answer: &[u8]) -> Option<(&'static Protocol, Words)> {
    PROTOCOLS.iter().find_map(|known| Some((known, (known.recognise)(answer)?)))
}

const fn usual(port: u16, words: &'static str) -> Usual {
    Usual { port, words, tls: false }
}

/// True when the bytes hold these words, in any case.
fn has(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len().max(1)).any(|window| window.eq_ignore_ascii_case(words.as_bytes()))
}

/// Why nobody connects to a debugger's port for trial.
const DEBUGGER: &str = "may take a connection for its debugger";

/// The reason when the answer is none of this protocol's.
const ANOTHER_PROTOCOL: &str = "it answers in another protocol";
/// The reason when the answer is this protocol's word for a failure.
const AN_ERROR: &str = "it answers with an error";
/// The reason when all places are taken.
const FULL: &str = "it has too many connections";

/// Bytes within which every greeting here is decided.
const LONGEST: usize = 64 * 1024;

/// Judges by the beginning of the answer: the first row that it starts with, more where it could become
/// one, another protocol otherwise.
fn by_beginning(answer: &[u8], rows: &[(&[u8], Judgement)]) -> Judgement {
    if let Some((_, judgement)) = rows.iter().find(|(beginning, _)| answer.starts_with(beginning)) {
        return *judgement;
    }
    if rows.iter().any(|(beginning, _)| beginning.starts_with(answer)) {
        return Judgement::NeedMore;
    }
    Judgement::NotReady(ANOTHER_PROTOCOL)
}

/// The first line without its ending, once it is complete.
fn first_line(answer: &[u8]) -> Option<&[u8]> {
    let end = answer.iter().position(|byte| *byte == b'\n')?;
    let line = answer.get(..end)?;
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

/// For a server that speaks first.
fn silence(_: &str) -> Vec<u8> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::{First, Judgement, LONGEST, PROTOCOLS, Words, named, of_port, of_scheme, recognise};

    /// Texts that no protocol shares with another.
    fn unique<'a>(all: impl Iterator<Item = &'a str>) {
        let mut all: Vec<&str> = all.collect();
        all.sort_unstable();
        assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
    }

    #[test]
    fn names_schemes_and_ports_are_of_one_protocol_each() {
        unique(PROTOCOLS.iter().flat_map(|known| [known.name].into_iter().chain(known.aliases.iter().copied())));
        unique(PROTOCOLS.iter().flat_map(|known| known.schemes.iter().map(|scheme| scheme.words)));
        let mut ports: Vec<u16> = PROTOCOLS.iter().flat_map(|known| known.ports.iter().map(|usual| usual.port)).collect();
        ports.sort_unstable();
        assert!(ports.is_sorted_by(|a, b| a < b), "{ports:?}");
        for known in PROTOCOLS {
            assert!(known.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", known.name);
            for name in [known.name].iter().chain(known.aliases) {
                assert_eq!(named(name), Some(known));
            }
            for scheme in known.schemes {
                assert_eq!(of_scheme(scheme.words).map(|(found, _)| found), Some(known));
            }
            for usual in known.ports {
                assert!(!usual.words.is_empty() && !usual.words.ends_with('.'));
                assert_eq!(of_port(usual.port).map(|(found, _)| found), Some(known));
            }
        }
        assert!(named("gopher").is_none());
    }

    #[test]
    fn a_url_without_a_port_means_the_same_everywhere() {
        for scheme in PROTOCOLS.iter().flat_map(|known| known.schemes) {
            if let Ok(endpoint) = format!("{}://localhost", scheme.words).parse::<portward_model::Endpoint>() {
                assert_eq!(endpoint.port, scheme.port, "{}", scheme.words);
            }
        }
    }

    #[test]
    fn what_a_server_answers_is_its_own_protocol_and_no_other() {
        for known in PROTOCOLS {
            for sample in known.samples {
                let all: Vec<&str> =
                    PROTOCOLS.iter().filter(|other| (other.recognise)(sample).is_some()).map(|other| other.name).collect();
                assert_eq!(all, [known.name], "{}", sample.escape_ascii());
            }
        }
        for other in [&b""[..], b"\0", b"hello\n", b"N"] {
            assert_eq!(recognise(other), None, "{}", other.escape_ascii());
        }
    }

    #[test]
    fn a_full_house_and_a_refused_login_are_told() {
        let told = |answer: &[u8]| recognise(answer).map(|(_, words)| words);
        for answer in [
            &b"E\0\0\0\x5dSFATAL\0VFATAL\0C53300\0Msorry\0\0"[..],
            b"\x17\0\0\0\xff\x10\x04Too many connections",
            b"-ERR max number of clients reached\r\n",
            b"-ERR 'maximum connections exceeded'\r\n",
            b"ERROR Too many open connections\r\n",
            b"Exceeded MaxStartups\r\n",
        ] {
            assert_eq!(told(answer), Some(Words::Full), "{}", answer.escape_ascii());
        }
        for answer in [&b"HTTP/1.1 407 No\r\n"[..], b"-NOAUTH x\r\n", b"\x17\0\0\0\xff\x15\x04Access denied"] {
            assert_eq!(told(answer), Some(Words::NoEntry), "{}", answer.escape_ascii());
        }
    }

    #[test]
    fn a_greeting_survives_silence_noise_and_the_answers_of_others() {
        let noise = vec![b'x'; LONGEST + 1];
        for known in PROTOCOLS {
            let Some(greeting) = known.greeting else { continue };
            assert!(!greeting.summary.is_empty() && !greeting.summary.ends_with('.'));
            assert_eq!((greeting.judge)(b""), Judgement::NeedMore, "{}", known.name);
            assert_eq!((greeting.send)("x").is_empty(), known.first == First::Server, "{}", known.name);
            assert!(
                matches!((greeting.judge)(&noise), Judgement::NotReady(_)),
                "{} leaves a client waiting for ever",
                known.name
            );
            for other in PROTOCOLS {
                for sample in other.samples {
                    let judged = (greeting.judge)(sample);
                    assert!(
                        other == known || judged != Judgement::Ready,
                        "{} takes {} for its own",
                        known.name,
                        sample.escape_ascii()
                    );
                    for end in 0..sample.len() {
                        let _ = (greeting.judge)(&sample[..end]);
                    }
                }
            }
            assert!(known.samples.iter().any(|sample| (greeting.judge)(sample) == Judgement::Ready), "{}", known.name);
            for byte in 0..=u8::MAX {
                for length in [1, 2, 4, 5, 7, 16, 40] {
                    let _ = (greeting.judge)(&vec![byte; length]);
                }
            }
        }
    }

    #[test]
    fn only_http_and_tls_name_the_host() {
        for known in PROTOCOLS {
            let Some(greeting) = known.greeting else { continue };
            let same = (greeting.send)("localhost") == (greeting.send)("a\r\nX: 1\r\n\0b");
            assert_eq!(same, !matches!(known.name, "http" | "tls"), "{}", known.name);
        }
    }
}
