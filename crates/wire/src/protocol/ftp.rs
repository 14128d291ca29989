//! FTP: the server's 220 line, which names it (RFC 959 section 5.4); SMTP greets with the same number.

use super::{First, Protocol, Words, has, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "FTP",
    schemes: &[usual(21, "ftp"), usual(990, "ftps").with_tls()],
    ports: &[
        usual(21, "FTP"),
        usual(20, "FTP data"),
        usual(989, "FTP data over TLS").with_tls(),
        usual(990, "FTP over TLS").with_tls(),
    ],
    first: First::Server,
    client: "ftp HOST PORT",
    recognise: |answer| (answer.starts_with(b"220") && has(answer, "ftp")).then_some(Words::Any),
    samples: &[b"220 (vsFTPd 3.0.3)\r\n"],
    ..Protocol::named("ftp")
};
