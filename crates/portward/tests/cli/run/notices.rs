//! What a run says once of programs that it knows: one that has a server outside, one that looks for ports of the whole machine, one
//! that names its port to its clients.

use std::path::Path;

use portward_testkit::{Entry, Outcome, Running, program, require_root, until};

use super::Stage;

/// A way into a project, with a place for tmux's sockets that is nobody else's.
fn inside<'s>(stage: &'s Stage, project: &Path) -> Entry<'s> {
    stage.inside(project).env("SHELL", "/bin/sh").env("TMUX_TMPDIR", stage.one.to_str().unwrap())
}

/// Runs a line of a shell in a project's session.
fn run(stage: &Stage, project: &Path, line: &str) -> Outcome {
    inside(stage, project).portward(&["run", "--", "sh", "-c", line])
}

#[test]
fn a_server_outside_that_is_asked_for_a_program_is_named() {
    let Some(stage) = Stage::new() else { return };
    if program("tmux").is_none() {
        return;
    }
    let tmux = |words: &[&str]| inside(&stage, &stage.one).run(&[&["tmux", "-L", "shop"], words].concat());
    let _ = tmux(&["new-session", "-d", "sleep 600"]).expect(0);
    until("its server", || (tmux(&["has-session"]).code == Some(0)).then_some(()));
    let twice = "tmux -L shop new-window -d 'sleep 600'; tmux -L shop new-window -d 'sleep 600'";
    let asked = run(&stage, &stage.one, twice).expect(0);
    let told: Vec<&str> = asked.stderr.lines().filter(|line| line.contains("asks tmux (pid ")).collect();
    assert_eq!(told.len(), 1, "once: {asked}");
    assert!(told[0].contains("runs outside this session"), "{asked}");
    assert!(asked.stderr.contains("tmux -L NAME"), "{asked}");
    // What only looks starts nothing, and a server of its own is the session's.
    let own = "tmux -L own new-session -d 'sleep 600'; tmux -L own new-window -d 'sleep 600'; tmux -L own kill-server";
    for line in ["tmux -L shop list-windows", own] {
        let quiet = run(&stage, &stage.two, line).expect(0);
        assert!(!quiet.stderr.contains("outside"), "{quiet}");
    }
}

