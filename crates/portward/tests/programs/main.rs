//! Real servers, as people run them: found, named, awaited and stopped gently; and two at once, each in a localhost of its own.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // Tests make the machine that they look at.
#![allow(clippy::unwrap_used, missing_docs)]

mod callbacks;
mod containers;
mod datagrams;
mod debuggers;
mod forward;
mod fragile;
mod grpc;
mod guard;
mod java;
mod listed;
mod names;
mod nginx;
mod node;
mod own_engines;
mod php;
mod postgres;
mod projects;
mod python;
mod redis;
mod requests;
mod session;
mod session_addresses;
mod session_databases;
mod session_java;
mod session_node;
mod session_processes;
mod session_python;
mod session_web;
mod standstill;
mod tongues;
mod unharmed;

use portward_testkit::{Reading, Running, World, forgotten_files};
use serde_json::Value;

const PORTWARD: &str = env!("CARGO_BIN_EXE_portward");

#[track_caller]
fn world() -> Option<World> {
    World::new(PORTWARD)
}

/// What every server is put through.
struct Server<'a> {
    world: &'a World,
    running: Running,
    port: u16,
    /// What `wait --ready` is told.
    protocol: &'a str,
    /// A word that its row must say.
    named: &'a str,
}

impl Server<'_> {
    /// Waits until it answers, looks at it, stops it, and sees that its port is free.
    fn lives_and_ends(mut self) {
        let world = self.world;
        let port = self.port.to_string();
        let waited = world.portward(&["wait", &port, "--ready", self.protocol, "--timeout", "120s"]);
        assert_eq!(waited.code, Some(0), "{waited}\n--- the server\n{}", self.running.stderr());
        let reading = world.portward(&["list", "--json", &port]).expect(0).reading();
        let owners = all_owners(&reading);
        assert!(!owners.is_empty(), "{:#}", reading.document());
        let text = world.portward(&["list", &port]).expect(0);
        assert!(text.stdout.contains(self.named), "no {}: {text}", self.named);
        let told = world.portward(&["explain", &port]).expect(0);
        assert!(owners.iter().any(|pid| told.stdout.contains(&pid.to_string())), "{told}");
        let dry = world.portward(&["free", &port, "--dry-run", "--json"]).json();
        assert!(!dry["would"].as_array().unwrap().is_empty(), "{dry:#}");
        let freed = world.portward(&["free", &port, "--yes", "--timeout", "60s", "--json"]).expect(0).json();
        assert_eq!(freed["port_free"], true, "{freed:#}");
        for one in freed["freed"].as_array().unwrap() {
            assert_eq!(one["signal"], "SIGTERM", "gently: {freed:#}");
        }
        let _ = self.running.end();
        let after = world.portward(&["list", "--json", &port]).expect(1).reading();
        assert!(after.sockets().is_empty(), "{:#}", after.document());
    }
}

/// The pids of everyone who holds a socket of the reading.
fn all_owners(reading: &Reading) -> Vec<u64> {
    let mut pids: Vec<u64> = reading.sockets().iter().flat_map(|socket| reading.owners_of(socket)).collect();
    pids.sort_unstable();
    pids.dedup();
    pids
}

/// The first owner of the only socket on a port.
fn first_owner(reading: &Reading, port: u16) -> Value {
    reading.only(port)["owners"][0].clone()
}

#[test]
fn no_test_file_is_forgotten() {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs");
    assert_eq!(forgotten_files(here), Vec::<String>::new());
}
