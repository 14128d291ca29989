//! What is asked of a URL, and what of an answer is ready.

use portward_testkit::{Running, World};

use super::peer;
use crate::world;

fn url(path: &str) -> String {
    format!("http://localhost:3000{path}")
}

/// What is said of the only endpoint when the time is over.
fn saw(world: &World, words: &[&str]) -> String {
    let arguments = [&["wait"], words, &["--timeout", "1s", "--json"]].concat();
    let document = world.portward(&arguments).expect(1).json();
    assert_eq!(document["ready"], false, "{document:#}");
    document["endpoints"][0]["saw"].as_str().unwrap().to_owned()
}

fn asked(peer: &Running) -> String {
    peer.line_where(|line| line.starts_with("ASKED"))
}

#[test]
fn path_query_host_and_headers_are_those_that_were_written() {
    let Some(world) = world() else { return };
    let peer = peer(&world, &["site", "3000"]);
    let _ = world.portward(&["wait", &url("/a/b?c=d#e")]).expect(0);
    let line = asked(&peer);
    assert!(line.starts_with("ASKED GET /a/b?c=d HTTP/1.1 | ") && line.contains("Host: localhost:3000"), "{line}");
    let _ = world.portward(&["wait", "http-get://me:pass@127.0.0.1:3000", "-H", "X-Try: 1"]).expect(0);
    let line = asked(&peer);
    for part in ["GET / HTTP/1.1", "Host: 127.0.0.1:3000", "X-Try: 1", "Authorization: Basic bWU6cGFzcw=="] {
        assert!(line.contains(part), "no {part}: {line}");
    }
    let _ = world.portward(&["wait", "127.0.0.1:3000/health", "--header", "Host: shop.example"]).expect(0);
    let line = asked(&peer);
    assert!(line.contains("GET /health ") && line.contains("Host: shop.example") && !line.contains("127.0.0.1"), "{line}");
}

#[test]
fn two_hundred_and_three_hundred_are_ready_and_others_say_what_they_are() {
    let Some(world) = world() else { return };
    let _peer = peer(&world, &["site", "3000"]);
    for path in ["/", "/moved", "/third", "/pieces"] {
        let _ = world.portward(&["wait", &url(path), "--timeout", "120s"]).expect(0);
    }
    assert_eq!(saw(&world, &[&url("/busy")]), "it answers 503 Service Unavailable");
    assert_eq!(saw(&world, &[&url("/none")]), "it answers 404 Not Found");
    let _ = world.portward(&["wait", &url("/none"), "--status", "200,404"]).expect(0);
    assert_eq!(saw(&world, &[&url("/moved"), "--status", "2xx"]), "it answers 302 Found");
    // Whoever asks for no page takes what is no fault of the server, as before.
    let _ = world.portward(&["wait", "3000", "--ready", "http"]).expect(0);
}

#[test]
fn headers_and_bodies() {
    let Some(world) = world() else { return };
    let _peer = peer(&world, &["site", "3000"]);
    let _ = world.portward(&["wait", &url("/pieces"), "--body", "is up"]).expect(0);
    let _ = world
        .portward(&["wait", &url("/"), "--body", "all", "--expect-header", "x-ready: Yes", "--expect-header", "X-Ready"])
        .expect(0);
    assert_eq!(saw(&world, &[&url("/"), "--body", "down"]), "it answers 200 OK, and its body is without that text");
    assert_eq!(saw(&world, &[&url("/"), "--expect-header", "x-ready: no"]), "it answers 200 OK, without the header x-ready: no");
    for wrong in [
        &["wait", "http://localhost:3000", "--expect-header", "Authorization: x"][..],
        &["wait", "http://localhost:3000", "--header", "Location: /"],
        &["wait", "http://localhost:3000", "-H", "X-Empty"],
        &["wait", "http://localhost:3000", "--status", "20"],
        &["wait", "3000", "--status", "200"],
        &["wait", "3000", "--body", "x", "--ready", "redis"],
    ] {
        let refused = world.portward(wrong).expect(2);
        assert!(refused.stderr.contains("hint: ") && refused.stdout.is_empty(), "{refused}");
    }
}

