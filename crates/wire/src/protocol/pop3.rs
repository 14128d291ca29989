//! POP3: the server's greeting (RFC 1939 section 4).

use super::{First, Protocol, Words, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "POP3",
    schemes: &[usual(110, "pop3"), usual(995, "pop3s").with_tls()],
    ports: &[usual(110, "POP3 mail"), usual(995, "POP3 over TLS").with_tls()],
    first: First::Server,
    recognise: |answer| answer.starts_with(b"+OK").then_some(Words::Any),
    samples: &[b"+OK Dovecot ready.\r\n"],
    ..Protocol::named("pop3")
};
