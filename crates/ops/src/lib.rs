//! The capabilities of Portward, each declared once.
//!
//! A capability is one [`Op`]: a struct whose doc comment is its help, whose fields are its arguments, with an
//! effect, an output and one `run`. Everything a user meets (command, JSON, schema, reference page, man page,
//! completions) is derived from it, and [`dispatch`] is the one door to all of them. This crate prints
//! nothing and parses no command line.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::disallowed_methods, clippy::disallowed_types))]

mod document;
mod door;
#[macro_use]
mod entry;
mod filter;
mod hands;
mod named;
pub mod op;
mod pairs;
pub mod project;
mod registry;
mod rows;
mod target;

pub use document::{
    Bind, Client, Document, End, Exposure, Freed, Gap, Group, Listing, Nearby, Netns, OwnerDocument, Port, ProcessDocument,
    Proof, Refusal, Refused, RowDocument, SocketDocument, Step, Supervised, When, write_json,
};
pub use door::{Answer, Door, Request, dispatch, perform};
pub use entry::{Each, Entry, ErasedSerialize, Exit, Home, Never, Noun, Op, Sink};

pub use named::{Meant, distance};
pub use portward_model::{Effect, Failure, Kind, Span};
pub use portward_reading::{Look, Story, View, endpoint_words, holder_words};
pub use portward_session::die_by;
pub use portward_store::Store;
pub use portward_sys::{Acts, Cancel, Context, Dials, Looks, Machine, Nobody, Prompt, Rights};
pub use portward_wire::project_file;
pub use registry::OPS;
pub(crate) use rows::Row;
pub use rows::RowKind;

/// Becomes a supervisor, the forwarder or a user's hands, if this process was started for that; everybody else goes on.
///
/// To be called before arguments are read, while the process has one thread.
pub fn entrance(arguments: &[std::ffi::OsString]) -> Option<std::process::ExitCode> {
    portward_keeper::entrance(arguments, op::wait::answers).or_else(|| hands::entrance(arguments))
}

pub use op::explain::age;
pub use op::watch::notice;