#[test]
fn a_first_answer_may_take_as_long_as_the_wait() {
    let Some(world) = world() else { return };
    let _peer = peer(&world, &["slow-at-first", "3000"]);
    let document = world.portward(&["wait", &url("/"), "--timeout", "120s", "--json"]).expect(0).json();
    assert_eq!(document["ready"], true, "{document:#}");
}

#[test]
fn a_try_has_the_time_that_it_is_given() {
    let Some(world) = world() else { return };
    let first = peer(&world, &["mute-at-first", "3000"]);
    let _ = world.portward(&["wait", &url("/"), "--try", "200ms", "--timeout", "120s"]).expect(0);
    drop(first);
    let _second = peer(&world, &["mute-at-first", "3001"]);
    assert_eq!(saw(&world, &["http://127.0.0.1:3001/"]), "it accepts and says nothing yet");
}

#[test]
fn what_was_answered_is_not_forgotten_for_a_last_silence() {
    let Some(world) = world() else { return };
    let _peer = peer(&world, &["busy-then-mute", "3000"]);
    assert_eq!(saw(&world, &[&url("/")]), "it answers 503 Service Unavailable");
}

#[test]
fn servers_that_start_say_so_in_their_own_words() {
    let Some(world) = world() else { return };
    let _peers = (peer(&world, &["postgres", "5432"]), peer(&world, &["redis", "6379"]));
    for words in [&["postgres://localhost/shop"][..], &["5432", "--ready", "postgres"]] {
        let saw = saw(&world, words);
        assert!(saw.ends_with("(FATAL: the database system is starting up (57P03))"), "{saw}");
    }
    for words in [&["redis://localhost"][..], &["6379", "--ready", "redis"]] {
        let saw = saw(&world, words);
        assert!(saw.ends_with("(LOADING Redis is loading the dataset in memory)"), "{saw}");
    }
    let saw = saw(&world, &["http://localhost:6379/"]);
    assert_eq!(saw, "it answers in the protocol of Redis, and not in HTTP");
}

#[test]
fn through_a_unix_socket() {
    let Some(world) = world() else { return };
    let path = world.path().join("run/x.sock").display().to_string();
    let peer = peer(&world, &["site", &path]);
    let _ = world.portward(&["wait", &format!("http://unix:{path}:/a?b")]).expect(0);
    let line = asked(&peer);
    assert!(line.starts_with("ASKED GET /a?b HTTP/1.1 | ") && line.contains("Host: localhost |"), "{line}");
    let _ = world.portward(&["wait", &format!("http-get://unix:{path}:/"), &format!("socket:{path}")]).expect(0);
    let _ = world.portward(&["wait", &format!("http://unix:{path}:http://server/foo")]).expect(0);
    let _ = peer.line_where(|line| line.contains("GET /foo ") && line.contains("Host: server |"));
    assert_eq!(saw(&world, &[&format!("http://unix:{path}:/busy")]), "it answers 503 Service Unavailable");
}

#[test]
fn a_websocket_is_ready_when_it_goes_on() {
    let Some(world) = world() else { return };
    let peer = peer(&world, &["site", "3000"]);
    let _ = world.portward(&["wait", "ws://localhost:3000/socket"]).expect(0);
    assert!(asked(&peer).contains("Upgrade: websocket"));
    assert_eq!(saw(&world, &["ws://localhost:3000/"]), "it answers 200 OK");
}

#[test]
fn a_stranger_on_one_address_does_not_hide_the_server_on_the_other() {
    let Some(world) = world() else { return };
    hosts(&world, "::1 both\n127.0.0.1 both\n");
    let _peers = (peer(&world, &["stranger", "3000"]), peer(&world, &["site", "3000"]));
    let document = world.portward(&["wait", "http://both:3000/", "--timeout", "120s", "--json"]).expect(0).json();
    assert!(document["waited_ms"].as_u64().unwrap() < 60_000, "{document:#}");
}

