//! The tour of a first connection: every step shows the state that it speaks of, as the kernel tells it.

use portward_testkit::World;
use serde_json::Value;

use crate::world;

/// The steps of a tour, by name.
fn steps(world: &World) -> Vec<Value> {
    let outcome = world.portward(&["lab", "tour", "--json"]).expect(0);
    assert_eq!(outcome.stderr, "", "{outcome}");
    outcome.lines_json().into_iter().map(|line| line["step"].clone()).collect()
}

fn step<'a>(steps: &'a [Value], name: &str) -> &'a Value {
    steps.iter().find(|step| step["name"] == name).unwrap_or_else(|| panic!("no step {name}"))
}

fn sockets(step: &Value) -> &[Value] {
    step["sockets"].as_array().unwrap_or_else(|| panic!("{} shows no sockets", step["name"]))
}

/// The states of an end's sockets, in order.
fn states<'a>(step: &'a Value, who: &str) -> Vec<&'a str> {
    sockets(step).iter().filter(|socket| socket["who"] == who).map(|socket| socket["state"].as_str().unwrap()).collect()
}

fn listener(step: &Value) -> &Value {
    sockets(step).iter().find(|socket| socket["state"] == "listen").unwrap_or_else(|| panic!("no listener in {step:#}"))
}

/// Who sent each packet, and its flags.
fn packets(step: &Value) -> Vec<(&str, Vec<&str>)> {
    let packets = step["packets"].as_array().unwrap();
    packets
        .iter()
        .map(|packet| {
            let flags = packet["flags"].as_array().unwrap().iter().map(|flag| flag.as_str().unwrap()).collect();
            (packet["from"].as_str().unwrap(), flags)
        })
        .collect()
}

fn prove(world: &World) {
    let steps = steps(world);
    assert!(steps.len() > 10, "{} steps", steps.len());
    assert!(steps.iter().enumerate().all(|(at, step)| step["number"] == at + 1 && step["of"] == steps.len()));
    let at = |name: &str| step(&steps, name);

    assert_eq!(sockets(at("socket")), [] as [Value; 0], "a socket without address is in no table");
    assert_eq!(states(at("bind"), "server"), ["bound"]);
    assert_eq!((&listener(at("listen"))["waiting"], &listener(at("listen"))["backlog"]), (&Value::from(0), &Value::from(4)));

    assert_eq!(packets(at("syn")), [("client", vec!["SYN"])]);
    assert_eq!(packets(at("syn-ack")), [("server", vec!["SYN", "ACK"])]);
    assert_eq!(packets(at("ack")), [("client", vec!["ACK"])]);
    let syn = &at("syn")["packets"][0];
    assert_eq!((&syn["sequence"], &syn["destination"]), (&Value::from(0), &Value::from("127.0.0.1:3000")));
    assert_eq!(at("syn-ack")["packets"][0]["acknowledgement"], 1, "a SYN counts as one byte");
    assert_eq!(states(at("ack"), "client"), ["established"]);
    assert_eq!(at("loopback")["interface"], "lo");

    assert_eq!(listener(at("queue"))["waiting"], 1);
    let servers = |step: &Value| {
        let own = sockets(step).iter().find(|socket| socket["who"] == "server" && socket["state"] == "established");
        own.unwrap_or_else(|| panic!("no end of the server in {step:#}")).clone()
    };
    assert_eq!(servers(at("queue"))["pid"], Value::Null, "nobody holds what waits in the queue");
    assert_eq!(listener(at("accept"))["waiting"], 0);
    assert_eq!(servers(at("accept"))["pid"], listener(at("accept"))["pid"]);

    assert_eq!(packets(at("send")), [("client", vec!["PSH", "ACK"]), ("server", vec!["ACK"])]);
    let sent = &at("send")["packets"];
    assert_eq!((&sent[0]["length"], &sent[1]["acknowledgement"]), (&Value::from(5), &Value::from(6)));
    assert_eq!(servers(at("send"))["waiting"], 5);
    assert_eq!(servers(at("receive"))["waiting"], 0);

    assert_eq!(packets(at("fin")), [("client", vec!["FIN", "ACK"]), ("server", vec!["ACK"])]);
    assert_eq!(states(at("fin"), "client"), ["fin_wait2"]);
    assert_eq!(states(at("fin"), "server"), ["listen", "close_wait"]);
    assert_eq!(packets(at("close")), [("server", vec!["FIN", "ACK"]), ("client", vec!["ACK"])]);
    assert_eq!((states(at("close"), "client"), states(at("close"), "server")), (vec!["time_wait"], vec!["listen"]));
    assert_eq!((states(at("time-wait"), "client"), states(at("time-wait"), "server")), (vec!["time_wait"], vec![]));

    let called: usize = steps.iter().map(|step| step["calls"].as_array().unwrap().len()).sum();
    let acts: usize = portward_lab::tour::steps().iter().map(|step| step.acts.len()).sum();
    assert_eq!(called, acts, "every call is shown");
    let left = world.run(&["sh", "-c", "grep -lsE 'lab-(first|door)' /proc/[0-9]*/cmdline || true"]).expect(0).stdout;
    assert_eq!(left, "", "nothing outlives the tour");
}

#[test]
fn every_step_shows_what_it_speaks_of() {
    let Some(world) = world() else { return };
    prove(&world);
}

#[test]
fn the_tour_of_a_user_without_privilege() {
    let Some(world) = World::as_nobody(crate::PORTWARD) else { return };
    prove(&world);
}
