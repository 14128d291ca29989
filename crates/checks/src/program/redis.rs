//! Redis and what speaks like it.

use super::{Kind, Program};

pub(super) const PROGRAMS: &[Program] = &[Program {
    speaks: "redis",
    tcp: "port 6379 in redis.conf",
    files: &["redis.conf"],
    seen: &[("redis-server *:6379", ""), ("valkey-server", ""), ("keydb-server", "")],
    ..Program::named("redis* valkey* keydb*", Kind::Server)
}];
