//! Wordings that many programs share: those of the C library, of Windows, of macOS, and error names; and the signs by
//! which a program is known beside them.

use super::rule::{Mark, rules};

rules! {
    ["connection refused"] Refused Connect 111;
    ["ECONNREFUSED"] Refused Connect 111;
    ["ConnectionRefused"] Refused Connect 111;
    ["refused to connect"] Refused Connect;
    ["actively refused it"] Refused Connect 111;
    "python" ["[WinError 10061]"] Refused Connect 111;
    "rust" ["os error 10061"] Refused Connect 111;
    ["WSAECONNREFUSED"] Refused Connect 111;
    ["error 10061"] Refused Connect 111;
    ["address already in use"] InUse Bind 98;
    ["address in use"] InUse Bind 98;
    ["EADDRINUSE"] InUse Bind 98;
    ["AddrInUse"] InUse Bind 98;
    ["port", "is already in use"] InUse Bind;
    ["port", "already in use"] InUse Bind;
    ["port", "is in use"] InUse Bind;
    ["port", "is occupied"] InUse Bind;
    ["port", "is not available"] InUse Bind;
    ["is in use, trying another"] InUse Bind, noise;
    "next" ["is in use", "using available port"] InUse Bind, noise;
    ["only one usage of each socket address"] InUse Bind 98;
    "python" ["[WinError 10048]"] InUse Bind 98;
    "rust" ["os error 10048"] InUse Bind 98;
    ["error 10048"] InUse Bind 98;
    ["WSAEADDRINUSE"] InUse Bind 98;
    ["forbidden by its access permissions"] PermissionDenied Bind 13, says "windows-excluded-range";
    "python" ["[WinError 10013]"] PermissionDenied Bind 13, says "windows-excluded-range";
    "rust" ["os error 10013"] PermissionDenied Bind 13, says "windows-excluded-range";
    ["error 10013"] PermissionDenied Bind 13, says "windows-excluded-range";
    ["requested address is not valid in its context"] AddressNotAvailable 99;
    "python" ["[WinError 10049]"] AddressNotAvailable 99;
    ["did not properly respond after a period of time"] NoHandshake Connect 110;
    "python" ["[WinError 10060]"] NoHandshake Connect 110;
    "rust" ["os error 10060"] NoHandshake Connect 110;
    ["forcibly closed by the remote host"] Reset Read 104;
    "python" ["[WinError 10054]"] Reset Read 104;
    ["aborted by the software in your host machine"] Reset Read 103;
    ["lacked sufficient buffer space or because a queue was full"] NoBuffer Connect 105;
    "python" ["[WinError 10055]"] NoBuffer Connect 105;
    ["no buffer space available"] NoBuffer 105;
    ["ENOBUFS"] NoBuffer 105;
    ["socket operation was attempted to an unreachable"] Unreachable Connect 101;
    ["cannot assign requested address"] AddressNotAvailable 99;
    ["can't assign requested address"] AddressNotAvailable 99;
    ["address family not supported by protocol"] AddressNotAvailable 97;
    ["EAFNOSUPPORT"] AddressNotAvailable 97;
    ["EADDRNOTAVAIL"] AddressNotAvailable 99;
    ["AddrNotAvailable"] AddressNotAvailable 99;
    ["connection timed out"] NoHandshake Connect 110;
    ["operation timed out"] NoHandshake Connect 110;
    ["ETIMEDOUT"] NoHandshake Connect 110;
    ["connection reset by peer"] Reset Read 104;
    ["ECONNRESET"] Reset Read 104;
    ["ConnectionReset"] Reset Read 104;
    ["software caused connection abort"] Reset Read 103;
    ["broken pipe"] Reset Write 32;
    ["EPIPE"] Reset Write 32;
    ["network is unreachable"] Unreachable Connect 101;
    ["ENETUNREACH"] Unreachable Connect 101;
    ["no route to host"] Unreachable Connect 113;
    ["EHOSTUNREACH"] Unreachable Connect 113;
    ["host is down"] Unreachable Connect 112;
    ["too many open files"] TooManyFiles 24;
    ["EMFILE"] TooManyFiles 24;
    ["bind", "permission denied"] PermissionDenied Bind 13;
    ["listen", "permission denied"] PermissionDenied Listen 13;
    ["connect", "permission denied"] PermissionDenied Connect 13;
    ["bind", "EACCES"] PermissionDenied Bind 13;
    ["connect", "operation not permitted"] NotPermitted Connect 1;
    ["bind", "operation not permitted"] NotPermitted Bind 1;
    ["connect EPERM"] NotPermitted Connect 1;
    ["name or service not known"] NameUnknown Resolve;
    ["temporary failure in name resolution"] NameUnknown Resolve;
    ["nodename nor servname provided"] NameUnknown Resolve;
    ["no address associated with hostname"] NameUnknown Resolve;
    ["no such host is known"] NameUnknown Resolve;
    ["could not resolve host"] NameUnknown Resolve, after "host: ";
    ["wrong version number", "SSL"] TlsUnexpected Handshake;
    ["packet length too long", "SSL"] TlsUnexpected Handshake;
    ["http request", "SSL routines"] TlsExpected Handshake;
    ["certificate verify failed"] CertificateUntrusted Handshake;
    ["self-signed certificate"] CertificateUntrusted Handshake;
    ["self signed certificate"] CertificateUntrusted Handshake;
    ["plain HTTP request was sent to HTTPS port"] TlsExpected Request;
    ["502 bad gateway"] UpstreamFailed Request, echo;
    ["504 gateway time"] UpstreamFailed Request, echo;
    ["503 service unavailable"] HttpStatus Request, echo;
    ["500 internal server error"] HttpStatus Request, echo;
    ["HTTP/1.1 404"] HttpStatus Request, echo;
    ["HTTP/1.1 403"] HttpStatus Request, echo;
    ["HTTP/1.1 401"] AuthenticationFailed Request, echo;
    ["401 unauthorized"] AuthenticationFailed Request, echo;
    ["426 upgrade required"] HttpStatus Request, says "websocket-upgrade-missing";
    ["Server: AirTunes"] HttpStatus Request, says "system-service-holds";
    "vite" ["blocked request. this host", "is not allowed"] HostBlocked Request, after "this host (";
    "webpack" ["invalid host header"] HostBlocked Request;
    "webpack" ["invalid host/origin header"] HostBlocked Request;
    "django" ["invalid HTTP_HOST header"] HostBlocked Request, after "header: ";
    "django" ["DisallowedHost"] HostBlocked Request, echo;
    "rails" ["blocked host:"] HostBlocked Request, after "host: ";
    "rails" ["blocked hosts:"] HostBlocked Request, after "hosts: ";
    "jupyter" ["blocking request with non-local 'Host'"] HostBlocked Request, after "'Host' ";
    "jupyter" ["blocking Cross Origin"] CrossOrigin Request;
    ["another", "is already running"] InUse Listen, says "double-start";
    ["server already running"] InUse Listen, says "double-start";
    ["another instance", "already running"] InUse Listen, says "double-start";
    ["connect", "no such file or directory"] NoSuchPath Connect 2;
    ["nxdomain"] NameUnknown Resolve;
    ["could not bind"] Other Bind;
    ["couldn't bind"] Other Bind;
    ["cannot bind"] Other Bind;
    ["can't bind"] Other Bind;
    ["unable to bind"] Other Bind;
    ["failed to bind"] Other Bind;
    ["bind failed"] Other Bind;
    ["could not listen"] Other Listen;
    ["cannot listen"] Other Listen;
    ["unable to listen"] Other Listen;
    ["failed to listen"] Other Listen;
}

