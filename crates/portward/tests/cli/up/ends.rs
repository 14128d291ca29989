//! How services end, and what follows.

use portward_testkit::until;

use crate::run::Stage;

#[test]
fn one_that_ends_again_and_again_is_given_up_with_its_last_lines() {
    let Some(stage) = Stage::new() else { return };
    stage.declare(
        &stage.one,
        "[services.web]\ncommand = \"echo before; printf '\\\\033[31mred\\\\033[0m\\\\n'; exit 3\"\nport = 3000\n\
         [services.never]\ncommand = \"no-such-program-at-all\"\nport = 3001\nrestart = \"never\"\n\
         [services.needs]\ncommand = \"sleep 1000\"\nafter = [\"web\"]\n",
    );
    let said = stage.up(&stage.one, &[]);
    assert!(
        said.contains("web    failed: It has ended 3 times within a minute, and is not started again: it ended with code 3"),
        "{said}"
    );
    assert!(said.contains("| before\n") && said.contains("| red\n"), "its last lines, without colours: {said}");
    assert!(said.contains("never  failed: It ended with code 127 (the shell has not found the command)"), "{said}");
    assert!(said.contains("needs  failed: It waits for web, which has failed"), "{said}");
    let logs = stage.portward(&stage.one, &["logs", "web"]).expect(0).stdout;
    assert!(logs.contains("web starts, for the 3rd time"), "{logs}");
    assert_eq!(stage.service_of(&stage.one, "web")["state"], "failed");
    let _ = stage.down(&stage.one);
}

#[test]
fn what_is_killed_is_started_again_and_so_is_one_whose_supervisor_was() {
    let Some(stage) = Stage::new() else { return };
    stage.declare(&stage.one, "[services.web]\ncommand = [\"python3\", \"-m\", \"http.server\", \"8000\"]\nport = 8000\n");
    let _ = stage.up(&stage.one, &[]);
    for victim in ["pid", "supervisor"] {
        let before = stage.service_of(&stage.one, "web")["pid"].as_u64().unwrap();
        let pid = match victim {
            "pid" => before,
            _ => stage.session_of(&stage.one)["supervisors"][0].as_u64().unwrap(),
        };
        stage.world.signal(pid, "KILL");
        until("another one to be ready", || {
            let web = stage.service_of(&stage.one, "web");
            (web["state"] == "ready" && web["pid"].as_u64() != Some(before)).then_some(())
        });
    }
    let _ = stage.down(&stage.one);
}

#[test]
fn what_ignores_the_request_is_killed_and_what_forks_away_is_ended_too() {
    let Some(stage) = Stage::new() else { return };
    let stubborn = stage.world.file(
        "stubborn.py",
        "import signal, http.server\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n\
         http.server.HTTPServer(('', 8000), http.server.SimpleHTTPRequestHandler).serve_forever()\n",
    );
    let forks = stage.world.file(
        "forks.py",
        "import os, http.server\nif os.fork(): os._exit(0)\nos.setsid()\n\
         http.server.HTTPServer(('', 8001), http.server.SimpleHTTPRequestHandler).serve_forever()\n",
    );
    stage.declare(
        &stage.one,
        &format!(
            "[services.stubborn]\ncommand = [\"python3\", {stubborn:?}]\nport = 8000\n\
             [services.forks]\ncommand = [\"python3\", {forks:?}]\nport = 8001\nprotocol = \"http\"\n"
        ),
    );
    let said = stage.up(&stage.one, &[]);
    assert!(said.contains("stubborn  ready") && said.contains("forks     ready"), "{said}");
    assert_eq!(stage.service_of(&stage.one, "forks")["state"], "left");
    let document = stage.down(&stage.one);
    let of =
        |name: &str| document["services"].as_array().unwrap().iter().find(|service| service["name"] == name).cloned().unwrap();
    assert_eq!((&of("stubborn")["killed"], &of("forks")["killed"]), (&true.into(), &false.into()), "{document:#}");
    let ports = ["8000", "8001"].map(|asked| stage.port(&stage.one, asked));
    for port in ports {
        assert_eq!(stage.heard(&format!("127.0.0.1 {port}")), "ConnectionRefusedError");
    }
}

#[test]
fn what_stop_ends_is_not_started_again() {
    let Some(stage) = Stage::new() else { return };
    stage.declare(
        &stage.one,
        "[services.web]\ncommand = [\"python3\", \"-m\", \"http.server\", \"8000\"]\nport = 8000\nrestart = \"always\"\n",
    );
    let _ = stage.up(&stage.one, &[]);
    let _ = stage.portward(&stage.one, &["stop", "web"]).expect(0);
    until("it to be down", || stage.service_of(&stage.one, "web").is_null().then_some(()));
    let port = stage.port(&stage.one, "8000");
    assert_eq!(stage.heard(&format!("127.0.0.1 {port}")), "ConnectionRefusedError");
}

#[test]
fn a_fall_is_told_with_its_last_lines_its_end_and_its_cause() {
    let Some(stage) = Stage::new() else { return };
    stage.declare(
        &stage.one,
        "[services.first]\ncommand = [\"python3\", \"-m\", \"http.server\", \"8000\"]\nport = 8000\n\
         [services.second]\ncommand = [\"python3\", \"-m\", \"http.server\", \"8000\"]\nport = 8000\nafter = [\"first\"]\n\
         [services.module]\ncommand = [\"python3\", \"-c\", \"import no_such_module\"]\nport = 8002\n\
         [services.shell]\ncommand = \"no-such-program\"\nport = 8003\n\
         [services.words]\ncommand = [\"no-such-program\"]\nport = 8004\n\
         [services.killed]\ncommand = \"kill -9 $$\"\nport = 8005\n\
         [services.client]\ncommand = \"echo 'Error: connect ECONNREFUSED 127.0.0.1:5432'; exit 1\"\nport = 8006\n",
    );
    let said = stage.typed(&stage.one, "y", &["up", "--detach", "--color", "never"]);
    let said = format!("{}{}", said.stdout, said.stderr).replace("\r\n", "\n");
    for words in [
        "| OSError: [Errno 98] Address already in use",
        "second: It runs already: http.server (pid ",
        "| ModuleNotFoundError: No module named 'no_such_module'",
        "module: Python does not find the module no_such_module.",
        "shell: The shell does not find the program no-such-program.",
        "failed: no-such-program could not be started: no program of this name is there",
        "it was ended by SIGKILL (9)",
        "killed: SIGKILL came from outside",
        "came to port 5432, where nothing listens.",
        "hint: pip install -r requirements.txt",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let _ = stage.down(&stage.one);
}
