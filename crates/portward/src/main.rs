//! `portward`: the faces of Portward, and what is generated from its declarations.
//!
//! Nothing here decides: a face turns words into the arguments of a capability, and its answer into text or
//! JSON. A capability's text stands in `show`, one file each.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::disallowed_methods, clippy::disallowed_types))]

mod beside;
mod cli;
mod complete;
mod generate;
mod misread;
mod prompt;
#[cfg(debug_assertions)]
mod reread;
mod schema;
mod screen;
mod show;
mod source;
mod table;
mod words;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    // A lab's servers are this program, too, and so is what lends real ports in the background.
    let other = portward_lab::entrance(&arguments)
        .or_else(|| portward_sys::entrance(&arguments))
        .or_else(|| portward_ops::entrance(&arguments));
    other.unwrap_or_else(|| cli::run(arguments))
}
