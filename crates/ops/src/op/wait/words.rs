//! What was met instead of a ready server, in words.

use portward_model::Sentence;
use portward_sys::{Secured, TlsFault};
use portward_wire::{grpc::Health, http1::Other};

use super::ask::Meeting;

/// Why TLS is not spoken, and how near that came; `None` where it is.
pub(super) fn insecure(secured: &Secured) -> Option<(Meeting, Sentence)> {
    let fault = match secured {
        Secured::Spoken(_) => return None,
        Secured::Unfinished => return Some((Meeting::Silence, "it accepts and does not speak TLS yet".into())),
        Secured::Failed(fault) => fault,
    };
    let words: Sentence = match fault {
        TlsFault::NotTls => "it answers, and not in TLS".into(),
        TlsFault::Alert(number) => format!("it refuses TLS with the alert {number}{}", alert(*number)).into(),
        TlsFault::UnknownIssuer => {
            "nobody whom this machine trusts has signed its certificate (--ca FILE names somebody, --insecure asks nobody)".into()
        }
        TlsFault::NoRoots => {
            "this machine trusts nobody's certificates (--ca FILE names somebody, --insecure asks nobody)".into()
        }
        TlsFault::OtherName(names) if names.is_empty() => "its certificate is for another name".into(),
        TlsFault::OtherName(names) => {
            let names: Vec<String> = names.iter().take(MOST_NAMES).map(ToString::to_string).collect();
            format!("its certificate is for another name: {}", names.join(", ")).into()
        }
        TlsFault::Expired => "its certificate's time is over".into(),
        TlsFault::NotYetValid => "its certificate's time has not come".into(),
        TlsFault::Other(words) => format!("TLS cannot be had: {words}").into(),
    };
    Some((Meeting::Answer, words))
}

/// RFC 8446 section 6
fn alert(number: u8) -> &'static str {
    match number {
        40 => ", handshake failure",
        42..=46 | 48 => ", a certificate that it does not take",
        70 => ", protocol version",
        112 => ", a name that it does not know",
        116 => ", it wants a client's certificate",
        120 => ", no protocol in common",
        _ => "",
    }
}

/// What speaks where `asked` was.
pub(super) fn other(other: Other, asked: &str) -> Sentence {
    match other {
        Other::Http1 => format!("it answers in HTTP/1, and not in {asked}").into(),
        Other::Http2 => format!("it answers in HTTP/2 alone, and not in {asked}/1").into(),
        Other::Tls => format!("it answers in TLS, and not in {asked}: the scheme is its own with an s").into(),
        Other::Known(name) => format!("it answers in the protocol of {name}, and not in {asked}").into(),
        Other::Unknown => format!("it answers, and not in {asked}").into(),
    }
}

/// What a health check says of a server that is not ready.
pub(super) fn health(health: &Health) -> Sentence {
    match health {
        Health::Serving => "it serves".into(),
        Health::NotServing => "it answers that it does not serve".into(),
        Health::NoSuchService => "it answers that it has no service of that name".into(),
        Health::NoHealth => "it speaks gRPC, and has no health service (grpc.health.v1)".into(),
        Health::Failed(code, words) if words.raw().is_empty() => format!("it answers with the gRPC status {code}").into(),
        Health::Failed(code, words) => format!("it answers with the gRPC status {code}: {words}").into(),
        Health::Status(status) => format!("it answers {status} in HTTP/2, and not in gRPC").into(),
        Health::GaveUp(code, words) if words.raw().is_empty() => format!("it gives the request up (HTTP/2 error {code})").into(),
        Health::GaveUp(code, words) => format!("it gives the request up (HTTP/2 error {code}): {words}").into(),
        Health::NotHttp2(found) => other(*found, "gRPC"),
        Health::NeedMore => "it accepts and says nothing yet".into(),
    }
}

/// Names of a certificate that are told.
const MOST_NAMES: usize = 5;
