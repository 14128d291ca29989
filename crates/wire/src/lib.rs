//! Bytes to values and back: kernel messages, `/proc` files, captured packets and protocols.
//!
//! Nothing here opens a socket, a file or a clock. Every function takes bytes that may be hostile or cut
//! short and answers with a value or a refusal; none of them panics, and each is a fuzz target.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::disallowed_methods, clippy::disallowed_types))]

pub mod environment;
mod excuse;
pub mod firewall;
pub mod grpc;
pub mod hpack;
pub mod http;
pub mod http1;
pub mod http2;
pub mod mention;
mod near;
pub mod netlink;
pub mod packet;
pub mod procfs;
pub mod project_file;
pub mod protocol;
mod reader;
pub mod source;
pub mod stack;

pub use excuse::excuse;
pub use near::{distance, near};
pub use reader::{Reader, Truncated};
