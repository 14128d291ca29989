//! `PostgreSQL`; its master starts a process for each session.

use super::{Kind, Program};

pub(super) const PROGRAMS: &[Program] = &[Program {
    speaks: "postgres",
    tcp: "listen_addresses = 'localhost' in postgresql.conf",
    files: &["postgresql.conf"],
    seen: &[("postgres -D /var/lib/postgresql/15/main", ""), ("postgres: checkpointer", "")],
    ..Program::named("postgres*", Kind::Master)
}];
