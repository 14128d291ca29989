//! Wordings of Dart, Erlang and Elixir, Swift, R, Zig, Bun and other runtimes that have few of their own.

use super::rule::rules;

rules! {
    "dart" ["SocketException:", "OS Error:", "connection refused"] Refused Connect 111;
    "dart" ["SocketException: Failed to create server socket", "address already in use"] InUse Bind 98;
    "dart" ["SocketException: Failed to create server socket", "permission denied"] PermissionDenied Bind 13;
    "dart" ["SocketException: Failed host lookup:"] NameUnknown Resolve, after "lookup: ";
    "dart" ["HttpException: Connection closed before full header was received"] EmptyReply Read;
    "dart" ["HandshakeException:", "WRONG_VERSION_NUMBER"] TlsUnexpected Handshake;
    "dart" ["HandshakeException:", "CERTIFICATE_VERIFY_FAILED"] CertificateUntrusted Handshake;
    "elixir" ["DBConnection.ConnectionError", "non-existing domain"] NameUnknown Resolve, after "connect (";
    "elixir" ["DBConnection.ConnectionError", "tcp recv", "closed"] EmptyReply Read;
    "elixir" ["Mint.TransportError", "econnrefused"] Refused Connect 111;
    "elixir" ["(RuntimeError) could not start", "eaddrinuse"] InUse Listen 98;
    "erlang" ["[{reason,econnrefused}"] Refused Connect 111;
    "swift" ["bind(descriptor:ptr:bytes:): address already in use"] InUse Bind 98;
    "swift" ["NIOConnectionError(host:"] Refused Connect;
    "r" ["createTcpServer: address already in use"] InUse Listen 98;
    "r" ["Failed to create server"] InUse Listen, echo;
    "zig" ["error: AddressInUse"] InUse Bind 98;

    "haskell" ["Network.Socket.bind: resource busy (address already in use)"] InUse Bind 98;
    "haskell" ["Network.Socket.connect:", "does not exist (connection refused)"] Refused Connect 111;
    "scala" ["Bind failed for TCP channel on endpoint"] InUse Bind;
    "rust" ["Rocket failed to bind network socket to given address/port"] Other Bind, echo;
    "xdebug" ["Could not connect to debugging client. Tried:"] Refused Connect, after "Tried: ";
    "julia" ["cannot bind to port; may already be in use or access denied"] Other Bind;
}
