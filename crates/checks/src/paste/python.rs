//! Wordings of Python, its HTTP clients and its web servers.

use super::{
    Call, Symptom,
    rule::{Rule, rule},
};

/// Rules of Python's programs.
pub(super) const RULES: &[Rule] = &[
    rule(&["ConnectionRefusedError:"], Symptom::Refused).of("python").call(Call::Connect).errno(111),
    rule(&["[Errno 111]"], Symptom::Refused).of("python").call(Call::Connect).errno(111),
    rule(&["[Errno 61]"], Symptom::Refused).of("python").call(Call::Connect).errno(111),
    rule(&["Connect call failed"], Symptom::Refused).of("python").call(Call::Connect),
    rule(&["Failed to establish a new connection", "connection refused"], Symptom::Refused)
        .of("python")
        .call(Call::Connect)
        .errno(111),
    rule(&["Failed to establish a new connection", "actively refused"], Symptom::Refused)
        .of("python")
        .call(Call::Connect)
        .errno(111),
    rule(&["Cannot connect to host", "ssl:"], Symptom::Refused).of("python").call(Call::Connect),
    rule(&["All connection attempts failed"], Symptom::Refused).of("python").call(Call::Connect),
    rule(&["Multiple exceptions:", "Connect call failed"], Symptom::Refused).of("python").call(Call::Connect),
    rule(&["OSError: [Errno 98]"], Symptom::InUse).of("python").call(Call::Bind).errno(98),
    rule(&["OSError: [Errno 48]"], Symptom::InUse).of("python").call(Call::Bind).errno(98),
    rule(&["[Errno 98]"], Symptom::InUse).of("python").call(Call::Bind).errno(98),
    rule(&["[Errno 48]"], Symptom::InUse).of("python").call(Call::Bind).errno(98),
    rule(&["error while attempting to bind on address", "address already in use"], Symptom::InUse)
        .of("python")
        .call(Call::Bind)
        .errno(98),
    rule(&["error while attempting to bind on address", "permission denied"], Symptom::PermissionDenied)
        .of("python")
        .call(Call::Bind)
        .errno(13),
    rule(&["error while attempting to bind on address", "assign requested address"], Symptom::AddressNotAvailable)
        .of("python")
        .call(Call::Bind)
        .errno(99),
    rule(&["OSError: [Errno 99]"], Symptom::AddressNotAvailable).of("python").errno(99),
    rule(&["OSError: [Errno 49]"], Symptom::AddressNotAvailable).of("python").errno(99),
    rule(&["PermissionError: [Errno 13]", "permission denied"], Symptom::PermissionDenied).of("python").errno(13).echo(),
    rule(&["PermissionError: [Errno 1]"], Symptom::NotPermitted).of("python").errno(1).echo(),
    rule(&["OSError: [Errno 101]"], Symptom::Unreachable).of("python").call(Call::Connect).errno(101),
    rule(&["OSError: [Errno 113]"], Symptom::Unreachable).of("python").call(Call::Connect).errno(113),
    rule(&["OSError: [Errno 24]"], Symptom::TooManyFiles).of("python").errno(24),
    rule(&["TimeoutError: [Errno 110]"], Symptom::NoHandshake).of("python").call(Call::Connect).errno(110),
    rule(&["TimeoutError: [Errno 60]"], Symptom::NoHandshake).of("python").call(Call::Connect).errno(110),
    rule(&["TimeoutError: timed out"], Symptom::NoAnswer).of("python").call(Call::Read),
    rule(&["socket.timeout: timed out"], Symptom::NoAnswer).of("python").call(Call::Read),
    rule(&["Read timed out. (read timeout="], Symptom::NoAnswer).of("python").call(Call::Read),
    rule(&["ReadTimeout"], Symptom::NoAnswer).of("python").call(Call::Read),
    rule(&["ConnectTimeout"], Symptom::NoHandshake).of("python").call(Call::Connect),
    rule(&["Connection to", "timed out. (connect timeout="], Symptom::NoHandshake).of("python").call(Call::Connect),
    rule(&["ConnectionResetError:"], Symptom::Reset).of("python").call(Call::Read).errno(104),
    rule(&["BrokenPipeError:"], Symptom::Reset).of("python").call(Call::Write).errno(32),
    rule(&["Remote end closed connection without response"], Symptom::EmptyReply).of("python").call(Call::Read),
    rule(&["ServerDisconnectedError"], Symptom::EmptyReply).of("python").call(Call::Read),
    rule(&["RemoteProtocolError: Server disconnected"], Symptom::EmptyReply).of("python").call(Call::Read),
    rule(&["BadStatusLine"], Symptom::WrongProtocol).of("python").call(Call::Read),
    rule(&["illegal request line"], Symptom::WrongProtocol).of("python").call(Call::Read),
    rule(&["[SSL: WRONG_VERSION_NUMBER]"], Symptom::TlsUnexpected).of("python").call(Call::Handshake),
    rule(&["[SSL: RECORD_LAYER_FAILURE]"], Symptom::TlsUnexpected).of("python").call(Call::Handshake),
    rule(&["[SSL: CERTIFICATE_VERIFY_FAILED]"], Symptom::CertificateUntrusted).of("python").call(Call::Handshake),
    rule(&["code 400, message Bad request version"], Symptom::TlsUnexpected).of("python").call(Call::Read),
    rule(&["code 400, message Bad request syntax ('\\x16"], Symptom::TlsUnexpected).of("python").call(Call::Read),
    rule(&["You're accessing the development server over HTTPS, but it only supports HTTP"], Symptom::TlsUnexpected)
        .of("django")
        .call(Call::Read),
    rule(&["socket.gaierror:"], Symptom::NameUnknown).of("python").call(Call::Resolve),
    rule(&["Failed to resolve '"], Symptom::NameUnknown).of("python").call(Call::Resolve).after("Failed to resolve "),
    rule(&["Caused by NewConnectionError", "name or service not known"], Symptom::NameUnknown)
        .of("python")
        .call(Call::Resolve)
        .after("host="),
    rule(&["OverflowError:", "port must be 0-65535"], Symptom::PortOutOfRange).of("python"),
    rule(&["Port out of range 0-65535"], Symptom::PortOutOfRange).of("python"),
    rule(&["ProxyError('"], Symptom::ProxyFailed).sure().after("ConnectionPool(").of("python").call(Call::Connect),
    rule(&["HTTPError: HTTP Error"], Symptom::HttpStatus).of("python").call(Call::Request),
    rule(&["HTTPError: HTTP Error 401"], Symptom::AuthenticationFailed).of("python").call(Call::Request),
    rule(&["HTTPError: HTTP Error 502"], Symptom::UpstreamFailed).of("python").call(Call::Request),
    rule(&["Client Error:", "for url:"], Symptom::HttpStatus).of("python").call(Call::Request),
    rule(&["401 Client Error:"], Symptom::AuthenticationFailed).sure().of("python").call(Call::Request),
    rule(&["Server Error:", "for url:"], Symptom::HttpStatus).of("python").call(Call::Request),
    rule(&["is in use by another program. Either identify"], Symptom::InUse).of("flask").call(Call::Bind),
    rule(&["Error: That port is already in use."], Symptom::InUse).of("django").call(Call::Bind).errno(98),
    rule(&["Error: You don't have permission to access that port."], Symptom::PermissionDenied)
        .of("django")
        .call(Call::Bind)
        .errno(13),
    rule(&["Error: That IP address can't be assigned to."], Symptom::AddressNotAvailable).of("django").call(Call::Bind).errno(99),
    rule(&["Connection in use: ('"], Symptom::InUse).of("gunicorn").call(Call::Bind),
    rule(&["Can't connect to ('"], Symptom::InUse).of("gunicorn").call(Call::Bind).echo(),
    rule(&["The port", "is already in use, trying another port."], Symptom::InUse).of("jupyter").call(Call::Bind).noise(),
    rule(&["because port", "is not available."], Symptom::InUse).of("jupyter").call(Call::Bind),
    rule(&["Cannot bind to address", "already in use"], Symptom::InUse).of("python").call(Call::Bind).errno(98),
    rule(&["Port", "is already in use", "streamlit"], Symptom::InUse).of("streamlit").call(Call::Bind),
    rule(&["Cannot find empty port in range"], Symptom::InUse).of("gradio").call(Call::Bind),
    rule(&["did not receive a valid HTTP response"], Symptom::WrongProtocol).of("python").call(Call::Handshake),
    rule(&["server rejected WebSocket connection: HTTP 403"], Symptom::HttpStatus).of("python").call(Call::Handshake),
    rule(&["Can't connect to any debug adapter"], Symptom::DebuggerFailed).of("debugpy").call(Call::Connect),
    rule(&["Could not connect to", "pydevd"], Symptom::DebuggerFailed).of("debugpy").call(Call::Connect),
];
