//! Whatever is handed to the doctor: logs, noise, colours, contradictions, names and addresses that lead nowhere.

use portward_testkit::{Outcome, World};
use serde_json::Value;

use crate::world;

/// The doctor's answer to bytes on standard input.
#[track_caller]
fn piped(world: &World, text: impl Into<Vec<u8>>, arguments: &[&str]) -> Outcome {
    let mut words = vec!["doctor", "-"];
    words.extend(arguments);
    world.enter().input(text).portward(&words)
}

#[track_caller]
fn read(world: &World, text: impl Into<Vec<u8>>) -> Value {
    piped(world, text, &["--json"]).expect(1).json()
}

/// A usage error: one sentence and a hint, nothing that acts on a terminal.
#[track_caller]
fn is_refused(outcome: &Outcome) {
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{outcome}");
    assert!(outcome.stderr.contains("hint:") && outcome.stderr.len() < 700, "{outcome}");
    assert!(outcome.stderr.chars().all(|letter| letter == '\n' || !letter.is_control()), "{:?}", outcome.stderr);
}

const REFUSED: &str = "Error: connect ECONNREFUSED 127.0.0.1:3000\n";

#[test]
fn a_megabyte_of_log() {
    let Some(world) = world() else { return };
    let line = "2026-11-21T10:00:00Z INFO GET /index.html 200 in 3 ms from 10.0.0.7:51234\n";
    let quiet = line.repeat(1_000_000 / line.len());
    for log in [format!("{quiet}{REFUSED}"), format!("{REFUSED}{quiet}"), format!("{quiet}{REFUSED}{quiet}")] {
        let answer = read(&world, log);
        assert_eq!((&answer["read"]["port"], &answer["causes"][0]["code"]), (&3000.into(), &"no-listener".into()), "{answer:#}");
    }
    is_refused(&piped(&world, quiet, &[]));
    // One line of a megabyte.
    is_refused(&piped(&world, "x".repeat(1 << 20), &[]));
    let _ = piped(&world, format!("{} {REFUSED}", "x".repeat(1 << 20)), &["--json"]);
}

#[test]
fn binary_noise() {
    let Some(world) = world() else { return };
    let mut seed = 1_u32;
    let mut byte = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        u8::try_from(seed >> 24).unwrap()
    };
    let noise: Vec<u8> = (0..300_000).map(|_| byte()).collect();
    is_refused(&piped(&world, noise.clone(), &[]));
    is_refused(&piped(&world, vec![0; 100_000], &[]));
    is_refused(&piped(&world, Vec::new(), &[]));
    let mut around = noise.clone();
    around.push(b'\n');
    around.extend(REFUSED.bytes());
    around.extend(noise);
    let outcome = piped(&world, around, &[]);
    assert!(outcome.stdout.chars().all(|letter| letter == '\n' || !letter.is_control()), "{:?}", outcome.stdout);
    assert_eq!(outcome.code, Some(1), "{outcome}");
}

#[test]
fn colours() {
    let Some(world) = world() else { return };
    let coloured = "\u{1b}[31mError:\u{1b}[0m connect \u{1b}[1mECONNREFUSED\u{1b}[22m \u{1b}[36m127.0.0.1:3000\u{1b}[0m\r\n\
                    \u{1b}]0;title\u{7}\u{1b}[2K";
    let answer = read(&world, coloured);
    assert_eq!((&answer["read"]["host"], &answer["read"]["port"]), (&"127.0.0.1".into(), &3000.into()), "{answer:#}");
    let shown = piped(&world, coloured, &[]).expect(1);
    assert!(!shown.stdout.contains('\u{1b}'), "{:?}", shown.stdout);
}

#[test]
fn several_errors_in_one_text() {
    let Some(world) = world() else { return };
    let _web = world.actor(&["web", "tcp/127.0.0.1:8080"]);
    let text = "Error: listen EADDRINUSE: address already in use 127.0.0.1:8080\n\
                Error: connect ECONNREFUSED 127.0.0.1:5432\n\
                curl: (7) Failed to connect to 127.0.0.1 port 6379 after 0 ms: Connection refused\n";
    let answer = read(&world, text);
    assert_eq!(answer["read"]["port"], 8080, "the first explains the others: {answer:#}");
    assert_eq!(answer["question"], "listen", "{answer:#}");
    let others: Vec<u64> = answer["others"].as_array().unwrap().iter().filter_map(|other| other["port"].as_u64()).collect();
    assert_eq!(others, [5432, 6379], "{answer:#}");
    let shown = piped(&world, text, &[]).expect(1);
    assert!(shown.stdout.contains("5432"), "the others are listed: {shown}");
}

