//! The engine API of Docker and Podman, which is HTTP.

use super::{Protocol, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "the Docker API",
    ports: &[usual(2375, "Docker API without TLS"), usual(2376, "Docker API over TLS").with_tls()],
    sockets: &["docker.sock", "podman.sock"],
    client: "docker -H tcp://HOST:PORT version",
    ..Protocol::named("docker")
};
