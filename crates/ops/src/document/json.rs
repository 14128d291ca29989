//! JSON text that is safe to print on a terminal.

use std::io::{self, BufWriter, IntoInnerError, Write};

use portward_model::acts;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Writes a value as one line of JSON. Characters that would act on a terminal even inside a JSON string (DEL, the
/// C1 controls, bidirectional controls and characters that nobody sees) are written as `\u` escapes, which parse back to the same text.
pub fn write_json<T: Serialize + ?Sized>(value: &T, out: &mut dyn Write) -> io::Result<()> {
    // A long document is a million small pieces, gathered here where the compiler sees both sides, not each sent through a pointer.
    let mut gathered = BufWriter::with_capacity(GATHERED, out);
    value.serialize(&mut Serializer::with_formatter(&mut gathered, Printable))?;
    gathered.into_inner().map(drop).map_err(IntoInnerError::into_error)
}

const GATHERED: usize = 16 * 1024;

struct Printable;

impl Formatter for Printable {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // All that acts unseen is DEL or outside ASCII.
        if fragment.is_ascii() && !fragment.contains('\u{7f}') {
            return writer.write_all(fragment.as_bytes());
        }
        let mut plain = fragment;
        while let Some((at, bad)) = plain.char_indices().find(|(_, c)| acts(*c)) {
            let (before, rest) = plain.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut units = [0u16; 2];
            for unit in bad.encode_utf16(&mut units) {
                write!(writer, "\\u{unit:04x}")?;
            }
            plain = rest.strip_prefix(bad).unwrap_or_default();
        }
        writer.write_all(plain.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::write_json;

    #[test]
    fn controls_are_escaped_and_come_back() {
        let text = "a\u{9b}31m\u{202e}b\u{7f}\u{e0041}ü\n\u{1b}";
        let mut out = Vec::new();
        write_json(text, &mut out).unwrap();
        let written = String::from_utf8(out).unwrap();
        assert_eq!(written, "\"a\\u009b31m\\u202eb\\u007f\\udb40\\udc41ü\\n\\u001b\"");
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }
}
