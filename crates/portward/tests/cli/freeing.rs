//! `portward free` on what people really have: loops, clients, other ports, helpers of containers, words of every kind.

use portward_testkit::{Running, World, program, until};
use serde_json::Value;

use crate::world;

fn pids(document: &Value, list: &str) -> Vec<u64> {
    let mut pids: Vec<u64> =
        document[list].as_array().unwrap_or(&Vec::new()).iter().map(|entry| entry["pid"].as_u64().unwrap()).collect();
    pids.sort_unstable();
    pids
}

fn notes(document: &Value) -> String {
    document["notes"].to_string()
}

/// Starts a command of a shell, and waits until the port is served.
fn start(world: &World, argv: &[&str], port: u16) -> Running {
    let running = world.enter().start(argv);
    let _ = world.portward(&["wait", &port.to_string(), "--timeout", "60s"]).expect(0);
    running
}

/// A server of Python's own on these ports, `u` before those of UDP.
fn server(world: &World, ports: &[&str]) -> (Running, u64) {
    let code = r"
import os, signal, socket, sys
held = []
for port in sys.argv[1:]:
    kind = socket.SOCK_DGRAM if port[0] == 'u' else socket.SOCK_STREAM
    one = socket.socket(socket.AF_INET, kind); one.setsockopt(1, 2, 1); one.bind(('127.0.0.1', int(port.lstrip('u'))))
    if kind == socket.SOCK_STREAM: one.listen()
    held.append(one)
signal.signal(signal.SIGINT, signal.SIG_DFL)
print('UP', os.getpid(), flush=True)
signal.pause()
";
    let running = world.enter().start(&[&["python3", "-c", code], ports].concat());
    let pid = running.line_where(|line| line.starts_with("UP ")).trim_start_matches("UP ").trim().parse().unwrap();
    (running, pid)
}

#[test]
fn a_loop_that_starts_it_again_is_seen_and_no_port_is_called_free() {
    let Some(world) = world() else { return };
    let script = world.file("home/loop.sh", "while :; do\n python3 -m http.server 3001 --bind 127.0.0.1\n sleep 0.3\ndone\n");
    let supervisor =
        "import subprocess\nwhile True: subprocess.run(['python3', '-m', 'http.server', '3002', '--bind', '127.0.0.1'])";
    for (port, argv) in [
        (3000, vec!["sh", "-c", "while true; do python3 -m http.server 3000 --bind 127.0.0.1; done"]),
        (3001, vec!["sh", script.to_str().unwrap()]),
        (3002, vec!["python3", "-c", supervisor]),
    ] {
        let _running = start(&world, &argv, port);
        let outcome = world.portward(&["free", &port.to_string(), "--yes"]).expect(1);
        assert!(outcome.stdout.contains("started again") && !outcome.stdout.contains("can be bound now"), "{outcome}");
        let _ = world.portward(&["wait", &port.to_string(), "--timeout", "60s"]).expect(0);
        let document = world.portward(&["free", &port.to_string(), "--yes", "--json"]).expect(1).json();
        assert_eq!((&document["port_free"], &document["comes_back"]), (&Value::Bool(false), &Value::Bool(true)), "{document:#}");
        assert_eq!(document["because"][0]["code"], "respawned-by-supervisor", "{document:#}");
    }
}

#[test]
fn a_loop_is_known_before_and_goes_with_its_tree() {
    let Some(world) = world() else { return };
    let mut running = start(&world, &["bash", "-c", "while true; do python3 -m http.server 3000 --bind 127.0.0.1; done"], 3000);
    let document = world.portward(&["free", "3000", "--dry-run", "--json"]).json();
    assert_eq!(document["supervisor"]["restarts"], true, "{document:#}");
    let document = world.portward(&["free", "3000", "--tree", "--yes", "--json"]).expect(0).json();
    assert_eq!((&document["port_free"], &document["supervisor"]), (&Value::Bool(true), &Value::Null), "the loop has ended, too");
    until("the loop's end", || (!running.is_alive()).then_some(()));
}

