//! One file per capability.

pub mod check;
pub mod doctor;
pub mod explain;
pub mod free;
pub mod front;
pub mod graph;
pub mod guard;
pub mod init;
pub mod lab;
pub mod lease;
pub mod list;
pub mod next;
pub mod open;
pub mod port;
pub mod ps;
pub mod resume;
pub mod run;
pub mod snapshot;
pub mod stop;
pub mod url;
pub mod wait;
pub mod watch;
