//! Worlds for tests: private namespaces, a cast of odd processes, and checked runs of the binary.
//!
//! A test makes a [`World`] (its own network, mounts and pids, on any machine, as root or not), puts
//! actors into it, runs `portward` in it and asserts what it says:
//!
//! ```no_run
//! # fn portward_path() -> &'static str { "portward" }
//! use portward_testkit::World;
//!
//! let Some(world) = World::new(portward_path()) else { return };
//! let actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
//! let list = world.portward(&["list", "--json"]).expect(0).reading();
//! assert_eq!(list.owners_of(list.only(3000)), vec![actor.pid()]);
//! ```
//!
//! Nothing outlives its world: its first process ends with the test, and the kernel ends the rest.
//! What a machine lacks is a loud skip ([`skip`]), never a silent pass. Nothing here asserts a timing:
//! tests wait for a line from an actor, or poll with a deadline ([`until`]).

#![forbid(unsafe_code)]
// A test's way to fail is to panic, and its reason stands in the message.
#![allow(clippy::missing_panics_doc)]

mod engine;
mod entry;
mod hex;
mod neighbour;
mod outcome;
mod reading;
mod running;
mod schema;
mod skip;
mod ss;
mod tidy;
mod until;
mod world;

pub use engine::Engine;
pub use entry::Entry;
pub use hex::hex;
pub use neighbour::{Neighbour, Reached};
pub use outcome::Outcome;
pub use reading::Reading;
pub use running::{Actor, Running};
pub use schema::differences;
pub use skip::{is_root, program, require_root, skip};
pub use ss::{SsRow, ss_rows};
pub use tidy::forgotten_files;
pub use until::until;
pub use world::{World, WorldKind};
