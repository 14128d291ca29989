//! Wordings of Node, Deno and Bun, of npm and its kin, and of the development servers that run on them.

use super::{
    Call, Symptom,
    rule::{Rule, rule},
};

/// Rules of the programs written in JavaScript.
pub(super) const RULES: &[Rule] = &[
    rule(&["connect ECONNREFUSED"], Symptom::Refused).of("node").call(Call::Connect).errno(111),
    rule(&["AggregateError", "ECONNREFUSED"], Symptom::Refused).of("node").call(Call::Connect).errno(111),
    rule(&["connect ETIMEDOUT"], Symptom::NoHandshake).of("node").call(Call::Connect).errno(110),
    rule(&["connect EHOSTUNREACH"], Symptom::Unreachable).of("node").call(Call::Connect).errno(113),
    rule(&["connect ENETUNREACH"], Symptom::Unreachable).of("node").call(Call::Connect).errno(101),
    rule(&["connect EADDRNOTAVAIL"], Symptom::AddressNotAvailable).of("node").call(Call::Connect).errno(99),
    rule(&["connect ENOENT"], Symptom::NoSuchPath).of("node").call(Call::Connect).errno(2),
    rule(&["connect EACCES"], Symptom::PermissionDenied).of("node").call(Call::Connect).errno(13),
    rule(&["connect ECONNRESET"], Symptom::Reset).of("node").call(Call::Connect).errno(104),
    rule(&["read ECONNRESET"], Symptom::Reset).of("node").call(Call::Read).errno(104),
    rule(&["write ECONNRESET"], Symptom::Reset).of("node").call(Call::Write).errno(104),
    rule(&["write EPIPE"], Symptom::Reset).of("node").call(Call::Write).errno(32),
    rule(&["write ECONNABORTED"], Symptom::Reset).of("node").call(Call::Write).errno(103),
    rule(&["read ETIMEDOUT"], Symptom::NoAnswer).of("node").call(Call::Read).errno(110),
    rule(&["listen EADDRINUSE"], Symptom::InUse).of("node").call(Call::Listen).errno(98),
    rule(&["bind EADDRINUSE"], Symptom::InUse).of("node").call(Call::Bind).errno(98),
    rule(&["listen EACCES"], Symptom::PermissionDenied).of("node").call(Call::Listen).errno(13),
    rule(&["listen EADDRNOTAVAIL"], Symptom::AddressNotAvailable).of("node").call(Call::Listen).errno(99),
    rule(&["listen EPERM"], Symptom::NotPermitted).of("node").call(Call::Listen).errno(1),
    rule(&["getaddrinfo ENOTFOUND"], Symptom::NameUnknown).of("node").call(Call::Resolve).after("ENOTFOUND"),
    rule(&["getaddrinfo EAI_AGAIN"], Symptom::NameUnknown).of("node").call(Call::Resolve).after("EAI_AGAIN"),
    rule(&["socket hang up"], Symptom::Reset).of("node").call(Call::Read).errno(104),
    rule(&["SocketError: other side closed"], Symptom::EmptyReply).of("node").call(Call::Read),
    rule(&["UND_ERR_CONNECT_TIMEOUT"], Symptom::NoHandshake).of("node").call(Call::Connect),
    rule(&["Connect Timeout Error"], Symptom::NoHandshake).of("node").call(Call::Connect),
    rule(&["UND_ERR_HEADERS_TIMEOUT"], Symptom::NoAnswer).of("node").call(Call::Read),
    rule(&["Headers Timeout Error"], Symptom::NoAnswer).of("node").call(Call::Read),
    rule(&["The operation was aborted due to timeout"], Symptom::NoAnswer).of("node").call(Call::Read),
    rule(&["AxiosError: timeout of"], Symptom::NoAnswer).of("node").call(Call::Read),
    rule(&["write EPROTO", "wrong version number"], Symptom::TlsUnexpected).of("node").call(Call::Handshake).errno(71),
    rule(&["ERR_SSL_WRONG_VERSION_NUMBER"], Symptom::TlsUnexpected).of("node").call(Call::Handshake),
    rule(&["ERR_SSL_PACKET_LENGTH_TOO_LONG"], Symptom::TlsUnexpected).of("node").call(Call::Handshake),
    rule(&["DEPTH_ZERO_SELF_SIGNED_CERT"], Symptom::CertificateUntrusted).of("node").call(Call::Handshake),
    rule(&["SELF_SIGNED_CERT_IN_CHAIN"], Symptom::CertificateUntrusted).of("node").call(Call::Handshake),
    rule(&["UNABLE_TO_VERIFY_LEAF_SIGNATURE"], Symptom::CertificateUntrusted).of("node").call(Call::Handshake),
    rule(&["ERR_TLS_CERT_ALTNAME_INVALID"], Symptom::CertificateUntrusted).of("node").call(Call::Handshake),
    rule(&["ERR_SOCKET_BAD_PORT", "should be >= 0"], Symptom::PortOutOfRange).of("node").after("Received type number ("),
    rule(&["ERR_SOCKET_BAD_PORT"], Symptom::PortOutOfRange).of("node"),
    rule(&["Error: bad port"], Symptom::UnsafePort).of("node").call(Call::Request),
    rule(&["Starting inspector on", "address already in use"], Symptom::InUse).of("node").call(Call::Listen).errno(98),
    rule(&["HPE_INVALID_CONSTANT"], Symptom::WrongProtocol).of("node").call(Call::Read),
    rule(&["Parse Error: Expected HTTP/"], Symptom::WrongProtocol).of("node").call(Call::Read),
    rule(&["Unexpected server response: 400"], Symptom::HttpStatus)
        .of("node")
        .call(Call::Handshake)
        .says("websocket-upgrade-missing"),
    rule(&["Unexpected server response: 426"], Symptom::HttpStatus)
        .of("node")
        .call(Call::Handshake)
        .says("websocket-upgrade-missing"),
    rule(&["Unexpected server response: 200"], Symptom::HttpStatus)
        .of("node")
        .call(Call::Handshake)
        .says("websocket-upgrade-missing"),
    rule(&["Unexpected server response: 401"], Symptom::AuthenticationFailed).of("node").call(Call::Handshake),
    rule(&["Unexpected server response: 404"], Symptom::HttpStatus).of("node").call(Call::Handshake),
    rule(&["error sending request for url", "connection refused"], Symptom::Refused).of("rust").call(Call::Connect).errno(111),
    rule(&["Uncaught (in promise)", "client error (Connect)", "connection refused"], Symptom::Refused)
        .sure()
        .of("deno")
        .call(Call::Connect)
        .errno(111),
    rule(&["Uncaught (in promise) AddrInUse"], Symptom::InUse).sure().of("deno").call(Call::Listen).errno(98),
    rule(&["Uncaught (in promise) ConnectionRefused"], Symptom::Refused).of("deno").call(Call::Connect).errno(111),
    rule(&["PermissionDenied: Requires net access"], Symptom::NotPermitted).of("deno").call(Call::Connect).after("net access to"),
    rule(&["NotCapable: Requires net access"], Symptom::NotPermitted).of("deno").call(Call::Connect).after("net access to"),
    rule(&["Failed to start server. Is port", "in use?"], Symptom::InUse).of("bun").call(Call::Listen),
    rule(&["Unable to connect. Is the computer able to access the url?"], Symptom::Refused).of("bun").call(Call::Connect),
    rule(&["Was there a typo in the url or port?"], Symptom::Refused).of("bun").call(Call::Connect),
    rule(&["connect ECONNREFUSED", "npm error"], Symptom::Refused).of("npm").call(Call::Connect).errno(111),
    rule(&["connect ECONNREFUSED", "npm ERR!"], Symptom::Refused).of("npm").call(Call::Connect).errno(111),
    rule(&["getaddrinfo ENOTFOUND", "npm error"], Symptom::NameUnknown)
        .of("npm")
        .call(Call::Resolve)
        .after("getaddrinfo ENOTFOUND"),
    rule(&["getaddrinfo ENOTFOUND", "npm ERR!"], Symptom::NameUnknown)
        .of("npm")
        .call(Call::Resolve)
        .after("getaddrinfo ENOTFOUND"),
    rule(&["npm error", "socket hang up"], Symptom::Reset).of("npm").call(Call::Read).errno(104),
    rule(&["ECONNREFUSED", "An unexpected error occurred:"], Symptom::Refused).of("yarn").call(Call::Connect).errno(111),
    rule(&["ERR_PNPM_META_FETCH_FAIL"], Symptom::Refused).of("pnpm").call(Call::Connect),
    rule(&["Error: Port", "is already in use"], Symptom::InUse).of("vite").call(Call::Listen),
    rule(&["Something is already running on port"], Symptom::InUse).of("webpack").call(Call::Listen),
    rule(&["Port", "is already in use.", "Use '--port' to specify a different port"], Symptom::InUse)
        .of("angular")
        .call(Call::Listen),
    rule(&["Would you like to use a different port?"], Symptom::InUse).of("angular").call(Call::Listen),
    rule(&["Would you like to run the app on another port instead?"], Symptom::InUse).of("webpack").call(Call::Listen).echo(),
    rule(&["[vite] http proxy error"], Symptom::UpstreamFailed).of("vite").call(Call::Connect).echo(),
    rule(&["http proxy error:"], Symptom::UpstreamFailed).of("vite").call(Call::Connect).echo(),
    rule(&["[vite] ws proxy error"], Symptom::UpstreamFailed).of("vite").call(Call::Connect).echo(),
    rule(&["[HPM] Error occurred while", "ECONNREFUSED"], Symptom::Refused)
        .of("webpack")
        .call(Call::Connect)
        .errno(111)
        .after(" to "),
    rule(&["Proxy error: Could not proxy request"], Symptom::UpstreamFailed).of("webpack").call(Call::Connect).after(" to "),
    rule(&["ECONNREFUSED", "Failed to proxy"], Symptom::Refused).of("next").call(Call::Connect).errno(111),
    rule(&["[vite] failed to connect to websocket"], Symptom::Other)
        .of("vite")
        .call(Call::Handshake)
        .says("websocket-upgrade-missing"),
    rule(&["page.goto: net::ERR_CONNECTION_REFUSED"], Symptom::Refused).of("playwright").call(Call::Connect),
    rule(&["Timed out waiting", "from config.webServer"], Symptom::NoAnswer).of("playwright").call(Call::Connect),
    rule(&["is already used, make sure that nothing is running on the port"], Symptom::InUse)
        .of("playwright")
        .call(Call::Connect),
    rule(&["ECONNREFUSED", "chromedriver"], Symptom::Refused).of("chromedriver").call(Call::Connect).errno(111),
    rule(&["IPv4 port not available. Exiting"], Symptom::InUse).of("chromedriver").call(Call::Listen),
    rule(&["Failed to connect to the bus"], Symptom::Other).of("electron").call(Call::Connect).noise(),
    rule(&["websocket: close 1006"], Symptom::EmptyReply).call(Call::Read),
    rule(&["PrismaClientInitializationError"], Symptom::Refused).of("prisma").call(Call::Connect).echo(),
    rule(&["Can't reach database server at"], Symptom::Refused).of("prisma").call(Call::Connect),
];
