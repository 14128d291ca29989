//! The Linux body: a filter, a supervisor, and three processes.

mod calls;
mod front;
mod program;
mod sockets;
mod supervisor;
mod tree;

pub use front::die_by;
pub use program::{become_program, gains_rights};
pub use sockets::pin_inherited;
pub use tree::run;
