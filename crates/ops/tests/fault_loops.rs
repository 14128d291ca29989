//! Every call to the machine fails once, in turn: the answer loses a part and says so, and nothing breaks.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // Tests make the machine that they look at.
#![allow(clippy::unwrap_used)] // A test ends where something unexpected is.

mod asking;

use asking::ask;
use portward_model::Snapshot;
use portward_ops::{
    Look, Op,
    op::{explain::Explain, graph::Graph, guard, lease, list::List, next::Next, open::Open, ps::Ps, snapshot::Snap},
};
use portward_sys::{Act, Depth, Flaky, StateSet, Tape, Which, this_machine};

fn snapshot() -> Snapshot {
    let host = this_machine().unwrap();
    let look = Look {
        states: StateSet::All,
        which: Which::Own,
        owners: Some(Depth::Threads),
        rules: true,
        all_interfaces: true,
        ..Look::serving()
    };
    look.take(host.as_ref()).snapshot
}

/// Runs an operation with the first call failing, then the second, until one run makes fewer calls than that.
fn each_call_fails<O: Op>(words: &serde_json::Value, machine: &dyn Fn() -> Box<dyn Act>, must_answer: bool) -> usize {
    for call in 1.. {
        let host = Flaky::new(machine(), call);
        let answer = ask::<O>(words, &host);
        if host.calls() < call {
            return call - 1;
        }
        match answer {
            Ok(document) => assert_eq!(document["schema_version"], 1, "{} with call {call} failing", O::NAME),
            Err(failure) => {
                assert!(!must_answer, "{} gives up when call {call} fails: {failure}", O::NAME);
                assert!(failure.message.ends_with('.') || failure.message.contains("call"), "{failure}");
            }
        }
    }
    unreachable!("some run makes fewer calls than any number")
}

fn over(machine: &dyn Fn() -> Box<dyn Act>) {
    let none = serde_json::json!({});
    assert!(each_call_fails::<List>(&none, machine, true) >= 3);
    assert!(each_call_fails::<List>(&serde_json::json!({"all": true, "netns": "all"}), machine, true) >= 3);
    assert!(each_call_fails::<Explain>(&serde_json::json!({"endpoint": "127.0.0.1:49342"}), machine, true) >= 3);
    assert!(each_call_fails::<Explain>(&serde_json::json!({"endpoint": "8080", "bind": true}), machine, true) >= 3);
    assert!(each_call_fails::<Graph>(&none, machine, true) >= 3);
    assert!(each_call_fails::<Snap>(&none, machine, true) >= 3);
    assert!(each_call_fails::<guard::Status>(&none, machine, true) >= 3);
    assert!(each_call_fails::<guard::Status>(&serde_json::json!({"endpoints": ["3000"]}), machine, false) >= 3);
    let dry = serde_json::json!({"endpoints": ["3000"], "dry_run": true});
    assert!(each_call_fails::<guard::Pin>(&dry, machine, false) >= 3);
    // Where there is no store the machine is not asked.
    each_call_fails::<lease::List>(&none, machine, false);
    each_call_fails::<Ps>(&none, machine, false);
    assert!(each_call_fails::<Next>(&serde_json::json!({"range": "3000-3100"}), machine, false) >= 3);
    assert!(each_call_fails::<Open>(&serde_json::json!({"endpoint": "3000", "print": true}), machine, false) >= 3);
}

#[test]
fn on_a_recorded_machine() {
    let recorded = snapshot();
    over(&|| Box::new(Tape::of(recorded.clone())));
}

#[test]
fn on_this_machine() {
    over(&|| this_machine().unwrap());
}

#[test]
fn a_call_that_fails_leaves_a_gap() {
    let recorded = snapshot();
    let whole = ask::<List>(&serde_json::json!({}), &Tape::of(recorded.clone())).unwrap();
    let before = whole["gaps"].as_array().unwrap().len();
    // The third call reads the sockets: facts, namespaces, sockets.
    let flaky = Flaky::new(Box::new(Tape::of(recorded)), 3);
    let partial = ask::<List>(&serde_json::json!({}), &flaky).unwrap();
    let gaps = partial["gaps"].as_array().unwrap();
    assert!(gaps.len() > before || gaps.iter().any(|gap| gap["what"] == "sockets"), "{gaps:?}");
    assert!(gaps.iter().any(|gap| gap["effect"].as_str().unwrap().contains("call 3")), "{gaps:?}");
}

#[test]
fn a_page_is_printed_without_a_look_at_the_machine() {
    let machine = Flaky::new(this_machine().unwrap(), 0);
    let page = ask::<Explain>(&serde_json::json!({"endpoint": "time-wait"}), &machine).unwrap();
    assert!(page["page"].as_str().unwrap().len() > 200);
    assert_eq!((machine.calls(), &page["gaps"]), (0, &serde_json::json!([])));
}
