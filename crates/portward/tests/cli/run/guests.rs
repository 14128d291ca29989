//! A background process that two projects share: what it starts for the second serves in the session of the first, and that is said.

use portward_testkit::{Running, until};

use super::Stage;

/// Starts servers for whoever asks, in the folder that they name, as PM2's and gradle's daemons do.
const DAEMON: &str = "import os, socket, subprocess, sys\n\
    s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); print('READY', flush=True)\n\
    while True:\n\
    \x20   asked, _ = s.accept(); folder = asked.recv(1000).decode(); asked.close()\n\
    \x20   subprocess.Popen([sys.executable, sys.argv[2], 'guest', 'tcp', '127.0.0.1', '3000'], cwd=folder)";

/// Asks it for a server, and ends.
const CLIENT: &str = "import os, socket, sys\n\
    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(os.getcwd().encode())";

/// Lines as they were before they were laid out for a narrow screen.
fn flowing(lines: &str) -> String {
    lines.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a run has said, once these words are in it.
#[track_caller]
fn said(running: &Running, wanted: &str) -> String {
    until(wanted, || Some(flowing(&running.stderr())).filter(|lines| lines.contains(wanted)))
}

#[test]
fn what_a_shared_daemon_starts_is_said_in_both_sessions() {
    let Some(stage) = Stage::new() else { return };
    let socket = stage.world.path().join("tmp/daemon");
    let socket = socket.to_str().unwrap();
    let daemon =
        stage.inside(&stage.one).start_portward(&["run", "--name", "daemon", "python3", "-c", DAEMON, socket, &stage.server]);
    assert_eq!(daemon.line(), "READY", "{}", daemon.stderr());
    // By the name that a client of PM2 has.
    let client = stage.world.file("pm2", CLIENT);
    let asked = stage.inside(&stage.two).portward(&["run", "python3", client.to_str().unwrap(), socket]).expect(0);
    assert_eq!(daemon.line(), "READY", "the server that was asked for");
    let line = flowing(&asked.stderr);
    assert!(line.contains("Nothing listened here.") && line.contains("in one's session"), "{asked}");
    let line = said(&daemon, "serves in one's session");
    assert!(line.contains(&format!("works in {}", stage.two.display())), "{line}");
    let document = stage.portward(&stage.one, &["ps", "--json"]).expect(0).json();
    let listener = &document["sessions"][0]["services"][0]["listeners"][0];
    assert_eq!(listener["from"], stage.two.to_str().unwrap(), "{document}");
    let shown = stage.portward(&stage.one, &["ps"]).expect(0).stdout;
    assert!(shown.contains(&format!("from {}", stage.two.display())), "{shown}");
}

#[test]
fn a_run_that_idles_is_told_where_its_program_serves() {
    let Some(stage) = Stage::new() else { return };
    let socket = stage.world.path().join("tmp/daemon");
    let socket = socket.to_str().unwrap();
    let daemon = stage.inside(&stage.one).start_portward(&["run", "python3", "-c", DAEMON, socket, &stage.server]);
    assert_eq!(daemon.line(), "READY", "{}", daemon.stderr());
    let client = stage.world.file("client", format!("{CLIENT}\nimport time; time.sleep(600)"));
    let idle = stage.inside(&stage.two).start_portward(&["run", "python3", client.to_str().unwrap(), socket]);
    let line = said(&idle, "in one's session");
    assert!(line.contains("Nothing listened here"), "{line}");
    // What serves in its own project's session is no guest, wherever it works below it.
    let inner = stage.one.join("inner");
    std::fs::create_dir(&inner).unwrap();
    stage.world.give(&inner);
    let own = stage.inside(&inner).start_portward(&["run", "python3", &stage.server, "own", "tcp", "127.0.0.1", "3001"]);
    assert_eq!(own.line(), "READY");
    let lines = said(&own, "3001");
    assert!(!lines.contains("works in"), "{lines}");
}
