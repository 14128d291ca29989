//! The doctor on a machine that is busy with other things: thousands of other sockets, and connections that come, go and
//! are refused without pause. What it says of each lab stays what it says in silence.

use portward_lab::{Lab, Question, labs};
use portward_testkit::{World, skip};
use serde_json::Value;

use super::labs::lacks;
use crate::world;

/// Fills the network that it runs in, runs the program that the environment names, and ends everything.
///
/// 2,000 listeners and 200 connections stand still. Two processes connect, speak, close and are refused again and
/// again, by TCP and by UDP, and so raise every counter that the doctor compares.
const NOISE: &str = r#"
import os, resource, signal, socket, subprocess, sys, time

hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
children = []

def child(work):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        try:
            work(lambda: os.write(writer, b"."))
        finally:
            os._exit(1)
    os.close(writer)
    children.append(pid)
    if os.read(reader, 1) != b".":
        sys.exit("a part of the noise could not be made")

# A client's port is chosen here, below 32000: the kernel would choose that of a lab sooner or later, and it stays taken for a minute.
def client(kind, at, first, last, to):
    while True:
        at[0] = at[0] + 1 if first <= at[0] < last else first
        own = socket.socket(socket.AF_INET, kind)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            own.bind(("127.0.0.1", at[0]))
            own.connect(to)
            return own
        except ConnectionRefusedError:
            own.close()
            return None
        except OSError:
            own.close()

def crowd(first):
    def work(ready):
        at = [0]
        kept = []
        for port in range(first, first + 500):
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
            listener.listen()
            kept.append(listener)
        for _ in range(50):
            begins = 22000 + (first - 20000) // 2
            kept.append(client(socket.SOCK_STREAM, at, begins, begins + 249, ("127.0.0.1", first)))
            kept.append(kept[0].accept()[0])
        ready()
        signal.pause()
    return work

def churn(port):
    def work(ready):
        at = [0]
        begins = 23000 + (port - 19001) * 4500
        dial = lambda kind, to: client(kind, at, begins, begins + 4499, ("127.0.0.1", to))
        listener = socket.create_server(("127.0.0.1", port))
        ready()
        while True:
            caller = dial(socket.SOCK_STREAM, port)
            server, _ = listener.accept()
            caller.sendall(b"noise")
            server.recv(100)
            caller.close()
            server.close()
            dial(socket.SOCK_STREAM, 19999)
            datagrams = dial(socket.SOCK_DGRAM, 19998)
            datagrams.send(b"nobody takes it")
            datagrams.close()
            time.sleep(0.001)
    return work

for first in range(20000, 22000, 500):
    child(crowd(first))
for port in (19001, 19002):
    child(churn(port))
try:
    code = subprocess.run(os.environ["BESIDE"].split("\n")).returncode
finally:
    for pid in children:
        os.kill(pid, signal.SIGKILL)
sys.exit(code)
"#;

/// Faults whose network can be filled, of every kind of evidence: tables, queues, counters, threads, answers.
const LABS: &[&str] = &[
    "no-listener",
    "listen-other-family",
    "listen-loopback-only",
    "listener-in-other-netns",
    "bound-not-listening",
    "udp-not-tcp",
    "firewall-reject",
    "firewall-reject-icmp",
    "firewall-drop",
    "nat-redirect",
    "crash-loop",
    "port-mismatch",
    "accept-queue-full",
    "accept-stalled",
    "app-hang-after-accept",
    "proc-stopped",
    "fd-limit",
    "server-busy",
    "port-held-by-process",
    "port-held-by-outgoing",
    "time-wait",
    "self-connect",
    "reuseport-split",
    "server-resets",
    "wrong-protocol",
    "plaintext-server-tls-client",
];

/// Every port that the noise has, as server or as client.
const TAKEN: std::ops::Range<u16> = 19_000..32_001;

/// What the doctor says: the cause, or the verdict where there is no fault; then the whole answer.
fn said(world: &World, lab: &Lab, twin: bool, noise: bool) -> Option<(String, String)> {
    let mut doctor = vec!["portward", "doctor", &lab.target, "--json"];
    doctor.extend((lab.question == Question::Listen).then_some("--bind"));
    if let Some(paste) = lab.paste.as_deref().filter(|_| !twin) {
        doctor.extend(["--text", paste]);
    }
    let beside = format!("BESIDE={}", doctor.join("\n"));
    let mut words = vec!["lab", "start", &lab.name, "--json"];
    words.extend(twin.then_some("--twin"));
    words.push("--exec");
    if noise {
        words.extend(["env", &beside, "python3", "-c", NOISE]);
    } else {
        words.extend(doctor);
    }
    let outcome = world.portward(&words);
    if let Some(missing) = lacks(&outcome) {
        skip(&format!("{}: {missing}", lab.name));
        return None;
    }
    let answer = outcome.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).nth(1);
    let answer = answer.unwrap_or_else(|| panic!("no answer for {}: {outcome}", lab.name));
    let cause = answer["causes"][0]["code"].as_str().unwrap_or("none").to_owned();
    let verdict = answer["verdict"].as_str().unwrap_or("none");
    Some((if verdict == "fault" { cause } else { verdict.to_owned() }, format!("{answer:#}")))
}

fn the_answers_stay(twin: bool) {
    let Some(world) = world() else { return };
    let mut wrong = Vec::new();
    let mut same = 0;
    for name in LABS {
        let lab = labs::find(name).unwrap();
        let port = lab.target.rsplit([':', '/']).next().and_then(|port| port.parse().ok());
        assert!(port.is_none_or(|port| !TAKEN.contains(&port)), "the noise would take the port of {name}");
        let Some((silence, _)) = said(&world, &lab, twin, false) else { continue };
        let Some((noise, whole)) = said(&world, &lab, twin, true) else { continue };
        if silence == noise {
            same += 1;
        } else {
            wrong.push(format!("{name} is {silence} in silence, and {noise} in the noise: {whole}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), LABS.len(), wrong.join("\n"));
    assert!(same > 0, "no lab could be built");
}

#[test]
fn faults_are_named_in_the_noise() {
    the_answers_stay(false);
}

#[test]
fn health_is_seen_in_the_noise() {
    the_answers_stay(true);
}