/// Lines as they were before they were laid out for a narrow screen.
fn flowing(running: &Running) -> String {
    running.stderr().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A client of tmux under a name that nobody knows has a server outside start one of this project, and one of another.
#[track_caller]
#[expect(clippy::similar_names, reason = "each is what it is called")]
fn what_a_server_outside_started(stage: &Stage, privileged: bool) {
    let tmux = stage.world.path().join("tmp/mux");
    std::fs::copy(program("tmux").unwrap(), &tmux).unwrap();
    let (sockets, state) = (stage.one.join(format!("tmux-{privileged}")), stage.one.join(format!("state-{privileged}")));
    std::fs::create_dir(&sockets).unwrap();
    stage.world.give(&sockets);
    let user = |project: &Path| {
        let entry = inside(stage, project).env("TMUX_TMPDIR", sockets.to_str().unwrap());
        let entry = entry.env("XDG_STATE_HOME", state.to_str().unwrap());
        if privileged { entry } else { entry.stranger() }
    };
    let mux = |words: &[&str]| user(&stage.one).run(&[&["tmux", "-L", "shop"], words].concat());
    let _ = mux(&["new-session", "-d", "sleep 600"]).expect(0);
    until("its server", || (mux(&["has-session"]).code == Some(0)).then_some(()));
    let tmux = tmux.to_str().unwrap();
    let asked = |project: &Path, port: u16| {
        let server = format!("exec python3 {} outside tcp 127.0.0.1 {port}", stage.server);
        format!("{tmux} -L shop new-window -d -c {} '{server}'", project.display())
    };
    let listens = |port: u16| {
        let listed = |list: String| list.contains(&format!("127.0.0.1:{port}")).then_some(());
        until("a listener outside", || listed(stage.world.run(&["ss", "-Hltn"]).stdout));
    };
    let (first, other, plain) = if privileged { (4100, 4101, 4102) } else { (4110, 4111, 4112) };
    // What works in another project, and what was started by nobody who was asked, is not this session's concern.
    let line = format!("{}; read go; {}; sleep 600", asked(&stage.two, other), asked(&stage.one, first));
    let mut told = user(&stage.one).start_portward(&["run", "--", "sh", "-c", &line]);
    listens(other);
    let places = ["tcp", "127.0.0.1", &plain.to_string()];
    let _plain = user(&stage.one).start(&[&["python3", stage.server.as_str(), "plain"], &places[..]].concat());
    listens(plain);
    told.tell("go");
    let said = until("what was started outside", || {
        let said = flowing(&told);
        said.contains("outside this session").then_some(said)
    });
    assert!(said.contains(&format!("serves localhost:{first} outside this session: tmux")), "{said}");
    assert!(said.contains("was asked by ") && said.contains("tmux -L NAME"), "{said}");
    assert_eq!(said.matches("outside this session").count(), 1, "{said}");
    // One that ends at once waits for it, where its server is known.
    let line = asked(&stage.one, first + 3);
    let ended = user(&stage.one).portward(&["run", "--", "sh", "-c", &line]).expect(0);
    assert!(ended.stderr.contains("outside this session"), "{ended}");
    let _ = mux(&["kill-server"]);
}

#[test]
fn what_a_server_outside_started_in_the_project_is_said_whoever_asked_it() {
    let Some(stage) = Stage::new() else { return };
    if ["tmux", "ss"].iter().any(|name| program(name).is_none()) {
        return;
    }
    what_a_server_outside_started(&stage, true);
    // In a user's own world nobody else is there to be: strangers there may not look into each other.
    if require_root("to be somebody without privileges") {
        what_a_server_outside_started(&stage, false);
    }
}

#[test]
fn who_looks_for_a_port_of_the_whole_machine_is_told_what_to_use() {
    let Some(stage) = Stage::new() else { return };
    if ["lsof", "fuser", "ss"].iter().any(|name| program(name).is_none()) {
        return;
    }
    for line in ["lsof -ti:3000", "fuser 3000/tcp", "ss -Hltn 'sport = :3000'"] {
        let looked = run(&stage, &stage.one, &format!("{line}; true")).expect(0);
        assert!(looked.stderr.contains("looks for 3000 among the ports of the whole machine"), "{looked}");
        assert!(looked.stderr.contains("portward free 3000"), "{looked}");
    }
    let both = run(&stage, &stage.one, "lsof -ti:3000; lsof -ti:3000; fuser 3000/tcp; true").expect(0);
    assert_eq!(both.stderr.matches("the whole machine").count(), 1, "{both}");
    let files = run(&stage, &stage.one, "lsof -t /dev/null; true").expect(0);
    assert!(!files.stderr.contains("the whole machine"), "{files}");
}

#[test]
fn containers_that_publish_ports_are_told_of_whichever_program_starts_them() {
    let Some(stage) = Stage::new() else { return };
    let told = |words: &[&str]| {
        let asked = stage.portward(&stage.one, &[&["run", "--"], words].concat());
        let count = asked.stderr.matches("asks Docker, which runs outside this session").count();
        assert!(count == 0 || asked.stderr.contains("$(portward port 8080)"), "{asked}");
        count
    };
    // The one of pip and of Debian's is a script.
    let composes = stage.world.file("bin/docker-compose", "#!/usr/bin/env python3\n");
    let _ = stage.world.run(&["chmod", "755", composes.to_str().unwrap()]).expect(0);
    let composes = composes.to_str().unwrap();
    assert_eq!([told(&[composes, "-f", "a.yaml", "up"]), told(&[composes, "ps"])], [1, 0]);
    if let Some(docker) = program("docker") {
        let docker = docker.to_str().unwrap();
        let counts =
            [&["compose", "up"][..], &["run", "-p", "80:80", "web"], &["ps"]].map(|words| told(&[&[docker], words].concat()));
        assert_eq!(counts, [1, 1, 0]);
    }
    // Docker's own are written in Go, and begin without the C library.
    if std::env::consts::ARCH != "x86_64" || program("cc").is_none() {
        return;
    }
    let source = stage.world.file("docker.c", GO);
    let own = stage.one.join("docker").to_str().unwrap().to_owned();
    let made = ["cc", "-O1", "-static", "-nostdlib", "-fno-stack-protector", "-o", &own, source.to_str().unwrap()];
    let _ = stage.world.run(&made).expect(0);
    assert_eq!([told(&[&own, "compose", "up"]), told(&[&own, "compose", "ps"])], [1, 0]);
}

#[test]
fn a_server_that_names_its_port_to_its_clients_is_told_of() {
    let Some(stage) = Stage::new() else { return };
    // What is known of it is its name: a script that is called so is webpack's.
    let script = stage.world.file("webpack-dev-server", SERVER);
    let page = stage.inside(&stage.one).start_portward(&["run", "--", "python3", script.to_str().unwrap()]);
    let told = Stage::told(&page, "names 8080 to its clients");
    let port = stage.port(&stage.one, "8080");
    assert!(told.contains(&format!("serves at {port}")), "{told}");
    let _ = Stage::told(&page, "client.webSocketURL");
}

const SERVER: &str = "
import socket
server = socket.create_server(('127.0.0.1', 8080))
server.accept()
";

/// Asks for the limit of its open files, as the runtime of Go does, and ends.
const GO: &str = "
static long call(long number, long a, long b, long c, long d) {
    long done; register long r10 __asm__(\"r10\") = d;
    __asm__ volatile(\"syscall\" : \"=a\"(done) : \"a\"(number), \"D\"(a), \"S\"(b), \"d\"(c), \"r\"(r10) : \"rcx\", \"r11\", \"memory\");
    return done;
}
void _start(void) { long limit[2]; call(302, 0, 7, 0, (long)limit); call(231, 0, 0, 0, 0); }
";
