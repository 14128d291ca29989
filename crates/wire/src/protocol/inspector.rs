//! The inspector of Node.js and its kin: HTTP and WebSocket, by which a debugger takes hold of a program.

use super::{DEBUGGER, Protocol, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "the inspector",
    ports: &[usual(9229, "Node.js inspector"), usual(9230, "Node.js inspector, second process")],
    event: Some(DEBUGGER),
    ..Protocol::named("inspector")
};
