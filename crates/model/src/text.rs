//! Text that another process chose, kept as bytes until it is shown.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that another process chose: a name, a path, an argument.
///
/// The bytes need not be UTF-8 and may hold terminal escapes, newlines or bidirectional controls.
/// [`fmt::Display`] and serde both give the *shown* form, in which every such byte is visible as an
/// escape, so that no face can print the raw bytes by accident. No two texts have one shown form: serde
/// reads it back to the same bytes.
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
    /// C0 controls and DEL become `\n`, `\t` or `\x1b`, C1 controls, bidirectional and invisible formatting
    /// characters `\u{202e}`, bytes that are not UTF-8 `\xff`, and a backslash `\\`.
    pub fn shown(&self) -> String {
        let mut out = String::with_capacity(self.0.len());
        for chunk in self.0.utf8_chunks() {
            if chunk.valid().bytes().all(|byte| matches!(byte, b' '..=b'[' | b']'..=b'~')) {
                out.push_str(chunk.valid());
            } else {
                chunk.valid().chars().for_each(|c| push_shown(&mut out, c));
            }
            for byte in chunk.invalid() {
                push(&mut out, format_args!("\\x{byte:02x}"));
            }
        }
        out
    }

    /// The text of which this is the shown form. What no shown form holds stands for itself: a backslash that
    /// escapes nothing, as in snapshots of older versions.
    pub fn from_shown(shown: &str) -> Self {
        let mut bytes = Vec::with_capacity(shown.len());
        let mut rest = shown;
        while let Some((plain, escape)) = rest.split_once('\\') {
            bytes.extend_from_slice(plain.as_bytes());
            rest = unescape(escape, &mut bytes).unwrap_or_else(|| {
                bytes.push(b'\\');
                escape
            });
        }
        bytes.extend_from_slice(rest.as_bytes());
        Self(bytes.into())
    }

    /// The text where it is UTF-8 and nothing in it acts unseen: what may be printed, and typed again, as it is.
    pub fn plain(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok().filter(|text| !text.chars().any(acts))
    }

    /// The text to look for words in, what is no UTF-8 replaced; never for printing.
    pub fn lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

/// Reads the escape after a backslash, as `push_shown` writes it, and gives what follows; `None` where it writes none such.
fn unescape<'a>(escape: &'a str, bytes: &mut Vec<u8>) -> Option<&'a str> {
    let mut letters = escape.chars();
    match letters.next()? {
        '\\' => bytes.push(b'\\'),
        'n' => bytes.push(b'\n'),
        't' => bytes.push(b'\t'),
        'r' => bytes.push(b'\r'),
        'x' => {
            let byte = u8::try_from(number(escape.get(1..3)?)?).ok()?;
            let written = byte.is_ascii_control() || !byte.is_ascii();
            bytes.push(Some(byte).filter(|_| written)?);
            return escape.get(3..);
        }
        'u' => {
            let (digits, rest) = letters.as_str().strip_prefix('{')?.split_once('}')?;
            let c = char::from_u32(number(digits)?).filter(|c| !c.is_ascii() && acts(*c))?;
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(rest);
        }
        _ => return None,
    }
    Some(letters.as_str())
}

/// Hexadecimal digits as an escape writes them.
fn number(digits: &str) -> Option<u32> {
    let written = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    u32::from_str_radix(digits, 16).ok().filter(|_| written)
}

fn push_shown(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        '\\' => out.push_str("\\\\"),
        c if c.is_ascii_control() => push(out, format_args!("\\x{:02x}", u32::from(c))),
        c if acts(c) => push(out, format_args!("\\u{{{:x}}}", u32::from(c))),
        c => out.push(c),
    }
}

fn push(out: &mut String, escape: fmt::Arguments<'_>) {
    use fmt::Write as _;
    // A string takes whatever is written.
    let _ = out.write_fmt(escape);
}

/// A sentence with everything in it that could act on a terminal or a page made visible, as [`Text::shown`] does it; a backslash
/// stays as it is, since what the sentence quotes may be in its shown form already.
///
/// It is the last door before a terminal: what comes to it raw, such as the error of a library that repeats what it was given,
/// leaves it inert, and what was inert leaves it unchanged.
pub fn inert(sentence: &str) -> Cow<'_, str> {
    if sentence.bytes().all(|byte| matches!(byte, b' '..=b'~')) || !sentence.chars().any(acts) {
        return sentence.into();
    }
    let mut out = String::with_capacity(sentence.len() + 16);
    for c in sentence.chars() {
        if c == '\\' { out.push(c) } else { push_shown(&mut out, c) }
    }
    out.into()
}

/// True for a character that does something to a terminal or a page instead of being seen on it: a control character, or one that
/// changes how its neighbours are drawn.
pub fn acts(c: char) -> bool {
    c.is_control() || acts_unseen(c)
}

