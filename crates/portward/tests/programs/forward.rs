//! Real clients and servers with `portward forward` between them: `PostgreSQL`, Redis, a DNS server, socat and nc.

use portward_testkit::{World, program, until};

use crate::world;

/// Forwards in a process of its own.
fn forward(world: &World, words: &[&str]) {
    let said = world.portward(&[&["forward"], words, &["--detach"]].concat()).expect(0);
    assert!(said.stdout.contains(" -> "), "{said}");
}

#[test]
fn psql_by_tcp_to_a_unix_socket_and_the_other_way() {
    let Some(world) = world() else { return };
    let (Some(initdb), Some(postgres), Some(psql)) = (
        program("/usr/lib/postgresql/*/bin/initdb"),
        program("/usr/lib/postgresql/*/bin/postgres"),
        program("/usr/lib/postgresql/*/bin/psql"),
    ) else {
        return;
    };
    let data = world.path().join("tmp/data").display().to_string();
    let [sockets, own] = ["run", "tmp"].map(|folder| world.path().join(folder).display().to_string());
    let initdb =
        [initdb.to_str().unwrap(), "-D", &data, "-U", "postgres", "-A", "trust", "--no-sync", "--no-instructions", "-E", "UTF8"];
    let _ = world.enter().stranger().run(&initdb).expect(0);
    let server = [
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
        "listen_addresses=127.0.0.1",
    ];
    let running = world.enter().stranger().start(&server);
    let waited = world.portward(&["wait", "5432", "--ready", "postgres", "--timeout", "120s"]);
    assert_eq!(waited.code, Some(0), "{waited}\n{}", running.stderr());
    forward(&world, &[&format!("{sockets}/.s.PGSQL.5432"), "15432"]);
    forward(&world, &["5432", &format!("{own}/.s.PGSQL.25432")]);
    for (host, port) in [("127.0.0.1", "15432"), ("::1", "15432"), (own.as_str(), "25432")] {
        let ask = [
            psql.to_str().unwrap(),
            "-h",
            host,
            "-p",
            port,
            "-U",
            "postgres",
            "-Atc",
            "select sum(n) from generate_series(1, 200000) n",
        ];
        let said = world.run(&ask).expect(0);
        assert_eq!(said.stdout, "20000100000\n", "{said}");
    }
    // A hundred thousand rows, all of them.
    let many = [
        psql.to_str().unwrap(),
        "-h",
        &own,
        "-p",
        "25432",
        "-U",
        "postgres",
        "-Atc",
        "select n from generate_series(1, 100000) n",
    ];
    assert_eq!(world.run(&many).expect(0).stdout.lines().count(), 100_000);
    let _ = world.portward(&["forward", "remove", "--all"]).expect(0);
}

#[test]
fn redis_and_a_pipe_of_commands() {
    let Some(world) = world() else { return };
    if ["redis-server", "redis-cli", "socat", "nc"].iter().any(|name| program(name).is_none()) {
        return;
    }
    let _running =
        world.enter().start(&["redis-server", "--port", "6379", "--bind", "127.0.0.1", "::1", "--save", "", "--dir", "/tmp"]);
    let _ = world.portward(&["wait", "127.0.0.1:6379", "[::1]:6379"]).expect(0);
    let path = world.path().join("tmp/redis.sock").display().to_string();
    forward(&world, &["6379", "16379"]);
    forward(&world, &["16379", &path]);
    assert_eq!(world.run(&["redis-cli", "-p", "16379", "set", "a", "b"]).expect(0).stdout, "OK\n");
    assert_eq!(world.run(&["redis-cli", "-s", &path, "get", "a"]).expect(0).stdout, "b\n");
    // The end of one direction goes on alone: what was piped in is answered, and then all ends.
    let piped = ["sh", "-c", "printf 'PING\\r\\nQUIT\\r\\n' | socat - TCP:127.0.0.1:16379,shut-down"];
    assert_eq!(world.run(&piped).expect(0).stdout, "+PONG\r\n+OK\r\n");
    let piped = ["sh", "-c", &format!("printf 'PING\\r\\nQUIT\\r\\n' | nc -N -U {path}")];
    assert_eq!(world.run(&piped).expect(0).stdout, "+PONG\r\n+OK\r\n");
    let _ = world.portward(&["forward", "remove", "--all"]).expect(0);
}

#[test]
fn a_dns_server_by_udp_and_by_a_unix_socket_to_it() {
    let Some(world) = world() else { return };
    if program("dnsmasq").is_none() {
        return;
    }
    let resolver = world.file("resolver.py", RESOLVER);
    let resolver = resolver.to_str().unwrap();
    let options = [
        "--no-daemon",
        "--no-resolv",
        "--no-hosts",
        "--conf-file=/dev/null",
        "--port=5300",
        "--listen-address=127.0.0.1",
        "--bind-interfaces",
    ];
    let _server = world.enter().start(&[&["dnsmasq"], &options[..], &["--address=/shop.test/10.1.2.3", "--pid-file="]].concat());
    let ask = |port: &str, host: &str| world.run(&["python3", resolver, host, port]).stdout;
    until("the server answers", || (ask("5300", "127.0.0.1") == "10.1.2.3\n").then_some(()));
    forward(&world, &["udp/5300", "5301"]);
    for host in ["127.0.0.1", "::1"] {
        for _ in 0..5 {
            assert_eq!(ask("5301", host), "10.1.2.3\n", "{host}");
        }
    }
    let rows = world.portward(&["forward", "list", "--json"]).expect(0).json();
    assert_eq!(rows["forwards"][0]["transport"], "udp", "{rows:#}");
    let _ = world.portward(&["forward", "remove", "--all"]).expect(0);
}

/// Asks for the address of shop.test: `HOST PORT`.
const RESOLVER: &str = r#"
import socket, struct, sys
host, port = sys.argv[1], int(sys.argv[2])
s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(10)
question = b"".join(bytes([len(part)]) + part for part in [b"shop", b"test"]) + b"\0" + struct.pack(">HH", 1, 1)
try:
    s.connect((host, port)); s.send(struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + question)
    print(socket.inet_ntoa(s.recv(512)[-4:]))
except OSError as error:
    print(type(error).__name__)
"#;
