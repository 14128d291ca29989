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

def crowd(first):
    def work(ready):
        kept = []
        for port in range(first, first + 500):
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
            listener.listen()
            kept.append(listener)
        for _ in range(50):
            kept.append(socket.create_connection(("127.0.0.1", first)))
            kept.append(kept[0].accept()[0])
        ready()
        signal.pause()
    return work

def churn(port):
    def work(ready):
        listener = socket.create_server(("127.0.0.1", port))
        ready()
        while True:
            client = socket.create_connection(("127.0.0.1", port))
            server, _ = listener.accept()
            client.sendall(b"noise")
            server.recv(100)
            client.close()
            server.close()
            socket.socket().connect_ex(("127.0.0.1", 19999))
            datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            datagrams.connect(("127.0.0.1", 19998))
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
