//! `portward run`: a program in its project's own localhost, and everything else as if Portward were not there.

mod addresses;
mod answers;
mod as_asked;
mod calls;
mod elder;
mod ends;
mod fences;
mod guests;
mod isolated;
mod joined;
mod kept;
mod locked;
mod many;
mod notices;
mod port_only;
mod quotas;
mod races;
mod refused;
mod stores;
mod taken;
mod talk;
mod tour;
mod unreadable;

use std::path::{Path, PathBuf};

use portward_testkit::{Entry, Outcome, Running, World, until};

/// A world with two projects, a server and a client.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) one: PathBuf,
    pub(crate) two: PathBuf,
    server: String,
    client: String,
}

impl Stage {
    pub(crate) fn new() -> Option<Self> {
        let world = super::world()?;
        let (one, two) = (world.git_repository("one", "main"), world.git_repository("two", "main"));
        let path = |path: PathBuf| path.to_str().unwrap().to_owned();
        let server = path(world.file("server.py", SERVER));
        let client = path(world.file("client.py", CLIENT));
        for folder in [&one, &two] {
            world.give(folder);
        }
        Some(Self { world, one, two, server, client })
    }

    /// What runs in a project.
    pub(crate) fn inside(&self, project: &Path) -> Entry<'_> {
        self.world.enter().directory(project)
    }

    /// A server under `portward run`, with words for `run` before it. It answers with its name.
    pub(crate) fn server(&self, project: &Path, words: &[&str], name: &str, places: &[&str]) -> Running {
        let command = [&["run"], words, &["--", "python3", &self.server, name], places].concat();
        ready(self.inside(project).start_portward(&command))
    }

    /// The server's file.
    pub(crate) fn server_path(&self) -> &str {
        &self.server
    }

    /// The same server without Portward.
    pub(crate) fn plain(&self, name: &str, places: &[&str]) -> Running {
        ready(self.world.enter().start(&[&["python3", self.server.as_str(), name], places].concat()))
    }

    /// What answers to a program in a project that dials a place.
    pub(crate) fn heard_in(&self, project: &Path, place: &str) -> String {
        self.inside(project).portward(&["run", "python3", &self.client, place]).stdout.trim_end().to_owned()
    }

    /// What answers to a plain program.
    pub(crate) fn heard(&self, place: &str) -> String {
        self.world.run(&["python3", &self.client, place]).stdout.trim_end().to_owned()
    }

    pub(crate) fn portward(&self, project: &Path, words: &[&str]) -> Outcome {
        self.inside(project).portward(words)
    }

    /// Where a project's port is.
    pub(crate) fn port(&self, project: &Path, asked: &str) -> String {
        self.portward(project, &["port", asked]).expect(0).stdout.trim_end().to_owned()
    }

    /// A line that a run says of a listener.
    #[track_caller]
    pub(crate) fn told(running: &Running, wanted: &str) -> String {
        until(wanted, || running.stderr().lines().find(|line| line.contains(wanted)).map(str::to_owned))
    }
}

#[track_caller]
fn ready(running: Running) -> Running {
    assert_eq!(running.line(), "READY", "{}", running.stderr());
    running
}

#[test]
fn two_projects_and_a_plain_program_on_one_port() {
    let Some(stage) = Stage::new() else { return };
    let _plain = stage.plain("plain", &["tcp", "::", "3000"]);
    let one = stage.server(&stage.one, &["--name", "web"], "one", &["tcp", "::", "3000"]);
    let _two = stage.server(&stage.two, &[], "two", &["tcp", "0.0.0.0", "3000"]);
    let (first, second) = (stage.port(&stage.one, "3000"), stage.port(&stage.two, "3000"));
    assert_ne!(first, second);
    assert!(first.ends_with("00") && second.ends_with("00"), "{first} {second}");
    let line = Stage::told(&one, "asked");
    assert_eq!(line, format!("web   asked [::]:3000   serves http://localhost:{first}"));
    for (project, name) in [(&stage.one, "one"), (&stage.two, "two")] {
        assert_eq!(stage.heard_in(project, "127.0.0.1 3000"), name);
    }
    assert_eq!(stage.heard_in(&stage.one, "::1 3000"), "one");
    // The other family of a server that has only one is its project's as well: no stranger answers there.
    assert_eq!(stage.heard_in(&stage.two, "::1 3000"), "ConnectionRefusedError");
    for (place, name) in [("127.0.0.1 3000", "plain"), ("::1 3000", "plain")] {
        assert_eq!(stage.heard(place), name);
    }
    for (port, name) in [(&first, "one"), (&second, "two")] {
        assert_eq!(stage.heard(&format!("127.0.0.1 {port}")), name);
    }
    assert_eq!(stage.heard(&format!("::1 {first}")), "one");
}