/// Characters that change how their neighbours are drawn, or are drawn as nothing: what Unicode calls default ignorable (soft
/// hyphen, fillers, zero-width characters, variation selectors, tags), bidirectional controls (UAX #9), line separators, the blank
/// of Braille, interlinear annotation, and noncharacters, which no text that is exchanged holds.
fn acts_unseen(c: char) -> bool {
    // Nearly all that comes by is below the first of them.
    c >= '\u{ad}'
        && matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{fffe}'..='\u{ffff}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
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

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self.raw()
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
        Cow::<str>::deserialize(deserializer).map(|shown| Self::from_shown(&shown))
    }
}

impl schemars::JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
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
    use super::{Text, acts, inert};

    /// One of every kind that is seen by nobody and does something all the same.
    const UNSEEN: &str = "\u{0}\u{7}\u{8}\u{b}\u{1b}\u{7f}\u{85}\u{9b}\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{180e}\u{200b}\u{200d}\
        \u{200e}\u{2028}\u{2029}\u{202a}\u{202e}\u{2060}\u{2066}\u{2069}\u{2800}\u{3164}\u{fdd0}\u{fe00}\u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{fffb}\
        \u{1d173}\u{e0001}\u{e0041}\u{e0100}\u{e01ef}";

    #[test]
    fn nothing_unseen_is_left_in_a_text_or_a_sentence() {
        for c in UNSEEN.chars() {
            assert!(acts(c), "{c:?}");
            let raw = format!("a{c}b");
            for shown in [Text::from(raw.as_str()).shown(), inert(&raw).into_owned()] {
                assert!(!shown.chars().any(acts) && shown.contains('\\'), "{c:?} {shown}");
                assert_eq!(Text::from_shown(&shown).raw(), raw.as_bytes());
            }
            assert_eq!(Text::from(raw.as_str()).plain(), None);
        }
    }

    #[test]
    fn a_sentence_that_is_inert_stays_as_it_is() {
        let quoted = format!("Port 80 is held by {} in C:\\new.", Text::new(b"a\x1b[2J\\"));
        assert_eq!(inert(&quoted), quoted);
        assert_eq!(inert("größe \u{1b}]8;;x\u{7} 日本\nhint: x"), "größe \\x1b]8;;x\\x07 日本\\nhint: x");
    }

    #[test]
    fn escapes_are_made_visible() {
        assert_eq!(Text::new(b"a\x1b[31mb\nc").shown(), "a\\x1b[31mb\\nc");
        assert_eq!(Text::from("x\u{9b}31m").shown(), "x\\u{9b}31m");
        assert_eq!(Text::from("file\u{202e}gpj.exe").shown(), "file\\u{202e}gpj.exe");
    }

    #[test]
    fn bytes_that_are_no_utf8_are_named() {
        assert_eq!(Text::new(b"caf\xe9 \xff").shown(), "caf\\xe9 \\xff");
    }

    #[test]
    fn no_two_texts_look_alike() {
        let pairs: [(&[u8], &[u8]); 3] = [(b"\\n", b"\n"), (b"\x9b", "\u{9b}".as_bytes()), ("\u{202e}".as_bytes(), b"\\u{202e}")];
        for (one, other) in pairs {
            assert_ne!(Text::new(one).shown(), Text::new(other).shown());
        }
        assert_eq!(Text::from("C:\\new").shown(), "C:\\\\new");
    }

    /// Bytes that come close to escapes, in every mixture that a small generator of its own makes of them.
    #[test]
    fn any_bytes_cross_json_and_come_back() {
        let parts: [&[u8]; 16] = [
            b"\\",
            b"n",
            b"x",
            b"1b",
            b"ff",
            b"u{",
            b"202e",
            b"}",
            b"\n",
            b"\x1b",
            b"\xff",
            b"\xc3",
            b"\xa9",
            "\u{9b}".as_bytes(),
            "\u{202e}".as_bytes(),
            "\u{fc}".as_bytes(),
        ];
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for round in 0..20_000 {
            let mut bytes = Vec::new();
            for _ in 0..next() % 9 {
                match parts.get(usize::try_from(next() % 24).unwrap()) {
                    Some(part) => bytes.extend_from_slice(part),
                    None => bytes.extend_from_slice(&next().to_le_bytes()[..2]),
                }
            }
            let text = Text::new(&bytes);
            let shown = text.shown();
            assert!(Text::from(shown.as_str()).plain().is_some(), "{round}: {shown}");
            let back: Text = serde_json::from_str(&serde_json::to_string(&text).unwrap()).unwrap();
            assert_eq!(back.raw(), bytes, "{round}: {shown}");
            assert_eq!(back.shown(), shown);
        }
    }

    #[test]
    fn what_no_shown_form_holds_stands_for_itself() {
        for odd in ["C:\\Users", "\\", "a\\x4", "\\x41", "\\xFF", "\\u{41}", "\\u{202e", "\\u{110000}", "\\x+1"] {
            assert_eq!(Text::from_shown(odd).raw(), odd.as_bytes(), "{odd}");
        }
    }

    #[test]
    fn ordinary_text_is_untouched() {
        assert_eq!(Text::from("größe (deleted) 日本").shown(), "größe (deleted) 日本");
    }
}
