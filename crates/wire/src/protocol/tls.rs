//! TLS 1.2 and 1.3: a hand-made `ClientHello`, answered by a `ServerHello` (RFC 8446 section 4.1, RFC 5246
//! section 7.4.1).
//!
//! The random bytes and the key share are constants: the handshake is never completed, so they protect nothing.

use super::{ANOTHER_PROTOCOL, Greeting, Judgement, Protocol, Words};

pub(super) const PROTOCOL: Protocol = Protocol {
    title: "TLS",
    aliases: &["https"],
    client: "curl -ik https://HOST:PORT/",
    greeting: Some(Greeting { summary: "answers a ClientHello with a ServerHello", send, judge }),
    // RFC 8446 section 5.1: a record's type and version.
    recognise: |answer| matches!(answer, [20..=23, 3, 0..=4, ..]).then_some(Words::Any),
    samples: &[b"\x15\x03\x01\x00\x02\x02\x46", b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03"],
    ..Protocol::named("tls")
};

fn send(host: &str) -> Vec<u8> {
    let mut extensions = Vec::new();
    extensions.extend(server_name(host));
    // supported_groups: x25519, secp256r1, secp384r1
    extensions.extend(extension(10, &sized(&[0, 29, 0, 23, 0, 24])));
    // ec_point_formats: uncompressed
    extensions.extend(extension(11, &[1, 0]));
    // signature_algorithms: ECDSA, RSA-PSS, RSA-PKCS1 and Ed25519 in their usual strengths
    extensions.extend(extension(13, &sized(&[4, 3, 5, 3, 6, 3, 8, 4, 8, 5, 8, 6, 8, 7, 4, 1, 5, 1, 6, 1])));
    // supported_versions: 1.3, 1.2
    extensions.extend(extension(43, &[4, 3, 4, 3, 3]));
    // psk_key_exchange_modes: psk_dhe_ke
    extensions.extend(extension(45, &[1, 1]));
    // key_share: x25519 with the base point, a valid public key (RFC 7748)
    let mut share = vec![0, 29, 0, 32, 9];
    share.resize(36, 0);
    extensions.extend(extension(51, &sized(&share)));

    let mut hello = vec![3, 3];
    hello.extend_from_slice(RANDOM);
    hello.push(32);
    hello.extend_from_slice(RANDOM);
    hello.extend(sized(CIPHERS));
    hello.extend_from_slice(&[1, 0]);
    hello.extend(sized(&extensions));

    let length = length(&hello);
    let mut handshake = vec![1, 0];
    handshake.extend_from_slice(&length);
    handshake.extend(hello);
    let mut record = vec![22, 3, 1];
    record.extend(sized(&handshake));
    record
}

fn judge(answer: &[u8]) -> Judgement {
    if answer.starts_with(b"HTTP/") {
        return Judgement::NotReady("it speaks plain HTTP, not TLS");
    }
    match *answer {
        [] | [21 | 22] | [21 | 22, 3] | [21 | 22, 3, 0..=4] | [21 | 22, 3, 0..=4, _] | [22, 3, 0..=4, _, _] => {
            Judgement::NeedMore
        }
        [21, 3, 0..=4, _, _] | [21, 3, 0..=4, _, _, _] => Judgement::NeedMore,
        [22, 3, 0..=4, _, _, 2, ..] => Judgement::Ready,
        [21, 3, 0..=4, _, _, _, description, ..] => Judgement::NotReady(alert(description)),
        _ if b"HTTP/".starts_with(answer) => Judgement::NeedMore,
        _ => Judgement::NotReady(ANOTHER_PROTOCOL),
    }
}

/// RFC 8446 section 6
fn alert(description: u8) -> &'static str {
    match description {
        0 => "it closes with a TLS alert: close notify",
        10 => "it refuses with a TLS alert: unexpected message",
        40 => "it refuses with a TLS alert: handshake failure, no common cipher or a certificate is missing",
        47 => "it refuses with a TLS alert: illegal parameter",
        50 => "it refuses with a TLS alert: decode error",
        70 => "it refuses with a TLS alert: protocol version",
        71 => "it refuses with a TLS alert: insufficient security",
        80 => "it refuses with a TLS alert: internal error",
        109 => "it refuses with a TLS alert: missing extension",
        112 => "it refuses with a TLS alert: it does not know this host name",
        116 => "it refuses with a TLS alert: it requires a client certificate",
        120 => "it refuses with a TLS alert: no application protocol",
        _ => "it refuses with a TLS alert",
    }
}

