//! What a patient goes through when the doctor is asked about it in every way, and how it is told that nothing touched it.
//!
//! Tests of one patient each stand in `debuggers.rs` and `fragile.rs`.

use portward_testkit::{Outcome, World};
use serde_json::Value;

/// How many connections the listeners of a world have taken, as the kernel counts them for this network alone.
#[track_caller]
pub(crate) fn connections(world: &World) -> u64 {
    let text = world.run(&["cat", "/proc/net/snmp"]).expect(0).stdout;
    let mut rows = text.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let (names, values) = (rows.next().unwrap(), rows.next().unwrap());
    let found = names.split(' ').zip(values.split(' ')).find(|(name, _)| *name == "PassiveOpens");
    found.and_then(|(_, value)| value.parse().ok()).unwrap_or_else(|| panic!("no PassiveOpens in {text}"))
}

/// What the doctor is expected to say of a patient that must not be touched.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    /// A word of the reason for which no connection was made.
    pub(crate) because: &'a str,
    /// `healthy`, or the code of the first cause.
    pub(crate) says: &'a str,
}

/// Asks about the patient on this port in every way, and sees that nobody dialled it and that each answer is right.
#[track_caller]
pub(crate) fn asked_in_every_way(world: &World, port: u16, expected: Expected<'_>) {
    let before = connections(world);
    let address = format!("127.0.0.1:{port}");
    for target in [address.clone(), format!("http://{address}/"), format!("https://localhost:{port}/index.html")] {
        let answer = doctor(world, &[&target]);
        assert_eq!(says(&answer), expected.says, "{target}: {answer:#}");
        // The other address of localhost may be dialled: nobody listens there.
        let probes = answer["probes"].as_array().unwrap();
        let spared = |probe: &Value| target.contains("localhost") && probe["to"] == format!("[::1]:{port}");
        assert!(probes.iter().all(spared), "{target}: {answer:#}");
        let reasons = answer["declined"].as_array().unwrap();
        let told = reasons.iter().any(|one| one["because"].as_str().unwrap().contains(expected.because));
        assert!(told, "{target} does not say `{}`: {answer:#}", expected.because);
    }
    let ended = format!("Disconnected from the target VM, address: '{address}', transport: 'socket'");
    let refused = format!("java.net.ConnectException: Connection refused: {address}\nProcess finished with exit code 1");
    for paste in [&ended, &refused] {
        for answer in [doctor(world, &[paste]), doctor(world, &[&address, "--text", paste]), piped(world, paste)] {
            assert_eq!(answer["probes"], Value::Array(Vec::new()), "{paste}: {answer:#}");
            assert_eq!(answer["read"]["port"], port, "{paste}: {answer:#}");
            // That it is refused no more is for a connection to show, and none is made.
            let refused = if expected.says == "healthy" { "unknown" } else { expected.says };
            let code = if paste == &ended { "debug-session-ended" } else { refused };
            assert_eq!(says(&answer), code, "{paste}: {answer:#}");
        }
    }
    let everything = doctor(world, &["--all"]);
    let accused = everything["wrong"].as_array().is_some_and(|wrong| !wrong.is_empty());
    assert_eq!(accused, expected.says != "healthy", "{everything:#}");
    let held = doctor(world, &[&address, "--bind"]);
    assert_eq!(held["verdict"], "fault", "it is held: {held:#}");
    let planned = doctor(world, &[&address, "--explain-probes"]);
    assert_eq!(planned["probes"], Value::Array(Vec::new()), "{planned:#}");
    let _ = world.portward(&["doctor", &address, "--watch", "--until-broken", "--timeout", "600ms"]);
    assert_eq!(connections(world), before, "somebody dialled");
}

/// One answer of the doctor's.
#[track_caller]
pub(crate) fn doctor(world: &World, words: &[&str]) -> Value {
    let mut all = vec!["doctor"];
    all.extend(words);
    all.push("--json");
    answer(&world.portward(&all))
}

/// The doctor's answer to a text on standard input.
#[track_caller]
fn piped(world: &World, text: &str) -> Value {
    answer(&world.enter().input(format!("{text}\n")).portward(&["doctor", "-", "--json"]))
}

#[track_caller]
fn answer(outcome: &Outcome) -> Value {
    let document = outcome.json();
    let code = i32::from(document["verdict"] != "healthy");
    assert_eq!(outcome.code, Some(code), "{outcome}");
    document
}

/// `healthy`, or the code of the first cause.
pub(crate) fn says(answer: &Value) -> &str {
    match answer["verdict"].as_str() {
        Some("fault") => answer["causes"][0]["code"].as_str().unwrap_or("none"),
        other => other.unwrap_or("none"),
    }
}

/// Waits until somebody listens on a port, without dialling it.
#[track_caller]
pub(crate) fn listens(world: &World, port: u16) {
    portward_testkit::until(&format!("a listener on {port}"), || {
        let found = world.run(&["ss", "-Htln", &format!("sport = :{port}")]).expect(0);
        (!found.stdout.trim().is_empty()).then_some(())
    });
}
