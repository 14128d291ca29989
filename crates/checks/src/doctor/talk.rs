//! What was said on the connections of a case, in which protocol, and which protocol the client means to speak.
//!
//! Protocols are told by the first bytes that each one's specification fixes, never by a port alone.

use portward_model::{Attempt, Ended, Evidence, Exchange, Process, Said, Transport};

use super::{Case, words};
use crate::{Symptom, usual_service};

/// A protocol that shows itself in its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tongue {
    Http,
    Http2,
    Tls,
    Redis,
    Mysql,
    Postgres,
    Mongodb,
    Memcached,
    Amqp,
    Mqtt,
    Nats,
    Ssh,
    Smtp,
    Ftp,
    Imap,
    Pop3,
    Vnc,
    Jdwp,
}

impl Tongue {
    /// As people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Http2 => "HTTP/2",
            Self::Tls => "TLS",
            Self::Redis => "Redis",
            Self::Mysql => "MySQL",
            Self::Postgres => "PostgreSQL",
            Self::Mongodb => "MongoDB",
            Self::Memcached => "memcached",
            Self::Amqp => "AMQP",
            Self::Mqtt => "MQTT",
            Self::Nats => "NATS",
            Self::Ssh => "SSH",
            Self::Smtp => "SMTP",
            Self::Ftp => "FTP",
            Self::Imap => "IMAP",
            Self::Pop3 => "POP3",
            Self::Vnc => "VNC",
            Self::Jdwp => "JDWP",
        }
    }

    /// A client that speaks it to this endpoint.
    pub(crate) fn client(self, host: &str, port: u16) -> String {
        match self {
            Self::Http => format!("curl -i http://{host}:{port}/"),
            Self::Http2 => format!("curl --http2-prior-knowledge http://{host}:{port}/"),
            Self::Tls => format!("curl -ik https://{host}:{port}/"),
            Self::Redis => format!("redis-cli -h {host} -p {port} PING"),
            Self::Mysql => format!("mysql -h {host} -P {port} --protocol=tcp"),
            Self::Postgres => format!("psql -h {host} -p {port}"),
            Self::Mongodb => format!("mongosh mongodb://{host}:{port}"),
            Self::Ssh => format!("ssh -p {port} {host}"),
            Self::Ftp => format!("ftp {host} {port}"),
            Self::Memcached
            | Self::Amqp
            | Self::Mqtt
            | Self::Nats
            | Self::Smtp
            | Self::Imap
            | Self::Pop3
            | Self::Vnc
            | Self::Jdwp => {
                format!("portward explain {port}")
            }
        }
    }
}

/// What the client means to speak.
pub(crate) struct Client {
    /// The protocol, inside TLS where that is asked for.
    pub(crate) tongue: Tongue,
    /// True when it begins with TLS.
    pub(crate) tls: bool,
    /// False where only the number of the port says so.
    pub(crate) told: bool,
    /// What says so.
    pub(crate) why: Evidence,
}

/// What the client means to speak, by its URL, by the text's own program, or by the port; `None` where nothing tells.
pub(crate) fn client(case: &Case<'_>) -> Option<Client> {
    let of = |scheme: &str| SCHEMES.iter().find(|(known, _, _)| *known == scheme).map(|(_, tongue, tls)| (*tongue, *tls));
    if let Some((scheme, (tongue, tls))) = case.asked.scheme.as_deref().and_then(|scheme| Some((scheme, of(scheme)?))) {
        let why = Evidence::new("the target", format!("the client speaks {scheme}"));
        return Some(Client { tongue, tls, told: true, why });
    }
    if let Some(paste) = case.paste {
        let why = |what: &str| Evidence::new(format!("line {} of the text", paste.line_number), format!("the client {what}"));
        if let Some((scheme, (tongue, tls))) = paste.url_scheme.as_deref().and_then(|scheme| Some((scheme, of(scheme)?))) {
            return Some(Client { tongue, tls, told: true, why: why(&format!("speaks {scheme}")) });
        }
        let program = paste.program.and_then(|program| CLIENTS.iter().find(|(known, _)| program.starts_with(known)));
        let tls = matches!(paste.symptom, Symptom::TlsUnexpected | Symptom::CertificateUntrusted);
        if let Some((name, tongue)) = program {
            return Some(Client { tongue: *tongue, tls, told: true, why: why(&format!("is {name}")) });
        }
        if tls {
            return Some(Client { tongue: Tongue::Http, tls, told: true, why: why("begins with TLS") });
        }
    }
    let service = usual_service(Transport::Tcp, case.asked.port).filter(|_| case.asked.transport == Transport::Tcp)?;
    let (_, tongue, tls) = SERVICES.iter().find(|(beginning, _, _)| service.starts_with(beginning))?;
    let why = Evidence::new("the port", format!("{} is usually {service}", case.asked.port));
    Some(Client { tongue: *tongue, tls: *tls, told: false, why })
}

