//! Text that another process chose, kept as bytes until it is shown.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that another process chose: a name, a path, an argument.
///
/// The bytes need not be UTF-8 and may hold terminal escapes, newlines or bidirectional controls.
/// [`fmt::Display`] and serde both give the *shown* form, in which every such byte is visible as an
/// escape, so that no face can print the raw bytes by accident.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(Box<[u8]>);

impl Text {
    /// Wraps bytes as they came from the kernel.
    pub fn new(bytes: impl AsRef<[u8]>) -> Self {
        Self(bytes.as_ref().into())
    }

    /// The bytes as they came, for comparing and for handing back to the kernel; never for printing.
    pub fn raw(&self) -> &[u8] {
        &self.0
    }

    /// True when there are no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text with everything that could act on a terminal or a page made visible.
    ///
    /// Control characters (C0, DEL, C1), bidirectional and invisible formatting characters become
    /// `\n`, `\t`, `\x1b` or `\u{202e}`; bytes that are not UTF-8 become `\xff`.
    pub fn shown(&self) -> String {
        let mut out = String::with_capacity(self.0.len());
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                push_shown(&mut out, c);
            }
            for byte in chunk.invalid() {
                push(&mut out, format_args!("\\x{byte:02x}"));
            }
        }
        out
    }
}

fn push_shown(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        c if c.is_control() => push(out, format_args!("\\x{:02x}", u32::from(c))),
        c if acts_unseen(c) => push(out, format_args!("\\u{{{:x}}}", u32::from(c))),
        c => out.push(c),
    }
}

fn push(out: &mut String, escape: fmt::Arguments<'_>) {
    use fmt::Write as _;
    // A string takes whatever is written.
    let _ = out.write_fmt(escape);
}

/// Characters that change how their neighbours are drawn without being seen themselves: bidirectional
/// controls (UAX #9), zero-width characters, line separators, tags and the byte order mark.
fn acts_unseen(c: char) -> bool {
    matches!(c,
        '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.shown())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.shown())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.shown())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl schemars::JsonSchema for Text {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Text".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn escapes_are_made_visible() {
        assert_eq!(Text::new(b"a\x1b[31mb\nc").shown(), "a\\x1b[31mb\\nc");
        assert_eq!(Text::from("x\u{9b}31m").shown(), "x\\x9b31m");
        assert_eq!(Text::from("file\u{202e}gpj.exe").shown(), "file\\u{202e}gpj.exe");
    }

    #[test]
    fn bytes_that_are_no_utf8_are_named() {
        assert_eq!(Text::new(b"caf\xe9 \xff").shown(), "caf\\xe9 \\xff");
    }

    #[test]
    fn ordinary_text_is_untouched() {
        assert_eq!(Text::from("größe (deleted) 日本").shown(), "größe (deleted) 日本");
    }
}
