//! A file of leases that somebody else has written, and what stands in its place.

use std::fs;

use portward_sys::SystemClock;
use rusqlite::Connection;

use super::{
    super::{Repaired, Store, file, repair::renew_in},
    Bench,
};

#[test]
fn the_plan_is_what_the_steps_make() {
    let plan = file::plan_of(file::CURRENT).unwrap();
    assert!(plan == include_str!("../plan.txt").trim_end(), "crates/store/src/plan.txt has to be:\n{plan}");
}

#[test]
fn no_sql_of_the_file_runs() {
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0";
    let hostile = [
        "CREATE TRIGGER t AFTER INSERT ON leases BEGIN DELETE FROM leases; END".to_owned(),
        format!("CREATE TRIGGER t AFTER UPDATE ON leases BEGIN INSERT INTO leases (port) {endless}; END"),
        format!("ALTER TABLE meta RENAME TO old; CREATE VIEW meta AS SELECT 1 AS one, i AS identity FROM ({endless})"),
        format!(
            "DROP TABLE leases; CREATE VIEW leases (port, project, asked, name, created_at, last_used_at)
                 AS SELECT i, 1, 1, 'x', 1, 1 FROM ({endless})"
        ),
        "CREATE INDEX i ON leases (abs(asked))".to_owned(),
        "DROP TABLE leases; CREATE TABLE leases (port INTEGER PRIMARY KEY, project, asked, name, created_at, last_used_at)"
            .to_owned(),
        "ALTER TABLE runs ADD COLUMN more TEXT AS (hex(zeroblob(1000000)))".to_owned(),
        "CREATE TABLE one_more (x)".to_owned(),
    ];
    for sql in &hostile {
        let bench = Bench::new();
        let shop = bench.project("shop");
        let mut store = bench.open();
        let project = store.project(Some(&shop)).unwrap();
        store.lease(project.id, 3000).unwrap();
        drop(store);
        Connection::open(bench.file(file::NAME)).unwrap().execute_batch(sql).unwrap();
        let reading = Store::reading_in(bench.host.as_ref(), &SystemClock, bench.folder());
        for opened in [bench.try_open(), reading.map(Option::unwrap)] {
            let Err(refused) = opened else { panic!("{sql} is taken") };
            assert!(refused.message.contains("no Portward put there"), "{sql}: {}", refused.message);
        }
        // Repaired, it has what tables of ours still hold, and nothing of theirs.
        let renewed = renew_in(&bench.folder(), &mut |_| Ok(true)).unwrap();
        assert!(matches!(renewed, Repaired::Renewed { .. }), "{sql}: {renewed:?}");
        assert_eq!(bench.open().project(Some(&shop)).unwrap().block, project.block, "{sql}");
    }
}

#[test]
fn a_pipe_or_a_link_in_the_stores_place_is_not_opened() {
    for name in [file::NAME, file::LOG, file::SHARED, file::TURNS] {
        for is_link in [true, false] {
            let bench = Bench::new();
            drop(bench.open());
            let secret = bench.directory.path().join("secret");
            fs::write(&secret, "not a store").unwrap();
            let _ = fs::remove_file(bench.file(name));
            if is_link {
                std::os::unix::fs::symlink(&secret, bench.file(name)).unwrap();
            } else {
                let made = std::process::Command::new("mkfifo").arg(bench.file(name)).status().unwrap();
                assert!(made.success());
            }
            let Err(refused) = bench.try_open() else { panic!("{name} is opened") };
            assert!(refused.message.contains("no regular file"), "{name}: {}", refused.message);
            assert_eq!(
                fs::read_dir(bench.folder().path)
                    .unwrap()
                    .filter(|entry| { entry.as_ref().unwrap().file_name().to_string_lossy().contains("corrupt") })
                    .count(),
                0
            );
            assert_eq!(fs::read(&secret).unwrap(), b"not a store");
        }
    }
}