const SCHEMES: &[(&str, Tongue, bool)] = &[
    ("http", Tongue::Http, false),
    ("ws", Tongue::Http, false),
    ("https", Tongue::Http, true),
    ("wss", Tongue::Http, true),
    ("h2c", Tongue::Http2, false),
    ("grpc", Tongue::Http2, false),
    ("grpcs", Tongue::Http2, true),
    ("redis", Tongue::Redis, false),
    ("valkey", Tongue::Redis, false),
    ("rediss", Tongue::Redis, true),
    ("postgres", Tongue::Postgres, false),
    ("postgresql", Tongue::Postgres, false),
    ("mysql", Tongue::Mysql, false),
    ("mariadb", Tongue::Mysql, false),
    ("mongodb", Tongue::Mongodb, false),
    ("memcached", Tongue::Memcached, false),
    ("amqp", Tongue::Amqp, false),
    ("amqps", Tongue::Amqp, true),
    ("mqtt", Tongue::Mqtt, false),
    ("mqtts", Tongue::Mqtt, true),
    ("nats", Tongue::Nats, false),
    ("ssh", Tongue::Ssh, false),
    ("sftp", Tongue::Ssh, false),
    ("smtp", Tongue::Smtp, false),
    ("smtps", Tongue::Smtp, true),
    ("ftp", Tongue::Ftp, false),
    ("ftps", Tongue::Ftp, true),
    ("imap", Tongue::Imap, false),
    ("imaps", Tongue::Imap, true),
    ("pop3", Tongue::Pop3, false),
    ("pop3s", Tongue::Pop3, true),
    ("vnc", Tongue::Vnc, false),
];

/// Programs whose wordings tell what they speak, by the beginning of the name.
const CLIENTS: &[(&str, Tongue)] = &[
    ("curl", Tongue::Http),
    ("wget", Tongue::Http),
    ("chrome", Tongue::Http),
    ("firefox", Tongue::Http),
    ("safari", Tongue::Http),
    ("browser", Tongue::Http),
    ("postgres", Tongue::Postgres),
    ("psql", Tongue::Postgres),
    ("mysql", Tongue::Mysql),
    ("mariadb", Tongue::Mysql),
    ("redis", Tongue::Redis),
    ("mongo", Tongue::Mongodb),
    ("memcached", Tongue::Memcached),
    ("ssh", Tongue::Ssh),
    ("jdwp", Tongue::Jdwp),
];

/// Services of well-known ports that are hardly ever used for anything else, by the beginning of their phrase.
const SERVICES: &[(&str, Tongue, bool)] = &[
    ("HTTPS", Tongue::Http, true),
    ("HTTP", Tongue::Http, false),
    ("PostgreSQL", Tongue::Postgres, false),
    ("MySQL", Tongue::Mysql, false),
    ("Redis", Tongue::Redis, false),
    ("MongoDB", Tongue::Mongodb, false),
    ("memcached", Tongue::Memcached, false),
    ("AMQP (", Tongue::Amqp, false),
    ("SSH", Tongue::Ssh, false),
    ("SMTP mail", Tongue::Smtp, false),
    ("FTP", Tongue::Ftp, false),
    ("IMAP mail", Tongue::Imap, false),
    ("POP3 mail", Tongue::Pop3, false),
];

/// The conversations with the addresses that were asked about, in the client's order.
pub(crate) fn exchanges<'a>(case: &Case<'a>) -> Vec<(&'a Attempt, &'a Exchange)> {
    let exam = case.exam;
    exam.attempts
        .iter()
        .filter(|attempt| case.is_target(&attempt.at))
        .filter_map(|attempt| Some((attempt, attempt.exchange.as_ref()?)))
        .collect()
}

