//! What keeps other programs running: process managers, and watchers that start a program again when a file changes.

use super::{Kind, Program};

pub(super) const PROGRAMS: &[Program] = &[
    // Its mode `cluster` is Node's.
    Program { compares: true, ..own("pm2*", "pm2 stop NAME") },
    own("supervisord", "supervisorctl stop NAME"),
    own("circusd", "circusctl stop NAME"),
    own("forever*", "forever stop NAME"),
    own("runsv", "sv down NAME"),
    own("s6-supervise", "s6-svc -d NAME"),
    own("supervise", "svc -d NAME"),
    own("monit", "monit stop NAME"),
    own("dinit", "dinitctl stop NAME"),
    own("god", "god stop NAME"),
    own("overmind", "overmind stop NAME"),
    own("process-compose", "process-compose process stop NAME"),
    end(
        "foreman forego goreman hivemind honcho nf concurrently nodemon ts-node-dev tsnd watchexec cargo-watch bacon air reflex \
     CompileDaemon modd wgo entr watchmedo watchfiles guard rerun einhorn start_server",
    ),
    end("systemfd"),
    Program::named("systemd systemd-socket-* init inetd xinetd launchd", Kind::Activator),
];

/// With a command of its own to stop a program, which a unit above it does not replace.
const fn own(names: &'static str, stop: &'static str) -> Program {
    Program::named(names, Kind::Keeper { stop: Some(stop) })
}

const fn end(names: &'static str) -> Program {
    Program::named(names, Kind::Keeper { stop: None })
}
