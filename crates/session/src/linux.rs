//! The Linux body: a filter, a supervisor, and three processes.

mod addresses;
mod alone;
mod apart;
mod aside;
mod calls;
mod channel;
mod duty;
mod fences;
mod finds;
mod front;
mod holds;
mod isolated;
mod kept_out;
mod leaving;
mod makers;
mod outward;
mod pace;
mod post;
mod probe;
mod program;
mod reached;
mod replacement;
mod sockets;
mod standing;
mod strays;
mod supervisor;
mod tree;
mod waiters;
mod whose;

pub use alone::{Alone, environment, stand_alone};
pub use apart::{handed_over, numbers_of, start_apart};
pub use front::die_by;
pub use post::{Herald, Post, stand_before};
pub use program::{become_program, gains_rights, is_there, taking_socket};
pub use sockets::{open_listener, pin_inherited};
pub use tree::{run, watch};
