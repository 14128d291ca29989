//! Wordings of curl, by its exit numbers, of libcurl inside other programs, and of wget.

use super::rule::rules;

rules! {
    "curl" ["curl: (7)"] Refused Connect;
    "curl" ["curl: (7)", "connection refused"] Refused Connect 111;
    "curl" ["curl: (7)", "no route to host"] Unreachable Connect 113;
    "curl" ["curl: (7)", "network is unreachable"] Unreachable Connect 101;
    "curl" ["curl: (7)", "permission denied"] PermissionDenied Connect 13;
    ["couldn't connect to server"] Refused Connect;
    ["failed to connect to", "could not connect to server"] Refused Connect;
    "curl" ["* connect to", "failed: connection refused"] Refused Connect 111;
    "curl" ["curl: (6)"] NameUnknown Resolve, after "host: ";
    "curl" ["curl: (5)"] ProxyFailed Resolve, after "proxy: ";
    "curl" ["curl: (1)", "HTTP/0.9"] WrongProtocol Request;
    "curl" ["curl: (3)"] PortOutOfRange Request;
    "curl" ["curl: (8)"] WrongProtocol Request;
    "curl" ["curl: (16)"] WrongProtocol Request;
    "curl" ["curl: (22)"] HttpStatus Request;
    "curl" ["curl: (22)", "error: 401"] AuthenticationFailed Request;
    "curl" ["curl: (22)", "error: 502"] UpstreamFailed Request;
    "curl" ["curl: (28)"] NoAnswer Read;
    "curl" ["curl: (28)", "connection timed out after"] NoHandshake Connect;
    "curl" ["curl: (28)", "failed to connect to"] NoHandshake Connect;
    "curl" ["curl: (28)", "connection timeout"] NoHandshake Connect;
    "curl" ["curl: (28)", "resolving timed out"] NameUnknown Resolve;
    "curl" ["curl: (35)"] TlsUnexpected Handshake;
    "curl" ["curl: (35)", "SSL_ERROR_SYSCALL"] Reset Handshake;
    "curl" ["curl: (35)", "connection reset by peer"] Reset Handshake 104;
    "curl" ["curl: (47)"] HttpStatus Request;
    "curl" ["curl: (52)"] EmptyReply Read;
    "curl" ["curl: (55)"] Reset Write;
    "curl" ["curl: (56)"] Reset Read;
    "curl" ["curl: (56)", "from proxy after CONNECT"] ProxyFailed Connect;
    "curl" ["curl: (60)"] CertificateUntrusted Handshake;
    "curl" ["curl: (92)"] Reset Read;
    "curl" ["curl: (97)"] ProxyFailed Connect;
    ["empty reply from server"] EmptyReply Read;
    "wget" ["connecting to", "failed: connection refused."] Refused Connect 111;
    "wget" ["connecting to", "failed: connection timed out."] NoHandshake Connect 110;
    "wget" ["connecting to", "failed: no route to host."] Unreachable Connect 113;
    "wget" ["unable to resolve host address"] NameUnknown Resolve, after "address ";
    "wget" ["no data received."] EmptyReply Read;
    "wget" ["read error (connection timed out) in headers"] NoAnswer Read 110;
    "wget" ["read error (connection reset by peer) in headers"] Reset Read 104;
    "wget" ["The certificate's owner does not match hostname"] CertificateUntrusted Handshake;
    "wget" ["The certificate of", "is not trusted"] CertificateUntrusted Handshake;
    "wget" ["unable to establish SSL connection"] TlsUnexpected Handshake;
    ["unexpected TLS packet was received"] TlsUnexpected Handshake;
    "wget" ["cannot verify", "certificate, issued by"] CertificateUntrusted Handshake, after "verify ";
    "wget" ["ERROR 404:"] HttpStatus Request;
    "wget" ["ERROR 403:"] HttpStatus Request;
    "wget" ["ERROR 500:"] HttpStatus Request;
    "wget" ["ERROR 502:"] UpstreamFailed Request;
    "wget" ["can't connect to remote host", "connection refused"] Refused Connect 111;
    "wget" ["wget: bad address"] NameUnknown Resolve, after "address ";
}
