//! From bytes to text: whichever way an editor wrote it.

use super::{Fault, Problem};

/// The text of a file: UTF-8 with or without its mark, or UTF-16 as Windows' editors write it.
///
/// # Errors
///
/// The place where it is neither.
pub fn decoded(bytes: &[u8]) -> Result<String, Fault> {
    let wide = |rest: &[u8], order: fn([u8; 2]) -> u16| {
        let (pairs, odd) = rest.as_chunks::<2>();
        let read: Result<String, _> = char::decode_utf16(pairs.iter().map(|pair| order(*pair))).collect();
        match read {
            Ok(text) if odd.is_empty() => Ok(text),
            _ => Err(Fault { line: 1, column: 1, problem: Problem::Text, fix: None }),
        }
    };
    match bytes {
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        // A first letter of ASCII, in two bytes.
        [first, 0, ..] if *first != 0 => wide(bytes, u16::from_le_bytes),
        [0, first, ..] if *first != 0 => wide(bytes, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => narrow(rest),
        _ => narrow(bytes),
    }
}

fn narrow(bytes: &[u8]) -> Result<String, Fault> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| {
        let before = String::from_utf8_lossy(bytes.get(..error.valid_up_to()).unwrap_or_default());
        let (line, column) = super::fault::place(&before, before.len());
        Fault { line, column, problem: Problem::Text, fix: None }
    })
}
