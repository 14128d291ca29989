//! Protocols by the first bytes that each one's specification fixes, and by programs that speak one only.

use portward_model::{Exchange, Process, Said};

use super::has;

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

#[cfg(test)]
mod tests {
    use portward_model::{Ended, Exchange, Said, Text};

    use super::{Tongue, tongue};

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
}
