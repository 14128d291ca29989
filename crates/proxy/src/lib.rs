//! TCP that is passed on, and files that are served.
//!
//! [`Flows`] is the plain relay: connections between two sockets in one `epoll`, without threads and without a runtime. A
//! session's doors stand on it, and the forwarder, [`forward`], which lends real ports to one project at a time: what is lent
//! is asked of a [`Lender`].
//!
//! [`serve`] serves the files of a folder over HTTP.
//!
//! [`pass`] is one forward of any kind: streams, messages and datagrams, over TCP, UDP and Unix sockets.
//!
//! [`Authority`] signs the certificates that servers of this machine show, where nobody has given them one.
//!
//! This crate knows sockets and bytes. It knows no project, no lease and no store.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod lend;
#[cfg(target_os = "linux")]
mod linux;
mod place;

pub use lend::{Lender, Wish};
#[cfg(target_os = "linux")]
pub use linux::{
    Admission, Authority, Ended, Flows, HowEnded, Maker, Origin, Pass, PassEnd, PassEvent, Past, Stand, Stop, Tally, Unusable,
    Witness, forward, pass, raised_limit, reserve, serve, stand, stand_made,
};
pub use place::{Kind, Place};
