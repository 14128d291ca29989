//! What a person is told to type: command lines in which a foreign name is one word whatever it holds.
//!
//! A line is a literal of this program, which may use all that a shell has, with words in its holes. There is no way from a
//! `String` to a line, so that a name can come into one as a word alone: quoted for `sh`, `bash`, `zsh` and `fish` alike.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Text, Word, inert, word::quote};

/// A command line for a shell: as it is printed, and, where it is one command, the arguments that arrive. Nothing splits it again.
#[derive(Clone, Default)]
pub struct ShellLine {
    line: String,
    argv: Vec<String>,
    unnamed: bool,
}

/// A line with its words in its holes: `shell!("psql -h {} -p {}", path, port)`.
///
/// What stands in the literal is meant for the shell as it is. A hole may be a part of a word (`u:{}:rw`), also between single
/// quotes (`'dport = :{}'`); between double quotes it takes numbers and the like.
#[macro_export]
macro_rules! shell {
    ($line:literal $(, $word:expr)* $(,)?) => {{
        const { assert!($crate::holes($line) == <[&str]>::len(&[$(stringify!($word)),*]), "each hole has its word") };
        $crate::ShellLine::filled($line, &[$($crate::Word::word(&$word)),*])
    }};
}

/// The holes of a line.
#[doc(hidden)]
pub const fn holes(line: &str) -> usize {
    let bytes = line.as_bytes();
    let (mut at, mut found) = (0, 0);
    while at + 1 < bytes.len() {
        #[expect(clippy::indexing_slicing, reason = "in a constant, where the bounds were just compared")]
        if bytes[at] == b'{' && bytes[at + 1] == b'}' {
            found += 1;
        }
        at += 1;
    }
    found
}

impl ShellLine {
    /// A line with its words in its holes, in order; [`shell!`] counts both.
    #[doc(hidden)]
    pub fn filled(line: &'static str, words: &[Text]) -> Self {
        let mut words = words.iter();
        Self::laid(line, |rest| Some((rest.strip_prefix("{}")?, words.next()?.clone())))
    }

