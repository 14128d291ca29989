//! IMAP: the server's greeting (RFC 9051 section 7.1).

use super::{First, Protocol, Words, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "IMAP",
    schemes: &[usual(143, "imap"), usual(993, "imaps").with_tls()],
    ports: &[usual(143, "IMAP mail"), usual(993, "IMAP over TLS").with_tls()],
    first: First::Server,
    recognise: |answer| answer.starts_with(b"* OK").then_some(Words::Any),
    samples: &[b"* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n"],
    ..Protocol::named("imap")
};
