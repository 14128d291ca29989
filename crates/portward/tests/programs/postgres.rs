//! A `PostgreSQL` server, on TCP and on its Unix socket.

use crate::{Server, world};

#[test]
fn server() {
    let Some(world) = world() else { return };
    let (Some(initdb), Some(postgres)) = (
        portward_testkit::program("/usr/lib/postgresql/*/bin/initdb"),
        portward_testkit::program("/usr/lib/postgresql/*/bin/postgres"),
    ) else {
        return;
    };
    let data = world.path().join("tmp/data").display().to_string();
    let sockets = world.path().join("run").display().to_string();
    let initdb =
        [initdb.to_str().unwrap(), "-D", &data, "-U", "postgres", "-A", "trust", "--no-sync", "--no-instructions", "-E", "UTF8"];
    let _ = world.enter().stranger().run(&initdb).expect(0);
    let running = world.enter().stranger().start(&[
        postgres.to_str().unwrap(),
        "-D",
        &data,
        "-p",
        "5432",
        "-k",
        &sockets,
        "-c",
        "fsync=off",
        "-c",
        "listen_addresses=127.0.0.1,::1",
    ]);
    let waited = world.portward(&["wait", "5432", "--ready", "postgres", "--timeout", "120s"]);
    assert_eq!(waited.code, Some(0), "{waited}\n{}", running.stderr());
    let unix = format!("unix:{sockets}/.s.PGSQL.5432");
    let told = world.portward(&["explain", &unix]).expect(0);
    assert!(told.stdout.contains("postgres"), "{told}");
    let outcome = world.portward(&["list"]).expect(0);
    assert!(outcome.stdout.contains(".s.PGSQL.5432"), "its Unix socket matters to a person: {outcome}");
    Server { world: &world, running, port: 5432, protocol: "postgres", named: "postgres" }.lives_and_ends();
}