#[test]
fn a_loop_that_pauses_for_long_is_no_reason_to_call_the_port_free() {
    let Some(world) = world() else { return };
    let script = world.file("home/loop.sh", "while :; do\n python3 -m http.server 3000 --bind 127.0.0.1\n sleep 600\ndone\n");
    let _running = start(&world, &["sh", script.to_str().unwrap()], 3000);
    let outcome = world.portward(&["free", "3000", "--yes"]).expect(0);
    assert!(outcome.stdout.contains("at this moment") && !outcome.stdout.contains("can be bound now"), "{outcome}");
    assert!(outcome.stdout.contains("may start it again"), "who: {outcome}");
}

#[test]
fn a_server_that_nobody_starts_again_is_gone_for_good() {
    let Some(world) = world() else { return };
    let (_running, pid) = server(&world, &["3000"]);
    let document = world.portward(&["free", "3000", "--yes", "--json"]).expect(0).json();
    assert_eq!((pids(&document, "freed"), &document["comes_back"]), (vec![pid], &Value::Bool(false)), "{document:#}");
}

#[test]
fn all_that_ends_is_told_before() {
    let Some(world) = world() else { return };
    let (_running, pid) = server(&world, &["3000", "24678", "u3478"]);
    let client = world.actor(&["connect", "tcp/127.0.0.1:3000"]);
    let document = world.portward(&["free", "3000", "--dry-run", "--json"]).expect(0).json();
    let ends = &document["ends"][0];
    assert_eq!((&ends["pid"], &ends["clients"]), (&pid.into(), &1.into()), "{document:#}");
    let endpoints = ends["endpoints"].to_string();
    assert!(endpoints.contains("24678") && endpoints.contains("udp/127.0.0.1:3478"), "{document:#}");
    assert!(ends["client_names"].to_string().contains(&format!("(pid {})", client.pid())), "{document:#}");
    let text = world.portward(&["free", "3000", "--dry-run"]).expect(0).stdout;
    assert!(text.contains("also serves") && text.contains("1 client connected now"), "{text}");
    let unasked = world.portward(&["free", "3000"]).expect(2).stderr;
    assert!(unasked.contains("24678") && unasked.contains("client"), "the question has it: {unasked}");
}

#[test]
fn children_that_stay_behind_are_named() {
    let Some(world) = world() else { return };
    let code = r"
import os, socket, subprocess, time
s = socket.create_server(('127.0.0.1', 3000)); child = subprocess.Popen(['sleep', '600'])
print('UP', child.pid, flush=True); time.sleep(600)
";
    let running = world.enter().start(&["python3", "-c", code]);
    let child = running.line_where(|line| line.starts_with("UP ")).trim_start_matches("UP ").trim().to_owned();
    let document = world.portward(&["free", "3000", "--dry-run", "--json"]).expect(0).json();
    assert_eq!(document["ends"][0]["children"][0], format!("sleep (pid {child})"), "{document:#}");
}

#[test]
fn a_port_that_only_udp_has_is_found_without_saying_so() {
    let Some(world) = world() else { return };
    let (mut running, pid) = server(&world, &["u5353"]);
    let document = world.portward(&["free", "5353", "--yes", "--json"]).expect(0).json();
    assert_eq!((pids(&document, "freed"), &document["endpoints"][0]), (vec![pid], &"udp/5353".into()), "{document:#}");
    assert!(notes(&document).contains("UDP"), "{document:#}");
    until("its end", || (!running.is_alive()).then_some(()));
    // Where TCP has the number, UDP's holder stays; and a number that clients are given may be a client's.
    let (_web, web) = server(&world, &["3000"]);
    let (mut other, _) = server(&world, &["u3000"]);
    let document = world.portward(&["free", "3000", "--yes", "--json"]).expect(0).json();
    assert_eq!(pids(&document, "freed"), [web], "{document:#}");
    let (mut client, _) = server(&world, &["u40001"]);
    let document = world.portward(&["free", "40001", "--yes", "--json"]).json();
    assert!(pids(&document, "freed").is_empty() && notes(&document).contains("udp/40001"), "{document:#}");
    assert!(other.is_alive() && client.is_alive());
}

