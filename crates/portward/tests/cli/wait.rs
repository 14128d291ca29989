//! `portward wait`: until something listens, answers, or is gone.

use std::process::Command;

mod asks;
mod secure;
mod then;

use portward_testkit::{Running, World};

use crate::world;

/// A server of `peer.py`, once it listens.
fn peer(world: &World, words: &[&str]) -> Running {
    let running = world.enter().start(&[&["python3", "-c", include_str!("wait/peer.py")], words].concat());
    assert_eq!(running.line(), "LISTENING", "{}", running.stderr());
    running
}

#[test]
fn what_listens_already_is_ready() {
    let Some(world) = world() else { return };
    let path = world.path().join("run/x.sock");
    let unix = format!("unix:{}", path.display());
    let _actor = world.actor(&["listen", "tcp/127.0.0.1:3000", "udp/127.0.0.1:53", &format!("unix/{}", path.display())]);
    for endpoint in
        ["3000", "127.0.0.1:3000", "localhost:3000", "tcp:localhost:3000", "tcp://127.0.0.1:3000", "udp/53", "udp:53", &unix]
    {
        let document = world.portward(&["wait", endpoint, "--json", "--timeout", "60s"]).expect(0).json();
        assert_eq!(document["ready"], true, "{endpoint}");
        assert!(document["waited_ms"].is_number(), "{document:#}");
    }
}

#[test]
fn it_returns_when_somebody_listens() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["listen"]);
    let mut waiting = world.enter().start_portward(&["wait", "127.0.0.1:3000", "--json", "--timeout", "120s"]);
    // Another port, and the same port on another address, are not what it waits for.
    actor.ask("open tcp/127.0.0.1:3001", "OPENED");
    actor.ask("open tcp/127.0.0.2:3000", "OPENED");
    assert!(waiting.is_alive());
    actor.ask("open tcp/127.0.0.1:3000", "OPENED");
    assert_eq!(waiting.json()["ready"], true);
    assert_eq!(waiting.end().code(), Some(0));
}

#[test]
fn bound_is_not_listening() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["listen", "tcp/127.0.0.1:3000,silent"]);
    let document = world.portward(&["wait", "3000", "--timeout", "300ms", "--json"]).expect(1).json();
    assert_eq!(document["ready"], false);
    let mut waiting = world.enter().start_portward(&["wait", "3000", "--timeout", "120s"]);
    actor.ask("listen 0", "LISTENING");
    assert_eq!(waiting.end().code(), Some(0));
}

#[test]
fn it_gives_up_at_the_timeout() {
    let Some(world) = world() else { return };
    for timeout in ["200ms", "0.2"] {
        let outcome = world.portward(&["wait", "3000", "--timeout", timeout, "--json"]).expect(1);
        assert_eq!(outcome.json()["ready"], false);
    }
    let outcome = world.portward(&["wait", "3000", "--timeout", "100ms"]).expect(1);
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(said.contains("3000"), "{outcome}");
}

#[test]
fn all_of_several() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let _ = world.portward(&["wait", "3000", "3001", "--timeout", "300ms"]).expect(1);
    let mut waiting = world.enter().start_portward(&["wait", "3000", "3001", "--timeout", "120s", "--json"]);
    actor.ask("open tcp/127.0.0.1:3001", "OPENED");
    assert_eq!(waiting.json()["ready"], true);
    assert_eq!(waiting.end().code(), Some(0));
}

#[test]
fn until_it_is_free() {
    let Some(world) = world() else { return };
    let _ = world.portward(&["wait", "3000", "--free", "--timeout", "60s"]).expect(0);
    let mut actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let document = world.portward(&["wait", "3000", "--free", "--timeout", "200ms", "--json"]).expect(1).json();
    assert_eq!(document["ready"], false);
    let mut waiting = world.enter().start_portward(&["wait", "3000", "--free", "--timeout", "120s"]);
    actor.ask("close 0", "CLOSED");
    assert_eq!(waiting.end().code(), Some(0));
}

