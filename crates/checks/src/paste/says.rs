//! Causes that a text names by itself, once its error has been read.

use std::net::Ipv4Addr;

use super::{Call, Paste, Symptom, Vantage};
use crate::errno::EAFNOSUPPORT;

/// The code of the cause that symptom, address and call name together; `None` where the text does not decide.
pub(super) fn says(paste: &Paste) -> Option<&'static str> {
    let listens = paste.symptom.asks_to_listen(paste.call);
    if paste.port.is_some_and(|port| port > 65_535) {
        return Some("port-out-of-range");
    }
    match paste.symptom {
        Symptom::Refused if paste.path.is_some() => Some("stale-unix-socket"),
        // A Unix listener whose queue is full refuses at once, by EAGAIN (unix(7)).
        Symptom::NoHandshake if paste.path.is_some() => Some("accept-queue-full"),
        Symptom::NoSuchPath => Some("unix-socket-missing"),
        Symptom::PermissionDenied if paste.path.is_some() => Some("unix-socket-permission"),
        Symptom::PermissionDenied if listens && paste.port.is_some_and(|port| port < 1024) => Some("privileged-port"),
        Symptom::AddressNotAvailable if paste.errno == Some(EAFNOSUPPORT) => None,
        // socket(2) has no such error: it is that of the connect behind it.
        Symptom::AddressNotAvailable if paste.call == Some(Call::Socket) => Some("ephemeral-exhausted"),
        Symptom::AddressNotAvailable if listens => Some("addr-not-local"),
        Symptom::AddressNotAvailable if paste.call == Some(Call::Connect) && has_ipv4(paste) => Some("ephemeral-exhausted"),
        Symptom::NameUnknown => Some(name(paste.host.as_deref()?)),
        Symptom::PortOutOfRange => Some("port-out-of-range"),
        Symptom::UnsafePort => Some("browser-unsafe-port"),
        Symptom::TlsExpected => Some("tls-server-plain-client"),
        Symptom::TlsUnexpected => Some("plaintext-server-tls-client"),
        Symptom::CertificateUntrusted => Some("tls-untrusted-cert"),
        Symptom::HostBlocked => Some("host-header-blocked"),
        Symptom::CrossOrigin => Some("cors-blocked"),
        Symptom::TooManyFiles => Some("fd-limit"),
        Symptom::TooManyConnections => Some("too-many-connections"),
        Symptom::AuthenticationFailed => Some("auth-not-connection"),
        Symptom::HttpStatus => Some("http-error-status"),
        Symptom::UpstreamFailed if matches!(paste.vantage, Some(Vantage::Pod { .. } | Vantage::FarEnd)) => {
            Some("far-end-refuses")
        }
        Symptom::UpstreamFailed => Some("proxy-upstream-down"),
        Symptom::DebuggerEnded => Some("debug-session-ended"),
        Symptom::NoBuffer => Some("ephemeral-exhausted"),
        Symptom::ProxyFailed => Some("proxy-env-captures-localhost"),
        Symptom::WrongProtocol => Some("wrong-protocol"),
        Symptom::Refused
        | Symptom::InUse
        | Symptom::NoHandshake
        | Symptom::NoAnswer
        | Symptom::Reset
        | Symptom::EmptyReply
        | Symptom::AddressNotAvailable
        | Symptom::PermissionDenied
        | Symptom::NotPermitted
        | Symptom::Unreachable
        | Symptom::DebuggerFailed
        | Symptom::Other => None,
    }
}

/// A target in IPv4 other than 0.0.0.0 exists on every machine or is routed, so that only a local port can be missing.
fn has_ipv4(paste: &Paste) -> bool {
    paste.host.as_deref().and_then(|host| host.parse::<Ipv4Addr>().ok()).is_some_and(|address| !address.is_unspecified())
}

fn name(host: &str) -> &'static str {
    if host.eq_ignore_ascii_case("localhost") {
        return "hosts-localhost-missing";
    }
    let subdomain = host.to_ascii_lowercase().ends_with(".localhost");
    if subdomain { "localhost-subdomain-unresolved" } else { "name-unknown" }
}