#[test]
fn what_is_no_server_gets_a_sentence() {
    let Some(world) = world() else { return };
    let _server = world.actor(&["listen", "tcp/127.0.0.1:5432"]);
    let mut client = world.actor(&["connect", "tcp/127.0.0.1:5432,from=127.0.0.1:3000"]);
    let its_pid = format!("(pid {})", client.pid());
    for extra in [&["--dry-run"][..], &["--yes"]] {
        let document = world.portward(&[&["free", "3000", "--json"], extra].concat()).json();
        assert!(notes(&document).contains(&its_pid) && notes(&document).contains("127.0.0.1:5432"), "{document:#}");
        let text = world.portward(&[&["free", "3000"], extra].concat()).stdout;
        assert!(text.contains("its own port of a connection"), "{text}");
    }
    assert!(client.is_alive());
    let (mut everywhere, _) = server(&world, &["3001"]);
    for extra in ["--dry-run", "--yes"] {
        let document = world.portward(&["free", "198.51.100.9:3001", extra, "--json"]).expect(1).json();
        assert!(notes(&document).contains("no address of this machine") && pids(&document, "freed").is_empty(), "{document:#}");
    }
    assert!(everywhere.is_alive());
}

#[test]
fn a_socket_that_a_dead_server_left_to_its_child_is_told_as_one() {
    let Some(world) = world() else { return };
    let code = r"
import socket, subprocess
s = socket.create_server(('127.0.0.1', 3000)); s.set_inheritable(True); nowhere = subprocess.DEVNULL
subprocess.Popen(['sleep', '600'], close_fds=False, stdin=nowhere, stdout=nowhere, stderr=nowhere)
";
    let _ = world.run(&["setsid", "-f", "python3", "-c", code]);
    let _ = world.portward(&["wait", "3000", "--timeout", "60s"]).expect(0);
    let document = until("the server's end", || {
        let document = world.portward(&["free", "3000", "--dry-run", "--json"]).json();
        (pids(&document, "would").len() == 1).then_some(document)
    });
    assert!(notes(&document).contains("inherited the socket"), "{document:#}");
    let _ = world.portward(&["free", "3000", "--yes"]).expect(0);
}

#[test]
fn a_stopped_server_is_told_with_resume_and_ends_without_force() {
    let Some(world) = world() else { return };
    let mut actor = world.actor(&["listen", "tcp/127.0.0.1:3000"]);
    world.signal(actor.pid(), "STOP");
    let text = world.portward(&["free", "3000", "--dry-run"]).expect(0).stdout;
    assert!(text.contains("portward resume 3000"), "{text}");
    let document = world.portward(&["free", "3000", "--yes", "--json"]).expect(0).json();
    assert_eq!((pids(&document, "freed"), &document["freed"][0]["signal"]), (vec![actor.pid()], &"SIGTERM".into()));
    assert_eq!(actor.ended_by(), Some(15));
}

#[test]
fn ranges_lists_pids_and_names() {
    let Some(world) = world() else { return };
    let (_one, one) = server(&world, &["4000", "4001"]);
    let (_two, two) = server(&world, &["4003"]);
    let (_far, far) = server(&world, &["5000"]);
    let aimed_at = |words: &[&str]| {
        let document = world.portward(&[&["free"], words, &["--dry-run", "--json"]].concat()).expect(0).json();
        pids(&document, "would")
    };
    let sorted = |mut pids: Vec<u64>| {
        pids.sort_unstable();
        pids
    };
    assert_eq!(aimed_at(&["4000-4010"]), sorted(vec![one, two]));
    assert_eq!(aimed_at(&["4003,5000"]), sorted(vec![two, far]));
    assert_eq!(aimed_at(&["4001", "5000"]), sorted(vec![one, far]));
    assert_eq!(aimed_at(&[&format!("pid:{two}")]), [two]);
    assert_eq!(aimed_at(&["python3"]), sorted(vec![one, two, far]));
    let _ = world.portward(&["free", "pid:999999", "--yes"]).expect(2);
    let unknown = world.portward(&["free", "nosuchserver", "--yes"]).expect(2);
    assert!(unknown.stderr.contains("no program of that name"), "{unknown}");
    let document = world.portward(&["free", &format!("pid:{one}"), "--yes", "--json"]).expect(0).json();
    assert_eq!((pids(&document, "freed"), document["endpoints"].as_array().map(Vec::len)), (vec![one], Some(2)), "{document:#}");
    let document = world.portward(&["free", "4000-5000", "--yes", "--json"]).expect(0).json();
    assert_eq!((pids(&document, "freed"), &document["port_free"]), (sorted(vec![two, far]), &Value::Bool(true)), "{document:#}");
}

