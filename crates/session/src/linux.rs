//! The Linux body: a filter, a supervisor, and three processes.

mod calls;
mod channel;
mod front;
mod holds;
mod program;
mod sockets;
mod supervisor;
mod tree;

pub use front::die_by;
pub use program::{become_program, gains_rights, is_there, taking_socket};
pub use sockets::{open_listener, pin_inherited};
pub use tree::{run, watch};