#[test]
fn what_the_project_does_not_serve_is_the_real_localhost() {
    let Some(stage) = Stage::new() else { return };
    let _shared = stage.plain("shared", &["tcp", "127.0.0.1", "5432"]);
    assert_eq!(stage.heard_in(&stage.one, "127.0.0.1 5432"), "shared");
    {
        let _own = stage.server(&stage.one, &[], "own", &["tcp", "127.0.0.1", "5432"]);
        assert_eq!(stage.heard_in(&stage.one, "127.0.0.1 5432"), "own");
        assert_eq!(stage.heard_in(&stage.two, "127.0.0.1 5432"), "shared");
    }
    let gone = || (stage.heard_in(&stage.one, "127.0.0.1 5432") == "shared").then_some(());
    until("the shared one answers again", gone);
}

#[test]
fn a_system_port_needs_no_privilege() {
    let Some(stage) = Stage::new() else { return };
    let command = ["run", "--", "python3", &stage.server, "web", "tcp", "::", "80"];
    let web = stage.inside(&stage.one).stranger().env("XDG_STATE_HOME", stage.one.to_str().unwrap()).start_portward(&command);
    assert_eq!(web.line(), "READY", "{}", web.stderr());
    let line = Stage::told(&web, "asked [::]:80");
    let port = line.rsplit(':').next().unwrap();
    assert_eq!(stage.heard(&format!("127.0.0.1 {port}")), "web", "{line}");
    assert_eq!(stage.heard(&format!("::1 {port}")), "web");
}

#[test]
fn the_port_is_the_same_the_next_time() {
    let Some(stage) = Stage::new() else { return };
    let mut lines = Vec::new();
    for _ in 0..2 {
        let server = stage.server(&stage.one, &[], "one", &["tcp", "::", "3000"]);
        lines.push(Stage::told(&server, "serves"));
    }
    assert_eq!(lines[0], lines[1]);
}

#[test]
fn the_rule_can_be_loosened() {
    let Some(stage) = Stage::new() else { return };
    stage.world.add_lan("eth0", "192.168.77.1/24");
    let exposed = stage.server(&stage.one, &["--expose"], "exposed", &["tcp", "0.0.0.0", "3000"]);
    let port = stage.port(&stage.one, "3000");
    assert!(Stage::told(&exposed, "asked").contains("the network can reach it"));
    assert_eq!(stage.heard(&format!("192.168.77.1 {port}")), "exposed");
    let kept = stage.server(&stage.two, &["--loopback-only"], "kept", &["tcp", "0.0.0.0", "3000"]);
    assert!(Stage::told(&kept, "asked").ends_with("asked 0.0.0.0:3000   serves http://localhost:3000"));
    assert_eq!(stage.heard("127.0.0.1 3000"), "kept");
    assert_eq!(stage.heard("192.168.77.1 3000"), "ConnectionRefusedError");
    let refused = stage.portward(&stage.one, &["run", "--expose", "--loopback-only", "true"]).expect(125);
    assert!(refused.stderr.contains("--loopback-only"), "{refused}");
}

/// `NAME (tcp|udp|mptcp ADDRESS PORT)...`: answers each connection and datagram with its name.
pub(crate) const SERVER: &str = r#"
import selectors, socket, sys
name, words, ready = sys.argv[1].encode() + b"\n", sys.argv[2:], selectors.DefaultSelector()
while words:
    kind, address, port, *words = words
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    type = socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
    s = socket.socket(family, type, 262 if kind == "mptcp" else 0)
    if kind != "udp": s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6: s.setsockopt(41, 26, 0)
    s.bind((address, int(port)))
    if kind != "udp": s.listen()
    ready.register(s, selectors.EVENT_READ)
print("READY", flush=True)
while True:
    for key, _ in ready.select():
        s = key.fileobj
        if s.type == socket.SOCK_DGRAM:
            s.sendto(name, s.recvfrom(100)[1])
        else:
            c, _ = s.accept()
            c.sendall(name)
            c.close()
"#;

/// `ADDRESS PORT [udp]`: says what answers, or the name of the error.
const CLIENT: &str = r#"
import socket, sys
address, port, *udp = sys.argv[1].split() if len(sys.argv) == 2 else sys.argv[1:]
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
s.settimeout(30)
try:
    s.connect((address, int(port)))
    if udp: s.send(b"?")
    print(s.recv(100).decode().strip())
except OSError as error:
    print(type(error).__name__)
"#;
