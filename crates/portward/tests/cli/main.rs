//! The command line, one module per operation, each run in a world of its own.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // Tests make the machine that they look at.
#![allow(clippy::unwrap_used, missing_docs)]

mod allow;
mod answers;
mod bad_input;
mod bind;
mod check;
mod completions;
mod doctor;
mod doctor_input;
mod down;
mod edits;
mod env;
mod exec;
mod explain;
mod forward;
mod free;
mod freeing;
mod front;
mod graph;
mod guard;
mod hands;
mod hook;
mod init;
mod lab;
mod lease;
mod list;
mod logs;
mod named;
mod next;
mod open;
mod output;
mod pages;
mod port;
mod ports;
mod project;
mod projects;
mod ps;
mod recorded;
mod reports;
mod restart;
mod resume;
mod run;
mod schema;
mod serve;
mod service;
mod snapshot;
mod stop;
mod trust;
mod unix_paths;
mod up;
mod url;
mod wait;
mod watch;

use portward_testkit::{World, forgotten_files};

const PORTWARD: &str = env!("CARGO_BIN_EXE_portward");

#[track_caller]
fn world() -> Option<World> {
    World::new(PORTWARD)
}

#[test]
fn no_test_file_is_forgotten() {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli");
    assert_eq!(forgotten_files(here), Vec::<String>::new());
}