/// The first conversation in which this was said; where a server spoke first, nothing was.
pub(crate) fn on<'a>(case: &Case<'a>, said: Said) -> Option<(&'a Attempt, &'a Exchange)> {
    exchanges(case).into_iter().find(|(_, exchange)| exchange.said == said)
}

/// True when the other side left without a single byte.
pub(crate) fn left(exchange: &Exchange) -> bool {
    exchange.heard.raw().is_empty() && matches!(exchange.ended, Ended::Closed | Ended::Reset)
}

/// The protocol that a server shows on these connections, and the reading; by its program where it showed none and
/// the program speaks one protocol only.
pub(crate) fn server(case: &Case<'_>) -> Option<(Tongue, Evidence)> {
    let heard = exchanges(case).into_iter().find_map(|(_, exchange)| Some((tongue(exchange)?, heard_words(exchange))));
    heard.or_else(|| {
        case.serving_processes().into_iter().find_map(|(process, _)| {
            let tongue = tongue_of_program(process)?;
            let source = format!("/proc/{}/comm", process.id.pid);
            Some((tongue, Evidence::new(source, format!("{} speaks {}", words::named(process), tongue.name()))))
        })
    })
}

/// What a program speaks that speaks one protocol only.
pub(crate) fn tongue_of_program(process: &Process) -> Option<Tongue> {
    let title = process.title().to_ascii_lowercase();
    PROGRAMS.iter().find(|(beginning, _)| title.starts_with(beginning)).map(|(_, tongue)| *tongue)
}

const PROGRAMS: &[(&str, Tongue)] = &[
    ("redis-server", Tongue::Redis),
    ("valkey-server", Tongue::Redis),
    ("keydb-server", Tongue::Redis),
    ("postgres", Tongue::Postgres),
    ("pgbouncer", Tongue::Postgres),
    ("mysqld", Tongue::Mysql),
    ("mariadbd", Tongue::Mysql),
    ("mongod", Tongue::Mongodb),
    ("mongos", Tongue::Mongodb),
    ("memcached", Tongue::Memcached),
    ("mosquitto", Tongue::Mqtt),
    ("sshd", Tongue::Ssh),
    ("dropbear", Tongue::Ssh),
    ("vsftpd", Tongue::Ftp),
    ("proftpd", Tongue::Ftp),
];

/// The protocol of what was heard, by its first bytes.
pub(crate) fn tongue(exchange: &Exchange) -> Option<Tongue> {
    let heard = exchange.heard.raw();
    // The answer to a request for TLS is one letter (PostgreSQL protocol, "SSLRequest").
    if exchange.said == Said::Greeting && matches!(heard, b"S" | b"N") {
        return Some(Tongue::Postgres);
    }
    match heard {
        // RFC 8446 section 5.1: a record's type and version.
        [20..=23, 3, 0..=4, ..] => return Some(Tongue::Tls),
        // RFC 9113 section 3.4: the first frame of a server is SETTINGS, on stream 0.
        [0, 0, _, 4, 0 | 1, 0, 0, 0, 0, ..] => return Some(Tongue::Http2),
        // MySQL's first packet: length, number 0, then version 10 or an error.
        [_, _, 0, 0, 10 | 0xff, _, ..] => return Some(Tongue::Mysql),
        // MQTT 3.1.1 section 3.2: CONNACK.
        [0x20, 2, 0 | 1, ..] => return Some(Tongue::Mqtt),
        [b'E', 0, 0, _, _, b'S', ..] => return Some(Tongue::Postgres),
        _ => {}
    }
    if has(heard, "MongoDB over HTTP") {
        return Some(Tongue::Mongodb);
    }
    if heard.starts_with(b"220") {
        return Some(if has(heard, "ftp") { Tongue::Ftp } else { Tongue::Smtp });
    }
    BEGINNINGS.iter().find(|(beginning, _)| heard.starts_with(beginning)).map(|(_, tongue)| *tongue)
}

