//! Wordings of the command line: ssh, git, netcat and its kin, shells, strace, and tunnels through ssh.

use super::{
    Call, Symptom,
    rule::{Rule, rule},
};

/// Rules of tools of the command line.
pub(super) const RULES: &[Rule] = &[
    rule(&["ssh: connect to host", "connection refused"], Symptom::Refused)
        .of("ssh")
        .call(Call::Connect)
        .errno(111)
        .after("to host "),
    rule(&["ssh: connect to host", "connection timed out"], Symptom::NoHandshake)
        .of("ssh")
        .call(Call::Connect)
        .errno(110)
        .after("to host "),
    rule(&["ssh: connect to host", "operation timed out"], Symptom::NoHandshake)
        .of("ssh")
        .call(Call::Connect)
        .errno(110)
        .after("to host "),
    rule(&["ssh: connect to host", "no route to host"], Symptom::Unreachable)
        .of("ssh")
        .call(Call::Connect)
        .errno(113)
        .after("to host "),
    rule(&["ssh: connect to host", "network is unreachable"], Symptom::Unreachable)
        .of("ssh")
        .call(Call::Connect)
        .errno(101)
        .after("to host "),
    rule(&["ssh: Could not resolve hostname"], Symptom::NameUnknown).of("ssh").call(Call::Resolve).after("hostname "),
    rule(&["kex_exchange_identification: Connection closed by remote host"], Symptom::EmptyReply).of("ssh").call(Call::Handshake),
    rule(&["kex_exchange_identification: read: Connection reset by peer"], Symptom::Reset)
        .of("ssh")
        .call(Call::Handshake)
        .errno(104),
    rule(&["kex_exchange_identification: banner line contains invalid characters"], Symptom::WrongProtocol)
        .of("ssh")
        .call(Call::Handshake),
    rule(&["Connection closed by", "port"], Symptom::EmptyReply).of("ssh").call(Call::Handshake).echo(),
    rule(&["bind [", "address already in use"], Symptom::InUse).of("ssh").call(Call::Bind).errno(98),
    rule(&["bind [", "assign requested address"], Symptom::AddressNotAvailable).of("ssh").call(Call::Bind).errno(99),
    rule(&["bind [", "permission denied"], Symptom::PermissionDenied).of("ssh").call(Call::Bind).errno(13),
    rule(&["channel_setup_fwd_listener_tcpip: cannot listen to port"], Symptom::InUse).of("ssh").call(Call::Listen).echo(),
    rule(&["Could not request local forwarding"], Symptom::InUse).of("ssh").call(Call::Listen).echo(),
    rule(&["remote port forwarding failed for listen port"], Symptom::InUse).of("ssh").call(Call::Listen).says("tunnel-down"),
    rule(&["open failed: connect failed: connection refused"], Symptom::UpstreamFailed).of("ssh").call(Call::Connect).errno(111),
    rule(&["open failed: administratively prohibited"], Symptom::NotPermitted).of("ssh").call(Call::Connect).says("tunnel-down"),
    rule(&["connect_to", "failed."], Symptom::UpstreamFailed).of("ssh").call(Call::Connect).after("connect_to "),
    rule(&["client_loop: send disconnect"], Symptom::Reset).of("ssh").call(Call::Write).says("tunnel-down"),
    rule(&["Timeout, server", "not responding"], Symptom::NoAnswer).of("ssh").call(Call::Read).says("tunnel-down"),
    rule(&["error: Bind to port", "failed: address already in use"], Symptom::InUse).of("sshd").call(Call::Bind).errno(98),
    rule(&["Permission denied (publickey"], Symptom::AuthenticationFailed).of("ssh").call(Call::Handshake),
    rule(&["fatal: unable to access", "couldn't connect to server"], Symptom::Refused).of("git").call(Call::Connect),
    rule(&["fatal: unable to access", "connection refused"], Symptom::Refused).of("git").call(Call::Connect).errno(111),
    rule(&["fatal: unable to access", "could not resolve host"], Symptom::NameUnknown)
        .of("git")
        .call(Call::Resolve)
        .after("host: "),
    rule(&["fatal: unable to access", "could not resolve proxy"], Symptom::ProxyFailed)
        .of("git")
        .call(Call::Resolve)
        .after("proxy: "),
    rule(&["fatal: unable to access", "empty reply from server"], Symptom::EmptyReply).of("git").call(Call::Read),
    rule(&["fatal: unable to access", "unexpected TLS packet was received"], Symptom::TlsUnexpected)
        .of("git")
        .call(Call::Handshake),
    rule(&["fatal: unable to access", "wrong version number"], Symptom::TlsUnexpected).of("git").call(Call::Handshake),
    rule(&["fatal: unable to access", "certificate"], Symptom::CertificateUntrusted).of("git").call(Call::Handshake),
    rule(&["fatal: unable to access", "The requested URL returned error: 403"], Symptom::HttpStatus)
        .of("git")
        .call(Call::Request),
    rule(&["fatal: unable to connect to"], Symptom::Refused).of("git").call(Call::Connect).after("connect to "),
    rule(&["errno=Connection refused"], Symptom::Refused).of("git").call(Call::Connect).errno(111),
    rule(&["fatal: Authentication failed for"], Symptom::AuthenticationFailed).of("git").call(Call::Request),
    rule(&["nc: connect to", "connection refused"], Symptom::Refused).of("nc").call(Call::Connect).errno(111),
    rule(&["nc: connect to", "timed out"], Symptom::NoHandshake).of("nc").call(Call::Connect).errno(110),
    rule(&["(UNKNOWN) [", "connection refused"], Symptom::Refused).of("nc").call(Call::Connect).errno(111),
    rule(&["] ", "(?) : Connection refused"], Symptom::Refused).of("nc").call(Call::Connect).errno(111),
    rule(&["nc: address already in use"], Symptom::InUse).of("nc").call(Call::Bind).errno(98),
    rule(&["Can't grab", "with bind"], Symptom::InUse).of("nc").call(Call::Bind),
    rule(&["nc: unix connect failed"], Symptom::NoSuchPath).of("nc").call(Call::Connect),
    rule(&["nc: unix connect failed", "connection refused"], Symptom::Refused).of("nc").call(Call::Connect).errno(111),
    rule(&["Ncat: Connection refused."], Symptom::Refused).of("nc").call(Call::Connect).errno(111),
    rule(&["Ncat: bind to", "address already in use"], Symptom::InUse).of("nc").call(Call::Bind).errno(98),
    rule(&["Ncat: TIMEOUT."], Symptom::NoHandshake).of("nc").call(Call::Connect),
    rule(&["telnet: Unable to connect to remote host: connection refused"], Symptom::Refused)
        .of("telnet")
        .call(Call::Connect)
        .errno(111),
    rule(&["telnet: Unable to connect to remote host"], Symptom::Refused).of("telnet").call(Call::Connect),
    rule(&["Connection closed by foreign host."], Symptom::EmptyReply).of("telnet").call(Call::Read),
    rule(&["E connect(", "connection refused"], Symptom::Refused).of("socat").call(Call::Connect).errno(111),
    rule(&["E connect(", "no such file or directory"], Symptom::NoSuchPath).of("socat").call(Call::Connect).errno(2),
    rule(&["E connect(", "connection timed out"], Symptom::NoHandshake).of("socat").call(Call::Connect).errno(110),
    rule(&["E bind(", "address already in use"], Symptom::InUse).of("socat").call(Call::Bind).errno(98),
    rule(&["E bind(", "permission denied"], Symptom::PermissionDenied).of("socat").call(Call::Bind).errno(13),
    rule(&["E SSL_connect()"], Symptom::TlsUnexpected).of("socat").call(Call::Handshake),
    rule(&["/tcp closed"], Symptom::Refused).of("nmap").call(Call::Connect),
    rule(&["/tcp filtered"], Symptom::NoHandshake).of("nmap").call(Call::Connect),
    rule(&["bash: connect: connection refused"], Symptom::Refused).of("bash").call(Call::Connect).errno(111),
    rule(&["/dev/tcp/", "connection refused"], Symptom::Refused).of("bash").call(Call::Connect).errno(111),
    rule(&["zsh: connection refused"], Symptom::Refused).of("zsh").call(Call::Connect).errno(111),
    rule(&["http: error: ConnectionError"], Symptom::Refused).of("httpie").call(Call::Connect),
    rule(&["connect(", "= -1 ECONNREFUSED"], Symptom::Refused).of("strace").call(Call::Connect).errno(111),
    rule(&["connect(", "= -1 ENOENT"], Symptom::NoSuchPath).of("strace").call(Call::Connect).errno(2),
    rule(&["connect(", "= -1 EACCES"], Symptom::PermissionDenied).of("strace").call(Call::Connect).errno(13),
    rule(&["connect(", "= -1 EPERM"], Symptom::NotPermitted).of("strace").call(Call::Connect).errno(1),
    rule(&["connect(", "= -1 ETIMEDOUT"], Symptom::NoHandshake).of("strace").call(Call::Connect).errno(110),
    rule(&["connect(", "= -1 ENETUNREACH"], Symptom::Unreachable).of("strace").call(Call::Connect).errno(101),
    rule(&["connect(", "= -1 EADDRNOTAVAIL"], Symptom::AddressNotAvailable).of("strace").call(Call::Connect).errno(99),
    rule(&["bind(", "= -1 EADDRINUSE"], Symptom::InUse).of("strace").call(Call::Bind).errno(98),
    rule(&["bind(", "= -1 EACCES"], Symptom::PermissionDenied).of("strace").call(Call::Bind).errno(13),
    rule(&["bind(", "= -1 EPERM"], Symptom::NotPermitted).of("strace").call(Call::Bind).errno(1),
    rule(&["bind(", "= -1 EADDRNOTAVAIL"], Symptom::AddressNotAvailable).of("strace").call(Call::Bind).errno(99),
    rule(&["listen(", "= -1 EADDRINUSE"], Symptom::InUse).of("strace").call(Call::Listen).errno(98),
    rule(&["accept4(", "= -1 EMFILE"], Symptom::TooManyFiles).of("strace").call(Call::Accept).errno(24),
    rule(&["connect:errno=111"], Symptom::Refused).of("openssl").call(Call::Connect).errno(111),
    rule(&["no peer certificate available"], Symptom::TlsUnexpected).of("openssl").call(Call::Handshake).echo(),
    rule(&["WARNING: Retrying", "after connection broken by", "connection refused"], Symptom::Refused)
        .of("pip")
        .call(Call::Connect)
        .errno(111)
        .noise(),
    rule(&["spurious network error", "Couldn't connect to server"], Symptom::Refused).of("cargo").call(Call::Connect).noise(),
    rule(&["E: Failed to fetch", "Could not connect to"], Symptom::Refused)
        .sure()
        .of("apt")
        .call(Call::Connect)
        .after("connect to "),
    rule(&["Could not connect to localhost:", "connection refused"], Symptom::Refused).of("apt").call(Call::Connect).errno(111),
];
