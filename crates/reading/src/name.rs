//! What sockets and who holds them are called.

use portward_model::{Endpoint, Socket};

use crate::View;

/// `vite (pid 4121)`, or what can be said where no pid can be named.
pub fn holder_words(view: &View, index: usize) -> String {
    let owner = view.first_owner(index).and_then(|pid| view.snapshot.process(pid));
    match (owner, view.snapshot.sockets.get(index)) {
        (Some(process), _) => format!("{} (pid {})", process.title(), process.id.pid),
        (None, Some(socket)) if view.hidden_processes > 0 => format!("a process of user {}", view.user(socket.uid)),
        (None, _) => "a socket without a process".to_owned(),
    }
}

/// `127.0.0.1:3000`, `[::1]:3000`, `udp/0.0.0.0:53`, `unix:/run/x.sock`.
pub fn endpoint_words(socket: &Socket) -> String {
    Endpoint::of(socket).map_or_else(|| "unix:".to_owned(), |endpoint| endpoint.to_string())
}