const BEGINNINGS: &[(&[u8], Tongue)] = &[
    (b"HTTP/", Tongue::Http),
    (b"SSH-", Tongue::Ssh),
    (b"+PONG", Tongue::Redis),
    (b"-ERR", Tongue::Redis),
    (b"-NOAUTH", Tongue::Redis),
    (b"-NOPERM", Tongue::Redis),
    (b"-DENIED", Tongue::Redis),
    (b"-LOADING", Tongue::Redis),
    (b"-MISCONF", Tongue::Redis),
    (b"AMQP", Tongue::Amqp),
    (b"ERROR\r\n", Tongue::Memcached),
    (b"ERROR Too many open connections", Tongue::Memcached),
    (b"CLIENT_ERROR", Tongue::Memcached),
    (b"VERSION ", Tongue::Memcached),
    (b"INFO {", Tongue::Nats),
    (b"* OK", Tongue::Imap),
    (b"+OK", Tongue::Pop3),
    (b"RFB ", Tongue::Vnc),
    (b"JDWP-Handshake", Tongue::Jdwp),
];

/// An answer of HTTP/1.x.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HttpAnswer<'a> {
    /// Its status.
    pub(crate) status: u16,
    bytes: &'a [u8],
}

impl<'a> HttpAnswer<'a> {
    /// The answer in these bytes; `None` where they are none.
    pub(crate) fn of(exchange: &'a Exchange) -> Option<Self> {
        let bytes = exchange.heard.raw();
        let rest = bytes.strip_prefix(b"HTTP/1.")?;
        let status = std::str::from_utf8(rest.get(2..5)?).ok()?.parse().ok()?;
        Some(Self { status, bytes })
    }

    /// A header's value, by its name in any case.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let head = self.bytes.split(|byte| *byte == b'\n').skip(1).take_while(|line| !line.trim_ascii().is_empty());
        for line in head {
            let Some(at) = line.iter().position(|byte| *byte == b':') else { continue };
            let (found, value) = line.split_at(at);
            if found.trim_ascii().eq_ignore_ascii_case(name.as_bytes()) {
                return Some(String::from_utf8_lossy(value.get(1..).unwrap_or_default().trim_ascii()).into_owned());
            }
        }
        None
    }

    /// True when the answer, head or body, holds these words in any case.
    pub(crate) fn has(&self, words: &str) -> bool {
        has(self.bytes, words)
    }
}

/// The first HTTP answer of a case.
pub(crate) fn http<'a>(case: &Case<'a>) -> Option<(&'a Attempt, &'a Exchange, HttpAnswer<'a>)> {
    exchanges(case).into_iter().find_map(|(attempt, exchange)| Some((attempt, exchange, HttpAnswer::of(exchange)?)))
}

/// The words are in these bytes, in any case.
pub(crate) fn has(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len().max(1)).any(|window| window.eq_ignore_ascii_case(words.as_bytes()))
}

/// True when the text, or another error of it, holds these words in any case.
pub(crate) fn text_has(case: &Case<'_>, words: &str) -> bool {
    case.paste.is_some_and(|paste| std::iter::once(paste).chain(&paste.others).any(|error| has(error.line.raw(), words)))
}

/// The line of the text, as a piece of evidence.
pub(crate) fn line(case: &Case<'_>) -> Option<Evidence> {
    let paste = case.paste?;
    Some(Evidence::new(format!("line {} of the text", paste.line_number), paste.line.shown()))
}

/// What came back, as a piece of evidence: `a HEAD request was answered by "HTTP/1.1 502 Bad Gateway"`.
pub(crate) fn heard_words(exchange: &Exchange) -> Evidence {
    let question = match exchange.said {
        Said::Nothing => "before anything was said to it, it",
        Said::Http => "to a HEAD request it",
        Said::Tls => "to a ClientHello it",
        Said::Greeting => "to a greeting of its protocol it",
    };
    let ended = match exchange.ended {
        Ended::Enough | Ended::Silence => "",
        Ended::Closed => ", and closed",
        Ended::Reset => ", and reset the connection",
    };
    if exchange.heard.raw().is_empty() {
        let fact = match exchange.ended {
            Ended::Enough | Ended::Silence => "said nothing",
            Ended::Closed => "closed without a byte",
            Ended::Reset => "reset the connection without a byte",
        };
        return Evidence::new("read(2)", format!("{question} {fact} in {} ms", exchange.first_ms));
    }
    let fact = match tongue(exchange) {
        Some(Tongue::Tls) => alert_words(exchange.heard.raw()),
        Some(Tongue::Http2) => "answered with an HTTP/2 SETTINGS frame".to_owned(),
        Some(Tongue::Mysql) => "sent a MySQL packet".to_owned(),
        Some(Tongue::Postgres) if exchange.heard.raw().len() == 1 => "answered as PostgreSQL does".to_owned(),
        _ => format!("answered {:?}", first_line(exchange)),
    };
    Evidence::new("read(2)", format!("{question} {fact}{ended}"))
}

