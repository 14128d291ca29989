//! The door: what an operation declares is what it gets, whoever asks, and a wait ends when nobody wants its answer.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // Tests make the machine that they look at.
#![allow(clippy::unwrap_used)] // A test ends where something unexpected is, and has a clock of its own.

mod asking;

use std::{
    net::TcpListener,
    sync::Mutex,
    time::{Duration, Instant, SystemTime},
};

use asking::send;
use portward_model::{Caller, Effect};
use portward_ops::{Cancel, Context, Door, Home, Kind, Look, Looks, Machine, Nobody, OPS, Request, dispatch};
use portward_sys::{Clock, SystemClock, Tape, this_caller, this_machine};
use serde_json::{Value, json};

/// The least that each operation takes.
fn least(op: &str) -> Value {
    match op {
        "explain" | "open" | "resume" => json!({ "endpoint": "1" }),
        "free" | "wait" | "wait.while" | "guard.pin" | "guard.open" => json!({ "endpoints": ["1"] }),
        "snapshot.record" => json!({ "for": "1" }),
        "snapshot.write" => json!({ "out": "/nowhere/x" }),
        "doctor.as" => json!({ "as": "true" }),
        "run" | "exec" => json!({ "command": ["true"] }),
        "wait.run" => json!({ "endpoints": ["1"], "command": ["true"] }),
        "front.give" => json!({ "project": "none" }),
        "front.low" => json!({ "project": "none", "low": [80] }),
        "forward.start" => json!({ "target": "1" }),
        "lease.take" => json!({ "what": ["1"] }),
        "lab.start" | "url" | "service.status" | "service.reset" | "service.save" | "service.restore" | "service.shell" => {
            json!({ "name": "none" })
        }
        "restart" => json!({ "services": ["none"] }),
        "hook" => json!({ "shell": "bash" }),
        "doctor.ask" | "doctor.fix" | "doctor.watch" => json!({ "target": "1", "timeout": "0s" }),
        _ => json!({}),
    }
}

fn input(op: &str) -> Value {
    let mut input = least(op);
    if op != "doctor.watch" {
        input.as_object_mut().unwrap().remove("timeout");
    }
    input
}

fn recorded() -> Tape {
    Tape::of(Look::serving().take(this_machine().unwrap().as_ref()).snapshot)
}

#[test]
fn a_snapshot_is_refused_for_what_works_on_the_machine_itself() {
    let recorded = recorded();
    for entry in OPS.iter().filter(|entry| entry.home != Home::Anywhere) {
        let failure = send(entry.name, &input(entry.name), Machine::Snapshot(&recorded)).unwrap_err();
        assert!(failure.kind == Kind::Usage && failure.message.contains("A snapshot cannot answer"), "{}: {failure}", entry.name);
    }
}

#[test]
fn what_needs_the_callers_own_process_is_refused_elsewhere() {
    let (machine, cancel) = (this_machine().unwrap(), Cancel::default());
    let machine = Machine::Live(machine.as_ref());
    let door = Door { machine, own: None, clock: &SystemClock, cancel: &cancel, prompt: &Nobody };
    let homes: Vec<&str> = OPS.iter().filter(|entry| entry.home == Home::Caller).map(|entry| entry.name).collect();
    let known = [
        "doctor.as",
        "wait.run",
        "lab.start",
        "lab.hint",
        "lab.check",
        "run",
        "up",
        "up.apart",
        "restart",
        "serve",
        "port.run",
        "exec",
        "service.reset",
        "service.save",
        "service.restore",
        "service.shell",
    ];
    assert_eq!(homes, known);
    for op in homes {
        let request = Request { caller: this_caller(), op: op.to_owned(), input: input(op) };
        let failure = dispatch(request, &door, &mut |_| true).unwrap_err();
        assert!(failure.message.contains("process and the terminal of who asks"), "{op}: {failure}");
    }
}

/// Effects as they are promised to whoever asks for leave first. Who reads is handed a machine that cannot act, by its type;
/// that the two agree is asserted where an entry is made, so that a lie does not compile.
#[test]
fn each_operation_says_what_it_does() {
    let of = |effect| OPS.iter().filter(move |entry| entry.effect == effect).map(|entry| entry.name).collect::<Vec<_>>();
    let reads = [
        "list",
        "doctor.ask",
        "doctor.watch",
        "doctor.all",
        "explain",
        "wait",
        "watch",
        "graph",
        "next",
        "snapshot",
        "snapshot.record",
        "lab.list",
        "lab.check",
        "logs",
        "ps",
        "guard.status",
        "trust.check",
        "check",
        "lease.list",
        "ports",
        "service.status",
    ];
    assert_eq!(of(Effect::Read), reads);
    let destroys = [
        "doctor.fix",
        "doctor.as",
        "free",
        "down",
        "stop",
        "forward.remove",
        "trust.remove",
        "lease.release",
        "lease.prune",
        "service.reset",
        "service.restore",
    ];
    assert_eq!(of(Effect::Destroy), destroys);
}

