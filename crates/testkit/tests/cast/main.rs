//! Proof that the cast is what it says it is: every tricky case, read back from the kernel by `ss` and `/proc`.

#![allow(clippy::unwrap_used, missing_docs)]

mod holders;
mod links;
mod programs;
mod worlds;

use portward_testkit::{SsRow, World, forgotten_files, ss_rows};

/// A world without a binary to test.
#[track_caller]
fn world() -> Option<World> {
    World::new("portward")
}

/// Every TCP and UDP socket of a world by `ss`.
fn ss(world: &World) -> Vec<SsRow> {
    ss_rows(&world.run(&["ss", "-Htunae"]).expect(0))
}

/// The one row of `ss` with this inode.
#[track_caller]
fn row(world: &World, inode: u64) -> SsRow {
    let rows: Vec<SsRow> = ss(world).into_iter().filter(|row| row.inode == inode).collect();
    match rows.as_slice() {
        [row] => row.clone(),
        other => panic!("inode {inode} has {} rows: {other:?}", other.len()),
    }
}

/// True when a process has the socket in its (or its thread's) descriptor table, by `/proc`.
fn holds(world: &World, process: &str, inode: u64) -> bool {
    let listed = world.run(&["sh", "-c", "ls -l /proc/$0/fd", process]).expect(0);
    listed.stdout.contains(&format!("socket:[{inode}]"))
}

#[test]
fn no_test_file_is_forgotten() {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cast");
    assert_eq!(forgotten_files(here), Vec::<String>::new());
}