fn alert_words(heard: &[u8]) -> String {
    match heard {
        [21, ..] => "answered with a TLS alert".to_owned(),
        [22, ..] => "answered with a TLS handshake".to_owned(),
        _ => "answered in TLS".to_owned(),
    }
}

/// The first line of what was heard, at most 80 characters.
pub(crate) fn first_line(exchange: &Exchange) -> Shown {
    let line = exchange.heard.raw().split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
    Shown(portward_model::Text::new(line).shown().chars().take(80).collect())
}

/// Text that is escaped already; `{:?}` puts it in quotation marks.
pub(crate) struct Shown(String);

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

/// True when what the text reports may still be so: the endpoint was not seen to refuse, and not seen to be gone.
pub(crate) fn text_may_stand(case: &Case<'_>) -> bool {
    case.connects() && (case.asked.port == 0 && case.asked.path.is_none() || !case.fails_to_connect())
}

/// The host as a client names it: the name, or the first address.
pub(crate) fn host(case: &Case<'_>) -> String {
    match (&case.asked.name, case.asked.addresses.first()) {
        (Some(name), _) => name.clone(),
        (None, Some(std::net::IpAddr::V6(v6))) => format!("[{v6}]"),
        (None, Some(address)) => address.to_string(),
        (None, None) => "localhost".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use portward_model::{Ended, Exchange, Said, Text};

    use super::{HttpAnswer, Tongue, heard_words, tongue};

    fn heard(said: Said, bytes: &[u8]) -> Exchange {
        Exchange { said, heard: Text::new(bytes), ended: Ended::Enough, first_ms: 1 }
    }

    #[test]
    fn protocols_show_in_their_first_bytes() {
        for (bytes, expected) in [
            (b"HTTP/1.1 200 OK\r\n" as &[u8], Some(Tongue::Http)),
            (b"\x15\x03\x01\x00\x02\x02\x46", Some(Tongue::Tls)),
            (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", Some(Tongue::Http2)),
            (b"J\x00\x00\x00\x0a5.5.5-10.11\x00", Some(Tongue::Mysql)),
            (b"\x17\x00\x00\x00\xff\x10\x04Too many connections", Some(Tongue::Mysql)),
            (b"E\x00\x00\x00\x5dSFATAL\x00", Some(Tongue::Postgres)),
            (b"SSH-2.0-OpenSSH_9.2\r\n", Some(Tongue::Ssh)),
            (b"220 mail.example ESMTP\r\n", Some(Tongue::Smtp)),
            (b"220 (vsFTPd 3.0.3)\r\n", Some(Tongue::Ftp)),
            (b"-ERR unknown command\r\n", Some(Tongue::Redis)),
            (b"hello\n", None),
            (b"", None),
            (b"\x00", None),
        ] {
            assert_eq!(tongue(&heard(Said::Http, bytes)), expected, "{}", bytes.escape_ascii());
        }
        assert_eq!(tongue(&heard(Said::Greeting, b"N")), Some(Tongue::Postgres));
        assert_eq!(tongue(&heard(Said::Http, b"N")), None);
    }

    #[test]
    fn answers_are_read_and_shown_safely() {
        let exchange = heard(Said::Http, b"HTTP/1.1 302 Found\r\nLOCATION:  https://x/ \r\n\r\nLocation: no");
        let answer = HttpAnswer::of(&exchange).unwrap();
        assert_eq!((answer.status, answer.header("location").as_deref()), (302, Some("https://x/")));
        assert_eq!(heard_words(&exchange).fact, "to a HEAD request it answered \"HTTP/1.1 302 Found\"");
        assert!(heard_words(&heard(Said::Nothing, b"\x1b[31mhi\n")).fact.contains("\\x1b[31mhi"));
        for short in [b"HTTP/1." as &[u8], b"HTTP/1.1 2", b"HTTP/1.1 abc"] {
            assert!(HttpAnswer::of(&heard(Said::Http, short)).is_none());
        }
    }
}