#[test]
fn a_request_is_a_message() {
    let request = Request { caller: this_caller(), op: "lease.take".to_owned(), input: json!({ "what": ["3000"] }) };
    let text = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request);
    let unknown = send("lease", &json!({}), Machine::Snapshot(&recorded())).unwrap_err();
    assert!(unknown.message.contains("no operation `lease`"), "{unknown}");
    let wrong = send("list", &json!({ "colour": "red" }), Machine::Snapshot(&recorded())).unwrap_err();
    assert!(wrong.message.contains("colour"), "{wrong}");
}

#[test]
fn a_context_can_be_handed_to_a_thread() {
    fn is_sendable<T: Send + Sync>() {}
    is_sendable::<Context<'_, Looks>>();
    is_sendable::<Door<'_>>();
    let served = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = served.local_addr().unwrap().port().to_string();
    let (machine, cancel, caller) = (this_machine().unwrap(), Cancel::default(), this_caller());
    let machine = Machine::Live(machine.as_ref());
    let door = Door { machine, own: None, clock: &SystemClock, cancel: &cancel, prompt: &Nobody };
    let request = Request { caller, op: "wait".to_owned(), input: json!({ "endpoints": [port] }) };
    let answer = std::thread::scope(|scope| scope.spawn(|| dispatch(request, &door, &mut |_| true)).join().unwrap()).unwrap();
    assert_eq!(answer.document["ready"], true);
}

/// A clock that the test owns: time passes only where somebody lets it pass, and somebody goes away when enough has.
struct Owned<'a> {
    began: Instant,
    passed: Mutex<Duration>,
    leaves: Duration,
    cancel: &'a Cancel,
}

impl Clock for Owned<'_> {
    fn now(&self) -> Instant {
        self.began + *self.passed.lock().unwrap()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn pass(&self, time: Duration) {
        let mut passed = self.passed.lock().unwrap();
        *passed += time;
        if *passed >= self.leaves {
            self.cancel.cancel();
        }
    }
}

#[test]
fn a_wait_ends_within_a_tenth_of_a_second_after_its_client_has_gone() {
    let cancel = Cancel::default();
    let (began, leaves) = (Instant::now(), Duration::from_secs(7));
    let clock = Owned { began, passed: Mutex::default(), leaves, cancel: &cancel };
    let recorded = recorded();
    let door = Door { machine: Machine::Snapshot(&recorded), own: None, clock: &clock, cancel: &cancel, prompt: &Nobody };
    let mut looks = 0;
    let request = Request { caller: this_caller(), op: "list".to_owned(), input: json!({ "watch": true, "every": "5s" }) };
    let failure = dispatch(request, &door, &mut |_| {
        looks += 1;
        true
    })
    .unwrap_err();
    let passed = *clock.passed.lock().unwrap();
    assert_eq!((failure.kind, looks), (Kind::Cancelled, 2));
    assert!(passed < leaves + Duration::from_millis(100), "{passed:?}");
}

/// Each wait of each operation, against the real clock: nothing is asserted but that it ends, long before it would by itself.
#[test]
fn every_wait_can_be_ended() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let served = listener.local_addr().unwrap().to_string();
    for (op, input) in [
        ("list", json!({ "watch": true, "every": "1h" })),
        ("watch", json!({ "timeout": "1h" })),
        ("wait", json!({ "endpoints": ["1"], "timeout": "1h" })),
        ("wait", json!({ "endpoints": [served], "free": true, "timeout": "1h" })),
        ("doctor.watch", json!({ "target": served, "until_broken": true, "timeout": "1h" })),
    ] {
        let (machine, cancel) = (this_machine().unwrap(), Cancel::default());
        let machine = Machine::Live(machine.as_ref());
        let door = Door { machine, own: None, clock: &SystemClock, cancel: &cancel, prompt: &Nobody };
        let request = Request { caller: this_caller(), op: op.to_owned(), input };
        let ended = std::thread::scope(|scope| {
            let run = scope.spawn(|| dispatch(request, &door, &mut |_| true));
            std::thread::sleep(Duration::from_millis(300));
            cancel.cancel();
            run.join().unwrap()
        });
        assert_eq!(ended.unwrap_err().kind, Kind::Cancelled, "{op}");
    }
}

/// The directory and the environment are the caller's, and not those of the process that does the work.
#[test]
fn the_caller_is_a_value() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join("shop/.git")).unwrap();
    let text = |path: std::path::PathBuf| portward_sys::text_of(&path);
    let caller = Caller {
        cwd: Some(text(home.path().join("shop"))),
        environment: [("XDG_STATE_HOME".to_owned(), text(home.path().join("state")))].into(),
        session: None,
        ..this_caller()
    };
    let (machine, cancel) = (this_machine().unwrap(), Cancel::default());
    let machine = Machine::Live(machine.as_ref());
    let door = Door { machine, own: None, clock: &SystemClock, cancel: &cancel, prompt: &Nobody };
    let ask = |op: &str, input| dispatch(Request { caller: caller.clone(), op: op.to_owned(), input }, &door, &mut |_| true);
    let taken = ask("lease.take", json!({ "what": ["3000"] })).unwrap().document;
    assert_eq!(taken["leases"][0]["project"], "shop", "{taken:#}");
    assert!(home.path().join("state/portward/leases.db").exists());
    let url = ask("url", json!({ "name": "3000" })).unwrap().document;
    assert_eq!(url["port"], taken["leases"][0]["port"], "{url:#}");
}