    /// A line with words in the place of names that stand in it: `psql -h FOLDER -p PORT`.
    pub fn named(line: &'static str, words: &[(&'static str, Text)]) -> Self {
        Self::laid(line, |rest| words.iter().find_map(|(name, word)| Some((rest.strip_prefix(name)?, word.clone()))))
    }

    /// Lays out a literal; `hole` tells a hole from the literal's own letters.
    fn laid(line: &'static str, mut hole: impl FnMut(&'static str) -> Option<(&'static str, Text)>) -> Self {
        let mut out = Self::default();
        // The argument that is being read; none between two.
        let mut open: Option<String> = None;
        let (mut single, mut double, mut plain) = (false, 0, true);
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            if let Some((after, word)) = hole(rest) {
                rest = after;
                let Some(value) = word.plain() else {
                    out.unnamed = true;
                    continue;
                };
                open.get_or_insert_default().push_str(value);
                let quoted = quote(value);
                match (single, double % 2) {
                    (true, _) if quoted == value => out.line.push_str(value),
                    (true, _) => out.line.extend(["'", &quoted, "'"]),
                    (false, 0) => out.line.push_str(&quoted),
                    // Of the shell's own signs none is among these.
                    (false, _) if quoted == value => out.line.push_str(value),
                    (false, _) => out.unnamed = true,
                }
                continue;
            }
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            out.line.push(c);
            match c {
                '\'' if double % 2 == 0 => {
                    single = !single;
                    let _ = open.get_or_insert_default();
                }
                c if single => open.get_or_insert_default().push(c),
                ' ' => out.argv.extend(open.take()),
                '"' => (double, plain) = (double + 1, false),
                c => {
                    plain &= !SIGNS.contains(c);
                    open.get_or_insert_default().push(c);
                }
            }
        }
        out.argv.extend(open);
        if !plain {
            out.argv.clear();
        }
        out
    }

    /// The same with one word more.
    #[must_use]
    pub fn word(self, word: impl Word) -> Self {
        self.followed(Self::filled("{}", &[word.word()]))
    }

    /// The same with one word more that is no option, whatever it begins with.
    #[must_use]
    pub fn operand(self, word: impl Word) -> Self {
        let dashed = word.word().raw().starts_with(b"-");
        if dashed { self.then("--").word(word) } else { self.word(word) }
    }

    /// The same with more of this program's own words.
    #[must_use]
    pub fn then(self, words: &'static str) -> Self {
        self.followed(words.into())
    }

    /// The same with `sudo ` before it, or with nothing.
    #[must_use]
    pub fn behind(self, sudo: &'static str) -> Self {
        if sudo.is_empty() { self } else { Self::from(sudo.trim_end()).followed(self) }
    }

    fn followed(mut self, next: Self) -> Self {
        let one = (self.line.is_empty() || !self.argv.is_empty()) && (next.line.is_empty() || !next.argv.is_empty());
        if !self.line.is_empty() && !next.line.is_empty() {
            self.line.push(' ');
        }
        self.line.push_str(&next.line);
        self.argv.extend(next.argv);
        if !one {
            self.argv.clear();
        }
        self.unnamed |= next.unnamed;
        self
    }

    /// A line that was read back, with its arguments where they are what it says.
    pub(crate) fn with_arguments(self, argv: &[String]) -> Self {
        let quoted = argv.iter().fold(Self::default(), Self::word);
        let mut letters = quoted.line.chars().filter(|c| !QUOTES.contains(*c));
        let alike = letters.by_ref().eq(self.line.chars().filter(|c| !QUOTES.contains(*c)));
        if alike { Self { argv: quoted.argv, ..self } } else { self }
    }

    /// As it is typed.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The arguments that arrive, the program's name first; empty where the line is more than one command.
    pub fn argv(&self) -> &[String] {
        &self.argv
    }

    /// The line, where every word of it can be typed: none holds a control character, what nobody sees, or bytes that are no text.
    /// No other line is ever told, since it would name another thing.
    pub fn typeable(self) -> Option<Self> {
        (!self.unnamed).then_some(self)
    }
}

/// Around or before a letter of an argument; a literal of this program may put them elsewhere than a word of it would have them.
const QUOTES: &str = "'\\";
/// What is not a letter of an argument where no quotes stand around it.
const SIGNS: &str = "|&;<>()$`\\\"*?[]~#!{}";

impl From<&'static str> for ShellLine {
    fn from(line: &'static str) -> Self {
        Self::laid(line, |_| None)
    }
}

/// Two lines are one where the same is typed.
impl PartialEq for ShellLine {
    fn eq(&self, other: &Self) -> bool {
        self.line == other.line
    }
}

impl Eq for ShellLine {}

impl PartialEq<str> for ShellLine {
    fn eq(&self, other: &str) -> bool {
        self.line == other
    }
}

macro_rules! crosses_as_a_string {
    ($kind:ident, $field:tt) => {
        impl std::ops::Deref for $kind {
            type Target = str;

            fn deref(&self) -> &str {
                &self.$field
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.$field)
            }
        }

        impl fmt::Debug for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.$field, f)
            }
        }

        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.$field)
            }
        }

        impl schemars::JsonSchema for $kind {
            fn schema_name() -> Cow<'static, str> {
                stringify!($kind).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string" })
            }
        }
    };
}

crosses_as_a_string!(ShellLine, line);
pub(crate) use crosses_as_a_string;

