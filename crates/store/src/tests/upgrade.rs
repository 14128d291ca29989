//! A store that is brought up to date while a program of the version before goes on writing.

use rusqlite::{Connection, params};

use super::{Bench, file};
use crate::Store;

/// What a program of version 2 does when it takes a port of a project: its own statements, word for word.
struct Earlier(Connection);

impl Earlier {
    fn ports(&self) -> Vec<u16> {
        let mut statement = self.0.prepare("SELECT port FROM leases").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    fn blocks(&self, project: i64) -> Vec<u16> {
        let mut statement = self.0.prepare("SELECT first FROM blocks WHERE project = ?1 ORDER BY number").unwrap();
        statement.query_map(params![project], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// The port for an asked one; known, or the next of its blocks.
    fn lease(&self, project: i64, asked: u16) -> u16 {
        let known = "SELECT port, asked, name, last_used_at FROM leases WHERE project = ?1 AND asked = ?2";
        if let Ok(port) = self.0.query_row(known, params![project, asked], |row| row.get(0)) {
            return port;
        }
        let leased = self.ports();
        let ports = self.blocks(project).into_iter().flat_map(|first| (0..100).map(move |step| first + (asked + step) % 100));
        let port = ports.into_iter().find(|port| !leased.contains(port)).unwrap();
        let insert = "INSERT INTO leases (port, project, asked, name, created_at, last_used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)";
        self.0.execute_batch("BEGIN IMMEDIATE").unwrap();
        self.0.execute(insert, params![port, project, asked, Option::<String>::None, 1]).unwrap();
        self.0.execute_batch("COMMIT").unwrap();
        port
    }
}

/// A store of version 2 with one project, made by its own steps.
fn made_by_version_2(bench: &Bench) -> (Earlier, i64) {
    bench.folder().prepare().unwrap();
    let connection = Connection::open(bench.file(file::NAME)).unwrap();
    for step in &file::STEPS[..2] {
        connection.execute_batch(step).unwrap();
    }
    connection
        .execute_batch(&format!(
            "PRAGMA application_id={}; PRAGMA user_version=2; PRAGMA journal_mode=WAL;
             INSERT INTO projects (name, root, common, worktree, folder, created_at) VALUES (x'', x'', x'', x'', '', 1);
             INSERT INTO blocks (first, project, number, created_at) VALUES (20300, 1, 0, 1);",
            file::MARK
        ))
        .unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    (Earlier(connection), 1)
}

#[test]
fn a_session_of_the_version_before_goes_on_in_a_store_that_was_brought_up_to_date() {
    use portward_model::ProcessId;
    let bench = Bench::new();
    let (earlier, project) = made_by_version_2(&bench);
    let before = earlier.lease(project, 3000);
    let mut store: Store<'_> = bench.open();
    let id = store.project(None).unwrap().id;
    assert_eq!((id.0, store.lease(id, 3000).unwrap().port), (project, before), "what was leased stays");
    // Both give ports in turn: what one gave, lent or lasting, the other gives to nothing else.
    let holder = ProcessId { pid: 7, started_ticks: 70 };
    let mut given = vec![before];
    for asked in (4000..4030).step_by(3) {
        given.push(store.lend(id, asked, holder).unwrap().unwrap().port);
        given.push(earlier.lease(project, asked + 100));
        given.push(store.lease(id, asked + 200).unwrap().port);
        assert_eq!(earlier.lease(project, asked), given[given.len() - 3], "it joins in what a session was lent");
    }
    let count = given.len();
    given.sort_unstable();
    given.dedup();
    assert_eq!(given.len(), count);
    // It takes a block that is lent for the project's own, and leases in it; that block is not given back.
    let lent = store.lend_block(id, holder).unwrap().unwrap();
    while !earlier.ports().iter().any(|port| lent.contains(*port)) {
        earlier.lease(project, 5000 + u16::try_from(earlier.ports().len()).unwrap());
    }
    store.end_holder(holder).unwrap();
    assert!(store.blocks(id).unwrap().contains(&lent));
    let remaining = store.terms(id).unwrap();
    assert!(
        remaining.iter().all(|(_, _, lasting)| *lasting) && remaining.len() > 20,
        "what was lent has gone, the rest is here: {remaining:?}"
    );
}
