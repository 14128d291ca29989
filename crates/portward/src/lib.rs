//! The faces of Portward: the command line, and what is generated from the declarations.
//!
//! Nothing here decides: a face turns words into the arguments of a capability, and its answer into text or
//! JSON. A capability's text stands in `show`, one file each.
#![forbid(unsafe_code)]

mod cli;
mod complete;
mod generate;
mod prompt;
mod schema;
mod screen;
mod show;
mod source;
mod table;

pub use cli::{command, run};