#[test]
fn the_signal_that_was_named_is_sent() {
    let Some(world) = world() else { return };
    for (signal, name) in [("INT", "SIGINT"), ("SIGHUP", "SIGHUP"), ("9", "SIGKILL")] {
        let (mut running, _) = server(&world, &["3000"]);
        let document = world.portward(&["free", "3000", "--signal", signal, "--yes", "--json"]).expect(0).json();
        assert_eq!(document["freed"][0]["signal"], name, "{document:#}");
        until("its end", || (!running.is_alive()).then_some(()));
    }
    let _ = world.portward(&["free", "3000", "--signal", "STOP", "--yes"]).expect(2);
}

#[test]
fn helpers_of_rootless_containers_are_their_containers() {
    let Some(world) = world() else { return };
    let python = world.run(&["sh", "-c", "readlink -f $(command -v python3)"]).expect(0).stdout;
    let code = "import socket,os,sys,time\n\
                s=socket.create_server(('127.0.0.1',int(sys.argv[1])));print('UP',os.getpid(),flush=True);time.sleep(600)";
    for (helper, port, runtime) in
        [("rootlessport", "8080", "podman"), ("pasta.avx2", "8081", "podman"), ("rootlesskit", "8082", "docker")]
    {
        let path = world.path().join("home").join(helper);
        std::os::unix::fs::symlink(python.trim(), &path).unwrap();
        let mut running = world.enter().start(&[path.to_str().unwrap(), "-c", code, port]);
        let pid: u64 = running.line_where(|line| line.starts_with("UP ")).trim_start_matches("UP ").trim().parse().unwrap();
        for extra in [&["--yes", "--force"][..], &["--tree", "--yes"]] {
            let document = world.portward(&[&["free", port, "--json"], extra].concat()).expect(1).json();
            assert_eq!((pids(&document, "refused"), pids(&document, "freed")), (vec![pid], vec![]), "{document:#}");
            assert_eq!(document["refused"][0]["why"]["runtime"], runtime, "{document:#}");
        }
        assert!(running.is_alive());
    }
}

#[test]
fn a_gunicorn_master_that_was_ended_is_not_offered_again() {
    let Some(world) = world() else { return };
    if program("gunicorn").is_none() {
        return portward_testkit::skip("gunicorn");
    }
    let folder = world.file("home/app.py", "def app(environ, start):\n    start('200 OK', [])\n    return [b'x']\n");
    let folder = folder.parent().unwrap().to_owned();
    let mut running = world.enter().directory(&folder).start(&["gunicorn", "-w", "2", "-b", "127.0.0.1:3000", "app:app"]);
    let _ = world.portward(&["wait", "3000", "--timeout", "60s"]).expect(0);
    let outcome = world.portward(&["free", "3000", "--yes"]).expect(0);
    assert!(!outcome.stdout.contains("kill ") && outcome.stdout.contains("can be bound now"), "{outcome}");
    until("its end", || (!running.is_alive()).then_some(()));
}

#[test]
fn several_are_asked_about_once() {
    let Some(world) = world() else { return };
    let code = r"
import os, pty, sys
pid, master = pty.fork()
if pid == 0: os.environ.update(TERM='xterm'); os.execv(sys.argv[1], sys.argv[1:])
text, answered = b'', False
while True:
    try: piece = os.read(master, 4096)
    except OSError: break
    if not piece: break
    text += piece
    if b'?' in text and not answered: os.write(master, b'y\n'); answered = True
sys.stdout.write(text.decode()); print('CODE', os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";
    let (_one, one) = server(&world, &["3000", "3999"]);
    let (_two, two) = server(&world, &["4000"]);
    let portward = world.portward_path().to_str().unwrap();
    let outcome = world.run(&["python3", "-c", code, portward, "free", "3000,4000"]).expect(0);
    assert_eq!(outcome.stdout.matches("Stop ").count(), 1, "{outcome}");
    for part in [format!("(pid {one})"), format!("(pid {two})"), "3999".to_owned(), "CODE 0".to_owned()] {
        assert!(outcome.stdout.contains(&part), "{part}: {outcome}");
    }
}
