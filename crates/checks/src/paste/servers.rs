//! Wordings of web servers and proxies, and of what they answer for a server behind them.

use super::rule::rules;

rules! {
    "nginx" ["bind() to", "(98: address already in use)"] InUse Bind 98;
    "nginx" ["bind() to", "(48: address already in use)"] InUse Bind 98;
    "nginx" ["bind() to", "(13: permission denied)"] PermissionDenied Bind 13;
    "nginx" ["bind() to", "(99: cannot assign requested address)"] AddressNotAvailable Bind 99;
    "nginx" ["bind() to", "(10013:"] PermissionDenied Bind 13, says "windows-excluded-range";
    "nginx" ["bind() to", "(10048:"] InUse Bind 98;
    "nginx" ["[emerg]", "still could not bind()"] InUse Bind, echo;
    "nginx" ["connect() failed (111: connection refused) while connecting to upstream"] UpstreamFailed Connect 111,
        after "upstream: \"";
    "nginx" ["connect() to", "failed (111: connection refused) while connecting to upstream"] UpstreamFailed Connect 111;
    "nginx" ["connect() to", "failed (2: no such file or directory) while connecting to upstream"] NoSuchPath Connect 2;
    "nginx" ["connect() to", "failed (13: permission denied) while connecting to upstream"] PermissionDenied Connect 13;
    "nginx" ["connect() failed (113:", "while connecting to upstream"] Unreachable Connect 113, after "upstream: \"";
    "nginx" ["upstream timed out", "while connecting to upstream"] NoHandshake Connect 110, after "upstream: \"";
    "nginx" ["upstream timed out", "while reading response header from upstream"] NoAnswer Read 110, after "upstream: \"";
    "nginx" ["upstream prematurely closed connection"] EmptyReply Read, after "upstream: \"";
    "nginx" ["recv() failed (104: connection reset by peer) while reading response header from upstream"] Reset Read 104,
        after "upstream: \"";
    "nginx" ["upstream server temporarily disabled while connecting to upstream"] UpstreamFailed Connect, after "upstream: \"";
    "nginx" ["no live upstreams while connecting to upstream"] UpstreamFailed Connect;
    "nginx" ["host not found in upstream"] NameUnknown Resolve, after "upstream ";
    "nginx" ["SSL_do_handshake() failed", "wrong version number"] TlsUnexpected Handshake, after "upstream: \"";
    "nginx" ["worker_connections are not enough"] TooManyConnections Accept;
    "nginx" ["accept4() failed (24: too many open files)"] TooManyFiles Accept 24;
    "nginx" ["invalid PID number", "nginx.pid"] Other, says "stale-pidfile";
    "nginx" ["invalid port in", "of the \"listen\" directive"] PortOutOfRange, after "invalid port in ";
    "apache" ["AH00072", "address already in use"] InUse Bind 98, after "could not bind to address ";
    "apache" ["AH00072", "permission denied"] PermissionDenied Bind 13, after "could not bind to address ";
    "apache" ["AH00072", "assign requested address"] AddressNotAvailable Bind 99, after "could not bind to address ";
    "apache" ["no listening sockets available, shutting down"] InUse Listen, echo;
    "apache" ["AH00957", "connection refused"] UpstreamFailed Connect 111, after "attempt to connect to ";
    "apache" ["AH01114"] UpstreamFailed Connect, echo;
    "apache" ["AH02454", "connection refused"] UpstreamFailed Connect 111;
    "apache" ["AH01102", "error reading status line from remote server"] EmptyReply Read, after "remote server ";
    "apache" ["You're speaking plain HTTP to an SSL-enabled server port"] TlsExpected Request;
    "haproxy" ["Starting", "cannot bind socket"] InUse Bind;
    "haproxy" ["Starting", "cannot bind socket (address already in use)"] InUse Bind 98;
    "haproxy" ["Starting", "cannot bind socket (permission denied)"] PermissionDenied Bind 13;
    "haproxy" ["cannot bind socket (Address already in use) for"] InUse Bind 98, after "for [";
    "haproxy" ["cannot bind socket (Permission denied) for"] PermissionDenied Bind 13, after "for [";
    "haproxy" ["cannot bind socket (Cannot assign requested address) for"] AddressNotAvailable Bind 99, after "for [";
    "haproxy" ["is DOWN, reason: Layer4 connection problem"] UpstreamFailed Connect;
    "haproxy" ["is DOWN, reason: Layer4 timeout"] UpstreamFailed Connect;
    "haproxy" ["backend", "has no server available"] UpstreamFailed, echo;
    "caddy" ["loading new config", "address already in use"] InUse Listen 98;
    "caddy" ["starting caddy administration endpoint", "address already in use"] InUse Listen 98;
    "caddy" ["http.log.error", "connect: connection refused"] UpstreamFailed Connect 111;
    "traefik" ["'502 Bad Gateway' caused by", "connection refused"] UpstreamFailed Connect 111;
    "traefik" ["error opening listener", "address already in use"] InUse Listen 98;
    "traefik" ["error while starting metrics server", "address already in use"] InUse Listen 98;
    "envoy" ["upstream connect error or disconnect/reset before headers"] UpstreamFailed Connect;
    "envoy" ["cannot bind", "Address already in use", "envoy"] InUse Bind 98;
    "lighttpd" ["(server.c.", "Address already in use"] InUse Bind 98;
    "systemd" ["Failed to create listening socket", "address already in use"] InUse Listen 98;
    "systemd" ["Failed to listen on", "address already in use"] InUse Listen 98;
    "dnsmasq" ["failed to create listening socket for port"] InUse Bind, sure;
    "systemd" ["Failed to create listening socket ("] InUse Listen;
}
