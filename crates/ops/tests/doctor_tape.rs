//! What the doctor was told on one machine gives the same diagnosis on another, and where the tape has a hole it says so.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // Tests make the machine that they look at.
#![allow(clippy::unwrap_used)] // A test ends where something unexpected is.

mod asking;

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    thread,
};

use asking::{ask, fixed};
use portward_model::Snapshot;
use portward_ops::{Look, op::doctor::Ask};
use portward_sys::{Entry, Flaky, Recording, Tape, Which, this_machine};
use serde_json::{Value, json};

/// A server of this process that answers every client alike, until the process ends.
fn server(answer: &'static [u8]) -> SocketAddr {
    let listener = fixed();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut piece = [0; 1024];
            if matches!(client.read(&mut piece), Ok(1..)) {
                let _ = client.write_all(answer);
            }
        }
    });
    address
}

fn closed() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// An answer of the doctor without the time that it took.
fn timeless(mut document: Value) -> Value {
    document.as_object_mut().unwrap().remove("took_ms").unwrap();
    document
}

/// A snapshot in which nothing is known but the machine's name: what is told is told by the tape.
fn bare() -> Snapshot {
    let mut snapshot =
        Look { which: Which::Own, owners: None, ..Look::serving() }.take(this_machine().unwrap().as_ref()).snapshot;
    snapshot.sockets.clear();
    snapshot
}

/// Asks this machine, and gives the answer with what it was made of, as it stands in a file.
fn recorded(words: &Value) -> (Value, Vec<u8>) {
    let machine = this_machine().unwrap();
    let recording = Recording::of(machine.as_ref());
    let answer = timeless(ask::<Ask>(words, &recording).unwrap());
    (answer, serde_json::to_vec(&recording.take()).unwrap())
}

fn tape(file: &[u8]) -> Tape {
    Tape::with(bare(), serde_json::from_slice::<Vec<Entry>>(file).unwrap())
}

#[test]
fn the_same_diagnosis_without_the_machine() {
    let (web, closed) = (server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").to_string(), closed());
    let (rude, path) = (server(b"\x00\xff \\x41\r\n").to_string(), "/no/such/folder/app.sock");
    for words in [
        json!({ "target": web }),
        json!({ "target": format!("https://{web}/") }),
        json!({ "target": format!("localhost:{}", closed.port()) }),
        json!({ "target": closed.to_string() }),
        json!({ "target": rude }),
        json!({ "target": format!("unix:{path}") }),
        json!({ "target": web, "bind": true }),
        json!({ "target": closed.to_string(), "bind": true }),
        json!({ "target": format!("Error: connect ECONNREFUSED {closed}") }),
    ] {
        let (answer, file) = recorded(&words);
        let again = timeless(ask::<Ask>(&words, &tape(&file)).unwrap());
        assert_eq!(again, answer, "{words}");
        // What comes back is written alike once more.
        let entries: Vec<Entry> = serde_json::from_slice(&file).unwrap();
        assert_eq!(serde_json::to_vec(&entries).unwrap(), file);
    }
}

#[test]
fn each_answer_missing() {
    let words = json!({ "target": server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").to_string() });
    let (answer, file) = recorded(&words);
    assert_eq!(answer["verdict"], "healthy");
    let count = Flaky::new(Box::new(tape(&file)), 0);
    assert_eq!(timeless(ask::<Ask>(&words, &count).unwrap()), answer);
    assert!(count.calls() > 8);
    for call in 1..=count.calls() {
        let document = ask::<Ask>(&words, &Flaky::new(Box::new(tape(&file)), call)).unwrap();
        let dialled = document["probes"].as_array().is_some_and(|probes| !probes.is_empty());
        assert!(dialled || document["verdict"] != "healthy", "call {call}: {document:#}");
    }
}

#[test]
fn what_nobody_asked_then_is_a_gap() {
    let asked = server(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    let words = json!({ "target": asked.to_string() });
    let (_, file) = recorded(&words);
    let mut entries: Vec<Value> = serde_json::from_slice(&file).unwrap();
    entries.retain(|entry| !entry["asked"].as_str().unwrap().starts_with("dial("));
    let document = ask::<Ask>(&words, &tape(&serde_json::to_vec(&entries).unwrap())).unwrap();
    assert_eq!(document["verdict"], "unknown", "{document:#}");
    let wanted = format!("the snapshot holds no dialogue with {asked}; take it with --for");
    assert!(
        document["gaps"].as_array().unwrap().iter().any(|gap| gap["effect"].as_str().unwrap().contains(&wanted)),
        "{document:#}"
    );
}
