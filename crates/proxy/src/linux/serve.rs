//! Files of a folder over HTTP/1.1, for people who develop.
//!
//! A few threads wait for all connections at once and answer at once what takes no waiting: small files that the kernel has in memory,
//! and refusals (`quick`). Whatever else (large files, listings, packing, uploads, TLS, streams of changes) a thread of its own does
//! (`talk`), which gives the connection back afterwards. Bodies go from the file to the socket within the kernel, so memory stays flat.
//!
//! What is answered is decided in `site`, without a connection; the bytes of requests are `portward_wire::http`'s, files `sys`'s.

mod door;
mod guard;
mod listing;
mod live;
mod log;
mod moment;
mod pack;
mod page;
mod plan;
mod quick;
mod reply;
mod site;
mod talk;
mod tls;
mod upload;

pub use door::{Doors, open_doors};
pub use guard::Login;
pub use log::Served as ServedRequest;
pub use plan::{Listing, Plan, Uploads};
pub use quick::Server;
pub use tls::{Identity, identity};

#[cfg(test)]
mod tests;
