//! Every call that the doctor makes fails once, in turn: it says what it does not know, and shows no health that was not read.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // Tests make the machine that they look at.
#![allow(clippy::unwrap_used)] // A test ends where something unexpected is.

mod asking;

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    thread,
};

use asking::{ask, fixed};
use portward_ops::{
    Look, Op,
    op::doctor::{All, Ask, Follow},
};
use portward_sys::{Act, Depth, Flaky, StateSet, Tape, Which, this_machine};
use serde_json::{Value, json};

/// Asks with the first call failing, then the second, until one run makes fewer calls than that, or until the calls only
/// repeat those that failed before. Hands out the name of the call that failed with each answer, and gives the number of
/// calls.
#[track_caller]
fn each_call_fails<O: Op>(words: &Value, machine: &dyn Fn() -> Box<dyn Act>, mut judge: impl FnMut(&str, &Value)) -> usize {
    let mut failures: HashMap<&str, usize> = HashMap::new();
    let mut repeated = 0;
    for call in 1.. {
        let host = Flaky::new(machine(), call);
        let answer = ask::<O>(words, &host);
        let Some(name) = host.failed() else { return call - 1 };
        let known = failures.entry(name).or_default();
        *known += 1;
        repeated = if *known > 2 { repeated + 1 } else { 0 };
        if repeated > 4 {
            return call;
        }
        match answer {
            Ok(document) => {
                assert_eq!(document["schema_version"], 1, "{words} with {name} failing");
                is_sound(name, &document);
                judge(name, &document);
            }
            Err(failure) => panic!("{words}: the doctor gives up when {name} (call {call}) fails: {failure}"),
        }
    }
    unreachable!("some run makes fewer calls than any number")
}

/// What holds for every answer: health and faults are shown by readings, and what is not known is not called healthy.
#[track_caller]
fn is_sound(failed: &str, document: &Value) {
    let list = |name: &str| document[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let everything = !document["examined"].is_null();
    match document["verdict"].as_str().unwrap() {
        "healthy" => assert!(everything || !list("healthy").is_empty(), "{failed}: health without a reading: {document:#}"),
        "fault" => {
            let causes = if everything { list("wrong") } else { list("causes") };
            assert!(!causes.is_empty(), "{failed}: a fault without a cause: {document:#}");
            let proven = |cause: &Value| cause["evidence"].as_array().is_some_and(|evidence| !evidence.is_empty());
            assert!(everything || causes.iter().all(proven), "{failed}: a cause without evidence: {document:#}");
        }
        "unknown" => assert!(!document["summary"].as_str().unwrap().is_empty(), "{document:#}"),
        other => panic!("{other}"),
    }
    if failed == "sockets" && document["gaps"].as_array().unwrap().is_empty() {
        // A second look may fail without harm to the answer, and is then made again or not needed.
        assert!(!list("probes").is_empty() || document["question"] == "listen", "no gap for {failed}: {document:#}");
    }
}

fn live() -> Box<dyn Act> {
    this_machine().unwrap()
}

/// A server of this process that answers HTTP until the process ends.
fn web() -> SocketAddr {
    let listener = fixed();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut piece = [0; 1024];
            if matches!(client.read(&mut piece), Ok(1..)) {
                let _ = client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
            }
        }
    });
    address
}

/// A port of this machine on which nobody listens.
fn closed() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

#[test]
fn a_server_that_answers() {
    let target = web().to_string();
    let words = json!({ "target": target });
    assert_eq!(ask::<Ask>(&words, live().as_ref()).unwrap()["verdict"], "healthy");
    let mut names = Vec::new();
    let calls = each_call_fails::<Ask>(&words, &live, |failed, document| {
        names.push(failed.to_owned());
        let dialled = document["probes"].as_array().is_some_and(|probes| !probes.is_empty());
        // The answer to the request is what shows health.
        assert_eq!(document["verdict"] == "healthy", dialled, "{failed}: {document:#}");
        if failed == "dial" {
            assert!(!dialled && document["verdict"] == "unknown", "{document:#}");
        }
        if failed == "holders" {
            assert!(!dialled, "nobody knows whom a connection would meet: {document:#}");
        }
    });
    assert!(calls >= 8, "{names:?}");
    for name in ["sockets", "holders", "processes", "vitals", "dial", "counters", "route"] {
        assert!(names.iter().any(|known| known == name), "{name} was never asked: {names:?}");
    }
}

#[test]
fn a_name_that_has_two_addresses() {
    let words = json!({ "target": format!("localhost:{}", web().port()) });
    each_call_fails::<Ask>(&words, &live, |failed, document| {
        let dialled = document["probes"].as_array().unwrap().iter().any(|probe| !probe["said"].is_null());
        assert!(dialled || document["verdict"] != "healthy", "{failed}: {document:#}");
    });
}

