//! Wordings of browsers: pages, codes and the console.

use super::{
    Call, Symptom,
    rule::{Rule, rule},
};

/// Rules of browsers.
pub(super) const RULES: &[Rule] = &[
    rule(&["ERR_CONNECTION_REFUSED"], Symptom::Refused).of("chrome").call(Call::Connect),
    rule(&["refused to connect."], Symptom::Refused).of("chrome").call(Call::Connect),
    rule(&["ERR_CONNECTION_RESET"], Symptom::Reset).of("chrome").call(Call::Read),
    rule(&["ERR_CONNECTION_CLOSED"], Symptom::EmptyReply).of("chrome").call(Call::Read),
    rule(&["ERR_CONNECTION_TIMED_OUT"], Symptom::NoHandshake).of("chrome").call(Call::Connect),
    rule(&["ERR_TIMED_OUT"], Symptom::NoAnswer).of("chrome").call(Call::Connect),
    rule(&["took too long to respond"], Symptom::NoHandshake).of("chrome").call(Call::Connect),
    rule(&["ERR_EMPTY_RESPONSE"], Symptom::EmptyReply).of("chrome").call(Call::Read),
    rule(&["didn’t send any data"], Symptom::EmptyReply).of("chrome").call(Call::Read),
    rule(&["didn't send any data"], Symptom::EmptyReply).of("chrome").call(Call::Read),
    rule(&["ERR_SSL_PROTOCOL_ERROR"], Symptom::TlsUnexpected).of("chrome").call(Call::Handshake),
    rule(&["sent an invalid response"], Symptom::TlsUnexpected).of("chrome").call(Call::Handshake).echo(),
    rule(&["ERR_UNSAFE_PORT"], Symptom::UnsafePort).of("chrome").call(Call::Request),
    rule(&["ERR_INVALID_HTTP_RESPONSE"], Symptom::WrongProtocol).of("chrome").call(Call::Read),
    rule(&["ERR_HTTP2_PROTOCOL_ERROR"], Symptom::WrongProtocol).of("chrome").call(Call::Read),
    rule(&["ERR_ADDRESS_INVALID"], Symptom::AddressNotAvailable).of("chrome").call(Call::Connect),
    rule(&["ERR_ADDRESS_UNREACHABLE"], Symptom::Unreachable).of("chrome").call(Call::Connect),
    rule(&["ERR_NAME_NOT_RESOLVED"], Symptom::NameUnknown).of("chrome").call(Call::Resolve),
    rule(&["DNS_PROBE_FINISHED_NXDOMAIN"], Symptom::NameUnknown).of("chrome").call(Call::Resolve),
    rule(&["ERR_PROXY_CONNECTION_FAILED"], Symptom::ProxyFailed).of("chrome").call(Call::Connect),
    rule(&["ERR_TUNNEL_CONNECTION_FAILED"], Symptom::ProxyFailed).of("chrome").call(Call::Connect),
    rule(&["ERR_CERT_AUTHORITY_INVALID"], Symptom::CertificateUntrusted).of("chrome").call(Call::Handshake),
    rule(&["ERR_CERT_COMMON_NAME_INVALID"], Symptom::CertificateUntrusted).of("chrome").call(Call::Handshake),
    rule(&["ERR_CERT_DATE_INVALID"], Symptom::CertificateUntrusted).of("chrome").call(Call::Handshake),
    rule(&["You cannot visit", "because the website uses HSTS"], Symptom::CertificateUntrusted)
        .of("chrome")
        .call(Call::Handshake)
        .says("dot-dev-hsts"),
    rule(&["ERR_BLOCKED_BY_CLIENT"], Symptom::Other).of("chrome").call(Call::Request),
    rule(&["ERR_TOO_MANY_REDIRECTS"], Symptom::HttpStatus).of("chrome").call(Call::Request).says("https-forced"),
    rule(&["ERR_NETWORK_ACCESS_DENIED"], Symptom::NotPermitted).of("chrome").call(Call::Connect),
    rule(&["has been blocked by CORS policy"], Symptom::CrossOrigin).after(" at ").of("chrome").call(Call::Request),
    rule(&["has been blocked by CORS policy", "private address space"], Symptom::CrossOrigin)
        .after(" at ")
        .of("chrome")
        .call(Call::Request)
        .says("private-network-access"),
    rule(&["has been blocked by CORS policy", "address space"], Symptom::CrossOrigin)
        .after(" at ")
        .of("chrome")
        .call(Call::Request)
        .says("private-network-access"),
    rule(&["Access-Control-Allow-Private-Network"], Symptom::CrossOrigin)
        .of("chrome")
        .call(Call::Request)
        .says("private-network-access"),
    rule(&["ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS"], Symptom::CrossOrigin)
        .of("chrome")
        .call(Call::Request)
        .says("private-network-access"),
    rule(&["ERR_BLOCKED_BY_PRIVATE_NETWORK_ACCESS_CHECKS"], Symptom::CrossOrigin)
        .of("chrome")
        .call(Call::Request)
        .says("private-network-access"),
    rule(&["Mixed Content: The page at"], Symptom::CrossOrigin).of("chrome").call(Call::Request).after("insecure resource "),
    rule(&["attempt to set a cookie via a Set-Cookie", "was blocked"], Symptom::Other)
        .of("chrome")
        .call(Call::Request)
        .says("cookie-not-sent"),
    rule(&["SameSite=None", "Secure"], Symptom::Other).of("chrome").call(Call::Request).says("cookie-not-sent"),
    rule(&["has been rejected because", "cookie"], Symptom::Other).of("firefox").call(Call::Request).says("cookie-not-sent"),
    rule(&["WebSocket connection to", "failed"], Symptom::Refused).of("chrome").call(Call::Handshake).echo(),
    rule(&["Error during WebSocket handshake: Unexpected response code:"], Symptom::HttpStatus)
        .of("chrome")
        .call(Call::Handshake)
        .says("websocket-upgrade-missing"),
    rule(&["Error in connection establishment: net::ERR_CONNECTION_REFUSED"], Symptom::Refused).of("chrome").call(Call::Connect),
    rule(&["HTTP ERROR 403"], Symptom::HttpStatus).of("chrome").call(Call::Request),
    rule(&["HTTP ERROR 404"], Symptom::HttpStatus).of("chrome").call(Call::Request),
    rule(&["HTTP ERROR 500"], Symptom::HttpStatus).of("chrome").call(Call::Request),
    rule(&["HTTP ERROR 502"], Symptom::UpstreamFailed).of("chrome").call(Call::Request),
    rule(&["HTTP ERROR 401"], Symptom::AuthenticationFailed).of("chrome").call(Call::Request),
    rule(&["Failed to load resource: the server responded with a status of"], Symptom::HttpStatus)
        .of("chrome")
        .call(Call::Request)
        .echo(),
    rule(&["can’t establish a connection to the server at"], Symptom::Refused)
        .of("firefox")
        .call(Call::Connect)
        .after("server at "),
    rule(&["can’t establish a connection to the server at ws"], Symptom::Refused)
        .of("firefox")
        .call(Call::Handshake)
        .after("server at "),
    rule(&["NS_ERROR_CONNECTION_REFUSED"], Symptom::Refused).of("firefox").call(Call::Connect),
    rule(&["NS_ERROR_NET_RESET"], Symptom::Reset).of("firefox").call(Call::Read),
    rule(&["NS_ERROR_NET_TIMEOUT"], Symptom::NoHandshake).of("firefox").call(Call::Connect),
    rule(&["NS_ERROR_UNKNOWN_HOST"], Symptom::NameUnknown).of("firefox").call(Call::Resolve),
    rule(&["We can’t connect to the server at"], Symptom::NameUnknown).of("firefox").call(Call::Resolve).after("server at "),
    rule(&["The connection to the server was reset while the page was loading"], Symptom::Reset).of("firefox").call(Call::Read),
    rule(&["is taking too long to respond"], Symptom::NoHandshake).of("firefox").call(Call::Connect).after("server at "),
    rule(&["SSL_ERROR_RX_RECORD_TOO_LONG"], Symptom::TlsUnexpected).of("firefox").call(Call::Handshake),
    rule(&["SEC_ERROR_UNKNOWN_ISSUER"], Symptom::CertificateUntrusted).of("firefox").call(Call::Handshake),
    rule(&["MOZILLA_PKIX_ERROR_SELF_SIGNED_CERT"], Symptom::CertificateUntrusted).of("firefox").call(Call::Handshake),
    rule(&["This address uses a network port which is normally used for purposes other than Web browsing"], Symptom::UnsafePort)
        .of("firefox")
        .call(Call::Request),
    rule(&["The proxy server is refusing connections"], Symptom::ProxyFailed).of("firefox").call(Call::Connect),
    rule(&["Cross-Origin Request Blocked:"], Symptom::CrossOrigin).of("firefox").call(Call::Request).after("resource at "),
    rule(&["Safari can’t connect to the server"], Symptom::Refused).of("safari").call(Call::Connect),
    rule(&["Safari can’t open the page", "could not connect to the server"], Symptom::Refused)
        .of("safari")
        .call(Call::Connect)
        .after("open the page "),
    rule(&["Safari can’t open the page", "couldn’t establish a secure connection"], Symptom::TlsUnexpected)
        .of("safari")
        .call(Call::Handshake),
    rule(&["Safari can’t open the page", "unexpectedly dropped the connection"], Symptom::EmptyReply)
        .of("safari")
        .call(Call::Read),
    rule(&["Safari can’t find the server"], Symptom::NameUnknown).of("safari").call(Call::Resolve),
    rule(&["Not allowed to use restricted network port"], Symptom::UnsafePort).of("safari").call(Call::Request),
    rule(&["Fetch API cannot load", "due to access control checks"], Symptom::CrossOrigin).of("safari").call(Call::Request),
    rule(&["NSURLErrorDomain Code=-1004"], Symptom::Refused).of("safari").call(Call::Connect),
    rule(&["Origin", "is not allowed by Access-Control-Allow-Origin"], Symptom::CrossOrigin).of("safari").call(Call::Request),
];