/// Signs of programs, the longer the surer.
pub(super) const MARKS: &[Mark] = &[
    Mark("node:internal", "node"),
    Mark("node:events", "node"),
    Mark("node:net", "node"),
    Mark("TCPConnectWrap", "node"),
    Mark("Node.js v", "node"),
    Mark("AggregateError", "node"),
    Mark("Traceback (most recent call last)", "python"),
    Mark("site-packages", "python"),
    Mark(".py\", line ", "python"),
    Mark("[Errno ", "python"),
    Mark("java.net.", "java"),
    Mark("at java.base/", "java"),
    Mark("io.netty.", "java"),
    Mark("Exception in thread \"", "java"),
    Mark("org.springframework.", "spring"),
    Mark("goroutine ", "go"),
    Mark("dial tcp", "go"),
    Mark("listen tcp", "go"),
    Mark("(os error ", "rust"),
    Mark("panicked at", "rust"),
    Mark("Os { code:", "rust"),
    Mark("npm ERR!", "npm"),
    Mark("npm error", "npm"),
    Mark("yarn error", "yarn"),
    Mark("ERR_PNPM_", "pnpm"),
    Mark("socat[", "socat"),
    Mark("nc: ", "nc"),
    Mark("Ncat: ", "nc"),
    Mark("(UNKNOWN) [", "nc"),
    Mark("telnet: ", "telnet"),
    Mark("ssh: ", "ssh"),
    Mark("bash: ", "bash"),
    Mark("curl: ", "curl"),
    Mark("ApacheBench", "ab"),
    Mark("apr_socket_", "ab"),
    Mark("apr_pollset_poll", "ab"),
    Mark("autocannon", "autocannon"),
    Mark("siege", "siege"),
    Mark("vegeta", "vegeta"),
    Mark("org.apache.jmeter", "jmeter"),
    Mark("locust", "locust"),
    Mark("Non HTTP response", "jmeter"),
    Mark("wget: ", "wget"),
    Mark("fatal: unable to access", "git"),
    Mark("psql: ", "psql"),
    Mark("PG::", "ruby"),
    Mark("Errno::E", "ruby"),
    Mark("PHP Fatal", "php"),
    Mark("PHP Warning", "php"),
    Mark("SQLSTATE[", "php"),
    Mark("System.Net.", "dotnet"),
    Mark("uvicorn", "uvicorn"),
    Mark("gunicorn", "gunicorn"),
    Mark("[vite]", "vite"),
    Mark("/vite/", "vite"),
    Mark("vite.config", "vite"),
    Mark("webpack", "webpack"),
    Mark("[emerg]", "nginx"),
    Mark("kubectl", "kubectl"),
    Mark("docker", "docker"),
    Mark("electron/", "electron"),
    Mark("Caddyfile", "caddy"),
    Mark("redis", "redis"),
    Mark("kafka", "kafka"),
    Mark("mosquitto", "mosquitto"),
    Mark("jekyll", "jekyll"),
    Mark("etcdserver", "etcd"),
    Mark("nats-server", "nats"),
    Mark("chromedriver", "chromedriver"),
    Mark("amqp", "rabbitmq"),
    Mark("rabbitmq", "rabbitmq"),
    Mark("elasticsearch", "elasticsearch"),
    Mark("mongo", "mongodb"),
    Mark("postgres", "postgresql"),
    Mark("mysql", "mysql"),
    Mark("mariadb", "mariadb"),
    Mark("grpc", "grpc"),
    Mark(".pl line ", "perl"),
];
