//! Wordings of Java, of its frameworks and build tools, and of its debugger protocol JDWP in all faces.

use super::{
    Call, Symptom,
    rule::{Rule, rule},
};

/// Rules of Java's programs.
pub(super) const RULES: &[Rule] = &[
    rule(&["java.net.ConnectException", "connection refused"], Symptom::Refused).of("java").call(Call::Connect).errno(111),
    rule(&["java.net.ConnectException"], Symptom::Refused).of("java").call(Call::Connect),
    rule(&["java.net.ConnectException", "timed out"], Symptom::NoHandshake).of("java").call(Call::Connect).errno(110),
    rule(&["java.net.ConnectException", "can't assign requested address"], Symptom::AddressNotAvailable)
        .of("java")
        .call(Call::Connect)
        .errno(99),
    rule(&["java.net.http.HttpConnectTimeoutException"], Symptom::NoHandshake).of("java").call(Call::Connect),
    rule(&["java.net.BindException", "address already in use"], Symptom::InUse).of("java").call(Call::Bind).errno(98),
    rule(&["java.net.BindException", "assign requested address"], Symptom::AddressNotAvailable)
        .of("java")
        .call(Call::Bind)
        .errno(99),
    rule(&["java.net.BindException", "permission denied"], Symptom::PermissionDenied).of("java").call(Call::Bind).errno(13),
    rule(&["java.net.SocketException: Permission denied"], Symptom::PermissionDenied).of("java").errno(13),
    rule(&["java.net.SocketException: Connection reset"], Symptom::Reset).of("java").call(Call::Read).errno(104),
    rule(&["java.net.SocketException: Broken pipe"], Symptom::Reset).of("java").call(Call::Write).errno(32),
    rule(&["java.net.SocketException: Unexpected end of file from server"], Symptom::EmptyReply).of("java").call(Call::Read),
    rule(&["java.net.SocketException: Too many open files"], Symptom::TooManyFiles).of("java").errno(24),
    rule(&["java.net.SocketTimeoutException: connect timed out"], Symptom::NoHandshake).of("java").call(Call::Connect),
    rule(&["java.net.SocketTimeoutException: Read timed out"], Symptom::NoAnswer).of("java").call(Call::Read),
    rule(&["java.net.SocketTimeoutException"], Symptom::NoHandshake).of("java").call(Call::Connect),
    rule(&["java.net.UnknownHostException:"], Symptom::NameUnknown)
        .of("java")
        .call(Call::Resolve)
        .after("UnknownHostException: "),
    rule(&["java.net.NoRouteToHostException"], Symptom::Unreachable).of("java").call(Call::Connect).errno(113),
    rule(&["port out of range:"], Symptom::PortOutOfRange).of("java").after("range:"),
    rule(&["HTTP/1.1 header parser received no bytes"], Symptom::EmptyReply).of("java").call(Call::Read),
    rule(&["Unsupported or unrecognized SSL message"], Symptom::TlsUnexpected).of("java").call(Call::Handshake),
    rule(&["PKIX path building failed"], Symptom::CertificateUntrusted).of("java").call(Call::Handshake),
    rule(&["Invalid character found in method name [0x16"], Symptom::TlsUnexpected).of("tomcat").call(Call::Read),
    rule(&["This combination of host and port requires TLS"], Symptom::TlsExpected).of("tomcat").call(Call::Request),
    rule(&["I/O error on", "request for", "connection refused"], Symptom::Refused).of("spring").call(Call::Connect).errno(111),
    rule(&["AnnotatedConnectException", "connection refused"], Symptom::Refused).of("java").call(Call::Connect).errno(111),
    rule(&["AnnotatedNoRouteToHostException"], Symptom::Unreachable).of("java").call(Call::Connect).errno(113),
    rule(&["HttpHostConnectException", "connection refused"], Symptom::Refused).of("java").call(Call::Connect).errno(111),
    rule(&["java.net.ConnectException: Failed to connect to"], Symptom::Refused).of("java").call(Call::Connect),
    rule(&["PSQLException: Connection to", "refused. Check that the hostname and port are correct"], Symptom::Refused)
        .of("java")
        .call(Call::Connect),
    rule(&["Communications link failure"], Symptom::Refused).of("java").call(Call::Connect).echo(),
    rule(&["Web server failed to start. Port", "was already in use"], Symptom::InUse).of("spring").call(Call::Listen),
    rule(&["Port", "was already in use"], Symptom::InUse).of("spring").call(Call::Listen),
    rule(&["Embedded servlet container failed to start. Port", "was already in use"], Symptom::InUse)
        .of("spring")
        .call(Call::Listen),
    rule(&["The Tomcat connector configured to listen on port", "failed to start"], Symptom::InUse)
        .of("spring")
        .call(Call::Listen),
    rule(&["Failed to bind properties under 'server.port'"], Symptom::PortOutOfRange).of("spring").echo(),
    rule(&["Failed to initialize component [Connector"], Symptom::InUse)
        .of("tomcat")
        .call(Call::Listen)
        .echo()
        .after("http-nio-"),
    rule(&["Failed to initialize end point associated with ProtocolHandler"], Symptom::InUse)
        .after("http-nio-")
        .of("tomcat")
        .call(Call::Listen)
        .echo(),
    rule(&["Failed to create server shutdown socket on address"], Symptom::InUse).of("tomcat").call(Call::Listen),
    rule(&["Could not connect to the Gradle daemon"], Symptom::Refused).of("gradle").call(Call::Connect),
    rule(&["Could not connect to server [", "port:"], Symptom::Refused).of("gradle").call(Call::Connect),
    rule(&["Quarkus", "Port", "seems to be in use by another process"], Symptom::InUse).of("quarkus").call(Call::Listen),
    rule(&["Port", "seems to be in use by another process"], Symptom::InUse).of("quarkus").call(Call::Listen),
    rule(&["Unable to open debugger port", "connection refused"], Symptom::Refused).of("jdwp").call(Call::Connect).errno(111),
    rule(&["Unable to open debugger port", "address already in use"], Symptom::InUse).of("jdwp").call(Call::Listen).errno(98),
    rule(&["Unable to open debugger port", "connection reset"], Symptom::Reset).of("jdwp").call(Call::Handshake).errno(104),
    rule(&["Unable to open debugger port", "timed out"], Symptom::NoHandshake).of("jdwp").call(Call::Connect),
    rule(&["Unable to open debugger port"], Symptom::DebuggerFailed).of("jdwp"),
    rule(&["Failed to attach to remote debuggee VM", "connection refused"], Symptom::Refused)
        .of("jdwp")
        .call(Call::Connect)
        .errno(111),
    rule(&["Failed to attach to remote debuggee VM"], Symptom::DebuggerFailed).of("jdwp").call(Call::Connect),
    rule(&["transport error 202: connect failed", "connection refused"], Symptom::Refused)
        .of("jdwp")
        .call(Call::Connect)
        .errno(111)
        .says("jdwp-role-swapped"),
    rule(&["transport error 202: bind failed"], Symptom::InUse).of("jdwp").call(Call::Bind),
    rule(&["transport error 202: bind failed", "address already in use"], Symptom::InUse).of("jdwp").call(Call::Bind).errno(98),
    rule(&["transport error 202: bind failed", "permission denied"], Symptom::PermissionDenied)
        .of("jdwp")
        .call(Call::Bind)
        .errno(13),
    rule(&["transport error 202: gethostbyname: unknown host"], Symptom::NameUnknown).of("jdwp").call(Call::Resolve),
    rule(&["transport error 202: recv error"], Symptom::Reset).of("jdwp").call(Call::Read),
    rule(&["transport error 202: handshake failed"], Symptom::DebuggerFailed).of("jdwp").call(Call::Handshake),
    rule(&["TRANSPORT_INIT(510)"], Symptom::DebuggerFailed).of("jdwp").echo(),
    rule(&["AGENT_ERROR_TRANSPORT_INIT(197)"], Symptom::DebuggerFailed).of("jdwp").echo(),
    rule(&["Debugger failed to attach"], Symptom::DebuggerFailed).of("jdwp").call(Call::Handshake),
    rule(&["Debugger failed to attach", "timeout"], Symptom::NoAnswer).of("jdwp").call(Call::Handshake),
    rule(&["handshake failed - connection prematurally closed"], Symptom::DebuggerFailed)
        .of("jdwp")
        .call(Call::Handshake)
        .says("one-shot-server"),
    rule(&["handshake failed - received >"], Symptom::WrongProtocol).of("jdwp").call(Call::Handshake),
    rule(&["handshake failed - unrecognized message from target VM"], Symptom::WrongProtocol).of("jdwp").call(Call::Handshake),
    rule(&["Disconnected from the target VM, address:"], Symptom::DebuggerEnded).of("jdwp").echo().after("address: "),
    rule(&["com.sun.jdi.VMDisconnectedException"], Symptom::DebuggerEnded).of("jdwp").echo(),
    rule(&["The application has been disconnected"], Symptom::DebuggerEnded).of("jdwp").echo(),
    rule(&["Unable to attach to target VM."], Symptom::DebuggerFailed).of("jdwp").call(Call::Connect).echo(),
    rule(&["Connection to node", "could not be established"], Symptom::Refused).of("kafka").call(Call::Connect).noise(),
    rule(&["Broker may not be available"], Symptom::Refused).of("kafka").call(Call::Connect),
    rule(&["Bootstrap broker", "disconnected"], Symptom::EmptyReply).of("kafka").call(Call::Connect),
    rule(&["KafkaJSConnectionError", "ECONNREFUSED"], Symptom::Refused).of("kafka").call(Call::Connect).errno(111),
    rule(&["NoNodeAvailableException"], Symptom::Refused).of("elasticsearch").call(Call::Connect),
    rule(&["failed to obtain node locks"], Symptom::InUse).of("elasticsearch").echo(),
    rule(&["BindTransportException", "failed to bind to"], Symptom::InUse).of("elasticsearch").call(Call::Bind),
    rule(&["BindHttpException", "failed to bind to"], Symptom::InUse).of("elasticsearch").call(Call::Bind),
];
