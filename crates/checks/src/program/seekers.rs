//! Programs that look for whoever has a port, and clients of servers that start programs for them.

use super::{Kind, Program, inside};

pub(super) const PROGRAMS: &[Program] = &[
    client("ss netstat lsof fuser kill-port fkill fkill-cli").inside(inside::seeks),
    client("docker").inside(inside::docker),
    client("systemd-run").inside(inside::systemd_run),
    client("at batch").inside(inside::at),
];

const fn client(names: &'static str) -> Program {
    Program::named(names, Kind::Client)
}
