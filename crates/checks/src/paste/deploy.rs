//! Wordings of tunnels, clusters and forwarders: kubectl, kind, ssh's kin, ngrok, cloudflared, pasta and rootless engines.

use super::rule::rules;

rules! {
    "kubectl" ["an error occurred forwarding", "connection refused"] UpstreamFailed Connect 111, sure;
    "kubectl" ["an error occurred forwarding", "error forwarding port"] UpstreamFailed Connect;
    "kubectl" ["an error occurred forwarding", "broken pipe"] UpstreamFailed Write, says "tunnel-down";
    "kubectl" ["an error occurred forwarding", "network namespace", "is closed"] UpstreamFailed Connect,
        after "forwarding ", says "tunnel-down";
    "kubectl" ["error: unable to forward port because pod is not running"] Refused Connect, says "tunnel-down";
    "kubectl" ["unable to do port forwarding: socat not found"] Other Connect, says "tunnel-down";
    "kubectl" ["Unable to connect to the server: dial tcp", "connection refused"] Refused Connect 111;
    "kubectl" ["Unable to connect to the server: dial tcp", "i/o timeout"] NoHandshake Connect;
    "kubectl" ["Unable to connect to the server: net/http: TLS handshake timeout"] NoAnswer Handshake;
    "kubectl" ["couldn't get current server API group list", "server gave HTTP response to HTTPS client"] TlsUnexpected Request;
    "kubectl" ["couldn't get current server API group list", "i/o timeout"] NoHandshake Connect;
    "kubectl" ["Unable to connect to the server: EOF"] EmptyReply Read;
    "kind" ["failed to create cluster", "port is already allocated"] InUse Bind, says "docker-duplicate-publish", after "Bind for ";
    "kind" ["ERROR: failed to create cluster", "address already in use"] InUse Listen 98;
    "minikube" ["Exiting due to GUEST_PORT_IN_USE"] InUse Listen, echo;
    "k3d" ["Failed Cluster Start", "port is already allocated"] InUse Bind, says "docker-duplicate-publish", after "Bind for ";
    "podman" ["pasta failed with exit code 1", "Failed to bind port"] InUse Listen 98, after "bind port ";
    "podman" ["Failed to bind port", "(Address already in use)"] InUse Listen 98, after "bind port ";
    "podman" ["Failed to bind port", "(Permission denied)"] PermissionDenied Listen 13, after "bind port ";
    "podman" ["slirp4netns failed", "address already in use"] InUse Listen 98;
    "docker" ["error while calling RootlessKit PortManager.AddPort()", "address already in use"] InUse Listen 98, after "listen tcp4 ";
    "docker" ["error while calling PortManager.AddPort()", "cannot expose privileged port"] PermissionDenied Listen 13,
        says "privileged-port", after "privileged port ";
    "docker" ["Error response from daemon: Get \"https://", "proxyconnect tcp"] ProxyFailed Connect, sure;
    "autossh" ["ssh exited with error status 255; restarting ssh"] Other, says "tunnel-down", noise;
    "autossh" ["ssh exited prematurely with status 255; autossh exiting"] Other, says "tunnel-down";
    "ssh" ["Could not request local forwarding", "Error: "] InUse Listen, echo;
    "ssh" ["open failed: connect failed: Name or service not known"] UpstreamFailed Resolve, nowhere;
    "ssh" ["open failed: connect failed: Temporary failure in name resolution"] UpstreamFailed Resolve, nowhere;
    "ssh" ["open failed: connect failed: Connection timed out"] UpstreamFailed Connect 110, nowhere;
    "ssh" ["open failed: connect failed: No route to host"] UpstreamFailed Connect 113, nowhere;
    "ssh" ["open failed: connect failed: open failed"] UpstreamFailed Connect, nowhere;
    "ssh" ["open failed: unknown channel type"] NotPermitted Connect, says "tunnel-down", nowhere;
    "ssh" ["Channel open failure: Connection refused"] UpstreamFailed Connect 111, nowhere;
    "ssh" ["Opening `direct-tcpip` channel failed: Connection refused"] UpstreamFailed Connect 111, nowhere;
    "ssh" ["mux_client_forward: forwarding request failed: Port forwarding failed"] InUse Listen, echo;
    "cloudflared" ["unable to connect to the origin", "connection refused"] Refused Connect 111, sure, after "dial tcp ";
    "cloudflared" ["unable to connect to the origin", "i/o timeout"] NoAnswer Connect, sure, after "dial tcp ";
    "cloudflared" ["Unable to reach the origin service", "no such host"] NameUnknown Resolve, after "lookup ", sure;
    "cloudflared" ["Unable to reach the origin service", "connection refused"] UpstreamFailed Connect 111, sure, after "dial tcp ";
    "cloudflared" ["Unable to reach the origin service", "i/o timeout"] UpstreamFailed Connect, sure, after "dial tcp ";
    "cloudflared" ["Unable to reach the origin service", "actively refused it"] UpstreamFailed Connect 111, sure, after "dial tcp ";
    "cloudflared" ["Unable to reach the origin service", "x509:"] CertificateUntrusted Handshake, sure, after "originService=";
    "cloudflared" ["Unable to reach the origin service", "tls: first record does not look like a TLS handshake"] TlsUnexpected
        Handshake, sure, after "originService=";
    "ngrok" ["ERR_NGROK_8012", "connection refused"] UpstreamFailed Connect 111, after "dial tcp ", sure;
    "ngrok" ["failed to establish a connection to the upstream web service at"] UpstreamFailed Connect, after "web service at ";
    "ngrok" ["ERR_NGROK_108"] TooManyConnections, says "tunnel-down";
    "ngrok" ["ERR_NGROK_334"] InUse, says "tunnel-down", nowhere;
    "localtunnel" ["connection refused:", "(check your firewall settings)"] Refused Connect 111, after "refused: ";
    "elixir" ["Failed to start Ranch listener", "for reason :eaddrinuse (address already in use)"] InUse Listen 98;
    "elixir" ["Running", "cowboy", "reported", "eaddrinuse"] InUse Listen 98;
    "elixir" ["[error] Running", "at http failed, port", "already in use"] InUse Listen;
    "elixir" ["failed, port", "already in use"] InUse Listen;
    "elixir" ["(DBConnection.ConnectionError) tcp connect", "connection refused - :econnrefused"] Refused Connect 111, after "connect (";
    "elixir" ["[error] Postgrex.Protocol", "failed to connect:", "econnrefused"] Refused Connect 111, after "connect (";
    "elixir" ["[error] Postgrex.Protocol", "failed to connect:", "(invalid_catalog_name)"] AuthenticationFailed Handshake,
        says "role-or-database-missing", nowhere;
    "elixir" ["{:failed_connect", ":econnrefused"] Refused Connect 111;
    "erlang" ["{badmatch,{error,eaddrinuse}}", "connect"] AddressNotAvailable Connect, says "ephemeral-exhausted", nowhere;
    "erlang" ["{error,eaddrinuse}"] InUse Listen 98;
    "erlang" ["{error,econnrefused}"] Refused Connect 111;
    "erlang" ["connect error - eaddrnotavail"] AddressNotAvailable Connect 99, says "ephemeral-exhausted", nowhere;
    "erlang" ["Protocol 'inet_tcp': the name", "seems to be in use by another Erlang node"] InUse Listen, says "double-start", nowhere;
    "node" ["connect EADDRINUSE"] AddressNotAvailable Connect 98, says "ephemeral-exhausted";
    "siege" ["address is unavailable.: Cannot assign requested address"] AddressNotAvailable Connect 99,
        says "ephemeral-exhausted", nowhere;
    "ab" ["apr_socket_connect(): Connection refused (111)"] Refused Connect 111;
    "ab" ["apr_socket_connect(): Cannot assign requested address (99)"] AddressNotAvailable Connect 99,
        says "ephemeral-exhausted", nowhere;
    "wrk" ["unable to connect to", "connection refused"] Refused Connect 111, after "connect to ";
    "go" ["panic: listen tcp", "bind: address already in use"] InUse Listen 98, after "listen tcp ";
    "go" ["listen udp", "bind: address already in use"] InUse Listen 98, after "listen udp ";
    "go" ["udp", "bind: address already in use"] InUse Listen 98, after "udp ";
    "go" ["listen udp", "bind: permission denied"] PermissionDenied Listen 13, after "listen udp ";
    "go" ["listen udp", "bind: cannot assign requested address"] AddressNotAvailable Listen 99, after "listen udp ";
    "go" ["Get \"http", ": EOF"] EmptyReply Read;
    "go" ["Get http", ": EOF"] EmptyReply Read;
    "go" ["Post \"http", ": EOF"] EmptyReply Read;
    "go" ["Get \"http", ": unexpected EOF"] EmptyReply Read;
    "rust" ["thread 'main' panicked", "Address already in use (os error 98)"] InUse Bind 98;
    "rust" ["thread 'main' panicked", "Connection refused (os error 111)"] Refused Connect 111;
    "rust" ["error trying to connect: tcp connect error: Cannot assign requested address (os error 99)"] AddressNotAvailable Connect 99,
        says "ephemeral-exhausted";
    "laravel" ["Failed to listen on", "artisan"] InUse Listen;
    "laravel" ["Illuminate\\Database\\QueryException", "Connection refused"] Refused Connect 111, nowhere;
    "laravel" ["SQLSTATE[HY000] [1049] Unknown database"] AuthenticationFailed Handshake,
        says "role-or-database-missing", nowhere;
    "laravel" ["SQLSTATE[HY000] [1130] Host"] AuthenticationFailed Handshake, says "host-not-admitted", nowhere;
    "php" ["SQLSTATE[08006] [7]", "could not translate host name"] NameUnknown Resolve, after "host name ";
    "php" ["RedisException: LOADING"] Other Read, says "still-loading";
    "prisma" ["P1003", "does not exist"] AuthenticationFailed Handshake, says "role-or-database-missing";
    "prisma" ["P1000: Authentication failed against database server"] AuthenticationFailed Handshake;
    "prisma" ["P1002: The database server at", "was reached but timed out"] NoAnswer Handshake, after "server at ";
    "prisma" ["P1017: Server has closed the connection"] EmptyReply Read;
    "prisma" ["P1001: Can't reach database server at"] Refused Connect, after "server at ";
    "sequelize" ["SequelizeConnectionRefusedError"] Refused Connect 111;
    "sequelize" ["SequelizeHostNotFoundError"] NameUnknown Resolve, after "ENOTFOUND ";
    "knex" ["KnexTimeoutError: Knex: Timeout acquiring a connection"] NoHandshake Connect, echo;
    "dotnet" ["Npgsql.PostgresException", "3D000: database"] AuthenticationFailed Handshake, says "role-or-database-missing";
    "dotnet" ["Npgsql.PostgresException", "28000: no pg_hba.conf entry"] AuthenticationFailed Handshake,
        says "host-not-admitted", nowhere;
    "dotnet" ["Failed to bind to address", "Only one usage of each socket address"] InUse Bind 98;
    "java" ["PSQLException: FATAL: database \"", "\" does not exist"] AuthenticationFailed Handshake,
        says "role-or-database-missing";
    "java" ["PSQLException: FATAL: role \"", "\" does not exist"] AuthenticationFailed Handshake,
        says "role-or-database-missing";
    "java" ["PSQLException: FATAL: the database system is starting up"] Other Handshake, says "still-loading";
    "java" ["SQLSyntaxErrorException: Unknown database '"] AuthenticationFailed Handshake,
        says "role-or-database-missing";
    "java" ["SQLException: null,  message from server: \"Host '", "is not allowed to connect"] AuthenticationFailed Handshake,
        says "host-not-admitted", nowhere;
    "ruby" ["ActiveRecord::NoDatabaseError"] AuthenticationFailed Handshake, says "role-or-database-missing", nowhere;
    "ruby" ["We could not find your database:"] AuthenticationFailed Handshake, says "role-or-database-missing", nowhere;
    "ruby" ["ActiveRecord::ConnectionNotEstablished", "connection refused"] Refused Connect 111;
    "ruby" ["Faraday::ConnectionFailed", "connection refused"] Refused Connect 111;
    "ruby" ["Faraday::ConnectionFailed", "connection reset by peer"] Reset Read 104, echo;
    "ruby" ["Connection refused - connect(2) for"] Refused Connect 111, after "connect(2) for ";
}
