//! JDWP, the debugger's protocol of Java: both sides say the same fourteen bytes. A virtual machine takes one debugger at a time.

use super::{DEBUGGER, Protocol, Words, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "JDWP",
    ports: &[usual(5005, "Java debugger (JDWP)")],
    event: Some(DEBUGGER),
    recognise: |answer| answer.starts_with(b"JDWP-Handshake").then_some(Words::Any),
    samples: &[b"JDWP-Handshake"],
    ..Protocol::named("jdwp")
};
