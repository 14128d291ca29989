//! Databases and caches in a private localhost.

use crate::session::{BOTH, Served, Twins, words};

const POSTGRES: Served<'_> = Served { port: 5432, at: BOTH, client: &psql };
const MARIADB: Served<'_> = Served { port: 3306, at: BOTH, client: &mariadb_client };
const REDIS: Served<'_> = Served { port: 6379, at: BOTH, client: &redis_cli };
const MEMCACHED: Served<'_> = Served { port: 11211, at: BOTH, client: &memcached };
const DATAGRAMS: Served<'_> = Served { port: 11211, at: BOTH, client: &memcached_datagram };

#[test]
fn postgres() {
    let Some(twins) = Twins::of(&["psql"]) else { return };
    let (Some(initdb), Some(postgres)) = (
        portward_testkit::program("/usr/lib/postgresql/*/bin/initdb"),
        portward_testkit::program("/usr/lib/postgresql/*/bin/postgres"),
    ) else {
        return;
    };
    twins.each(|project| {
        let data = project.path("data").display().to_string();
        let words = ["-D", &data, "-U", "postgres", "-A", "trust", "--no-sync", "--no-instructions", "-E", "UTF8"];
        let _ = twins.enter(project).run(&[&[initdb.to_str().expect("a path")][..], &words].concat()).expect(0);
    });
    // Both copies listen at a Unix socket of their own: that a session does not part.
    twins.start(&[
        postgres.to_str().expect("a path"),
        "-D",
        "@ROOT@/data",
        "-k",
        "@ROOT@",
        "-c",
        "fsync=off",
        "-c",
        "listen_addresses=*",
        "-c",
        "cluster_name=@NAME@",
    ]);
    twins.prove(POSTGRES);
    believes_in(&twins, "5432", &["psql", "-h", "localhost", "-U", "postgres", "-tAc", "show port"]);
    twins.unseen_from_outside();
    twins.end(POSTGRES);
}

#[test]
fn mariadb() {
    let Some(twins) = Twins::of(&["mariadbd", "mariadb", "mariadb-install-db"]) else { return };
    twins.each(|project| {
        let data = format!("--datadir={}", project.path("data").display());
        let words = ["mariadb-install-db", "--no-defaults", &data, "--auth-root-authentication-method=normal"];
        let _ = twins.enter(project).run(&[&words[..], &["--skip-test-db", "--skip-name-resolve"]].concat()).expect(0);
    });
    twins.start(&[
        "mariadbd",
        "--no-defaults",
        "--datadir=@ROOT@/data",
        "--socket=@ROOT@/mariadb.sock",
        "--pid-file=@ROOT@/mariadb.pid",
        "--report-host=@NAME@",
        "--skip-name-resolve",
        "--skip-grant-tables",
        "--skip-networking=0",
    ]);
    twins.prove(MARIADB);
    believes_in(&twins, "3306", &["mariadb", "--no-defaults", "-h", "127.0.0.1", "-BNe", "select @@port"]);
    twins.unseen_from_outside();
    twins.end(MARIADB);
}

#[test]
fn redis_as_a_daemon() {
    let Some(twins) = Twins::of(&["redis-server", "redis-cli"]) else { return };
    twins.start(&["redis-server", "--daemonize", "yes", "--dir", "@ROOT@", "--save", "", "--protected-mode", "no"]);
    twins.each(|project| {
        let set = words(&["redis-cli", "SET", "project", project.name]);
        project.until("a server that takes a value", || (twins.inside(project, &set).stdout.trim() == "OK").then_some(()));
        // What was started has ended, and what it started is still seen.
        let ps = twins.enter(project).portward(&["ps"]).expect(0);
        assert!(ps.stdout.contains("redis-server") && ps.stdout.contains("6379"), "{ps}");
        assert!(ps.stdout.contains("has ended, and left something running"), "{ps}");
    });
    twins.live_and_end(REDIS);
}

#[test]
fn memcached_by_tcp_and_udp() {
    let Some(twins) = Twins::of(&["memcached", "python3"]) else { return };
    twins.start(&["memcached", "-U", "11211", "-m", "16", "-l", "0.0.0.0,::"]);
    twins.each(|project| {
        let text = format!("set project 0 0 {}\r\n{}\r\n", project.name.len(), project.name);
        let set = python(STREAM, "127.0.0.1", MEMCACHED.port, &text);
        project.until("a server that stores a value", || twins.inside(project, &set).stdout.contains("STORED").then_some(()));
    });
    twins.prove(MEMCACHED);
    twins.prove(DATAGRAMS);
    twins.unseen_from_outside();
    twins.end(MEMCACHED);
}

/// Sees that a server goes on to believe in the port that it was given, and that a client which names none comes to it.
#[track_caller]
fn believes_in(twins: &Twins, port: &str, client: &[&str]) {
    twins.each(|project| {
        let told = twins.inside(project, &words(client)).expect(0);
        assert_eq!(told.stdout.trim(), port, "{told}");
    });
}

fn psql(address: &str, port: u16) -> Vec<String> {
    words(&["psql", "-h", address, "-p", &port.to_string(), "-U", "postgres", "-tAc", "select current_setting('cluster_name')"])
}

fn mariadb_client(address: &str, port: u16) -> Vec<String> {
    words(&["mariadb", "--no-defaults", "-h", address, "-P", &port.to_string(), "-BNe", "select @@report_host"])
}

fn redis_cli(address: &str, port: u16) -> Vec<String> {
    words(&["redis-cli", "-h", address, "-p", &port.to_string(), "GET", "project"])
}

fn memcached(address: &str, port: u16) -> Vec<String> {
    python(STREAM, address, port, "get project\r\n")
}

fn memcached_datagram(address: &str, port: u16) -> Vec<String> {
    python(DATAGRAM, address, port, "get project\r\n")
}

fn python(script: &str, address: &str, port: u16, text: &str) -> Vec<String> {
    words(&["python3", "-c", script, address, &port.to_string(), text])
}

/// Sends its last argument and prints what comes back.
const STREAM: &str = "
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 20) as server:
    server.sendall(sys.argv[3].encode())
    said = b''
    while not said.endswith((b'STORED\\r\\n', b'END\\r\\n')):
        said += server.recv(4096)
    print(said.decode())
";

/// The same in a datagram, with the frame header of memcached: request 7, the first of one.
const DATAGRAM: &str = "
import socket, sys
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM) as server:
    server.settimeout(20)
    server.connect((sys.argv[1], int(sys.argv[2])))
    server.send(b'\\0\\7\\0\\0\\0\\1\\0\\0' + sys.argv[3].encode())
    print(server.recv(4096)[8:].decode())
";
