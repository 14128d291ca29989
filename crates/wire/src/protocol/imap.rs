//! IMAP: the server's greeting (RFC 9051 section 7.1).

use super::{First, Protocol, Words, over_tls, plain, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "IMAP",
    schemes: &[plain("imap", 143), over_tls("imaps", 993)],
    ports: &[usual(143, "IMAP mail"), usual(993, "IMAP over TLS").with_tls()],
    first: First::Server,
    recognise: |answer| answer.starts_with(b"* OK").then_some(Words::Any),
    samples: &[b"* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n"],
    ..Protocol::named("imap")
};