/// A line that somebody else wrote down is shown, and has no arguments.
impl<'de> Deserialize<'de> for ShellLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let line = Cow::<str>::deserialize(deserializer)?;
        Ok(Self { line: inert(&line).into_owned(), ..Self::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::ShellLine;
    use crate::Text;

    #[test]
    fn a_word_is_one_word_whatever_it_holds() {
        let typed = |word: &str| shell!("psql -h {} -p {}", word, 5432_u16).line().to_owned();
        assert_eq!(typed("/run/x"), "psql -h /run/x -p 5432");
        for (word, quoted) in [
            ("$(id)", "'$(id)'"),
            ("a'b c", "'a'\\''b c'"),
            ("a\\b", "'a'\\\\'b'"),
            ("'", "''\\'''"),
            ("", "''"),
            ("=ls", "'=ls'"),
            ("%1", "'%1'"),
            ("~", "'~'"),
            ("[::1]:80", "'[::1]:80'"),
        ] {
            assert_eq!(typed(word), format!("psql -h {quoted} -p 5432"));
        }
        assert_eq!(shell!("psql -h {} -p {}", "a;id", 1_u16).argv(), ["psql", "-h", "a;id", "-p", "1"]);
    }

    #[test]
    fn a_hole_may_be_a_part_of_a_word() {
        let line = shell!("sudo setfacl -m u:{}:rw {}", "o'k", Text::from("/a b"));
        assert_eq!(line.line(), "sudo setfacl -m u:'o'\\''k':rw '/a b'");
        assert_eq!(line.argv(), ["sudo", "setfacl", "-m", "u:o'k:rw", "/a b"]);
        let line = shell!("ss -K 'sport = :{}'", 80_u16);
        assert_eq!((line.line(), line.argv()), ("ss -K 'sport = :80'", ["ss", "-K", "sport = :80"].map(String::from).as_slice()));
        assert_eq!(shell!("gdb -ex 'target {} now'", "a b").line(), "gdb -ex 'target ''a b'' now'");
    }

    #[test]
    fn what_is_more_than_one_command_has_no_arguments() {
        let several = shell!("ip -6 route get {}; ip route show", "a b");
        assert_eq!(several.line(), "ip -6 route get 'a b'; ip route show");
        assert!(several.argv().is_empty());
        assert!(ShellLine::from("docker rm $(docker ps -aq)").argv().is_empty());
        assert!(ShellLine::from("x </dev/null").word("a").argv().is_empty());
    }

    #[test]
    fn lines_grow_by_words() {
        let line = ShellLine::from("systemctl --user").then("enable --now").word("a b.service").behind("sudo ");
        assert_eq!(line.line(), "sudo systemctl --user enable --now 'a b.service'");
        assert_eq!(line.argv(), ["sudo", "systemctl", "--user", "enable", "--now", "a b.service"]);
        assert_eq!(ShellLine::from("docker stop").operand("-rf").line(), "docker stop -- -rf");
        assert_eq!(ShellLine::from("docker stop").operand("web").line(), "docker stop web");
        assert_eq!(ShellLine::named("mysql --socket PATH", &[("PATH", "a;id".into())]).line(), "mysql --socket 'a;id'");
    }

    #[test]
    fn what_cannot_be_typed_is_no_line() {
        for bytes in [b"a\nb".as_slice(), b"\xff", "a\u{202e}".as_bytes(), "\u{ad}".as_bytes()] {
            assert_eq!(shell!("rm -- {}", Text::new(bytes)).typeable(), None);
        }
        assert_eq!(shell!("powershell.exe -Command \"x {}\"", "$(id)").typeable(), None);
        assert!(shell!("powershell.exe -Command \"x {}\"", 80_u16).typeable().is_some());
        assert!(shell!("rm -- {}", "/a b").typeable().is_some());
    }

    #[test]
    fn a_line_from_elsewhere_is_inert_and_runs_nothing() {
        let line: ShellLine = serde_json::from_str("\"rm \\u001b[2J\\nx\"").unwrap();
        assert_eq!((line.line(), line.argv().len()), ("rm \\x1b[2J\\nx", 0));
    }
}
