//! Wordings of web servers and proxies, and of what they answer for a server behind them.

use super::{
    Call, Symptom,
    rule::{Rule, rule},
};

/// Rules of web servers.
pub(super) const RULES: &[Rule] = &[
    rule(&["bind() to", "(98: address already in use)"], Symptom::InUse).of("nginx").call(Call::Bind).errno(98),
    rule(&["bind() to", "(48: address already in use)"], Symptom::InUse).of("nginx").call(Call::Bind).errno(98),
    rule(&["bind() to", "(13: permission denied)"], Symptom::PermissionDenied).of("nginx").call(Call::Bind).errno(13),
    rule(&["bind() to", "(99: cannot assign requested address)"], Symptom::AddressNotAvailable)
        .of("nginx")
        .call(Call::Bind)
        .errno(99),
    rule(&["bind() to", "(10013:"], Symptom::PermissionDenied)
        .of("nginx")
        .call(Call::Bind)
        .errno(13)
        .says("windows-excluded-range"),
    rule(&["bind() to", "(10048:"], Symptom::InUse).of("nginx").call(Call::Bind).errno(98),
    rule(&["[emerg]", "still could not bind()"], Symptom::InUse).of("nginx").call(Call::Bind).echo(),
    rule(&["connect() failed (111: connection refused) while connecting to upstream"], Symptom::UpstreamFailed)
        .of("nginx")
        .call(Call::Connect)
        .errno(111)
        .after("upstream: \""),
    rule(&["connect() to", "failed (111: connection refused) while connecting to upstream"], Symptom::UpstreamFailed)
        .of("nginx")
        .call(Call::Connect)
        .errno(111),
    rule(&["connect() to", "failed (2: no such file or directory) while connecting to upstream"], Symptom::NoSuchPath)
        .of("nginx")
        .call(Call::Connect)
        .errno(2),
    rule(&["connect() to", "failed (13: permission denied) while connecting to upstream"], Symptom::PermissionDenied)
        .of("nginx")
        .call(Call::Connect)
        .errno(13),
    rule(&["connect() failed (113:", "while connecting to upstream"], Symptom::Unreachable)
        .of("nginx")
        .call(Call::Connect)
        .errno(113)
        .after("upstream: \""),
    rule(&["upstream timed out", "while connecting to upstream"], Symptom::NoHandshake)
        .of("nginx")
        .call(Call::Connect)
        .errno(110)
        .after("upstream: \""),
    rule(&["upstream timed out", "while reading response header from upstream"], Symptom::NoAnswer)
        .of("nginx")
        .call(Call::Read)
        .errno(110)
        .after("upstream: \""),
    rule(&["upstream prematurely closed connection"], Symptom::EmptyReply).of("nginx").call(Call::Read).after("upstream: \""),
    rule(&["recv() failed (104: connection reset by peer) while reading response header from upstream"], Symptom::Reset)
        .of("nginx")
        .call(Call::Read)
        .errno(104)
        .after("upstream: \""),
    rule(&["no live upstreams while connecting to upstream"], Symptom::UpstreamFailed).of("nginx").call(Call::Connect),
    rule(&["host not found in upstream"], Symptom::NameUnknown).of("nginx").call(Call::Resolve).after("upstream "),
    rule(&["SSL_do_handshake() failed", "wrong version number"], Symptom::TlsUnexpected)
        .of("nginx")
        .call(Call::Handshake)
        .after("upstream: \""),
    rule(&["worker_connections are not enough"], Symptom::TooManyConnections).of("nginx").call(Call::Accept),
    rule(&["accept4() failed (24: too many open files)"], Symptom::TooManyFiles).of("nginx").call(Call::Accept).errno(24),
    rule(&["invalid PID number", "nginx.pid"], Symptom::Other).of("nginx").says("stale-pidfile"),
    rule(&["invalid port in", "of the \"listen\" directive"], Symptom::PortOutOfRange).after("invalid port in ").of("nginx"),
    rule(&["AH00072", "address already in use"], Symptom::InUse)
        .of("apache")
        .call(Call::Bind)
        .errno(98)
        .after("could not bind to address "),
    rule(&["AH00072", "permission denied"], Symptom::PermissionDenied)
        .of("apache")
        .call(Call::Bind)
        .errno(13)
        .after("could not bind to address "),
    rule(&["AH00072", "assign requested address"], Symptom::AddressNotAvailable)
        .of("apache")
        .call(Call::Bind)
        .errno(99)
        .after("could not bind to address "),
    rule(&["no listening sockets available, shutting down"], Symptom::InUse).of("apache").call(Call::Listen).echo(),
    rule(&["AH00957", "connection refused"], Symptom::UpstreamFailed)
        .of("apache")
        .call(Call::Connect)
        .errno(111)
        .after("attempt to connect to "),
    rule(&["AH01114"], Symptom::UpstreamFailed).of("apache").call(Call::Connect).echo(),
    rule(&["AH02454", "connection refused"], Symptom::UpstreamFailed).of("apache").call(Call::Connect).errno(111),
    rule(&["AH01102", "error reading status line from remote server"], Symptom::EmptyReply)
        .of("apache")
        .call(Call::Read)
        .after("remote server "),
    rule(&["You're speaking plain HTTP to an SSL-enabled server port"], Symptom::TlsExpected).of("apache").call(Call::Request),
    rule(&["Starting", "cannot bind socket"], Symptom::InUse).of("haproxy").call(Call::Bind),
    rule(&["Starting", "cannot bind socket (address already in use)"], Symptom::InUse).of("haproxy").call(Call::Bind).errno(98),
    rule(&["Starting", "cannot bind socket (permission denied)"], Symptom::PermissionDenied)
        .of("haproxy")
        .call(Call::Bind)
        .errno(13),
    rule(&["is DOWN, reason: Layer4 connection problem"], Symptom::UpstreamFailed).of("haproxy").call(Call::Connect),
    rule(&["is DOWN, reason: Layer4 timeout"], Symptom::UpstreamFailed).of("haproxy").call(Call::Connect),
    rule(&["backend", "has no server available"], Symptom::UpstreamFailed).of("haproxy").echo(),
    rule(&["loading new config", "address already in use"], Symptom::InUse).of("caddy").call(Call::Listen).errno(98),
    rule(&["starting caddy administration endpoint", "address already in use"], Symptom::InUse)
        .of("caddy")
        .call(Call::Listen)
        .errno(98),
    rule(&["http.log.error", "connect: connection refused"], Symptom::UpstreamFailed).of("caddy").call(Call::Connect).errno(111),
    rule(&["'502 Bad Gateway' caused by", "connection refused"], Symptom::UpstreamFailed)
        .of("traefik")
        .call(Call::Connect)
        .errno(111),
    rule(&["error opening listener", "address already in use"], Symptom::InUse).of("traefik").call(Call::Listen).errno(98),
    rule(&["error while starting metrics server", "address already in use"], Symptom::InUse)
        .of("traefik")
        .call(Call::Listen)
        .errno(98),
    rule(&["upstream connect error or disconnect/reset before headers"], Symptom::UpstreamFailed).of("envoy").call(Call::Connect),
    rule(&["cannot bind", "Address already in use", "envoy"], Symptom::InUse).of("envoy").call(Call::Bind).errno(98),
    rule(&["(server.c.", "Address already in use"], Symptom::InUse).of("lighttpd").call(Call::Bind).errno(98),
    rule(&["Failed to create listening socket", "address already in use"], Symptom::InUse)
        .of("systemd")
        .call(Call::Listen)
        .errno(98),
    rule(&["Failed to listen on", "address already in use"], Symptom::InUse).of("systemd").call(Call::Listen).errno(98),
    rule(&["failed to create listening socket for port"], Symptom::InUse).sure().of("dnsmasq").call(Call::Bind),
    rule(&["Failed to create listening socket ("], Symptom::InUse).of("systemd").call(Call::Listen),
];
