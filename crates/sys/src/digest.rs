//! What a text is known by that somebody agreed to, and a certificate by everybody.

use std::fmt::Write;

use ring::digest::{Context, SHA256};

/// SHA-256 of these parts in hexadecimal digits. Each counts with its length, so that no other parts have the same.
pub fn digest(parts: &[&[u8]]) -> String {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part);
    }
    digits(context.finish().as_ref())
}

/// SHA-256 of these bytes alone, in hexadecimal digits: what a certificate is known by.
pub fn fingerprint(bytes: &[u8]) -> String {
    digits(ring::digest::digest(&SHA256, bytes).as_ref())
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::{digest, fingerprint};

    #[test]
    fn a_fingerprint_is_the_one_that_others_print() {
        // The first example of FIPS 180-2.
        assert!(fingerprint(b"abc").starts_with("ba7816bf8f01cfea") && fingerprint(b"abc").ends_with("f20015ad"));
    }

    #[test]
    fn parts_are_told_apart() {
        assert_eq!(digest(&[b"ab", b"c"]), digest(&[b"ab", b"c"]));
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_ne!(digest(&[b"ab"]), digest(&[b"ab", b""]));
        assert_eq!(digest(&[b"x"]).len(), 64);
    }
}