#[test]
fn a_text_that_speaks_of_another_port() {
    let Some(world) = world() else { return };
    let _web = world.actor(&["web", "tcp/127.0.0.1:8080"]);
    let answer = world.portward(&["doctor", "127.0.0.1:8080", "--text", REFUSED, "--json"]).json();
    assert_eq!((&answer["target"], &answer["verdict"]), (&"127.0.0.1:8080".into(), &"healthy".into()), "{answer:#}");
    let notes = answer["notes"].as_array().unwrap();
    assert!(notes.iter().any(|note| note.as_str().unwrap().contains("3000")), "the contradiction is told: {answer:#}");
}

#[test]
fn a_port_that_cannot_be() {
    let Some(world) = world() else { return };
    for target in ["619009", "127.0.0.1:619009", "http://localhost:619009/", "Error: connect 127.0.0.1:99999999999999999999"] {
        let outcome = world.portward(&["doctor", target, "--json"]);
        if outcome.code == Some(2) {
            is_refused(&outcome);
            continue;
        }
        let answer = outcome.expect(1).json();
        assert_eq!(answer["causes"][0]["code"], "port-out-of-range", "{target}: {answer:#}");
        assert_eq!(answer["probes"], Value::Array(Vec::new()), "{target}: {answer:#}");
    }
}

#[test]
fn a_name_that_leads_nowhere() {
    let Some(world) = world() else { return };
    for target in ["no.such.name.invalid:80", "http://no.such.name.invalid/"] {
        let answer = world.portward(&["doctor", target, "--json"]).expect(1).json();
        assert_eq!(answer["causes"][0]["code"], "name-unknown", "{answer:#}");
        assert_eq!(answer["probes"], Value::Array(Vec::new()), "{answer:#}");
    }
    // In a text it is what the program said, and worth an answer.
    let answer = read(&world, "curl: (7) Failed to connect to no.such.name.invalid port 80: Connection refused\n");
    assert_ne!(answer["verdict"], "healthy", "{answer:#}");
}

#[test]
fn another_machine_that_never_answers() {
    let Some(world) = world() else { return };
    world.add_lan("eth0", "192.0.2.7/24");
    // Its packets leave, and nobody is there: TEST-NET-1, RFC 5737.
    let _ = world.run(&["ip", "neigh", "add", "192.0.2.1", "lladdr", "02:00:00:00:00:09", "dev", "eth0"]).expect(0);
    let outcome = world.enter().through(&["timeout", "--kill-after=5", "60"]).portward(&["doctor", "192.0.2.1:80", "--json"]);
    let answer = outcome.expect(1).json();
    assert_ne!(answer["verdict"], "healthy", "{answer:#}");
    let probes = answer["probes"].as_array().unwrap();
    assert!(probes.iter().all(|probe| probe["to"] == "192.0.2.1:80"), "nobody else is dialled: {answer:#}");
}

#[test]
fn nothing_to_read_from() {
    let Some(world) = world() else { return };
    let portward = world.portward_path().to_str().unwrap();
    let closed = |words: &str| world.run(&["sh", "-c", &format!("exec \"$0\" doctor {words} <&-"), portward]);
    let _ = closed("127.0.0.1:3000").expect(1);
    assert_eq!(closed("-").code, Some(2), "{}", closed("-"));
    let folder = world.run(&["sh", "-c", "exec \"$0\" doctor - < /", portward]);
    assert_eq!((folder.code, folder.stdout.as_str()), (Some(2), ""), "{folder}");
}

#[test]
fn the_exit_code_tells() {
    let Some(world) = world() else { return };
    let _web = world.actor(&["web", "tcp/127.0.0.1:8080"]);
    for (arguments, code) in [
        (&["127.0.0.1:8080"][..], 0),
        (&["--all"], 0),
        (&["127.0.0.1:8081", "--bind"], 0),
        (&["127.0.0.1:3000"], 1),
        (&["127.0.0.1:8080", "--bind"], 1),
        (&["java.net.ConnectException: Connection refused"], 1),
        (&[], 2),
        (&["[::g]:80"], 2),
        (&["127.0.0.1:8080", "--no-such-option"], 2),
        (&["127.0.0.1:8080", "--all"], 2),
    ] {
        let mut words = vec!["doctor"];
        words.extend(arguments);
        let outcome = world.portward(&words);
        assert_eq!(outcome.code, Some(code), "{outcome}");
    }
}
