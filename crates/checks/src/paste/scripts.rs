//! Wordings of Ruby, PHP, Perl, Elixir and their servers.

use super::rule::rules;

rules! {
    "ruby" ["Errno::ECONNREFUSED"] Refused Connect 111;
    "ruby" ["Failed to open TCP connection to"] Refused Connect, after "connection to ";
    "ruby" ["Failed to open TCP connection to", "connection refused"] Refused Connect 111, after "connection to ";
    "ruby" ["Failed to open TCP connection to", "getaddrinfo"] NameUnknown Resolve, after "connection to ";
    "ruby" ["Errno::EADDRINUSE"] InUse Bind 98;
    "ruby" ["address already in use - bind(2)"] InUse Bind 98;
    "ruby" ["Errno::EACCES", "bind(2)"] PermissionDenied Bind 13;
    "ruby" ["Errno::EADDRNOTAVAIL"] AddressNotAvailable 99;
    "ruby" ["Errno::ECONNRESET"] Reset Read 104;
    "ruby" ["Errno::EPIPE"] Reset Write 32;
    "ruby" ["Errno::EHOSTUNREACH"] Unreachable Connect 113;
    "ruby" ["Net::OpenTimeout"] NoHandshake Connect;
    "ruby" ["Net::ReadTimeout"] NoAnswer Read;
    "ruby" ["EOFError", "end of file reached"] EmptyReply Read;
    "ruby" ["OpenSSL::SSL::SSLError", "wrong version number"] TlsUnexpected Handshake;
    "rails" ["A server is already running"] InUse Listen, says "stale-pidfile";
    "puma" ["HTTP parse error, malformed request"] TlsUnexpected Read;
    "puma" ["Are you trying to open an SSL connection to a non-SSL Puma?"] TlsUnexpected Read;
    "ruby" ["PG::ConnectionBad", "connection refused"] Refused Connect 111;
    "ruby" ["Redis::CannotConnectError"] Refused Connect;
    "ruby" ["Mysql2::Error::ConnectionError", "(111)"] Refused Connect 111;
    "php" ["Failed to listen on", "(reason: address already in use)"] InUse Listen 98;
    "php" ["Failed to listen on", "(reason: permission denied)"] PermissionDenied Listen 13;
    "php" ["Failed to listen on", "(reason: ?)"] InUse Listen;
    "php" ["SQLSTATE[HY000] [2002] connection refused"] Refused Connect 111;
    "php" ["SQLSTATE[HY000] [2002] no such file or directory"] NoSuchPath Connect 2;
    "php" ["SQLSTATE[HY000] [2002]", "timed out"] NoHandshake Connect 110;
    "php" ["SQLSTATE[HY000] [2002] php_network_getaddresses"] NameUnknown Resolve, after "getaddrinfo for ";
    "php" ["SQLSTATE[HY000] [1045]"] AuthenticationFailed Handshake;
    "php" ["SQLSTATE[HY000] [1040]"] TooManyConnections Handshake;
    "php" ["SQLSTATE[08006] [7]", "connection refused"] Refused Connect 111;
    "php" ["unable to connect to", "(connection refused)"] Refused Connect 111;
    "php" ["unable to connect to", "(connection timed out)"] NoHandshake Connect 110;
    "php" ["unable to connect to", "(no such file or directory)"] NoSuchPath Connect 2;
    "php" ["failed to open stream: connection refused"] Refused Connect 111;
    "php" ["php_network_getaddresses: getaddrinfo"] NameUnknown Resolve, after "getaddrinfo for ";
    "php" ["RedisException: Connection refused"] Refused Connect 111;
    "php-fpm" ["unable to bind listening socket for address", "address already in use"] InUse Bind 98;
    "elixir" ["(Mint.TransportError) connection refused"] Refused Connect 111;
    "elixir" ["{:error, :econnrefused}"] Refused Connect 111;
    "elixir" [":eaddrinuse"] InUse Listen 98;
    "perl" ["Can't connect to", "LWP::Protocol"] Refused Connect;
    "perl" ["IO::Socket", "connection refused"] Refused Connect 111;
}
