//! The health of a gRPC server: one call of `grpc.health.v1.Health/Check` over HTTP/2, and what its answer means.
//!
//! The message has one field, the service's name, and its answer one, a number; neither needs more than a few bytes of
//! Protocol Buffers.

use portward_model::Text;

use crate::{http1::Other, http2};

/// What a health check was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It serves (`SERVING`).
    Serving,
    /// It says that it does not (`NOT_SERVING`), or does not know whether it does (`UNKNOWN`).
    NotServing,
    /// It has no service of that name (`SERVICE_UNKNOWN`, or `NOT_FOUND` of the call).
    NoSuchService,
    /// It speaks gRPC, and has no health service (`UNIMPLEMENTED`).
    NoHealth,
    /// The call failed with this code (`grpc-status`) and these words.
    Failed(u32, Text),
    /// It answers in HTTP/2 with this status, and not in gRPC.
    Status(u16),
    /// It gave up the request or the connection with this code of HTTP/2, and these words.
    GaveUp(u32, Text),
    /// It speaks something else.
    NotHttp2(Other),
    /// What came so far could still become any of these.
    NeedMore,
}

/// The bytes that ask: `authority` is the host with its port, `service` the name of one, empty for the server as a whole.
pub fn check(authority: &str, service: &str, tls: bool) -> Vec<u8> {
    let mut message = Vec::new();
    if !service.is_empty() {
        // Field 1, as bytes behind their length; names are below 128 bytes or take a second byte for it.
        message.push(0x0a);
        let length = service.len();
        if length >= 0x80 {
            message.push(u8::try_from(length & 0x7f).unwrap_or(0) | 0x80);
        }
        message.push(u8::try_from(if length >= 0x80 { length >> 7 } else { length }).unwrap_or(0x7f));
        message.extend_from_slice(service.as_bytes());
    }
    // Not compressed, and its length in four bytes.
    let mut body = vec![0];
    body.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    body.extend(message);
    http2::request(
        &[
            (":method", "POST"),
            (":scheme", if tls { "https" } else { "http" }),
            (":path", "/grpc.health.v1.Health/Check"),
            (":authority", authority),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("user-agent", "portward"),
        ],
        &body,
    )
}

/// What an answer means: all bytes that came so far, and whether no more will come. Safe on any bytes.
pub fn judge(heard: &[u8], closed: bool) -> Health {
    let Some(answer) = http2::read(heard) else { return Health::NotHttp2(Other::of(heard)) };
    let status = answer.status();
    if let Some(status) = status.filter(|status| *status != 200) {
        return Health::Status(status);
    }
    if let Some(code) = answer.field(b"grpc-status").and_then(|code| std::str::from_utf8(code).ok()?.parse().ok()) {
        match code {
            0 => {}
            5 => return Health::NoSuchService,
            12 => return Health::NoHealth,
            code => return Health::Failed(code, Text::new(answer.field(b"grpc-message").unwrap_or_default())),
        }
    }
    if let Some(message) = message(&answer.body) {
        return match serving_status(message) {
            1 => Health::Serving,
            3 => Health::NoSuchService,
            _ => Health::NotServing,
        };
    }
    match (answer.reset, answer.gone) {
        (_, Some((code, words))) if code != 0 || closed => Health::GaveUp(code, words),
        (Some(code), _) => Health::GaveUp(code, Text::default()),
        _ if answer.ended || (closed && status.is_some()) => Health::Status(status.unwrap_or_default()),
        _ => Health::NeedMore,
    }
}

/// The first message of a body, once it is whole.
fn message(body: &[u8]) -> Option<&[u8]> {
    let (head, rest) = body.split_first_chunk::<5>()?;
    let [0, length @ ..] = *head else { return None };
    rest.get(..usize::try_from(u32::from_be_bytes(length)).ok()?)
}

/// Field 1 of a `HealthCheckResponse`. What is left out is zero, `UNKNOWN`.
fn serving_status(message: &[u8]) -> u8 {
    match *message {
        [0x08, status, ..] => status,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use portward_model::Text;

    use super::{Health, check, judge, message};
    use crate::{hpack::literal, http1::Other};

    fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u8, body: &[u8]) {
        out.extend([0, 0, u8::try_from(body.len()).unwrap(), kind, flags, 0, 0, 0, stream]);
        out.extend_from_slice(body);
    }

    fn block(fields: &[(&str, &str)]) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, value) in fields {
            literal(&mut out, name, value);
        }
        out
    }

    fn answer(status: u8) -> Vec<u8> {
        let mut out = Vec::new();
        frame(&mut out, 4, 0, 0, &[]);
        frame(&mut out, 1, 4, 1, &block(&[(":status", "200"), ("content-type", "application/grpc")]));
        frame(&mut out, 0, 0, 1, &[0, 0, 0, 0, 2, 8, status]);
        frame(&mut out, 1, 5, 1, &block(&[("grpc-status", "0")]));
        out
    }

    fn only_trailers(fields: &[(&str, &str)]) -> Vec<u8> {
        let mut out = Vec::new();
        frame(&mut out, 4, 0, 0, &[]);
        frame(&mut out, 1, 5, 1, &block(&[&[(":status", "200")], fields].concat()));
        out
    }

    #[test]
    fn answers() {
        assert_eq!(judge(&answer(1), false), Health::Serving);
        assert_eq!(judge(&answer(0), false), Health::NotServing);
        assert_eq!(judge(&answer(2), false), Health::NotServing);
        assert_eq!(judge(&answer(3), false), Health::NoSuchService);
        assert_eq!(judge(&only_trailers(&[("grpc-status", "5")]), false), Health::NoSuchService);
        assert_eq!(judge(&only_trailers(&[("grpc-status", "12"), ("grpc-message", "no")]), false), Health::NoHealth);
        let failed = only_trailers(&[("grpc-status", "14"), ("grpc-message", "starting")]);
        assert_eq!(judge(&failed, false), Health::Failed(14, Text::from("starting")));
        assert_eq!(judge(b"HTTP/1.1 400 Bad Request\r\n", false), Health::NotHttp2(Other::Http1));
        assert_eq!(judge(b"\x15\x03\x01\x00\x02\x02\x46", false), Health::NotHttp2(Other::Tls));
        assert_eq!(judge(b"", false), Health::NeedMore);
        let whole = answer(1);
        for end in 0..whole.len() {
            assert!(matches!(judge(&whole[..end], false), Health::NeedMore | Health::Serving), "{end}");
        }
    }

    #[test]
    fn a_plain_web_server_and_one_that_gives_up() {
        let mut plain = Vec::new();
        frame(&mut plain, 4, 0, 0, &[]);
        frame(&mut plain, 1, 5, 1, &block(&[(":status", "404")]));
        assert_eq!(judge(&plain, false), Health::Status(404));
        let mut gone = Vec::new();
        frame(&mut gone, 4, 0, 0, &[]);
        frame(&mut gone, 7, 0, 0, b"\0\0\0\0\0\0\0\x0btoo_many_pings");
        assert_eq!(judge(&gone, false), Health::GaveUp(11, Text::from("too_many_pings")));
    }

    #[test]
    fn the_name_of_a_service_of_any_length() {
        for length in [0, 1, 127, 128, 300] {
            let name = "s".repeat(length);
            let sent = check("localhost:50051", &name, false);
            let body = &sent[sent.len() - length - usize::from(length > 0) * (1 + 1 + usize::from(length > 127)) - 5..];
            let message = message(body).unwrap();
            assert!(message.ends_with(name.as_bytes()), "{length}");
            assert_eq!(message.is_empty(), length == 0);
        }
    }
}
