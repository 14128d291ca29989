//! VNC: the server's version (RFC 6143 section 7.1.1).

use super::{First, Protocol, Words, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "VNC",
    schemes: &[usual(5900, "vnc")],
    ports: &[usual(5900, "VNC")],
    first: First::Server,
    recognise: |answer| answer.starts_with(b"RFB ").then_some(Words::Any),
    samples: &[b"RFB 003.008\n"],
    ..Protocol::named("vnc")
};
