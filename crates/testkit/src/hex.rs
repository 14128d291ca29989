//! Bytes as text, for names that no argument can carry.

use std::fmt::Write;

/// Bytes in hexadecimal, as the cast's role `named` takes them.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}
