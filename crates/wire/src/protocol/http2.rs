//! HTTP/2 without TLS: the first frame of a server is SETTINGS, on stream 0 (RFC 9113 section 3.4).

use super::{Protocol, Words, usual};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "HTTP/2",
    aliases: &["grpc"],
    schemes: &[usual(80, "h2c"), usual(50051, "grpc"), usual(443, "grpcs").with_tls()],
    ports: &[usual(50051, "gRPC")],
    client: "curl --http2-prior-knowledge http://HOST:PORT/",
    recognise: |answer| matches!(answer, [0, 0, _, 4, 0 | 1, 0, 0, 0, 0, ..]).then_some(Words::Any),
    samples: &[b"\x00\x00\x12\x04\x00\x00\x00\x00\x00"],
    ..Protocol::named("http2")
};
