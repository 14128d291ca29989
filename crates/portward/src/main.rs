//! `portward`: the faces of Portward, and what is generated from its declarations.
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

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os().collect())
}
