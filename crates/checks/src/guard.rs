//! Closing a running server to the network: why a socket cannot be pinned, and the packet filter's rules that close a port.
//!
//! What is read and done for it stands in `ops`.

mod rules;
mod why;

pub use rules::{Closing, PREFIX, lasting, paste, removal};
pub use why::{Facts, Why, Yama, foreseen};