#[test]
fn a_listener_that_is_left_alone() {
    // Asked for with the backlog of a debugger.
    let listener = rustix_listener();
    let words = json!({ "target": listener.local_addr().unwrap().to_string() });
    let whole = ask::<Ask>(&words, live().as_ref()).unwrap();
    assert_eq!((&whole["verdict"], &whole["probes"]), (&json!("healthy"), &json!([])), "{whole:#}");
    each_call_fails::<Ask>(&words, &live, |failed, document| {
        assert_eq!(document["probes"], json!([]), "{failed}: {document:#}");
        let named = document["healthy"].as_array().unwrap().iter().any(|fact| fact["fact"].as_str().unwrap().contains("(pid "));
        if matches!(failed, "holders" | "vitals") || failed == "processes" && !named {
            assert_eq!(document["verdict"], "unknown", "{failed} shows that it is well: {document:#}");
        }
    });
}

/// A listener with a backlog of one, which the standard library has no word for.
fn rustix_listener() -> TcpListener {
    use rustix::net::{AddressFamily, SocketType, bind, listen, socket};
    let made = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&made, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    listen(&made, 1).unwrap();
    made.into()
}

#[test]
fn a_port_on_which_nobody_listens() {
    // Without watching, which would wait for whatever else starts on this machine.
    let words = json!({ "target": closed().to_string(), "timeout": "0s" });
    let calls = each_call_fails::<Follow>(&words, &live, |failed, document| {
        assert_ne!(document["verdict"], "healthy", "{failed}: {document:#}");
        if failed != "sockets" {
            assert_eq!(document["verdict"], "fault", "{failed}: {document:#}");
        }
    });
    assert!(calls >= 10, "{calls}");
}

#[test]
fn a_bind() {
    let (free, held) = (closed().to_string(), web().to_string());
    each_call_fails::<Ask>(&json!({ "target": free, "bind": true }), &live, |failed, document| {
        let tried = |evidence: &Value| evidence["source"] == "bind(2)";
        let shown = document["healthy"].as_array().unwrap().iter().any(tried);
        if matches!(failed, "sockets" | "port_rules" | "interfaces") {
            assert!(shown || document["verdict"] != "healthy", "{failed}: {document:#}");
        }
    });
    each_call_fails::<Ask>(&json!({ "target": held, "bind": true }), &live, |failed, document| {
        assert_ne!(document["verdict"], "healthy", "{failed}: {document:#}");
    });
}

#[test]
fn texts_and_other_ways_to_ask() {
    let (served, closed) = (web(), closed());
    let folder = tempfile::tempdir().unwrap();
    for words in [
        json!({ "target": "java.net.ConnectException: Connection refused" }),
        json!({ "target": "127.0.0.1:619009" }),
        json!({ "target": format!("http://{served}/"), "explain_probes": true }),
    ] {
        assert!(each_call_fails::<Ask>(&words, &live, |_, _| {}) < 400, "{words}");
    }
    for words in [
        json!({ "target": format!("Error: connect ECONNREFUSED {closed}"), "timeout": "0s" }),
        json!({ "target": format!("unix:{}", folder.path().join("none").display()), "timeout": "0s" }),
        json!({ "target": served.to_string(), "timeout": "0s" }),
    ] {
        assert!(each_call_fails::<Follow>(&words, &live, |_, _| {}) < 400, "{words}");
    }
}

#[test]
fn every_listener() {
    let _served = web();
    each_call_fails::<All>(&json!({}), &live, |failed, document| {
        if matches!(failed, "sockets" | "holders" | "processes" | "vitals") {
            assert_ne!(document["verdict"], "healthy", "{failed}: {document:#}");
        }
    });
}

#[test]
fn on_a_recorded_machine() {
    let look = Look {
        states: StateSet::All,
        which: Which::Own,
        owners: Some(Depth::Threads),
        rules: true,
        all_interfaces: true,
        ..Look::serving()
    };
    let served = web().to_string();
    let recorded = look.take(live().as_ref()).snapshot;
    let machine = || -> Box<dyn Act> { Box::new(Tape::of(recorded.clone())) };
    for words in [
        json!({ "target": served }),
        json!({ "target": closed().to_string() }),
        json!({ "target": format!("curl: (7) Failed to connect to {served}: Connection refused") }),
    ] {
        let calls = each_call_fails::<Ask>(&words, &machine, |failed, document| {
            // Nothing can be dialled in a recording, and how processes fared was not recorded.
            assert_ne!(document["verdict"], "healthy", "{failed}: {document:#}");
        });
        assert!(calls >= 3, "{words}: {calls}");
    }
    let calls = each_call_fails::<All>(&json!({}), &machine, |failed, document| {
        assert_ne!(document["verdict"], "healthy", "{failed}: {document:#}");
    });
    assert!(calls >= 3, "{calls}");
    // What holds the port stands in the recording, whatever else cannot be read.
    let listener = |document: &Value| document["causes"][0]["code"] == "no-listener";
    each_call_fails::<Ask>(&json!({ "target": served }), &machine, |failed, document| {
        assert!(!listener(document), "{failed}: {document:#}");
    });
    let bind = json!({ "target": served, "bind": true });
    each_call_fails::<Ask>(&bind, &machine, |failed, document| {
        assert_ne!(document["verdict"], "healthy", "{failed}: {document:#}");
    });
}
