//! Where programs are usually found: their TCP ports and their Unix sockets.

use portward_wire::protocol;

use super::{all, named};

/// What people find on a TCP port of a known program.
pub(crate) fn on_port(port: u16) -> Option<&'static str> {
    all().flat_map(|known| known.ports).find(|(number, _)| *number == port).map(|(_, words)| *words)
}

/// The usual TCP port of a program, by its name.
pub(crate) fn port_of(name: &str) -> Option<u16> {
    let known = named(name)?;
    let own = known.ports.first().map(|(port, _)| *port);
    own.or_else(|| known.protocol()?.ports.first().map(|usual| usual.port))
}

/// True for the path of a Unix socket that people connect to: a known protocol's or a known program's.
pub fn is_known_socket(path: &[u8]) -> bool {
    protocol::PROTOCOLS.iter().any(|known| known.is_path(path)) || all().any(|known| known.is_path(path))
}