/// Lets the names of the world be these, and no server of names know others.
fn hosts(world: &World, lines: &str) {
    for (name, lines) in [("hosts", lines), ("resolv.conf", "nameserver 127.0.0.1\n")] {
        let file = world.file(name, lines);
        let _ = world.run(&["mount", "--bind", file.to_str().unwrap(), &format!("/etc/{name}")]).expect(0);
    }
}

#[test]
fn a_name_that_does_not_resolve_yet_is_waited_for() {
    let Some(world) = world() else { return };
    hosts(&world, "127.0.0.1 localhost\n");
    let _peer = peer(&world, &["site", "3000"]);
    let seen = saw(&world, &["http://db.internal:3000/"]);
    assert_eq!(seen, "db.internal does not resolve yet");
    let mut waiting = [&["http://db.internal:3000/"][..], &["tcp:db.internal:3000"], &["db.internal:3000", "--ready", "tcp"]]
        .map(|words| world.enter().start_portward(&[&["wait"], words, &["--timeout", "120s"]].concat()));
    assert!(waiting.iter_mut().all(Running::is_alive));
    // The file stays the same one, since it is mounted.
    std::fs::write(world.path().join("hosts"), "127.0.0.1 localhost db.internal\n").unwrap();
    for waiting in &mut waiting {
        assert_eq!(waiting.end().code(), Some(0), "{}", waiting.stderr());
    }
}

#[test]
fn a_resolver_that_never_answers_does_not_outlast_the_wait() {
    let Some(world) = world() else { return };
    let file = world.file("resolv.conf", "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n");
    if world.run(&["mount", "--bind", file.to_str().unwrap(), "/etc/resolv.conf"]).code != Some(0) {
        return portward_testkit::skip("/etc/resolv.conf cannot be another file here");
    }
    let _silent = world.actor(&["listen", "udp/127.0.0.1:53"]);
    let document = world.portward(&["wait", "db.internal:3000", "--timeout", "500ms", "--json"]).expect(1).json();
    assert!(document["waited_ms"].as_u64().unwrap() < 20_000, "{document:#}");
}

#[test]
fn what_is_no_server_of_http_says_what_it_is() {
    let Some(world) = world() else { return };
    let _peers = (peer(&world, &["site", "3000"]), world.actor(&["listen", "tcp/127.0.0.1:3001"]));
    assert_eq!(saw(&world, &["grpc://localhost:3000"]), "it answers in HTTP/1, and not in gRPC");
    assert_eq!(saw(&world, &["http://localhost:3002/"]), "nothing listens there");
    let seen = saw(&world, &["https://localhost:3000/"]);
    assert!(seen.contains("TLS"), "{seen}");
}

#[test]
fn a_file_is_waited_for() {
    let Some(world) = world() else { return };
    let path = world.path().join("run/ready").display().to_string();
    assert_eq!(saw(&world, &[&format!("file:{path}")]), "it is not there");
    let mut waiting = world.enter().start_portward(&["wait", &format!("file://{path}"), "--timeout", "120s"]);
    assert!(waiting.is_alive());
    world.file("run/ready", "");
    assert_eq!(waiting.end().code(), Some(0));
}

#[test]
fn a_secret_of_a_url_is_not_repeated() {
    let Some(world) = world() else { return };
    let outcome = world
        .portward(&["wait", "http://me:hunter22@localhost:3000/?token=0123456789abcdef0123", "--timeout", "100ms"])
        .expect(1);
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(
        !said.contains("hunter22") && !said.contains("0123456789abcdef") && said.contains("http://localhost:3000/"),
        "{said}"
    );
}

#[test]
fn what_is_waited_for_is_looked_at_once_however_short_the_time() {
    let Some(world) = world() else { return };
    let _actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    let document = world.portward(&["wait", "3000", "--timeout", "1ms", "--json"]).expect(0).json();
    assert_eq!(document["ready"], true, "{document:#}");
    let document = world.portward(&["wait", "3001", "--timeout", "1ms", "--json"]).expect(1).json();
    assert!(!document["endpoints"][0]["saw"].as_str().unwrap().contains("not looked at"), "{document:#}");
}
