//! The debug adapter protocol, as debugpy serves it to an editor.

use super::{DEBUGGER, First, Protocol, Words, has, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "the debug adapter protocol",
    ports: &[usual(5678, "Python debugger (debugpy), n8n")],
    first: First::Server,
    event: Some(DEBUGGER),
    recognise: |answer| (answer.starts_with(b"Content-Length: ") && has(answer, "\"type\"")).then_some(Words::Any),
    samples: &[b"Content-Length: 71\r\n\r\n{\"seq\": 1, \"type\": \"event\", \"event\": \"output\"}"],
    ..Protocol::named("debugpy")
};
