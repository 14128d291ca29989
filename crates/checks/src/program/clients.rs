//! Programs that take a port as the place to go to.

use super::{Kind, Program};

pub(super) const PROGRAMS: &[Program] = &[
    client("curl wget chrome firefox safari browser httpie powershell playwright").speaks("http"),
    Program { loads: true, ..client("wrk ab hey k6 vegeta siege autocannon bombardier jmeter locust h2load oha") }.speaks("http"),
    client("telnet http wait-for-it wait-for wait-on dockerize nmap tcpdump grep"),
    client("ssh").speaks("ssh"),
    client("psql").speaks("postgres"),
    client("mysql mariadb").speaks("mysql"),
    client("redis-cli").speaks("redis"),
    client("mongosh").speaks("mongodb"),
];

const fn client(names: &'static str) -> Program {
    Program::named(names, Kind::Client)
}
