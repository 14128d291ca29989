//! `MySQL` and `MariaDB`.

use super::{Kind, Program};

pub(super) const PROGRAMS: &[Program] = &[Program {
    speaks: "mysql",
    tcp: "remove skip-networking from the server's my.cnf",
    files: &["my.cnf"],
    seen: &[("mysqld", ""), ("mariadbd", "")],
    ..Program::named("mysqld* mariadbd*", Kind::Server)
}];