#[test]
fn free_includes_a_socket_that_is_bound_and_silent() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["listen", "tcp/127.0.0.1:3000,silent,noreuse"]);
    let _ = world.portward(&["wait", "127.0.0.1:3000", "--free", "--timeout", "200ms"]).expect(1);
    actor.ask("close 0", "CLOSED");
    let _ = world.portward(&["wait", "127.0.0.1:3000", "--free", "--timeout", "120s"]).expect(0);
}

#[test]
fn ready_tcp_and_http() {
    let Some(world) = world() else { return };
    let _web = world.actor(&["web", "tcp/127.0.0.1:3000"]);
    for protocol in ["tcp", "http"] {
        let document = world.portward(&["wait", "3000", "--ready", protocol, "--timeout", "120s", "--json"]).expect(0).json();
        assert_eq!(document["ready"], true, "{protocol}");
    }
}

#[test]
fn a_server_that_listens_and_does_not_answer_is_not_ready_for_http() {
    let Some(world) = world() else { return };
    let _mute = world.actor(&["mute", "tcp/127.0.0.1:3000"]);
    let _ = world.portward(&["wait", "3000", "--ready", "tcp", "--timeout", "60s"]).expect(0);
    for protocol in ["http", "tls", "redis", "postgres"] {
        let outcome = world.portward(&["wait", "3000", "--ready", protocol, "--timeout", "400ms", "--json"]).expect(1);
        assert_eq!(outcome.json()["ready"], false, "{protocol}");
    }
}

#[test]
fn http_is_awaited_until_it_answers() {
    let Some(world) = world() else { return };
    let mut web = world.actor(&["slow-web", "tcp/127.0.0.1:3000"]);
    let mut waiting = world.enter().start_portward(&["wait", "3000", "--ready", "http", "--timeout", "120s"]);
    web.ask("go", "SERVING");
    assert_eq!(waiting.end().code(), Some(0));
}

/// A certificate for localhost, made on the spot.
fn certificate(world: &World) -> Option<(String, String)> {
    let openssl = portward_testkit::program("openssl")?;
    let (certificate, key) = (world.path().join("home/cert.pem"), world.path().join("home/key.pem"));
    let made = Command::new(openssl)
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ])
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    world.give(&key);
    Some((certificate.to_str().unwrap().to_owned(), key.to_str().unwrap().to_owned()))
}

#[test]
fn ready_tls() {
    let Some(world) = world() else { return };
    let Some((certificate, key)) = certificate(&world) else { return };
    let _tls = world.actor(&["tls", "tcp/127.0.0.1:3443", &certificate, &key]);
    let _web = world.actor(&["web", "tcp/127.0.0.1:3000"]);
    let document = world.portward(&["wait", "3443", "--ready", "tls", "--timeout", "120s", "--json"]).expect(0).json();
    assert_eq!(document["ready"], true);
    let document = world.portward(&["wait", "3000", "--ready", "tls", "--timeout", "400ms", "--json"]).expect(1).json();
    assert_eq!(document["ready"], false, "plain HTTP is not TLS");
}

#[test]
fn an_unknown_protocol() {
    let Some(world) = world() else { return };
    let outcome = world.portward(&["wait", "3000", "--ready", "telepathy"]).expect(2);
    assert!(outcome.stderr.contains("telepathy") && outcome.stderr.contains("http"), "{outcome}");
}

#[test]
fn an_unprivileged_reader_waits_as_well() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["listen"]);
    let mut waiting = world.enter().stranger().start_portward(&["wait", "3000", "--timeout", "120s"]);
    actor.ask("open tcp/127.0.0.1:3000", "OPENED");
    assert_eq!(waiting.end().code(), Some(0));
}

#[test]
fn ended_by_the_person_it_leaves_nothing() {
    let Some(world) = world() else { return };
    let mut waiting =
        world.enter().start(&["sh", "-c", "echo PID $$; exec \"$0\" wait 3000", world.portward_path().to_str().unwrap()]);
    let line = waiting.line_where(|line| line.starts_with("PID "));
    world.signal(line[4..].trim().parse().unwrap(), "INT");
    let status = waiting.end();
    assert!(!status.success());
    assert!(!waiting.stderr().contains("panic"), "{}", waiting.stderr());
}
