//! What a run says once of programs that it knows: one that has a server outside, one that looks for ports of the whole machine, one
//! that names its port to its clients.

use std::path::Path;

use portward_testkit::{Entry, Outcome, program, until};

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
