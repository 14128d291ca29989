//! Wordings of Go and Rust and of the programs written in them that have no table of their own.

use super::{
    Call, Symptom,
    rule::{Rule, rule},
};

/// Rules of programs in Go and Rust.
pub(super) const RULES: &[Rule] = &[
    rule(&["connect: connection refused", "dial tcp"], Symptom::Refused).of("go").call(Call::Connect).errno(111),
    rule(&["connect: connection refused", "dial unix"], Symptom::Refused).of("go").call(Call::Connect).errno(111),
    rule(&["connect: no such file or directory", "dial unix"], Symptom::NoSuchPath).of("go").call(Call::Connect).errno(2),
    rule(&["connect: permission denied", "dial unix"], Symptom::PermissionDenied).of("go").call(Call::Connect).errno(13),
    rule(&["connect: permission denied", "dial tcp"], Symptom::PermissionDenied).of("go").call(Call::Connect).errno(13),
    rule(&["connect: operation not permitted", "dial tcp"], Symptom::NotPermitted).of("go").call(Call::Connect).errno(1),
    rule(&["connect: cannot assign requested address", "dial tcp"], Symptom::AddressNotAvailable)
        .of("go")
        .call(Call::Connect)
        .errno(99),
    rule(&["connect: no route to host", "dial tcp"], Symptom::Unreachable).of("go").call(Call::Connect).errno(113),
    rule(&["connect: network is unreachable", "dial tcp"], Symptom::Unreachable).of("go").call(Call::Connect).errno(101),
    rule(&["connect: connection timed out", "dial tcp"], Symptom::NoHandshake).of("go").call(Call::Connect).errno(110),
    rule(&["i/o timeout", "dial tcp"], Symptom::NoHandshake).of("go").call(Call::Connect),
    rule(&["i/o timeout", "read tcp"], Symptom::NoAnswer).of("go").call(Call::Read),
    rule(&["read: connection reset by peer", "read tcp"], Symptom::Reset).of("go").call(Call::Read).errno(104),
    rule(&["write: broken pipe", "write tcp"], Symptom::Reset).of("go").call(Call::Write).errno(32),
    rule(&["connectex: no connection could be made"], Symptom::Refused).of("go").call(Call::Connect).errno(111),
    rule(&["bind: address already in use", "listen tcp"], Symptom::InUse).of("go").call(Call::Listen).errno(98),
    rule(&["bind: address already in use", "listen unix"], Symptom::InUse).of("go").call(Call::Listen).errno(98),
    rule(&["bind: only one usage of each socket address", "listen tcp"], Symptom::InUse).of("go").call(Call::Listen).errno(98),
    rule(&["bind: permission denied", "listen tcp"], Symptom::PermissionDenied).of("go").call(Call::Listen).errno(13),
    rule(&["bind: cannot assign requested address", "listen tcp"], Symptom::AddressNotAvailable)
        .of("go")
        .call(Call::Listen)
        .errno(99),
    rule(&["bind: an attempt was made to access a socket", "listen tcp"], Symptom::PermissionDenied)
        .of("go")
        .call(Call::Listen)
        .errno(13)
        .says("windows-excluded-range"),
    rule(&["accept tcp", "too many open files"], Symptom::TooManyFiles).of("go").call(Call::Accept).errno(24),
    rule(&["accept4: too many open files"], Symptom::TooManyFiles).of("go").call(Call::Accept).errno(24),
    rule(&["socket: too many open files", "dial tcp"], Symptom::TooManyFiles).of("go").call(Call::Connect).errno(24),
    rule(&["no such host", "lookup "], Symptom::NameUnknown).of("go").call(Call::Resolve).after("lookup "),
    rule(&["server misbehaving", "lookup "], Symptom::NameUnknown).of("go").call(Call::Resolve).after("lookup "),
    rule(&["invalid port", "dial tcp"], Symptom::PortOutOfRange).after("address ").of("go").call(Call::Connect),
    rule(&["invalid port", "listen tcp"], Symptom::PortOutOfRange).after("address ").of("go").call(Call::Listen),
    rule(&["http: server gave HTTP response to HTTPS client"], Symptom::TlsUnexpected).of("go").call(Call::Request),
    rule(&["tls: first record does not look like a TLS handshake"], Symptom::TlsUnexpected).of("go").call(Call::Handshake),
    rule(&["client sent an HTTP request to an HTTPS server"], Symptom::TlsExpected).of("go").call(Call::Read),
    rule(&["x509: certificate signed by unknown authority"], Symptom::CertificateUntrusted).of("go").call(Call::Handshake),
    rule(&["x509: certificate is valid for"], Symptom::CertificateUntrusted).of("go").call(Call::Handshake),
    rule(&["x509: certificate has expired"], Symptom::CertificateUntrusted).of("go").call(Call::Handshake),
    rule(&["malformed HTTP response"], Symptom::WrongProtocol).of("go").call(Call::Read),
    rule(&["malformed HTTP response \"\\x15\\x03"], Symptom::TlsExpected).of("go").call(Call::Read),
    rule(&["malformed HTTP response \"\\x00\\x00"], Symptom::WrongProtocol).of("go").call(Call::Read).says("http2-only-server"),
    rule(&["unexpected HTTP response", "http2: frame too large"], Symptom::WrongProtocol).of("go").call(Call::Read),
    rule(&["context deadline exceeded (Client.Timeout exceeded while awaiting headers)"], Symptom::NoAnswer)
        .of("go")
        .call(Call::Read),
    rule(&["net/http: request canceled while waiting for connection"], Symptom::NoHandshake).of("go").call(Call::Connect),
    rule(&["net/http: TLS handshake timeout"], Symptom::NoAnswer).of("go").call(Call::Handshake),
    rule(&["proxyconnect tcp:"], Symptom::ProxyFailed).sure().of("go").call(Call::Connect),
    rule(&["http: proxy error:", "connection refused"], Symptom::UpstreamFailed).of("go").call(Call::Connect).errno(111),
    rule(&["failed to connect to all addresses"], Symptom::Refused).of("grpc").call(Call::Connect),
    rule(&["code = Unavailable", "connection refused"], Symptom::Refused).of("grpc").call(Call::Connect).errno(111),
    rule(&["14 UNAVAILABLE: No connection established"], Symptom::Refused).of("grpc").call(Call::Connect),
    rule(&["code = Unavailable", "error reading server preface"], Symptom::WrongProtocol).of("grpc").call(Call::Handshake),
    rule(&["Trying to connect an http1.x server"], Symptom::WrongProtocol).of("grpc").call(Call::Handshake),
    rule(&["Received HTTP/0.9 when not allowed"], Symptom::WrongProtocol).call(Call::Read).says("http2-only-server"),
    rule(&["connection refused (os error 111)"], Symptom::Refused).of("rust").call(Call::Connect).errno(111),
    rule(&["connection refused (os error 61)"], Symptom::Refused).of("rust").call(Call::Connect).errno(111),
    rule(&["code: 111, kind: ConnectionRefused"], Symptom::Refused).of("rust").call(Call::Connect).errno(111),
    rule(&["code: 61, kind: ConnectionRefused"], Symptom::Refused).of("rust").call(Call::Connect).errno(111),
    rule(&["address already in use (os error 98)"], Symptom::InUse).of("rust").call(Call::Bind).errno(98),
    rule(&["address already in use (os error 48)"], Symptom::InUse).of("rust").call(Call::Bind).errno(98),
    rule(&["kind: AddrInUse"], Symptom::InUse).of("rust").call(Call::Bind).errno(98),
    rule(&["cannot assign requested address (os error 99)"], Symptom::AddressNotAvailable).of("rust").errno(99),
    rule(&["kind: AddrNotAvailable"], Symptom::AddressNotAvailable).of("rust").errno(99),
    rule(&["permission denied (os error 13)", "bind"], Symptom::PermissionDenied).of("rust").call(Call::Bind).errno(13),
    rule(&["kind: PermissionDenied", "code: 13"], Symptom::PermissionDenied).of("rust").errno(13).echo(),
    rule(&["connection reset by peer (os error 104)"], Symptom::Reset).of("rust").call(Call::Read).errno(104),
    rule(&["too many open files (os error 24)"], Symptom::TooManyFiles).of("rust").errno(24),
    rule(&["failed to lookup address information"], Symptom::NameUnknown).of("rust").call(Call::Resolve),
    rule(&["received corrupt message of type InvalidContentType"], Symptom::TlsUnexpected).of("rust").call(Call::Handshake),
    rule(&["connection closed before message completed"], Symptom::EmptyReply).of("rust").call(Call::Read),
    rule(&["invalid HTTP version parsed"], Symptom::WrongProtocol).of("rust").call(Call::Read),
    rule(&["address 0.0.0.0:", "unable to bind"], Symptom::InUse).of("rust").call(Call::Bind),
];
