//! Wordings of Ruby, PHP, Perl, Elixir and their servers.

use super::{
    Call, Symptom,
    rule::{Rule, rule},
};

/// Rules of scripting languages.
pub(super) const RULES: &[Rule] = &[
    rule(&["Errno::ECONNREFUSED"], Symptom::Refused).of("ruby").call(Call::Connect).errno(111),
    rule(&["Failed to open TCP connection to"], Symptom::Refused).of("ruby").call(Call::Connect).after("connection to "),
    rule(&["Failed to open TCP connection to", "connection refused"], Symptom::Refused)
        .of("ruby")
        .call(Call::Connect)
        .errno(111)
        .after("connection to "),
    rule(&["Failed to open TCP connection to", "getaddrinfo"], Symptom::NameUnknown)
        .of("ruby")
        .call(Call::Resolve)
        .after("connection to "),
    rule(&["Errno::EADDRINUSE"], Symptom::InUse).of("ruby").call(Call::Bind).errno(98),
    rule(&["address already in use - bind(2)"], Symptom::InUse).of("ruby").call(Call::Bind).errno(98),
    rule(&["Errno::EACCES", "bind(2)"], Symptom::PermissionDenied).of("ruby").call(Call::Bind).errno(13),
    rule(&["Errno::EADDRNOTAVAIL"], Symptom::AddressNotAvailable).of("ruby").errno(99),
    rule(&["Errno::ECONNRESET"], Symptom::Reset).of("ruby").call(Call::Read).errno(104),
    rule(&["Errno::EPIPE"], Symptom::Reset).of("ruby").call(Call::Write).errno(32),
    rule(&["Errno::EHOSTUNREACH"], Symptom::Unreachable).of("ruby").call(Call::Connect).errno(113),
    rule(&["Net::OpenTimeout"], Symptom::NoHandshake).of("ruby").call(Call::Connect),
    rule(&["Net::ReadTimeout"], Symptom::NoAnswer).of("ruby").call(Call::Read),
    rule(&["EOFError", "end of file reached"], Symptom::EmptyReply).of("ruby").call(Call::Read),
    rule(&["OpenSSL::SSL::SSLError", "wrong version number"], Symptom::TlsUnexpected).of("ruby").call(Call::Handshake),
    rule(&["A server is already running"], Symptom::InUse).of("rails").call(Call::Listen).says("stale-pidfile"),
    rule(&["HTTP parse error, malformed request"], Symptom::TlsUnexpected).of("puma").call(Call::Read),
    rule(&["Are you trying to open an SSL connection to a non-SSL Puma?"], Symptom::TlsUnexpected).of("puma").call(Call::Read),
    rule(&["PG::ConnectionBad", "connection refused"], Symptom::Refused).of("ruby").call(Call::Connect).errno(111),
    rule(&["Redis::CannotConnectError"], Symptom::Refused).of("ruby").call(Call::Connect),
    rule(&["Mysql2::Error::ConnectionError", "(111)"], Symptom::Refused).of("ruby").call(Call::Connect).errno(111),
    rule(&["Failed to listen on", "(reason: address already in use)"], Symptom::InUse).of("php").call(Call::Listen).errno(98),
    rule(&["Failed to listen on", "(reason: permission denied)"], Symptom::PermissionDenied)
        .of("php")
        .call(Call::Listen)
        .errno(13),
    rule(&["Failed to listen on", "(reason: ?)"], Symptom::InUse).of("php").call(Call::Listen),
    rule(&["Failed to listen on"], Symptom::InUse).of("php").call(Call::Listen),
    rule(&["SQLSTATE[HY000] [2002] connection refused"], Symptom::Refused).of("php").call(Call::Connect).errno(111),
    rule(&["SQLSTATE[HY000] [2002] no such file or directory"], Symptom::NoSuchPath).of("php").call(Call::Connect).errno(2),
    rule(&["SQLSTATE[HY000] [2002]", "timed out"], Symptom::NoHandshake).of("php").call(Call::Connect).errno(110),
    rule(&["SQLSTATE[HY000] [2002] php_network_getaddresses"], Symptom::NameUnknown)
        .of("php")
        .call(Call::Resolve)
        .after("getaddrinfo for "),
    rule(&["SQLSTATE[HY000] [1045]"], Symptom::AuthenticationFailed).of("php").call(Call::Handshake),
    rule(&["SQLSTATE[HY000] [1040]"], Symptom::TooManyConnections).of("php").call(Call::Handshake),
    rule(&["SQLSTATE[08006] [7]", "connection refused"], Symptom::Refused).of("php").call(Call::Connect).errno(111),
    rule(&["unable to connect to", "(connection refused)"], Symptom::Refused).of("php").call(Call::Connect).errno(111),
    rule(&["unable to connect to", "(connection timed out)"], Symptom::NoHandshake).of("php").call(Call::Connect).errno(110),
    rule(&["unable to connect to", "(no such file or directory)"], Symptom::NoSuchPath).of("php").call(Call::Connect).errno(2),
    rule(&["failed to open stream: connection refused"], Symptom::Refused).of("php").call(Call::Connect).errno(111),
    rule(&["php_network_getaddresses: getaddrinfo"], Symptom::NameUnknown)
        .of("php")
        .call(Call::Resolve)
        .after("getaddrinfo for "),
    rule(&["RedisException: Connection refused"], Symptom::Refused).of("php").call(Call::Connect).errno(111),
    rule(&["unable to bind listening socket for address", "address already in use"], Symptom::InUse)
        .of("php-fpm")
        .call(Call::Bind)
        .errno(98),
    rule(&["(Mint.TransportError) connection refused"], Symptom::Refused).of("elixir").call(Call::Connect).errno(111),
    rule(&["{:error, :econnrefused}"], Symptom::Refused).of("elixir").call(Call::Connect).errno(111),
    rule(&[":eaddrinuse"], Symptom::InUse).of("elixir").call(Call::Listen).errno(98),
    rule(&["Can't connect to", "LWP::Protocol"], Symptom::Refused).of("perl").call(Call::Connect),
    rule(&["IO::Socket", "connection refused"], Symptom::Refused).of("perl").call(Call::Connect).errno(111),
];