/// RFC 6066 section 3: names only, never addresses.
fn server_name(host: &str) -> Vec<u8> {
    let name =
        host.rsplit_once(':').map_or(host, |(name, port)| if port.bytes().all(|b| b.is_ascii_digit()) { name } else { host });
    let is_name = !name.is_empty()
        && name.len() <= 253
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.' || b == b'_')
        && name.parse::<std::net::IpAddr>().is_err();
    if !is_name {
        return Vec::new();
    }
    let mut entry = vec![0];
    entry.extend(sized(name.as_bytes()));
    extension(0, &sized(&entry))
}

fn extension(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![0, kind];
    out.extend(sized(body));
    out
}

/// A body behind its length in two bytes.
fn sized(body: &[u8]) -> Vec<u8> {
    let mut out = length(body).to_vec();
    out.extend_from_slice(body);
    out
}

/// Everything here is shorter than 64 KiB: a host name has at most 253 bytes and the rest is constant.
fn length(body: &[u8]) -> [u8; 2] {
    u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes()
}

const RANDOM: &[u8; 32] = b"portward asks whether it's ready";

/// TLS 1.3 suites, then ECDHE with AES-GCM and `ChaCha20`, then RSA with AES for old servers.
const CIPHERS: &[u8] = &[
    0x13, 0x01, 0x13, 0x02, 0x13, 0x03, 0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x2c, 0xc0, 0x30, 0xcc, 0xa9, 0xcc, 0xa8, 0xc0, 0x13, 0xc0,
    0x14, 0x00, 0x9c, 0x00, 0x9d, 0x00, 0x2f, 0x00, 0x35,
];

#[cfg(test)]
mod tests {
    use super::{judge, send};
    use crate::protocol::Judgement::{NeedMore, NotReady, Ready};

    #[test]
    fn lengths_agree_at_every_level() {
        for host in ["localhost", "web.shop.localhost:62893", "127.0.0.1", "::1", "", "a b"] {
            let hello = send(host);
            assert_eq!(usize::from(u16::from_be_bytes([hello[3], hello[4]])), hello.len() - 5, "{host}");
            assert_eq!(usize::from(u16::from_be_bytes([hello[7], hello[8]])), hello.len() - 9, "{host}");
            let named = hello.windows(9).any(|window| window == b"localhost");
            assert_eq!(named, host.contains("localhost"), "{host}");
        }
    }

    #[test]
    fn answers() {
        for (answer, expected) in [
            (b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" as &[u8], Ready),
            (b"\x16\x03\x03\x00\x7a", NeedMore),
            (b"\x15\x03\x03\x00\x02\x02", NeedMore),
            (b"\x15\x03\x03\x00\x02\x02\x70", NotReady("it refuses with a TLS alert: it does not know this host name")),
            (b"\x15\x03\x01\x00\x02\x02\x46", NotReady("it refuses with a TLS alert: protocol version")),
            (b"HTTP/1.1 400 Bad Request", NotReady("it speaks plain HTTP, not TLS")),
            (b"HT", NeedMore),
            (b"SSH-2.0", NotReady("it answers in another protocol")),
        ] {
            assert_eq!(judge(answer), expected, "{}", answer.escape_ascii());
        }
    }
}
