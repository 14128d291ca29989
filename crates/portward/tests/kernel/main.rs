//! Real sockets of a real kernel: every case that other tools get wrong, each in namespaces of its own.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // Tests make the machine that they look at.
#![allow(clippy::unwrap_used, missing_docs)]

mod binds;
mod compare;
mod connections;
mod diagnoses;
mod guard;
mod guard_tables;
mod hidden;
mod holders;
mod labs;
mod names;
mod namespaces;
mod noise;
mod queues;
mod races;
mod states;
mod threads;
mod tour;
mod unix;

use portward_testkit::{Reading, World, forgotten_files};
use serde_json::Value;

const PORTWARD: &str = env!("CARGO_BIN_EXE_portward");

#[track_caller]
fn world() -> Option<World> {
    World::new(PORTWARD)
}

/// What `list --json` says of a world.
#[track_caller]
fn list(world: &World) -> Reading {
    world.portward(&["list", "--json"]).reading()
}

/// What `list --json --all` says of a world.
#[track_caller]
fn list_all(world: &World) -> Reading {
    world.portward(&["list", "--json", "--all"]).expect(0).reading()
}

/// How the owner with this pid came by the socket.
#[track_caller]
fn via<'a>(reading: &Reading, socket: &'a Value, pid: u64) -> &'a str {
    reading.owner(socket, pid)["via"].as_str().unwrap_or_else(|| panic!("no via for {pid} in {socket:#}"))
}

#[test]
fn no_test_file_is_forgotten() {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kernel");
    assert_eq!(forgotten_files(here), Vec::<String>::new());
}
